/**
 * Whether a log is what it was: pure over the batches that it is handed, from the database or from an export.
 *
 * Each entry's hash is computed again from its text and compared with the one that was sealed, each seal with the one
 * before, and the root with every checkpoint on the way. Seals alone show what a careless hand did; whoever rewrites
 * rows and seals together is found by the checkpoints, and by nothing else. tests/unit/tamper.test.ts asserts both.
 *
 * The first fault ends it: everything after an altered entry has another hash too.
 */
import type { KnownRoot, KnownRoots } from './known-roots.js';
import { emptyLog, entryHash, HASH_BYTES, leafAt } from './ledger.js';
import type { Entry, Frontier, LogEnd, Seal } from './ledger.js';

/** From and to, both included. */
export interface SeqRange {
  readonly from: number;
  readonly to: number;
}

export interface Batch {
  readonly seal: Seal;
  /** In their order; undefined where only the seals are looked at. */
  readonly entries: readonly Entry[] | undefined;
}

export interface VerifyScope {
  readonly origin: string;
  /** Where to begin; undefined is the beginning. It counts as right if a checkpoint further on is right. */
  readonly start?: LogEnd;
  /** Of this log; their signatures are the caller's to check. */
  readonly checkpoints: KnownRoots;
  /** Entries that left with their partition, in their order. */
  readonly pruned: readonly SeqRange[];
  /** Whether the batches go to the log's end, so that a checkpoint beyond them says that something is missing. */
  readonly toEnd: boolean;
}

/** Where the log stops being what it was. */
export interface Fault {
  readonly seq: number;
  readonly what: string;
}

export interface Verdict {
  readonly fault: Fault | undefined;
  /** Entries whose text was hashed and compared. */
  readonly verified: number;
  /** Entries of which only the hash is left. */
  readonly pruned: number;
  /** The largest size that a checkpoint confirmed. */
  readonly covered: number;
  /** Where the verified part ends. */
  readonly end: LogEnd;
}

class Tampered extends Error {
  readonly fault: Fault;

  constructor(seq: number, what: string) {
    super(what);
    this.fault = { seq, what };
  }
}

/** Verifies batches that follow each other. */
export async function verifyLog(batches: AsyncIterable<Batch> | Iterable<Batch>, scope: VerifyScope): Promise<Verdict> {
  const log = new Verifier(scope);
  let fault: Fault | undefined;
  try {
    log.begin();
    for await (const batch of batches) log.verify(batch);
    log.finish();
  } catch (error) {
    if (!(error instanceof Tampered)) throw error;
    ({ fault } = error);
  }
  return { fault, verified: log.verified, pruned: log.prunedCount, covered: log.covered, end: log.end };
}

class Verifier {
  readonly #scope: VerifyScope;
  /** The checkpoint to compare with next, and its place among them. */
  #nextCheckpoint: KnownRoot | undefined;
  #place: number;
  #nextPruned = 0;
  end: LogEnd;
  verified = 0;
  prunedCount = 0;
  covered = 0;

  constructor(scope: VerifyScope) {
    this.#scope = scope;
    this.end = scope.start ?? emptyLog(scope.origin);
    this.#place = scope.checkpoints.placeOf(this.end.frontier.size);
    this.#nextCheckpoint = scope.checkpoints.at(this.#place);
  }

  begin(): void {
    this.#confirm(this.end.frontier);
  }

  verify({ seal, entries }: Batch): void {
    const { end } = this;
    const firstSeq = end.frontier.size + 1;
    if (seal.batch !== end.batch + 1)
      throw new Tampered(firstSeq, `batch ${end.batch + 1} is missing, batch ${seal.batch} follows`);
    if (seal.firstSeq !== firstSeq)
      throw new Tampered(firstSeq, `batch ${seal.batch} begins with entry ${seal.firstSeq}`);
    if (!seal.prev.equals(end.head))
      throw new Tampered(firstSeq, `batch ${seal.batch} does not continue from the one before`);
    const count = seal.lastSeq - firstSeq + 1;
    if (count < 1 || seal.leaves.length !== count * HASH_BYTES)
      throw new Tampered(firstSeq, `batch ${seal.batch} has not as many hashes as entries`);
    if (entries !== undefined) this.#compare(seal, entries);
    const frontier = end.frontier.copy();
    for (let at = 0; at < count; at += 1) {
      frontier.append(leafAt(seal.leaves, at));
      this.#confirm(frontier);
    }
    if (
      !leafAt(seal.leaves, count - 1).equals(seal.head) ||
      !frontier.root().equals(seal.root) ||
      !frontier.bytes().equals(seal.frontier)
    )
      throw new Tampered(firstSeq, `the seal of batch ${seal.batch} is not that of its hashes`);
    this.end = { batch: seal.batch, head: seal.head, frontier, last: { xid: seal.lastXid, id: seal.lastId } };
  }

  finish(): void {
    const { checkpoints } = this.#scope;
    const beyond = checkpoints.at(checkpoints.count - 1);
    const size = this.end.frontier.size;
    if (this.#scope.toEnd && beyond !== undefined && beyond.size > size)
      throw new Tampered(size + 1, `the log ends with entry ${size}, and a checkpoint covers ${beyond.size}`);
  }

  /** Compares entries with the hashes that were sealed. Each stands on the sealed hash before it. */
  #compare(seal: Seal, entries: readonly Entry[]): void {
    const left = [...entries].reverse();
    let prev = this.end.head;
    let prunedHere = 0;
    for (let seq = seal.firstSeq; seq <= seal.lastSeq; seq += 1) {
      const sealed = leafAt(seal.leaves, seq - seal.firstSeq);
      if (this.#isPruned(seq)) prunedHere += 1;
      else {
        const entry = left.pop();
        if (entry === undefined) throw new Tampered(seq, 'the entry is missing');
        if (!entryHash(prev, seq, entry.text).equals(sealed))
          throw new Tampered(seq, `the entry with id ${entry.id} is not the one that was sealed here`);
      }
      prev = sealed;
    }
    const [surplus] = left.reverse();
    if (surplus !== undefined)
      throw new Tampered(seal.lastSeq, `the entry with id ${surplus.id} was never sealed after it`);
    if (prunedHere === 0) checkPlace(seal, entries);
    this.verified += entries.length;
    this.prunedCount += prunedHere;
  }

  /** Asked with ever larger numbers. */
  #isPruned(seq: number): boolean {
    const ranges = this.#scope.pruned;
    for (let range = ranges[this.#nextPruned]; range !== undefined && range.to < seq; range = ranges[this.#nextPruned])
      this.#nextPruned += 1;
    const range = ranges[this.#nextPruned];
    return range !== undefined && range.from <= seq;
  }

  /** Compares the root with every checkpoint of this size. */
  #confirm(frontier: Frontier): void {
    for (;;) {
      const checkpoint = this.#nextCheckpoint;
      if (checkpoint === undefined || checkpoint.size > frontier.size) return;
      if (!frontier.root().equals(checkpoint.root))
        throw new Tampered(
          this.covered + 1,
          `entries ${this.covered + 1} to ${frontier.size} are not those of the checkpoint at ${frontier.size}`,
        );
      this.covered = frontier.size;
      this.#place += 1;
      this.#nextCheckpoint = this.#scope.checkpoints.at(this.#place);
    }
  }
}

/** What a seal says beside its hashes, which find rows by place and by time. */
function checkPlace(seal: Seal, entries: readonly Entry[]): void {
  const last = entries.at(-1);
  const isPlaced = last?.xid === seal.lastXid && last.id === seal.lastId;
  const firstAtMs = Math.min(...entries.map(({ atMs }) => atMs));
  const lastAtMs = Math.max(...entries.map(({ atMs }) => atMs));
  // A time that JavaScript cannot hold is not compared.
  const near = (a: number, b: number): boolean => !(Math.abs(a - b) >= 1);
  if (!isPlaced || !near(firstAtMs, seal.firstAtMs) || !near(lastAtMs, seal.lastAtMs))
    throw new Tampered(seal.firstSeq, `the seal of batch ${seal.batch} does not say where its entries stand`);
}
