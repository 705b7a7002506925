import { expect, test } from 'vitest';
import { pino } from 'pino';

import { createClock } from '../../src/platform/clock.js';
import { createMetrics } from '../../src/platform/metrics.js';

const NOON = Date.UTC(2026, 10, 26, 12);

/** A clock that is `aheadMs` ahead of Postgres's, whose answer takes `tookMs`. */
function clockAt({ aheadMs, tookMs = 10 }: { aheadMs: number; tookMs?: number }) {
  const metrics = createMetrics();
  const own = { at: NOON + aheadMs };
  let ticks = 0;
  const ask = (): Promise<number> => {
    ticks += tookMs;
    // Read half way there and back, while our own clock goes on.
    const theirs = own.at - aheadMs + tookMs / 2;
    own.at += tookMs;
    return Promise.resolve(theirs);
  };
  const log = pino({ level: 'silent' });
  const clock = createClock({ ask, metrics, log, own: () => own.at, ticks: () => ticks });
  const skew = async (): Promise<string | undefined> =>
    /^bailiwick_clock_skew_seconds (\S+)$/m.exec((await metrics.render()).body)?.[1];
  return { clock, own, skew };
}

test.each([0, 999, -999])('%i ms apart our own clock counts', async (aheadMs) => {
  const { clock, own, skew } = clockAt({ aheadMs });
  expect(await skew()).toBeUndefined();
  await clock.compare();
  expect(clock.now().getTime()).toBe(own.at);
  expect(Number(await skew())).toBeCloseTo(aheadMs / 1_000, 6);
  await clock.requireRight();
});

test.each([1_001, -1_001, 5_000, 7_200_000, -7_200_000])('%i ms apart, it is Postgres’s', async (aheadMs) => {
  const { clock, own, skew } = clockAt({ aheadMs });
  await clock.compare();
  expect(clock.now().getTime()).toBe(own.at - aheadMs);
  expect(Number(await skew())).toBeCloseTo(aheadMs / 1_000, 6);
});

test.each([
  { aheadMs: 5_001, said: "the clock is 5 s ahead of Postgres's" },
  { aheadMs: -60_000, said: "the clock is 60 s behind Postgres's" },
])('$aheadMs ms apart the process is not ready', async ({ aheadMs, said }) => {
  const { clock } = clockAt({ aheadMs });
  await clock.requireRight();
  await clock.compare();
  await expect(clock.requireRight()).rejects.toThrow(said);
});

test('an answer that took long says nothing', async () => {
  const { clock, own, skew } = clockAt({ aheadMs: 60_000, tookMs: 501 });
  await clock.compare();
  expect(await skew()).toBeUndefined();
  expect(clock.now().getTime()).toBe(own.at);
});
