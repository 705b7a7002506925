/**
 * Writing key changes to the engine.
 *
 * A set of at most `tuplesPerWrite` tuple changes is one Write; a larger one goes deletes first, in chunks, so that no observer ever
 * sees more than the old and the new together, and a pure revocation never shows extra access.
 *
 * The engine refuses to change a stored tuple's condition in place (409). Where that happens the standing tuple is
 * read, deleted together with everything else that changes, and written anew: for that one tuple a denial of
 * milliseconds, never an allow.
 */
import { keyOf, sameCondition, EngineError } from '../shared/tuple.js';
import type { CallOptions, Tuple, TupleKey, TupleStore } from '../shared/tuple.js';
import type { KeyChange } from './plan.js';

export interface Write {
  readonly deletes: readonly TupleKey[];
  readonly writes: readonly Tuple[];
}

/** Changes as one Write, each tuple once; where one key's delete is another's write, the write stands. */
export function mergeChanges(changes: readonly KeyChange[]): Write {
  const writes = new Map(changes.flatMap((change) => change.writes).map((tuple) => [keyOf(tuple), tuple]));
  const deletes = new Map(
    changes
      .flatMap((change) => change.deletes)
      .filter((tuple) => !writes.has(keyOf(tuple)))
      .map((tuple) => [keyOf(tuple), tuple]),
  );
  return { deletes: [...deletes.values()], writes: [...writes.values()] };
}

export interface ApplyOptions extends CallOptions {
  /** Whether the right to write stands, or could be renewed; asked before every Write. Never rejects. */
  readonly mayStart: () => Promise<boolean>;
  /** The most tuples of one Write: 100, or fewer for an engine that takes too long over those. */
  readonly tuplesPerWrite: number;
}

/**
 * Makes the engine say what the changes ask for. Throws EngineError; `invalid` then names no key. A Write that may not
 * start any more is one that did not happen (`applied: no`), whatever went before it.
 */
export async function applyWrite(tuples: TupleStore, write: Write, options: ApplyOptions): Promise<void> {
  try {
    await inChunks(tuples, write, options);
  } catch (error) {
    if (!(error instanceof EngineError && error.kind === 'conflict')) throw error;
    const standing = await conflicting(tuples, write.writes, options);
    const inTheWay = new Set(standing.map(keyOf));
    const isFree = (tuple: Tuple): boolean => !inTheWay.has(keyOf(tuple));
    await inChunks(tuples, { deletes: [...write.deletes, ...standing], writes: write.writes.filter(isFree) }, options);
    await inChunks(tuples, { deletes: [], writes: write.writes.filter((tuple) => !isFree(tuple)) }, options);
  }
}

async function inChunks(tuples: TupleStore, { deletes, writes }: Write, options: ApplyOptions): Promise<void> {
  const one = async (chunk: Write): Promise<void> => {
    if (!(await options.mayStart())) {
      throw new EngineError('the right to write has run out', { kind: 'timeout', applied: 'no' });
    }
    await tuples.write(chunk, options);
  };
  if (deletes.length + writes.length === 0) return;
  if (deletes.length + writes.length <= options.tuplesPerWrite) {
    await one({ deletes, writes });
    return;
  }
  for (const chunk of chunked(deletes, options.tuplesPerWrite)) await one({ deletes: chunk, writes: [] });
  for (const chunk of chunked(writes, options.tuplesPerWrite)) await one({ deletes: [], writes: chunk });
}

function chunked<T>(items: readonly T[], size: number): T[][] {
  const chunks: T[][] = [];
  for (let start = 0; start < items.length; start += size) chunks.push(items.slice(start, start + size));
  return chunks;
}

/** The tuples that stand under the wanted keys with another condition. */
async function conflicting(tuples: TupleStore, wanted: readonly Tuple[], options: CallOptions): Promise<TupleKey[]> {
  const conflicts: TupleKey[] = [];
  for (const tuple of wanted) {
    const standing = await readTuple(tuples, tuple, options);
    if (standing !== undefined && !sameCondition(standing.condition, tuple.condition)) conflicts.push(standing);
  }
  return conflicts.map(({ user, relation, object }) => ({ user, relation, object }));
}

/** The stored tuple of exactly this key, if there is one. Throws EngineError. */
export async function readTuple(
  tuples: TupleStore,
  { user, relation, object }: TupleKey,
  options: CallOptions,
): Promise<Tuple | undefined> {
  const page = await tuples.read({ user, relation, object }, undefined, options);
  return page.tuples[0];
}
