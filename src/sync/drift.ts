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
import { appliedVersions, parkedKeys, pendingKeys } from './drift-store.js';
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
  /** Ends it, between two pages; what is thrown then is the signal's reason. */
  readonly signal?: AbortSignal;
}

const PAGE = 2_000;
/** Above this many suspects the engine is not asked about each again; keys with pending entries are still left out. */
const CONFIRM_AT_MOST = 5_000;
const LOOKS = 5;
const CONFIRM_AT_ONCE = 50;
const READS_AT_ONCE = 8;

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

/** As `findSuspects`, without the keys that are parked: they wait for somebody, and have guards of their own. */
export async function findUnparked(scope: DriftScope): Promise<Drift[]> {
  const suspects = await findSuspects(scope);
  const keys = suspects.flatMap(({ key }) => key ?? []);
  const parked = await scope.pool.transaction((tx) => parkedKeys(tx, keys));
  return suspects.filter(({ key }) => key === undefined || !parked.has(keyText(key)));
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
  { pool, kinds, signal }: DriftScope,
  onRows: (rows: number) => void,
): Promise<Map<string, Tuple>> {
  const expected = new Map<string, Tuple>();
  let rows = 0;
  await pool.transaction(
    async (tx) => {
      for (const kind of kinds ?? KEY_KINDS) {
        for await (const keys of listKeys(tx, kind, PAGE)) {
          signal?.throwIfAborted();
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

async function* storedTuples({ tuples, timeoutMs, signal }: DriftScope): AsyncGenerator<Tuple> {
  let continuation: string | undefined;
  do {
    signal?.throwIfAborted();
    const page = await tuples.read({}, continuation, { timeoutMs });
    yield* page.tuples;
    continuation = page.continuation;
  } while (continuation !== undefined);
}

/**
 * Looks again at rows, then tuple, then outbox. What was neither pending before and after nor applied in between cannot
 * have changed, so a difference is one. In a tenant where something is applied all the time, several looks that all
 * differ have to do.
 */
async function confirm(scope: DriftScope, suspects: readonly Drift[]): Promise<Drift[]> {
  const confirmed: Drift[] = [];
  let open = [...suspects];
  for (let look = 1; open.length > 0; look += 1) {
    const again: Drift[] = [];
    for (let start = 0; start < open.length; start += CONFIRM_AT_ONCE) {
      for (const { suspect, verdict } of await lookAgain(scope, open.slice(start, start + CONFIRM_AT_ONCE))) {
        if (verdict === 'drift' || (verdict === 'differs' && look === LOOKS)) confirmed.push(suspect);
        else if (verdict === 'differs') again.push(suspect);
      }
    }
    open = again;
  }
  return confirmed;
}

type Verdict = 'drift' | 'differs' | 'none';

async function lookAgain(
  scope: DriftScope,
  suspects: readonly Drift[],
): Promise<{ suspect: Drift; verdict: Verdict }[]> {
  const { pool, tuples, timeoutMs } = scope;
  const look = (): Promise<KeyState[]> =>
    pool.transaction((tx) => statesOf(tx, suspects), { isolation: 'repeatable read' });
  const before = await look();
  const stored: (Tuple | undefined)[] = [];
  for (let start = 0; start < suspects.length; start += READS_AT_ONCE) {
    const some = suspects.slice(start, start + READS_AT_ONCE);
    stored.push(...(await Promise.all(some.map(({ tuple }) => readTuple(tuples, tuple, { timeoutMs })))));
  }
  const after = await look();
  return suspects.map((suspect, at) => ({ suspect, verdict: judge(before[at], stored[at], after[at]) }));
}

function judge(before: KeyState | undefined, stored: Tuple | undefined, after: KeyState | undefined): Verdict {
  if (before === undefined || after === undefined || isSame(before.wanted, stored)) return 'none';
  if (before.isPending || after.isPending) return 'none';
  return before.version === after.version ? 'drift' : 'differs';
}

interface KeyState {
  readonly wanted: Tuple | undefined;
  readonly isPending: boolean;
  /** How often the key's tenant has had something applied. */
  readonly version: string | undefined;
}

/** What one snapshot says of each suspect's key; no rows stand behind a stray. */
async function statesOf(tx: Tx, suspects: readonly Drift[]): Promise<KeyState[]> {
  const keys = suspects.flatMap(({ key }) => key ?? []);
  const wanted = new Map((await tuplesOf(tx, keys)).map((tuple) => [keyOf(tuple), tuple]));
  const pending = await pendingKeys(tx, keys);
  const versions = await appliedVersions(tx);
  return suspects.map(({ key, tuple }) => ({
    wanted: wanted.get(keyOf(tuple)),
    isPending: key !== undefined && pending.has(keyText(key)),
    version: versions.get(key?.tenantId ?? ''),
  }));
}

function isSame(wanted: Tuple | undefined, stored: Tuple | undefined): boolean {
  if (wanted === undefined || stored === undefined) return wanted === stored;
  return sameCondition(wanted.condition, stored.condition);
}
