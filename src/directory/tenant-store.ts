/** SQL for tenants. Every function runs in the transaction it is handed. */
import type { PresetName } from '../contract/presets.js';
import type { Tx } from '../platform/postgres.js';

export interface NewTenant {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  readonly preset: PresetName;
}

/** Adds a tenant; the system roles of its preset come with it. */
export async function insertTenant(tx: Tx, tenant: NewTenant): Promise<void> {
  await tx.query({
    text: `
      insert into identity.tenant (id, slug, name, preset)
      values ($1::text, $2::text, $3::text, $4::text)`,
    values: [tenant.id, tenant.slug, tenant.name, tenant.preset],
  });
}
