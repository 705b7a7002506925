/** Carrying out changes, where the engine fails: the failures are played by a store that stands in for the engine. */
import { describe, expect, test } from 'vitest';

import { EngineError, keyOf, sameCondition } from '../../src/shared/tuple.js';
import type { Tuple, TupleKey, TupleStore } from '../../src/shared/tuple.js';
import { nextPace, writeUnits } from '../../src/sync/engine-writes.js';
import type { Outcome, WriteOptions } from '../../src/sync/engine-writes.js';
import type { KeyChange } from '../../src/sync/plan.js';

type Change = Parameters<TupleStore['write']>[0];

interface PlayedStore {
  readonly tuples: TupleStore;
  readonly writes: Change[];
  readonly stored: Map<string, Tuple>;
}

/** Stores like the engine does; `play` may throw before a Write is stored. */
function playedStore(play: (change: Change, nth: number) => void = () => undefined): PlayedStore {
  const writes: Change[] = [];
  const stored = new Map<string, Tuple>();
  const notAsked = (): never => {
    throw new Error('not asked for here');
  };
  const tuples: TupleStore = {
    check: notAsked,
    batchCheck: notAsked,
    listObjects: notAsked,
    read: (filter) => {
      const found = [...stored.values()].filter((tuple) => keyOf(tuple) === keyOf(filter as TupleKey));
      return Promise.resolve({ tuples: found, continuation: undefined });
    },
    write: async (change) => {
      await Promise.resolve();
      writes.push(change);
      expect(change.deletes.length + change.writes.length).toBeLessThanOrEqual(100);
      const keys = [...change.deletes, ...change.writes].map(keyOf);
      expect(new Set(keys).size).toBe(keys.length);
      play(change, writes.length);
      const conflict = change.writes.find((tuple) => {
        const standing = stored.get(keyOf(tuple));
        return standing !== undefined && !sameCondition(standing.condition, tuple.condition);
      });
      if (conflict !== undefined) throw new EngineError('conflict', { kind: 'conflict', applied: 'no' });
      for (const tuple of change.deletes) stored.delete(keyOf(tuple));
      for (const tuple of change.writes) stored.set(keyOf(tuple), tuple);
    },
  };
  return { tuples, writes, stored };
}

const tuple = (user: string, relation = 'a'): Tuple => ({ user: `user:${user}`, relation, object: 'role:t/r' });
const until = (expiresAt: string): Pick<Tuple, 'condition'> => ({ condition: { validFrom: '2026', expiresAt } });

function change(user: string, over: Partial<KeyChange> = {}): KeyChange {
  return {
    key: { kind: 'user_role', tenantId: 't', a: user, b: 'r' },
    entryIds: [user],
    deletes: [],
    writes: [tuple(user)],
    ...over,
  };
}
const changes = (count: number, from = 0): KeyChange[] =>
  Array.from({ length: count }, (_, at) => change(`u${String(from + at)}`));
const sizes = ({ writes }: PlayedStore): number[] => writes.map((write) => write.deletes.length + write.writes.length);
const results = (outcomes: readonly Outcome[]): string[] =>
  outcomes.map((outcome) => `${outcome.change.key.a} ${outcome.result}`).sort();

async function write(
  store: PlayedStore,
  units: readonly (readonly KeyChange[])[],
  over: Partial<WriteOptions> = {},
): Promise<Outcome[]> {
  return await writeUnits(units, {
    tuples: store.tuples,
    timeoutMs: 1_000,
    concurrency: 1,
    mayBegin: () => true,
    mayStart: () => Promise.resolve(true),
    tuplesPerWrite: 100,
    ...over,
  });
}
const refuse = (bad: string) => (asked: Change) => {
  if ([...asked.writes, ...asked.deletes].some(({ user }) => user === `user:${bad}`)) {
    throw new EngineError('refused', { kind: 'invalid', applied: 'no' });
  }
};

describe('packing', () => {
  test('small units share a Write, in their order, up to 100 changes', async () => {
    const store = playedStore();
    await write(store, [changes(60), changes(40, 60), changes(1, 100), changes(99, 101)]);
    expect(sizes(store)).toEqual([100, 100]);
  });

  test('a unit is not cut in two to fill a Write', async () => {
    const store = playedStore();
    await write(store, [changes(60), changes(50, 60)]);
    expect(sizes(store)).toEqual([60, 50]);
  });

  test('a role swap is one Write', async () => {
    const store = playedStore();
    await write(store, [
      [change('u', { deletes: [tuple('u', 'b')], writes: [] }), change('u', { writes: [tuple('u')] })],
    ]);
    expect(store.writes).toEqual([{ deletes: [tuple('u', 'b')], writes: [tuple('u')] }]);
  });

  test('beyond 100 changes all deletes come before all writes', async () => {
    const store = playedStore();
    const unit = changes(120).map((one) => ({ ...one, deletes: [tuple(one.key.a, 'b')] }));
    await write(store, [unit]);
    expect(sizes(store)).toEqual([100, 20, 100, 20]);
    expect(store.writes.map((each) => (each.deletes.length > 0 ? 'deletes' : 'writes'))).toEqual([
      'deletes',
      'deletes',
      'writes',
      'writes',
    ]);
  });

  test('what asks for nothing is applied without asking the engine', async () => {
    const store = playedStore();
    const outcomes = await write(store, [[change('u', { writes: [] })]]);
    expect(results(outcomes)).toEqual(['u applied']);
    expect(store.writes).toEqual([]);
  });

  test('no more Writes are under way at a time than allowed', async () => {
    let underWay = 0;
    let most = 0;
    const store = playedStore();
    const slow: TupleStore = {
      ...store.tuples,
      write: async (asked, options) => {
        most = Math.max(most, (underWay += 1));
        await new Promise((resolve) => setTimeout(resolve, 2));
        await store.tuples.write(asked, options);
        underWay -= 1;
      },
    };
    await write(
      store,
      Array.from({ length: 9 }, (_, at) => changes(100, at * 100)),
      { tuples: slow, concurrency: 3 },
    );
    expect(most).toBe(3);
    expect(store.stored.size).toBe(900);
  });
});

describe('a stored tuple with another condition', () => {
  test('is deleted and written anew', async () => {
    const store = playedStore();
    store.stored.set(keyOf(tuple('u')), { ...tuple('u'), ...until('2027') });
    const outcomes = await write(store, [[change('u', { writes: [{ ...tuple('u'), ...until('2028') }] })]]);
    expect(results(outcomes)).toEqual(['u applied']);
    expect(store.stored.get(keyOf(tuple('u')))).toMatchObject(until('2028'));
  });

  test('tears nothing else of its Write apart', async () => {
    const store = playedStore();
    store.stored.set(keyOf(tuple('u')), { ...tuple('u'), ...until('2027') });
    store.stored.set(keyOf(tuple('v', 'b')), tuple('v', 'b'));
    await write(store, [
      [change('u', { writes: [{ ...tuple('u'), ...until('2028') }] })],
      [change('v', { deletes: [tuple('v', 'b')] })],
    ]);
    expect(store.writes.slice(1)).toEqual([
      { deletes: [tuple('v', 'b'), tuple('u')], writes: [tuple('v')] },
      { deletes: [], writes: [{ ...tuple('u'), ...until('2028') }] },
    ]);
  });

  test('a conflict that no standing tuple explains is a race: the same Write, whole, once more', async () => {
    const store = playedStore((_, nth) => {
      if (nth === 1) throw new EngineError('lost a race', { kind: 'conflict', applied: 'no' });
    });
    const unit = [change('u', { deletes: [tuple('u', 'b')] })];
    expect(results(await write(store, [unit]))).toEqual(['u applied']);
    expect(store.writes[1]).toEqual(store.writes[0]);
  });

  test('a conflict that does not end is left for later', async () => {
    const store = playedStore(() => {
      throw new EngineError('lost a race', { kind: 'conflict', applied: 'no' });
    });
    expect(results(await write(store, [[change('u')]]))).toEqual(['u later']);
  });
});

describe('a key that the engine refuses', () => {
  test('stands alone in the end, and everything else goes through', async () => {
    const store = playedStore(refuse('u7'));
    const outcomes = await write(store, [changes(5), changes(5, 5), changes(60, 10)]);
    expect(results(outcomes).filter((line) => !line.endsWith('applied'))).toEqual(['u7 refused']);
    expect(outcomes).toHaveLength(70);
    expect(store.stored.size).toBe(69);
  });

  test('is found among several, also in a unit beyond one Write', async () => {
    const bad = new Set(['u3', 'u150']);
    const store = playedStore((asked) => {
      for (const user of bad) refuse(user)(asked);
    });
    const outcomes = await write(store, [changes(160)]);
    expect(results(outcomes).filter((line) => !line.endsWith('applied'))).toEqual(['u150 refused', 'u3 refused']);
    expect(store.stored.size).toBe(158);
  });

  test('an engine that refuses us altogether parks nobody', async () => {
    const store = playedStore(() => {
      throw new EngineError('unauthenticated', { kind: 'unavailable', applied: 'no' });
    });
    expect(results(await write(store, [changes(2)]))).toEqual(['u0 later', 'u1 later']);
    expect(store.writes).toHaveLength(1);
  });
});

describe('what is not known', () => {
  test('a Write of unknown outcome makes all its keys unknown, and only those', async () => {
    const store = playedStore((_, nth) => {
      if (nth === 1) throw new EngineError('no answer', { kind: 'timeout', applied: 'unknown' });
    });
    const outcomes = await write(store, [changes(100), changes(1, 100)]);
    expect(outcomes.filter(({ result }) => result === 'unknown')).toHaveLength(100);
    expect(results(outcomes)).toContain('u100 applied');
  });

  test('an unknown outcome in the middle of a unit makes the whole unit unknown', async () => {
    const store = playedStore((_, nth) => {
      if (nth === 2) throw new EngineError('no answer', { kind: 'unavailable', applied: 'unknown' });
    });
    const outcomes = await write(store, [changes(250)]);
    expect(new Set(outcomes.map(({ result }) => result))).toEqual(new Set(['unknown']));
    expect(store.writes).toHaveLength(2);
  });
});

describe('the right to write', () => {
  test('once it has run out nothing more starts, also between the Writes of one unit', async () => {
    const store = playedStore();
    const outcomes = await write(store, [changes(250), changes(1, 250)], {
      mayStart: () => Promise.resolve(store.writes.length < 2),
    });
    expect(store.writes).toHaveLength(2);
    expect(new Set(outcomes.map(({ result }) => result))).toEqual(new Set(['later']));
  });

  test('once it has run out a conflict is not resolved any more', async () => {
    const store = playedStore();
    store.stored.set(keyOf(tuple('u')), { ...tuple('u'), ...until('2027') });
    const outcomes = await write(store, [[change('u')]], { mayStart: () => Promise.resolve(store.writes.length < 1) });
    expect(results(outcomes)).toEqual(['u later']);
    expect(store.writes).toHaveLength(1);
  });
});

test('an engine that takes too long over a Write is given smaller ones, down to ten, and larger ones again', async () => {
  const slow = new EngineError('late', { kind: 'timeout', applied: 'unknown' });
  let bearable = 12;
  const store = playedStore(({ deletes, writes }) => {
    if (deletes.length + writes.length > bearable) throw slow;
  });
  let tuplesPerWrite = 100;
  const paces: number[] = [];
  const pass = async (): Promise<void> => {
    const outcomes = await write(store, [changes(60)], { tuplesPerWrite });
    paces.push((tuplesPerWrite = nextPace(tuplesPerWrite, outcomes)));
  };
  for (let passes = 0; passes < 5; passes += 1) await pass();
  // 50 and 25 take too long, 12 do not, 24 do.
  expect(paces).toEqual([50, 25, 12, 24, 12]);
  expect(store.stored.size).toBe(60);
  bearable = 100;
  for (let passes = 0; passes < 4; passes += 1) await pass();
  expect(paces.slice(5)).toEqual([24, 48, 96, 100]);
  const unavailable = new EngineError('away', { kind: 'unavailable', applied: 'unknown' });
  expect(nextPace(100, [{ change: change('u'), result: 'unknown', error: unavailable }])).toBe(100);
  expect(nextPace(10, [{ change: change('u'), result: 'unknown', error: slow }])).toBe(10);
});
