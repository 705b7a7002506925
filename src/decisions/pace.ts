/** Long work on the event loop, in turns: others have theirs in between, and what nobody waits for any more ends. */
import { setImmediate as othersHadTheirTurn } from 'node:timers/promises';

import type { Deadline } from '../shared/operation.js';
import { Problem } from '../shared/problem.js';

/** Called between pieces of work of a few milliseconds at most. Rejects once the work is in vain. */
export type Pace = () => Promise<void>;

/** How long a turn is, in milliseconds: shorter than anybody notices, longer than the way round the loop. */
const TURN_MS = 5;

/** Throws Problem DATABASE_UNAVAILABLE at the deadline, as whoever waits for the work is told then. */
export function createPace({ signal }: Pick<Deadline, 'signal'>, ticks = () => performance.now()): Pace {
  let since = ticks();
  return async () => {
    if (ticks() - since < TURN_MS) return;
    await othersHadTheirTurn();
    if (signal.aborted) throw late();
    since = ticks();
  };
}

/** What is said where reasons do not come in time. */
export function late(): Problem {
  return new Problem('DATABASE_UNAVAILABLE', 'the reasons were not worked out in time', { retryAfterSeconds: 1 });
}
