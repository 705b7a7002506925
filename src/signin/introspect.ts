/**
 * Introspection (RFC 7662): what a token of ours stands for now, to whoever may know.
 *
 * INVARIANT: whatever is not active, not ours, or not the asker's to see gets one and the same answer; where that cannot
 * be told (no keys, no database) there is an error and no answer. tests/integration/introspection.test.ts.
 */
import type { ActiveToken, Introspection } from '../contract/api.js';
import type { TokenIdentity, VerifyToken } from '../platform/jwt.js';
import type { Caller } from '../shared/caller.js';
import type { Deadline } from '../shared/operation.js';
import { Problem } from '../shared/problem.js';
import { within } from '../shared/within.js';
import type { OwnIssuer, Tokens } from './tokens.js';

export type Introspect = (token: string, asker: { caller: Caller; deadline: Deadline }) => Promise<Introspection>;

const INACTIVE = { active: false } as const;

/** `verifyToken` knows our own issuer alone. */
export function createIntrospect({
  verifyToken,
  tokens,
  own,
}: {
  readonly verifyToken: VerifyToken;
  readonly tokens: Pick<Tokens, 'readLive'>;
  readonly own: OwnIssuer;
}): Introspect {
  async function describe(token: string, caller: Caller): Promise<Introspection> {
    const identity = await verifyToken(token);
    if (!maySee(caller, identity)) return INACTIVE;
    const { session, rights } = await tokens.readLive(identity);
    return session.mustChangePassword ? INACTIVE : activeToken(identity, { session, rights, own });
  }
  return async (token, { caller, deadline }) => {
    const late = (): Problem => new Problem('DATABASE_UNAVAILABLE', 'the token could not be judged in time');
    try {
      return await within(deadline, describe(token, caller), late);
    } catch (error) {
      if (error instanceof Problem && error.code === 'UNAUTHENTICATED') return INACTIVE;
      throw error;
    }
  };
}

/** A key or a trusted caller speaks for a tenant, a key of the platform for all; a bearer for their own session. */
function maySee(caller: Caller, { tenantId, session }: TokenIdentity): boolean {
  if (caller.kind === 'service') return caller.tenantId === undefined || caller.tenantId === tenantId;
  if (caller.via === 'headers') return caller.tenantId === tenantId;
  return session !== undefined && caller.sessionId === session.sessionId;
}

function activeToken(
  { subject, session, stamp }: TokenIdentity,
  { session: standing, rights, own }: Awaited<ReturnType<Tokens['readLive']>> & { readonly own: OwnIssuer },
): ActiveToken {
  if (session === undefined || stamp === undefined) throw new Error('the token is not one of ours');
  const { tenantId, tenantStatus } = standing;
  const { sessionId, impersonationId } = session;
  return {
    active: true,
    token_type: 'Bearer',
    iss: own.issuer,
    aud: own.audience,
    sub: subject,
    sid: sessionId,
    ...stamp,
    status: 'active',
    ...(tenantId === null ? {} : { tenant_id: tenantId }),
    ...(tenantStatus === null ? {} : { tenant_status: tenantStatus }),
    ...rights,
    ...(impersonationId === undefined ? {} : { act: { sub: subject, impersonation_id: impersonationId } }),
  };
}
