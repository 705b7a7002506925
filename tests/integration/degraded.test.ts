/**
 * What is answered from the rows while the engine is away: who may administer, and all checks where an operator has asked
 * for that (`BAILIWICK_DEGRADED=sql`); and the shadow, which holds live answers against them all the time.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';

import { toQuestion } from '../../src/decisions/question.js';
import { createAskRows } from '../../src/decisions/rows.js';
import { createShadow } from '../../src/decisions/shadow.js';
import type { ShadowOptions } from '../../src/decisions/shadow.js';
import { createMetrics } from '../../src/platform/metrics.js';
import { PATIENT } from '../support/office.js';
import { withExposed } from '../support/outage.js';
import type { Exposed } from '../support/outage.js';
import { createWorld, quiet, roleId } from '../support/world.js';
import type { World } from '../support/world.js';

const ROLE = roleId('acme', 'manager');
const ADMIN = { as: { user: 'ada', tenant: 'acme' } };

let world: World;

beforeAll(async () => {
  world = await createWorld();
  await world.addTenant('acme', 'sales');
  await world.addTenant('shut', 'sales', 'suspended');
  await world.addUser('acme', 'ada', ['admin']);
  await world.addUser('acme', 'abe', ['admin']);
  await world.addUser('shut', 'sue', ['admin']);
  for (const user of ['mia', 'max', 'rob', 'ended', 'off']) await world.addUser('acme', user);
  await world.sql(
    `insert into security.user_role (user_id, role_id, valid_from, expires_at)
     values ('mia', $1, null, null), ('max', $1, null, null), ('off', $1, null, null),
            ('ended', $1, now() - interval '2 hours', now() - interval '1 hour')`,
    [ROLE],
  );
  await world.sql(`insert into security.user_role (user_id, role_id) values ('rob', $1)`, [roleId('acme', 'rep')]);
  await world.sql(`update security.app_user set status = 'disabled' where id = 'off'`);
  await world.sql(
    `insert into security.user_assignment (tenant_id, user_id, assigned_user_id)
     values ('acme', 'max', 'mia'), ('acme', 'mia', 'rob')`,
  );
  await world.sql(`insert into security.record (tenant_id, id, owner_user_id) values ('acme', 'deal-1', 'rob')`);
  await world.addUser(null, 'root');
  await world.sql(`insert into identity.platform_admin (user_id) values ('root')`);
});
afterAll(() => world.end());

const QUESTIONS = [
  ...['ada', 'mia', 'max', 'rob', 'ended', 'off', 'root', 'nobody'].flatMap((user) =>
    ['users.read', 'users.update', 'team.read'].map((permission) => ({ user, permission, tenant: 'acme' })),
  ),
  ...['ada', 'mia', 'max', 'rob', 'sue'].flatMap((user) => [
    { user, permission: 'record.read', tenant: 'acme', object: 'record:deal-1' },
    { user, permission: 'record.update', tenant: 'acme', object: 'record:deal-1' },
    { user, permission: 'profile.read', tenant: 'acme', object: 'profile:rob' },
  ]),
  { user: 'sue', permission: 'users.read', tenant: 'shut' },
  { user: 'root', permission: 'users.read', tenant: 'shut' },
  { user: 'root', permission: 'users.update', tenant: 'shut' },
  { user: 'ada', permission: 'users.read', tenant: 'none' },
];

const withRows = (work: (exposed: Exposed) => Promise<void>): Promise<void> =>
  withExposed(world, { ...PATIENT, degraded: 'sql' }, work);

const sources = async (): Promise<unknown[]> =>
  await world.sql(
    `select distinct source from audit.decision where decided_at > now() - interval '1 minute' order by 1`,
  );

test('every check and every question of a batch is answered from the rows as the engine answered it', async () => {
  await withRows(async ({ service, engine }) => {
    await service.settle();
    const ask = () => Promise.all(QUESTIONS.map(async (question) => (await service.check(question)).body.allowed));
    const asked = await ask();
    expect(new Set(asked)).toEqual(new Set([true, false]));
    expect(await sources()).not.toContainEqual({ source: 'sql' });
    await engine.set('refuse');
    expect(await ask()).toEqual(asked);
    const batch = await service.post<{ results: { allowed?: boolean }[] }>('/batch-check', { checks: QUESTIONS });
    expect(batch.body.results?.map(({ allowed }) => allowed)).toEqual(asked);
    await expect.poll(sources, { timeout: 5_000 }).toContainEqual({ source: 'sql' });
    // Lists are the engine's alone.
    const list = { user: 'mia', permission: 'record.read', tenant: 'acme', type: 'record' } as const;
    expect(await service.listObjects(list)).toMatchObject({ status: 503, body: { code: 'ENGINE_UNAVAILABLE' } });
    const ready = await fetch(`${service.management}/readyz?verbose`);
    expect(await ready.text()).toMatch(/^\[!\]engine the engine does not serve: checks are answered from the rows/m);
    expect(ready.status).toBe(200);
    await engine.set('pass');
  });
});

test('what is changed meanwhile counts at once, and whoever may change it still may', async () => {
  await withRows(async ({ service, engine }) => {
    await service.settle();
    await engine.set('refuse');
    const question = { user: 'mia', permission: 'team.read', tenant: 'acme' };
    expect(await service.check(question)).toMatchObject({ status: 200, body: { allowed: true } });
    const revoked = await service.delete(`/admin/users/mia/roles/${ROLE}`, ADMIN);
    expect(revoked).toMatchObject({ status: 200, body: { applied: false } });
    expect(await service.check(question)).toMatchObject({ status: 200, body: { allowed: false } });
    expect(
      await service.delete(`/admin/users/max/roles/${ROLE}`, { as: { user: 'rob', tenant: 'acme' } }),
    ).toMatchObject({
      status: 403,
    });
    await engine.set('pass');
    await service.settle();
    expect(await service.check(question)).toMatchObject({ status: 200, body: { allowed: false } });
  });
});

test('without that, the rows say who may administer, and nothing else', async () => {
  await withExposed(world, PATIENT, async ({ service, engine }) => {
    await service.settle();
    await engine.set('refuse');
    const question = { user: 'max', permission: 'team.read', tenant: 'acme' };
    expect(await service.check(question)).toMatchObject({ status: 503, body: { code: 'ENGINE_UNAVAILABLE' } });
    expect(await service.get('/admin/users', ADMIN)).toMatchObject({ status: 200 });
    const revoke = (as: object) => service.delete(`/admin/users/max/roles/${ROLE}`, as);
    expect(await revoke({ as: { user: 'rob', tenant: 'acme' } })).toMatchObject({ status: 403 });
    expect(await revoke(ADMIN)).toMatchObject({ status: 200, body: { applied: false } });
    expect(await service.check(question)).toMatchObject({ status: 503, body: { code: 'ENGINE_UNAVAILABLE' } });
    await engine.set('pass');
    await service.settle();
    expect(await service.check(question)).toMatchObject({ status: 200, body: { allowed: false } });
  });
});

test('where there are more rows than are looked at, there is no answer', async () => {
  await world.superSql(
    `set local session_replication_role = replica`,
    `insert into security.app_user (id, tenant_id, email)
     select 'boss' || n, 'acme', 'boss' || n || '@example.com' from generate_series(1, 10001) n`,
    `insert into security.user_assignment (tenant_id, user_id, assigned_user_id)
     select 'acme', 'boss' || n, 'ended' from generate_series(1, 10001) n`,
  );
  await withRows(async ({ service, engine }) => {
    await engine.set('refuse');
    const question = { user: 'boss1', permission: 'profile.read', tenant: 'acme', object: 'profile:ended' };
    const { status, body } = await service.check(question);
    expect({ status, ...body }).toMatchObject({ status: 503, code: 'ENGINE_UNAVAILABLE' });
    expect(body.detail).toContain('more rows to this than are looked at');
    await engine.set('pass');
  });
  await world.superSql(
    `set local session_replication_role = replica`,
    `delete from security.user_assignment where assigned_user_id = 'ended'`,
    `delete from security.app_user where id like 'boss%'`,
  );
});

/** A shadow of every check, and what came of the looks so far. */
function shadowed(over: Partial<ShadowOptions> = {}) {
  const metrics = createMetrics();
  const askRows = createAskRows(world.pool('bailiwick_service'));
  const isSettled = (): Promise<boolean> => Promise.resolve(true);
  const options = { askRows, tuples: world.tuples, gate: { isSettled }, metrics, log: quiet, now: () => new Date() };
  const shadow = createShadow({ ...options, share: 1, ...over });
  const series = async (): Promise<string[]> =>
    (await metrics.render()).body.split('\n').filter((line) => line.startsWith('bailiwick_shadow_checks_total{'));
  const results = async (): Promise<string[]> => (await series()).filter((line) => !line.endsWith(' 0'));
  return { shadow, series, results };
}
const line = (result: string): string => `bailiwick_shadow_checks_total{result="${result}"} 1`;
const ADA = toQuestion({ user: 'ada', permission: 'users.read', tenant: 'acme' });
const ROB = toQuestion({ user: 'rob', permission: 'users.update', tenant: 'acme' });

test('before the first look each result is there as 0, so that the first mismatch is an increase', async () => {
  const zero = (result: string): string => `bailiwick_shadow_checks_total{result="${result}"} 0`;
  expect(await shadowed().series()).toEqual(['match', 'moved', 'mismatch', 'failed'].map(zero));
});

test('a live answer that the rows give too is a match', async () => {
  const { shadow, results } = shadowed();
  shadow(ADA, { allowed: true, at: new Date() });
  await expect.poll(results, { timeout: 5_000 }).toEqual([line('match')]);
});

test('an engine that allows what no row does is found, and an answer that was only late is not taken for it', async () => {
  const late = shadowed();
  // As if rob's role had been revoked a moment ago.
  late.shadow(ROB, { allowed: true, at: new Date() });
  await expect.poll(late.results, { timeout: 5_000 }).toEqual([line('moved')]);

  const stray = { user: 'user:rob', relation: 'a', object: `role:acme/${roleId('acme', 'admin')}` };
  await world.tuples.write({ deletes: [], writes: [stray] }, { timeoutMs: 5_000 });
  const found = shadowed();
  found.shadow(ROB, { allowed: true, at: new Date() });
  const waiting = shadowed({ gate: { isSettled: () => Promise.resolve(false) } });
  waiting.shadow(ROB, { allowed: true, at: new Date() });
  await expect.poll(found.results, { timeout: 5_000 }).toEqual([line('mismatch')]);
  expect(await waiting.results()).toEqual([line('moved')]);
  await world.tuples.write({ deletes: [stray], writes: [] }, { timeoutMs: 5_000 });
});
