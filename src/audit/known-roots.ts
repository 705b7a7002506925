/**
 * What checkpoints say of a log, 40 bytes each: a process signs one every second when it is busy, so a year of them does
 * not fit into memory as the notes that they are.
 *
 * They may come in any order (files of several processes, one after the other) and are handed on by size. Two of a size
 * that differ are both kept: a log can be only one of them.
 */
import type { Checkpoint } from './checkpoint.js';
import { HASH_BYTES, leafAt } from './ledger.js';

export type KnownRoot = Pick<Checkpoint, 'size' | 'root'>;

const ROOM_AT_FIRST = 64;

export class KnownRoots {
  #sizes = new Float64Array(ROOM_AT_FIRST);
  #roots = Buffer.alloc(ROOM_AT_FIRST * HASH_BYTES);
  #count = 0;
  #isSorted = true;

  static of(known: Iterable<KnownRoot>): KnownRoots {
    const roots = new KnownRoots();
    for (const each of known) roots.add(each);
    return roots;
  }

  get count(): number {
    return this.#count;
  }

  add({ size, root }: KnownRoot): void {
    if (this.#count === this.#sizes.length) this.#makeRoom();
    this.#isSorted &&= this.#count === 0 || size >= (this.#sizes[this.#count - 1] ?? 0);
    this.#sizes[this.#count] = size;
    this.#roots.set(root, this.#count * HASH_BYTES);
    this.#count += 1;
  }

  /** By size, from 0; undefined beyond the last. */
  at(place: number): KnownRoot | undefined {
    this.#sort();
    if (place < 0 || place >= this.#count) return undefined;
    return { size: this.#sizes[place] ?? 0, root: leafAt(this.#roots, place) };
  }

  /** The place of the first of this size or larger; the count where there is none. */
  placeOf(size: number): number {
    this.#sort();
    let [from, to] = [0, this.#count];
    while (from < to) {
      const middle = Math.floor((from + to) / 2);
      if ((this.#sizes[middle] ?? 0) < size) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  #makeRoom(): void {
    const sizes = new Float64Array(2 * this.#sizes.length);
    sizes.set(this.#sizes);
    this.#sizes = sizes;
    this.#roots = Buffer.concat([this.#roots, Buffer.alloc(this.#roots.length)]);
  }

  #sort(): void {
    if (this.#isSorted) return;
    const [sizes, roots] = [this.#sizes, this.#roots];
    const order = Uint32Array.from({ length: this.#count }, (_, at) => at);
    order.sort((a, b) => (sizes[a] ?? 0) - (sizes[b] ?? 0));
    this.#sizes = Float64Array.from(order, (at) => sizes[at] ?? 0);
    this.#roots = Buffer.alloc(this.#count * HASH_BYTES);
    order.forEach((was, at) => this.#roots.set(leafAt(roots, was), at * HASH_BYTES));
    this.#isSorted = true;
  }
}
