/** One tenant that asks more than the engine can answer: others are answered meanwhile, and so is whoever administers it. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import { createTupleStore } from '../../src/platform/openfga.js';
import { EngineError } from '../../src/shared/tuple.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';

let world: World;
beforeAll(async () => {
  world = await createWorld();
  for (const tenant of ['acme', 'other']) {
    await world.addTenant(tenant, 'emr');
    await world.addUser(tenant, `ada-${tenant}`, ['EMR_CLIENT_ADMIN']);
  }
  await world.settle();
});
afterAll(() => world.end());

interface Question {
  readonly tenant: string;
  readonly isUrgent?: boolean;
}

/** Checks, each of which may stand in line for so long. */
function asking(patienceMs: number): (question: Question) => Promise<boolean> {
  const { engineUrl, storeId, modelId } = world;
  const tuples = createTupleStore({ url: engineUrl, storeId, modelId: () => modelId, patienceMs });
  return ({ tenant, isUrgent = false }) =>
    tuples.check(
      { user: `user:ada-${tenant}`, relation: 'users.read', object: `tenant:${tenant}`, at: new Date(), fresh: true },
      { timeoutMs: 60_000, isUrgent },
    );
}

test('a flood in one tenant is refused past its bound, and delays neither another tenant nor its administrators', async () => {
  const check = asking(60_000);
  const order: string[] = [];
  const ask = (name: string, question: Question) => check(question).finally(() => order.push(name));
  const flood = Array.from({ length: 400 }, () => ask('flood', { tenant: 'acme' }));
  const others = [ask('other', { tenant: 'other' }), ask('admin', { tenant: 'acme', isUrgent: true })];
  const answers = await Promise.allSettled(flood);
  expect(await Promise.all(others)).toEqual([true, true]);
  // Eight under way and 256 in line; the rest is refused before it is sent.
  const refused = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason as unknown] : []));
  expect(refused).toHaveLength(136);
  for (const error of refused) {
    expect(error).toBeInstanceOf(EngineError);
    expect(error).toMatchObject({ kind: 'busy', applied: 'no' });
  }
  expect(answers.filter((answer) => answer.status === 'fulfilled' && answer.value)).toHaveLength(264);
  // The refusals come first; of what the engine answers the two are among the first.
  const answered = order.slice(refused.length);
  expect(answered.indexOf('other')).toBeLessThan(40);
  expect(answered.indexOf('admin')).toBeLessThan(40);
});

test('a check that has stood in line for too long is refused; whoever administers waits', async () => {
  const check = asking(20);
  const flood = Array.from({ length: 200 }, () => check({ tenant: 'acme' }));
  const urgent = Array.from({ length: 60 }, () => check({ tenant: 'acme', isUrgent: true }));
  const answers = await Promise.allSettled(flood);
  expect(await Promise.all(urgent)).not.toContain(false);
  const refused = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason as unknown] : []));
  // Those under way when it began were answered.
  expect(refused.length).toBeLessThan(200);
  expect(refused.length).toBeGreaterThan(0);
  for (const error of refused) expect(error).toMatchObject({ kind: 'busy', applied: 'no' });
});
