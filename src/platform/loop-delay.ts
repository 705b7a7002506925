import type { Part } from '../shared/part.js';

const TICK_MS = 20;
const WINDOW_MS = 250;

/**
 * How late the event loop comes round, in milliseconds: the worst of a quarter of a second, and of two in a row the
 * better one, because a loop that stood still once (a collection of garbage, a neighbour) has caught up by the time that
 * this is known.
 *
 * A timer of its own: an average says nothing where one long round is one sample among many short ones, and Node's
 * `monitorEventLoopDelay` has no sample at all of a loop that comes round once between two looks at it.
 */
export function createLoopDelay(): Part & { readonly lateMs: () => number } {
  let timer: NodeJS.Timeout | undefined;
  let lateMs = 0;
  /** Of the window before this one, and of this one so far. */
  let [before, worst] = [0, 0];
  let tickedAt = 0;
  let since = 0;
  const tick = (): void => {
    const now = performance.now();
    worst = Math.max(worst, now - tickedAt - TICK_MS);
    tickedAt = now;
    if (now - since < WINDOW_MS) return;
    lateMs = Math.min(before, worst);
    [before, worst, since] = [worst, 0, now];
  };
  return {
    name: 'event loop watch',
    lateMs: () => lateMs,
    start() {
      tickedAt = since = performance.now();
      timer = setInterval(tick, TICK_MS).unref();
      return Promise.resolve();
    },
    stop() {
      clearInterval(timer);
      return Promise.resolve();
    },
  };
}
