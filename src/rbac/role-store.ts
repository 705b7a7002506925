/**
 * SQL for `security.role`, and for who has a role.
 *
 * Every statement runs in a transaction whose `bailiwick.tenant_id` is the tenant, as row security demands.
 */
import type { Tx } from '../platform/postgres.js';

export interface RoleRow {
  readonly id: string;
  readonly roleName: string;
  readonly description: string;
  readonly isSystem: boolean;
  readonly permissionIds: string[];
  /** Users who have it now, through an assignment of their own or a global one. */
  readonly activeUserCount: number;
  readonly version: number;
}

/**
 * SQL for who has the role `r`, by assignments `ur` that meet a condition: two ways, each by an index of its own. As one
 * condition with an `or` they are looked for among everybody's.
 */
const assignmentsOf = (condition: string): string => `
  select ur.user_id from security.user_role ur where ur.role_id = r.id and ${condition}
  union all
  select ur.user_id from security.user_role ur
  where r.is_system and ur.tenant_id is null and ur.role_name = r.name and ${condition}`;

const STANDING = `ur.revoked_at is null and (ur.expires_at is null or ur.expires_at > now())`;
const IN_FORCE = `${STANDING} and (ur.valid_from is null or ur.valid_from <= now())`;

/** `offset 0` keeps each holder a look into an index: Postgres 15 compares them with all of the tenant's people else. */
const ROLE = `
  r.id, r.name as "roleName", r.description, r.is_system as "isSystem", r.version::float8 as version,
  array(select g.permission_id from security.role_permission g where g.role_id = r.id order by g.permission_id)
    as "permissionIds",
  (select count(distinct h.user_id)::int from (${assignmentsOf(IN_FORCE)}) h
     cross join lateral (select from security.app_user u
                         where u.id = h.user_id and u.tenant_id = r.tenant_id and u.status = 'active' offset 0) active
  ) as "activeUserCount"`;

/** A place in the list: system roles come first, then by name. */
export interface RolePlace {
  readonly isSystem: boolean;
  readonly roleName: string;
}

/** At most `limit` roles after a place. */
export async function listRoles(
  tx: Tx,
  page: { readonly tenantId: string; readonly after: RolePlace | undefined; readonly limit: number },
): Promise<RoleRow[]> {
  const { rows } = await tx.query<RoleRow>({
    name: 'list-roles',
    text: `
      select ${ROLE} from security.role r
      where r.tenant_id = $1::text
        and ($2::boolean is null or (not r.is_system, r.name) > (not $2::boolean, $3::text))
      order by not r.is_system, r.name limit $4::int`,
    values: [page.tenantId, page.after?.isSystem ?? null, page.after?.roleName ?? '', page.limit],
  });
  return rows;
}

export async function findRole(tx: Tx, tenantId: string, roleId: string): Promise<RoleRow | undefined> {
  const { rows } = await tx.query<RoleRow>({
    name: 'find-role',
    text: `select ${ROLE} from security.role r where r.tenant_id = $1::text and r.id = $2::text`,
    values: [tenantId, roleId],
  });
  return rows[0];
}

/** Holds the role against every other change until the transaction ends; undefined where there is none. */
export async function lockRole(
  tx: Tx,
  tenantId: string,
  roleId: string,
): Promise<Pick<RoleRow, 'id' | 'roleName' | 'description' | 'isSystem' | 'version'> | undefined> {
  const { rows } = await tx.query<Pick<RoleRow, 'id' | 'roleName' | 'description' | 'isSystem' | 'version'>>({
    name: 'lock-role',
    text: `
      select r.id, r.name as "roleName", r.description, r.is_system as "isSystem", r.version::float8 as version
      from security.role r where r.tenant_id = $1::text and r.id = $2::text for update`,
    values: [tenantId, roleId],
  });
  return rows[0];
}

/** Adds a custom role without permissions; resolves to its id. */
export async function insertRole(
  tx: Tx,
  role: { readonly tenantId: string; readonly roleName: string; readonly description: string },
): Promise<string> {
  const { rows } = await tx.query<{ id: string }>({
    name: 'insert-role',
    text: `insert into security.role (tenant_id, name, description) values ($1::text, $2::text, $3::text) returning id`,
    values: [role.tenantId, role.roleName, role.description],
  });
  if (rows[0] === undefined) throw new Error('the new role has no id');
  return rows[0].id;
}

export async function updateDescription(tx: Tx, roleId: string, description: string): Promise<void> {
  await tx.query({
    name: 'update-role-description',
    text: `update security.role set description = $2::text where id = $1::text and description <> $2::text`,
    values: [roleId, description],
  });
}

/** Removes a role with its ended assignments and its permission set, in the order that the foreign keys ask for. */
export async function deleteRole(tx: Tx, roleId: string): Promise<void> {
  for (const [name, text] of [
    [
      'sweep-tombstones',
      `delete from security.user_role where role_id = $1::text and (revoked_at is not null or expires_at <= now())`,
    ],
    ['delete-role-permissions', `delete from security.role_permission where role_id = $1::text`],
    ['delete-role', `delete from security.role where id = $1::text`],
  ] as const) {
    await tx.query({ name, text, values: [roleId] });
  }
}

export interface HolderRow {
  readonly userId: string;
  readonly displayName: string;
  readonly status: 'active' | 'disabled';
}

/** Users with an assignment of the role that has not ended, in the order of their ids; `after` is '' at the beginning. */
export async function listHolders(
  tx: Tx,
  page: { readonly tenantId: string; readonly roleId: string; readonly after: string; readonly limit: number },
): Promise<HolderRow[]> {
  const { rows } = await tx.query<HolderRow>({
    name: 'list-holders',
    text: `
      select u.id as "userId", u.display_name as "displayName", u.status
      from security.role r
        cross join lateral (select distinct a.user_id from (${assignmentsOf(STANDING)}) a where a.user_id > $2::text) h
        join security.app_user u on u.id = h.user_id and u.tenant_id = r.tenant_id
      where r.tenant_id = $4::text and r.id = $1::text
      order by u.id limit $3::int`,
    values: [page.roleId, page.after, page.limit, page.tenantId],
  });
  return rows;
}

/** How many users have an assignment of the role, a custom one, that has not ended. */
export async function countHolders(tx: Tx, roleId: string): Promise<number> {
  const { rows } = await tx.query<{ count: number }>({
    name: 'count-holders',
    text: `
      select count(distinct ur.user_id)::int as count from security.user_role ur
      where ur.role_id = $1::text and ${STANDING}`,
    values: [roleId],
  });
  return rows[0]?.count ?? 0;
}
