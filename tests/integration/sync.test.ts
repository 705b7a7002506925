import { afterAll, beforeAll, expect, test } from 'vitest';

import { findDrift } from '../../src/sync/drift.js';
import { createWorld, roleId } from '../support/world.js';
import type { World } from '../support/world.js';

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(async () => {
  await world.end();
});

async function allowed(user: string, permission: string, tenant: string): Promise<boolean> {
  return await world.tuples.check(
    { user: `user:${user}`, relation: permission, object: `tenant:${tenant}`, at: new Date() },
    { timeoutMs: 2_000 },
  );
}

test('a row written by psql becomes an answer, and its revocation ends it', async () => {
  await world.addTenant('t1', 'rcm');
  await world.addUser('t1', 'anne', ['BILLER']);
  await world.settle();
  expect(await allowed('anne', 'claims.read', 't1')).toBe(true);
  await world.sql(`update security.user_role set revoked_at = now() where user_id = 'anne'`);
  await world.settle();
  expect(await allowed('anne', 'claims.read', 't1')).toBe(false);
  await world.sql(`insert into security.user_role (user_id, role_id) values ('anne', $1)`, [roleId('t1', 'BILLER')]);
  await world.settle();
  expect(await allowed('anne', 'claims.read', 't1')).toBe(true);
});

test('tuples equal rows afterwards', async () => {
  const drift = await findDrift({ pool: world.pool('bailiwick_sync'), tuples: world.tuples, timeoutMs: 5_000 });
  expect(drift).toEqual([]);
});
