/**
 * What can be wrong with settings that are valid one by one: pure, over the settings alone.
 *
 * Each check is one row of `SETTINGS_CHECKS`; tests/unit/doctor.test.ts has a case for every id.
 */
import { tlsOf } from '../shared/database-url.js';
import { fail, warn } from './finding.js';
import type { Check } from './finding.js';

/** What the doctor looks at of the service's settings. */
export interface DoctorSettings {
  readonly database: { readonly url: string; readonly syncUrl: string; readonly connections: number };
  readonly engine: {
    readonly url: string;
    readonly storeId: string;
    readonly token: string | undefined;
    readonly ca: string | undefined;
    readonly timeoutMs: number;
  };
  readonly http: { readonly host: string; readonly requestTimeoutMs: number };
  readonly callers: {
    readonly issuers: readonly { readonly algorithms: readonly string[]; readonly jwksUri?: string | undefined }[];
    readonly trustLoopback: boolean;
    readonly gatewaySecret: string | undefined;
  };
  readonly signIn: { readonly issuer: string; readonly bootstrapToken: string | undefined } | undefined;
  readonly audit: { readonly key: string | undefined; readonly checkpointFile: string | undefined };
  readonly syncWaitMs: number;
  readonly reconcileSeconds: number;
  readonly mail: { readonly mailboxDir: string | undefined };
}

/** The settings, and where they hold. */
export interface SettingsFacts {
  readonly settings: DoctorSettings;
  /** Whether this runs in a Kubernetes pod. */
  readonly inPod: boolean;
  /** What the file system says to the checkpoint file; undefined where it can be appended to, or is none. */
  readonly checkpointFault: string | undefined;
}

/** Whether a host is this machine, so that nobody listens on the way. */
export function isLoopback(host: string): boolean {
  return host === '' || /^(localhost|127\.\d+\.\d+\.\d+|\[?::1\]?)$/.test(host) || host.startsWith('/');
}

/** A host of the same pod or of a socket is written as the loopback address; everything else crosses a network. */
const crossesNetwork = (url: string): boolean => !isLoopback(new URL(url).hostname);
const isPlain = (url: string): boolean => new URL(url).protocol === 'http:' && crossesNetwork(url);

/** Every check of the settings, in the order in which they are told. */
export const SETTINGS_CHECKS: readonly Check<SettingsFacts>[] = [
  ({ settings: { callers, http } }) =>
    callers.trustLoopback && !isLoopback(http.host)
      ? warn(
          'loopback-is-trusted',
          'identity headers are believed from whoever is on this machine',
          'behind a proxy on the same machine everybody is: set BAILIWICK_GATEWAY_SECRET instead of BAILIWICK_TRUST_LOOPBACK',
        )
      : undefined,
  ({ settings: { callers } }) =>
    callers.issuers.some(({ algorithms }) => algorithms.some((name) => /^(hs\d+|none)$/i.test(name)))
      ? fail(
          'issuer-algorithm-symmetric',
          'an issuer of BAILIWICK_TOKEN_ISSUERS may sign with a shared secret, or not at all',
          'name asymmetric algorithms alone, such as RS256, ES256 or EdDSA',
        )
      : undefined,
  ({ settings: { callers } }) =>
    callers.issuers.some(({ jwksUri }) => jwksUri !== undefined && isPlain(jwksUri))
      ? fail(
          'issuer-keys-in-the-clear',
          'the keys of an issuer are fetched over plain http',
          'give an https:// address as jwksUri: who is on the way could put keys of their own in',
        )
      : undefined,
  ({ settings: { signIn } }) =>
    signIn !== undefined && isPlain(signIn.issuer)
      ? warn(
          'issuer-in-the-clear',
          'BAILIWICK_ISSUER is an http:// address: passwords and tokens would cross the network in the clear',
          'put TLS in front, and name the https:// address',
        )
      : undefined,
  ({ settings: { audit } }) =>
    audit.key === undefined
      ? warn(
          'audit-not-signed',
          'the audit log is sealed and not signed: who owns the database could rewrite all of it',
          'set BAILIWICK_AUDIT_KEY (openssl rand -base64 32), the same on every replica, and give auditors its public half',
        )
      : undefined,
  ({ settings: { audit } }) =>
    audit.key !== undefined && audit.checkpointFile === undefined
      ? warn(
          'checkpoints-kept-in-log-alone',
          'signed checkpoints go to the log alone',
          'ship the log to where the database’s owner cannot write, or set BAILIWICK_AUDIT_CHECKPOINT_FILE on such a volume',
        )
      : undefined,
  ({ checkpointFault }) =>
    checkpointFault === undefined
      ? undefined
      : fail(
          'checkpoint-file-not-writable',
          `BAILIWICK_AUDIT_CHECKPOINT_FILE cannot be appended to: ${checkpointFault}`,
          'mount a volume there, and let the user of the service write to it',
        ),
  ({ settings: { database } }) =>
    [database.url, database.syncUrl].some((url) => crossesNetwork(url) && tlsOf(url) === 'unverified')
      ? warn(
          'database-not-verified',
          'a connection to Postgres is encrypted to whoever answers: who is on the way can read and alter it',
          'say `sslmode=verify-full&sslrootcert=FILE` in DATABASE_URL and BAILIWICK_SYNC_DATABASE_URL',
        )
      : undefined,
  ({ settings: { engine } }) =>
    isPlain(engine.url)
      ? warn(
          'engine-in-the-clear',
          'OpenFGA is asked over plain http across a network',
          'use https:// (BAILIWICK_OPENFGA_CA_FILE names a private authority), or keep both in one pod and ask by 127.0.0.1',
        )
      : undefined,
  ({ settings: { engine } }) =>
    engine.token === undefined && crossesNetwork(engine.url)
      ? warn(
          'engine-without-key',
          'OpenFGA is asked without a preshared key: whoever reaches it may write tuples',
          'give OpenFGA OPENFGA_AUTHN_METHOD=preshared and a key, and the same key to BAILIWICK_OPENFGA_TOKEN',
        )
      : undefined,
  ({ settings: { http }, inPod }) =>
    inPod && isLoopback(http.host)
      ? fail(
          'listens-on-loopback-in-pod',
          'the service listens on the loopback address of its pod: probes and other pods cannot reach it',
          'set BAILIWICK_HOST=0.0.0.0; as a sidecar without probes from outside this is as it should be',
        )
      : undefined,
  ({ settings: { engine, http } }) =>
    engine.timeoutMs >= http.requestTimeoutMs
      ? warn(
          'engine-timeout-beyond-request',
          'one engine call may take longer than the whole request',
          'set BAILIWICK_ENGINE_TIMEOUT_MS below BAILIWICK_REQUEST_TIMEOUT_MS',
        )
      : undefined,
  ({ settings: { syncWaitMs, http } }) =>
    syncWaitMs >= http.requestTimeoutMs
      ? warn(
          'sync-wait-beyond-request',
          'a check may wait for its sync token longer than the whole request may take',
          'set BAILIWICK_SYNC_WAIT_MS below BAILIWICK_REQUEST_TIMEOUT_MS',
        )
      : undefined,
  ({ settings: { reconcileSeconds } }) =>
    reconcileSeconds === 0
      ? warn(
          'never-compared',
          'rows and tuples are never compared: drift would go unnoticed',
          'set BAILIWICK_RECONCILE_SECONDS, or run `bailiwick reconcile --dry-run` on a schedule',
        )
      : undefined,
  ({ settings: { mail } }) =>
    mail.mailboxDir === undefined
      ? undefined
      : warn(
          'mails-written-to-disk',
          'BAILIWICK_MAILBOX_DIR leaves one-time passwords on the disk',
          'leave it out in production, and set a mailer',
        ),
];
