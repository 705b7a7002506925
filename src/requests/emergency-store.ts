/**
 * SQL for `security.emergency_access`: roles that were taken at once, and what was thought of it afterwards. Who may take
 * what, and that taking assigns the role, is the table's own (migrations/0024). What is over and not yet swept reads so.
 */
import type { Tx } from '../platform/postgres.js';
import type { DelegationStatus } from './delegation-store.js';
import type { Place } from './place.js';

export interface EmergencyRow {
  readonly id: string;
  readonly userId: string;
  readonly roleId: string;
  readonly roleName: string;
  readonly reason: string;
  readonly ticket: string;
  readonly status: DelegationStatus;
  readonly takenAt: Date;
  readonly expiresAt: Date;
  readonly endedAt: Date | null;
  readonly changes: number;
  readonly reviewedAt: Date | null;
  readonly reviewedByUserId: string | null;
  readonly verdict: 'justified' | 'unjustified' | null;
  readonly reviewComment: string | null;
}

const IS_OVER = `e.status = 'active' and e.expires_at <= clock_timestamp()`;
const STATUS = `case when ${IS_OVER} then 'expired' else e.status end`;
const COLUMNS = `
  e.id, e.user_id as "userId", e.role_id as "roleId", r.name as "roleName", e.reason, e.ticket,
  ${STATUS} as status, e.taken_at as "takenAt", e.expires_at as "expiresAt",
  coalesce(e.ended_at, case when ${IS_OVER} then e.expires_at end) as "endedAt",
  (select count(*)::int from (
     select from audit.access_log l
     where l.tenant_id = e.tenant_id and l.accessed_at > e.taken_at and l.accessed_at <= coalesce(e.ended_at, e.expires_at)
       and l.actor_user_id = e.user_id and l.access_action in ('WRITE', 'DELETE')
     limit 10000) l) as changes,
  e.reviewed_at as "reviewedAt", e.reviewed_by_user_id as "reviewedByUserId", e.verdict,
  e.review_comment as "reviewComment"`;

export interface NewEmergency {
  readonly tenantId: string;
  readonly userId: string;
  readonly roleId: string;
  readonly reason: string;
  readonly ticket: string;
}

/** Takes the role; resolves to the id of the access. Throws Problem of what the database refuses. */
export async function insertEmergency(tx: Tx, wanted: NewEmergency): Promise<string> {
  const { rows } = await tx.query<{ id: string }>({
    text: `
      insert into security.emergency_access (tenant_id, user_id, role_id, reason, ticket)
      values ($1::text, $2::text, $3::text, $4::text, $5::text) returning id`,
    values: [wanted.tenantId, wanted.userId, wanted.roleId, wanted.reason, wanted.ticket],
  });
  if (rows[0] === undefined) throw new Error('the new emergency access has no id');
  return rows[0].id;
}

/** Ends the user's own; resolves to whether there is such a one. */
export async function endEmergency(
  tx: Tx,
  { tenantId, id, userId }: { tenantId: string; id: string; userId: string },
): Promise<boolean> {
  const { rowCount } = await tx.query({
    text: `
      update security.emergency_access set status = 'ended'
      where tenant_id = $1::text and id = $2::text and user_id = $3::text`,
    values: [tenantId, id, userId],
  });
  return rowCount === 1;
}

/** Closes one with a verdict; resolves to whether there is such a one. */
export async function reviewEmergency(
  tx: Tx,
  review: { tenantId: string; id: string; verdict: 'justified' | 'unjustified'; comment: string | undefined },
): Promise<boolean> {
  const { rowCount } = await tx.query({
    // One that has its verdict is refused, whichever is given now.
    text: `
      update security.emergency_access set verdict = case when verdict is null then $3::text end, review_comment = $4::text
      where tenant_id = $1::text and id = $2::text`,
    values: [review.tenantId, review.id, review.verdict, review.comment ?? null],
  });
  return rowCount === 1;
}

export async function findEmergency(tx: Tx, tenantId: string, id: string): Promise<EmergencyRow | undefined> {
  const { rows } = await tx.query<EmergencyRow>({
    text: `
      select ${COLUMNS} from security.emergency_access e join security.role r on r.id = e.role_id
      where e.tenant_id = $1::text and e.id = $2::text`,
    values: [tenantId, id],
  });
  return rows[0];
}

/** Those of the tenant, newest first. */
export async function listEmergencies(
  tx: Tx,
  page: {
    readonly tenantId: string;
    readonly userId: string | undefined;
    readonly status: DelegationStatus | undefined;
    readonly reviewed: boolean | undefined;
    readonly after: Place | undefined;
    readonly limit: number;
  },
): Promise<EmergencyRow[]> {
  const { rows } = await tx.query<EmergencyRow>({
    text: `
      select ${COLUMNS} from security.emergency_access e join security.role r on r.id = e.role_id
      where e.tenant_id = $1::text and ($2::text is null or e.user_id = $2::text)
        and ($3::boolean is null or (e.reviewed_at is not null) = $3::boolean)
        and ($4::timestamptz is null or (e.taken_at, e.id) < ($4::timestamptz, $5::text))
        and ($7::text is null or ${STATUS} = $7::text)
      order by e.taken_at desc, e.id desc limit $6::int`,
    values: [
      page.tenantId,
      page.userId ?? null,
      page.reviewed ?? null,
      page.after?.at ?? null,
      page.after?.id ?? null,
      page.limit,
      page.status ?? null,
    ],
  });
  return rows;
}

/** Closes what is over, as of when it was, in any tenant; what another process is closing is left to it. */
export async function sweepEmergencies(tx: Tx, limit: number): Promise<number> {
  const { rowCount } = await tx.query({
    text: `
      update security.emergency_access set status = 'expired'
      where id = any (array(
        select e.id from security.emergency_access e where e.status = 'active' and e.expires_at <= clock_timestamp()
        order by e.expires_at limit $1::int for update skip locked))`,
    values: [limit],
  });
  return rowCount;
}
