/**
 * Drift: where the engine's tuples differ from what the rows say.
 *
 * The comparison runs beside writers, so a difference found by two scans that are not one snapshot is only a suspicion.
 * It counts when rows and tuple still disagree at a second look, during which the key neither waited in the outbox nor
 * was applied.
 *
 * Memory: one entry a tuple (about 200 bytes) while it runs.
 */
import type { Pool, Tx } from '../platform/postgres.js';
import { keyOf, sameCondition } from '../shared/tuple.js';
import type { Tuple, TupleKey, TupleStore } from '../shared/tuple.js';
import { readTuple } from './apply.js';
import { appliedVersion, pendingKeys } from './drift-store.js';
import { KEY_KINDS, keyText, project, UnprojectableError } from './projection.js';
import type { Key, KeyKind, Prior } from './projection.js';
import { listKeys, loadRows } from './row-store.js';
import { keyOfTuple } from './tuple-key.js';

/** One tuple that is not as the rows have it. A stray belongs to no key. */
export interface Drift {
  readonly fault: 'missing' | 'extra' | 'altered';
  readonly tuple: TupleKey;
  readonly key: Key | undefined;
  readonly prior: Prior;
}

export interface DriftScope {
  readonly pool: Pool;
  readonly tuples: TupleStore;
  readonly timeoutMs: number;
  /** Only these kinds of key; undefined: all, strays included. */
  readonly kinds?: readonly KeyKind[];
  readonly onProgress?: (read: { rows: number; tuples: number }) => void;
}

const PAGE = 2_000;
/** Above this many suspects the engine is not asked about each again; keys with pending entries are still left out. */
const CONFIRM_AT_MOST = 5_000;
const LOOKS = 5;

/** Everything in which the engine differs from the rows. Throws EngineError, and Problem where Postgres is away. */
export async function findDrift(scope: DriftScope): Promise<Drift[]> {
  const suspects = await findSuspects(scope);
  if (suspects.length === 0) return [];
  const pending = await scope.pool.transaction((tx) =>
    pendingKeys(
      tx,
      suspects.flatMap(({ key }) => key ?? []),
    ),
  );
  const atRest = suspects.filter(({ key }) => key === undefined || !pending.has(keyText(key)));
  return atRest.length > CONFIRM_AT_MOST ? atRest : await confirm(scope, atRest);
}

/** Everything that differed between two scans, changes under way included. Throws as `findDrift`. */
export async function findSuspects(scope: DriftScope): Promise<Drift[]> {
  const read = { rows: 0, tuples: 0 };
  const expected = await expectedTuples(scope, (rows) => scope.onProgress?.({ ...read, rows: (read.rows = rows) }));
  const found: Drift[] = [];
  for await (const stored of storedTuples(scope)) {
    read.tuples += 1;
    if (read.tuples % PAGE === 0) scope.onProgress?.({ ...read });
    const wanted = expected.get(keyOf(stored));
    expected.delete(keyOf(stored));
    if (wanted === undefined) found.push(...drift('extra', stored, scope));
    else if (!sameCondition(wanted.condition, stored.condition)) found.push(...drift('altered', stored, scope));
  }
  for (const tuple of expected.values()) found.push(...drift('missing', tuple, scope));
  return found;
}

function drift(fault: Drift['fault'], { user, relation, object }: TupleKey, { kinds }: DriftScope): Drift[] {
  const tuple = { user, relation, object };
  const home = keyOfTuple(tuple);
  if (kinds !== undefined && (home === undefined || !kinds.includes(home.key.kind))) return [];
  return [
    { fault, tuple, key: home?.key, prior: { ...home?.prior, ...(fault === 'missing' ? {} : { tuples: [tuple] }) } },
  ];
}

/** What must stand, by the rows of one snapshot. Keys that cannot be projected are parked elsewhere and left out. */
async function expectedTuples(
  { pool, kinds }: DriftScope,
  onRows: (rows: number) => void,
): Promise<Map<string, Tuple>> {
  const expected = new Map<string, Tuple>();
  let rows = 0;
  await pool.transaction(
    async (tx) => {
      for (const kind of kinds ?? KEY_KINDS) {
        for await (const keys of listKeys(tx, kind, PAGE)) {
          for (const tuple of await tuplesOf(tx, keys)) expected.set(keyOf(tuple), tuple);
          onRows((rows += keys.length));
        }
      }
    },
    { isolation: 'repeatable read' },
  );
  return expected;
}

async function tuplesOf(tx: Tx, keys: readonly Key[]): Promise<Tuple[]> {
  return (await loadRows(tx, keys)).flatMap((keyed) => {
    try {
      return project(keyed);
    } catch (error) {
      if (error instanceof UnprojectableError) return [];
      throw error;
    }
  });
}

async function* storedTuples({ tuples, timeoutMs }: DriftScope): AsyncGenerator<Tuple> {
  let continuation: string | undefined;
  do {
    const page = await tuples.read({}, continuation, { timeoutMs });
    yield* page.tuples;
    continuation = page.continuation;
  } while (continuation !== undefined);
}

/** Looks again, key by key. */
async function confirm(scope: DriftScope, suspects: readonly Drift[]): Promise<Drift[]> {
  const confirmed: Drift[] = [];
  const queue = [...suspects];
  const worker = async (): Promise<void> => {
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      if (await stillDrifts(scope, next)) confirmed.push(next);
    }
  };
  await Promise.all(Array.from({ length: 4 }, worker));
  return confirmed;
}

/**
 * Rows, then the tuple, then the outbox: what was neither pending before and after nor applied in between cannot have
 * changed, so a difference is one. In a tenant where something is applied all the time, several looks that all differ
 * have to do.
 */
async function stillDrifts({ pool, tuples, timeoutMs }: DriftScope, suspect: Drift): Promise<boolean> {
  for (let look = 0; look < LOOKS; look += 1) {
    const before = await pool.transaction((tx) => stateOf(tx, suspect), { isolation: 'repeatable read' });
    const stored = await readTuple(tuples, suspect.tuple, { timeoutMs });
    if (isSame(before.wanted, stored)) return false;
    const after = await pool.transaction((tx) => stateOf(tx, suspect), { isolation: 'repeatable read' });
    if (before.isPending || after.isPending) return false;
    if (before.version === after.version) return true;
  }
  return true;
}

interface KeyState {
  readonly wanted: Tuple | undefined;
  readonly isPending: boolean;
  readonly version: string;
}

/** What one snapshot says of the suspect's key. */
async function stateOf(tx: Tx, { key, tuple }: Drift): Promise<KeyState> {
  if (key === undefined) return { wanted: undefined, isPending: false, version: '' };
  const wanted = (await tuplesOf(tx, [key])).find((candidate) => keyOf(candidate) === keyOf(tuple));
  const isPending = (await pendingKeys(tx, [key])).size > 0;
  return { wanted, isPending, version: await appliedVersion(tx, key.tenantId) };
}

function isSame(wanted: Tuple | undefined, stored: Tuple | undefined): boolean {
  if (wanted === undefined || stored === undefined) return wanted === stored;
  return sameCondition(wanted.condition, stored.condition);
}
