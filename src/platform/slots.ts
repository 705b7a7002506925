/**
 * A fixed number of places: what is under way at one time is bounded. Those who ask for the same reason (a tenant) stand
 * in one line, and the lines take turns: a long one delays nobody but those who stand in it. A line may hold no more than
 * its share of the places, so that whoever comes next finds one soon, and is no longer than a bound.
 */
export interface Slots {
  /**
   * Resolves to the function that gives the places back, once there are `count` free ones; more than a line may hold is
   * as many as it may. Rejects with the signal's reason when it aborts first, and with TooManyWaiting at once.
   */
  take(count: number, signal: AbortSignal, line?: string): Promise<() => void>;
  /** How many places are asked for that are not free. */
  readonly waiting: () => number;
}

/** The line is as long as it may be. */
export class TooManyWaiting extends Error {
  override readonly name = 'TooManyWaiting';
}

/** Bounds of one line, in places; left out, there is none. */
export interface LineBounds {
  readonly held?: number;
  readonly waiting?: number;
}

interface Waiting {
  readonly count: number;
  readonly enter: () => void;
}

interface Line {
  readonly waiting: Waiting[];
  waitingPlaces: number;
  held: number;
}

export function createSlots(size: number, { held = size, waiting: longest = Infinity }: LineBounds = {}): Slots {
  let free = size;
  let waitingPlaces = 0;
  /** In the order of their turns. */
  const lines = new Map<string, Line>();

  function leave(line: Line, at: number): void {
    const [left] = line.waiting.splice(at, 1);
    line.waitingPlaces -= left?.count ?? 0;
    waitingPlaces -= left?.count ?? 0;
  }
  /** The line whose turn it is, unless its first has to wait for places: nobody overtakes it then. */
  function next(): [string, Line, Waiting] | undefined {
    for (const [name, line] of lines) {
      const [first] = line.waiting;
      if (first === undefined || line.held + first.count > held) continue;
      return first.count <= free ? [name, line, first] : undefined;
    }
    return undefined;
  }
  function admit(): void {
    for (let found = next(); found !== undefined; found = next()) {
      const [name, line, first] = found;
      leave(line, 0);
      free -= first.count;
      line.held += first.count;
      lines.delete(name);
      lines.set(name, line);
      first.enter();
    }
  }
  function giveBack(name: string, line: Line, count: number): void {
    free += count;
    line.held -= count;
    if (line.held === 0 && line.waiting.length === 0) lines.delete(name);
    admit();
  }
  return {
    waiting: () => waitingPlaces,
    async take(wanted, signal, name = '') {
      const count = Math.min(wanted, held);
      signal.throwIfAborted();
      const line = lines.get(name) ?? { waiting: [], waitingPlaces: 0, held: 0 };
      if (line.waitingPlaces + count > longest) throw new TooManyWaiting(`too many wait in line \`${name}\``);
      lines.set(name, line);
      await new Promise<void>((resolve, reject) => {
        const giveUp = (): void => {
          leave(line, line.waiting.indexOf(waiting));
          // Whoever stood behind a large one that has left may fit.
          giveBack(name, line, 0);
          // The reason of an abort is an Error unless somebody gave another: it is passed on as it is.
          reject(signal.reason as Error);
        };
        const enter = (): void => {
          signal.removeEventListener('abort', giveUp);
          resolve();
        };
        const waiting = { count, enter };
        signal.addEventListener('abort', giveUp, { once: true });
        line.waiting.push(waiting);
        line.waitingPlaces += count;
        waitingPlaces += count;
        admit();
      });
      return () => giveBack(name, line, count);
    },
  };
}
