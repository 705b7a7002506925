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

test('a flood in one tenant is refused past its bound, and delays neither another tenant nor its administrators', async () => {
  const { engineUrl, storeId, modelId } = world;
  const tuples = createTupleStore({ url: engineUrl, storeId, modelId: () => modelId });
  const order: string[] = [];
  const ask = (name: string, { tenant, isUrgent = false }: { tenant: string; isUrgent?: boolean }) =>
    tuples
      .check(
        { user: `user:ada-${tenant}`, relation: 'users.read', object: `tenant:${tenant}`, at: new Date(), fresh: true },
        { timeoutMs: 60_000, isUrgent },
      )
      .finally(() => order.push(name));
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
