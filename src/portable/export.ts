/**
 * `bailiwick export`: who has what, of one tenant or of all, out of one snapshot (document.ts). It is people's data, so
 * each tenant has an entry before its first line is given out.
 */
import type { Pool } from '../platform/postgres.js';
import { FORM } from './document.js';
import { listOfTenant, listTenants, noteExport } from './export-store.js';

export interface ExportContext {
  /** As `bailiwick_operator`. */
  readonly pool: Pool;
  /** Takes a line without its end; resolves when it can take more. */
  readonly write: (line: string) => Promise<void>;
}

/** Resolves to the number of lines. Throws where there is no such tenant. */
export async function exportAccess({ pool, write }: ExportContext, tenantId: string | undefined): Promise<number> {
  const noted = await pool.transaction(async (tx) => {
    const tenants = await listTenants(tx, tenantId);
    if (tenantId !== undefined && tenants.length === 0) throw new Error(`there is no tenant \`${tenantId}\``);
    for (const { id } of tenants) await noteExport(tx, id);
    return new Set(tenants.map(({ id }) => id));
  });
  let lines = 0;
  const add = async (line: object): Promise<void> => {
    lines += 1;
    await write(JSON.stringify(line));
  };
  await pool.transaction(
    async (tx) => {
      await add({ kind: 'form', form: FORM });
      for (const tenant of await listTenants(tx, tenantId)) {
        if (!noted.has(tenant.id)) continue;
        await add(tenant);
        for (const kind of ['role', 'user', 'assignment', 'manager'] as const) {
          for await (const row of listOfTenant(tx, tenant.id, kind)) await add(row);
        }
      }
    },
    { isolation: 'repeatable read' },
  );
  return lines;
}
