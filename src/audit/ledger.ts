/**
 * How the ledger is hashed, as pure functions. One log a lane, entries numbered from 1.
 *
 *   hash of entry n = SHA-256(0x00 ‖ hash of entry n−1 ‖ n as 8 bytes ‖ length as 4 bytes ‖ the entry's text in UTF-8)
 *   hash before the first = SHA-256("bailiwick audit ledger v1\n" ‖ origin), so that no two logs share one hash
 *   inner node = SHA-256(0x01 ‖ left ‖ right)
 *
 * So the hashes are a chain, and at the same time the leaves of an RFC 6962 tree over the whole log: every entry vouches
 * for all before it, and one root for all of them, with proofs of logarithmic size. tests/unit/ledger.test.ts holds
 * golden vectors; tests/integration/ledger.test.ts computes them again in SQL.
 */
import { hash } from 'node:crypto';

/** The admin lane is `audit.access_log`, the decision lane `audit.decision`. */
export const LANES = ['admin', 'decision'] as const;
export type Lane = (typeof LANES)[number];

export const HASH_BYTES = 32;

const HEAD_BYTES = 1 + HASH_BYTES + 8 + 4;

const sha256 = (bytes: Uint8Array): Buffer => hash('sha256', bytes, 'buffer');

/** What the first entry of a log continues from. */
export function genesisHash(origin: string): Buffer {
  return sha256(Buffer.from(`bailiwick audit ledger v1\n${origin}`));
}

/** The hash of an entry: `seq` is its number, `prev` the hash of the one before. */
export function entryHash(prev: Uint8Array, seq: number, text: string): Buffer {
  const length = Buffer.byteLength(text);
  const bytes = Buffer.allocUnsafe(HEAD_BYTES + length);
  bytes[0] = 0x00;
  bytes.set(prev, 1);
  bytes.writeBigUInt64BE(BigInt(seq), 1 + HASH_BYTES);
  bytes.writeUInt32BE(length, 1 + HASH_BYTES + 8);
  bytes.write(text, HEAD_BYTES);
  return sha256(bytes);
}

/** An inner node of the tree. */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(1 + 2 * HASH_BYTES);
  bytes[0] = 0x01;
  bytes.set(left, 1);
  bytes.set(right, 1 + HASH_BYTES);
  return sha256(bytes);
}

/** The tree's right edge: the roots of its complete subtrees, largest first. It is all that growing needs. */
export class Frontier {
  #size: number;
  readonly #roots: Buffer[];

  private constructor(size: number, roots: Buffer[]) {
    this.#size = size;
    this.#roots = roots;
  }

  static empty(): Frontier {
    return new Frontier(0, []);
  }

  /** Undefined where the bytes cannot be the edge of a tree of that size. */
  static parse(size: number, bytes: Uint8Array): Frontier | undefined {
    const count = bytes.length / HASH_BYTES;
    if (count !== size.toString(2).replaceAll('0', '').length) return undefined;
    return new Frontier(
      size,
      Array.from({ length: count }, (_, at) => leafAt(bytes, at)),
    );
  }

  get size(): number {
    return this.#size;
  }

  append(leaf: Buffer): void {
    let node = leaf;
    // Each 1 at the end of the size is a complete subtree as large as the one that has just been completed.
    for (let left = this.#size; left % 2 === 1; left = (left - 1) / 2) node = nodeHash(this.#roots.pop() ?? leaf, node);
    this.#roots.push(node);
    this.#size += 1;
  }

  /** RFC 6962's hash of the whole tree. */
  root(): Buffer {
    const [last, ...larger] = [...this.#roots].reverse();
    return larger.reduce((right, left) => nodeHash(left, right), last ?? sha256(Buffer.alloc(0)));
  }

  bytes(): Buffer {
    return Buffer.concat(this.#roots);
  }

  copy(): Frontier {
    return new Frontier(this.#size, [...this.#roots]);
  }
}

/** The hash at a place in many that stand one after the other. */
export function leafAt(leaves: Uint8Array, at: number): Buffer {
  return Buffer.from(leaves.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES));
}

/** A place in the order of rows. Both parts are as Postgres prints them. */
export interface RowKey {
  readonly xid: string;
  readonly id: string;
}

/** A row of a lane's table, as it is hashed. */
export interface Entry extends RowKey {
  readonly text: string;
  /** When it was written, in milliseconds since 1970: for finding it, not for hashing. */
  readonly atMs: number;
}

/** One batch of entries, sealed. The fields are those of `audit.seal`. */
export interface Seal {
  readonly batch: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly lastXid: string;
  readonly lastId: string;
  readonly prev: Buffer;
  readonly head: Buffer;
  readonly root: Buffer;
  readonly frontier: Buffer;
  readonly leaves: Buffer;
  readonly firstAtMs: number;
  readonly lastAtMs: number;
}

/** Where a log ends: all that the next batch needs. */
export interface LogEnd {
  readonly batch: number;
  readonly head: Buffer;
  /** Not changed by whoever is handed it; its size is the log's. */
  readonly frontier: Frontier;
  /** Undefined before the first entry. */
  readonly last: RowKey | undefined;
}

export function emptyLog(origin: string): LogEnd {
  return { batch: 0, head: genesisHash(origin), frontier: Frontier.empty(), last: undefined };
}

/** The end of a log whose last batch has this seal; undefined where the seal contradicts itself. */
export function endAfter(seal: Seal): LogEnd | undefined {
  const frontier = Frontier.parse(seal.lastSeq, seal.frontier);
  const isWhole =
    frontier?.root().equals(seal.root) === true &&
    seal.leaves.length === HASH_BYTES * (seal.lastSeq - seal.firstSeq + 1) &&
    leafAt(seal.leaves, seal.lastSeq - seal.firstSeq).equals(seal.head);
  if (!isWhole) return undefined;
  return { batch: seal.batch, head: seal.head, frontier, last: { xid: seal.lastXid, id: seal.lastId } };
}

/** Seals the entries, at least one, as the batch after `end`. */
export function sealBatch(end: LogEnd, entries: readonly Entry[]): { seal: Seal; end: LogEnd } {
  const last = entries.at(-1);
  if (last === undefined) throw new Error('a batch has an entry');
  const frontier = end.frontier.copy();
  const firstSeq = frontier.size + 1;
  const leaves = Buffer.allocUnsafe(entries.length * HASH_BYTES);
  let head = end.head;
  let firstAtMs = Infinity;
  let lastAtMs = -Infinity;
  entries.forEach(({ text, atMs }, at) => {
    head = entryHash(head, firstSeq + at, text);
    leaves.set(head, at * HASH_BYTES);
    frontier.append(head);
    firstAtMs = Math.min(firstAtMs, atMs);
    lastAtMs = Math.max(lastAtMs, atMs);
  });
  const next: LogEnd = { batch: end.batch + 1, head, frontier, last };
  const seal: Seal = {
    batch: next.batch,
    firstSeq,
    lastSeq: frontier.size,
    lastXid: last.xid,
    lastId: last.id,
    prev: end.head,
    head,
    root: frontier.root(),
    frontier: frontier.bytes(),
    leaves,
    firstAtMs,
    lastAtMs,
  };
  return { seal, end: next };
}
