/**
 * SQL for a role's permission set: replacing it, what became of it, and whom a new one would concern.
 *
 * Every statement runs in a transaction whose `bailiwick.tenant_id` is the tenant, as row security demands.
 */
import type { Tx } from '../platform/postgres.js';
import { roleOf } from './user-role-store.js';

export interface PermissionSetDifference {
  readonly added: string[];
  readonly removed: string[];
}

/** What a set would add to and remove from the role's own, in order. */
export async function compareSet(
  tx: Tx,
  roleId: string,
  permissionIds: readonly string[],
): Promise<PermissionSetDifference> {
  const { rows } = await tx.query<PermissionSetDifference>({
    name: 'compare-permission-set',
    text: `
      select array(select w from unnest($2::text[]) w except
                   select g.permission_id from security.role_permission g where g.role_id = $1::text order by 1) as added,
             array(select g.permission_id from security.role_permission g where g.role_id = $1::text except
                   select w from unnest($2::text[]) w order by 1) as removed`,
    values: [roleId, permissionIds],
  });
  return rows[0] ?? { added: [], removed: [] };
}

/** Takes away first, then adds: one entry, made when it commits, and one Write to the engine. */
export async function applyDifference(
  tx: Tx,
  roleId: string,
  { added, removed }: PermissionSetDifference,
): Promise<void> {
  if (removed.length > 0) {
    await tx.query({
      name: 'revoke-permissions',
      text: `delete from security.role_permission where role_id = $1::text and permission_id = any ($2::text[])`,
      values: [roleId, removed],
    });
  }
  if (added.length === 0) return;
  await tx.query({
    name: 'grant-permissions',
    text: `insert into security.role_permission (role_id, permission_id) select $1::text, unnest($2::text[])`,
    values: [roleId, added],
  });
}

/** Copies the permission set of one role to another. */
export async function copySet(tx: Tx, fromRoleId: string, toRoleId: string): Promise<void> {
  await tx.query({
    name: 'copy-permission-set',
    text: `
      insert into security.role_permission (role_id, permission_id)
      select $2::text, g.permission_id from security.role_permission g where g.role_id = $1::text`,
    values: [fromRoleId, toRoleId],
  });
}

/** The changes of permission set among the last `limit` changes of a role, newest first, as the entries have them. */
export async function listSetChanges(
  tx: Tx,
  { tenantId, roleId, limit }: { tenantId: string; roleId: string; limit: number },
): Promise<{ at: Date; actorUserId: string | null; added: string[]; removed: string[] }[]> {
  const { rows } = await tx.query<{ at: Date; actorUserId: string | null; added: string[]; removed: string[] }>({
    name: 'list-set-changes',
    text: `
      select a.accessed_at as at, a.actor_user_id as "actorUserId",
             array(select jsonb_array_elements_text(a.details->'added')) as added,
             array(select jsonb_array_elements_text(a.details->'removed')) as removed
      from (select c.id, c.accessed_at, c.actor_user_id, c.accessed_entity_type, c.details
            from audit.access_log c
            where c.tenant_id = $1::text and c.accessed_entity_id = $2::text
              and c.accessed_entity_type in ('role', 'role_permission')
            order by c.accessed_at desc, c.id desc limit $3::int) a
      where a.accessed_entity_type = 'role_permission'
      order by a.accessed_at desc, a.id desc`,
    values: [tenantId, roleId, limit],
  });
  return rows;
}

export interface AffectedUser {
  readonly userId: string;
  readonly displayName: string;
  readonly gains: string[];
  readonly losses: string[];
}

/**
 * Users who have the role, a custom one, now and would gain or lose something by the difference: a permission that another role of
 * theirs gives is neither gained nor lost. The first `limit` by id, and how many there are.
 */
export async function listAffected(
  tx: Tx,
  {
    tenantId,
    roleId,
    added,
    removed,
    limit,
  }: PermissionSetDifference & { tenantId: string; roleId: string; limit: number },
): Promise<{ count: number; users: AffectedUser[] }> {
  const { rows } = await tx.query<AffectedUser & { count: number }>({
    name: 'list-affected',
    text: `
      with effect as (
        select c.id as user_id, c.display_name,
               array(select p from unnest($2::text[]) p where p <> all (o.elsewhere)) as gains,
               array(select p from unnest($3::text[]) p where p <> all (o.elsewhere)) as losses
        from (select distinct ur.user_id from security.user_role ur where ur.role_id = $1::text and ${IN_FORCE}) h
          join security.app_user c on c.id = h.user_id and c.tenant_id = $5::text and c.status = 'active'
          cross join lateral (
          select array(
            select g.permission_id from security.user_role ur
              join security.role r on ${roleOf('$5::text')}
              join security.role_permission g on g.role_id = r.id
            where ur.user_id = c.id and r.id <> $1::text and ${IN_FORCE}
              and g.permission_id = any ($2::text[] || $3::text[]))) o (elsewhere))
      select e.user_id as "userId", e.display_name as "displayName", e.gains, e.losses, count(*) over ()::int as count
      from effect e where cardinality(e.gains) + cardinality(e.losses) > 0
      order by e.user_id limit $4::int`,
    values: [roleId, added, removed, limit, tenantId],
  });
  return {
    count: rows[0]?.count ?? 0,
    users: rows.map(({ userId, displayName, gains, losses }) => ({ userId, displayName, gains, losses })),
  };
}

const IN_FORCE = `ur.revoked_at is null and (ur.valid_from is null or ur.valid_from <= now())
  and (ur.expires_at is null or ur.expires_at > now())`;
