/**
 * RFC 6962 inclusion proofs: that one entry is in the log that a checkpoint covers, shown with a hash for each level of
 * the tree and nothing else of the log.
 *
 * A proof is made by growing the tree from the edge before the entry's batch, so it costs what lies between that batch
 * and the checkpoint, however long the log is.
 */
import { HASH_BYTES, leafAt, nodeHash } from './ledger.js';
import type { Frontier } from './ledger.js';

interface Subtree {
  readonly hash: Buffer;
  readonly leaves: number;
  readonly holdsEntry: boolean;
}

/** Grows a tree and remembers the hashes beside the way from one leaf to the root. */
export class InclusionProof {
  readonly #seq: number;
  readonly #path: Buffer[] = [];
  readonly #stack: Subtree[] = [];
  #size: number;

  /** `before` is the tree before the entry's batch; `seq` is the entry's number. */
  constructor(seq: number, before: Frontier) {
    this.#seq = seq;
    this.#size = before.size;
    const roots = before.bytes();
    let left = before.size;
    for (let at = 0; at * HASH_BYTES < roots.length; at += 1) {
      const leaves = 2 ** Math.floor(Math.log2(left));
      this.#stack.push({ hash: leafAt(roots, at), leaves, holdsEntry: false });
      left -= leaves;
    }
  }

  append(leaf: Buffer): void {
    this.#size += 1;
    this.#stack.push({ hash: leaf, leaves: 1, holdsEntry: this.#size === this.#seq });
    for (;;) {
      const [left, right] = this.#stack.slice(-2);
      if (left === undefined || right === undefined || left.leaves !== right.leaves) return;
      this.#join(left, right);
    }
  }

  /** The proof for the tree as it is now, nearest hash first. */
  path(): Buffer[] {
    while (this.#stack.length > 1) {
      const [left, right] = this.#stack.slice(-2);
      if (left !== undefined && right !== undefined) this.#join(left, right);
    }
    return this.#path;
  }

  #join(left: Subtree, right: Subtree): void {
    if (left.holdsEntry) this.#path.push(right.hash);
    if (right.holdsEntry) this.#path.push(left.hash);
    this.#stack.splice(-2, 2, {
      hash: nodeHash(left.hash, right.hash),
      leaves: left.leaves + right.leaves,
      holdsEntry: left.holdsEntry || right.holdsEntry,
    });
  }
}

/** The root that the proof leads to, or undefined where it has too many or too few steps (RFC 9162, 2.1.3.2). */
export function rootOfProof(
  seq: number,
  size: number,
  { leaf, path }: { leaf: Buffer; path: readonly Buffer[] },
): Buffer | undefined {
  if (seq < 1 || seq > size) return undefined;
  let at = seq - 1;
  let lastAt = size - 1;
  let node = leaf;
  for (const step of path) {
    if (lastAt === 0) return undefined;
    if (at % 2 === 1 || at === lastAt) {
      node = nodeHash(step, node);
      while (at % 2 === 0 && at !== 0) {
        at /= 2;
        lastAt = Math.floor(lastAt / 2);
      }
    } else {
      node = nodeHash(node, step);
    }
    at = Math.floor(at / 2);
    lastAt = Math.floor(lastAt / 2);
  }
  return lastAt === 0 ? node : undefined;
}
