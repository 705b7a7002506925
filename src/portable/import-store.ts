/**
 * SQL that brings the rows of a document into the tables, some hundred at a time. Each statement takes the lines as JSON
 * and answers what it has changed; what stands so already is left alone, so that nothing is written for it.
 */
import type { Tx } from '../platform/postgres.js';
import type { Kind } from './document.js';

/** One row that was added (`+`), changed (`~`) or removed (`-`), by what people call it. */
export interface Change {
  readonly kind: Kind | 'permission';
  readonly sign: '+' | '~' | '-';
  readonly name: string;
}

const TENANT = `
  insert into identity.tenant as t (id, slug, name, preset)
    select x.id, x.slug, x.name, x.preset from jsonb_to_recordset($1) as x (id text, slug text, name text, preset text)
  on conflict (id) do update set slug = excluded.slug, name = excluded.name
    where (t.slug, t.name) is distinct from (excluded.slug, excluded.name)
  returning 'tenant' as kind, case when xmax = 0 then '+' else '~' end as sign, t.id as name`;

const STATUS = `
  update identity.tenant t set status = x.status from jsonb_to_recordset($1) as x (id text, status text)
  where t.id = x.id and t.status <> x.status
  returning 'tenant' as kind, '~' as sign, t.id || ' is ' || t.status as name`;

const ROLE = `
  insert into security.role as r (id, tenant_id, name, description)
    select x.id, $2, x.name, x.description from jsonb_to_recordset($1) as x (id text, name text, description text)
  on conflict (id) do update set name = excluded.name, description = excluded.description
    where r.tenant_id = excluded.tenant_id and (r.name, r.description) is distinct from (excluded.name, excluded.description)
  returning 'role' as kind, case when xmax = 0 then '+' else '~' end as sign, r.id as name`;

/** Of roles of this tenant alone: $2. */
const TAKEN = `
  delete from security.role_permission g using jsonb_to_recordset($1) as x (id text, permissions jsonb)
  where g.role_id = x.id and g.tenant_id = $2 and not x.permissions ? g.permission_id
  returning 'permission' as kind, '-' as sign, g.role_id || ' ' || g.permission_id as name`;

const GIVEN = `
  insert into security.role_permission as g (role_id, permission_id, tenant_id)
    select x.id, p.permission, $2 from jsonb_to_recordset($1) as x (id text, permissions jsonb)
      cross join jsonb_array_elements_text(x.permissions) p (permission)
    where not exists (select from security.role_permission h where h.role_id = x.id and h.permission_id = p.permission)
  returning 'permission' as kind, '+' as sign, g.role_id || ' ' || g.permission_id as name`;

const USER = `
  insert into security.app_user as u (id, tenant_id, email, display_name, status)
    select x.id, $2, x.email, x."displayName", x.status
    from jsonb_to_recordset($1) as x (id text, email text, "displayName" text, status text)
  on conflict (id) do update set email = excluded.email, display_name = excluded.display_name, status = excluded.status
    where u.tenant_id = excluded.tenant_id
      and (u.email, u.display_name, u.status) is distinct from (excluded.email, excluded.display_name, excluded.status)
  returning 'user' as kind, case when xmax = 0 then '+' else '~' end as sign, u.id as name`;

const LINES = `jsonb_to_recordset($1) as x ("userId" text, "roleId" text, "roleName" text, "managedUserId" text,
                                            "validFrom" timestamptz, "expiresAt" timestamptz)`;
const IN_WINDOW = `set valid_from = excluded.valid_from, expires_at = excluded.expires_at
    where (a.valid_from, a.expires_at) is distinct from (excluded.valid_from, excluded.expires_at)`;
const ASSIGNED = `returning 'assignment' as kind, case when xmax = 0 then '+' else '~' end as sign,
            a.user_id || ' ' || coalesce(a.role_id, a.role_name) as name`;

const ASSIGNMENT = `
  insert into security.user_role as a (user_id, role_id, tenant_id, valid_from, expires_at)
    select x."userId", x."roleId", $2, x."validFrom", x."expiresAt" from ${LINES} where x."roleId" is not null
  on conflict (user_id, role_id) where revoked_at is null do update ${IN_WINDOW} ${ASSIGNED}`;

const GLOBAL_ASSIGNMENT = `
  insert into security.user_role as a (user_id, role_name, valid_from, expires_at)
    select x."userId", x."roleName", x."validFrom", x."expiresAt" from ${LINES}
      join security.app_user u on u.id = x."userId" and u.tenant_id = $2
    where x."roleId" is null
  on conflict (user_id, role_name) where revoked_at is null and tenant_id is null do update ${IN_WINDOW} ${ASSIGNED}`;

const MANAGER = `
  insert into security.user_assignment as a (user_id, assigned_user_id, tenant_id, valid_from, expires_at)
    select x."userId", x."managedUserId", $2, x."validFrom", x."expiresAt" from ${LINES} where true
  on conflict (tenant_id, user_id, assigned_user_id) do update ${IN_WINDOW}
  returning 'manager' as kind, case when xmax = 0 then '+' else '~' end as sign, a.user_id || ' ' || a.assigned_user_id as name`;

/** In the order in which they build on each other; the status comes last (`setStatuses`). */
const STATEMENTS: Readonly<Record<Kind, readonly string[]>> = {
  tenant: [TENANT],
  role: [ROLE, TAKEN, GIVEN],
  user: [USER],
  assignment: [ASSIGNMENT, GLOBAL_ASSIGNMENT],
  manager: [MANAGER],
};

/** Brings lines of one kind and one tenant in. Rejects as Postgres refuses them. */
export async function mergeLines(
  tx: Tx,
  { kind, tenantId, lines }: { kind: Kind; tenantId: string; lines: readonly object[] },
): Promise<Change[]> {
  const changes: Change[] = [];
  for (const text of STATEMENTS[kind]) changes.push(...(await change(tx, text, [lines, tenantId])));
  return changes;
}

/** As the last: who is suspended is not seen less of meanwhile. */
export async function setStatuses(tx: Tx, tenants: readonly object[]): Promise<Change[]> {
  return await change(tx, STATUS, [tenants]);
}

async function change(tx: Tx, text: string, [lines, ...more]: [readonly object[], ...string[]]): Promise<Change[]> {
  const values = text.includes('$2') ? [JSON.stringify(lines), ...more] : [JSON.stringify(lines)];
  return (await tx.query<Change>({ text, values })).rows;
}

/** Those of the roles that are of the preset here, with what they hold. */
export async function listSystemRoles(tx: Tx, tenantId: string): Promise<Map<string, string[]>> {
  const { rows } = await tx.query<{ id: string; permissions: string[] }>({
    text: `select r.id, array(select g.permission_id from security.role_permission g where g.role_id = r.id) as permissions
           from security.role r where r.tenant_id = $1 and r.is_system`,
    values: [tenantId],
  });
  return new Map(rows.map(({ id, permissions }) => [id, permissions]));
}

/** Of the lines of one kind those that are somebody else's here, which `mergeLines` has left alone. */
export async function listForeign(tx: Tx, tenantId: string, ids: readonly string[]): Promise<string[]> {
  const { rows } = await tx.query<{ id: string }>({
    text: `select id from security.app_user where id = any($2) and tenant_id is distinct from $1
           union all select id from security.role where id = any($2) and tenant_id <> $1
           union all select id from identity.tenant where id = any($2) and id <> $1`,
    values: [tenantId, ids],
  });
  return rows.map(({ id }) => id);
}

export interface Kept {
  /** User and role, or user and the name of a preset's role. */
  readonly assignments: readonly (readonly [userId: string, role: string])[];
  readonly managers: readonly (readonly [userId: string, managedUserId: string])[];
}

/** Ends what stands in the tenant and is not among what is kept. */
export async function prune(tx: Tx, tenantId: string, { assignments, managers }: Kept): Promise<Change[]> {
  const pairs = (of: Kept['assignments']): string[][] => [of.map(([first]) => first), of.map(([, second]) => second)];
  const ended = await tx.query<Change>({
    text: `
      update security.user_role a set revoked_at = now() from security.app_user u
      where u.id = a.user_id and u.tenant_id = $1 and a.revoked_at is null and (a.expires_at is null or a.expires_at > now())
        and not exists (select from unnest($2::text[], $3::text[]) k (user_id, role)
                        where k.user_id = a.user_id and k.role = coalesce(a.role_id, a.role_name))
      returning 'assignment' as kind, '-' as sign, a.user_id || ' ' || coalesce(a.role_id, a.role_name) as name`,
    values: [tenantId, ...pairs(assignments)],
  });
  const gone = await tx.query<Change>({
    text: `
      delete from security.user_assignment a
      where a.tenant_id = $1 and (a.expires_at is null or a.expires_at > now())
        and not exists (select from unnest($2::text[], $3::text[]) k (user_id, managed)
                        where k.user_id = a.user_id and k.managed = a.assigned_user_id)
      returning 'manager' as kind, '-' as sign, a.user_id || ' ' || a.assigned_user_id as name`,
    values: [tenantId, ...pairs(managers)],
  });
  return [...ended.rows, ...gone.rows];
}

/** Has every rule that waits for the end look now. */
export async function holdToRules(tx: Tx): Promise<void> {
  await tx.query({ text: `set constraints all immediate` });
}
