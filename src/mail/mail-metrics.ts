/** The mail metrics. What waits is read from the outbox at each scrape, so it tells the truth also when nobody sends. */
import type { Metrics } from '../platform/metrics.js';
import type { Pool } from '../platform/postgres.js';
import type { Delivery } from '../shared/mail.js';
import { readOutbox } from './outbox-store.js';
import type { OutboxState } from './outbox-store.js';

export interface MailMetrics {
  /** A try ended, or a mail's time did (`expired`). */
  ended(outcome: Delivery['outcome'] | 'expired', count?: number): void;
}

/** `pool` is of role `bailiwick_service`. */
export function createMailMetrics(metrics: Metrics, pool: Pool): MailMetrics {
  // One look at the outbox serves the gauges of a scrape, which are collected side by side.
  let looking: Promise<OutboxState | undefined> | undefined;
  const look = (): Promise<OutboxState | undefined> =>
    (looking ??= pool
      .transaction(readOutbox, { settings: { 'bailiwick.platform': 'on' } })
      .catch(() => undefined)
      .finally(() => (looking = undefined)));
  const ofOutbox = (name: string, help: string, value: (state: OutboxState) => number): void => {
    metrics.gauge({
      name,
      help: `${help}; absent while Postgres cannot be asked.`,
      collect: async (gauge) => {
        const state = await look();
        gauge.reset();
        if (state !== undefined) gauge.set({}, value(state));
      },
    });
  };
  ofOutbox('mail_outbox_pending', 'Mails that wait to be sent', (state) => state.pending);
  ofOutbox('mail_outbox_oldest_age_seconds', 'Age of the mail that waits longest', (state) => state.oldestSeconds);
  const sent = metrics.counter({
    name: 'mail_sent_total',
    help: 'Tries to send a mail, by what became of them; refused and expired mails were given up.',
    labels: ['outcome'],
  });
  return { ended: (outcome, count = 1) => sent.inc({ outcome }, count) };
}
