/**
 * The service killed with SIGKILL before it has seen a row, and in the middle of a bulk load: afterwards tuples = rows.
 * Every other moment and process is in crash-matrix.test.ts.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';

import { insertTenant } from '../../src/directory/tenant-store.js';
import { openCrashStack } from '../support/crash-stack.js';
import type { CrashStack } from '../support/crash-stack.js';

const BULK = process.env['VERIFY'] === undefined ? 3_000 : 100_000;

let crash: CrashStack;

beforeAll(async () => {
  crash = await openCrashStack();
  await crash.startService();
  await crash.operator.transaction((tx) => insertTenant(tx, { id: 't', slug: 't', name: 't', preset: 'rcm' }));
  await crash.sql(
    `insert into security.app_user (id, tenant_id, email)
    select 'u' || n, 't', 'u' || n || '@example.com' from generate_series(1, $1::int) n`,
    [BULK],
  );
  await crash.settled(300_000);
}, 400_000);

afterAll(() => crash.end());

const expectNoDrift = async (): Promise<void> =>
  expect(await crash.drift()).toEqual({ missing: 0, extra: 0, altered: 0 });

test('a service killed between the commit of a row and the write of its tuple leaves nothing undone', async () => {
  // Stopped, it can neither see the row nor write the tuple; killed, it never will.
  crash.served().child.kill('SIGSTOP');
  await crash.sql(`insert into security.user_role (user_id, role_id) values ('u1', 't.biller')`);
  expect(await crash.pending()).toBe(1);
  await crash.killService();
  await crash.startService();
  await crash.settled();
  await expectNoDrift();
});

test('a service killed in the middle of a bulk load finishes it when it is started again', async () => {
  await crash.sql(
    `insert into security.user_role (user_id, role_id)
    select 'u' || n, 't.readonly' from generate_series(1, $1::int) n`,
    [BULK],
  );
  while ((await crash.pending()) > BULK * 0.7) await new Promise((resolve) => setTimeout(resolve, 5));
  await crash.killService();
  const left = await crash.pending();
  expect(left).toBeGreaterThan(0);
  expect(left).toBeLessThan(BULK);
  await crash.startService();
  await crash.settled(300_000);
  await expectNoDrift();
}, 400_000);
