/**
 * The ledger's metrics. What waits and what is covered is read from the database at each scrape, by every replica, so it
 * is true also when nobody seals.
 */
import type { Metrics } from '../platform/metrics.js';
import type { Pool } from '../platform/postgres.js';
import { LANES } from './ledger.js';
import type { Lane } from './ledger.js';
import { BACKLOG_MAX, listLaneStates } from './ledger-state-store.js';
import type { LaneState } from './ledger-state-store.js';

export interface SealMetrics {
  sealed(lane: Lane, entries: number): void;
  signed(lane: Lane): void;
  /** Once for a process's life. */
  broken(lane: Lane): void;
  sinkFailed(sink: string): void;
}

/** `sinks`: the names of where this process keeps checkpoints. */
export function createSealMetrics(
  metrics: Metrics,
  pool: Pool,
  { hasKey, sinks }: { readonly hasKey: boolean; readonly sinks: readonly string[] },
): SealMetrics {
  let looking: Promise<LaneState[] | undefined> | undefined;
  const look = (): Promise<LaneState[] | undefined> =>
    (looking ??= pool
      .transaction(listLaneStates)
      .catch(() => undefined)
      .finally(() => (looking = undefined)));
  const ofLanes = (name: string, help: string, value: (state: LaneState) => number): void => {
    metrics.gauge({
      name,
      help: `${help}; absent while Postgres cannot be asked.`,
      labels: ['lane'],
      collect: async (gauge) => {
        const states = await look();
        gauge.reset();
        for (const state of states ?? []) gauge.set({ lane: state.lane }, value(state));
      },
    });
  };
  const lag =
    'Age of the oldest row of the audit log that is not sealed; the log and /readyz?verbose name who holds it up';
  ofLanes('audit_seal_lag_seconds', lag, (state) => state.lagSeconds);
  const unsealed = `Rows of the audit log that are not sealed, counted up to ${String(BACKLOG_MAX)}`;
  ofLanes('audit_unsealed_rows', unsealed, (state) => state.unsealed);
  ofLanes(
    'audit_uncovered_entries',
    'Sealed entries that no checkpoint covers',
    ({ sealed, covered }) => sealed - covered,
  );
  const key = metrics.gauge({
    name: 'audit_signing_key',
    help: 'Whether this process has a key to sign checkpoints with.',
  });
  key.set({}, hasKey ? 1 : 0);
  const broken = metrics.gauge({
    name: 'audit_chain_broken',
    help: 'Whether this process found the audit chain broken: it signs nothing for it any more.',
    labels: ['lane'],
  });
  for (const lane of LANES) broken.set({ lane }, 0);
  const sealed = metrics.counter({
    name: 'audit_sealed_entries_total',
    help: 'Rows that this process sealed.',
    labels: ['lane'],
  });
  const signed = metrics.counter({
    name: 'audit_checkpoints_signed_total',
    help: 'Checkpoints that this process signed.',
    labels: ['lane'],
  });
  const failures = metrics.counter({
    name: 'audit_checkpoint_failures_total',
    help: 'Checkpoints that could not be kept, by where.',
    labels: ['sink'],
    known: sinks.map((sink) => ({ sink })),
  });
  return {
    sealed: (lane, entries) => sealed.inc({ lane }, entries),
    signed: (lane) => signed.inc({ lane }),
    broken: (lane) => broken.set({ lane }, 1),
    sinkFailed: (sink) => failures.inc({ sink }),
  };
}
