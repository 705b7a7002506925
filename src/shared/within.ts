import type { Deadline } from './operation.js';
import type { Problem } from './problem.js';

/** The promise's outcome, or the problem once the deadline passes or the caller is gone, whichever is first. */
export async function within<T>(deadline: Deadline, promise: Promise<T>, late: () => Problem): Promise<T> {
  const { signal } = deadline;
  let giveUp: (() => void) | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    giveUp = () => reject(late());
    if (signal.aborted) giveUp();
    else signal.addEventListener('abort', giveUp, { once: true });
  });
  try {
    return await Promise.race([promise, tooLate]);
  } finally {
    if (giveUp !== undefined) signal.removeEventListener('abort', giveUp);
  }
}
