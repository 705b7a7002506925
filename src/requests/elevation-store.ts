/**
 * SQL for `security.elevation`: requests for a role, and what became of them.
 *
 * What may follow on what, who may decide, and that an approval assigns the role is the table's own (migrations/0022): a
 * statement here says what is wanted, and whoever comes second is refused. What is over and not yet swept reads as over.
 */
import type { Tx } from '../platform/postgres.js';
import type { Place } from './place.js';

export type ElevationStatus = 'pending' | 'approved' | 'denied' | 'cancelled' | 'lapsed' | 'ended' | 'expired';

export interface ElevationRow {
  readonly id: string;
  readonly userId: string;
  readonly roleId: string;
  readonly roleName: string;
  readonly reason: string;
  readonly ticket: string | null;
  readonly durationMinutes: number;
  readonly status: ElevationStatus;
  readonly requestedAt: Date;
  readonly answerBy: Date;
  readonly decidedAt: Date | null;
  readonly decidedByUserId: string | null;
  readonly decisionReason: string | null;
  readonly assignmentId: string | null;
  readonly expiresAt: Date | null;
  readonly endedAt: Date | null;
}

const STATUS = `case when e.status = 'pending' and e.answer_by <= clock_timestamp() then 'lapsed'
                     when e.status = 'approved' and e.expires_at <= clock_timestamp() then 'expired' else e.status end`;
const COLUMNS = `
  e.id, e.user_id as "userId", e.role_id as "roleId", r.name as "roleName", e.reason, e.ticket,
  e.duration_minutes as "durationMinutes", ${STATUS} as status, e.requested_at as "requestedAt",
  e.answer_by as "answerBy", e.decided_at as "decidedAt", e.decided_by_user_id as "decidedByUserId",
  e.decision_reason as "decisionReason", e.assignment_id as "assignmentId", e.expires_at as "expiresAt",
  coalesce(e.ended_at, case when ${STATUS} <> e.status then coalesce(e.expires_at, e.answer_by) end) as "endedAt"`;

/** Whether the tenant has the role; held until the transaction ends, so that it is not removed meanwhile. */
export async function lockRole(tx: Tx, tenantId: string, roleId: string): Promise<boolean> {
  const { rowCount } = await tx.query({
    name: 'lock-requested-role',
    text: `select id from security.role where tenant_id = $1::text and id = $2::text for key share`,
    values: [tenantId, roleId],
  });
  return rowCount === 1;
}

export interface NewElevation {
  readonly tenantId: string;
  readonly userId: string;
  readonly roleId: string;
  readonly reason: string;
  readonly ticket: string | undefined;
  readonly durationMinutes: number;
}

/** Opens a request; resolves to its id. Throws ConstraintError `uq_elevation_open` where one like it is open. */
export async function insertElevation(tx: Tx, wanted: NewElevation): Promise<string> {
  const { rows } = await tx.query<{ id: string }>({
    text: `
      insert into security.elevation (tenant_id, user_id, role_id, reason, ticket, duration_minutes)
      values ($1::text, $2::text, $3::text, $4::text, $5::text, $6::int) returning id`,
    values: [
      wanted.tenantId,
      wanted.userId,
      wanted.roleId,
      wanted.reason,
      wanted.ticket ?? null,
      wanted.durationMinutes,
    ],
  });
  if (rows[0] === undefined) throw new Error('the new request has no id');
  return rows[0].id;
}

/** Moves a request of the tenant on, of the user alone where one is named; resolves to whether there is such a one. */
export async function moveElevation(
  tx: Tx,
  move: {
    readonly tenantId: string;
    readonly id: string;
    readonly userId?: string;
    readonly status: 'approved' | 'denied' | 'cancelled' | 'ended';
    readonly reason?: string | undefined;
  },
): Promise<boolean> {
  const { rowCount } = await tx.query({
    text: `
      update security.elevation set status = $4::text, decision_reason = coalesce($5::text, decision_reason)
      where tenant_id = $1::text and id = $2::text and ($3::text is null or user_id = $3::text)`,
    values: [move.tenantId, move.id, move.userId ?? null, move.status, move.reason ?? null],
  });
  return rowCount === 1;
}

/** A request of the tenant, of the user alone where one is named. */
export async function findElevation(
  tx: Tx,
  { tenantId, id, userId }: { tenantId: string; id: string; userId?: string | undefined },
): Promise<ElevationRow | undefined> {
  const { rows } = await tx.query<ElevationRow>({
    text: `
      select ${COLUMNS} from security.elevation e join security.role r on r.id = e.role_id
      where e.tenant_id = $1::text and e.id = $2::text and ($3::text is null or e.user_id = $3::text)`,
    values: [tenantId, id, userId ?? null],
  });
  return rows[0];
}

/** Requests of the tenant, newest first. */
export async function listElevations(
  tx: Tx,
  page: {
    readonly tenantId: string;
    readonly userId: string | undefined;
    readonly status: ElevationStatus | undefined;
    readonly after: Place | undefined;
    readonly limit: number;
  },
): Promise<ElevationRow[]> {
  const { rows } = await tx.query<ElevationRow>({
    text: `
      select ${COLUMNS} from security.elevation e join security.role r on r.id = e.role_id
      where e.tenant_id = $1::text and ($2::text is null or e.user_id = $2::text)
        and ($3::text is null or ${STATUS} = $3::text)
        and ($4::timestamptz is null or (e.requested_at, e.id) < ($4::timestamptz, $5::text))
      order by e.requested_at desc, e.id desc limit $6::int`,
    values: [
      page.tenantId,
      page.userId ?? null,
      page.status ?? null,
      page.after?.at ?? null,
      page.after?.id ?? null,
      page.limit,
    ],
  });
  return rows;
}

/** Closes what is over, as of when it was, in any tenant; what another process is closing is left to it. */
export async function sweepElevations(tx: Tx, limit: number): Promise<number> {
  const { rowCount } = await tx.query({
    text: `
      update security.elevation set status = case status when 'pending' then 'lapsed' else 'expired' end
      where id = any (
        array(select e.id from security.elevation e
              where e.status = 'pending' and e.answer_by <= clock_timestamp()
              order by e.answer_by limit $1::int for update skip locked)
        || array(select e.id from security.elevation e
                 where e.status = 'approved' and e.expires_at <= clock_timestamp()
                 order by e.expires_at limit $1::int for update skip locked))`,
    values: [limit],
  });
  return rowCount;
}
