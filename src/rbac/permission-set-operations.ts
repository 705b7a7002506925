/**
 * Permission sets: replacing one whole, and who would gain or lose what by it.
 *
 * A replacement is compared with what stands while the role is held, so it adds and removes only what differs, and of two
 * that come at once the second sees the first.
 */
import { tenantOf } from '../audit/change.js';
import { catalogue } from '../contract/model.js';
import { ConstraintError } from '../platform/postgres.js';
import type { Tx } from '../platform/postgres.js';
import type { Operations } from '../shared/operation.js';
import { Problem } from '../shared/problem.js';
import { applyDifference, compareSet, listAffected, listSetChanges } from './permission-set-store.js';
import { refusePlatformRole } from './platform-role.js';
import { getRole, lockCustomRole } from './role-operations.js';
import type { RbacOptions } from './role-operations.js';

const CHANGES_NAMED = 20;
const AFFECTED_NAMED = 100;
/** Permissions that a role may hold: the others are about a profile or a record and follow from these. */
const grantable: ReadonlySet<string> = new Set(
  catalogue.filter(({ objectType }) => objectType === 'tenant').map(({ id }) => id),
);

export function permissionSetOperations({ change, show }: RbacOptions) {
  return {
    async setRolePermissions({ path: { id }, body: { permissionIds } }, context) {
      refusePlatformRole(id);
      requireGrantable(permissionIds);
      const tenantId = tenantOf(context);
      const { result, ...receipt } = await change(context, { tenantId }, async (tx) => {
        const { version } = await lockCustomRole(tx, tenantId, id);
        if (context.ifMatch !== undefined && context.ifMatch !== version) {
          throw await conflict(tx, { tenantId, roleId: id, seen: context.ifMatch });
        }
        const difference = await compareSet(tx, id, permissionIds);
        await apply(tx, id, difference);
        const role = await getRole(tx, tenantId, id);
        return { ...role, ...difference, changed: difference.added.length + difference.removed.length > 0 };
      });
      return { status: 200, body: { ...result, ...receipt }, headers: { etag: `"${result.version}"` } };
    },
    async previewRolePermissions({ path: { id }, body: { permissionIds } }, context) {
      refusePlatformRole(id);
      requireGrantable(permissionIds);
      const tenantId = tenantOf(context);
      return await show(context, tenantId, async (tx) => {
        const { isSystem, roleName } = await getRole(tx, tenantId, id);
        if (isSystem) throw new Problem('SYSTEM_ROLE_PROTECTED', `\`${roleName}\` is a system role`);
        const difference = await compareSet(tx, id, permissionIds);
        const { count, users } = await listAffected(tx, { ...difference, tenantId, roleId: id, limit: AFFECTED_NAMED });
        return { status: 200, body: { ...difference, affectedUserCount: count, items: users } };
      });
    },
  } satisfies Partial<Operations>;
}

/** Throws Problem INVALID_REQUEST that names each id which is no permission that a role may hold. */
function requireGrantable(permissionIds: readonly string[]): void {
  const errors = permissionIds.flatMap((id, index) =>
    grantable.has(id) ? [] : [{ field: `permissionIds/${index}`, message: 'is no permission that a role may hold' }],
  );
  if (errors.length === 0) return;
  throw new Problem('INVALID_REQUEST', '`permissionIds` names what a role may not hold', { errors });
}

/** A permission may have left the catalogue of this database while a newer version runs beside. */
async function apply(tx: Tx, roleId: string, difference: Parameters<typeof applyDifference>[2]): Promise<void> {
  try {
    await applyDifference(tx, roleId, difference);
  } catch (error) {
    if (!(error instanceof ConstraintError) || error.constraint !== 'fk_role_permission_permission') throw error;
    const errors = [{ field: 'permissionIds', message: 'names a permission that is not in the catalogue' }];
    throw new Problem('INVALID_REQUEST', '`permissionIds` is ahead of the catalogue', { errors, cause: error });
  }
}

/** What to tell whoever saw an older version: the set as it is, and the changes that came between. */
async function conflict(tx: Tx, { tenantId, roleId, seen }: { tenantId: string; roleId: string; seen: number }) {
  const { version, permissionIds } = await getRole(tx, tenantId, roleId);
  const between = Math.min(Math.max(version - seen, 0), CHANGES_NAMED);
  const changes = between === 0 ? [] : await listSetChanges(tx, { tenantId, roleId, limit: between });
  const named = changes.map(({ at, ...rest }) => ({ at: at.toISOString(), ...rest }));
  return new Problem('VERSION_CONFLICT', `the role is at version ${version}, not ${seen}`, {
    facts: { changed: { version, permissionIds, changes: named } },
  });
}
