/**
 * Signing in, put together: what `compose` starts, what the HTTP layer is given, and what those who administer people
 * and impersonations build on (`passwords`, `tokens`).
 *
 * Sign-ins have a small pool of their own: a flood of them takes no connection from decisions.
 */
import type { Logger } from 'pino';

import { createTokenVerifier } from '../platform/jwt.js';
import type { TokenIssuer } from '../platform/token-issuer.js';
import type { Metrics } from '../platform/metrics.js';
import { createPasswordHasher } from '../platform/password-hash.js';
import type { Pool } from '../platform/postgres.js';
import { SIGNING_ALGORITHM } from '../platform/signing-key.js';
import type { Part } from '../shared/part.js';
import { createIntrospect } from './introspect.js';
import { createKeyRing } from './key-ring.js';
import { signInOperations } from './operations.js';
import type { PermissionsOf } from './operations.js';
import { createPasswordJudge } from './password-rules.js';
import { createPasswords } from './passwords.js';
import type { Passwords } from './passwords.js';
import { createSignIn } from './sign-in.js';
import { createThrottle } from './throttle.js';
import { createTokens } from './tokens.js';
import type { Tokens } from './tokens.js';

/** As the operator set it; nothing here has a default. */
export interface SignInSettings {
  readonly issuer: string;
  readonly audience: string;
  readonly signingSecret: string;
  readonly domain: string | undefined;
  readonly bootstrapToken: string | undefined;
  /** Failures that one address may make in a quarter of an hour; 0: any number. */
  readonly failuresPerAddress: number;
}

export interface SigningIn {
  /** Looks after the keys; tokens can be signed once it has started. */
  readonly keys: Part;
  /** Ours, for the verifier of Bearer tokens. */
  readonly issuer: TokenIssuer;
  readonly tokens: Tokens;
  readonly passwords: Passwords;
  readonly operations: ReturnType<typeof signInOperations>;
  /** Makes what the first sign-in would otherwise wait for. */
  readonly warmUp: () => Promise<void>;
}

export function createSigningIn(options: {
  readonly settings: SignInSettings;
  /** What requests use: sessions are asked for on it. */
  readonly pool: Pool;
  /** What sign-ins use. */
  readonly signInPool: Pool;
  /** The text of data/common-passwords.txt. */
  readonly commonPasswords: string;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly now: () => Date;
  readonly permissionsOf: PermissionsOf;
}): SigningIn {
  const { settings, pool, signInPool, log, metrics, now } = options;
  const { issuer, audience, domain, bootstrapToken } = settings;
  const own = { issuer, audience };
  const keys = createKeyRing({ pool, secret: settings.signingSecret, log, now });
  const tokens = createTokens({ pool, keys, own, now });
  const hasher = createPasswordHasher({ metrics });
  const judge = createPasswordJudge(options.commonPasswords);
  const passwords = createPasswords({ pool: signInPool, hasher, judge, tokens, now });
  const throttle = createThrottle({ limit: settings.failuresPerAddress, now });
  const signIn = createSignIn({ pool: signInPool, hasher, tokens, throttle, metrics, now });
  const ours = { issuer, audience, algorithms: [SIGNING_ALGORITHM], readKeys: () => keys.readPublicKeys() };
  return {
    keys,
    issuer: ours,
    tokens,
    passwords,
    warmUp: () => hasher.warmUp(),
    operations: signInOperations({
      pool: signInPool,
      keys,
      tokens,
      passwords,
      signIn,
      throttle,
      domain,
      bootstrapToken,
      now,
      permissionsOf: options.permissionsOf,
      introspect: createIntrospect({ verifyToken: createTokenVerifier([ours], { now }), tokens, own }),
    }),
  };
}
