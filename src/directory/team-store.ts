/**
 * SQL for `security.user_assignment`: who manages whom. Rings and chains that are too long are refused by the database
 * (migrations/0021).
 *
 * Every statement runs in a transaction whose `bailiwick.tenant_id` is the tenant, as row security demands.
 */
import type { Tx } from '../platform/postgres.js';
import type { TimeWindow } from '../shared/time-window.js';

export interface TeamAssignmentRow extends TimeWindow {
  readonly managerId: string;
  readonly userId: string;
  readonly assignedAt: Date;
}

export interface TeamFilter {
  readonly managerId: string | undefined;
  readonly userId: string | undefined;
}

/** Assignments that have not ended, by manager and then by whom they manage. */
export async function listTeamAssignments(
  tx: Tx,
  page: TeamFilter & { tenantId: string; after: readonly [string, string]; limit: number },
): Promise<TeamAssignmentRow[]> {
  const { rows } = await tx.query<TeamAssignmentRow>({
    name: 'list-team-assignments',
    text: `
      select user_id as "managerId", assigned_user_id as "userId", valid_from as "validFrom", expires_at as "expiresAt",
             assigned_at as "assignedAt"
      from security.user_assignment
      where tenant_id = $1::text and ($2::text is null or user_id = $2::text)
        and ($3::text is null or assigned_user_id = $3::text)
        and (user_id, assigned_user_id) > ($4::text, $5::text)
        and (expires_at is null or expires_at > now())
      order by user_id, assigned_user_id limit $6::int`,
    values: [page.tenantId, page.managerId ?? null, page.userId ?? null, ...page.after, page.limit],
  });
  return rows;
}

/** How many of the two the tenant has; held until the transaction ends, so that neither is removed meanwhile. */
export async function lockMembers(tx: Tx, tenantId: string, userIds: readonly string[]): Promise<number> {
  const { rowCount } = await tx.query({
    name: 'lock-members',
    text: `
      select id from security.app_user where tenant_id = $1::text and id = any ($2::text[])
      order by id limit 2 for key share`,
    values: [tenantId, userIds],
  });
  return rowCount;
}

/** Writes the assignment; undefined where it stands so already. */
export async function upsertTeamAssignment(
  tx: Tx,
  assignment: { tenantId: string; managerId: string; userId: string } & TimeWindow,
): Promise<TeamAssignmentRow | undefined> {
  const { tenantId, managerId, userId, validFrom, expiresAt } = assignment;
  const { rows } = await tx.query<TeamAssignmentRow>({
    name: 'upsert-team-assignment',
    text: `
      insert into security.user_assignment as ua (tenant_id, user_id, assigned_user_id, valid_from, expires_at)
      values ($1::text, $2::text, $3::text, $4::timestamptz, $5::timestamptz)
      on conflict (tenant_id, user_id, assigned_user_id) do update
        set valid_from = excluded.valid_from, expires_at = excluded.expires_at, assigned_at = now()
        where (ua.valid_from, ua.expires_at) is distinct from (excluded.valid_from, excluded.expires_at)
      returning user_id as "managerId", assigned_user_id as "userId", valid_from as "validFrom",
                expires_at as "expiresAt", assigned_at as "assignedAt"`,
    values: [tenantId, managerId, userId, validFrom?.toISOString() ?? null, expiresAt?.toISOString() ?? null],
  });
  return rows[0];
}

/** Removes the assignment; resolves to whether there was one. */
export async function deleteTeamAssignment(
  tx: Tx,
  { tenantId, managerId, userId }: { tenantId: string; managerId: string; userId: string },
): Promise<boolean> {
  const { rowCount } = await tx.query({
    name: 'delete-team-assignment',
    text: `
      delete from security.user_assignment
      where tenant_id = $1::text and user_id = $2::text and assigned_user_id = $3::text`,
    values: [tenantId, managerId, userId],
  });
  return rowCount > 0;
}
