/**
 * SQL for `identity.tenant`.
 *
 * Every function runs in the transaction it is handed, which acts for the platform.
 */
import type { PresetName } from '../contract/presets.js';
import type { Tx } from '../platform/postgres.js';

export interface NewTenant {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  readonly preset: PresetName;
}

export interface TenantRow extends NewTenant {
  readonly status: 'active' | 'read_only' | 'suspended';
  readonly showOneTimePasswords: boolean;
  readonly createdAt: Date;
}

const TENANT = `
  t.id, t.slug, t.name, t.preset, t.status, t.show_one_time_passwords as "showOneTimePasswords",
  t.created_at as "createdAt"`;

/** Adds a tenant; the system roles of its preset come with it. */
export async function insertTenant(tx: Tx, tenant: NewTenant): Promise<void> {
  await tx.query({
    text: `
      insert into identity.tenant (id, slug, name, preset)
      values ($1::text, $2::text, $3::text, $4::text)`,
    values: [tenant.id, tenant.slug, tenant.name, tenant.preset],
  });
}

export async function findTenant(tx: Tx, tenantId: string): Promise<TenantRow | undefined> {
  const { rows } = await tx.query<TenantRow>({
    name: 'find-tenant',
    text: `select ${TENANT} from identity.tenant t where t.id = $1::text`,
    values: [tenantId],
  });
  return rows[0];
}

export interface TenantFilter {
  /** A part of the name or of the slug. */
  readonly search: string | undefined;
  readonly status: TenantRow['status'] | undefined;
}

/** At most `limit` tenants by name, after one; `after` is '' at the beginning. */
export async function listTenants(
  tx: Tx,
  page: { readonly filter: TenantFilter; readonly after: string; readonly limit: number },
): Promise<TenantRow[]> {
  const { search, status } = page.filter;
  const { rows } = await tx.query<TenantRow>({
    text: `
      select ${TENANT} from identity.tenant t
      where t.name > $1::text
        and ($2::text is null or strpos(lower(t.name), lower($2::text)) > 0 or strpos(t.slug, lower($2::text)) > 0)
        and ($3::text is null or t.status = $3::text)
      order by t.name limit $4::int`,
    values: [page.after, search ?? null, status ?? null, page.limit],
  });
  return rows;
}

/** What is to change; what is left out stays. */
export interface TenantChange {
  readonly name: string | undefined;
  readonly status: TenantRow['status'] | undefined;
  readonly showOneTimePasswords: boolean | undefined;
}

/** Resolves to whether there is such a tenant. Where nothing changes, nothing is written. */
export async function updateTenant(tx: Tx, tenantId: string, change: TenantChange): Promise<boolean> {
  const { rowCount } = await tx.query({
    text: `select from identity.tenant where id = $1::text for update`,
    values: [tenantId],
  });
  if (rowCount === 0) return false;
  await tx.query({
    text: `
      update identity.tenant t set name = wanted.name, status = wanted.status, show_one_time_passwords = wanted.shows
      from (select coalesce($2::text, s.name) as name, coalesce($3::text, s.status) as status,
                   coalesce($4::boolean, s.show_one_time_passwords) as shows
            from identity.tenant s where s.id = $1::text) wanted
      where t.id = $1::text
        and (t.name, t.status, t.show_one_time_passwords) is distinct from (wanted.name, wanted.status, wanted.shows)`,
    values: [tenantId, change.name ?? null, change.status ?? null, change.showOneTimePasswords ?? null],
  });
  return true;
}
