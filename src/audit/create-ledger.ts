import type { Logger } from 'pino';

import type { Metrics } from '../platform/metrics.js';
import { createPool } from '../platform/postgres.js';
import type { Pool } from '../platform/postgres.js';
import { createFileSink, createLogSink } from './checkpoint-sinks.js';
import { parsePrivateKey } from './checkpoint.js';
import { createLedgerWarning } from './ledger-warning.js';
import { createSealMetrics } from './seal-metrics.js';
import { createSealer } from './sealer.js';
import type { Sealer } from './sealer.js';

export interface LedgerOptions {
  /** Postgres, as a login that may take on `bailiwick_sync`. */
  readonly url: string;
  readonly key: string | undefined;
  readonly checkpointFile: string | undefined;
  readonly log: Logger;
  readonly metrics: Metrics;
}

export interface Ledger {
  readonly pool: Pool;
  readonly sealer: Sealer;
  readonly warning: ReturnType<typeof createLedgerWarning>;
}

/** Leaves time to write it, so that no sealed entry is uncovered for over 10 s. */
const CHECKPOINT_MS = 9_000;

/** Everything that seals what was written down and signs for it. Throws where the key is none. */
export function createLedger({ url, key: keyText, checkpointFile, log, metrics }: LedgerOptions): Ledger {
  const key = keyText === undefined ? undefined : parsePrivateKey(keyText);
  const hasKey = key !== undefined;
  const pool = createPool({ url, role: 'bailiwick_sync', max: 4, applicationName: 'bailiwick-sealer' }, (error) =>
    log.warn({ err: error }, 'database connection lost'),
  );
  const sinks = [...(checkpointFile === undefined ? [] : [createFileSink(checkpointFile)]), createLogSink(log)];
  const sealer = createSealer({
    pool,
    log,
    metrics: createSealMetrics(metrics, pool, { hasKey, sinks: sinks.map(({ name }) => name) }),
    key,
    sinks,
    pollMs: 500,
    standbyMs: 500,
    checkpointMs: CHECKPOINT_MS,
    patrolMs: 10_000,
  });
  return { pool, sealer, warning: createLedgerWarning(pool, { sealer, hasKey }) };
}
