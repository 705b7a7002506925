/**
 * Random histories: rows change in transactions that commit or do not, projectors stop, are cut off and start again,
 * Writes fail before and after they happen or happen late. Afterwards the tuples are those that a second, naive reading
 * of the rows asks for, and reconcile sees no drift. fast-check prints the seed of a failure; `SEED` plays it again.
 */
import { randomUUID } from 'node:crypto';

import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { createPool } from '../../src/platform/postgres.js';
import type { Pool } from '../../src/platform/postgres.js';
import { EngineError } from '../../src/shared/tuple.js';
import type { Projector } from '../../src/sync/projector.js';
import { expectedLines } from '../support/naive-model.js';
import { driftLines, playedEngine, storedLines, until } from '../support/played-engine.js';
import type { PlayedEngine } from '../support/played-engine.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';

const RUNS = process.env['VERIFY'] === undefined ? 10 : 200;
const seed = process.env['SEED'] === undefined ? undefined : Number(process.env['SEED']);
const TIMES = {
  writeTimeoutMs: 80,
  leaseMs: 80,
  engineRequestTimeoutMs: 80,
  pollMs: 2,
  standbyMs: 10,
  // Now and then a leader that has failed for a little makes room, too.
  yieldMs: 100,
  parkMs: 30,
};
const SETTLED_MS = 80 + 80 + 80 + 250 + 50;

let world: World;
let engine: PlayedEngine;
let pool: Pool;
let projector: Projector;
const applicationName = `projector-${randomUUID()}`;

beforeAll(async () => {
  world = await createWorld();
  engine = playedEngine(world);
  pool = createPool({ url: world.databaseUrl, role: 'bailiwick_sync', max: 4, applicationName }, () => undefined);
  projector = world.projector({ pool, tuples: engine.tuples, ...TIMES });
  await projector.start();
});
afterAll(async () => {
  await projector.stop();
  await pool.end();
  await world.end();
});

const TABLES = [
  'identity.platform_admin',
  'security.record',
  'security.user_assignment',
  'security.user_role',
  'security.role_permission',
  'security.role',
  'security.app_user',
  'identity.tenant',
];

async function startOver(): Promise<void> {
  engine.play = undefined;
  await world.migrationSql(
    ...TABLES.map((table) => `delete from ${table}`),
    `insert into identity.tenant (id, slug, name, preset) values ('t1', 't1', 't1', 'emr'), ('t2', 't2', 't2', 'emr')`,
    `insert into security.app_user (id, tenant_id, email) select id, t, id || '@x' from (values
       ('u1', 't1'), ('u2', 't1'), ('u3', 't1'), ('v1', 't2'), ('v2', 't2'), ('p1', null), ('p2', null)) x (id, t)`,
    // few roles, so that changes meet
    `delete from security.role_permission`,
    `delete from security.role`,
    `insert into security.role (id, tenant_id, name, is_system) select t || n, t, n, true
       from unnest(array['t1', 't2']) t, unnest(array['A', 'B']) n`,
  );
}

// One statement or two a change; whatever it finds, it tries. Where that breaks a constraint, the transaction fails.
const user = fc.constantFrom('u1', 'u2', 'u3', 'v1', 'v2', 'p1', 'p2');
const role = fc.constantFrom('t1A', 't1B', 't2A', 't2B', 't3A');
const name = fc.constantFrom('A', 'B', 'C');
const tenant = fc.constantFrom('t1', 't2', 't3');
const permission = fc.constantFrom('users.read', 'users.admin', 'config.read');
const record = fc.constantFrom('d1', 'd2');
const from = fc.constantFrom('null', `'2020-01-01'`, `'2090-01-01 00:00:00.123'`);
const end = fc.constantFrom('null', `'2091-01-01'`, `'2092-01-01 01:02:03.004'`);
const own = (u: string, r: string): string => `user_id = '${u}' and role_id = '${r}'`;
const last = (u: string, r: string): string =>
  `id = (select id from security.user_role where ${own(u, r)} order by ordinal desc limit 1)`;

const change: fc.Arbitrary<string> = fc.oneof(
  fc.oneof(
    fc.tuple(user, role, from, end).map(
      ([
        u,
        r,
        f,
        e,
      ]) => `insert into security.user_role (user_id, role_id, valid_from, expires_at) select '${u}', r.id, ${f}, ${e}
        from security.role r join security.app_user u on u.tenant_id = r.tenant_id and u.id = '${u}' where r.id = '${r}'
        on conflict do nothing`,
    ),
    fc
      .tuple(user, role)
      .map(([u, r]) => `update security.user_role set revoked_at = now() where ${own(u, r)} and revoked_at is null`),
    fc.tuple(user, role).map(([u, r]) => `update security.user_role set revoked_at = null where ${last(u, r)}`),
    fc.tuple(user, role).map(([u, r]) => `delete from security.user_role where ${last(u, r)}`),
    fc.tuple(user, role).map(([u, r]) => `delete from security.user_role where ${own(u, r)}`),
    fc
      .tuple(user, role, from, end)
      .map(([u, r, f, e]) => `update security.user_role set valid_from = ${f}, expires_at = ${e} where ${last(u, r)}`),
    fc
      .tuple(user, role, user)
      .map(([u, r, to]) => `update security.user_role set user_id = '${to}' where ${last(u, r)}`),
    fc
      .tuple(user, role, role)
      .map(([u, r, to]) => `update security.user_role set role_id = '${to}' where ${last(u, r)}`),
    fc
      .tuple(user, name, end)
      .map(
        ([u, n, e]) =>
          `insert into security.user_role (user_id, role_name, expires_at) values ('${u}', '${n}', ${e}) on conflict do nothing`,
      ),
    fc
      .tuple(user, name)
      .map(
        ([u, n]) =>
          `update security.user_role set revoked_at = now() where user_id = '${u}' and role_name = '${n}' and revoked_at is null`,
      ),
    fc.tuple(name, end).map(([n, e]) => `update security.user_role set expires_at = ${e} where role_name = '${n}'`),
    fc
      .tuple(user, name)
      .map(([u, n]) => `delete from security.user_role where user_id = '${u}' and role_name = '${n}'`),
  ),
  fc.tuple(role, permission).map(
    ([
      r,
      p,
    ]) => `insert into security.role_permission (role_id, permission_id) select id, '${p}' from security.role where id = '${r}'
      on conflict do nothing`,
  ),
  fc
    .tuple(role, permission)
    .map(([r, p]) => `delete from security.role_permission where role_id = '${r}' and permission_id = '${p}'`),
  fc
    .tuple(role, permission)
    .map(([r, p]) => `update security.role_permission set permission_id = '${p}' where role_id = '${r}'`),
  fc.tuple(role, name).map(([r, n]) => `update security.role set name = '${n}' where id = '${r}'`),
  role.map((r) => `update security.role set is_system = not is_system where id = '${r}'`),
  role.map(
    (r) => `with g as (delete from security.role_permission where role_id = '${r}'),
      h as (delete from security.user_role where role_id = '${r}') delete from security.role where id = '${r}'`,
  ),
  fc.tuple(role, name).map(
    ([r, n]) => `insert into security.role (id, tenant_id, name, is_system) select '${r}', id, '${n}', true
      from identity.tenant where id = left('${r}', 2) on conflict do nothing`,
  ),
  user.map(
    (u) =>
      `update security.app_user set status = case status when 'active' then 'disabled' else 'active' end where id = '${u}'`,
  ),
  fc.tuple(user, tenant).map(([u, t]) => `update security.app_user set tenant_id = '${t}' where id = '${u}'`),
  tenant.map(
    (t) =>
      `insert into identity.tenant (id, slug, name, preset) values ('${t}', '${t}', '${t}', 'emr') on conflict do nothing`,
  ),
  tenant.map((t) => `delete from identity.tenant where id = '${t}'`),
  // of the third alone: what is to change should not all be gone
  fc.constant(`select identity.end_tenant('t3')`),
  fc
    .tuple(tenant, fc.constantFrom('active', 'read_only', 'suspended'))
    .map(([t, s]) => `update identity.tenant set status = '${s}' where id = '${t}'`),
  user.map((u) => `insert into identity.platform_admin (user_id) values ('${u}') on conflict do nothing`),
  user.map((u) => `delete from identity.platform_admin where user_id = '${u}'`),
  fc.tuple(user, user, from, end).map(
    ([
      m,
      r,
      f,
      e,
    ]) => `insert into security.user_assignment (tenant_id, user_id, assigned_user_id, valid_from, expires_at)
      select tenant_id, '${m}', '${r}', ${f}, ${e} from security.app_user where id = '${m}' on conflict do nothing`,
  ),
  fc.tuple(user, end).map(([m, e]) => `update security.user_assignment set expires_at = ${e} where user_id = '${m}'`),
  user.map(
    (m) =>
      `update security.user_assignment set user_id = assigned_user_id, assigned_user_id = user_id where user_id = '${m}'`,
  ),
  user.map((m) => `delete from security.user_assignment where user_id = '${m}'`),
  fc.tuple(record, user).map(
    ([d, u]) => `insert into security.record (tenant_id, id, owner_user_id) select tenant_id, '${d}', '${u}'
      from security.app_user where id = '${u}' and tenant_id is not null on conflict do nothing`,
  ),
  fc.tuple(record, user).map(([d, u]) => `update security.record set owner_user_id = '${u}' where id = '${d}'`),
  fc.tuple(record, record).map(([d, to]) => `update security.record set id = '${to}' where id = '${d}'`),
  record.map((d) => `delete from security.record where id = '${d}'`),
  fc
    .constantFrom('user_role', 'user_role', 'record', 'role_permission', 'user_assignment')
    .map((t) => `truncate security.${t}`),
);

const FAULTS = ['refused', 'unavailable', 'never arrived', 'answer lost', 'late'] as const;
type Step =
  | { does: 'transaction'; changes: string[]; ends: 'commit' | 'rollback' | 'savepoint' }
  | { does: 'fault'; fault: (typeof FAULTS)[number]; times: number }
  | { does: 'restart' | 'cut off' | 'settle' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      does: fc.constant('transaction' as const),
      changes: fc.array(change, { minLength: 1, maxLength: 4 }),
      ends: fc.constantFrom('commit', 'commit', 'commit', 'rollback', 'savepoint'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      does: fc.constant('fault' as const),
      fault: fc.constantFrom(...FAULTS),
      times: fc.integer({ min: 1, max: 3 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ does: fc.constantFrom('restart' as const, 'cut off' as const, 'settle' as const) }),
  },
);

/** Failed transactions are part of the history. As the owner, so that no guard narrows what a history may hold. */
async function transact({ changes, ends }: Extract<Step, { does: 'transaction' }>): Promise<boolean> {
  try {
    await world.pool(undefined).transaction(async (tx) => {
      await tx.query({ text: 'set local role bailiwick_owner' });
      for (const [at, text] of changes.entries()) {
        if (ends === 'savepoint' && at === 0) await tx.query({ text: 'savepoint half' });
        await tx.query({ text });
        if (ends === 'savepoint' && at === 0) await tx.query({ text: 'rollback to savepoint half' });
      }
      if (ends === 'rollback') throw new Error('rolled back');
    });
    return true;
  } catch {
    return false;
  }
}

const late = new Set<Promise<void>>();

function playFault(fault: (typeof FAULTS)[number], times: number): void {
  let left = times;
  engine.play = async (_, forward) => {
    if ((left -= 1) < 0) {
      await forward();
      return;
    }
    if (fault === 'refused') throw new EngineError(fault, { kind: 'invalid', applied: 'no' });
    if (fault === 'unavailable') throw new EngineError(fault, { kind: 'unavailable', applied: 'no' });
    if (fault === 'answer lost') await forward();
    if (fault === 'late') {
      const arriving = new Promise((resolve) => setTimeout(resolve, 60)).then(forward).catch(() => undefined);
      late.add(arriving);
      void arriving.finally(() => late.delete(arriving));
    }
    throw new EngineError(fault, { kind: 'timeout', applied: 'unknown' });
  };
}

async function take(step: Step): Promise<void> {
  switch (step.does) {
    case 'transaction':
      await transact(step);
      return;
    case 'fault':
      playFault(step.fault, step.times);
      return;
    case 'restart':
      await projector.stop();
      await projector.start();
      return;
    case 'cut off':
      await world.superSql(`select pg_terminate_backend(a.pid) from pg_stat_activity a join pg_locks l on l.pid = a.pid
        where a.application_name = '${applicationName}' and l.locktype = 'advisory'`);
      return;
    case 'settle':
      await world.applied();
  }
}

async function atRest(wasCutOff: boolean): Promise<void> {
  engine.play = undefined;
  const nothingWaits = async (): Promise<boolean> => (await world.sql(`select from sync.outbox`)).length === 0;
  await until(nothingWaits, 20_000);
  await Promise.all(late);
  if (!wasCutOff) return;
  // A projector that was cut off while it wrote looks again at what it wrote.
  await new Promise((resolve) => setTimeout(resolve, SETTLED_MS));
  await until(nothingWaits, 20_000);
}

test(
  'whatever the history, in the end the tuples are what the rows say',
  async () => {
    const counted = { transactions: 0, tuples: 0 };
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (history) => {
        await startOver();
        for (const each of history) await take(each);
        await atRest(history.some(({ does }) => does === 'cut off'));
        const stored = await storedLines(world);
        expect(stored).toEqual(await expectedLines(world.pool('bailiwick_operator')));
        counted.transactions += history.filter(({ does }) => does === 'transaction').length;
        counted.tuples += stored.length;
      }),
      { numRuns: RUNS, ...(seed === undefined ? {} : { seed }), timeout: 120_000, interruptAfterTimeLimit: 3_000_000 },
    );
    expect(await driftLines(world)).toEqual([]);
    expect(counted.transactions).toBeGreaterThan(RUNS);
    expect(counted.tuples).toBeGreaterThan(10 * RUNS);
  },
  RUNS * 15_000,
);

test('most of the changes that histories are made of do change something', async () => {
  await startOver();
  let done = 0;
  const changes = fc.sample(change, { numRuns: 200, seed: 1 });
  let lines: string[] = [];
  let most = 0;
  for (const text of changes) {
    if (!(await transact({ does: 'transaction', changes: [text], ends: 'commit' }))) continue;
    done += 1;
    lines = await expectedLines(world.pool('bailiwick_operator'));
    most = Math.max(most, lines.length);
  }
  expect(done).toBeGreaterThan(120);
  // What a truncate or a tenant's end has left may be little, wherever it falls.
  expect(most).toBeGreaterThan(20);
  await world.applied();
  await until(async () => (await world.sql(`select from sync.outbox`)).length === 0);
  expect(await storedLines(world)).toEqual(lines);
});
