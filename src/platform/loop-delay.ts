import { monitorEventLoopDelay } from 'node:perf_hooks';

import type { Part } from '../shared/part.js';

const RESOLUTION_MS = 10;
const WINDOW_MS = 250;

/**
 * How late the event loop comes round, in milliseconds: the lesser of the averages of the last two quarters of a second,
 * because one that stood still once (a collection of garbage, a neighbour) has caught up by the time that this is known.
 */
export function createLoopDelay(): Part & { readonly lateMs: () => number } {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  let lateMs = 0;
  let last = 0;
  let timer: NodeJS.Timeout | undefined;
  return {
    name: 'event loop watch',
    lateMs: () => lateMs,
    start() {
      histogram.enable();
      timer = setInterval(() => {
        const average = Number.isNaN(histogram.mean) ? 0 : Math.max(0, histogram.mean / 1e6 - RESOLUTION_MS);
        lateMs = Math.min(last, average);
        last = average;
        histogram.reset();
      }, WINDOW_MS);
      timer.unref();
      return Promise.resolve();
    },
    stop() {
      clearInterval(timer);
      histogram.disable();
      return Promise.resolve();
    },
  };
}
