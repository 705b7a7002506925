/**
 * Environment → one frozen `Config`, every fault reported at once.
 *
 * What the settings are called, and what each one means, is in src/settings.ts; besides that this imports nothing of ours.
 * INVARIANT: what would have a connection made in the clear, or unverified, by mistake is a fault. tests/unit/config.test.ts.
 */
import { readFileSync } from 'node:fs';

import { z } from 'zod';

import { DATABASE, ENGINE, SERVICE, SETTINGS, SIGN_IN } from './settings.js';
import type { issuers } from './settings.js';

export interface Config {
  readonly database: { readonly url: string; readonly syncUrl: string; readonly connections: number };
  readonly engine: {
    readonly url: string;
    readonly storeId: string;
    readonly token: string | undefined;
    /** PEM; undefined: Node's own authorities. */
    readonly ca: string | undefined;
    readonly timeoutMs: number;
    /** The engine's own limit, not ours. */
    readonly requestTimeoutMs: number;
  };
  readonly http: {
    readonly host: string;
    readonly port: number;
    readonly managementPort: number;
    readonly requestTimeoutMs: number;
  };
  readonly callers: {
    readonly issuers: z.infer<typeof issuers>;
    readonly trustLoopback: boolean;
    readonly gatewaySecret: string | undefined;
  };
  /** Undefined: nobody signs in here, and no token is issued. */
  readonly signIn:
    | {
        readonly issuer: string;
        readonly audience: string;
        readonly signingSecret: string;
        readonly domain: string | undefined;
        readonly bootstrapToken: string | undefined;
        readonly failuresPerAddress: number;
      }
    | undefined;
  readonly decisionLog: 'async' | 'strict';
  readonly audit: { readonly key: string | undefined; readonly checkpointFile: string | undefined };
  readonly syncWaitMs: number;
  /** 0: none. */
  readonly decisionCacheEntries: number;
  /** Whether checks are answered from the rows while the engine cannot. */
  readonly degraded: 'off' | 'sql';
  /** 0: never. */
  readonly reconcileSeconds: number;
  readonly logLevel: string;
  readonly mail: { readonly secretKey: Uint8Array | undefined; readonly mailboxDir: string | undefined };
}

/** Everything that is wrong with the environment, one line a setting. */
export class ConfigError extends Error {
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(`the environment is not complete:\n${faults.map((fault) => `  ${fault}`).join('\n')}`);
    this.name = 'ConfigError';
    this.faults = faults;
  }
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Reads the settings of `serve`. An empty variable counts as not set. Throws ConfigError. */
export function readConfig(environment: Environment): Config {
  const settings = parse(SETTINGS, environment);
  if (settings.BAILIWICK_MAILBOX_DIR !== undefined && environment['NODE_ENV'] === 'production') {
    throw new ConfigError(['BAILIWICK_MAILBOX_DIR is for development: it leaves one-time passwords on the disk']);
  }
  return Object.freeze({
    database: {
      url: settings.DATABASE_URL,
      syncUrl: settings.BAILIWICK_SYNC_DATABASE_URL ?? settings.DATABASE_URL,
      connections: settings.BAILIWICK_DATABASE_CONNECTIONS,
    },
    engine: {
      ...engineOf(settings),
      storeId: settings.BAILIWICK_OPENFGA_STORE_ID,
      timeoutMs: settings.BAILIWICK_ENGINE_TIMEOUT_MS,
      requestTimeoutMs: settings.BAILIWICK_OPENFGA_REQUEST_TIMEOUT_MS,
    },
    http: {
      host: settings.BAILIWICK_HOST,
      port: settings.BAILIWICK_PORT,
      managementPort: settings.BAILIWICK_MANAGEMENT_PORT,
      requestTimeoutMs: settings.BAILIWICK_REQUEST_TIMEOUT_MS,
    },
    callers: {
      issuers: settings.BAILIWICK_TOKEN_ISSUERS,
      trustLoopback: settings.BAILIWICK_TRUST_LOOPBACK === 'yes',
      gatewaySecret: settings.BAILIWICK_GATEWAY_SECRET,
    },
    signIn: signInOf(settings),
    decisionLog: settings.BAILIWICK_DECISION_LOG,
    audit: { key: settings.BAILIWICK_AUDIT_KEY, checkpointFile: settings.BAILIWICK_AUDIT_CHECKPOINT_FILE },
    syncWaitMs: settings.BAILIWICK_SYNC_WAIT_MS,
    decisionCacheEntries: settings.BAILIWICK_DECISION_CACHE_ENTRIES,
    degraded: settings.BAILIWICK_DEGRADED,
    reconcileSeconds: settings.BAILIWICK_RECONCILE_SECONDS,
    logLevel: settings.BAILIWICK_LOG_LEVEL,
    mail: { secretKey: settings.BAILIWICK_MAIL_SECRET_KEY, mailboxDir: settings.BAILIWICK_MAILBOX_DIR },
  });
}

/** All three of what our tokens stand on, or none: half of it would sign what nobody verifies. Throws ConfigError. */
function signInOf(settings: z.infer<typeof SETTINGS>): Config['signIn'] {
  const { BAILIWICK_ISSUER: issuer, BAILIWICK_AUDIENCE: audience, BAILIWICK_SIGNING_SECRET: signingSecret } = settings;
  if (issuer === undefined || audience === undefined || signingSecret === undefined) {
    if ((issuer ?? audience ?? signingSecret) === undefined) return undefined;
    const needed = ['BAILIWICK_ISSUER', 'BAILIWICK_AUDIENCE', 'BAILIWICK_SIGNING_SECRET'] as const;
    const missing = needed.filter((name) => settings[name] === undefined);
    throw new ConfigError(missing.map((name) => `${name} is not set, and others that go with it are`));
  }
  const { BAILIWICK_SIGN_IN_DOMAIN: domain, BAILIWICK_BOOTSTRAP_TOKEN: bootstrapToken } = settings;
  const most = settings.BAILIWICK_SIGN_IN_FAILURES_PER_ADDRESS;
  return { issuer, audience, signingSecret, domain, bootstrapToken, failuresPerAddress: most };
}

/** What the operating commands need: both stores. `databaseUrl` undefined takes libpq's PG* variables. */
export interface OperatorConfig {
  readonly databaseUrl: string | undefined;
  readonly engine: Pick<Config['engine'], 'url' | 'storeId' | 'token' | 'ca'>;
}

/**
 * Reads the settings of the operating commands: those of `serve`, or else what `npm run -s env` prints (`PGHOST` …,
 * `OPENFGA_API_URL`, `OPENFGA_STORE_ID`). Throws ConfigError.
 */
export function readOperatorConfig(environment: Environment): OperatorConfig {
  const withFallbacks = {
    ...environment,
    BAILIWICK_OPENFGA_URL: environment['BAILIWICK_OPENFGA_URL'] ?? environment['OPENFGA_API_URL'],
    BAILIWICK_OPENFGA_STORE_ID: environment['BAILIWICK_OPENFGA_STORE_ID'] ?? environment['OPENFGA_STORE_ID'],
  };
  const hasPgVariables = environment['PGHOST'] !== undefined && environment['PGDATABASE'] !== undefined;
  const databaseUrl = hasPgVariables ? DATABASE.DATABASE_URL.optional() : DATABASE.DATABASE_URL;
  const settings = parse(z.object({ ...ENGINE, DATABASE_URL: databaseUrl }), withFallbacks);
  return {
    databaseUrl: settings.DATABASE_URL ?? urlOfPgVariables(environment),
    engine: { ...engineOf(settings), storeId: settings.BAILIWICK_OPENFGA_STORE_ID },
  };
}

/** What the commands of the signing keys need: the service's own login, and the secret that the keys are sealed with. */
export interface KeysConfig {
  readonly databaseUrl: string | undefined;
  readonly signingSecret: string;
}

/** Reads the settings of the commands of the signing keys. Throws ConfigError. */
export function readKeysConfig(environment: Environment): KeysConfig {
  const { BAILIWICK_SIGNING_SECRET } = SIGN_IN;
  const settings = parse(
    z.object({ DATABASE_URL: DATABASE.DATABASE_URL.optional(), BAILIWICK_SIGNING_SECRET }),
    environment,
  );
  const { DATABASE_URL: url, BAILIWICK_SIGNING_SECRET: signingSecret } = settings;
  if (signingSecret === undefined) throw new ConfigError(['BAILIWICK_SIGNING_SECRET is not set']);
  return { databaseUrl: url ?? urlOfPgVariables(environment), signingSecret };
}

/** What the audit commands need; `databaseUrl` undefined takes libpq's PG* variables. */
export interface AuditConfig {
  readonly databaseUrl: string | undefined;
  readonly key: string | undefined;
  readonly publicKey: string | undefined;
  readonly checkpointFile: string | undefined;
}

/** Reads the settings of the audit commands. Offline ones need none of them. Throws ConfigError. */
export function readAuditConfig(environment: Environment): AuditConfig {
  const { BAILIWICK_AUDIT_KEY, BAILIWICK_AUDIT_CHECKPOINT_FILE } = SERVICE;
  const schema = z.object({
    DATABASE_URL: DATABASE.DATABASE_URL.optional(),
    BAILIWICK_AUDIT_PUBLIC_KEY: z.string().optional(),
    BAILIWICK_AUDIT_KEY,
    BAILIWICK_AUDIT_CHECKPOINT_FILE,
  });
  const settings = parse(schema, environment);
  return {
    databaseUrl: settings.DATABASE_URL ?? urlOfPgVariables(environment),
    key: settings.BAILIWICK_AUDIT_KEY,
    publicKey: settings.BAILIWICK_AUDIT_PUBLIC_KEY,
    checkpointFile: settings.BAILIWICK_AUDIT_CHECKPOINT_FILE,
  };
}

/** Where the engine is, for what comes before there is a store. Throws ConfigError. */
export function readEngineAddress(environment: Environment): {
  readonly url: string;
  readonly apiToken: string | undefined;
  readonly ca: string | undefined;
} {
  const { BAILIWICK_OPENFGA_URL, BAILIWICK_OPENFGA_TOKEN, BAILIWICK_OPENFGA_CA } = ENGINE;
  const shape = { BAILIWICK_OPENFGA_URL, BAILIWICK_OPENFGA_TOKEN, BAILIWICK_OPENFGA_CA };
  const { url, token: apiToken, ca } = engineOf(parse(z.object(shape), environment));
  return { url, apiToken, ca };
}

/** Whoever names an authority means to be protected by it: plain http beside it is a fault. Throws ConfigError. */
function engineOf(settings: {
  readonly BAILIWICK_OPENFGA_URL: string;
  readonly BAILIWICK_OPENFGA_TOKEN?: string | undefined;
  readonly BAILIWICK_OPENFGA_CA?: string | undefined;
}): Pick<Config['engine'], 'url' | 'token' | 'ca'> {
  const { BAILIWICK_OPENFGA_URL: url, BAILIWICK_OPENFGA_TOKEN: token, BAILIWICK_OPENFGA_CA: ca } = settings;
  if (ca !== undefined && new URL(url).protocol !== 'https:') {
    throw new ConfigError(['BAILIWICK_OPENFGA_CA is set, and BAILIWICK_OPENFGA_URL is not an https:// URL']);
  }
  return { url, token, ca };
}

/** Reads the URL that `migrate` connects with. Throws ConfigError. */
export function readMigrationUrl(environment: Environment): string {
  const own = 'BAILIWICK_MIGRATION_DATABASE_URL';
  const name = (withFiles(environment)[own] ?? '') === '' ? 'DATABASE_URL' : own;
  return parse(z.object({ [name]: DATABASE.DATABASE_URL }), environment)[name] ?? '';
}

/**
 * What libpq's variables say of TLS, which `pg` does not read all of: as a URL that leaves everything else to those that
 * it does read. Throws ConfigError.
 */
function urlOfPgVariables(environment: Environment): string | undefined {
  const names = ['sslmode', 'sslrootcert', 'sslcert', 'sslkey'];
  const set = names
    .map((name): [string, string] => [name, environment[`PG${name.toUpperCase()}`] ?? ''])
    .filter(([, value]) => value !== '');
  if (set.length === 0) return undefined;
  const url = `postgres:///?${new URLSearchParams(set).toString()}`;
  return parse(z.object({ 'PGSSL*': DATABASE.DATABASE_URL }), { ...environment, 'PGSSL*': url })['PGSSL*'];
}

function parse<T>(schema: z.ZodType<T>, environment: Environment): T {
  if (environment['NODE_TLS_REJECT_UNAUTHORIZED'] === '0') {
    throw new ConfigError([
      'NODE_TLS_REJECT_UNAUTHORIZED is 0, by which no certificate is verified: name authorities instead',
    ]);
  }
  const set = Object.fromEntries(
    Object.entries(withFiles(environment)).filter(([, value]) => value !== undefined && value !== ''),
  );
  const result = schema.safeParse(set);
  if (result.success) return result.data;
  throw new ConfigError(result.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`));
}

/** What may come out of a file besides the settings of `serve`. */
const FILE_NAMES = [...Object.keys(SETTINGS.shape), 'BAILIWICK_MIGRATION_DATABASE_URL', 'BAILIWICK_AUDIT_PUBLIC_KEY'];

/**
 * The environment with the content of `NAME_FILE` as `NAME`, its white space at the end left out: how secrets come into a
 * container without standing in its environment. Throws ConfigError where both are set, or the file cannot be read.
 */
function withFiles(environment: Environment): Environment {
  const read: Record<string, string | undefined> = { ...environment };
  const faults: string[] = [];
  for (const name of FILE_NAMES) {
    const path = environment[`${name}_FILE`];
    if (path === undefined || path === '') continue;
    if (environment[name] !== undefined && environment[name] !== '')
      faults.push(`${name} and ${name}_FILE are both set`);
    try {
      read[name] = readFileSync(path, 'utf8').trimEnd();
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
      faults.push(`${name}_FILE names a file that cannot be read${code}`);
    }
  }
  if (faults.length > 0) throw new ConfigError(faults);
  return read;
}
