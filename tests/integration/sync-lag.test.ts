/**
 * Changes that wait too long to be in force (RELIABILITY §5, soft and hard bound of lag): callers are told how far behind
 * answers may be; past ten seconds an allow that a waiting change could take away is not given, and no more access is
 * handed out, while taking it away always works. Entries are held back, and made older than they are.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';

import { ADA, openOffice, PATIENT } from '../support/office.js';
import type { Office } from '../support/office.js';
import { revokeRoles } from '../support/outage.js';
import { startService } from '../support/service.js';
import type { RunningService } from '../support/service.js';
import { startProxy, targetOf, through } from '../support/tcp-proxy.js';
import { roleId } from '../support/world.js';

const VIEWER = roleId('acme', 'EMR_CLIENT_VIEWER');

let office: Office;
let service: RunningService;

beforeAll(async () => {
  office = await openOffice({ syncWaitMs: 200 });
  service = office.service;
  for (const user of ['anne', 'ben', 'carl']) await office.addHolder(user, [VIEWER]);
  await office.addHolder('dora', []);
});
afterAll(() => office.end());

const may = (user: string) => service.check({ user, permission: 'users.read', tenant: 'acme' });
const waitFor = (seconds: number): Promise<unknown> =>
  office.world.superSql(`update sync.outbox set queued_at = clock_timestamp() - interval '${seconds} seconds'`);
/** Every new entry is held for an hour, as a write of unknown outcome is for seconds: nothing is projected until the end. */
async function whileNothingIsProjected(work: () => Promise<void>): Promise<void> {
  await office.world.superSql(
    `create function sync.hold() returns trigger language plpgsql as
       $$ begin new.not_before := clock_timestamp() + interval '1 hour'; return new; end $$`,
    `create trigger hold before insert on sync.outbox for each row execute function sync.hold()`,
  );
  try {
    await work();
  } finally {
    await office.world.superSql(
      `drop trigger hold on sync.outbox`,
      `drop function sync.hold()`,
      `update sync.outbox set not_before = null`,
    );
    await service.settle();
  }
}

test('past a second, answers say how far they may be behind, in that tenant alone', async () => {
  await whileNothingIsProjected(async () => {
    await revokeRoles(office.world, 'anne', 'acme');
    await waitFor(3);
    await expect
      .poll(async () => Number((await may('ada')).headers['authz-sync-lag-ms'] ?? 0), { timeout: 5_000 })
      .toBeGreaterThanOrEqual(3_000);
    const batch = await service.post('/batch-check', {
      checks: [
        { user: 'oda', permission: 'users.read', tenant: 'other' },
        { user: 'ada', permission: 'users.read', tenant: 'acme' },
      ],
    });
    expect(Number(batch.headers['authz-sync-lag-ms'])).toBeGreaterThanOrEqual(3_000);
    const other = await service.check({ user: 'oda', permission: 'users.read', tenant: 'other' });
    expect(other).toMatchObject({ status: 200, body: { allowed: true } });
    expect(other.headers).not.toHaveProperty('authz-sync-lag-ms');
    // Not past the hard bound: the answer of a moment ago, as the engine has it.
    expect(await may('anne')).toMatchObject({ status: 200, body: { allowed: true } });
  });
  const { status, headers, body } = await may('anne');
  expect({ status, ...body }).toMatchObject({ status: 200, allowed: false });
  expect(headers).not.toHaveProperty('authz-sync-lag-ms');
});

test('past ten seconds, no allow is given that a waiting change could take away; all others stand', async () => {
  await whileNothingIsProjected(async () => {
    await revokeRoles(office.world, 'ben', 'acme');
    await waitFor(11);
    await expect.poll(() => may('ben'), { timeout: 5_000 }).toMatchObject({ status: 503, body: { code: 'SYNC_LAG' } });
    expect(await may('carl')).toMatchObject({ status: 200, body: { allowed: true } });
    expect(await may('dora')).toMatchObject({ status: 200, body: { allowed: false } });
    const ready = await fetch(`${service.management}/readyz?verbose`);
    expect(ready.status).toBe(503);
    expect(await ready.text()).toContain('[-]sync');
  });
  expect(await may('ben')).toMatchObject({ status: 200, body: { allowed: false } });
});

test('past ten seconds, access can be taken away but not handed out, until what waits is in force', async () => {
  const assign = () => service.post('/admin/users/dora/roles', { roleId: VIEWER }, ADA);
  await whileNothingIsProjected(async () => {
    await revokeRoles(office.world, 'carl', 'acme');
    await waitFor(11);
    expect(await assign()).toMatchObject({
      status: 503,
      body: { code: 'SYNC_BACKLOG' },
      headers: { 'retry-after': '5' },
    });
    expect(await office.world.sql(`select from security.user_role where user_id = 'dora'`)).toEqual([]);
    // What takes away, and what has nothing to do with access, goes on.
    const revoked = await service.delete(`/admin/users/vic/roles/${VIEWER}`, ADA);
    expect(revoked).toMatchObject({ status: 200, body: { applied: false } });
    expect(await service.patch('/admin/users/dora', { displayName: 'Dora' }, ADA)).toMatchObject({ status: 200 });
    // Of another tenant nothing waits.
    const oda = { as: { user: 'oda', tenant: 'other' } };
    const person = {
      email: 'nina@other.example',
      displayName: 'Nina',
      roleIds: [roleId('other', 'EMR_CLIENT_VIEWER')],
    };
    expect(await service.post('/admin/users', person, oda)).toMatchObject({ status: 201 });
  });
  expect(await assign()).toMatchObject({ status: 200, body: { applied: true } });
});

test('a replica that hears of none of it for ten seconds asks by its other login', async () => {
  const postgres = await startProxy(targetOf(office.world.databaseUrl));
  const syncDatabaseUrl = through(office.world.databaseUrl, postgres);
  const deaf = await startService(office.world, { ...PATIENT, syncDatabaseUrl });
  const may = (user: string, tenant: string) => deaf.check({ user, permission: 'users.read', tenant });
  try {
    await office.addHolder('ella', [VIEWER]);
    await office.addHolder('finn', []);
    await service.settle();
    await whileNothingIsProjected(async () => {
      await postgres.set('refuse');
      await revokeRoles(office.world, 'ella', 'acme');
      await waitFor(11);
      await expect
        .poll(() => may('ella', 'acme'), { timeout: 20_000, interval: 500 })
        .toMatchObject({ status: 503, body: { code: 'SYNC_LAG' } });
      expect(await may('oda', 'other')).toMatchObject({ status: 200, body: { allowed: true } });
      expect(await may('finn', 'acme')).toMatchObject({ status: 200, body: { allowed: false } });
      await postgres.set('pass');
      await expect
        .poll(() => may('ada', 'acme'), { timeout: 20_000 })
        .toMatchObject({ status: 200, body: { allowed: true } });
    });
    await expect.poll(() => may('ella', 'acme'), { timeout: 20_000 }).toMatchObject({ body: { allowed: false } });
  } finally {
    await postgres.set('pass');
    await deaf.stop();
    await postgres.stop();
  }
});
