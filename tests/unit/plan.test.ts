import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { keyOf } from '../../src/shared/tuple.js';
import type { Entry } from '../../src/sync/outbox-store.js';
import { byKey, changeOfKey, formUnits } from '../../src/sync/plan.js';
import { keyText, project } from '../../src/sync/projection.js';
import { anyEntries, keyedRows } from '../support/sync-arbitraries.js';

const entry = (id: string, over: Partial<Entry> = {}): Entry => ({
  id,
  xid: '1',
  kind: 'user_role',
  tenantId: 't',
  a: 'u',
  b: 'r',
  prior: {},
  rank: 0,
  held: false,
  ...over,
});
const idsOf = (units: Entry[][]): string[][] => units.map((unit) => unit.map(({ id }) => id));

describe('units', () => {
  test.each<{ says: string; entries: Entry[]; ready: string[][]; waiting: string[][] }>([
    {
      says: 'the keys of one small transaction stand together',
      entries: [entry('1'), entry('2', { b: 's' })],
      ready: [['1', '2']],
      waiting: [],
    },
    {
      says: 'two transactions that share no key stand apart',
      entries: [entry('1'), entry('2', { xid: '2', b: 's' })],
      ready: [['1'], ['2']],
      waiting: [],
    },
    {
      says: 'transactions that share a key stand together, and what hangs on them',
      entries: [entry('1'), entry('2', { b: 's' }), entry('3', { xid: '2', b: 's' }), entry('4', { xid: '2', b: 'q' })],
      ready: [['1', '2', '3', '4']],
      waiting: [],
    },
    {
      says: 'the keys of a large transaction stand apart',
      entries: [entry('1', { rank: 2 }), entry('2', { rank: 2, b: 's' })],
      ready: [['1'], ['2']],
      waiting: [],
    },
    {
      says: 'the same ids in another tenant or of another kind are other keys',
      entries: [
        entry('1'),
        entry('2', { xid: '2', tenantId: 't2' }),
        entry('3', { xid: '3', kind: 'user_assignment' }),
      ],
      ready: [['1'], ['2'], ['3']],
      waiting: [],
    },
    {
      says: 'a unit with a held entry waits whole',
      entries: [entry('1', { held: true }), entry('2', { b: 's' }), entry('3', { xid: '2', b: 'q' })],
      ready: [['3']],
      waiting: [['1', '2']],
    },
  ])('$says', ({ entries, ready, waiting }) => {
    const units = formUnits(entries);
    expect(idsOf(units.ready)).toEqual(ready);
    expect(idsOf(units.waiting)).toEqual(waiting);
  });

  test('whatever the entries: each is in one unit, keys and small transactions are never split, held ones wait', () => {
    fc.assert(
      fc.property(anyEntries, (entries) => {
        const { ready, waiting } = formUnits(entries);
        const unitOf = new Map<string, number>();
        [...ready, ...waiting].forEach((unit, at) => {
          for (const { id } of unit) {
            expect(unitOf.has(id)).toBe(false);
            unitOf.set(id, at);
          }
        });
        expect(unitOf.size).toBe(entries.length);
        for (const one of entries) {
          for (const other of entries) {
            const together = keyText(one) === keyText(other) || (one.xid === other.xid && one.rank + other.rank === 0);
            if (together) expect(unitOf.get(one.id)).toBe(unitOf.get(other.id));
          }
        }
        for (const unit of ready) expect(unit.some(({ held }) => held)).toBe(false);
        for (const unit of waiting) expect(unit.some(({ held }) => held)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test('a unit is no larger than it must be', () => {
    fc.assert(
      fc.property(anyEntries, (entries) => {
        const { ready, waiting } = formUnits(entries);
        for (const unit of [...ready, ...waiting]) {
          const reached = new Set(unit.slice(0, 1));
          for (let size = 0; size < reached.size;) {
            size = reached.size;
            for (const other of unit) {
              const hangs = [...reached].some(
                (one) => keyText(one) === keyText(other) || (one.xid === other.xid && one.rank + other.rank === 0),
              );
              if (hangs) reached.add(other);
            }
          }
          expect(reached.size).toBe(unit.length);
        }
      }),
    );
  });

  test('entries by key keep their order', () => {
    fc.assert(
      fc.property(anyEntries, (entries) => {
        const groups = byKey(entries);
        expect(groups.flat()).toHaveLength(entries.length);
        for (const group of groups) {
          const ids = group.map(({ id }) => Number(id));
          expect(ids).toEqual([...ids].sort((a, b) => a - b));
          expect(new Set(group.map(keyText)).size).toBe(1);
        }
      }),
    );
  });
});

describe('what a key asks for', () => {
  test('a new key deletes nothing', () => {
    const change = changeOfKey([entry('1', { prior: null })], [{ user: 'user:u', relation: 'a', object: 'role:t/r' }]);
    expect(change.deletes).toEqual([]);
    expect(change.writes).toHaveLength(1);
  });

  test('a key that may have stood deletes whatever of it is not wanted', () => {
    const change = changeOfKey([entry('1')], [{ user: 'user:u', relation: 'a', object: 'role:t/r' }]);
    expect(change.deletes.map(keyOf)).toEqual(['user:u b role:t/r']);
  });

  test('one entry that remembers is enough, among entries that were new', () => {
    const change = changeOfKey([entry('1', { prior: null }), entry('2')], []);
    expect(change.deletes.map(keyOf)).toEqual(['user:u a role:t/r', 'user:u b role:t/r']);
    expect(change.entryIds).toEqual(['1', '2']);
  });

  test('every owner that a record had is taken away, each once, but the one that it has', () => {
    const of = (id: string, owner: string): Entry => entry(id, { kind: 'record', a: 'd', b: '', prior: { owner } });
    const wanted = project({
      kind: 'record',
      key: { kind: 'record', tenantId: 't', a: 'd', b: '' },
      rows: { ownerUserId: 'w' },
    });
    const change = changeOfKey([of('1', 'u'), of('2', 'v'), of('3', 'u'), of('4', 'w')], wanted);
    expect(change.deletes.map(keyOf)).toEqual(['profile:t/u owner record:t/d', 'profile:t/v owner record:t/d']);
  });

  test('a stray deletes its tuples as they stand', () => {
    const tuple = { user: 'user:*', relation: 'a', object: 'role:t/r' };
    const stray = entry('1', { kind: 'stray', tenantId: '', a: keyOf(tuple), b: '', prior: { tuples: [tuple] } });
    expect(changeOfKey([stray], [])).toMatchObject({ deletes: [tuple], writes: [] });
  });

  test('after any history of a key that was applied, or not, at each step, its tuples are those of its last rows', () => {
    const history = fc.tuple(keyedRows, fc.array(fc.tuple(keyedRows, fc.boolean()), { maxLength: 6 }));
    fc.assert(
      fc.property(history, ([first, rest]) => {
        const { kind, key } = first;
        const stored = new Set<string>();
        let before = { ...first, rows: null } as typeof first;
        let pending: Entry[] = [];
        for (const [next, isApplied] of [[first, false] as const, ...rest, [first, true] as const]) {
          if (next.kind !== kind) continue;
          const after = { ...next, key } as typeof first;
          const owner = before.kind === 'record' ? before.rows?.ownerUserId : undefined;
          const prior = before.rows === null ? null : owner === undefined ? {} : { owner };
          pending.push(entry(String(pending.length), { ...key, prior }));
          before = after;
          if (!isApplied) continue;
          const [one, ...others] = pending;
          if (one === undefined) continue;
          const change = changeOfKey([one, ...others], project(after));
          for (const tuple of change.deletes) stored.delete(keyOf(tuple));
          for (const tuple of change.writes) stored.add(keyOf(tuple));
          expect([...stored].sort()).toEqual(project(after).map(keyOf).sort());
          pending = [];
        }
      }),
      { numRuns: 500 },
    );
  });
});
