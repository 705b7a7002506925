/**
 * What can be wrong with Postgres and with the engine, over what they said of themselves: pure.
 *
 * A part that could not be asked has one finding of its own (doctor.ts), and none of these.
 */
import type { ServerFacts, SyncFacts, TruthFacts } from './doctor-store.js';
import { fail, warn } from './finding.js';
import type { Check } from './finding.js';
import type { DoctorSettings } from './settings-findings.js';
import { isLoopback } from './settings-findings.js';

export interface DatabaseFacts {
  readonly settings: DoctorSettings & { readonly mail: { readonly secretKey: Uint8Array | undefined } };
  readonly server: ServerFacts;
  readonly truth: TruthFacts;
  readonly sync: SyncFacts;
  /** Our clock at the same moment as the server's `nowMs`. */
  readonly nowMs: number;
}

/** Besides those for requests: sync, projecting, sealing, sign-in, the feed, and one to spare. */
const OTHER_CONNECTIONS = 18;
const OLDEST_POSTGRES = 150_000;

const SERVER_CHECKS: readonly Check<DatabaseFacts>[] = [
  ({ server }) =>
    server.version < OLDEST_POSTGRES
      ? fail(
          'postgres-too-old',
          `Postgres is ${String(Math.floor(server.version / 10_000))}`,
          'use Postgres 15 or later',
        )
      : undefined,
  ({ server }) =>
    server.isSuperuser
      ? warn(
          'login-is-superuser',
          'DATABASE_URL logs in as a superuser, whom nothing binds',
          'make a login that is granted `bailiwick_service` and nothing else (README, *Running it*)',
        )
      : undefined,
  ({ server, sync, settings: { database } }) =>
    (server.isEncrypted === false && !isLoopback(new URL(database.url).hostname)) ||
    (sync.isEncrypted === false && !isLoopback(new URL(database.syncUrl).hostname))
      ? warn(
          'database-in-the-clear',
          'a connection to Postgres crosses a network without TLS',
          'append `?sslmode=verify-full&sslrootcert=FILE` to DATABASE_URL and BAILIWICK_SYNC_DATABASE_URL',
        )
      : undefined,
  ({ server }) =>
    server.unsafe.length > 0
      ? fail(
          'postgres-may-lose-commits',
          `Postgres has ${server.unsafe.join(', ')}: an acknowledged revocation may be lost in a crash`,
          'turn it on again (`alter system reset …`, then reload)',
        )
      : undefined,
  ({ server, settings }) =>
    server.maxConnections < settings.database.connections + OTHER_CONNECTIONS
      ? fail(
          'too-few-connections',
          `Postgres lets ${String(server.maxConnections)} connect, one process uses up to ${String(settings.database.connections + OTHER_CONNECTIONS)}`,
          'raise max_connections, or lower BAILIWICK_DATABASE_CONNECTIONS',
        )
      : undefined,
  ({ server, nowMs }) => {
    const skewMs = Math.abs(server.nowMs - nowMs);
    if (skewMs <= 1_000) return undefined;
    const what = `this machine’s clock and Postgres’s are ${(skewMs / 1_000).toFixed(1)} s apart`;
    const cure = 'let both keep time by NTP: windows in time and token lifetimes hang on it';
    return skewMs > 5_000 ? fail('clocks-apart', what, cure) : warn('clocks-apart', what, cure);
  },
  ({ server }) =>
    server.hasEngineTables
      ? fail(
          'engine-in-our-database',
          'OpenFGA keeps its tables in our database: whoever migrates or restores one touches the other',
          'give OpenFGA a database of its own, and let reconcile fill its new store',
        )
      : undefined,
  ({ server }) =>
    server.longTransactions.length > 0
      ? warn(
          'transaction-open-for-long',
          `a transaction has been open for over a minute (process ${server.longTransactions.join(', ')})`,
          'end it (`select pg_terminate_backend(PID)`): nothing written after it can be sealed',
        )
      : undefined,
  ({ server }) =>
    server.preparedTransactions > 0
      ? warn(
          'prepared-transaction',
          `${String(server.preparedTransactions)} prepared transactions stand open`,
          'commit or roll them back (`select gid from pg_prepared_xacts`): they hold up sealing for ever',
        )
      : undefined,
];

const TRUTH_CHECKS: readonly Check<DatabaseFacts>[] = [
  ({ truth, settings: { callers, signIn } }) =>
    truth.serviceKeys === 0 &&
    callers.issuers.length === 0 &&
    signIn === undefined &&
    callers.gatewaySecret === undefined &&
    !callers.trustLoopback
      ? fail(
          'nobody-may-ask',
          'there is no service key, no issuer, no sign-in and no trusted caller: every request is answered 401',
          '`bailiwick service-key create --name NAME`, or set BAILIWICK_TOKEN_ISSUERS',
        )
      : undefined,
  ({ truth, settings: { signIn } }) =>
    truth.platformAdmins === 0 && signIn !== undefined
      ? warn(
          'no-platform-admin',
          'there is no platform admin: no tenant can be made',
          '`bailiwick platform-admin bootstrap --email ADDRESS`',
        )
      : undefined,
  ({ truth, settings: { signIn } }) =>
    truth.platformAdmins > 0 && signIn?.bootstrapToken !== undefined
      ? warn(
          'bootstrap-token-left',
          'BAILIWICK_BOOTSTRAP_TOKEN is set, and there is a platform admin already',
          'take it out of the settings: it has done its work',
        )
      : undefined,
  ({ truth, settings: { mail, signIn } }) =>
    truth.hasMailer && mail.secretKey === undefined
      ? fail(
          'mailer-without-key',
          'a mailer is set and BAILIWICK_MAIL_SECRET_KEY is not: no mail is sent',
          'set it (`openssl rand -base64 32`), the same on every replica, and the mailer’s password once more',
        )
      : !truth.hasMailer && mail.mailboxDir === undefined && signIn !== undefined
        ? warn(
            'no-mailer',
            'no mailer is set: one-time passwords reach nobody by mail',
            '`PUT /api/v1/platform/mailer`, or let administrators read them out',
          )
        : undefined,
];

const SYNC_CHECKS: readonly Check<DatabaseFacts>[] = [
  ({ sync }) =>
    sync.hasProjector
      ? undefined
      : warn(
          'no-projector',
          'no process turns rows into tuples now: changes wait',
          'start `bailiwick serve`; where it runs, see docs/runbooks/BailiwickSyncNoProjector.md',
        ),
  ({ sync }) =>
    sync.hasSealer
      ? undefined
      : warn('no-sealer', 'no process seals the audit log now', 'start `bailiwick serve`, and look at its log'),
  ({ sync }) =>
    sync.parked > 0
      ? fail(
          'entries-parked',
          `${String(sync.parked)} changes cannot be applied; allows that they could take away are answered 503`,
          '`bailiwick outbox list --parked` says why; see docs/runbooks/BailiwickSyncParkedEntries.md',
        )
      : undefined,
  ({ sync }) =>
    sync.lagSeconds > 10
      ? fail(
          'changes-lag',
          `the oldest change has been waiting for ${sync.lagSeconds.toFixed(0)} s`,
          'see docs/runbooks/BailiwickSyncLagHigh.md',
        )
      : undefined,
];

/** Every check of the database, in the order in which they are told. */
export const DATABASE_CHECKS: readonly Check<DatabaseFacts>[] = [...SERVER_CHECKS, ...TRUTH_CHECKS, ...SYNC_CHECKS];

/** What the engine answered: to a look at its store with our key, and to the same without any. */
export interface EngineFacts {
  readonly storeId: string;
  readonly withKey: StoreAnswer;
  readonly withoutKey: StoreAnswer;
  readonly hasKey: boolean;
  /** Undefined where Postgres could not be asked. */
  readonly hasModel: boolean | undefined;
  readonly isLocal: boolean;
}

export type StoreAnswer = 'there' | 'absent' | 'refused' | 'distrusted' | 'unreachable';

/** Every check of the engine. */
export const ENGINE_CHECKS: readonly Check<EngineFacts>[] = [
  ({ withKey }) =>
    withKey === 'unreachable'
      ? fail(
          'engine-unreachable',
          'OpenFGA does not answer at BAILIWICK_OPENFGA_URL',
          'is it running, with its datastore up, and is this the HTTP port (8080) and not gRPC (8081)?',
        )
      : undefined,
  ({ withKey }) =>
    withKey === 'distrusted'
      ? fail(
          'engine-not-trusted',
          'TLS does not vouch for who answers at BAILIWICK_OPENFGA_URL',
          'name the authority that signs its certificate in BAILIWICK_OPENFGA_CA_FILE, and OpenFGA as its certificate does',
        )
      : undefined,
  ({ withKey, hasKey }) =>
    withKey === 'refused'
      ? fail(
          'engine-refuses-key',
          hasKey ? 'OpenFGA refuses our preshared key' : 'OpenFGA asks for a preshared key, and none is set',
          'set BAILIWICK_OPENFGA_TOKEN to one of OPENFGA_AUTHN_PRESHARED_KEYS',
        )
      : undefined,
  ({ withKey, storeId }) =>
    withKey === 'absent'
      ? fail(
          'store-absent',
          `OpenFGA has no store ${storeId}`,
          '`bailiwick store ensure --name bailiwick` prints one; name it in BAILIWICK_OPENFGA_STORE_ID, end all processes and start them: it is filled first',
        )
      : undefined,
  ({ withKey, withoutKey, hasKey, isLocal }) =>
    withKey === 'there' && hasKey && !isLocal && withoutKey === 'there'
      ? warn(
          'engine-asks-for-no-key',
          'OpenFGA answers without any key: whoever reaches it may write tuples',
          'set OPENFGA_AUTHN_METHOD=preshared and OPENFGA_AUTHN_PRESHARED_KEYS',
        )
      : undefined,
  ({ withKey, hasModel }) =>
    withKey === 'there' && hasModel === false
      ? warn(
          'model-not-written',
          'the store has not been given this version’s model',
          'nothing, where this version has not been started yet: `serve` writes it and fills the store first',
        )
      : undefined,
];
