/** A fixed number of places, taken in the order of asking: what is under way at one time is bounded. */
export interface Slots {
  /**
   * Resolves to the function that gives the places back, once there are `count` free ones. Rejects with the signal's
   * reason when it aborts first. More than there are is as many as there are.
   */
  take(count: number, signal: AbortSignal): Promise<() => void>;
  /** How many places are asked for that are not free. */
  readonly waiting: () => number;
}

interface Waiting {
  readonly count: number;
  readonly enter: () => void;
}

export function createSlots(size: number): Slots {
  let free = size;
  const queue: Waiting[] = [];

  function admit(): void {
    for (let first = queue[0]; first !== undefined && first.count <= free; first = queue[0]) {
      queue.shift();
      free -= first.count;
      first.enter();
    }
  }
  return {
    waiting: () => queue.reduce((sum, { count }) => sum + count, 0),
    async take(wanted, signal) {
      const count = Math.min(wanted, size);
      signal.throwIfAborted();
      await new Promise<void>((resolve, reject) => {
        const leave = (): void => {
          queue.splice(queue.indexOf(waiting), 1);
          // Whoever stood behind a large one that has left may fit.
          admit();
          // The reason of an abort is an Error unless somebody gave another: it is passed on as it is.
          reject(signal.reason as Error);
        };
        const enter = (): void => {
          signal.removeEventListener('abort', leave);
          resolve();
        };
        const waiting = { count, enter };
        signal.addEventListener('abort', leave, { once: true });
        queue.push(waiting);
        admit();
      });
      return () => {
        free += count;
        admit();
      };
    },
  };
}
