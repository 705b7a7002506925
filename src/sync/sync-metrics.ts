/**
 * The sync metrics. Lag, depth and parked keys are read from the outbox at each scrape, by every replica, so they tell
 * the truth also when no projector is alive.
 */
import type { Metrics } from '../platform/metrics.js';
import type { Pool } from '../platform/postgres.js';
import { NotReady } from '../shared/not-ready.js';
import type { Outcome } from './engine-writes.js';
import type { Drift } from './drift.js';
import { LAG_HARD_SECONDS } from './gate-store.js';

export interface SyncMetrics {
  leader(leading: boolean): void;
  applied(kind: string, result: Outcome['result']): void;
  /** A reconcile ended, having found this much. */
  reconciled(counts: Record<Drift['fault'], number>, at: Date): void;
}

interface OutboxState {
  readonly lagSeconds: number;
  readonly pending: number;
  readonly parked: number;
}

/** What the outbox holds now. `lagSeconds` is the age of the oldest entry that is neither applied nor parked. */
export async function readOutboxState(pool: Pool): Promise<OutboxState> {
  const { rows } = await pool.transaction((tx) =>
    tx.query<OutboxState>({
      name: 'outbox-state',
      text: `
        select coalesce(extract(epoch from clock_timestamp() - min(o.queued_at) filter (where o.parked_at is null)), 0)::float8
                 as "lagSeconds",
               count(*) filter (where o.parked_at is null)::int as pending,
               count(*) filter (where o.parked_at is not null)::int as parked
        from sync.outbox o`,
    }),
  );
  return rows[0] ?? { lagSeconds: 0, pending: 0, parked: 0 };
}

export function createSyncMetrics(metrics: Metrics, pool: Pool): SyncMetrics {
  const leader = metrics.gauge({ name: 'sync_leader', help: 'Whether this process is the active projector.' });
  leader.set({}, 0);
  // One look at the outbox serves the three gauges of a scrape, which are collected side by side.
  let looking: Promise<OutboxState | undefined> | undefined;
  const look = (): Promise<OutboxState | undefined> =>
    (looking ??= readOutboxState(pool)
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
  ofOutbox('sync_pending_entries', 'Outbox entries not yet in force', (state) => state.pending);
  ofOutbox('sync_parked_entries', 'Outbox entries that cannot be projected', (state) => state.parked);
  ofOutbox('sync_lag_seconds', 'Age of the oldest outbox entry not yet in force', (state) => state.lagSeconds);
  const applied = metrics.counter({
    name: 'sync_applied_total',
    help: 'Keys projected, by kind and what became of them.',
    labels: ['kind', 'result'],
  });
  const drift = metrics.gauge({
    name: 'drift_tuples',
    help: 'Tuples that differed from the rows when this process, as the active projector, last compared them.',
    labels: ['fault'],
  });
  const reconciledAt = metrics.gauge({
    name: 'reconcile_last_success_timestamp_seconds',
    help: 'When rows and tuples were last compared in full.',
  });
  return {
    leader(leading) {
      leader.set({}, leading ? 1 : 0);
      // Whoever follows compares anew: what was found here would page for ever.
      if (!leading) drift.reset();
    },
    applied: (kind, result) => applied.inc({ kind, result }),
    reconciled(counts, at) {
      for (const fault of ['missing', 'extra', 'altered'] as const) drift.set({ fault }, counts[fault]);
      reconciledAt.set({}, at.getTime() / 1000);
    },
  };
}

/** Rejects with NotReady when a small change has waited longer than a page is worth: answers are no longer fresh. */
export async function requireFreshTuples(pool: Pool): Promise<void> {
  const { rows } = await pool.transaction((tx) =>
    tx.query<{ waits: boolean }>({
      name: 'waits-too-long',
      text: `
        select exists (select from sync.outbox o where o.rank = 0 and o.parked_at is null
                         and o.queued_at < clock_timestamp() - interval '${LAG_HARD_SECONDS} seconds') as waits`,
    }),
  );
  if (rows[0]?.waits !== false) throw new NotReady(`a change has not been in force for over ${LAG_HARD_SECONDS} s`);
}
