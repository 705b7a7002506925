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

/** Starts one for an hour from now, by the database's clock, which also ends it; undefined where one is active. */
export async function insertImpersonation(
  tx: Tx,
  wanted: NewImpersonation,
): Promise<{ readonly id: string; readonly expiresAt: Date } | undefined> {
  const { rows } = await tx.query<{ id: string; expiresAt: Date }>({
    text: `
      insert into identity.impersonation (actor_user_id, tenant_id, reason, ticket, is_emergency)
      values ($1::text, $2::text, $3::text, $4::text, $5::boolean)
      on conflict (actor_user_id) where ended_at is null do nothing
      returning id, expires_at as "expiresAt"`,
    values: [wanted.actorUserId, wanted.tenantId, wanted.reason, wanted.ticket ?? null, wanted.isEmergency],
  });
  return rows[0];
}

/** The actor's active one, and the tenant that it is in. */
export async function findActiveImpersonation(
  tx: Tx,
  actorUserId: string,
): Promise<{ readonly impersonationId: string; readonly tenantId: string; readonly tenantName: string } | undefined> {
  const { rows } = await tx.query<{ impersonationId: string; tenantId: string; tenantName: string }>({
    text: `
      select i.id as "impersonationId", i.tenant_id as "tenantId", t.name as "tenantName"
      from identity.impersonation i join identity.tenant t on t.id = i.tenant_id
      where i.actor_user_id = $1::text and i.ended_at is null`,
    values: [actorUserId],
  });
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
