/**
 * SQL for `identity.impersonation`. What starts and ends is written into the tenant's history by trigger.
 *
 * The service may set an end and nothing else; how long one lasts is the table's own default and check.
 */
import type { Tx } from '../platform/postgres.js';

export interface NewImpersonation {
  readonly actorUserId: string;
  readonly tenantId: string;
  readonly reason: string;
  readonly ticket: string | undefined;
  readonly isEmergency: boolean;
}

/** Starts one for an hour from now, by the database's clock, which is also what ends it. */
export async function insertImpersonation(
  tx: Tx,
  wanted: NewImpersonation,
): Promise<{ readonly id: string; readonly expiresAt: Date }> {
  const { rows } = await tx.query<{ id: string; expiresAt: Date }>({
    text: `
      insert into identity.impersonation (actor_user_id, tenant_id, reason, ticket, is_emergency)
      values ($1::text, $2::text, $3::text, $4::text, $5::boolean)
      returning id, expires_at as "expiresAt"`,
    values: [wanted.actorUserId, wanted.tenantId, wanted.reason, wanted.ticket ?? null, wanted.isEmergency],
  });
  if (rows[0] === undefined) throw new Error('the new impersonation has no id');
  return rows[0];
}

/** Whether there is such a tenant; held until the transaction ends. */
export async function lockTenant(tx: Tx, tenantId: string): Promise<boolean> {
  const { rowCount } = await tx.query({
    text: `select from identity.tenant where id = $1::text for key share`,
    values: [tenantId],
  });
  return rowCount === 1;
}

/** Ends the actor's active one in the tenant; undefined where there is none. */
export async function endImpersonation(
  tx: Tx,
  { actorUserId, tenantId }: { actorUserId: string; tenantId: string },
): Promise<{ readonly id: string; readonly endedAt: Date } | undefined> {
  const { rows } = await tx.query<{ id: string; endedAt: Date }>({
    text: `
      update identity.impersonation set ended_at = clock_timestamp()
      where actor_user_id = $1::text and tenant_id = $2::text and ended_at is null and expires_at > clock_timestamp()
      returning id, ended_at as "endedAt"`,
    values: [actorUserId, tenantId],
  });
  return rows[0];
}

/** Ends what has expired, as of when it did, of one actor or of anybody; resolves to how many there were. */
export async function sweepExpired(
  tx: Tx,
  { actorUserId, limit }: { actorUserId?: string; limit: number },
): Promise<number> {
  const { rowCount } = await tx.query({
    text: `
      update identity.impersonation set ended_at = expires_at
      where id = any (array(
        select i.id from identity.impersonation i
        where i.ended_at is null and i.expires_at <= clock_timestamp()
          and ($1::text is null or i.actor_user_id = $1::text)
        order by i.expires_at limit $2::int for update skip locked))`,
    values: [actorUserId ?? null, limit],
  });
  return rowCount;
}
