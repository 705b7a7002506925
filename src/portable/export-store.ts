/**
 * SQL that reads what an export holds, a tenant at a time, in pages, by ids. Moments are written to the microsecond, as
 * Postgres has them: JavaScript's own have fewer places. What has ended is left out.
 */
import type { Tx } from '../platform/postgres.js';
import type { Kind, LineOf } from './document.js';

const PAGE = 1_000;

const moment = (column: string): string => `to_char(${column}, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
const WINDOW = `${moment('x.valid_from')} as "validFrom", ${moment('x.expires_at')} as "expiresAt"`;
const STANDS = `(x.expires_at is null or x.expires_at > now())`;

/** Each takes the tenant, the place after which to go on, and how many rows. */
const PAGES = {
  role: `
    select x.id as place, 'role' as kind, x.id, x.name, x.description, x.is_system as "isSystem",
           array(select g.permission_id from security.role_permission g where g.role_id = x.id
                 order by g.permission_id collate "C") as permissions
    from security.role x where x.tenant_id = $1 and x.id collate "C" > $2 order by x.id collate "C" limit $3`,
  user: `
    select x.id as place, 'user' as kind, x.id, x.email, x.display_name as "displayName", x.status
    from security.app_user x where x.tenant_id = $1 and x.id collate "C" > $2 order by x.id collate "C" limit $3`,
  assignment: `
    select * from (
      select x.user_id || ' ' || coalesce(x.role_id, '*' || x.role_name) as place, 'assignment' as kind,
             x.user_id as "userId", x.role_id as "roleId", x.role_name as "roleName", ${WINDOW}
      from security.user_role x join security.app_user u on u.id = x.user_id
      where u.tenant_id = $1 and x.revoked_at is null and ${STANDS}) a
    where place collate "C" > $2 order by place collate "C" limit $3`,
  manager: `
    select * from (
      select x.user_id || ' ' || x.assigned_user_id as place, 'manager' as kind,
             x.user_id as "userId", x.assigned_user_id as "managedUserId", ${WINDOW}
      from security.user_assignment x where x.tenant_id = $1 and ${STANDS}) a
    where place collate "C" > $2 order by place collate "C" limit $3`,
} satisfies Partial<Record<Kind, string>>;

/** All tenants, or the one, by their ids. */
export async function listTenants(tx: Tx, tenantId: string | undefined): Promise<LineOf<'tenant'>[]> {
  const { rows } = await tx.query<LineOf<'tenant'>>({
    text: `select 'tenant' as kind, t.id, t.slug, t.name, t.preset, t.status from identity.tenant t
           where $1::text is null or t.id = $1 order by t.id collate "C"`,
    values: [tenantId ?? null],
  });
  return rows;
}

/** The rows of one kind of the tenant, as lines. */
export async function* listOfTenant(tx: Tx, tenantId: string, kind: keyof typeof PAGES): AsyncGenerator<object> {
  for (let after = ''; ;) {
    const { rows } = await tx.query<{ place: string }>({ text: PAGES[kind], values: [tenantId, after, PAGE] });
    for (const { place, ...row } of rows) {
      after = place;
      yield row;
    }
    if (rows.length < PAGE) return;
  }
}

/** Writes down that the tenant's people and rights are taken out; the entry's actor is the login. */
export async function noteExport(tx: Tx, tenantId: string): Promise<void> {
  await tx.query({ text: `select audit.note_export($1)`, values: [tenantId] });
}
