/**
 * One batch: read entries and rows in one snapshot, write the engine, remove exactly the entries that were read.
 *
 * Level-triggered: an entry says *which* key, the snapshot says how it stands. So replays, duplicates and a crash at
 * any point end in tuples = rows; tests/integration/sync-faults.test.ts plays them.
 *
 * INVARIANT: rows and entries come from one snapshot, so the entries removed are exactly those the rows include.
 * INVARIANT: the claim is committed before the first Write and every Write starts within `leaseMs` of it, or of its last
 * renewal: a change of several Writes goes on however long each takes. Whoever takes over waits out the lease, the time
 * that a Write may take to reach the engine and the engine's own request timeout (`fenceMs`), so no Write of a predecessor
 * that kept the lease can land behind it; one that did not keep it (a process stopped between its last look at the clock
 * and its Write) queues its keys again when it wakes (`uncertain`).
 */
import type { Pool, Session, Tx } from '../platform/postgres.js';
import type { Tuple, TupleStore } from '../shared/tuple.js';
import { nextPace, writeUnits } from './engine-writes.js';
import type { Outcome } from './engine-writes.js';
import {
  dueParked,
  finishEntries,
  holdEntries,
  holdTogether,
  lockEntries,
  nextEntries,
  parkEntries,
  relatedEntries,
  updateClaim,
} from './outbox-store.js';
import type { Entry, Rank } from './outbox-store.js';
import { byKey, changeOfKey, formUnits, projectable } from './plan.js';
import type { KeyChange } from './plan.js';
import { keyText, project, UnprojectableError } from './projection.js';
import type { KeyedRows } from './projection.js';
import { loadRows } from './row-store.js';

export interface BatchOptions {
  readonly pool: Pool;
  readonly tuples: TupleStore;
  readonly writeTimeoutMs: number;
  readonly leaseMs: number;
  /** How long a batch may go on beginning what is next: a transaction is open meanwhile, and nothing of it is concluded. */
  readonly batchMs: number;
  /** How long a key waits after a Write of unknown outcome, and a parked key before it is tried again. */
  readonly holdMs: number;
  readonly parkMs: number;
}

/** Where a leadership stands. */
export interface Leadership {
  readonly session: Session;
  readonly claimId: string;
  /** The tenant served last, for each rank: the next turn begins after it. */
  readonly lastTenant: Record<Rank | 'parked', string>;
  /** Changes that were written, or may have been, by a transaction that then failed. */
  readonly uncertain: Uncertain[];
  /** How much the engine is given at a time. */
  readonly pace: { tuplesPerWrite: number };
}

export interface Uncertain {
  readonly change: KeyChange;
  /** Whether the write may still be under way. */
  readonly isOpen: boolean;
}

/** Another projector has taken over. */
export class DeposedError extends Error {}

export interface BatchResult {
  readonly outcomes: readonly Outcome[];
  readonly rebuilds: readonly Entry[];
}

const SIZES: Record<Rank, { tenants: number; perTenant: number }> = {
  0: { tenants: 32, perTenant: 50 },
  // One Write's worth: a small change elsewhere waits for one Write at most, which takes longer in a large store.
  1: { tenants: 1, perTenant: 100 },
  2: { tenants: 1, perTenant: 100 },
};

/** Applies the next entries of a rank, or parked ones that are due. Throws DeposedError, and Problem where Postgres is away. */
export async function runBatch(lead: Leadership, rank: Rank | 'parked', options: BatchOptions): Promise<BatchResult> {
  let uncertain: Uncertain[] = [];
  try {
    return await lead.session.transaction(
      async (tx) => {
        const entries = await collect(tx, lead, rank);
        const rebuilds = entries.filter((entry) => entry.kind === 'rebuild');
        const { ready, waiting } = formUnits(entries.filter((entry) => entry.kind !== 'rebuild'));
        for (const unit of waiting) await holdTogether(tx, unit.map(idOf));
        if (ready.length === 0) return { outcomes: [], rebuilds };
        const outcomes = await write(await planUnits(tx, ready));
        await conclude(tx, outcomes, options);
        return { outcomes, rebuilds };
      },
      { isolation: 'repeatable read' },
    );
  } catch (error) {
    lead.uncertain.push(...uncertain);
    throw error;
  }

  async function write(units: PlannedUnit[]): Promise<Outcome[]> {
    const changes = units.flatMap((unit) => unit.changes);
    const entryIds = changes.flatMap((change) => change.entryIds);
    const lease = createLease((tx) => updateClaim(tx, lead.claimId, entryIds), options);
    await lease.begin();
    const begunAt = performance.now();
    uncertain = changes.map((change) => ({ change, isOpen: true }));
    const { pace } = lead;
    const outcomes = await writeUnits(
      units.map((unit) => unit.changes),
      {
        tuples: options.tuples,
        timeoutMs: options.writeTimeoutMs,
        concurrency: 4,
        mayBegin: () => performance.now() - begunAt < options.batchMs,
        mayStart: async () => !lead.session.isLost() && (await lease.stands()),
        tuplesPerWrite: pace.tuplesPerWrite,
      },
    );
    pace.tuplesPerWrite = nextPace(pace.tuplesPerWrite, outcomes);
    uncertain = outcomes.map(({ change, result }) => ({ change, isOpen: result === 'unknown' }));
    if (lease.isLost()) throw new DeposedError('another projector has taken over');
    return [...outcomes, ...units.flatMap((unit) => unit.refused)];
  }
}

/** The right to write: claimed before the first Write, claimed anew when it has run out before another one. */
function createLease(claim: (tx: Tx) => Promise<boolean>, { pool, leaseMs }: BatchOptions) {
  let claimedAt = -Infinity;
  let isLost = false;
  let renewal: Promise<void> | undefined;
  const stands = (): boolean => performance.now() - claimedAt < leaseMs;
  async function renew(): Promise<void> {
    const at = await pool.transaction(async (tx) => {
      // Not before a connection was had: whoever waits long for one would have a lease that is over when it begins.
      const before = performance.now();
      return (await claim(tx)) ? before : undefined;
    });
    if (at === undefined) isLost = true;
    else claimedAt = at;
  }
  return {
    /** Throws DeposedError, and Problem where Postgres is away. */
    async begin(): Promise<void> {
      await renew();
      if (isLost) throw new DeposedError('another projector has taken over');
    },
    async stands(): Promise<boolean> {
      if (!isLost && !stands()) {
        // Postgres may be away; what is under way goes on, and nothing new is begun.
        renewal ??= renew()
          .catch(() => undefined)
          .finally(() => (renewal = undefined));
        await renewal;
      }
      return !isLost && stands();
    },
    isLost: (): boolean => isLost,
  };
}

const idOf = (entry: Entry): string => entry.id;

async function collect(tx: Tx, lead: Leadership, rank: Rank | 'parked'): Promise<Entry[]> {
  if (rank === 'parked') return withRelated(tx, await dueParked(tx));
  const next = await nextEntries(tx, { rank, afterTenant: lead.lastTenant[rank], ...SIZES[rank] });
  lead.lastTenant[rank] = next.at(-1)?.tenantId ?? '';
  return await withRelated(tx, next);
}

/** Adds the rest of small transactions and of keys, until nothing more belongs or the batch is large. */
async function withRelated(tx: Tx, first: readonly Entry[]): Promise<Entry[]> {
  let entries = new Map(first.map((entry) => [entry.id, entry]));
  for (let round = 0; round < 4 && entries.size > 0; round += 1) {
    const all = [...entries.values()];
    const xids = [...new Set(all.filter((entry) => entry.rank === 0).map((entry) => entry.xid))];
    const keys = [...new Map(all.map((entry) => [keyText(entry), entry])).values()];
    const related = await relatedEntries(tx, { xids, keys });
    if (related.length === entries.size) break;
    entries = new Map([...related, ...all].map((entry) => [entry.id, entry]));
  }
  return [...entries.values()].sort((a, b) => (BigInt(a.id) < BigInt(b.id) ? -1 : 1));
}

interface PlannedUnit {
  readonly changes: KeyChange[];
  readonly refused: Outcome[];
}

async function planUnits(tx: Tx, units: readonly (readonly Entry[])[]): Promise<PlannedUnit[]> {
  await lockEntries(tx, units.flat().map(idOf));
  const keys = units.flatMap((unit) => byKey(unit)).flatMap(([entry]) => projectable(entry) ?? []);
  const wanted = new Map<string, Tuple[] | UnprojectableError>();
  for (const keyed of await loadRows(tx, keys)) wanted.set(keyText(keyed.key), attempt(keyed));
  return units.map((unit) => {
    const planned: PlannedUnit = { changes: [], refused: [] };
    for (const entries of byKey(unit)) {
      const tuples = wanted.get(keyText(entries[0])) ?? [];
      if (!(tuples instanceof Error)) planned.changes.push(changeOfKey(entries, tuples));
      else planned.refused.push({ change: changeOfKey(entries, []), result: 'refused', error: tuples });
    }
    return planned;
  });
}

function attempt(keyed: KeyedRows): Tuple[] | UnprojectableError {
  try {
    return project(keyed);
  } catch (error) {
    if (error instanceof UnprojectableError) return error;
    throw error;
  }
}

/** Removes what was applied, parks what was refused, holds what may yet happen; what is for later stays as it is. */
async function conclude(tx: Tx, outcomes: readonly Outcome[], options: BatchOptions): Promise<void> {
  const of = (result: Outcome['result']): Outcome[] => outcomes.filter((outcome) => outcome.result === result);
  const ids = (some: readonly Outcome[]): string[] => some.flatMap((outcome) => outcome.change.entryIds);
  const applied = of('applied');
  if (applied.length > 0) {
    const tenantIds = [...new Set(applied.map((outcome) => outcome.change.key.tenantId))];
    await finishEntries(tx, { entryIds: ids(applied), tenantIds });
  }
  const unknown = of('unknown');
  if (unknown.length > 0) await holdEntries(tx, ids(unknown), options.holdMs);
  for (const { change, error } of of('refused')) {
    const isHarmless = change.deletes.length + change.writes.length === 0;
    await parkEntries(tx, change.entryIds, { error: error?.message ?? 'refused', retryMs: options.parkMs, isHarmless });
  }
}
