/** The full comparison on a timer: whoever leads runs it, repairs, and says what it found. */
import type { Logger } from 'pino';

import type { Part } from '../shared/part.js';
import type { DriftScope } from './drift.js';
import { reconcile } from './reconcile.js';
import type { SyncMetrics } from './sync-metrics.js';

export interface ReconcileTimerOptions {
  readonly scope: DriftScope;
  readonly metrics: SyncMetrics;
  readonly log: Logger;
  readonly isLeader: () => boolean;
  /** 0: never. */
  readonly everySeconds: number;
}

export function createReconcileTimer(options: ReconcileTimerOptions): Part {
  const { scope, metrics, log } = options;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  const ending = new AbortController();

  async function run(): Promise<void> {
    if (!options.isLeader()) return;
    try {
      const { counts, examples } = await reconcile({ ...scope, signal: ending.signal }, 'repair');
      metrics.reconciled(counts, new Date());
      const found = counts.missing + counts.extra + counts.altered;
      if (found > 0) log.error({ counts, examples: examples.slice(0, 10) }, 'drift found and queued for repair');
      else log.info({ counts }, 'rows and tuples are equal');
    } catch (error) {
      if (!ending.signal.aborted) log.warn({ err: error }, 'reconcile did not finish');
    }
  }

  return {
    name: 'reconcile timer',
    start() {
      if (options.everySeconds > 0) {
        timer = setInterval(() => {
          // One that takes longer than the time between two is not followed by those that it has missed.
          running ??= run().finally(() => (running = undefined));
        }, options.everySeconds * 1000);
      }
      return Promise.resolve();
    },
    async stop() {
      clearInterval(timer);
      ending.abort();
      await running;
    },
  };
}
