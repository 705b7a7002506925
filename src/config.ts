/**
 * Environment → one frozen `Config`, every fault reported at once.
 *
 * `SETTINGS` holds each setting's name, parser and meaning; the README's table is checked against it
 * (tests/tidy/readme.test.ts). What is secret or decides whom to trust has no default: without it nothing starts.
 */
import { z } from 'zod';

/** How a setting stands in the README; `fallback` is what holds where it is not set. */
const meaning = (description: string, fallback: string) => ({ description, fallback });

const address = (protocols: RegExp, kind: string) =>
  z
    .string({ error: 'is not set' })
    .refine((text) => URL.canParse(text) && protocols.test(new URL(text).protocol), `is not ${kind}`);
const postgresUrl = address(/^postgres(ql)?:$/, 'a postgres:// URL');
const httpUrl = address(/^https?:$/, 'an http:// or https:// URL');
const whole = (fallback: number, [min, max]: readonly [number, number]) =>
  z
    .string()
    .default(String(fallback))
    .refine(
      (text) => /^[0-9]{1,9}$/.test(text) && Number(text) >= min && Number(text) <= max,
      `is not a whole number from ${String(min)} to ${String(max)}`,
    )
    .transform(Number);

const issuer = z.strictObject({
  issuer: z.string().min(1),
  audience: z.string().min(1),
  algorithms: z.array(z.string()).min(1),
  jwksUri: z.string().optional(),
  keys: z.array(z.record(z.string(), z.unknown())).optional(),
  tenantClaim: z.string().min(1).optional(),
});
const issuers = z
  .string()
  .default('[]')
  .transform((text, context) => {
    try {
      return JSON.parse(text) as unknown;
    } catch {
      context.addIssue('is not JSON');
      return z.NEVER;
    }
  })
  .pipe(z.array(issuer));

const DATABASE = {
  DATABASE_URL: postgresUrl.meta(meaning('Postgres, as a login that may take on `bailiwick_service`', 'required')),
  BAILIWICK_SYNC_DATABASE_URL: postgresUrl
    .optional()
    .meta(meaning('Postgres, as a login that may take on `bailiwick_sync`', '`DATABASE_URL`')),
};

const ENGINE = {
  BAILIWICK_OPENFGA_URL: httpUrl.meta(meaning('OpenFGA’s HTTP address', 'required')),
  BAILIWICK_OPENFGA_STORE_ID: z
    .string({ error: 'is not set' })
    .regex(/^[0-9A-HJKMNP-TV-Z]{26}$/, 'is not a store id')
    .meta(meaning('The OpenFGA store that holds our tuples and nobody else’s', 'required')),
  BAILIWICK_OPENFGA_TOKEN: z.string().min(1).optional().meta(meaning('Preshared key for OpenFGA', 'none')),
  BAILIWICK_OPENFGA_REQUEST_TIMEOUT_MS: whole(3000, [100, 60_000]).meta(
    meaning('OpenFGA’s own `OPENFGA_REQUEST_TIMEOUT`: how long a write may take to commit', '3000'),
  ),
};

const SERVICE = {
  BAILIWICK_HOST: z.string().min(1).default('127.0.0.1').meta(meaning('Address of both ports', '127.0.0.1')),
  BAILIWICK_PORT: whole(7080, [0, 65_535]).meta(meaning('The service’s port', '7080')),
  BAILIWICK_MANAGEMENT_PORT: whole(7081, [0, 65_535]).meta(meaning('Health and metrics', '7081')),
  BAILIWICK_TOKEN_ISSUERS: issuers.meta(
    meaning(
      'Issuers of Bearer tokens, JSON: `[{issuer, audience, algorithms, jwksUri \\| keys, tenantClaim?}]`',
      'none',
    ),
  ),
  BAILIWICK_TRUST_LOOPBACK: z
    .enum(['no', 'yes'], { error: 'is neither `yes` nor `no`' })
    .default('no')
    .meta(meaning('Whether identity headers from this machine are believed', 'no')),
  BAILIWICK_GATEWAY_SECRET: z
    .string()
    .min(32, 'is shorter than 32 characters')
    .optional()
    .meta(meaning('Identity headers are believed from callers that send it as `x-gateway-secret`', 'none')),
  BAILIWICK_DECISION_LOG: z
    .enum(['async', 'strict'], { error: 'is neither `async` nor `strict`' })
    .default('async')
    .meta(meaning('`strict` answers only after the decision is written down; `async` within 50 ms', 'async')),
  BAILIWICK_AUDIT_KEY: z
    .string()
    .refine((text) => text.includes('-----BEGIN') || /^[A-Za-z0-9+/]{43}=$/.test(text), 'is no Ed25519 key')
    .optional()
    .meta(
      meaning(
        'Signs the audit log’s checkpoints: an Ed25519 private key, PEM or the base64 of its 32 bytes; without it nothing is signed',
        'none',
      ),
    ),
  BAILIWICK_AUDIT_CHECKPOINT_FILE: z
    .string()
    .min(1)
    .optional()
    .meta(
      meaning('Checkpoints are appended to this file, besides the log; keep it away from Postgres’s owner', 'none'),
    ),
  BAILIWICK_REQUEST_TIMEOUT_MS: whole(1000, [50, 60_000]).meta(
    meaning('How long a request may take that does not say (`timeout-ms`)', '1000'),
  ),
  BAILIWICK_ENGINE_TIMEOUT_MS: whole(250, [10, 60_000]).meta(meaning('How long one engine call may take', '250')),
  BAILIWICK_SYNC_WAIT_MS: whole(250, [0, 10_000]).meta(meaning('How long a check waits for its sync token', '250')),
  BAILIWICK_DECISION_CACHE_ENTRIES: whole(100_000, [0, 10_000_000]).meta(
    meaning('Answers kept in memory, about 300 bytes each; 0 keeps none', '100000'),
  ),
  BAILIWICK_RECONCILE_SECONDS: whole(3600, [0, 604_800]).meta(
    meaning('Between two full comparisons of rows and tuples; 0 is never', '3600'),
  ),
  BAILIWICK_DATABASE_CONNECTIONS: whole(10, [2, 200]).meta(meaning('Postgres connections for requests', '10')),
  BAILIWICK_LOG_LEVEL: z
    .enum(['info', 'debug', 'warn', 'error', 'silent'], { error: 'is no log level' })
    .default('info')
    .meta(meaning('`debug`, `info`, `warn`, `error` or `silent`', 'info')),
};

const MAIL = {
  BAILIWICK_MAIL_SECRET_KEY: z
    .string()
    .regex(/^[A-Za-z0-9+/]{43}=$/, 'is not 32 bytes in base64')
    .transform((text) => Buffer.from(text, 'base64'))
    .optional()
    .meta(
      meaning(
        'Seals queued mails and the mailer’s password: 32 random bytes in base64; without it no mail is sent',
        'none',
      ),
    ),
  BAILIWICK_MAILBOX_DIR: z
    .string()
    .min(1)
    .optional()
    .meta(meaning('Development only: where no mailer is set, mails are written here as `.eml` files', 'none')),
};

export const SETTINGS = z.object({ ...DATABASE, ...ENGINE, ...SERVICE, ...MAIL });

export interface Config {
  readonly database: { readonly url: string; readonly syncUrl: string; readonly connections: number };
  readonly engine: {
    readonly url: string;
    readonly storeId: string;
    readonly token: string | undefined;
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
  readonly decisionLog: 'async' | 'strict';
  readonly audit: { readonly key: string | undefined; readonly checkpointFile: string | undefined };
  readonly syncWaitMs: number;
  /** 0: none. */
  readonly decisionCacheEntries: number;
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
      url: settings.BAILIWICK_OPENFGA_URL,
      storeId: settings.BAILIWICK_OPENFGA_STORE_ID,
      token: settings.BAILIWICK_OPENFGA_TOKEN,
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
    decisionLog: settings.BAILIWICK_DECISION_LOG,
    audit: { key: settings.BAILIWICK_AUDIT_KEY, checkpointFile: settings.BAILIWICK_AUDIT_CHECKPOINT_FILE },
    syncWaitMs: settings.BAILIWICK_SYNC_WAIT_MS,
    decisionCacheEntries: settings.BAILIWICK_DECISION_CACHE_ENTRIES,
    reconcileSeconds: settings.BAILIWICK_RECONCILE_SECONDS,
    logLevel: settings.BAILIWICK_LOG_LEVEL,
    mail: { secretKey: settings.BAILIWICK_MAIL_SECRET_KEY, mailboxDir: settings.BAILIWICK_MAILBOX_DIR },
  });
}

/** What the operating commands need: both stores. `databaseUrl` undefined takes libpq's PG* variables. */
export interface OperatorConfig {
  readonly databaseUrl: string | undefined;
  readonly engine: { readonly url: string; readonly storeId: string; readonly token: string | undefined };
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
    databaseUrl: settings.DATABASE_URL,
    engine: {
      url: settings.BAILIWICK_OPENFGA_URL,
      storeId: settings.BAILIWICK_OPENFGA_STORE_ID,
      token: settings.BAILIWICK_OPENFGA_TOKEN,
    },
  };
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
    databaseUrl: settings.DATABASE_URL,
    key: settings.BAILIWICK_AUDIT_KEY,
    publicKey: settings.BAILIWICK_AUDIT_PUBLIC_KEY,
    checkpointFile: settings.BAILIWICK_AUDIT_CHECKPOINT_FILE,
  };
}

/** Reads the URL that `migrate` connects with. Throws ConfigError. */
export function readMigrationUrl(environment: Environment): string {
  const url = environment['BAILIWICK_MIGRATION_DATABASE_URL'] ?? environment['DATABASE_URL'];
  return parse(z.object({ DATABASE_URL: DATABASE.DATABASE_URL }), { DATABASE_URL: url }).DATABASE_URL;
}

function parse<T>(schema: z.ZodType<T>, environment: Environment): T {
  const set = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value !== ''),
  );
  const result = schema.safeParse(set);
  if (result.success) return result.data;
  throw new ConfigError(result.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`));
}
