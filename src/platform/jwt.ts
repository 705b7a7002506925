/**
 * Bearer tokens: who may have issued them, and what is believed of them.
 *
 * jose checks what it is told to check and skips what it is not, so issuer, audience, algorithms and keys are required
 * here and pinned for each issuer. Whatever a token says about where its key is to be found is refused unread.
 *
 * INVARIANT: a token that is bad in any way is UNAUTHENTICATED; ISSUER_UNAVAILABLE is said only where no keys of its
 * issuer were ever had. No part of a token is put in a message. tests/unit/jwt.test.ts.
 */
import { decodeJwt, decodeProtectedHeader, errors, jwtVerify } from 'jose';
import type { JWTPayload } from 'jose';

import { isId } from '../shared/ids.js';
import { Problem } from '../shared/problem.js';
import type { Metrics } from './metrics.js';
import { createKeys, fixedKeys, publicKeys } from './jwks.js';
import type { IssuerKeys } from './jwks.js';
import { checkIssuer, type TokenIssuer } from './token-issuer.js';

export interface TokenIdentity {
  readonly subject: string;
  readonly tenantId: string | undefined;
  /** When the token ends to be accepted, milliseconds since 1970. */
  readonly acceptedUntil: number;
  /** Whether the keys that verified it are those in use; once they are not, the token is to be verified anew. */
  readonly keysStand: () => boolean;
  /** Of a token that we issued: the session that must still stand. Undefined for other issuers, whatever they say. */
  readonly session?: TokenSession;
  /** Of a token that we issued: what tells it from the session's others. */
  readonly stamp?: TokenStamp;
}

/** `iat` and `exp` are seconds since 1970, as in the token. */
export interface TokenStamp {
  readonly jti: string;
  readonly iat: number;
  readonly exp: number;
}

export interface TokenSession {
  readonly sessionId: string;
  readonly impersonationId: string | undefined;
  /** The key that signed the token: it must still be one of ours. */
  readonly keyId: string;
}

/** Resolves for a good token; throws Problem UNAUTHENTICATED or ISSUER_UNAVAILABLE. */
export type VerifyToken = (token: string) => Promise<TokenIdentity>;

interface KnownIssuer extends TokenIssuer {
  readonly issuerKeys: IssuerKeys;
}

const TOKEN_PATTERN = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;
const MAX_TOKEN_BYTES = 8 * 1024;
const CLOCK_TOLERANCE_SECONDS = 30;
/** The end of year 9999: an expiry past it is none. */
const MAX_NUMERIC_DATE = 253_402_300_799;

/** Header fields that name a key, or ask for a rule, that we did not choose. */
const REFUSED_HEADERS = ['crit', 'b64', 'zip', 'enc', 'jwk', 'jku', 'x5u', 'x5c'];
const TYPES = new Set(['jwt', 'at+jwt', 'application/jwt', 'application/at+jwt']);
/** Claims by which an id token or a refresh token gives itself away. */
const OTHER_TOKEN_CLAIMS = ['at_hash', 'c_hash', 's_hash'];
const OTHER_TOKEN_TYPES = new Set(['id', 'refresh', 'offline', 'logout']);

/**
 * Makes the verifier of Bearer tokens. Throws an Error that names the fault where an issuer is not fully pinned.
 * `onKeyFailure` hears of every fetch of keys that failed; the last good ones stay in use.
 */
export function createTokenVerifier(
  issuers: readonly TokenIssuer[],
  options: { now?: () => Date; onKeyFailure?: (issuer: string, error: unknown) => void; metrics?: Metrics } = {},
): VerifyToken {
  const now = options.now ?? (() => new Date());
  const known = new Map<string, KnownIssuer>();
  for (const issuer of issuers) {
    checkIssuer(issuer);
    if (known.has(issuer.issuer)) throw new Error(`issuer \`${issuer.issuer}\` is configured twice`);
    const source = issuer.readKeys ?? (issuer.jwksUri === undefined ? undefined : new URL(issuer.jwksUri));
    const onFailure = (error: unknown): void => options.onKeyFailure?.(issuer.issuer, error);
    const issuerKeys =
      source === undefined ? fixedKeys(publicKeys({ keys: issuer.keys })) : createKeys({ source, now, onFailure });
    known.set(issuer.issuer, { ...issuer, issuerKeys });
  }
  if (options.metrics !== undefined) declareKeyAge(options.metrics, known);
  return async (token) => {
    if (token.length > MAX_TOKEN_BYTES || !TOKEN_PATTERN.test(token)) throw refused('it is not a signed JWT');
    try {
      const issuer = known.get(claimedIssuer(token));
      if (issuer === undefined) throw refused('its issuer is not known here');
      checkHeader(token, issuer);
      const { getKey, inUse } = issuer.issuerKeys;
      // From before it is verified: keys that change meanwhile may be others.
      const keys = inUse();
      const { payload, protectedHeader } = await jwtVerify(token, getKey, {
        issuer: issuer.issuer,
        audience: issuer.audience,
        algorithms: [...issuer.algorithms],
        requiredClaims: issuer.readKeys === undefined ? ['exp', 'sub'] : ['exp', 'sub', 'iat', 'jti', 'sid'],
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        currentDate: now(),
      });
      const identity = identityOf(payload, { issuer, keyId: protectedHeader.kid, now: now() });
      return { ...identity, keysStand: () => inUse() === keys };
    } catch (error) {
      if (error instanceof Problem) throw error;
      if (error instanceof errors.JWTExpired) throw refused('it has expired', error);
      throw refused('it does not verify', error);
    }
  };
}

/** Each scrape has old keys fetched again, so that an issuer whose tokens nobody uses does not look like one that is down. */
function declareKeyAge(metrics: Metrics, known: ReadonlyMap<string, KnownIssuer>): void {
  metrics.gauge({
    name: 'jwks_age_seconds',
    help: 'Since the keys of a token issuer were last had from it; absent before the first time, and where they are fixed.',
    labels: ['issuer'],
    collect: (gauge) => {
      for (const { issuer, issuerKeys } of known.values()) {
        issuerKeys.inUse();
        const ageMs = issuerKeys.ageMs();
        if (ageMs !== undefined) gauge.set({ issuer }, ageMs / 1_000);
      }
    },
  });
}

function refused(reason: string, cause?: unknown): Problem {
  return new Problem('UNAUTHENTICATED', `the Bearer token is not accepted: ${reason}`, { cause });
}

function claimedIssuer(token: string): string {
  const { iss } = decodeJwt(token);
  if (typeof iss !== 'string') throw refused('it names no issuer');
  return iss;
}

function checkHeader(token: string, issuer: TokenIssuer): void {
  const header: Record<string, unknown> = { ...decodeProtectedHeader(token) };
  if (typeof header['alg'] !== 'string' || !issuer.algorithms.includes(header['alg'])) {
    throw refused('its algorithm is not the one of its issuer');
  }
  if (REFUSED_HEADERS.some((name) => name in header)) throw refused('its header asks for what is not supported');
  const { typ, kid } = header;
  if (typ !== undefined && !(typeof typ === 'string' && TYPES.has(typ.toLowerCase()))) {
    throw refused('it is not an access token');
  }
  if (kid !== undefined && !(typeof kid === 'string' && kid.length <= 256)) throw refused('its key id is malformed');
}

function identityOf(
  payload: JWTPayload,
  { issuer, keyId, now }: { issuer: TokenIssuer; keyId: string | undefined; now: Date },
): Omit<TokenIdentity, 'keysStand'> {
  const nowSeconds = now.getTime() / 1000;
  const { aud, exp = Infinity, iat, nbf = 0, sub } = payload;
  if (!(exp <= MAX_NUMERIC_DATE) || !(nbf >= 0)) throw refused('its dates are malformed');
  // jose looks at `iat` only where a maximum age is set.
  const issued: unknown = iat ?? 0;
  if (typeof issued !== 'number' || !(issued >= 0) || issued > nowSeconds + CLOCK_TOLERANCE_SECONDS) {
    throw refused('its time of issue is malformed or to come');
  }
  if (Array.isArray(aud) && !aud.every((entry: unknown) => typeof entry === 'string')) {
    throw refused('its audience is malformed');
  }
  const kind = payload['typ'] ?? payload['token_use'] ?? 'access';
  if (
    OTHER_TOKEN_CLAIMS.some((claim) => claim in payload) ||
    typeof kind !== 'string' ||
    OTHER_TOKEN_TYPES.has(kind.toLowerCase())
  ) {
    throw refused('it is not an access token');
  }
  if (!isId(sub)) throw refused('its subject is not an id');
  const tenantId = payload[issuer.tenantClaim ?? 'tenant_id'];
  if (tenantId !== undefined && !isId(tenantId)) throw refused('its tenant is not an id');
  const identity = { subject: sub, tenantId, acceptedUntil: (exp + CLOCK_TOLERANCE_SECONDS) * 1000 };
  if (issuer.readKeys === undefined) return identity;
  return {
    ...identity,
    session: sessionOf(payload, { subject: sub, keyId }),
    stamp: { jti: String(payload.jti), iat: issued, exp },
  };
}

/** What our own tokens say besides. `act` is the subject itself, once, under the id of its impersonation. */
function sessionOf(
  { sid, act, jti }: JWTPayload,
  { subject, keyId }: { subject: string; keyId: string | undefined },
): TokenSession {
  if (keyId === undefined) throw refused('it names no key');
  if (!isId(sid) || !isId(jti)) throw refused('it names no session');
  if (act === undefined) return { sessionId: sid, impersonationId: undefined, keyId };
  if (typeof act !== 'object' || act === null) throw refused('its actor is malformed');
  const { sub: actor, impersonation_id: impersonationId, ...more }: Record<string, unknown> = { ...act };
  if (actor !== subject || !isId(impersonationId) || Object.keys(more).length > 0) {
    throw refused('its actor is malformed');
  }
  return { sessionId: sid, impersonationId, keyId };
}
