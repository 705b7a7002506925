/**
 * The service's clock, held against Postgres's: every replica must take the same moment for the present, because grants
 * for a time begin and end by it, to the millisecond.
 *
 * Up to a second apart our own clock counts; past that Postgres's does, as it was last seen (RELIABILITY §5, clock skew).
 * Past five the process is not ready: somebody has to mend its clock. tests/unit/clock.test.ts, and with a real process
 * tests/integration/clock-skew.test.ts.
 */
import type { Logger } from 'pino';

import { NotReady } from '../shared/not-ready.js';
import type { Part } from '../shared/part.js';
import type { Metrics } from './metrics.js';
import type { Pool } from './postgres.js';

export interface ClockOptions {
  /** Resolves to Postgres's clock, in milliseconds since 1970. */
  readonly ask: () => Promise<number>;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Our own clock, and one that nobody sets. */
  readonly own?: () => number;
  readonly ticks?: () => number;
}

export interface Clock extends Part {
  /** The present. */
  readonly now: () => Date;
  /** Compares the two clocks once. Rejects where Postgres cannot be asked. */
  compare(): Promise<void>;
  /** Rejects with NotReady where the two are so far apart that no request should be sent here. */
  requireRight(): Promise<void>;
}

const EVERY_MS = 5_000;
const CORRECTED_MS = 1_000;
const NOT_READY_MS = 5_000;
/** An answer that took longer says too little about when it was given. */
const SLOW_ANSWER_MS = 500;

/** Makes the clock. Before its first comparison the present is our own. */
export function createClock({
  ask,
  metrics,
  log,
  own = Date.now,
  ticks = () => performance.now(),
}: ClockOptions): Clock {
  /** How far ours is ahead, in milliseconds; undefined: not known. */
  let skewMs: number | undefined;
  let timer: NodeJS.Timeout | undefined;
  metrics.gauge({
    name: 'clock_skew_seconds',
    help: "How far this process's clock is ahead of Postgres's, as last compared; absent before that.",
    collect: (gauge) => {
      gauge.reset();
      if (skewMs !== undefined) gauge.set({}, skewMs / 1_000);
    },
  });
  const isOff = (): boolean => skewMs !== undefined && Math.abs(skewMs) > CORRECTED_MS;

  async function compare(): Promise<void> {
    const [ownBefore, before] = [own(), ticks()];
    const theirs = await ask();
    const tookMs = ticks() - before;
    if (tookMs > SLOW_ANSWER_MS) return;
    const wasOff = isOff();
    skewMs = ownBefore + tookMs / 2 - theirs;
    if (isOff() && !wasOff)
      log.error({ skewMs: Math.round(skewMs) }, 'the clock is wrong: Postgres’s is taken instead');
  }
  const inTurns = (): void => {
    timer = setTimeout(
      () =>
        void compare()
          .catch(() => undefined)
          .finally(inTurns),
      EVERY_MS,
    );
    timer.unref();
  };
  return {
    name: 'clock',
    now: () => new Date(own() - (isOff() ? (skewMs ?? 0) : 0)),
    compare,
    requireRight() {
      if (skewMs === undefined || Math.abs(skewMs) <= NOT_READY_MS) return Promise.resolve();
      const seconds = Math.round(Math.abs(skewMs) / 1_000);
      return Promise.reject(
        new NotReady(`the clock is ${String(seconds)} s ${skewMs > 0 ? 'ahead of' : 'behind'} Postgres's`),
      );
    },
    async start() {
      await compare();
      inTurns();
    },
    stop() {
      clearTimeout(timer);
      return Promise.resolve();
    },
  };
}

/** An `ask` for `createClock`. */
export async function readDatabaseClock(pool: Pool): Promise<number> {
  const { rows } = await pool.statement((tx) =>
    tx.query<{ ms: number }>({
      name: 'database-clock',
      text: `select extract(epoch from clock_timestamp())::float8 * 1000 as ms`,
    }),
  );
  return rows[0]?.ms ?? NaN;
}
