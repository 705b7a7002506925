/**
 * SQL of what a token says of its subject: roles in force, and everybody below them.
 *
 * Whoever reads `managed_user_ids` takes it for leave to read those people, as the sales template's code does. So it names
 * whom the model's `lead` reaches, and nobody else: all below by assignments in force, for who holds `team.read`.
 * tests/integration/introspection.test.ts compares the two.
 */
import type { Tx } from '../platform/postgres.js';

/** The roles that a user ($1) holds in a tenant ($2) at a moment ($3), global assignments included. */
const HELD = `
  security.user_role ur join security.role r on r.tenant_id = $2::text
    and (r.id = ur.role_id or ur.tenant_id is null and r.is_system and r.name = ur.role_name)
    and ur.user_id = $1::text and ur.revoked_at is null
    and coalesce(ur.valid_from <= $3::timestamptz, true) and coalesce(ur.expires_at > $3::timestamptz, true)`;

/** The names of the roles that the user holds in the tenant now, global assignments included, in order. */
export async function listRoleNames(
  tx: Tx,
  { userId, tenantId, now }: { userId: string; tenantId: string; now: Date },
): Promise<string[]> {
  const { rows } = await tx.query<{ name: string }>({
    name: 'list-role-names',
    text: `
      select distinct r.name from ${HELD}
      order by r.name
      limit 200`,
    values: [userId, tenantId, now],
  });
  return rows.map(({ name }) => name);
}

export async function isPlatformAdmin(tx: Tx, userId: string): Promise<boolean> {
  const { rowCount } = await tx.query({
    name: 'is-platform-admin',
    text: `select from identity.platform_admin where user_id = $1::text`,
    values: [userId],
  });
  return rowCount > 0;
}

/**
 * Everybody below the user, by assignments in force now, where the user holds `team.read`; at most `limit` of them, so that
 * nobody walks a whole company.
 */
export async function listManagedUserIds(
  tx: Tx,
  { userId, tenantId, now, limit }: { userId: string; tenantId: string; now: Date; limit: number },
): Promise<string[]> {
  const { rows } = await tx.query<{ userId: string }>({
    name: 'list-managed-user-ids',
    text: `
      with recursive below (user_id) as (
        select $1::text where exists (
          select from ${HELD} join security.role_permission rp on rp.role_id = r.id and rp.permission_id = 'team.read')
        union
        select a.assigned_user_id from below b join security.user_assignment a
          on a.tenant_id = $2::text and a.user_id = b.user_id
            and coalesce(a.valid_from <= $3::timestamptz, true) and coalesce(a.expires_at > $3::timestamptz, true)
      )
      select user_id as "userId" from below where user_id <> $1::text limit $4::int`,
    values: [userId, tenantId, now, limit],
  });
  return rows.map((row) => row.userId).sort();
}
