/**
 * SQL for `security.user_role`: a user's assignments in the tenant. A revoked row stays as a tombstone.
 *
 * Every statement runs in a transaction whose `bailiwick.tenant_id` is the tenant, as row security demands.
 */
import type { Tx } from '../platform/postgres.js';
import type { TimeWindow } from '../shared/time-window.js';

export interface AssignmentRow {
  readonly assignmentId: string;
  readonly roleId: string;
  readonly roleName: string;
  /** Whether it holds in all tenants of the preset. */
  readonly isGlobal: boolean;
  readonly validFrom: Date | null;
  readonly expiresAt: Date | null;
  readonly assignedAt: Date;
}

/**
 * SQL for the role of an assignment `ur` in the tenant that a parameter names; a global assignment has only the name.
 * Written so that either way is one look into an index, of this tenant's roles alone.
 */
export const roleOf = (tenant: string): string => `r.tenant_id = ${tenant} and r.id = coalesce(ur.role_id,
  (select s.id from security.role s where s.tenant_id = ${tenant} and lower(s.name) = lower(ur.role_name)
     and s.name = ur.role_name and s.is_system))`;

/** Assignments of the user that have not ended, global ones included, by role name. */
export async function listAssignments(
  tx: Tx,
  { tenantId, userId, limit }: { tenantId: string; userId: string; limit: number },
): Promise<AssignmentRow[]> {
  const { rows } = await tx.query<AssignmentRow>({
    name: 'list-assignments',
    text: `
      select ur.id as "assignmentId", r.id as "roleId", r.name as "roleName", ur.role_id is null as "isGlobal",
             ur.valid_from as "validFrom", ur.expires_at as "expiresAt", ur.assigned_at as "assignedAt"
      from security.user_role ur join security.role r on ${roleOf('$3::text')}
      where ur.user_id = $1::text and ur.revoked_at is null and (ur.expires_at is null or ur.expires_at > now())
      order by r.name, ur.id limit $2::int`,
    values: [userId, limit, tenantId],
  });
  return rows;
}

/** Whether the tenant has the user; held until the transaction ends, so that they are not removed meanwhile. */
export async function lockUser(tx: Tx, tenantId: string, userId: string): Promise<boolean> {
  const { rowCount } = await tx.query({
    name: 'lock-user',
    text: `select id from security.app_user where tenant_id = $1::text and id = $2::text for key share`,
    values: [tenantId, userId],
  });
  return rowCount === 1;
}

export async function hasUser(tx: Tx, tenantId: string, userId: string): Promise<boolean> {
  const { rowCount } = await tx.query({
    name: 'has-user',
    text: `select id from security.app_user where tenant_id = $1::text and id = $2::text`,
    values: [tenantId, userId],
  });
  return rowCount === 1;
}

export interface Assigned extends TimeWindow {
  readonly assignmentId: string;
  readonly changed: boolean;
}

/**
 * Assigns the role, or gives the assignment that stands another window; what stands so already is left as it is.
 * Throws ConstraintError `fk_user_role_role` where the tenant has no such role (any longer).
 */
export async function upsertAssignment(
  tx: Tx,
  { tenantId, userId, roleId, validFrom, expiresAt }: { tenantId: string; userId: string; roleId: string } & TimeWindow,
): Promise<Assigned> {
  const values = [userId, roleId, validFrom?.toISOString() ?? null, expiresAt?.toISOString() ?? null, tenantId];
  const written = await tx.query<Assigned>({
    name: 'upsert-assignment',
    text: `
      insert into security.user_role as ur (user_id, role_id, valid_from, expires_at, tenant_id)
      values ($1::text, $2::text, $3::timestamptz, $4::timestamptz, $5::text)
      on conflict (user_id, role_id) where revoked_at is null do update
        set valid_from = excluded.valid_from, expires_at = excluded.expires_at
        where (ur.valid_from, ur.expires_at) is distinct from (excluded.valid_from, excluded.expires_at)
      returning id as "assignmentId", valid_from as "validFrom", expires_at as "expiresAt", true as changed`,
    values,
  });
  if (written.rows[0] !== undefined) return written.rows[0];
  const { rows } = await tx.query<Assigned>({
    name: 'find-assignment',
    text: `
      select id as "assignmentId", valid_from as "validFrom", expires_at as "expiresAt", false as changed
      from security.user_role where user_id = $1::text and role_id = $2::text and revoked_at is null`,
    values: [userId, roleId],
  });
  if (rows[0] === undefined) throw new Error('the assignment that stood in the way is gone');
  return rows[0];
}

/** The assignment by which the user has the role, now or in a time to come; held until the transaction ends. */
export async function lockAssignment(
  tx: Tx,
  userId: string,
  roleId: string,
): Promise<({ readonly assignmentId: string } & TimeWindow) | undefined> {
  const { rows } = await tx.query<{ assignmentId: string } & TimeWindow>({
    name: 'lock-assignment',
    text: `
      select id as "assignmentId", valid_from as "validFrom", expires_at as "expiresAt" from security.user_role
      where user_id = $1::text and role_id = $2::text and revoked_at is null
        and (expires_at is null or expires_at > now())
      for update`,
    values: [userId, roleId],
  });
  return rows[0];
}

/** Revokes the assignment that stands; resolves to whether there was one. */
export async function revokeAssignment(tx: Tx, userId: string, roleId: string): Promise<boolean> {
  const { rowCount } = await tx.query({
    name: 'revoke-assignment',
    text: `
      update security.user_role set revoked_at = now()
      where user_id = $1::text and role_id = $2::text and revoked_at is null`,
    values: [userId, roleId],
  });
  return rowCount > 0;
}
