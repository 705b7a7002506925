/**
 * The rows that a list of users goes over: everybody who may have a permission, in the order of their ids.
 *
 * As in object-store.ts, a statement only leaves out who cannot be allowed; the engine decides. Windows of time are left
 * to the engine as well.
 *
 * INVARIANT: a way on which there are more users than a page holds brings as many of them as it holds, however many roles
 * each has; one cut shorter would end the list before its end.
 *
 * Every statement runs in a transaction that acts for the platform: platform admins and global assignments belong to no
 * tenant, and count in this one. Each names the tenant in every table that has one.
 */
import type { TenantPermission } from '../contract/model.js';
import type { Tx } from '../platform/postgres.js';

/** How somebody may come by a permission. */
export interface Ways {
  /** Permissions on the tenant, any of which suffices, when a role holds it. */
  readonly granted: readonly TenantPermission[];
  /** Whether platform admins have it. */
  readonly override: boolean;
  /** Whose profile, or which record, whose own or owner has it. */
  readonly own?: { readonly type: 'profile' | 'record'; readonly id: string };
  /** Whether those above that one may have it too. */
  readonly team: boolean;
}

export interface UserPage {
  readonly tenantId: string;
  readonly ways: Ways;
  /** The id after which the page begins; undefined begins the list. */
  readonly after: string | undefined;
  readonly limit: number;
}

/** The ids of at most `limit` users who may be allowed, in order. */
export async function listUserIds(tx: Tx, { tenantId, ways, after = '', limit }: UserPage): Promise<string[]> {
  const { granted, override, own, team } = ways;
  const { rows } = await tx.query<{ id: string }>({
    name: 'list-user-candidates',
    text: `
      with recursive above (user_id) as (
        select id from security.app_user where $5::text = 'profile' and id = $6::text and tenant_id = $1::text
        union
        select owner_user_id from security.record where $5::text = 'record' and id = $6::text and tenant_id = $1::text
        union
        select ua.user_id
        from above a join security.user_assignment ua on ua.assigned_user_id = a.user_id and ua.tenant_id = $1::text
        where $7::boolean
      ),
      granting (role_id, system_name) as (
        select r.id, case when r.is_system then r.name end
        from security.role r
        where r.tenant_id = $1::text and exists (
          select from security.role_permission g where g.role_id = r.id and g.permission_id = any($2::text[]))
      )
      select id from (
        select user_id from above where user_id > $3::text
        union
        (select distinct ur.user_id from security.user_role ur
         where ur.role_id in (select role_id from granting) and ur.revoked_at is null and ur.user_id > $3::text
         order by ur.user_id limit $4::int)
        union
        (select distinct ur.user_id from security.user_role ur
         where ur.tenant_id is null and ur.role_name in (select system_name from granting) and ur.revoked_at is null
           and ur.user_id > $3::text
         order by ur.user_id limit $4::int)
        union
        (select p.user_id from identity.platform_admin p where $8::boolean and p.user_id > $3::text
         order by p.user_id limit $4::int)
      ) as candidate (id)
      order by id limit $4::int`,
    values: [tenantId, granted, after, limit, own?.type ?? null, own?.id ?? null, team, override],
  });
  return rows.map((row) => row.id);
}
