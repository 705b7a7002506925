/**
 * SQL for what explain and what-if work on: the rows about a few users and objects of one tenant.
 *
 * Every statement runs in a transaction that acts for the platform: platform admins and global assignments belong to no
 * tenant, and count in this one. Each names the tenant in every table that has one. The transaction is `repeatable
 * read`, so that the facts are of one moment.
 */
import type { Tx } from '../platform/postgres.js';
import type { Facts, ManagerEdge, Person, Role, RoleAssignment } from './facts.js';

/** Whom and what the facts are about. */
export interface Wanted {
  readonly tenantId: string;
  readonly userIds: readonly string[];
  readonly profileIds?: readonly string[];
  readonly recordIds?: readonly string[];
  /** Roles besides those that the users have or had. */
  readonly roleIds?: readonly string[];
}

/** The most managers above objects that are looked at. */
const EDGES_MAX = 10_000;
/** The most assignments and roles of the users that are looked at. */
const ROLES_MAX = 50_000;

/** RFC 3339 with microseconds, held inside the years that the engine can compare; null stays null. */
const moment = (column: string): string =>
  `case when ${column} is not null then
     to_char(greatest(least(${column}, timestamptz '9999-12-31 23:59:59.999999+00'), timestamptz '0001-01-01 00:00:00+00')
       at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') end`;

/** Reads the facts. */
export async function loadFacts(tx: Tx, wanted: Wanted): Promise<Facts> {
  const { tenantId, userIds, profileIds = [], recordIds = [], roleIds = [] } = wanted;
  const tenants = await tx.query<NonNullable<Facts['tenant']>>({
    name: 'facts-tenant',
    text: `select status, preset from identity.tenant where id = $1::text`,
    values: [tenantId],
  });
  const records = await tx.query<Facts['records'][number]>({
    name: 'facts-records',
    text: `
      select id as "recordId", owner_user_id as "ownerUserId" from security.record
      where tenant_id = $1::text and id = any($2::text[]) order by id limit $3::int`,
    values: [tenantId, recordIds, recordIds.length],
  });
  const own = [...new Set([...profileIds, ...records.rows.map(({ ownerUserId }) => ownerUserId)])];
  const edges = await listEdgesAbove(tx, tenantId, own);
  const people = await listPeople(tx, tenantId, [...new Set([...userIds, ...own])]);
  const assignments = await listRoleAssignments(tx, tenantId, userIds);
  const roles = await listRoles(tx, tenantId, {
    ids: [...roleIds, ...assignments.flatMap(({ roleId }) => roleId ?? [])],
    names: assignments.flatMap(({ roleName }) => roleName ?? []),
  });
  return {
    tenantId,
    tenant: tenants.rows[0] ?? null,
    people,
    roles,
    assignments,
    edges: edges.slice(0, EDGES_MAX),
    records: records.rows,
    complete: edges.length <= EDGES_MAX && assignments.length < ROLES_MAX,
  };
}

/** The tenant's roles with the fewest permissions first, at most `limit`. */
export async function listSmallestRoles(tx: Tx, tenantId: string, limit: number): Promise<Role[]> {
  const { rows } = await tx.query<Role>({
    name: 'facts-smallest-roles',
    text: `${ROLE_COLUMNS} where r.tenant_id = $1::text
      order by cardinality(p.permissions), r.name limit $2::int`,
    values: [tenantId, limit],
  });
  return rows;
}

/** Users who hold the role, or have it everywhere by its name, in the order of their ids. */
export async function listHolderIds(
  tx: Tx,
  { tenantId, roleIds, limit }: { tenantId: string; roleIds: readonly string[]; limit: number },
): Promise<string[]> {
  const { rows } = await tx.query<{ id: string }>({
    name: 'facts-holders',
    text: `
      select distinct ur.user_id as id from security.user_role ur join security.role r
        on r.tenant_id = $1::text and r.id = any($2::text[])
        and (ur.role_id = r.id or ur.tenant_id is null and r.is_system and ur.role_name = r.name)
      where ur.revoked_at is null order by id limit $3::int`,
    values: [tenantId, roleIds, limit],
  });
  return rows.map(({ id }) => id);
}

/** Everybody who holds some role in the tenant, and platform admins, in the order of their ids. */
export async function listInsiderIds(tx: Tx, tenantId: string, limit: number): Promise<string[]> {
  const { rows } = await tx.query<{ id: string }>({
    name: 'facts-insiders',
    text: `
      select id from (
        select ur.user_id from security.user_role ur where ur.tenant_id = $1::text and ur.revoked_at is null
        union
        select ur.user_id from security.user_role ur where ur.tenant_id is null and ur.revoked_at is null
          and ur.role_name in (select r.name from security.role r where r.tenant_id = $1::text and r.is_system)
        union
        select p.user_id from identity.platform_admin p) as insider (id)
      order by id limit $2::int`,
    values: [tenantId, limit],
  });
  return rows.map(({ id }) => id);
}

async function listEdgesAbove(tx: Tx, tenantId: string, userIds: readonly string[]): Promise<ManagerEdge[]> {
  const { rows } = await tx.query<ManagerEdge>({
    // Without a name it is planned anew each time: a plan kept from before a large load would be quadratic.
    text: `
      with recursive above (manager_id, user_id, valid_from, expires_at) as (
        select ua.user_id, ua.assigned_user_id, ua.valid_from, ua.expires_at
        from security.user_assignment ua where ua.tenant_id = $1::text and ua.assigned_user_id = any($2::text[])
        union
        select ua.user_id, ua.assigned_user_id, ua.valid_from, ua.expires_at
        from above a cross join lateral (
          select * from security.user_assignment s
          where s.tenant_id = $1::text and s.assigned_user_id = a.manager_id offset 0) as ua
      )
      select manager_id as "managerId", user_id as "userId",
             ${moment('valid_from')} as "validFrom", ${moment('expires_at')} as "expiresAt"
      from above limit $3::int`,
    values: [tenantId, userIds, EDGES_MAX + 1],
  });
  return rows;
}

async function listPeople(tx: Tx, tenantId: string, userIds: readonly string[]): Promise<Person[]> {
  const { rows } = await tx.query<Person>({
    name: 'facts-people',
    text: `
      select u.id as "userId", u.status, u.tenant_id is not distinct from $1::text as "isMember",
             p.user_id is not null as "isPlatformAdmin"
      from security.app_user u left join identity.platform_admin p on p.user_id = u.id
      where u.id = any($2::text[]) order by u.id limit $3::int`,
    values: [tenantId, userIds, userIds.length],
  });
  return rows;
}

/** Of each pair of user and role the row that counts: the one in force, else the last that was revoked. */
async function listRoleAssignments(tx: Tx, tenantId: string, userIds: readonly string[]): Promise<RoleAssignment[]> {
  const { rows } = await tx.query<RoleAssignment>({
    name: 'facts-assignments',
    text: `
      select distinct on (user_id, role_id, role_name)
             id as "assignmentId", user_id as "userId", role_id as "roleId", role_name as "roleName", slot,
             ${moment('valid_from')} as "validFrom", ${moment('expires_at')} as "expiresAt",
             ${moment('revoked_at')} as "revokedAt"
      from security.user_role
      where user_id = any($2::text[]) and (tenant_id = $1::text or tenant_id is null)
      order by user_id, role_id, role_name, (revoked_at is null) desc, ordinal desc limit $3::int`,
    values: [tenantId, userIds, ROLES_MAX],
  });
  return rows;
}

const ROLE_COLUMNS = `
  select r.id as "roleId", r.name as "roleName", r.is_system as "isSystem", p.permissions
  from security.role r
  cross join lateral (
    select array(select g.permission_id from security.role_permission g where g.role_id = r.id order by 1)
  ) as p (permissions)`;

async function listRoles(
  tx: Tx,
  tenantId: string,
  { ids, names }: { ids: readonly string[]; names: readonly string[] },
): Promise<Role[]> {
  const { rows } = await tx.query<Role>({
    name: 'facts-roles',
    text: `${ROLE_COLUMNS}
      where r.tenant_id = $1::text and (r.id = any($2::text[]) or r.is_system and r.name = any($3::text[]))
      order by r.id limit $4::int`,
    values: [tenantId, [...new Set(ids)], [...new Set(names)], ROLES_MAX],
  });
  return rows;
}
