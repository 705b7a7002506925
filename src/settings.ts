/**
 * The settings of `serve`: each one's name, parser and meaning.
 *
 * The README's table is checked against them (tests/tidy/readme.test.ts). What is secret or decides whom to trust has no
 * default: without it nothing starts. src/config.ts reads them.
 */
import { X509Certificate } from 'node:crypto';

import { z } from 'zod';

import { tlsFaultsOf } from './shared/database-url.js';

/** How a setting stands in the README; `fallback` is what holds where it is not set. */
const meaning = (description: string, fallback: string) => ({ description, fallback });

const address = (protocols: RegExp, kind: string) =>
  z
    .string({ error: 'is not set' })
    .refine((text) => URL.canParse(text) && protocols.test(new URL(text).protocol), `is not ${kind}`);
const postgresUrl = address(/^postgres(ql)?:$/, 'a postgres:// URL').superRefine((url, context) => {
  if (URL.canParse(url)) tlsFaultsOf(url).forEach((fault) => context.addIssue(fault));
});
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

const isCertificate = (text: string): boolean => {
  try {
    // Only its first one is read here: what Node cannot read of the others, it does not believe either.
    new X509Certificate(text);
    return text.includes('-----BEGIN CERTIFICATE-----');
  } catch {
    return false;
  }
};

const secret = z.string().min(32, 'is shorter than 32 characters').optional();

const issuer = z.strictObject({
  issuer: z.string().min(1),
  audience: z.string().min(1),
  algorithms: z.array(z.string()).min(1),
  jwksUri: z.string().optional(),
  keys: z.array(z.record(z.string(), z.unknown())).optional(),
  tenantClaim: z.string().min(1).optional(),
});
export const issuers = z
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

export const DATABASE = {
  DATABASE_URL: postgresUrl.meta(meaning('Postgres, as a login that may take on `bailiwick_service`', 'required')),
  BAILIWICK_SYNC_DATABASE_URL: postgresUrl
    .optional()
    .meta(meaning('Postgres, as a login that may take on `bailiwick_sync`', '`DATABASE_URL`')),
};

export const ENGINE = {
  BAILIWICK_OPENFGA_URL: httpUrl.meta(meaning('OpenFGA’s HTTP address', 'required')),
  BAILIWICK_OPENFGA_STORE_ID: z
    .string({ error: 'is not set' })
    .regex(/^[0-9A-HJKMNP-TV-Z]{26}$/, 'is not a store id')
    .meta(meaning('The OpenFGA store that holds our tuples and nobody else’s', 'required')),
  BAILIWICK_OPENFGA_TOKEN: z.string().min(1).optional().meta(meaning('Preshared key for OpenFGA', 'none')),
  BAILIWICK_OPENFGA_CA: z
    .string()
    .refine(isCertificate, 'is no certificate in PEM form')
    .optional()
    .meta(
      meaning(
        'Whoever signs OpenFGA’s certificate, PEM, as a file by `BAILIWICK_OPENFGA_CA_FILE`; nobody else is believed then',
        'Node’s own authorities',
      ),
    ),
  BAILIWICK_OPENFGA_REQUEST_TIMEOUT_MS: whole(3000, [100, 60_000]).meta(
    meaning('OpenFGA’s own `OPENFGA_REQUEST_TIMEOUT`: how long a write may take to commit', '3000'),
  ),
};

export const SERVICE = {
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
  BAILIWICK_GATEWAY_SECRET: secret.meta(
    meaning('Identity headers are believed from callers that send it as `x-gateway-secret`', 'none'),
  ),
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
  BAILIWICK_DEGRADED: z
    .enum(['off', 'sql'], { error: 'is neither `off` nor `sql`' })
    .default('off')
    .meta(meaning('`sql` answers checks from the rows while OpenFGA cannot; `off` answers 503', 'off')),
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

export const SIGN_IN = {
  BAILIWICK_ISSUER: httpUrl
    .optional()
    .meta(meaning('`iss` of the tokens issued here; nobody signs in here without it', 'none')),
  BAILIWICK_AUDIENCE: z
    .string()
    .min(1)
    .optional()
    .meta(meaning('`aud` of the tokens issued here; goes with the issuer', 'none')),
  BAILIWICK_SIGNING_SECRET: secret.meta(
    meaning('Seals the keys of our tokens in the database; goes with the issuer, the same on every replica', 'none'),
  ),
  BAILIWICK_SIGN_IN_DOMAIN: z
    .string()
    .regex(/^[a-z0-9-]+(\.[a-z0-9-]+)*$/, 'is no host name in lower case')
    .optional()
    .meta(meaning('Tenants sign in at `<slug>.` and this host name', 'none')),
  BAILIWICK_BOOTSTRAP_TOKEN: secret.meta(
    meaning('Lets its holder make the first platform admin at `POST /auth/bootstrap`', 'none'),
  ),
  BAILIWICK_SIGN_IN_FAILURES_PER_ADDRESS: whole(100, [0, 1_000_000]).meta(
    meaning('Failed sign-ins that one address may make in a quarter of an hour; 0 is any number', '100'),
  ),
};

export const SETTINGS = z.object({ ...DATABASE, ...ENGINE, ...SERVICE, ...MAIL, ...SIGN_IN });
