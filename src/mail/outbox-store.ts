/**
 * SQL for `identity.mail_outbox`. What a mail says is sealed before it comes here and gone once the mail is settled.
 *
 * All but `insertMail` ask for a transaction that acts for the platform. Times are those of the database: processes whose
 * clocks differ agree on what is due and on whose lease has run out.
 */
import type { Tx } from '../platform/postgres.js';
import type { MailTemplate } from '../shared/mail.js';

export interface QueuedMail {
  readonly id: string;
  readonly tenantId: string | null;
  readonly toAddress: string;
  readonly template: MailTemplate;
  readonly content: Uint8Array;
  /** Undefined: as late as it may be, 24 hours from now. */
  readonly expiresAt: Date | undefined;
}

export interface LeasedMail extends Omit<QueuedMail, 'expiresAt'> {
  readonly lease: string;
  /** This try included. */
  readonly attempts: number;
}

/** What was found of a mail: it goes, is put off, or is given up. */
export type Settlement =
  | { readonly as: 'sent' }
  | { readonly as: 'given-up'; readonly error: string }
  | { readonly as: 'put-off'; readonly error: string; readonly delayMs: number };

export interface OutboxState {
  readonly pending: number;
  readonly oldestAt: Date | null;
  readonly oldestSeconds: number;
  readonly lastError: string | null;
}

/** Runs in a transaction of the mail's tenant, or of the platform. */
export async function insertMail(tx: Tx, mail: QueuedMail): Promise<void> {
  await tx.query({
    name: 'insert-mail',
    text: `
      insert into identity.mail_outbox (id, tenant_id, to_address, template, content, expires_at)
      values ($1::uuid, $2::text, $3::text, $4::text, $5::bytea,
              least($6::timestamptz, now() + interval '24 hours'))`,
    values: [mail.id, mail.tenantId, mail.toAddress, mail.template, mail.content, mail.expiresAt ?? null],
  });
}

/**
 * Takes up to `limit` mails that are due, for `leaseMs`; what another sender holds is left to it.
 *
 * INVARIANT: rows that are locked up to a limit are chosen in an `array(…)`, which runs once. As `id in (…)` they may be
 * chosen again for each row of a nested loop, others each time: all of them. tests/tidy/statements.test.ts.
 */
export async function leaseMails(
  tx: Tx,
  { limit, lease, leaseMs }: { limit: number; lease: string; leaseMs: number },
): Promise<LeasedMail[]> {
  const { rows } = await tx.query<LeasedMail>({
    name: 'lease-mails',
    text: `
      update identity.mail_outbox m
      set lease = $2::uuid, leased_until = clock_timestamp() + $3::int * interval '1 millisecond', attempts = m.attempts + 1
      where m.id = any (array(
        select d.id from identity.mail_outbox d
        where d.content is not null and d.not_before <= clock_timestamp() and d.expires_at > clock_timestamp()
          and (d.leased_until is null or d.leased_until < clock_timestamp())
        order by d.not_before
        limit $1::int
        for update skip locked))
      returning m.id, m.tenant_id as "tenantId", m.to_address as "toAddress", m.template, m.content, m.lease, m.attempts`,
    values: [limit, lease, leaseMs],
  });
  return rows;
}

/** Ends a lease. Resolves to false where it is no longer ours: another sender has the mail, or it is over. */
export async function settleMail(
  tx: Tx,
  { id, lease }: Pick<LeasedMail, 'id' | 'lease'>,
  settlement: Settlement,
): Promise<boolean> {
  const error = settlement.as === 'sent' ? null : settlement.error.slice(0, 500);
  const delayMs = settlement.as === 'put-off' ? Math.round(settlement.delayMs) : 0;
  const { rowCount } = await tx.query({
    name: 'settle-mail',
    text: `
      update identity.mail_outbox
      set content = case when $3::text = 'put-off' then content end,
          sent_at = case when $3::text = 'sent' then clock_timestamp() end,
          gave_up_at = case when $3::text = 'given-up' then clock_timestamp() end,
          not_before = clock_timestamp() + $5::int * interval '1 millisecond',
          last_error = $4::text, lease = null, leased_until = null
      where id = $1::uuid and lease = $2::uuid and content is not null`,
    values: [id, lease, settlement.as, error, delayMs],
  });
  return rowCount > 0;
}

/** Gives up what has expired, except what is being sent right now; resolves to how many. */
export async function giveUpExpired(tx: Tx): Promise<number> {
  const { rowCount } = await tx.query({
    name: 'give-up-expired-mails',
    text: `
      update identity.mail_outbox
      set content = null, gave_up_at = clock_timestamp(), lease = null, leased_until = null,
          last_error = coalesce(last_error, 'never tried')
      where content is not null and expires_at <= clock_timestamp()
        and (leased_until is null or leased_until < clock_timestamp())`,
  });
  return rowCount;
}

/** Forgets mails that were settled and are older than `days`; up to 1,000 of them. */
export async function forgetSettled(tx: Tx, days: number): Promise<void> {
  await tx.query({
    name: 'forget-settled-mails',
    text: `
      delete from identity.mail_outbox
      where id = any (array(
        select id from identity.mail_outbox
        where content is null and created_at < now() - $1::int * interval '1 day'
        order by created_at
        limit 1000))`,
    values: [days],
  });
}

/** What is waiting, and what went wrong last among it. */
export async function readOutbox(tx: Tx): Promise<OutboxState> {
  const { rows } = await tx.query<OutboxState>({
    name: 'mail-outbox-state',
    text: `
      select count(*)::int as pending, min(created_at) as "oldestAt",
             coalesce(extract(epoch from clock_timestamp() - min(created_at)), 0)::float8 as "oldestSeconds",
             (array_agg(last_error order by created_at) filter (where last_error is not null))[1] as "lastError"
      from identity.mail_outbox
      where content is not null`,
  });
  return rows[0] ?? { pending: 0, oldestAt: null, oldestSeconds: 0, lastError: null };
}
