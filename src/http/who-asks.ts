/**
 * Who asks and from where, put together over what the operator trusts: what the app is given for authentication.
 *
 * Our own issuer is one more in the list of those that are known; of its tokens the session is asked for as well.
 */
import type { Logger } from 'pino';

import { createTokenVerifier } from '../platform/jwt.js';
import type { Metrics } from '../platform/metrics.js';
import type { Pool } from '../platform/postgres.js';
import { sha256 } from '../platform/service-key.js';
import type { TokenIssuer } from '../platform/token-issuer.js';
import { createAuthentication } from './authentication.js';
import type { Authentication, CheckSession } from './authentication.js';
import { createClientReader } from './client.js';
import { createServiceKeyLookup } from './service-key-store.js';

export interface WhoAsksOptions {
  readonly callers: {
    readonly issuers: readonly TokenIssuer[];
    readonly trustLoopback: boolean;
    readonly gatewaySecret: string | undefined;
  };
  /** Undefined: no token is issued here. */
  readonly signingIn:
    { readonly issuer: TokenIssuer; readonly tokens: { readonly checkSession: CheckSession } } | undefined;
  readonly pool: Pool;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly now: () => Date;
}

/** Throws an Error that names the fault where an issuer is not fully pinned. */
export function createWhoAsks({ callers, signingIn, pool, log, metrics, now }: WhoAsksOptions): {
  authenticate: Authentication;
  readClient: ReturnType<typeof createClientReader>;
} {
  const { gatewaySecret, trustLoopback, issuers } = callers;
  const gatewaySecretSha256 = gatewaySecret === undefined ? undefined : sha256(gatewaySecret);
  const known = [...issuers, ...(signingIn === undefined ? [] : [signingIn.issuer])];
  const authenticate = createAuthentication({
    trusted: { loopback: trustLoopback, gatewaySecretSha256 },
    ...(signingIn === undefined ? {} : { checkSession: (identity) => signingIn.tokens.checkSession(identity) }),
    verifyToken: createTokenVerifier(known, {
      ...{ now, metrics },
      onKeyFailure: (issuer, error) => log.warn({ issuer, err: error }, 'keys of a token issuer could not be fetched'),
    }),
    findServiceKey: createServiceKeyLookup(pool),
    now,
  });
  return { authenticate, readClient: createClientReader(gatewaySecretSha256) };
}
