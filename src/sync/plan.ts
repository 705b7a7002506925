/**
 * From outbox entries to engine writes: which transactions belong together, and what each asks of the engine. Pure.
 *
 * INVARIANT: the keys of one small transaction stand in one unit, and transactions that share a key share a unit, so a
 * unit that fits into one Write changes the engine from one committed state to another: a role swap is never half done.
 */
import { keyOf } from '../shared/tuple.js';
import type { Tuple, TupleKey } from '../shared/tuple.js';
import type { Entry } from './outbox-store.js';
import { candidates, keyText, UnprojectableError } from './projection.js';
import type { Key } from './projection.js';

/** What one key asks of the engine. */
export interface KeyChange {
  readonly key: Pick<Entry, 'kind' | 'tenantId' | 'a' | 'b'>;
  readonly entryIds: readonly string[];
  readonly deletes: readonly TupleKey[];
  readonly writes: readonly Tuple[];
}

/**
 * Entries that must be applied together: those of one small transaction, and those of one key. A unit with a held
 * entry waits whole. `ready` and `waiting` share no key.
 */
export function formUnits(entries: readonly Entry[]): { ready: Entry[][]; waiting: Entry[][] } {
  const leaders = new Map<string, string>();
  const find = (node: string): string => {
    let root = node;
    for (let next = leaders.get(root); next !== undefined && next !== root; next = leaders.get(root)) root = next;
    leaders.set(node, root);
    return root;
  };
  for (const entry of entries) {
    const key = find(keyText(entry));
    if (entry.rank === 0) leaders.set(find(`xid ${entry.xid}`), key);
  }
  const units = grouped(entries, (entry) => find(keyText(entry)));
  const ready: Entry[][] = [];
  const waiting: Entry[][] = [];
  for (const unit of units.values()) (unit.some((entry) => entry.held) ? waiting : ready).push(unit);
  return { ready, waiting };
}

/** Entries by their key, each group in the order given. */
export function byKey(entries: readonly Entry[]): [Entry, ...Entry[]][] {
  return [...grouped(entries, keyText).values()];
}

function grouped<T>(items: readonly T[], by: (item: T) => string): Map<string, [T, ...T[]]> {
  const groups = new Map<string, [T, ...T[]]>();
  for (const item of items) {
    const group = groups.get(by(item));
    if (group === undefined) groups.set(by(item), [item]);
    else group.push(item);
  }
  return groups;
}

/**
 * What a key's entries ask for, `wanted` being what its rows say must stand (none for a stray). A key that was new and
 * has never been applied leaves nothing behind, so nothing is deleted. Throws UnprojectableError.
 */
export function changeOfKey(entries: readonly [Entry, ...Entry[]], wanted: readonly Tuple[]): KeyChange {
  const standing = new Set(wanted.map(keyOf));
  const possible = entries.flatMap((entry) => (entry.prior === null ? [] : possibleTuples(entry)));
  const deletes = new Map(
    possible.filter((tuple) => !standing.has(keyOf(tuple))).map((tuple) => [keyOf(tuple), tuple]),
  );
  return {
    key: entries[0],
    entryIds: entries.map((entry) => entry.id),
    deletes: [...deletes.values()],
    writes: wanted,
  };
}

function possibleTuples(entry: Entry): readonly TupleKey[] {
  const key = projectable(entry);
  return key === undefined ? (entry.prior?.tuples ?? []) : candidates(key, entry.prior ?? {});
}

/** The entry's key where rows stand behind it; a stray has none. Throws UnprojectableError for a rebuild. */
export function projectable(entry: Pick<Entry, 'kind' | 'tenantId' | 'a' | 'b'>): Key | undefined {
  const { kind, tenantId, a, b } = entry;
  if (kind === 'stray') return undefined;
  if (kind === 'rebuild') throw new UnprojectableError('a rebuild is not a key');
  return { kind, tenantId, a, b };
}
