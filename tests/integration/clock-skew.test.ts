/** A process whose clock is two hours off: grants for a time begin and end by Postgres's, and the process is not ready. */
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { serve } from '../support/served.js';
import type { Served } from '../support/served.js';
import { createWorld, roleId } from '../support/world.js';
import type { World } from '../support/world.js';

const AHEAD = fileURLToPath(new URL('../support/clock-ahead.mjs', import.meta.url));
const HOURS = 3_600_000;

let world: World;
let served: Served | undefined;

beforeAll(async () => {
  world = await createWorld();
  await world.addTenant('acme', 'rcm');
  await world.addUser('acme', 'now');
  await world.addUser('acme', 'past');
  await world.addUser('acme', 'to-come');
  await world.sql(
    `insert into security.user_role (user_id, role_id, valid_from, expires_at)
     values ('now', $1, now() - interval '1 hour', now() + interval '1 hour'),
            ('past', $1, now() - interval '3 hours', now() - interval '1 hour'),
            ('to-come', $1, now() + interval '1 hour', now() + interval '3 hours')`,
    [roleId('acme', 'BILLER')],
  );
  await world.settle();
});
afterAll(async () => {
  await served?.end('SIGKILL');
  await world.end();
});

async function isAllowed(user: string): Promise<unknown> {
  const response = await fetch(`${served?.base ?? ''}/check`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-user-id': user, 'x-tenant-id': 'acme', 'timeout-ms': '9000' },
    body: JSON.stringify({ user, permission: 'claims.read', tenant: 'acme' }),
  });
  return ((await response.json()) as { allowed?: boolean }).allowed;
}

test.each([2 * HOURS, -2 * HOURS])('%i ms ahead', async (aheadMs) => {
  served = await serve({
    ...world,
    env: { CLOCK_AHEAD_MS: String(aheadMs), BAILIWICK_ENGINE_TIMEOUT_MS: '5000' },
    nodeArgs: ['--import', AHEAD],
  });
  expect([await isAllowed('now'), await isAllowed('past'), await isAllowed('to-come')]).toEqual([true, false, false]);
  const ready = await fetch(`${served.management}/readyz?verbose`);
  expect(ready.status).toBe(503);
  expect(await ready.text()).toContain(
    `[-]clock the clock is 7200 s ${aheadMs > 0 ? 'ahead of' : 'behind'} Postgres's`,
  );
  const metrics = await (await fetch(`${served.management}/metrics`)).text();
  const skew = Number(/^bailiwick_clock_skew_seconds (\S+)$/m.exec(metrics)?.[1]);
  expect(Math.abs(skew - aheadMs / 1_000)).toBeLessThan(1);
  await served.end('SIGKILL');
});
