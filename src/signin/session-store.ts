/**
 * SQL of `identity.session`. A token of ours is as good as its session, which is asked for at every request: one look-up
 * by primary key, so that whoever is disabled, signed out or suspended is out at once, on every replica.
 */
import type { Tx } from '../platform/postgres.js';

export interface NewSession {
  readonly sessionId: string;
  readonly userId: string;
  readonly tenantId: string | null;
  readonly impersonationId: string | undefined;
  readonly createdAt: Date;
  readonly expiresAt: Date;
}

export async function insertSession(tx: Tx, session: NewSession): Promise<void> {
  await tx.query({
    name: 'insert-session',
    text: `
      insert into identity.session (id, user_id, tenant_id, impersonation_id, created_at, last_seen_at, expires_at)
      values ($1::text, $2::text, $3::text, $4::text, $5::timestamptz, $5::timestamptz, $6::timestamptz)`,
    values: [
      session.sessionId,
      session.userId,
      session.tenantId,
      session.impersonationId ?? null,
      session.createdAt,
      session.expiresAt,
    ],
  });
}

/** A session with everything that it stands on, as it is now. */
export interface StandingSession {
  readonly userId: string;
  readonly tenantId: string | null;
  readonly impersonationId: string | null;
  readonly lastSeenAt: Date;
  readonly expiresAt: Date;
  readonly mustChangePassword: boolean;
  /** Null where the session is in no tenant. */
  readonly tenantStatus: 'active' | 'read_only' | 'suspended' | null;
}

/**
 * The session, where all that it stands on holds: not revoked nor expired nor idle, its user enabled and still of its
 * tenant, the tenant not suspended; of an impersonation instead, that it is under way and its actor still a platform admin.
 * With `keyId`, the key that signed its token, also that this is still one of ours.
 */
export async function findStandingSession(
  tx: Tx,
  standing: { sessionId: string; keyId?: string; now: Date; idleMinutes: number },
): Promise<StandingSession | undefined> {
  const { rows } = await tx.query<StandingSession>({
    name: 'find-standing-session',
    text: `
      select s.user_id as "userId", s.tenant_id as "tenantId", s.impersonation_id as "impersonationId",
             s.last_seen_at as "lastSeenAt", s.expires_at as "expiresAt",
             u.must_change_password as "mustChangePassword", t.status as "tenantStatus"
      from identity.session s
        join security.app_user u on u.id = s.user_id and u.status = 'active'
        left join identity.tenant t on t.id = s.tenant_id
        left join identity.impersonation i on i.id = s.impersonation_id
      where s.id = $1::text and s.revoked_at is null and s.expires_at > $2::timestamptz
        and s.last_seen_at > $2::timestamptz - make_interval(mins => $3::int)
        -- one who acts in it from above is told why nothing can be written
        and (s.tenant_id is null or s.impersonation_id is not null or t.status <> 'suspended')
        and case when s.impersonation_id is null then u.tenant_id is not distinct from s.tenant_id
            else i.actor_user_id = s.user_id and i.tenant_id = s.tenant_id and i.ended_at is null
                 and i.expires_at > $2::timestamptz
                 and exists (select from identity.platform_admin p where p.user_id = s.user_id) end
        and ($4::text is null or exists (select from identity.signing_key k where k.kid = $4::text))`,
    values: [standing.sessionId, standing.now, standing.idleMinutes, standing.keyId ?? null],
  });
  return rows[0];
}

/** Writes down that a session is in use. */
export async function touchSession(tx: Tx, sessionId: string, now: Date): Promise<void> {
  await tx.query({
    name: 'touch-session',
    text: `update identity.session set last_seen_at = $2::timestamptz where id = $1::text and last_seen_at < $2::timestamptz`,
    values: [sessionId, now],
  });
}

/** Ends one session; resolves to whether it stood. */
export async function endSession(tx: Tx, sessionId: string): Promise<boolean> {
  const { rowCount } = await tx.query({
    text: `update identity.session set revoked_at = now() where id = $1::text and revoked_at is null`,
    values: [sessionId],
  });
  return rowCount > 0;
}

/** Ends every session of a user; resolves to how many there were. */
export async function endSessionsOf(tx: Tx, userId: string): Promise<number> {
  const { rowCount } = await tx.query({
    text: `update identity.session set revoked_at = now() where user_id = $1::text and revoked_at is null`,
    values: [userId],
  });
  return rowCount;
}

/** Ends the user's active impersonation with its sessions; resolves to its id. There is one at a time. */
export async function endImpersonationOf(tx: Tx, userId: string): Promise<string | undefined> {
  const { rows } = await tx.query<{ id: string }>({
    text: `
      with ended as (
        update identity.impersonation set ended_at = clock_timestamp()
        where actor_user_id = $1::text and ended_at is null and expires_at > clock_timestamp()
        returning id),
      revoked as (
        update identity.session s set revoked_at = now() from ended
        where s.impersonation_id = ended.id and s.revoked_at is null)
      select id from ended`,
    values: [userId],
  });
  return rows[0]?.id;
}

/** Removes sessions that ended a week ago, a bounded number at a time. */
export async function forgetOldSessions(tx: Tx, now: Date): Promise<void> {
  await tx.query({
    text: `
      delete from identity.session where id = any (array(
        select id from identity.session where expires_at < $1::timestamptz - interval '7 days'
        limit 1000 for update skip locked))`,
    values: [now],
  });
}
