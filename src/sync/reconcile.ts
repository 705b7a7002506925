/**
 * Reconcile: a full comparison of rows and tuples, and the repair of what differs.
 *
 * It never writes the engine: drifted keys are queued in the outbox like any change, so the projector stays the only
 * writer and a repair cannot race with it.
 */
import type { Pool } from '../platform/postgres.js';
import { keyOf } from '../shared/tuple.js';
import { findDrift, findSuspects, findUnparked } from './drift.js';
import type { Drift, DriftScope } from './drift.js';
import { isRebuilt, markScanned, newestEntry } from './drift-store.js';
import { touchKeys } from './outbox-store.js';
import type { Entry } from './outbox-store.js';
import { KEY_KINDS } from './projection.js';
import type { KeyKind } from './projection.js';

export type DriftCounts = Record<Drift['fault'], number>;

export interface ReconcileResult {
  readonly counts: DriftCounts;
  /** At most 100 of what was found, for people to look at. */
  readonly examples: readonly Pick<Drift, 'fault' | 'tuple'>[];
  readonly repaired: boolean;
}

/** Compares; with `repair`, queues what differs. Throws EngineError, and Problem where Postgres is away. */
export async function reconcile(scope: DriftScope, mode: 'dry-run' | 'repair'): Promise<ReconcileResult> {
  const drift = await findDrift(scope);
  const counts: DriftCounts = { missing: 0, extra: 0, altered: 0 };
  for (const { fault } of drift) counts[fault] += 1;
  if (mode === 'repair' && drift.length > 0) await queueRepairs(scope.pool, drift);
  return {
    counts,
    examples: drift.slice(0, 100).map(({ fault, tuple }) => ({ fault, tuple })),
    repaired: mode === 'repair',
  };
}

/**
 * Resolves to whether all that was queued until now has been applied before `timeoutMs` was over, parked keys left out;
 * what others queue meanwhile is not waited for.
 */
export async function awaitRepair(pool: Pool, timeoutMs: number): Promise<boolean> {
  const end = performance.now() + timeoutMs;
  const mark = await pool.transaction(newestEntry);
  while (performance.now() < end) {
    if (await pool.transaction((tx) => isRebuilt(tx, undefined, mark))) return true;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return false;
}

/** Looks in one go, before it is said that it takes long. */
const LOOKS = 3;

/**
 * Compares rows with the store in full, and repairs, until nothing that differed at one look does at the next, all of it
 * applied in between: what differs then is under way, and whoever projects writes this store. Nothing less will do:
 * what was queued by a look is not at rest, and a process that still names another store may be the one that applies it.
 * Resolves to false where that takes longer. Throws as `reconcile`.
 */
export async function fillStore(scope: DriftScope, timeoutMs: number): Promise<boolean> {
  let before: ReadonlySet<string> | undefined;
  for (let look = 0; look < LOOKS; look += 1) {
    const differing = await findUnparked(scope);
    const names = differing.map(({ tuple }) => keyOf(tuple));
    if (names.length === 0 || (before !== undefined && !names.some((name) => before?.has(name)))) return true;
    before = new Set(names);
    await queueRepairs(scope.pool, differing);
    if (!(await awaitRepair(scope.pool, timeoutMs))) return false;
  }
  return false;
}

/** The kinds of key that rows of a table stand behind. */
const FAMILIES: Record<string, readonly KeyKind[]> = {
  tenant: ['tenant'],
  platform_admin: ['platform_admin'],
  app_user: ['profile', 'user_role', 'platform_admin'],
  role: ['role', 'user_role'],
  role_permission: ['role_permission'],
  user_role: ['user_role'],
  user_assignment: ['user_assignment'],
  record: ['record'],
};

/**
 * Queues, once, what a truncated table left behind. Resolves to whether all of it has been applied since, so that the
 * rebuild's own entry may go; until then everybody's allows are refused (src/sync/gate.ts). Keys that are changing at
 * the same time are queued as well: an entry of theirs need not know what stood there before the truncate.
 */
export async function rebuildFamily(scope: DriftScope, entry: Entry): Promise<boolean> {
  const { pool } = scope;
  const kinds = FAMILIES[entry.a] ?? KEY_KINDS;
  if (entry.b === '') {
    const suspects = await findSuspects({ ...scope, kinds });
    await queueRepairs(pool, suspects);
    await pool.transaction((tx) => markScanned(tx, entry.id));
    return suspects.length === 0;
  }
  return await pool.transaction((tx) => isRebuilt(tx, kinds, entry.b));
}

async function queueRepairs(pool: Pool, drift: readonly Drift[]): Promise<void> {
  const touched = drift.map(({ key, tuple, prior }) =>
    key === undefined
      ? { kind: 'stray' as const, tenantId: '', a: keyOf(tuple), b: '', prior: { tuples: [tuple] } }
      : { ...key, prior },
  );
  for (let start = 0; start < touched.length; start += 1_000) {
    await pool.transaction((tx) => touchKeys(tx, touched.slice(start, start + 1_000)));
  }
}
