import { monitorEventLoopDelay } from 'node:perf_hooks';

import type { Part } from '../shared/part.js';

const RESOLUTION_MS = 10;
const WINDOW_MS = 250;

/** How late the event loop comes round: the average of the last quarter of a second, in milliseconds. */
export function createLoopDelay(): Part & { readonly lateMs: () => number } {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  let lateMs = 0;
  let timer: NodeJS.Timeout | undefined;
  return {
    name: 'event loop watch',
    lateMs: () => lateMs,
    start() {
      histogram.enable();
      timer = setInterval(() => {
        lateMs = Number.isNaN(histogram.mean) ? 0 : Math.max(0, histogram.mean / 1e6 - RESOLUTION_MS);
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
