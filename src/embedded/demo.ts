/** Writes the demo world: whole, in one transaction, with an operator's rights, and only into an empty database. */
import { catalogue } from '../contract/model.js';
import { presets } from '../contract/presets.js';
import { insertTenant } from '../directory/tenant-store.js';
import type { Pool, Tx } from '../platform/postgres.js';
import { replaceCatalogue } from '../sync/model-store.js';
import {
  insertCustomRole,
  insertPlatformAdmin,
  insertRecords,
  insertTeams,
  insertUserRoles,
  insertUsers,
  lockAndLookForTenants,
} from './demo-store.js';
import { demoTenants, platformAdmin } from './demo-world.js';
import type { DemoTenant } from './demo-world.js';

/** Resolves to whether it was written; false where the database has tenants. */
export async function writeDemoWorld({ operator, sync }: { operator: Pool; sync: Pool }): Promise<boolean> {
  return await operator.transaction(async (tx) => {
    if (await lockAndLookForTenants(tx)) return false;
    // Grants name permissions, and the service, which keeps the catalogue, starts later.
    await sync.transaction((syncTx) => replaceCatalogue(syncTx, { catalogue, presets: Object.values(presets) }));
    await insertUsers(tx, null, [platformAdmin]);
    await insertPlatformAdmin(tx, platformAdmin.id);
    for (const tenant of demoTenants) await writeTenant(tx, tenant);
    return true;
  });
}

async function writeTenant(tx: Tx, tenant: DemoTenant): Promise<void> {
  await insertTenant(tx, tenant);
  for (const role of tenant.customRoles) {
    await insertCustomRole(tx, { ...role, id: `${tenant.id}.${role.name.toLowerCase()}`, tenantId: tenant.id });
  }
  await insertUsers(tx, tenant.id, tenant.users);
  const assignments = tenant.users.flatMap(({ id, roles, rolesExpireAt }) =>
    roles.map((roleName) => ({ userId: id, roleName, expiresAt: rolesExpireAt })),
  );
  await insertUserRoles(tx, tenant.id, assignments);
  await insertTeams(tx, tenant.id, pairsOf(tenant.teams));
  await insertRecords(tx, tenant.id, pairsOf(tenant.records));
}

function pairsOf(byKey: Readonly<Record<string, readonly string[]>>): string[][] {
  return Object.entries(byKey).flatMap(([key, values]) => values.map((value) => [key, value]));
}
