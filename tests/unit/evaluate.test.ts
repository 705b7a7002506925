/** The evaluator against the engine's twin, on whatever rows may mean; and its proofs against what they prove. */
import fc from 'fast-check';
import { expect, test } from 'vitest';

import { authorizationModel, catalogue } from '../../src/contract/model.js';
import { createEvaluator } from '../../src/decisions/evaluate.js';
import { keyOf, type Tuple, type TupleKey } from '../../src/shared/tuple.js';
import { keyText, project } from '../../src/sync/projection.js';
import { createMemoryTupleStore } from '../support/memory-tuple-store.js';
import { keyedRows } from '../support/sync-arbitraries.js';

const LIMITS = { timeoutMs: 1_000 };

/** Tuples that the rows of some keys mean, as far as the model takes them. */
const tuplesOfRows: fc.Arbitrary<Tuple[]> = fc
  .uniqueArray(keyedRows, { maxLength: 60, selector: ({ key }) => keyText(key) })
  .map((all) => all.flatMap((keyed) => project(keyed)).filter(isInModel));

function isInModel({ relation }: Tuple): boolean {
  return !relation.startsWith('grant.') || catalogue.some(({ id }) => `grant.${id}` === relation);
}

const NAMES = ['a', 'b', 'a.b', 'b_a'];
const goals: TupleKey[] = catalogue.flatMap(({ id: relation, objectType }) => {
  if (objectType === 'tenant' && !['users.read', 'claims.read', 'users.update'].includes(relation)) return [];
  const objects = NAMES.flatMap((tenant) =>
    objectType === 'tenant' ? [`tenant:${tenant}`] : NAMES.map((id) => `${objectType}:${tenant}/${id}`),
  );
  return NAMES.flatMap((user) => objects.map((object) => ({ user: `user:${user}`, relation, object })));
});

const at = fc.constantFrom(
  ...['2025-12-31T23:59:59.999Z', '2026-01-01T00:00:00.000Z', '2026-12-31T23:59:59.999Z', '2027-01-01T00:00:00.000Z'],
);

test('says what the twin of the engine says, and proves exactly what holds', async () => {
  await fc.assert(
    fc.asyncProperty(tuplesOfRows, at, async (tuples, moment) => {
      const now = new Date(moment);
      const twin = createMemoryTupleStore(authorizationModel);
      for (const tuple of tuples) await twin.write({ deletes: [], writes: [tuple] }, LIMITS);
      const evaluator = createEvaluator(tuples, now);
      for (const goal of goals) {
        const expected = await twin.check({ ...goal, at: now }, LIMITS);
        expect(evaluator.holds(goal), keyOf(goal)).toBe(expected);
        const { proofs, complete } = evaluator.proofs(goal, 3);
        expect(proofs.length > 0, keyOf(goal)).toBe(expected);
        expect(complete || proofs.length === 3).toBe(true);
        // Each proof stands alone: with its tuples and no others the same holds.
        for (const proof of proofs) expect(createEvaluator(proof, now).holds(goal)).toBe(true);
      }
    }),
    { numRuns: 25 },
  );
});

test('says with tuples on top what it says of all of them, whatever it was asked before', () => {
  fc.assert(
    fc.property(tuplesOfRows, fc.nat(60), at, (tuples, count, moment) => {
      const now = new Date(moment);
      const below = createEvaluator(tuples.slice(count), now);
      const all = createEvaluator(tuples, now);
      for (const goal of goals) below.holds(goal);
      for (const goal of goals) {
        expect(below.holdsWith(goal, tuples.slice(0, count)), keyOf(goal)).toBe(all.holds(goal));
      }
    }),
    { numRuns: 25 },
  );
});

test('a ring of managers is walked once, and a grid of them is not walked for ever', () => {
  const profile = (name: string) => `profile:t/${name}`;
  const manages = (manager: string, rep: string): Tuple => ({
    user: profile(manager),
    relation: 'manager',
    object: profile(rep),
  });
  const goal = { user: 'user:boss', relation: 'chain', object: profile('0-0') };
  const subject = { user: 'user:boss', relation: 'subject', object: profile('boss') };
  const ring = [manages('1', '0-0'), manages('0-0', '1'), manages('boss', '1'), subject];
  expect(createEvaluator(ring, new Date()).holds(goal)).toBe(true);
  expect(createEvaluator(ring.slice(0, 2), new Date()).holds(goal)).toBe(false);
  expect(createEvaluator(ring, new Date()).proofs(goal, 10)).toMatchObject({ proofs: [[{}, {}, {}]], complete: true });
  // Twenty rows of three, each managed by all of the next: 3^20 ways.
  const grid = Array.from({ length: 20 }, (_, row) =>
    [0, 1, 2].flatMap((rep) => [0, 1, 2].map((manager) => manages(`${row + 1}-${manager}`, `${row}-${rep}`))),
  ).flat();
  const top = [0, 1, 2].map((place) => manages('boss', `20-${place}`));
  const found = createEvaluator([...grid, ...top, subject], new Date()).proofs(goal, 100);
  expect(found.proofs).toHaveLength(100);
  expect(found.complete).toBe(false);
  expect(createEvaluator(grid, new Date()).holds(goal)).toBe(false);
});

test('a web that proves nothing is walked once, however many ways lead by it', () => {
  const tuple = (user: string, relation: string, object: string): Tuple => ({ user, relation, object });
  const manages = (manager: string, rep: string): Tuple => tuple(`profile:t/${manager}`, 'manager', `profile:t/${rep}`);
  const each = (letter: string, count: number): string[] => Array.from({ length: count }, (_, at) => `${letter}${at}`);
  // 2^13 ways up to the boss, and from each stop of them a way into a web that leads to nobody.
  const ways = each('', 14).flatMap((row, at) =>
    ['l', 'r'].flatMap((rep) => [
      ...['l', 'r'].map((manager) => manages(at === 13 ? 'boss' : `${manager}${at + 1}`, `${rep}${row}`)),
      ...each('w', 40).map((web) => manages(web, `${rep}${row}`)),
    ]),
  );
  const web = each('w', 40).flatMap((low) => each('v', 40).map((high) => manages(high, low)));
  let looks = 0;
  const watched = [...ways, ...web].map(
    (one) => new Proxy(one, { get: (of, key) => ((looks += 1), Reflect.get(of, key) as unknown) }),
  );
  const evaluator = createEvaluator([...watched, tuple('user:boss', 'subject', 'profile:t/boss')], new Date());
  const { proofs, complete } = evaluator.proofs(tuple('user:boss', 'chain', 'profile:t/l0'), 100);
  expect([proofs.length, complete]).toEqual([100, false]);
  expect(looks).toBeLessThan(40 * watched.length);
});
