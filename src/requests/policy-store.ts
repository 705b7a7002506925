/** SQL for `security.access_policy`: what a tenant permits for a time. Without a row, the defaults (migrations/0022). */
import type { Tx } from '../platform/postgres.js';

export interface AccessPolicyRow {
  readonly elevationMaxMinutes: number;
  readonly elevationAnswerHours: number;
  readonly delegationMaxDays: number;
}

/** The tenant's policy, or the defaults. */
export async function getAccessPolicy(tx: Tx, tenantId: string): Promise<AccessPolicyRow> {
  const { rows } = await tx.query<AccessPolicyRow>({
    text: `
      select p.elevation_max_minutes as "elevationMaxMinutes", p.elevation_answer_hours as "elevationAnswerHours",
             p.delegation_max_days as "delegationMaxDays"
      from security.access_policy_of($1::text) p`,
    values: [tenantId],
  });
  if (rows[0] === undefined) throw new Error('the database gave no policy');
  return rows[0];
}

export async function upsertAccessPolicy(tx: Tx, tenantId: string, policy: AccessPolicyRow): Promise<void> {
  await tx.query({
    text: `
      insert into security.access_policy as p (tenant_id, elevation_max_minutes, elevation_answer_hours, delegation_max_days)
      values ($1::text, $2::int, $3::int, $4::int)
      on conflict (tenant_id) do update
        set elevation_max_minutes = excluded.elevation_max_minutes,
            elevation_answer_hours = excluded.elevation_answer_hours,
            delegation_max_days = excluded.delegation_max_days, updated_at = now()`,
    values: [tenantId, policy.elevationMaxMinutes, policy.elevationAnswerHours, policy.delegationMaxDays],
  });
}
