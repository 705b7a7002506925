/**
 * A user's roles: listing, assigning and revoking them, one role a call.
 *
 * What may not be handed out, and that an administrator is left, is held by the database (migrations/0008).
 */
import { tenantOf } from '../audit/change.js';
import { ConstraintError } from '../platform/postgres.js';
import type { Tx } from '../platform/postgres.js';
import type { Operations } from '../shared/operation.js';
import { Problem } from '../shared/problem.js';
import { windowBody, windowOf } from '../shared/time-window.js';
import type { TimeWindow } from '../shared/time-window.js';
import { refusePlatformRole } from './platform-role.js';
import { getRole, noSuchRole } from './role-operations.js';
import type { RbacOptions } from './role-operations.js';
import {
  hasUser,
  listAssignments,
  lockAssignment,
  lockUser,
  revokeAssignment,
  upsertAssignment,
} from './user-role-store.js';
import type { AssignmentRow } from './user-role-store.js';

const ASSIGNMENTS_MAX = 500;

export function userRoleOperations({ change, show, now }: RbacOptions) {
  return {
    async listUserRoles({ path: { id } }, context) {
      const tenantId = tenantOf(context);
      const rows = await show(context, tenantId, async (tx) => {
        if (!(await hasUser(tx, tenantId, id))) throw noSuchUser();
        return await listAssignments(tx, { tenantId, userId: id, limit: ASSIGNMENTS_MAX });
      });
      return { status: 200, body: { items: rows.map(assignmentBody), nextCursor: null } };
    },
    async assignRole({ path: { id: userId }, body }, context) {
      refusePlatformRole(body.roleId);
      const tenantId = tenantOf(context);
      const window = windowOf(body, now());
      const order = { tenantId, reason: body.reason };
      const { result, ...receipt } = await change(context, order, async (tx) => {
        if (!(await lockUser(tx, tenantId, userId))) throw noSuchUser();
        const { id: roleId, roleName } = await getRole(tx, tenantId, body.roleId);
        const { assignmentId } = body;
        if (assignmentId !== undefined && (await lockAssignment(tx, userId, roleId))?.assignmentId !== assignmentId) {
          throw new Problem('VERSION_CONFLICT', 'the assignment has ended since it was read');
        }
        return { ...(await assign(tx, { tenantId, userId, roleId, ...window })), roleId, roleName };
      });
      return { status: 200, body: { ...result, userId, ...windowBody(result), ...receipt } };
    },
    async revokeRole({ path: { id: userId, roleId }, query }, context) {
      refusePlatformRole(roleId);
      const tenantId = tenantOf(context);
      const order = { tenantId, reason: query.reason };
      const { result, ...receipt } = await change(context, order, async (tx) => {
        if (!(await lockUser(tx, tenantId, userId))) throw noSuchUser();
        await getRole(tx, tenantId, roleId);
        const changed = await revokeAssignment(tx, userId, roleId);
        const left = await listAssignments(tx, { tenantId, userId, limit: ASSIGNMENTS_MAX });
        return { changed, remainingRoleCount: left.length };
      });
      return { status: 200, body: { userId, roleId, ...result, ...receipt } };
    },
  } satisfies Partial<Operations>;
}

/** Also for a user of another tenant. */
export function noSuchUser(): Problem {
  return new Problem('NOT_FOUND', 'there is no such user');
}

async function assign(tx: Tx, assignment: { tenantId: string; userId: string; roleId: string } & TimeWindow) {
  try {
    return await upsertAssignment(tx, assignment);
  } catch (error) {
    // deleted between the look and the insert
    if (error instanceof ConstraintError && error.constraint === 'fk_user_role_role') throw noSuchRole();
    throw error;
  }
}

function assignmentBody({ assignedAt, ...assignment }: AssignmentRow) {
  return { ...assignment, ...windowBody(assignment), assignedAt: assignedAt.toISOString() };
}
