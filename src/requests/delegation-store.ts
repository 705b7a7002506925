/**
 * SQL for `security.delegation`: what was handed on, by whom, to whom. The role and the team rows that it stands for are
 * written, and taken back, by the table's own triggers (migrations/0023). What is over and not yet swept reads as over.
 */
import type { Tx } from '../platform/postgres.js';
import type { TimeWindow } from '../shared/time-window.js';
import type { Place } from './place.js';

export type DelegationStatus = 'active' | 'ended' | 'expired';

export interface DelegationRow {
  readonly id: string;
  readonly delegatorUserId: string;
  readonly delegateUserId: string;
  readonly roleId: string | null;
  readonly roleName: string | null;
  readonly team: boolean;
  readonly teamSize: number;
  readonly reason: string;
  readonly status: DelegationStatus;
  readonly createdAt: Date;
  readonly validFrom: Date | null;
  readonly expiresAt: Date;
  readonly endedAt: Date | null;
  readonly endedByUserId: string | null;
}

const IS_OVER = `d.status = 'active' and d.expires_at <= clock_timestamp()`;
const STATUS = `case when ${IS_OVER} then 'expired' else d.status end`;
const COLUMNS = `
  d.id, d.delegator_user_id as "delegatorUserId", d.delegate_user_id as "delegateUserId", d.role_id as "roleId",
  r.name as "roleName", d.with_team as team,
  (select count(*)::int from security.delegated_member m where m.delegation_id = d.id) as "teamSize",
  d.reason, ${STATUS} as status, d.created_at as "createdAt", d.valid_from as "validFrom", d.expires_at as "expiresAt",
  coalesce(d.ended_at, case when ${IS_OVER} then d.expires_at end) as "endedAt",
  d.ended_by_user_id as "endedByUserId"`;

/** Whether the tenant has the user; held until the transaction ends, so that they are not removed meanwhile. */
export async function lockMember(tx: Tx, tenantId: string, userId: string): Promise<boolean> {
  const { rowCount } = await tx.query({
    name: 'lock-delegate',
    text: `select id from security.app_user where tenant_id = $1::text and id = $2::text for key share`,
    values: [tenantId, userId],
  });
  return rowCount === 1;
}

export interface NewDelegation extends TimeWindow {
  readonly tenantId: string;
  readonly delegatorUserId: string;
  readonly delegateUserId: string;
  readonly roleId: string | undefined;
  readonly team: boolean;
  readonly reason: string;
}

/** Hands it on; resolves to the delegation's id. Throws Problem of what the database refuses. */
export async function insertDelegation(tx: Tx, wanted: NewDelegation): Promise<string> {
  const { rows } = await tx.query<{ id: string }>({
    text: `
      insert into security.delegation (tenant_id, delegator_user_id, delegate_user_id, role_id, with_team, reason,
                                       valid_from, expires_at)
      values ($1::text, $2::text, $3::text, $4::text, $5::boolean, $6::text, $7::timestamptz, $8::timestamptz)
      returning id`,
    values: [
      wanted.tenantId,
      wanted.delegatorUserId,
      wanted.delegateUserId,
      wanted.roleId ?? null,
      wanted.team,
      wanted.reason,
      wanted.validFrom?.toISOString() ?? null,
      wanted.expiresAt?.toISOString() ?? null,
    ],
  });
  if (rows[0] === undefined) throw new Error('the new delegation has no id');
  return rows[0].id;
}

/** Ends a delegation of the tenant, of the delegator alone where one is named; resolves to whether there is such a one. */
export async function endDelegation(
  tx: Tx,
  {
    tenantId,
    id,
    actorUserId,
    delegatorUserId,
  }: { [K in 'tenantId' | 'id' | 'actorUserId']: string } & {
    delegatorUserId?: string;
  },
): Promise<boolean> {
  const { rowCount } = await tx.query({
    text: `
      update security.delegation set status = 'ended', ended_by_user_id = $3::text
      where tenant_id = $1::text and id = $2::text and ($4::text is null or delegator_user_id = $4::text)`,
    values: [tenantId, id, actorUserId, delegatorUserId ?? null],
  });
  return rowCount === 1;
}

export async function findDelegation(tx: Tx, tenantId: string, id: string): Promise<DelegationRow | undefined> {
  const { rows } = await tx.query<DelegationRow>({
    text: `
      select ${COLUMNS} from security.delegation d left join security.role r on r.id = d.role_id
      where d.tenant_id = $1::text and d.id = $2::text`,
    values: [tenantId, id],
  });
  return rows[0];
}

/** Delegations of the tenant, newest first; of one user, what they gave and what they were given. */
export async function listDelegations(
  tx: Tx,
  page: {
    readonly tenantId: string;
    readonly userId: string | undefined;
    readonly status: DelegationStatus | undefined;
    readonly after: Place | undefined;
    readonly limit: number;
  },
): Promise<DelegationRow[]> {
  const { rows } = await tx.query<DelegationRow>({
    text: `
      select ${COLUMNS} from security.delegation d left join security.role r on r.id = d.role_id
      where d.tenant_id = $1::text and ($2::text is null or d.delegator_user_id = $2::text or d.delegate_user_id = $2::text)
        and ($3::text is null or ${STATUS} = $3::text)
        and ($4::timestamptz is null or (d.created_at, d.id) < ($4::timestamptz, $5::text))
      order by d.created_at desc, d.id desc limit $6::int`,
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
export async function sweepDelegations(tx: Tx, limit: number): Promise<number> {
  const { rowCount } = await tx.query({
    text: `
      update security.delegation set status = 'expired'
      where id = any (array(
        select d.id from security.delegation d where d.status = 'active' and d.expires_at <= clock_timestamp()
        order by d.expires_at limit $1::int for update skip locked))`,
    values: [limit],
  });
  return rowCount;
}
