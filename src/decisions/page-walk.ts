/**
 * A page of a list: rows in the order of their ids, each confirmed by the engine.
 *
 * INVARIANT: an item is on a page only when the engine has just allowed it (confirm.ts).
 * INVARIANT: the pages together are all that is allowed; `nextCursor` is null exactly when nothing is left to look at.
 * An error or the deadline ends a page early, behind the last row that was answered; it never skips one.
 * tests/integration/decisions.test.ts holds them, against the engine's own list.
 */
import type { Deadline } from '../shared/operation.js';
import { Problem } from '../shared/problem.js';
import type { EngineError } from '../shared/tuple.js';
import { within } from '../shared/within.js';

export interface ListedPage {
  /** Names as outsiders say them, e.g. `record:deal-1`. */
  readonly items: readonly string[];
  /** Null exactly when the list is complete. */
  readonly nextCursor: string | null;
}

/** What is walked over. */
export interface Walk {
  /** The id that the page begins after; undefined begins the list. */
  readonly after: string | undefined;
  readonly limit: number;
  readonly deadline: Deadline;
  /** At most `limit` ids in order, none of which that may be allowed is left out. */
  readonly read: (page: { after: string | undefined; limit: number }) => Promise<string[]>;
  /** The engine's answers, index-aligned. */
  readonly confirm: (ids: readonly string[]) => Promise<(boolean | EngineError)[]>;
  /** What an id that was allowed is called; throws where the allow must not be given. */
  readonly admit: (id: string) => Promise<string>;
  /** The cursor that goes on after `last`. */
  readonly cursorAfter: (last: string) => string;
}

/** Rows looked at between two looks at the clock, at most. A short page begins with few, which are nearly always enough. */
const CHUNK = 100;
const SMALLEST_CHUNK = 8;
/** How long the engine may take over a chunk, in milliseconds: as long as its own limit for a request. */
const CHUNK_TIMEOUT_MS = 3_000;
/** What must be left of the deadline for another chunk to begin, in milliseconds. */
const RESERVE_MS = 150;
/** What a chunk leaves of it, so that what was confirmed can be written down and given. */
const ANSWER_MS = 50;

/** Walks until the page is full, the list or the time ends, or the engine fails. */
export async function walkPage(walk: Walk): Promise<ListedPage> {
  const { limit, deadline } = walk;
  const items: string[] = [];
  const cut = (last: string): ListedPage => ({ items, nextCursor: walk.cursorAfter(last) });
  let last = walk.after;
  for (let size = Math.max(limit, SMALLEST_CHUNK); ; size *= 2) {
    const rows = Math.min(size, CHUNK);
    // One id more than a chunk, which tells whether another follows.
    const ids = await within(deadline, walk.read({ after: last, limit: rows + 1 }), () => {
      return new Problem('DATABASE_UNAVAILABLE', 'the database did not answer in time', { retryAfterSeconds: 1 });
    });
    const chunk = ids.slice(0, rows);
    const answers = await walk.confirm(chunk);
    for (const [index, id] of chunk.entries()) {
      const answer = answers[index];
      if (typeof answer !== 'boolean') {
        // Only what nobody has answered for yet is an error; behind it the next page goes on.
        if (last === walk.after || last === undefined) throw answer ?? new Error('an answer is missing');
        return cut(last);
      }
      if (answer) items.push(await walk.admit(id));
      last = id;
      if (items.length >= limit && index + 1 < ids.length) return cut(last);
    }
    if (ids.length <= rows || last === undefined) return { items, nextCursor: null };
    if (deadline.remainingMs() < RESERVE_MS) return cut(last);
  }
}

/** How long the engine may take over many questions at once, so that what it said can still be given. */
export function batchTimeoutMs(deadline: Deadline): number {
  return Math.min(CHUNK_TIMEOUT_MS, deadline.remainingMs() - ANSWER_MS);
}
