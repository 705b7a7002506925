/** SQL for tenants and the roles that their preset brings. Every function runs in the transaction it is handed. */
import { presets } from '../contract/presets.js';
import type { PresetName } from '../contract/presets.js';
import type { Tx } from '../platform/postgres.js';

export interface NewTenant {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  readonly preset: PresetName;
}

/** Adds a tenant with the system roles of its preset; a role's id is made by `roleIdOf` from its name. */
export async function insertTenant(tx: Tx, tenant: NewTenant, roleIdOf: (roleName: string) => string): Promise<void> {
  await tx.query({
    text: `
      insert into identity.tenant (id, slug, name, preset)
      values ($1::text, $2::text, $3::text, $4::text)`,
    values: [tenant.id, tenant.slug, tenant.name, tenant.preset],
  });
  for (const role of presets[tenant.preset].roles) {
    await tx.query({
      text: `
        insert into security.role (id, tenant_id, name, description, is_system)
        values ($1::text, $2::text, $3::text, $4::text, true)`,
      values: [roleIdOf(role.name), tenant.id, role.name, role.description],
    });
    await tx.query({
      text: `insert into security.role_permission (role_id, permission_id) select $1::text, unnest($2::text[])`,
      values: [roleIdOf(role.name), role.permissions],
    });
  }
}
