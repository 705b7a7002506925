/**
 * What keeps rows and tuples equal, put together: the projector, the timed comparison of the two, and the filling of a
 * store that was never filled. The composition root starts and stops its parts; nobody else makes them.
 */
import type { Logger } from 'pino';

import type { Metrics } from '../platform/metrics.js';
import type { Pool } from '../platform/postgres.js';
import type { Part } from '../shared/part.js';
import type { TupleStore } from '../shared/tuple.js';
import type { ModelPart } from './model.js';
import { createProjector } from './projector.js';
import type { Projector } from './projector.js';
import { createReconcileTimer } from './reconcile-timer.js';
import { rebuildFamily } from './reconcile.js';
import { createSyncMetrics } from './sync-metrics.js';

export interface SyncOptions {
  readonly engine: { readonly requestTimeoutMs: number };
  readonly reconcileSeconds: number;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Of role `bailiwick_sync`. */
  readonly pool: Pool;
  readonly tuples: TupleStore;
  readonly model: ModelPart;
}

export interface Sync {
  readonly projector: Projector;
  readonly reconcileTimer: Part;
  /** Fills a store that was never filled. */
  readonly filling: Part;
}

const PARKED_RETRY_MS = 60_000;
/**
 * A projector starts each write within this of its claim, and gives up on it after that: whoever takes over waits out
 * both, and the engine's own time, so they decide how soon a killed projector's last changes are in force.
 */
const LEASE_MS = 500;
const WRITE_TIMEOUT_MS = 2_000;
/** What has been written is concluded at least that often, and a batch ends well before its transaction is cut off. */
const BATCH_MS = 10_000;
/** Well past a restart of the engine, which is everybody's: only who is cut off from it alone should make room. */
const YIELD_MS = 10_000;
/** Full comparisons are on nobody's request. */
const BACKGROUND_TIMEOUT_MS = 5_000;

/** Puts the parts together; none runs before its `start`. */
export function createSync({ engine, reconcileSeconds, log, metrics, pool, tuples, model }: SyncOptions): Sync {
  const syncMetrics = createSyncMetrics(metrics, pool);
  const scope = { pool, tuples, timeoutMs: BACKGROUND_TIMEOUT_MS };
  const projector = createProjector({
    pool,
    tuples,
    log,
    metrics: syncMetrics,
    writeTimeoutMs: Math.min(WRITE_TIMEOUT_MS, engine.requestTimeoutMs),
    engineRequestTimeoutMs: engine.requestTimeoutMs,
    leaseMs: LEASE_MS,
    batchMs: BATCH_MS,
    parkMs: PARKED_RETRY_MS,
    pollMs: 20,
    standbyMs: 500,
    yieldMs: YIELD_MS,
    rebuild: (entry, signal) => rebuildFamily({ ...scope, signal }, entry),
  });
  const reconcileTimer = createReconcileTimer({
    scope,
    metrics: syncMetrics,
    log,
    isLeader: projector.isLeader,
    everySeconds: reconcileSeconds,
  });
  return { projector, reconcileTimer, filling: model.filling(scope) };
}
