/**
 * SQL behind src/sync/gate.ts: what is applied, what menaces an allow, what has been applied lately.
 *
 * Runs as `bailiwick_sync`. A menace is looked at row by row only in a tenant that has one, which is rare.
 */
import type { Pool, Tx } from '../platform/postgres.js';
import type { Allow } from '../shared/sync-gate.js';
import type { SyncPosition } from './token.js';

/** What may take access away and is not about to: a parked key with something behind it, a table being rebuilt. */
const MENACE = `(o.kind = 'rebuild' or o.parked_at is not null and o.prior is not null)`;

/** Whether everything up to the position is in force or parked, and whether anything that is parked menaces an allow. */
export async function lookAtPosition(
  pool: Pool,
  { tenantId, xid }: SyncPosition,
): Promise<{ isApplied: boolean; isMenaced: boolean }> {
  const { rows } = await pool.transaction((tx) =>
    tx.query<{ isApplied: boolean; isMenaced: boolean }>({
      name: 'look-at-position',
      text: `
        select sync.is_applied($1::text, $2::xid8) as "isApplied",
               exists (select from sync.outbox o where o.parked_at is not null and ${MENACE}) as "isMenaced"`,
      values: [tenantId ?? null, xid],
    }),
  );
  return rows[0] ?? { isApplied: false, isMenaced: true };
}

export async function selectEpoch(tx: Tx): Promise<string> {
  const { rows } = await tx.query<{ epoch: string }>({ text: `select epoch from sync.epoch` });
  return rows[0]?.epoch ?? '';
}

/** The tenants ('' all) in which something menaces an allow, and the applied versions that moved since `since`. */
export async function selectFeed(
  tx: Tx,
  since: Date,
): Promise<{ menaced: string[]; applied: { tenantId: string; version: number; appliedAt: Date }[] }> {
  const menaced = await tx.query<{ tenantId: string }>({
    name: 'menaced-tenants',
    text: `
      select o.tenant_id as "tenantId" from sync.outbox o where o.parked_at is not null and ${MENACE}
      union
      select o.tenant_id from sync.outbox o where o.tenant_id = '' and o.kind = 'rebuild'`,
  });
  const applied = await tx.query<{ tenantId: string; version: number; appliedAt: Date }>({
    name: 'applied-since',
    text: `
      select tenant_id as "tenantId", version::float8 as version, applied_at as "appliedAt" from sync.applied
      where applied_at > $1::timestamptz - interval '10 seconds'`,
    values: [since],
  });
  return { menaced: menaced.rows.map((row) => row.tenantId), applied: applied.rows };
}

/** A role key's role is one that the subject has, or had, a row for. */
const HOLDS = `select from security.user_role ur left join security.role r on r.id = o.a
  where ur.user_id = $2::text and (ur.role_id = o.a or ur.role_name = r.name)`;

/**
 * Whether something that is not in force yet could take this very allow away: a key of that user, of a role that they
 * hold or held, of somebody whom they manage, of that object, or of the tenant.
 */
export async function isMenaced(tx: Tx, allow: Allow): Promise<boolean> {
  const { rows } = await tx.query<{ menaced: boolean }>({
    name: 'is-menaced',
    text: `
      with recursive below (user_id) as (
        select $2::text
        union
        select ua.assigned_user_id from security.user_assignment ua join below b on b.user_id = ua.user_id
        where ua.tenant_id = $1::text
      )
      select exists (
        select from sync.outbox o
        where o.tenant_id in ($1::text, '') and ${MENACE} and case o.kind
          when 'role' then exists (${HOLDS})
          when 'role_permission' then exists (${HOLDS})
          when 'user_role' then o.a = $2::text
          when 'platform_admin' then o.a = $2::text
          when 'profile' then o.a = $2::text or $3::text = 'profile:' || o.a or $3::text like 'record:%'
          when 'user_assignment' then exists (select from below b where b.user_id = o.a)
          when 'record' then $3::text = 'record:' || o.a
          else true end) as menaced`,
    values: [allow.tenantId, allow.subjectUserId, allow.object],
  });
  return rows[0]?.menaced ?? true;
}
