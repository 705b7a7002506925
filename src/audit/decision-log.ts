/**
 * The decision log: every answer is written down.
 *
 * - `strict`: an answer waits for the commit of its batch. Where that fails the answer must not be given:
 *   AUDIT_UNAVAILABLE.
 * - `async`: an answer does not wait; a batch goes after 50 ms or at 500 entries, and is tried again until it is in.
 *   A crash loses what is buffered, at most `capacity`, which `bailiwick_decision_log_buffered` shows. When the buffer
 *   is full no more answers are given: AUDIT_UNAVAILABLE.
 *
 * An `undecided` entry has no answer that could wait, so it is never waited for.
 * tests/integration/decision-log.test.ts.
 */
import type { Logger } from 'pino';

import type { Metrics } from '../platform/metrics.js';
import type { Pool } from '../platform/postgres.js';
import type { Part } from '../shared/part.js';
import { Problem } from '../shared/problem.js';
import { BatchWriter } from './batch-writer.js';
import { ensureDecisionPartitions, insertDecisions, type DecisionEntry } from './decision-store.js';

export interface DecisionLog {
  /**
   * Resolves when the answer may be given. Throws Problem AUDIT_UNAVAILABLE where it must not be; also when `signal`
   * aborts first, though the entry may be written even so.
   */
  record(entry: DecisionEntry, signal?: AbortSignal): Promise<void>;
  /** Whether the entry is taken in and its answer may be given at once; where not, nothing has happened: `record` it. */
  recordAtOnce(entry: DecisionEntry): boolean;
}

export interface DecisionLogOptions {
  /** Of role `bailiwick_service`. */
  readonly pool: Pool;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly mode: 'strict' | 'async';
  /** The most entries that wait to be written. */
  readonly capacity?: number;
  /** How long `stop` goes on trying to write what is left, in milliseconds. */
  readonly stopTimeoutMs?: number;
}

/** The more wait, the more go together: what a transaction costs is shared. */
const BATCH_MAX = 2_000;
const URGENT_AT = 500;
const GATHER_MS = 50;
const PARTITIONS_EVERY_MS = 3_600_000;
/** The log writes for every tenant. */
const SETTINGS = { 'bailiwick.platform': 'on' };

export function createDecisionLog(options: DecisionLogOptions): DecisionLog & Part {
  const { pool, log, metrics, mode, capacity = 10_000, stopTimeoutMs = 5_000 } = options;
  const rows = metrics.counter({
    name: 'decision_log_rows_total',
    help: 'Entries that left the buffer of the decision log, by what became of them.',
    labels: ['outcome'],
    known: [{ outcome: 'written' }, { outcome: 'refused' }],
  });
  const writer = new BatchWriter<DecisionEntry>({
    write: (entries) => pool.transaction((tx) => insertDecisions(tx, entries), { settings: SETTINGS }),
    batchMax: BATCH_MAX,
    urgentAt: URGENT_AT,
    gatherMs: GATHER_MS,
    onWritten: (count) => rows.inc({ outcome: 'written' }, count),
    onRefused: (count) => rows.inc({ outcome: 'refused' }, count),
    onFailure: (error) => log.warn({ err: error, entries: writer.size }, 'decision log not written'),
  });
  metrics.gauge({
    name: 'decision_log_buffered',
    help: 'Entries of the decision log that are not committed: what a crash now would lose.',
    collect: (gauge) => gauge.set({}, writer.size),
  });
  const ensurePartitions = (): Promise<void> => pool.transaction(ensureDecisionPartitions, { settings: SETTINGS });
  let hourly: NodeJS.Timeout | undefined;
  return {
    name: 'decision log',
    async record(entry, signal) {
      if (writer.size >= capacity) {
        rows.inc({ outcome: 'refused' });
        throw unavailable('too many decisions wait to be written down');
      }
      if (mode === 'strict' && entry.answer !== 'undecided') await written(writer, entry, signal);
      else writer.add(entry);
    },
    recordAtOnce(entry) {
      if (mode === 'strict' || writer.size >= capacity) return false;
      writer.add(entry);
      return true;
    },
    async start() {
      await ensurePartitions();
      hourly = setInterval(() => {
        ensurePartitions().catch((error: unknown) => log.warn({ err: error }, 'decision partitions not made'));
      }, PARTITIONS_EVERY_MS);
      hourly.unref();
    },
    async stop() {
      clearInterval(hourly);
      const left = await writer.drain(stopTimeoutMs);
      if (left === 0) return;
      rows.inc({ outcome: 'lost' }, left);
      log.error({ entries: left }, 'decisions were not written down before the end');
    },
  };
}

/** Resolves once the entry is committed. */
function written(writer: BatchWriter<DecisionEntry>, entry: DecisionEntry, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void => reject(unavailable('the decision was not written down in time'));
    if (signal?.aborted === true) {
      giveUp();
      return;
    }
    signal?.addEventListener('abort', giveUp, { once: true });
    writer.add(entry, (failure) => {
      signal?.removeEventListener('abort', giveUp);
      if (failure === undefined) resolve();
      else reject(unavailable('the decision cannot be written down', failure));
    });
  });
}

function unavailable(detail: string, cause?: unknown): Problem {
  return new Problem('AUDIT_UNAVAILABLE', detail, { cause, retryAfterSeconds: 1 });
}
