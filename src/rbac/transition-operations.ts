/**
 * A user's role turned into another: revoked and assigned in one transaction, and so in one Write of the engine, that
 * there is no moment with none of them or with both.
 *
 * What the actor may hand out, and that an administrator is left, is held by the database (migrations/0008).
 */
import { tenantOf } from '../audit/change.js';
import type { Tx } from '../platform/postgres.js';
import type { Operations } from '../shared/operation.js';
import { Problem } from '../shared/problem.js';
import { refusePlatformRole } from './platform-role.js';
import { getRole } from './role-operations.js';
import type { RbacOptions } from './role-operations.js';
import { noSuchUser } from './user-role-operations.js';
import { lockAssignment, lockUser, revokeAssignment, upsertAssignment } from './user-role-store.js';

interface Transition {
  readonly tenantId: string;
  readonly userId: string;
  readonly fromRoleId: string;
  readonly toRoleId: string;
}

export function transitionOperations({ change }: Pick<RbacOptions, 'change'>) {
  return {
    async transitionRole({ path: { id: userId }, body: { fromRoleId, toRoleId, reason } }, context) {
      refusePlatformRole(fromRoleId);
      refusePlatformRole(toRoleId);
      if (fromRoleId === toRoleId) throw sameRole();
      const tenantId = tenantOf(context);
      const { result: changed, ...receipt } = await change(context, { tenantId, reason }, (tx) =>
        swap(tx, { tenantId, userId, fromRoleId, toRoleId }),
      );
      return { status: 200, body: { userId, fromRoleId, toRoleId, changed, ...receipt } };
    },
  } satisfies Partial<Operations>;
}

/** Whether anything changed: a transition that has been made already is left. Throws Problem NOT_FOUND. */
async function swap(tx: Tx, { tenantId, userId, fromRoleId, toRoleId }: Transition): Promise<boolean> {
  if (!(await lockUser(tx, tenantId, userId))) throw noSuchUser();
  await getRole(tx, tenantId, fromRoleId);
  await getRole(tx, tenantId, toRoleId);
  const held = await lockAssignment(tx, userId, fromRoleId);
  if (held === undefined) {
    if ((await lockAssignment(tx, userId, toRoleId)) !== undefined) return false;
    throw new Problem('NOT_FOUND', 'the user does not have the role that is to be replaced');
  }
  await revokeAssignment(tx, userId, fromRoleId);
  const { validFrom, expiresAt } = held;
  await upsertAssignment(tx, { tenantId, userId, roleId: toRoleId, validFrom, expiresAt });
  return true;
}

function sameRole(): Problem {
  const message = 'is the role that is to be replaced';
  return new Problem('INVALID_REQUEST', `\`toRoleId\` ${message}`, { errors: [{ field: 'toRoleId', message }] });
}
