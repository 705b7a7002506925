/**
 * SQL for effective permissions: what the rows say of a user, with every origin, and who holds a permission.
 *
 * These statements are the second witness beside the engine: they never decide.
 */
import type { PresetName } from '../contract/presets.js';
import type { Tx } from '../platform/postgres.js';
import type { HolderRow } from './role-store.js';
import { roleOf } from './user-role-store.js';

export interface OriginRow {
  readonly permissionId: string;
  readonly roleId: string;
  readonly roleName: string;
  readonly assignmentId: string;
  readonly validFrom: Date | null;
  readonly expiresAt: Date | null;
}

/** What decides, besides their roles, what a user of the tenant may do. */
export interface UserFacts {
  readonly isActive: boolean;
  readonly isPlatformAdmin: boolean;
  readonly tenantStatus: 'active' | 'read_only' | 'suspended';
}

/** Undefined where the tenant has no such user. */
export async function findUserFacts(tx: Tx, tenantId: string, userId: string): Promise<UserFacts | undefined> {
  const { rows } = await tx.query<UserFacts>({
    name: 'find-user-facts',
    text: `
      select u.status = 'active' as "isActive", security.is_platform_admin(u.id) as "isPlatformAdmin",
             t.status as "tenantStatus"
      from security.app_user u join identity.tenant t on t.id = u.tenant_id
      where u.tenant_id = $1::text and u.id = $2::text`,
    values: [tenantId, userId],
  });
  return rows[0];
}

/** The preset of the tenant; undefined where there is no such tenant. */
export async function findPreset(tx: Tx, tenantId: string): Promise<PresetName | undefined> {
  const { rows } = await tx.query<{ preset: PresetName }>({
    name: 'find-preset',
    text: `select preset from identity.tenant where id = $1::text`,
    values: [tenantId],
  });
  return rows[0]?.preset;
}

const IN_FORCE = `ur.revoked_at is null and (ur.valid_from is null or ur.valid_from <= $2::timestamptz)
  and (ur.expires_at is null or ur.expires_at > $2::timestamptz)`;

/** Every way by which a role gives the user a permission at the moment `at`. */
export async function listOrigins(
  tx: Tx,
  { tenantId, userId, at }: { tenantId: string; userId: string; at: Date },
): Promise<OriginRow[]> {
  const { rows } = await tx.query<OriginRow>({
    name: 'list-origins',
    text: `
      select g.permission_id as "permissionId", r.id as "roleId", r.name as "roleName", ur.id as "assignmentId",
             ur.valid_from as "validFrom", ur.expires_at as "expiresAt"
      from security.user_role ur
        join security.role r on ${roleOf('$3::text')}
        join security.role_permission g on g.role_id = r.id
      where ur.user_id = $1::text and ${IN_FORCE}
      order by r.name, ur.id, g.permission_id limit 100000`,
    values: [userId, at.toISOString(), tenantId],
  });
  return rows;
}

/** Enabled users whom a role gives the permission at the moment, in the order of their ids; `after` is '' at first. */
export async function listPermissionHolders(
  tx: Tx,
  page: {
    readonly tenantId: string;
    readonly at: Date;
    readonly permissionId: string;
    readonly after: string;
    readonly limit: number;
  },
): Promise<HolderRow[]> {
  const { rows } = await tx.query<HolderRow>({
    name: 'list-permission-holders',
    text: `
      select u.id as "userId", u.display_name as "displayName", u.status
      from security.app_user u
      where u.tenant_id = $1::text and u.id > $4::text and u.status = 'active' and exists (
        select from security.user_role ur
          join security.role r on ${roleOf('$1::text')}
          join security.role_permission g on g.role_id = r.id and g.permission_id = $3::text
        where ur.user_id = u.id and ${IN_FORCE})
      order by u.id limit $5::int`,
    values: [page.tenantId, page.at.toISOString(), page.permissionId, page.after, page.limit],
  });
  return rows;
}
