import { beforeEach, expect, test } from 'vitest';

import { createDecisionCache, type DecisionCache } from '../../src/decisions/cache.js';
import { toQuestion } from '../../src/decisions/question.js';
import { createMetrics, type Metrics } from '../../src/platform/metrics.js';
import type { Footing } from '../../src/shared/sync-gate.js';

let footing: Footing | undefined;
let metrics: Metrics;
let cache: DecisionCache;
let asked: number;
let engineUp: boolean;

const AT = new Date(1_000);
const question = toQuestion({ user: 'ada', permission: 'users.read', tenant: 't' });
const stands = (): Footing => ({ from: 0, until: 10_000 });

beforeEach(() => {
  footing = stands();
  asked = 0;
  engineUp = true;
  metrics = createMetrics();
  cache = createDecisionCache({
    ...{ gate: { footing: () => footing }, metrics, entries: 3, now: () => AT },
    isEngineUp: () => engineUp,
  });
});

const engineSays =
  (answer: boolean, meanwhile = (): void => undefined) =>
  () => {
    asked += 1;
    meanwhile();
    return Promise.resolve(answer);
  };

async function metric(series: string): Promise<number> {
  const { body } = await metrics.render();
  const line = body.split('\n').find((each) => each.startsWith(`bailiwick_decision_cache_${series} `));
  return Number(line?.split(' ').at(-1) ?? '0');
}

test.each([true, false])('%s is kept and given again', async (answer) => {
  expect(cache.look(question, AT)).toBeUndefined();
  expect(await cache.ask(question, AT, engineSays(answer))).toBe(answer);
  expect(cache.look(question, AT)).toBe(answer);
  expect(await metric('lookups_total{result="hit"}')).toBe(1);
  expect(await metric('lookups_total{result="miss"}')).toBe(1);
  expect(await metric('entries')).toBe(1);
});

test('an answer that came among many others is kept like one that was asked alone', async () => {
  cache.expect(question, AT)(true);
  expect(cache.look(question, AT)).toBe(true);
  const late = cache.expect(question, AT);
  footing = stands();
  late(false);
  expect(cache.look(question, AT)).toBeUndefined();
  footing = undefined;
  cache.expect(question, AT)(true);
  expect(cache.look(question, AT)).toBeUndefined();
  expect(await metric('lookups_total{result="miss"}')).toBe(3);
});

test('nothing is given while the engine does not serve, and what stands is given again when it does', async () => {
  await cache.ask(question, AT, engineSays(true));
  engineUp = false;
  expect(cache.look(question, AT)).toBeUndefined();
  engineUp = true;
  expect(cache.look(question, AT)).toBe(true);
});

test('an answer that a change has overtaken on its way is given once and not kept', async () => {
  const overtaken = engineSays(true, () => {
    footing = stands();
  });
  expect(await cache.ask(question, AT, overtaken)).toBe(true);
  expect(cache.look(question, AT)).toBeUndefined();
});

test('an answer goes with its footing, also where another has taken its place', async () => {
  await cache.ask(question, AT, engineSays(true));
  const first = footing;
  footing = stands();
  expect(cache.look(question, AT)).toBeUndefined();
  footing = undefined;
  expect(cache.look(question, AT)).toBeUndefined();
  footing = first;
  expect(cache.look(question, AT)).toBe(true);
});

test('without a footing nothing is kept', async () => {
  footing = undefined;
  const answer = cache.ask(question, AT, engineSays(true, () => (footing = stands())));
  expect(await answer).toBe(true);
  expect(cache.look(question, AT)).toBeUndefined();
}); // prettier-ignore

test('another subject, permission, object or tenant is another question', async () => {
  await cache.ask(question, AT, engineSays(true));
  const others = [
    { user: 'bob', permission: 'users.read', tenant: 't' },
    { user: 'ada', permission: 'users.update', tenant: 't' },
    { user: 'ada', permission: 'users.read', tenant: 't2' },
    { user: 'ada', permission: 'profile.read', tenant: 't', object: 'profile:ada' },
  ];
  for (const other of others) expect(cache.look(toQuestion(other), AT)).toBeUndefined();
});

test('a question that must be fresh passes by, in both directions', async () => {
  const fresh = toQuestion({ user: 'ada', permission: 'users.read', tenant: 't', consistency: 'full' });
  await cache.ask(fresh, AT, engineSays(true));
  expect(cache.look(question, AT)).toBeUndefined();
  await cache.ask(question, AT, engineSays(true));
  expect(cache.look(fresh, AT)).toBeUndefined();
  expect(await cache.ask(fresh, AT, engineSays(false))).toBe(false);
});

test('who asks the same meanwhile shares the call; who asks on another footing does not', async () => {
  let answer: (isAllowed: boolean) => void = () => undefined;
  const shared: boolean[] = [];
  const slow = (isShared: boolean): Promise<boolean> => {
    shared.push(isShared);
    return new Promise((resolve) => (answer = resolve));
  };
  const first = cache.ask(question, AT, slow);
  const second = cache.ask(question, AT, engineSays(false));
  const letGo = answer;
  footing = stands();
  const third = cache.ask(question, AT, engineSays(false));
  expect(await third).toBe(false);
  letGo(true);
  expect(await Promise.all([first, second])).toEqual([true, true]);
  expect(shared).toEqual([true]);
  expect(asked).toBe(1);
  expect(cache.look(question, AT)).toBe(false);
});

test('a failure is everybody’s who shares the call, and nobody’s after it', async () => {
  const failing = () => Promise.reject(new Error('away'));
  const both = [cache.ask(question, AT, failing), cache.ask(question, AT, engineSays(true))];
  expect((await Promise.allSettled(both)).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(cache.look(question, AT)).toBeUndefined();
  expect(await cache.ask(question, AT, engineSays(true))).toBe(true);
});

test('no more than its entries are kept, the least used goes first', async () => {
  const about = (user: string) => toQuestion({ user, permission: 'users.read', tenant: 't' });
  for (const user of ['a', 'b', 'c']) await cache.ask(about(user), AT, engineSays(true));
  expect(cache.look(about('a'), AT)).toBe(true);
  await cache.ask(about('d'), AT, engineSays(true));
  expect(['a', 'b', 'c', 'd'].map((user) => cache.look(about(user), AT))).toEqual([true, undefined, true, true]);
});

test('a cache of no entries keeps nothing and shares nothing', async () => {
  cache = createDecisionCache({
    gate: { footing: () => footing },
    metrics: createMetrics(),
    entries: 0,
    now: () => AT,
    isEngineUp: () => true,
  });
  await Promise.all([cache.ask(question, AT, engineSays(true)), cache.ask(question, AT, engineSays(true))]);
  expect(asked).toBe(2);
  expect(cache.look(question, AT)).toBeUndefined();
});
