/**
 * Whether there has been too much to do for so long that requests should be sent elsewhere (RELIABILITY §5, overload):
 * a moment of it is shed, half a minute of it means that this process is not enough.
 */
import { NotReady } from '../shared/not-ready.js';
import type { Part } from '../shared/part.js';

export interface OverloadWatch extends Part {
  /** Rejects with NotReady once it has lasted too long. */
  requireRelief(): Promise<void>;
}

const LOOK_MS = 500;
const LASTING_MS = 30_000;

/** `isTooMuch` is looked at twice a second; `ticks` is a clock in milliseconds that nobody sets. */
export function createOverloadWatch(isTooMuch: () => boolean, ticks = () => performance.now()): OverloadWatch {
  let since: number | undefined;
  let timer: NodeJS.Timeout | undefined;
  const look = (): void => {
    since = isTooMuch() ? (since ?? ticks()) : undefined;
  };
  return {
    name: 'overload watch',
    requireRelief() {
      look();
      if (since === undefined || ticks() - since < LASTING_MS) return Promise.resolve();
      return Promise.reject(new NotReady('there has been too much to do for over 30 s'));
    },
    start() {
      timer = setInterval(look, LOOK_MS).unref();
      return Promise.resolve();
    },
    stop() {
      clearInterval(timer);
      return Promise.resolve();
    },
  };
}
