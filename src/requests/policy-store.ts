/**
 * SQL for what a tenant permits for a time: `security.access_policy`, where a missing row means the defaults
 * (migrations/0022), and `security.emergency_role`, which says who may take what in an emergency (migrations/0024).
 */
import type { Tx } from '../platform/postgres.js';

export interface EmergencyRole {
  readonly holderRoleId: string;
  readonly roleId: string;
}

export interface AccessPolicyRow {
  readonly elevationMaxMinutes: number;
  readonly elevationAnswerHours: number;
  readonly delegationMaxDays: number;
  readonly emergency: readonly EmergencyRole[];
}

/** More than the contract lets anybody name; what SQL has named beyond is not shown. */
const EMERGENCY_MAX = 50;

/** The tenant's policy, or the defaults. */
export async function getAccessPolicy(tx: Tx, tenantId: string): Promise<AccessPolicyRow> {
  const { rows } = await tx.query<AccessPolicyRow>({
    text: `
      select p.elevation_max_minutes as "elevationMaxMinutes", p.elevation_answer_hours as "elevationAnswerHours",
             p.delegation_max_days as "delegationMaxDays",
             (select coalesce(json_agg(json_build_object('holderRoleId', e.holder_role_id, 'roleId', e.role_id)), '[]')
              from (select x.holder_role_id, x.role_id from security.emergency_role x where x.tenant_id = $1::text
                    order by x.holder_role_id, x.role_id limit $2::int) e) as emergency
      from security.access_policy_of($1::text) p`,
    values: [tenantId, EMERGENCY_MAX],
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

/** Throws ConstraintError `fk_emergency_role_holder` or `…_role` where the tenant has no such role. */
export async function replaceEmergencyRoles(tx: Tx, tenantId: string, pairs: readonly EmergencyRole[]): Promise<void> {
  const values = [tenantId, pairs.map((pair) => pair.holderRoleId), pairs.map((pair) => pair.roleId)];
  await tx.query({
    text: `
      delete from security.emergency_role
      where tenant_id = $1::text
        and (holder_role_id, role_id) not in (select * from unnest($2::text[], $3::text[]))`,
    values,
  });
  await tx.query({
    text: `
      insert into security.emergency_role (tenant_id, holder_role_id, role_id)
      select $1::text, p.holder, p.role from unnest($2::text[], $3::text[]) p (holder, role)
      where not exists (select from security.emergency_role e
                        where e.tenant_id = $1::text and e.holder_role_id = p.holder and e.role_id = p.role)
      order by p.holder, p.role
      on conflict do nothing`,
    values,
  });
}
