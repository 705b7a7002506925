/**
 * Who is asking: exactly one identity a request, from a verified credential.
 *
 * A caller shows a Bearer credential (a JWT or a service key), or is a trusted program that names the user in
 * `x-user-id` and `x-tenant-id`. INVARIANT: two identities, half of one, or one given twice are refused; no header is
 * believed because of what another header says. tests/unit/authentication.test.ts.
 */
import type { IncomingMessage } from 'node:http';

import type { TokenIdentity, VerifyToken } from '../platform/jwt.js';
import { matchesHash, SERVICE_KEY_PREFIX, serviceKeyId } from '../platform/service-key.js';
import type { Caller } from '../shared/caller.js';
import { isId } from '../shared/ids.js';
import type { Deadline } from '../shared/operation.js';
import { Problem } from '../shared/problem.js';
import { within } from '../shared/within.js';
import type { FindServiceKey } from './service-key-store.js';
import { createKnownCredentials } from './known-credentials.js';
import type { Judged } from './known-credentials.js';
import type { Head } from './short-head.js';
import { isTrusted, type TrustedCallers } from './trusted-caller.js';

/** Resolves to the caller; throws Problem UNAUTHENTICATED, or a 503 where a credential cannot be judged in time. */
export type Authenticate = (request: IncomingMessage, deadline: Deadline) => Promise<Caller>;

export type Authentication = Authenticate & {
  /** The same for a head that the short road has read, where it takes no wait; undefined: it does, or will be refused. */
  readonly known: (head: Head, request: IncomingMessage) => Caller | undefined;
};

export interface AuthenticationOptions {
  readonly trusted: TrustedCallers;
  readonly verifyToken: VerifyToken;
  readonly findServiceKey: FindServiceKey;
  /** Of tokens that we issue: what their session says now. Left out where we issue none. */
  readonly checkSession?: CheckSession;
  readonly now?: () => Date;
}

/** Throws Problem UNAUTHENTICATED where the session of the token, or what that stands on, is over. */
export type CheckSession = (identity: TokenIdentity) => Promise<{ readonly mustChangePassword: boolean }>;

/** How long a service key counts after it was judged: it may be revoked. */
const KEY_LASTS_MS = 400;

/** Makes what turns a request into a Caller. */
export function createAuthentication(options: AuthenticationOptions): Authentication {
  const now = options.now ?? (() => new Date());
  const callers = createKnownCredentials<Caller>(now);
  /** Of tokens of ours: each is as good as its session, which is asked for each time. */
  const ours = createKnownCredentials<TokenIdentity>(now);

  async function judge(credential: string, deadline: Deadline): Promise<Caller> {
    const from = now().getTime();
    if (credential.startsWith(SERVICE_KEY_PREFIX)) {
      return await within(deadline, judgeKey(credential), () => tooLate('DATABASE_UNAVAILABLE'));
    }
    const identity = ours.find(credential) ?? (await verify(credential, deadline));
    const caller = await callerByToken(identity, { checkSession: options.checkSession, deadline });
    if (identity.session === undefined) callers.learn(credential, judgedOf(identity, { value: caller, from }));
    return caller;
  }

  async function judgeKey(credential: string): Promise<Caller> {
    const from = now().getTime();
    const { findServiceKey } = options;
    const { caller, until } = await callerByServiceKey(credential, { findServiceKey, now: new Date(from) });
    // Under load everybody who comes between its end and the next judgement would wait for that, and take the whole stack.
    const renewal = {
      at: from + KEY_LASTS_MS / 2,
      // Where it is refused by now, or cannot be judged, it ends as it would have.
      begin: () => void judgeKey(credential).catch(() => undefined),
    };
    callers.learn(credential, { value: caller, from, until: Math.min(until, from + KEY_LASTS_MS), renewal });
    return caller;
  }

  async function verify(token: string, deadline: Deadline): Promise<TokenIdentity> {
    const from = now().getTime();
    const identity = await within(deadline, options.verifyToken(token), () => tooLate('ISSUER_UNAVAILABLE'));
    if (identity.session !== undefined) ours.learn(token, judgedOf(identity, { value: identity, from }));
    return identity;
  }

  function known(
    { authorization, userId, tenantId, gatewaySecret }: Head,
    request: IncomingMessage,
  ): Caller | undefined {
    if (authorization === undefined) {
      return callerByHeaders({ userId, tenantId, gatewaySecret }, { request, trusted: options.trusted });
    }
    if (userId !== undefined || tenantId !== undefined || !authorization.startsWith('Bearer ')) return undefined;
    return callers.find(authorization.slice('Bearer '.length));
  }

  async function authenticate(request: IncomingMessage, deadline: Deadline): Promise<Caller> {
    const authorization = single(request, 'authorization');
    const userId = single(request, 'x-user-id');
    const tenantId = single(request, 'x-tenant-id');
    if (authorization === undefined) {
      const gatewaySecret = single(request, 'x-gateway-secret');
      return callerByHeaders({ userId, tenantId, gatewaySecret }, { request, trusted: options.trusted });
    }
    if (userId !== undefined || tenantId !== undefined) {
      throw refused('a request carries either a Bearer credential or `x-user-id` and `x-tenant-id`, not both');
    }
    const credential = /^Bearer +([!-~]+)$/i.exec(authorization)?.[1];
    if (credential === undefined) throw refused('`authorization` must be of the form `Bearer <credential>`');
    return callers.find(credential) ?? (await judge(credential, deadline));
  }

  return Object.assign(authenticate, { known });
}

/** What is judged by a token counts as long as the token does, and the keys of its issuer. */
function judgedOf<T>(
  { acceptedUntil, keysStand }: TokenIdentity,
  judged: { readonly value: T; readonly from: number },
): Judged<T> {
  return { ...judged, until: acceptedUntil, stands: keysStand };
}

async function callerByToken(
  identity: TokenIdentity,
  { checkSession, deadline }: { checkSession: CheckSession | undefined; deadline: Deadline },
): Promise<Caller> {
  const { subject: actorUserId, tenantId, session } = identity;
  const caller = { kind: 'user', actorUserId, tenantId, via: 'token' } as const;
  if (session === undefined) return caller;
  if (checkSession === undefined) throw refused('the session has ended: sign in again');
  const late = (): Problem => tooLate('DATABASE_UNAVAILABLE');
  const { mustChangePassword } = await within(deadline, checkSession(identity), late);
  const { sessionId, impersonationId } = session;
  return { ...caller, sessionId, mustChangePassword, ...(impersonationId === undefined ? {} : { impersonationId }) };
}

function refused(detail: string): Problem {
  return new Problem('UNAUTHENTICATED', detail);
}

function tooLate(code: 'DATABASE_UNAVAILABLE' | 'ISSUER_UNAVAILABLE'): Problem {
  return new Problem(code, 'the credential could not be judged in time', { retryAfterSeconds: 1 });
}

/** A header that may be sent once. Node would join or drop the others. */
function single(request: IncomingMessage, name: string): string | undefined {
  const values = request.headersDistinct[name];
  if (values !== undefined && values.length > 1) throw refused(`\`${name}\` must not be given twice`);
  return values?.[0];
}

function callerByHeaders(
  { userId, tenantId, gatewaySecret }: Pick<Head, 'userId' | 'tenantId' | 'gatewaySecret'>,
  { request, trusted }: { request: IncomingMessage; trusted: TrustedCallers },
): Caller {
  const believed = isTrusted(request, { trusted, gatewaySecret });
  if (userId === undefined && tenantId === undefined) {
    const ways = 'a Bearer token or service key in `authorization`';
    throw refused(believed ? `missing: \`x-user-id\` and \`x-tenant-id\`, or ${ways}` : `missing: ${ways}`);
  }
  if (!believed) throw refused('`x-user-id` and `x-tenant-id` are not believed from this caller');
  if (userId === undefined) throw refused('missing: `x-user-id`, which goes with `x-tenant-id`');
  if (tenantId === undefined) throw refused('missing: `x-tenant-id`, which goes with `x-user-id`');
  if (!isId(userId)) throw refused('`x-user-id` is not an id');
  if (!isId(tenantId)) throw refused('`x-tenant-id` is not an id');
  const impersonationId = single(request, 'x-impersonation-id');
  if (impersonationId !== undefined && !isId(impersonationId)) throw refused('`x-impersonation-id` is not an id');
  const impersonating = impersonationId === undefined ? {} : { impersonationId };
  return { kind: 'user', actorUserId: userId, tenantId, via: 'headers', ...impersonating };
}

/** What an unknown key is compared with, so that it takes as long as a known one. */
const NO_HASH = new Uint8Array(32);

async function callerByServiceKey(
  credential: string,
  { findServiceKey, now }: { findServiceKey: FindServiceKey; now: Date },
): Promise<{ caller: Caller; until: number }> {
  const keyId = serviceKeyId(credential);
  if (keyId === undefined) throw refused('the service key is malformed');
  const key = await findServiceKey(keyId);
  // One answer for all of these: it does not say which keys there are.
  const matches = matchesHash(credential, key?.keyHash ?? NO_HASH);
  if (key === undefined || !matches || key.scope !== 'decide') throw refused('the service key is not valid');
  if (key.revokedAt !== null) throw refused('the service key has been revoked');
  if (key.expiresAt !== null && key.expiresAt <= now) throw refused('the service key has expired');
  const caller = { kind: 'service', serviceKeyId: key.id, tenantId: key.tenantId ?? undefined } as const;
  return { caller, until: key.expiresAt?.getTime() ?? Infinity };
}
