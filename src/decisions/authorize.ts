/**
 * Our own authorization: whoever calls an operation is asked about by the same path, engine and log as anyone else.
 *
 * A refusal says no more than what was needed, unless it is the tenant's status that refuses one of its own.
 */
import { refuseUnlessActive, requireUser, tenantOf } from '../audit/change.js';
import type { UserCaller } from '../audit/change.js';
import { findStanding } from '../audit/change-store.js';
import type { Pool } from '../platform/postgres.js';
import type { Authorize, RequestContext } from '../shared/operation.js';
import { Problem } from '../shared/problem.js';
import type { Checker } from './check.js';
import { isPermission, platformQuestion, toQuestion } from './question.js';
import type { Question } from './question.js';

export interface AuthorizerOptions {
  readonly checker: Checker;
  /** Of role `bailiwick_service`. */
  readonly pool: Pool;
}

/**
 * A service key may only decide; a user needs the permission in the tenant that their credential speaks for, or, for
 * `platform`, to be a platform admin; for `authenticated`, to be known. Throws an Error for a requirement that is no
 * permission of the model: a fault of the contract, not of the caller.
 */
export function createAuthorizer({ checker, pool }: AuthorizerOptions): Authorize {
  return async (requirement, context) => {
    if (requirement === 'public' || requirement === 'decide') return;
    const caller = requireUser(context);
    if (requirement === 'authenticated') return;
    const { allowed } = await checker.check(questionOf(requirement, caller), { api: 'authorize', context });
    if (allowed) return;
    await explain(caller, context, pool);
    throw new Problem('FORBIDDEN', `this needs \`${requirement}\``);
  };
}

function questionOf(requirement: string, { actorUserId, tenantId }: UserCaller): Question {
  if (requirement === 'platform') return platformQuestion(actorUserId);
  if (!isPermission(requirement)) throw new Error(`\`${requirement}\` is not a permission of the model`);
  if (tenantId === undefined) throw new Problem('FORBIDDEN', 'the credential speaks for no tenant');
  return toQuestion({ user: actorUserId, permission: requirement, tenant: tenantId });
}

/** Asks whether the caller has the permission about their own profile. Throws what an `Authorize` throws. */
export function createOwnProfileAuthorizer({ checker, pool }: AuthorizerOptions) {
  return async (permission: 'profile.read' | 'profile.update', context: RequestContext): Promise<void> => {
    const caller = requireUser(context);
    const question = { user: caller.actorUserId, permission, tenant: tenantOf(context) };
    const asked = toQuestion({ ...question, object: `profile:${caller.actorUserId}` });
    const { allowed } = await checker.check(asked, { api: 'authorize', context });
    if (allowed) return;
    await explain(caller, context, pool);
    throw new Problem('FORBIDDEN', `this needs \`${permission}\` of the own profile`);
  };
}

/** Whoever belongs to the tenant, or stands above it, is told that it is the tenant's status which refuses them. */
async function explain(caller: UserCaller, context: RequestContext, pool: Pool): Promise<void> {
  const { actorUserId, tenantId, impersonationId } = caller;
  if (tenantId === undefined) return;
  const standing = await pool.transaction((tx) => findStanding(tx, { actorUserId, tenantId, impersonationId }));
  if (!standing.isMember && !standing.isOutsideAdmin) return;
  if (context.isChange || standing.tenantStatus === 'suspended') refuseUnlessActive(standing);
}
