/**
 * SQL of the counting of failures, by account and by where they come from.
 *
 * An attempt is reserved before the password is looked at: it counts as a failure until it turns out to be none, so that
 * of any number of guesses at once no more are looked at than the lock allows. Every function runs in the transaction it
 * is handed, which acts for the platform unless it says otherwise.
 */
import type { Tx } from '../platform/postgres.js';

/** Consecutive failures that lock an account. */
export const FAILURES_MAX = 5;
export const LOCK_MINUTES = 15;
/** Failures in a row, over all locks between them, after which only an administrator unlocks (NIST SP 800-63B-4). */
export const FAILURES_IN_A_ROW_MAX = 100;
/** The end of a lock that does not end by itself. */
const NO_END = '9999-12-31T00:00:00Z';
/** Failures of long ago are no longer consecutive, and their rows go. */
const FORGET_HOURS = 24;

/** Whose failures are counted: an account by tenant and address, or a signed-in user who gives a wrong password. */
export type Counted =
  | { readonly tenantKey: string; readonly email: string; readonly userId?: undefined }
  | { readonly tenantKey: string; readonly userId: string; readonly email?: undefined };

export type Reservation =
  | { readonly lockedUntil: Date }
  /** `failures` with this one; at `FAILURES_MAX` it locks, unless it turns out to be none. */
  | { readonly failures: number; readonly lockedUntil: undefined };

/** The key of `security.sign_in_failure`: `$2` an address, or else `$3` a user. No address has a NUL in it. */
const KEY = `coalesce(security.email_key($2::text), sha256('\\x00'::bytea || convert_to($3::text, 'utf8')))`;

const keyOf = ({ tenantKey, email, userId }: Counted): unknown[] => [tenantKey, email ?? null, userId ?? null];

/** Counts one more failure, or says until when the account is locked. */
export async function reserveAttempt(tx: Tx, counted: Counted, now: Date): Promise<Reservation> {
  const { rows } = await tx.query<{ failures: number }>({
    name: 'reserve-attempt',
    text: `
      insert into security.sign_in_failure as f (tenant_id, email_key, failures, in_a_row, failed_at)
      values ($1::text, ${KEY}, 1, 1, $4::timestamptz)
      on conflict (tenant_id, email_key) do update set
        failures = case when f.locked_until is null and f.failed_at > $4::timestamptz - make_interval(hours => $7::int)
                        then f.failures + 1 else 1 end,
        in_a_row = case when f.failed_at > $4::timestamptz - make_interval(hours => $7::int) then f.in_a_row + 1 else 1 end,
        failed_at = $4::timestamptz,
        locked_until = case when f.failed_at <= $4::timestamptz - make_interval(hours => $7::int) then null
                            when f.in_a_row + 1 >= $8::int then $9::timestamptz
                            when f.locked_until is null and f.failures + 1 >= $5::int
                            then $4::timestamptz + make_interval(mins => $6::int) end
      where f.locked_until is null or f.locked_until <= $4::timestamptz
      returning failures`,
    values: [...keyOf(counted), now, FAILURES_MAX, LOCK_MINUTES, FORGET_HOURS, FAILURES_IN_A_ROW_MAX, NO_END],
  });
  if (rows[0] !== undefined) return { failures: rows[0].failures, lockedUntil: undefined };
  return { lockedUntil: (await findLock(tx, counted, now)) ?? now };
}

/** Until when the account is locked. */
export async function findLock(tx: Tx, counted: Counted, now: Date): Promise<Date | undefined> {
  const { rows } = await tx.query<{ lockedUntil: Date }>({
    name: 'find-lock',
    text: `
      select locked_until as "lockedUntil" from security.sign_in_failure
      where tenant_id = $1::text and email_key = ${KEY} and locked_until > $4::timestamptz`,
    values: [...keyOf(counted), now],
  });
  return rows[0]?.lockedUntil;
}

/** Whether nobody has come to this lock before; asked of a locked account, it notes that somebody has. */
export async function noteLockMet(tx: Tx, counted: Counted, now: Date): Promise<boolean> {
  const { rowCount } = await tx.query({
    name: 'note-lock-met',
    // While an account is locked its failures are not counted: past the number that locks, the lock has been met.
    text: `
      update security.sign_in_failure set failures = $5::int + 1
      where tenant_id = $1::text and email_key = ${KEY} and locked_until > $4::timestamptz and failures <= $5::int`,
    values: [...keyOf(counted), now, FAILURES_MAX],
  });
  return rowCount > 0;
}

/** The attempt was never made: it is taken back, and with it a lock that it would have brought. */
export async function returnAttempt(tx: Tx, counted: Counted): Promise<void> {
  await tx.query({
    name: 'return-attempt',
    text: `
      update security.sign_in_failure
      set failures = greatest(least(failures, $4::int) - 1, 0), in_a_row = greatest(in_a_row - 1, 0), locked_until = null
      where tenant_id = $1::text and email_key = ${KEY}`,
    values: [...keyOf(counted), FAILURES_MAX],
  });
}

/** The attempt succeeded: the failures before it are no longer consecutive. */
export async function clearFailures(tx: Tx, counted: Counted): Promise<void> {
  await tx.query({
    name: 'clear-failures',
    text: `delete from security.sign_in_failure where tenant_id = $1::text and email_key = ${KEY}`,
    values: keyOf(counted),
  });
}

/** Ends the lock of a user, of signing in and of changing the password; resolves to whether there was one. */
export async function clearFailuresOf(tx: Tx, userId: string): Promise<boolean> {
  const { rowCount } = await tx.query({
    text: `
      delete from security.sign_in_failure f using security.app_user u
      where u.id = $1::text and f.tenant_id = coalesce(u.tenant_id, ':platform')
        and f.email_key in (security.email_key(u.email), sha256('\\x00'::bytea || convert_to(u.id, 'utf8')))`,
    values: [userId],
  });
  return rowCount > 0;
}

/** Counts one more failure of each source; resolves to the counts and the start of each one's window, in their order. */
export async function countSources(
  tx: Tx,
  sources: readonly string[],
  { now, windowMinutes }: { now: Date; windowMinutes: number },
): Promise<{ source: string; failures: number; windowStart: Date }[]> {
  const { rows } = await tx.query<{ source: string; failures: number; windowStart: Date }>({
    name: 'count-sources',
    text: `
      insert into security.sign_in_source as s (source, window_start, failures)
      select source, $2::timestamptz, 1 from unnest($1::text[]) source order by source
      on conflict (source) do update set
        failures = case when s.window_start > $2::timestamptz - make_interval(mins => $3::int)
                        then s.failures + 1 else 1 end,
        window_start = case when s.window_start > $2::timestamptz - make_interval(mins => $3::int)
                            then s.window_start else $2::timestamptz end
      returning source, failures, window_start as "windowStart"`,
    values: [sources, now, windowMinutes],
  });
  return rows;
}

/** What was counted in advance was no failure. */
export async function returnSources(tx: Tx, sources: readonly string[]): Promise<void> {
  await tx.query({
    name: 'return-sources',
    text: `
      update security.sign_in_source s set failures = greatest(s.failures - 1, 0)
      from (select source from security.sign_in_source where source = any ($1::text[]) order by source for update) held
      where s.source = held.source`,
    values: [sources],
  });
}

/** Removes what no longer counts, a bounded number of rows at a time; a lock without an end is kept. */
export async function forgetOldAttempts(tx: Tx, now: Date): Promise<void> {
  const before = new Date(now.getTime() - FORGET_HOURS * 3_600_000);
  for (const [table, column, besides] of [
    ['security.sign_in_failure', 'failed_at', `and coalesce(locked_until < '${NO_END}', true)`],
    ['security.sign_in_source', 'window_start', ''],
  ] as const) {
    await tx.query({
      text: `
        delete from ${table} where ctid = any (array(
          select ctid from ${table} where ${column} < $1::timestamptz ${besides} limit 1000 for update skip locked))`,
      values: [before],
    });
  }
}
