/**
 * Reads the ledger from the database, batch by batch: seals with the rows that they cover, as verify.ts wants them.
 *
 * Rows come in pages by their key, the next page while the one before is hashed, so that Postgres and this process work
 * side by side. Which rows belong to a seal is decided by their place in the order, never by counting: a row too many or
 * too few stays in the batch in which it is wrong.
 */
import type { Tx } from '../platform/postgres.js';
import type { Entry, Lane, LogEnd, RowKey, Seal } from './ledger.js';
import { listEntries, listSeals } from './seal-store.js';
import type { Batch } from './verify.js';

/** Runs work in a transaction: a pool's or a session's. */
export type InTransaction = <T>(work: (tx: Tx) => Promise<T>) => Promise<T>;

export interface ReadScope {
  readonly lane: Lane;
  /** The end of what comes before. */
  readonly after: LogEnd;
  /** Whether a seal's rows are read as well. */
  readonly withEntries: (seal: Seal) => boolean;
}

const SEALS_A_PAGE = 64;
const ENTRIES_A_PAGE = 5_000;

/** The batches after `after`, to the last one. */
export async function* readBatches(run: InTransaction, scope: ReadScope): AsyncGenerator<Batch, void> {
  const { lane } = scope;
  let { batch: afterBatch, last } = scope.after;
  for (;;) {
    const after = afterBatch;
    const seals = await run((tx) => listSeals(tx, lane, { afterBatch: after, limit: SEALS_A_PAGE }));
    let reader: EntryReader | undefined;
    for (const [at, seal] of seals.entries()) {
      const upTo = { xid: seal.lastXid, id: seal.lastId };
      if (scope.withEntries(seal)) {
        reader ??= new EntryReader(run, { lane, after: last, upTo: lastOfRun(seals.slice(at), scope) });
        yield { seal, entries: await reader.takeUpTo(upTo) };
      } else {
        reader = undefined;
        yield { seal, entries: undefined };
      }
      last = upTo;
      afterBatch = seal.batch;
    }
    if (seals.length < SEALS_A_PAGE) return;
  }
}

/** The last place that the seals, taken as long as their rows are wanted, cover. */
function lastOfRun(seals: readonly Seal[], { withEntries }: ReadScope): RowKey {
  const end = seals.findIndex((seal) => !withEntries(seal));
  const { lastXid = '0', lastId = '0' } = (end === -1 ? seals : seals.slice(0, end)).at(-1) ?? {};
  return { xid: lastXid, id: lastId };
}

interface EntryRange {
  readonly lane: Lane;
  readonly after: RowKey | undefined;
  readonly upTo: RowKey;
}

class EntryReader {
  readonly #run: InTransaction;
  readonly #range: EntryRange;
  #next: Promise<Entry[]> | undefined;
  #page: Entry[] = [];
  #at = 0;

  constructor(run: InTransaction, range: EntryRange) {
    this.#run = run;
    this.#range = range;
    this.#next = this.#fetch(range.after);
  }

  /** Takes the rows up to a place. */
  async takeUpTo(key: RowKey): Promise<Entry[]> {
    const taken: Entry[] = [];
    for (;;) {
      for (let entry = this.#page[this.#at]; entry !== undefined; entry = this.#page[this.#at]) {
        if (compareKeys(this.#range.lane, entry, key) > 0) return taken;
        taken.push(entry);
        this.#at += 1;
      }
      if (this.#next === undefined) return taken;
      this.#page = await this.#next;
      this.#at = 0;
      const last = this.#page.at(-1);
      this.#next = last === undefined || this.#page.length < ENTRIES_A_PAGE ? undefined : this.#fetch(last);
    }
  }

  #fetch(after: RowKey | undefined): Promise<Entry[]> {
    const { lane, upTo } = this.#range;
    const page = this.#run((tx) => listEntries(tx, lane, { after, upTo, limit: ENTRIES_A_PAGE }));
    // Nobody may ask for it any more: a failure then has nobody to hear of it.
    page.catch(() => undefined);
    return page;
  }
}

/** The order of Postgres: numbers by value, uuids by their digits. */
function compareKeys(lane: Lane, a: RowKey, b: RowKey): number {
  const byXid = compareNumbers(a.xid, b.xid);
  if (byXid !== 0) return byXid;
  return lane === 'admin' ? compareNumbers(a.id, b.id) : compareText(a.id, b.id);
}

/** Of whole numbers as Postgres prints them. */
function compareNumbers(a: string, b: string): number {
  if (a.startsWith('-') || b.startsWith('-')) return Number(BigInt(a) - BigInt(b));
  return a.length === b.length ? compareText(a, b) : a.length - b.length;
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
