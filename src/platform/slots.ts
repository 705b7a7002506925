/**
 * A fixed number of places: what is under way at one time is bounded. Those who ask for the same reason (a tenant) stand
 * in one line, and the lines take turns: a long one delays nobody but those who stand in it. A line may hold no more than
 * its share of the places, which is less where others have lately been, so that whoever comes next finds one soon, and is
 * no longer than a bound. Who is in a hurry is refused at once where the line, at the rate of the last moments, would take
 * too long: a refusal at its end costs as much as an answer, and comes later.
 */
export interface Slots {
  /**
   * Resolves to the function that gives the places back, once there are `count` free ones; more than a line may hold is
   * as many as it may. Rejects with the signal's reason when it aborts first, and with TooManyWaiting at once.
   */
  take(count: number, signal: AbortSignal, where?: Where): Promise<() => void>;
  /** Whether `take` would reject one place there with TooManyWaiting. */
  readonly isTooLong: (where: Where) => boolean;
  /** Whether anybody of the line holds a place or waits for one. */
  readonly isUnderWay: (line: string) => boolean;
  /** How many places are asked for that are not free. */
  readonly waiting: () => number;
}

export interface Where {
  /** Left out: all such stand in one. */
  readonly line?: string;
  /** How long the line may be expected to take, in milliseconds; left out, it does not matter. */
  readonly withinMs?: number;
}

/** The line is as long as it may be. */
export class TooManyWaiting extends Error {
  override readonly name = 'TooManyWaiting';
}

/** Bounds of one line, in places; left out, there is none. */
export interface LineBounds {
  readonly held?: number;
  /**
   * What it may hold in company: an equal share of all places among the lines that were there in the last second or two,
   * but no less than this. Left out, company makes no difference.
   */
  readonly least?: number;
  readonly waiting?: number;
}

interface Waiting {
  readonly count: number;
  readonly enter: () => void;
}

/** So few before one are nobody's hurry, whatever the last moments were like. */
const FEW = 8;
/** What the rate is measured over, in milliseconds. */
const MOMENT_MS = 200;
const COMPANY_MS = 1_000;

/** How fast places are given back while somebody waits for them; unknown, and as if without end, at first. */
function createRate() {
  let perMs = Infinity;
  let since = performance.now();
  let count = 0;
  return {
    perMs: () => perMs,
    note(places: number, isAwaited: boolean): void {
      const now = performance.now();
      if (!isAwaited) [perMs, since, count] = [Infinity, now, 0];
      count += places;
      if (now - since >= MOMENT_MS) [perMs, since, count] = [count / (now - since), now, 0];
    },
  };
}

/** How many lines there were lately. */
function createCompany() {
  let names = new Set<string>();
  let before = 0;
  let since = performance.now();
  return {
    note(name: string): void {
      const passed = performance.now() - since;
      if (passed >= COMPANY_MS) {
        before = passed < 2 * COMPANY_MS ? names.size : 0;
        [names, since] = [new Set(), performance.now()];
      }
      names.add(name);
    },
    size: () => Math.max(1, before, names.size),
  };
}

interface Line {
  readonly waiting: Waiting[];
  waitingPlaces: number;
  held: number;
}

export function createSlots(size: number, bounds: LineBounds = {}): Slots {
  const { held = size, least = held, waiting: longest = Infinity } = bounds;
  const company = createCompany();
  let free = size;
  let waitingPlaces = 0;
  const rate = createRate();
  /** In the order of their turns. */
  const lines = new Map<string, Line>();

  function leave(line: Line, at: number): void {
    const [left] = line.waiting.splice(at, 1);
    line.waitingPlaces -= left?.count ?? 0;
    waitingPlaces -= left?.count ?? 0;
  }
  /** The line whose turn it is, unless its first has to wait for places: nobody overtakes it then. */
  function next(): [string, Line, Waiting] | undefined {
    const share = Math.min(held, Math.max(least, Math.floor(size / company.size())));
    for (const [name, line] of lines) {
      const [first] = line.waiting;
      if (first === undefined || (line.held > 0 && line.held + first.count > share)) continue;
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
  /**
   * Whether whoever comes last into it is expected to wait for longer. The lines take turns: of a longer one as many go
   * before as stand in this one, and one more; and one that holds its share gets on at its own part of the rate.
   */
  function takesLonger(line: Line | undefined, withinMs: number): boolean {
    const goInTime = Math.max(FEW, rate.perMs() * withinMs);
    const place = (line?.waitingPlaces ?? 0) + 1;
    if (line !== undefined && line.held > 0 && (place * (size - free)) / line.held >= goInTime) return true;
    if (waitingPlaces < goInTime) return false;
    let before = 0;
    for (const each of lines.values()) {
      before += each === line ? place - 1 : Math.min(each.waitingPlaces, place);
      if (before >= goInTime) return true;
    }
    return false;
  }
  function isTooLong({ line: name = '', withinMs = Infinity }: Where, count = 1): boolean {
    const line = lines.get(name);
    return (line?.waitingPlaces ?? 0) + count > longest || takesLonger(line, withinMs);
  }
  function giveBack(name: string, line: Line, count: number): void {
    rate.note(count, waitingPlaces > 0);
    free += count;
    line.held -= count;
    if (line.held === 0 && line.waiting.length === 0) lines.delete(name);
    admit();
  }
  return {
    waiting: () => waitingPlaces,
    isTooLong: (where) => isTooLong(where),
    isUnderWay: (line) => lines.has(line),
    async take(wanted, signal, where = {}) {
      const { line: name = '' } = where;
      const count = Math.min(wanted, held);
      signal.throwIfAborted();
      if (isTooLong(where, count)) throw new TooManyWaiting(`too many wait in line \`${name}\``);
      const line = lines.get(name) ?? { waiting: [], waitingPlaces: 0, held: 0 };
      lines.set(name, line);
      company.note(name);
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
