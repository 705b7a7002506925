/** The real engine with a hand on its Writes: to watch them, hold them up, or make them fail. */
import type { CallOptions, Tuple, TupleStore } from '../../src/shared/tuple.js';
import { keyOf } from '../../src/shared/tuple.js';
import { findDrift } from '../../src/sync/drift.js';
import type { KeyKind } from '../../src/sync/projection.js';
import type { World } from './world.js';

export type Change = Parameters<TupleStore['write']>[0];

/** `forward` sends the Write to the engine; not calling it is a Write that never arrived. */
export type Play = (change: Change, forward: () => Promise<void>) => Promise<void>;

export interface PlayedEngine {
  readonly tuples: TupleStore;
  /** Every Write so far, in the order in which they were asked for. */
  readonly writes: Change[];
  /** How Writes go from now on; undefined: as the engine does them. */
  play: Play | undefined;
}

export function playedEngine(world: World): PlayedEngine {
  const played: PlayedEngine = {
    tuples: {
      ...world.tuples,
      write: async (change, options: CallOptions) => {
        played.writes.push(change);
        const forward = (): Promise<void> => world.tuples.write(change, options);
        await (played.play === undefined ? forward() : played.play(change, forward));
      },
    },
    writes: [],
    play: undefined,
  };
  return played;
}

/** A tuple on one line: key and, if it has one, window. */
export function lineOf(tuple: Tuple): string {
  const { condition } = tuple;
  return condition === undefined ? keyOf(tuple) : `${keyOf(tuple)} ${condition.validFrom} ${condition.expiresAt}`;
}

/** Everything stored, a line each. */
export async function storedLines(world: World): Promise<string[]> {
  return (await world.storedTuples()).map(lineOf).sort();
}

/** What differs between rows and tuples, a line each, at most 20; empty when they are equal. */
export async function driftLines(world: World, kinds?: readonly KeyKind[]): Promise<string[]> {
  const scope = { pool: world.pool('bailiwick_sync'), tuples: world.tuples, timeoutMs: 5_000 };
  const drift = await findDrift(kinds === undefined ? scope : { ...scope, kinds });
  return drift
    .map(({ fault, tuple }) => `${fault} ${keyOf(tuple)}`)
    .sort()
    .slice(0, 20);
}

/** Whether the engine says now that the user may read the tenant's users. */
export async function readsUsers(world: World, userId: string, tenantId: string): Promise<boolean> {
  return await world.tuples.check(
    { user: `user:${userId}`, relation: 'users.read', object: `tenant:${tenantId}`, at: new Date() },
    { timeoutMs: 5_000 },
  );
}

/** Waits until `condition` holds. Throws after `timeoutMs`. */
export async function until(condition: () => boolean | Promise<boolean>, timeoutMs = 10_000): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error('waited in vain');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
