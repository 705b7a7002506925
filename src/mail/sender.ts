/**
 * Sends what is queued, a few mails at a time; any number of processes may do so side by side.
 *
 * A mail is leased, sent and settled, each in its own transaction, so that no mail server is waited for while rows are
 * locked. What goes wrong with one mail puts off that mail, ever longer; what is wrong with the server (it is down, it
 * does not let us in) puts off the sender, which then tries a single mail until one goes through: all that wait follow
 * at once. Nothing is lost before its time is over.
 *
 * INVARIANT: a mail that the server has taken is not sent again, unless its word was lost on the way, or the lease ran
 * out before it could be written down. tests/integration/mail-sender.test.ts.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';

import type { Pool } from '../platform/postgres.js';
import { SealError } from '../platform/seal.js';
import type { Delivery, Mail } from '../shared/mail.js';
import type { Part } from '../shared/part.js';
import { openContent } from './enqueue.js';
import type { MailMetrics } from './mail-metrics.js';
import { forgetSettled, giveUpExpired, leaseMails, settleMail } from './outbox-store.js';
import type { LeasedMail, Settlement } from './outbox-store.js';
import type { Outlet, PostOffice } from './post-office.js';
import { renderTemplate } from './templates.js';

export interface SenderTimes {
  readonly pollMs: number;
  /** For one try; the lease is longer. */
  readonly sendTimeoutMs: number;
  readonly leaseMs: number;
  /** Between the tries of one mail, doubling. */
  readonly retryMs: Span;
  /** Between the tries of a sender whose server is away, doubling. */
  readonly awayMs: Span;
  /** How long a stop waits for what is under way. */
  readonly graceMs: number;
}

interface Span {
  readonly first: number;
  readonly last: number;
}

export const SENDER_TIMES: SenderTimes = {
  pollMs: 1_000,
  sendTimeoutMs: 20_000,
  leaseMs: 60_000,
  retryMs: { first: 15_000, last: 15 * 60_000 },
  awayMs: { first: 1_000, last: 60_000 },
  graceMs: 3_000,
};

export interface SenderOptions {
  /** Of role `bailiwick_service`. */
  readonly pool: Pool;
  readonly office: PostOffice;
  readonly log: Logger;
  readonly metrics: MailMetrics;
  readonly times?: SenderTimes;
}

const PLATFORM = { settings: { 'bailiwick.platform': 'on' } };
/** Mails under way at one time, in one process. */
const AT_ONCE = 4;
const KEEP_DAYS = 30;
const FORGET_EVERY_MS = 3_600_000;

/** The doubling wait before try `tries + 1`, up to half of it off, so that what failed together does not return together. */
export function backOff({ first, last }: Span, tries: number, random = Math.random): number {
  return Math.min(last, first * 2 ** Math.min(Math.max(0, tries - 1), 30)) * (0.5 + random() / 2);
}

export function createMailSender({ pool, office, log, metrics, times = SENDER_TIMES }: SenderOptions): Part {
  const stopping = new AbortController();
  const cutting = new AbortController();
  let failuresInARow = 0;
  let forgetAt = 0;
  let running: Promise<void> = Promise.resolve();

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      let waitMs = times.pollMs;
      try {
        waitMs = await round();
      } catch (error) {
        log.warn({ err: error }, 'the mail outbox cannot be worked on');
      }
      if (waitMs > 0) await sleep(waitMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  }

  /** Sends what is due, and resolves to how long to wait before the next round. */
  async function round(): Promise<number> {
    const limit = failuresInARow > 0 ? 1 : AT_ONCE;
    const lease = randomUUID();
    const leasedAt = performance.now();
    const { outlet, mails, expired } = await pool.transaction(async (tx) => {
      const gone = await giveUpExpired(tx);
      if (Date.now() >= forgetAt) await forgetSettled(tx, KEEP_DAYS);
      const way = await office.outlet(tx);
      const due = way === undefined ? [] : await leaseMails(tx, { limit, lease, leaseMs: times.leaseMs });
      return { outlet: way, mails: due, expired: gone };
    }, PLATFORM);
    if (Date.now() >= forgetAt) forgetAt = Date.now() + FORGET_EVERY_MS;
    if (expired > 0) {
      metrics.ended('expired', expired);
      log.error({ count: expired }, 'mails were given up: they could not be sent in time');
    }
    if (outlet === undefined || mails.length === 0) return times.pollMs;
    const outcomes = await Promise.all(mails.map((mail) => deliver(mail, outlet, leasedAt + times.leaseMs)));
    const isAway = outcomes.includes('unreachable') && !outcomes.includes('sent');
    failuresInARow = isAway ? failuresInARow + 1 : 0;
    if (isAway) return backOff(times.awayMs, failuresInARow);
    return mails.length === limit ? 0 : times.pollMs;
  }

  async function deliver(leased: LeasedMail, outlet: Outlet, leaseEnds: number): Promise<Delivery['outcome']> {
    const { outcome, reply } = await attempt(leased, outlet);
    metrics.ended(outcome);
    const { id, template, attempts } = leased;
    if (outcome !== 'sent') log.warn({ mail: id, template, attempts, outcome }, 'a mail was not sent');
    await settle(leased, settlementOf({ outcome, reply }, attempts), leaseEnds);
    return outcome;
  }

  async function attempt(leased: LeasedMail, outlet: Outlet): Promise<Delivery> {
    if (office.seal === undefined) throw new Error('mail is sent without a key');
    try {
      const { name, values } = openContent(leased, office.seal);
      const to = { address: leased.toAddress, name };
      const mail: Mail = { id: leased.id, from: outlet.from, to, ...renderTemplate(leased.template, values) };
      const delivery = await outlet.transport.send(mail, { timeoutMs: times.sendTimeoutMs, signal: cutting.signal });
      // A server that quotes the mail back at us is not to bring its password into a table.
      const { oneTimePassword = '' } = values;
      return oneTimePassword === ''
        ? delivery
        : { ...delivery, reply: delivery.reply.replaceAll(oneTimePassword, '***') };
    } catch (error) {
      if (error instanceof SealError) return { outcome: 'delayed', reply: error.message };
      // A fault of ours is one mail's, and no reason to drop it. What it says may hold what the mail says.
      return { outcome: 'delayed', reply: 'the mail could not be written' };
    }
  }

  function settlementOf({ outcome, reply }: Delivery, attempts: number): Settlement {
    if (outcome === 'sent') return { as: 'sent' };
    if (outcome === 'refused') return { as: 'given-up', error: reply };
    const delayMs =
      outcome === 'delayed' ? backOff(times.retryMs, attempts) : backOff(times.awayMs, failuresInARow + 1) / 2;
    return { as: 'put-off', error: reply, delayMs };
  }

  /** Writes it down for as long as the lease is ours: what the server has taken must not go out again. */
  async function settle(leased: LeasedMail, settlement: Settlement, leaseEnds: number): Promise<void> {
    for (;;) {
      try {
        const isOurs = await pool.transaction((tx) => settleMail(tx, leased, settlement), PLATFORM);
        if (!isOurs) log.warn({ mail: leased.id }, 'a mail took longer than its lease: it may be sent twice');
        return;
      } catch (error) {
        if (performance.now() > leaseEnds || cutting.signal.aborted) throw error;
        await sleep(250);
      }
    }
  }

  return {
    name: 'mail sender',
    start() {
      running = run();
      return Promise.resolve();
    },
    async stop() {
      stopping.abort();
      const cut = setTimeout(() => cutting.abort(), times.graceMs);
      await running;
      clearTimeout(cut);
    },
  };
}
