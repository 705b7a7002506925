/**
 * Carrying out the planned changes of one batch: packed into few Writes, some at a time, and, where the engine refuses
 * one, taken apart until the key that it cannot hold stands alone.
 *
 * What happened is told per key, because the three endings call for three things: applied (the entries go), refused
 * (the key is parked), unknown (the key is held for another pass, later than the engine's own request timeout).
 */
import { EngineError, TUPLES_PER_WRITE } from '../shared/tuple.js';
import type { TupleStore } from '../shared/tuple.js';
import { applyWrite, mergeChanges } from './apply.js';
import type { KeyChange } from './plan.js';

export interface Outcome {
  readonly change: KeyChange;
  readonly result: 'applied' | 'refused' | 'unknown' | 'later';
  readonly error?: Error;
}

export interface WriteOptions {
  readonly tuples: TupleStore;
  readonly timeoutMs: number;
  /** Writes under way at one time. */
  readonly concurrency: number;
  /** Whether there is time for another pack: if not, it is left for later. One that has begun goes on to its end. */
  readonly mayBegin: () => boolean;
  /** Whether the right to write stands, or could be renewed: if not, what has not been started is left for later. */
  readonly mayStart: () => Promise<boolean>;
  /** The most tuples of one Write, from `nextPace`. */
  readonly tuplesPerWrite: number;
}

/** Applies units of changes, each of which belongs together. Resolves to what happened to each change; never throws. */
export async function writeUnits(units: readonly (readonly KeyChange[])[], options: WriteOptions): Promise<Outcome[]> {
  const packs = pack(units, options.tuplesPerWrite);
  const outcomes: Outcome[] = [];
  const worker = async (): Promise<void> => {
    for (let next = packs.shift(); next !== undefined; next = packs.shift()) {
      outcomes.push(...(await writePack(next, options)));
    }
  };
  await Promise.all(Array.from({ length: Math.min(options.concurrency, packs.length) }, worker));
  return outcomes;
}

const LEAST_PER_WRITE = 10;

/**
 * How many tuples the next Writes may have: half as many after one that the engine did not answer in time, whose time
 * grows with them, and twice as many again after those that it did. Otherwise one that is too slow for a hundred would
 * never be done with them.
 */
export function nextPace(tuplesPerWrite: number, outcomes: readonly Outcome[]): number {
  const isTooSlow = ({ error }: Outcome): boolean => error instanceof EngineError && error.kind === 'timeout';
  if (outcomes.some((outcome) => outcome.result === 'unknown' && isTooSlow(outcome))) {
    return Math.max(LEAST_PER_WRITE, Math.floor(tuplesPerWrite / 2));
  }
  return outcomes.some(({ result }) => result === 'applied')
    ? Math.min(TUPLES_PER_WRITE, tuplesPerWrite * 2)
    : tuplesPerWrite;
}

type Pack = readonly (readonly KeyChange[])[];

const sizeOf = (changes: readonly KeyChange[]): number =>
  changes.reduce((sum, change) => sum + change.deletes.length + change.writes.length, 0);

/** Units joined, in order, as long as they fit into one Write; a unit that does not fit stands alone. */
function pack(units: Pack, tuplesPerWrite: number): Pack[] {
  const packs: KeyChange[][][] = [];
  let room = 0;
  for (const unit of units) {
    const size = sizeOf(unit);
    const last = packs.at(-1);
    if (last !== undefined && size <= room) {
      last.push([...unit]);
      room -= size;
    } else {
      packs.push([[...unit]]);
      room = tuplesPerWrite - size;
    }
  }
  return packs;
}

async function writePack(units: Pack, options: WriteOptions): Promise<Outcome[]> {
  const changes = units.flat();
  const all = (result: Outcome['result'], error?: Error): Outcome[] =>
    changes.map((change) => ({ change, result, ...(error === undefined ? {} : { error }) }));
  if (!options.mayBegin() || !(await options.mayStart())) return all('later');
  try {
    await applyWrite(options.tuples, mergeChanges(changes), options);
    return all('applied');
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    if (error.applied === 'unknown') return all('unknown', error);
    if (error.kind !== 'invalid') return all('later', error);
    if (changes.length <= 1) return all('refused', error);
    return await writeApart(units, options);
  }
}

/** A refused pack holds a key that the engine cannot take: unit by unit, then key by key, the others go through. */
async function writeApart(units: Pack, options: WriteOptions): Promise<Outcome[]> {
  const smaller: Pack[] = units.length > 1 ? units.map((unit) => [unit]) : units.flat().map((change) => [[change]]);
  const outcomes: Outcome[] = [];
  for (const part of smaller) outcomes.push(...(await writePack(part, options)));
  return outcomes;
}
