/**
 * Roles: listing, creating, cloning, describing and deleting them.
 *
 * What a system role is protected from, and what nobody may hand out, is held by the database (migrations/0008); here
 * it is asked first only where the answer should name something, such as the holders of a role in use.
 */
import { z } from 'zod';

import { tenantOf } from '../audit/change.js';
import type { Change, Show } from '../audit/change.js';
import { ConstraintError } from '../platform/postgres.js';
import type { Tx } from '../platform/postgres.js';
import type { Operations } from '../shared/operation.js';
import { decodePlace, textPlace, toPage } from '../shared/page-cursor.js';
import { Problem } from '../shared/problem.js';
import { copySet } from './permission-set-store.js';
import {
  countHolders,
  deleteRole,
  findRole,
  insertRole,
  listHolders,
  listRoles,
  lockRole,
  updateDescription,
} from './role-store.js';
import type { RoleRow } from './role-store.js';
import { PLATFORM_ROLE_ID, platformRole, refusePlatformRole } from './platform-role.js';

export interface RbacOptions {
  readonly change: Change;
  readonly show: Show;
  readonly now: () => Date;
}

const HOLDERS_NAMED = 20;
const place = z.tuple([z.boolean(), z.string().max(200)]);

export function roleOperations({ change, show }: RbacOptions) {
  return {
    async listRoles({ query }, context) {
      const tenantId = tenantOf(context);
      const limit = query.limit ?? 100;
      const after = decodePlace(query.cursor, place);
      const rows = await show(context, tenantId, (tx) => {
        const [isSystem, roleName] = after ?? [];
        const from = isSystem === undefined || roleName === undefined ? undefined : { isSystem, roleName };
        return listRoles(tx, { tenantId, after: from, limit: limit + 1 });
      });
      const { items, nextCursor } = toPage(rows, limit, (role) => [role.isSystem, role.roleName]);
      return { status: 200, body: { items: [...(after === undefined ? [platformRole] : []), ...items], nextCursor } };
    },
    async getRole({ path: { id } }, context) {
      if (id === PLATFORM_ROLE_ID) return { status: 200, body: platformRole };
      const tenantId = tenantOf(context);
      const role = await show(context, tenantId, (tx) => getRole(tx, tenantId, id));
      return { status: 200, body: role, headers: { etag: `"${role.version}"` } };
    },
    async createRole({ body: { roleName, description = '' } }, context) {
      const tenantId = tenantOf(context);
      const { result, ...receipt } = await change(context, { tenantId }, async (tx) => {
        const roleId = await insertNamed(tx, { tenantId, roleName, description });
        return await getRole(tx, tenantId, roleId);
      });
      return { status: 201, body: { ...result, ...receipt } };
    },
    async cloneRole({ path: { id }, body: { roleName, description } }, context) {
      refusePlatformRole(id);
      const tenantId = tenantOf(context);
      const order = { tenantId, purpose: `role.clone:${id}` };
      const { result, ...receipt } = await change(context, order, async (tx) => {
        const source = await lockRole(tx, tenantId, id);
        if (source === undefined) throw noSuchRole();
        const roleId = await insertNamed(tx, { tenantId, roleName, description: description ?? source.description });
        await copySet(tx, id, roleId);
        return await getRole(tx, tenantId, roleId);
      });
      return { status: 201, body: { ...result, ...receipt } };
    },
    async describeRole({ path: { id }, body: { description } }, context) {
      refusePlatformRole(id);
      const tenantId = tenantOf(context);
      const { result, ...receipt } = await change(context, { tenantId }, async (tx) => {
        await lockCustomRole(tx, tenantId, id);
        await updateDescription(tx, id, description);
        return await getRole(tx, tenantId, id);
      });
      return { status: 200, body: { ...result, ...receipt } };
    },
    async deleteRole({ path: { id } }, context) {
      refusePlatformRole(id);
      const tenantId = tenantOf(context);
      const { syncToken, applied } = await change(context, { tenantId }, async (tx) => {
        const role = await lockCustomRole(tx, tenantId, id);
        await refuseInUse(tx, tenantId, role);
        await remove(tx, role);
      });
      return { status: 200, body: { syncToken, applied } };
    },
    async listRoleUsers({ path: { id }, query }, context) {
      const tenantId = tenantOf(context);
      const limit = query.limit ?? 50;
      const [after = ''] = decodePlace(query.cursor, textPlace) ?? [];
      // Who they are is the platform's business.
      if (id === PLATFORM_ROLE_ID) return { status: 200, body: { items: [], nextCursor: null } };
      const rows = await show(context, tenantId, async (tx) => {
        await getRole(tx, tenantId, id);
        return await listHolders(tx, { tenantId, roleId: id, after, limit: limit + 1 });
      });
      return { status: 200, body: toPage(rows, limit, (holder) => [holder.userId]) };
    },
  } satisfies Partial<Operations>;
}

/** The role. Throws Problem NOT_FOUND, also for one of another tenant. */
export async function getRole(tx: Tx, tenantId: string, roleId: string): Promise<RoleRow> {
  const role = await findRole(tx, tenantId, roleId);
  if (role === undefined) throw noSuchRole();
  return role;
}

/** The custom role, held until the transaction ends. Throws Problem NOT_FOUND or SYSTEM_ROLE_PROTECTED. */
export async function lockCustomRole(
  tx: Tx,
  tenantId: string,
  roleId: string,
): Promise<NonNullable<Awaited<ReturnType<typeof lockRole>>>> {
  const role = await lockRole(tx, tenantId, roleId);
  if (role === undefined) throw noSuchRole();
  if (role.isSystem) throw new Problem('SYSTEM_ROLE_PROTECTED', `\`${role.roleName}\` is a system role`);
  return role;
}

export function noSuchRole(): Problem {
  return new Problem('NOT_FOUND', 'there is no such role');
}

async function insertNamed(tx: Tx, role: { tenantId: string; roleName: string; description: string }): Promise<string> {
  try {
    if (role.roleName === PLATFORM_ROLE_ID) throw taken(role.roleName);
    return await insertRole(tx, role);
  } catch (error) {
    if (error instanceof ConstraintError && error.constraint === 'uq_role_name') throw taken(role.roleName, error);
    throw error;
  }
}

function taken(roleName: string, cause?: unknown): Problem {
  return new Problem('ROLE_NAME_TAKEN', `the tenant has a role named \`${roleName}\` already`, { cause });
}

async function refuseInUse(tx: Tx, tenantId: string, role: { id: string; roleName: string }): Promise<void> {
  const count = await countHolders(tx, role.id);
  if (count === 0) return;
  const items = await listHolders(tx, { tenantId, roleId: role.id, after: '', limit: HOLDERS_NAMED });
  throw new Problem('ROLE_IN_USE', `\`${role.roleName}\` is assigned to ${count} ${count === 1 ? 'user' : 'users'}`, {
    facts: { holders: { count, items } },
  });
}

async function remove(tx: Tx, { id, roleName }: { id: string; roleName: string }): Promise<void> {
  try {
    await deleteRole(tx, id);
  } catch (error) {
    // by SQL that does not hold the role, a revoked assignment was brought back after the look
    if (!(error instanceof ConstraintError) || error.constraint !== 'fk_user_role_role') throw error;
    throw new Problem('ROLE_IN_USE', `\`${roleName}\` has just been assigned`, { cause: error });
  }
}
