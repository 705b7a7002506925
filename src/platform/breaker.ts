/**
 * What keeps a failing engine from being asked in vain, and from being asked twice by everybody.
 *
 * The breaker opens when at least half of at least 20 calls within five seconds have failed; then one call a second is
 * let through, and the first that succeeds closes it. The budget lets one call in ten be tried again.
 * tests/unit/breaker.test.ts.
 */

export interface Breaker {
  /** Whether a call may be made now; one that may must be `record`ed. */
  mayPass(): boolean;
  record(isFailure: boolean): void;
}

const LEAST_CALLS = 20;
const LEAST_SHARE = 0.5;
const SECONDS = 5;
const PROBE_MS = 1_000;

export function createBreaker(ticks: () => number = () => performance.now()): Breaker {
  /** Of each second, in a ring. */
  const calls = Array.from({ length: SECONDS }, () => ({ second: -1, all: 0, failed: 0 }));
  let probedAt: number | undefined;

  function bucket(): { second: number; all: number; failed: number } {
    const second = Math.floor(ticks() / 1000);
    const found = calls[second % SECONDS] ?? { second, all: 0, failed: 0 };
    if (found.second !== second) Object.assign(found, { second, all: 0, failed: 0 });
    return found;
  }

  function isFailing(): boolean {
    const since = Math.floor(ticks() / 1000) - SECONDS;
    const recent = calls.filter(({ second }) => second > since);
    const all = recent.reduce((sum, each) => sum + each.all, 0);
    const failed = recent.reduce((sum, each) => sum + each.failed, 0);
    return all >= LEAST_CALLS && failed >= all * LEAST_SHARE;
  }

  return {
    mayPass() {
      if (probedAt === undefined) return true;
      if (ticks() - probedAt < PROBE_MS) return false;
      probedAt = ticks();
      return true;
    },
    record(isFailure) {
      const now = bucket();
      now.all += 1;
      if (isFailure) now.failed += 1;
      if (isFailure && probedAt === undefined && isFailing()) probedAt = ticks();
      if (!isFailure && probedAt !== undefined) {
        probedAt = undefined;
        for (const each of calls) Object.assign(each, { second: -1, all: 0, failed: 0 });
      }
    },
  };
}

export interface RetryBudget {
  /** Notes a call, which earns a tenth of a retry. */
  earn(): void;
  /** Whether there is one to spend; then it is spent. */
  spend(): boolean;
}

const EARNED = 0.1;
const MOST = 10;

export function createRetryBudget(): RetryBudget {
  let left = 1;
  return {
    earn: () => void (left = Math.min(MOST, left + EARNED)),
    spend() {
      if (left < 1) return false;
      left -= 1;
      return true;
    },
  };
}
