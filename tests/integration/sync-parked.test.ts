/** Keys that cannot be projected: set aside, seen, in nobody's way, and never a reason to allow what was revoked. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { createMetrics } from '../../src/platform/metrics.js';
import { Problem } from '../../src/shared/problem.js';
import type { Allow } from '../../src/shared/sync-gate.js';
import { EngineError } from '../../src/shared/tuple.js';
import { createSyncGate } from '../../src/sync/gate.js';
import type { GateOptions } from '../../src/sync/gate.js';
import type { Projector } from '../../src/sync/projector.js';
import { createSyncMetrics } from '../../src/sync/sync-metrics.js';
import { driftLines, readsUsers, playedEngine, storedLines, until } from '../support/played-engine.js';
import type { PlayedEngine } from '../support/played-engine.js';
import { createWorld, quiet, roleId } from '../support/world.js';
import type { World } from '../support/world.js';

let world: World;
let engine: PlayedEngine;
let projector: Projector;
let gate: ReturnType<typeof createSyncGate>;
let gateOptions: GateOptions;
const metrics = createMetrics();
const viewer = roleId('t1', 'EMR_CLIENT_VIEWER');
const admin = roleId('t1', 'EMR_CLIENT_ADMIN');

beforeAll(async () => {
  world = await createWorld();
  engine = playedEngine(world);
  const sync = world.pool('bailiwick_sync');
  projector = world.projector({ tuples: engine.tuples, parkMs: 200, metrics: createSyncMetrics(metrics, sync) });
  gateOptions = { pool: sync, asidePool: world.pool('bailiwick_service'), log: quiet, tokenWaitMs: 100, feedMs: 5 };
  gate = createSyncGate(gateOptions);
  await world.superSql(
    `alter table security.app_user drop constraint chk_app_user_id`,
    `alter table security.record drop constraint chk_record_id`,
    `alter table security.role drop constraint chk_role_id`,
    `alter table identity.tenant drop constraint chk_tenant_id`,
  );
  await world.addTenant('t1', 'emr');
  await world.addTenant('t2', 'emr');
  await projector.start();
  await gate.start();
  await world.applied();
});
afterAll(async () => {
  await gate.stop();
  await projector.stop();
  await world.end();
});

const parked = async (): Promise<string[]> =>
  (
    await world.sql<{ key: string }>(
      `select distinct concat_ws(' ', kind, tenant_id, a, b) as key from sync.outbox where parked_at is not null order by 1`,
    )
  ).map(({ key }) => key.trim());

/** Whether the gate lets an allow pass, once it has heard of everything. */
async function passes(allow: Partial<Allow>): Promise<boolean> {
  await new Promise((resolve) => setTimeout(resolve, 40));
  try {
    await gate.guard({ tenantId: 't1', subjectUserId: 'anne', object: 'tenant:t1', ...allow });
    return true;
  } catch (error) {
    if (error instanceof Problem && error.code === 'SYNC_LAG') return false;
    throw error;
  }
}

describe('a row past the CHECKs', () => {
  const HOSTILE = ['*', 'a#member', `role:t1/${viewer}#assignee`, 'a b', 'x/y', '😀'.repeat(60), 'user:anne', 'a\tb'];

  test('never becomes a tuple, is set aside, and stops nobody, not even in its own transaction', async () => {
    const before = await storedLines(world);
    await world.pool('bailiwick_operator').transaction(async (tx) => {
      for (const [at, id] of HOSTILE.entries()) {
        await tx.query({
          text: `insert into security.app_user (id, tenant_id, email) values ($1, 't1', $2)`,
          values: [id, `${String(at)}@x`],
        });
        await tx.query({
          text: `insert into security.user_role (user_id, role_id) values ($1, $2)`,
          values: [id, viewer],
        });
      }
      await tx.query({ text: `insert into security.app_user (id, tenant_id, email) values ('anne', 't1', 'anne@x')` });
      await tx.query({
        text: `insert into security.user_role (user_id, role_id) values ('anne', $1)`,
        values: [viewer],
      });
      await tx.query({ text: `insert into security.record (tenant_id, id, owner_user_id) values ('t1', '*', 'anne')` });
    });
    await world.applied();
    expect((await storedLines(world)).filter((line) => !before.includes(line))).toEqual([
      'tenant:t1 tenant profile:t1/anne',
      'user:anne a role:t1/t1.emr_client_viewer',
      'user:anne subject profile:t1/anne',
    ]);
    expect(await parked()).toHaveLength(2 * HOSTILE.length + 1);
  });

  test('is counted in the metrics and says in the outbox what is wrong', async () => {
    const { body } = await metrics.render();
    expect(body).toMatch(/^bailiwick_sync_parked_entries 17$/m);
    expect(body).toMatch(/^bailiwick_sync_pending_entries 0$/m);
    expect(body).toMatch(/^bailiwick_sync_applied_total\{kind="record",result="refused"\} [1-9]/m);
    const errors = await world.sql<{ last_error: string }>(
      `select last_error from sync.outbox where parked_at is not null and a = '*'`,
    );
    expect(errors.map(({ last_error }) => last_error)).toEqual([
      '`*` is not an id',
      '`*` is not an id',
      '`*` is not an id',
    ]);
  });

  test('threatens nobody’s access: there was nothing that it could take away', async () => {
    expect(await passes({})).toBe(true);
    expect(await passes({ object: 'record:d' })).toBe(true);
    await world.sql(`update security.app_user set status = 'disabled' where id = 'a b'`);
    await world.applied();
    expect(await passes({ object: 'record:d' })).toBe(true);
  });

  test('holds up nobody whose transaction touches the same key', async () => {
    await projector.stop();
    const patient = world.projector({ tuples: engine.tuples, parkMs: 3_600_000 });
    await patient.start();
    await until(async () => {
      const [due] = await world.sql<{ n: number }>(
        `select count(*)::int as n from sync.outbox where parked_at is not null and retry_at < now() + interval '1 minute'`,
      );
      return due?.n === 0;
    });
    await world.pool('bailiwick_operator').transaction(async (tx) => {
      await tx.query({ text: `update security.app_user set status = 'active' where id = 'a b'` });
      await tx.query({ text: `insert into security.app_user (id, tenant_id, email) values ('bob', 't1', 'bob@x')` });
      await tx.query({
        text: `insert into security.user_role (user_id, role_id) values ('bob', $1)`,
        values: [viewer],
      });
    });
    await until(() => readsUsers(world, 'bob', 't1'));
    await world.applied(5_000);
    await patient.stop();
    await projector.start();
    await until(projector.isLeader);
  });

  test('is tried again, and is gone from the outbox once the row is right, or gone', async () => {
    await world.sql(`delete from security.record where id = '*'`);
    await world.sql(`delete from security.user_role where user_id = any($1::text[])`, [HOSTILE]);
    await world.sql(`update security.app_user set id = 'mended' where id = 'a b'`);
    await world.sql(`delete from security.app_user where id = any($1::text[])`, [HOSTILE]);
    await until(async () => (await parked()).length === 0);
    await world.applied();
    expect(await storedLines(world)).toContain('user:mended subject profile:t1/mended');
    expect(await driftLines(world)).toEqual([]);
  });
});

describe('a key that the engine refuses', () => {
  test('is tried again after a while, by itself, and recovers when the engine takes it', async () => {
    engine.play = async (change, forward) => {
      if (change.writes.some(({ user }) => user === 'user:carl')) {
        throw new EngineError('the engine answered 400: no such relation', { kind: 'invalid', applied: 'no' });
      }
      await forward();
    };
    await world.addUser('t1', 'carl', ['EMR_CLIENT_VIEWER']);
    await world.addUser('t1', 'dora', ['EMR_CLIENT_VIEWER']);
    await world.applied();
    expect(await readsUsers(world, 'dora', 't1')).toBe(true);
    expect(await parked()).toEqual(['profile t1 carl', `user_role t1 carl ${viewer}`]);
    expect(await passes({ subjectUserId: 'carl' })).toBe(true);
    engine.play = undefined;
    await until(() => readsUsers(world, 'carl', 't1'));
    await until(async () => (await parked()).length === 0);
  });

  test('is tried at once when an operator says so', async () => {
    const slow = world.projector({ tuples: engine.tuples, parkMs: 3_600_000 });
    await projector.stop();
    await slow.start();
    engine.play = () => Promise.reject(new EngineError('refused', { kind: 'invalid', applied: 'no' }));
    await world.sql(`update security.user_role set revoked_at = now() where user_id = 'carl'`);
    await world.applied();
    expect(await parked()).toHaveLength(1);
    engine.play = undefined;
    await world.sql(`update sync.outbox set retry_at = now() where parked_at is not null`);
    await until(async () => (await parked()).length === 0);
    expect(await readsUsers(world, 'carl', 't1')).toBe(false);
    await slow.stop();
    await projector.start();
    await until(projector.isLeader);
  });
});

describe('a parked key that may take access away', () => {
  const people = ['anne', 'bob', 'boss', 'chief', 'eve'];

  /** Parks the keys that the statements touch, runs `work`, and lets them go again. */
  async function whileParked(
    statements: string[],
    work: () => Promise<void>,
    change: (text: string) => Promise<unknown> = (text) => world.sql(text),
  ): Promise<void> {
    engine.play = () => Promise.reject(new EngineError('refused', { kind: 'invalid', applied: 'no' }));
    for (const text of statements) await change(text);
    await world.applied();
    expect((await parked()).length).toBeGreaterThan(0);
    try {
      await work();
    } finally {
      engine.play = undefined;
      await until(async () => (await parked()).length === 0);
    }
    expect(await passes({})).toBe(true);
    expect(await driftLines(world)).toEqual([]);
  }
  /** Who of the people may be told yes about the object. */
  async function passing(object: string, tenantId = 't1'): Promise<string[]> {
    const told: string[] = [];
    for (const subjectUserId of people) if (await passes({ subjectUserId, object, tenantId })) told.push(subjectUserId);
    return told;
  }

  beforeAll(async () => {
    for (const user of ['boss', 'chief', 'eve']) await world.addUser('t1', user);
    await world.sql(`insert into security.user_assignment (tenant_id, user_id, assigned_user_id)
      values ('t1', 'chief', 'boss'), ('t1', 'boss', 'anne')`);
    await world.sql(
      `insert into security.record (tenant_id, id, owner_user_id) values ('t1', 'd', 'anne'), ('t1', 'e', 'eve')`,
    );
    await world.sql(`insert into security.user_role (user_id, role_id) values ('anne', $1), ('eve', $1)`, [admin]);
    // somebody must be left who administers the tenant when those two are not
    await world.addUser('t1', 'keeper', ['EMR_CLIENT_ADMIN']);
    await world.applied();
  });

  test('is known to whoever brings the token of the change, however long ago the gate last heard of anything', async () => {
    const deaf = createSyncGate({ ...gateOptions, tokenWaitMs: 5_000, feedMs: 3_600_000 });
    await deaf.start();
    engine.play = () => Promise.reject(new EngineError('refused', { kind: 'invalid', applied: 'no' }));
    await world.sql(`update security.user_role set revoked_at = now() where user_id = 'bob'`);
    const [row] = await world.sql<{ token: string }>(`select sync.token('t1') as token`);
    const deadline = { remainingMs: () => 10_000, signal: AbortSignal.timeout(10_000) };
    await deaf.awaitToken(row?.token ?? '', deadline);
    expect(await readsUsers(world, 'bob', 't1')).toBe(true);
    const allow = { tenantId: 't1', subjectUserId: 'bob', object: 'tenant:t1' };
    await expect(deaf.guard(allow)).rejects.toMatchObject({ code: 'SYNC_LAG' });
    await deaf.guard({ ...allow, subjectUserId: 'boss' });
    engine.play = undefined;
    await until(async () => (await parked()).length === 0);
    await deaf.stop();
  });

  test('an assignment: that user’s allows wait, and nobody else’s', async () => {
    await whileParked([`update security.user_role set revoked_at = now() where user_id = 'anne'`], async () => {
      expect(await passing('tenant:t1')).toEqual(['bob', 'boss', 'chief', 'eve']);
      expect(await passing('tenant:t2', 't2')).toEqual(people);
    });
  });

  test('a grant: the holders of that role', async () => {
    const statements = [`delete from security.role_permission where role_id = '${admin}'`];
    const work = async (): Promise<void> => {
      // anne held it: her row is a tombstone, and her tuple may be one too late
      expect(await passing('tenant:t1')).toEqual(['bob', 'boss', 'chief']);
    };
    // a system role's set changes by the owner's hand alone
    await whileParked(statements, work, (text) => world.migrationSql(text));
  });

  test('a manager’s edge: that manager, and those above', async () => {
    await whileParked([`delete from security.user_assignment where user_id = 'boss'`], async () => {
      expect(await passing('profile:anne')).toEqual(['anne', 'bob', 'eve']);
    });
  });

  test('a record’s owner: whoever asks about that record', async () => {
    await whileParked([`update security.record set owner_user_id = 'bob' where id = 'd'`], async () => {
      expect(await passing('record:d')).toEqual([]);
      expect(await passing('record:e')).toEqual(people);
      expect(await passing('tenant:t1')).toEqual(people);
    });
  });

  test('a tenant’s status: everybody in it', async () => {
    await whileParked([`update identity.tenant set status = 'suspended' where id = 't1'`], async () => {
      expect(await passing('tenant:t1')).toEqual([]);
      expect(await passing('tenant:t2', 't2')).toEqual(people);
    });
    await world.sql(`update identity.tenant set status = 'active'`);
    await world.applied();
  });

  test('a platform admin’s seat: that user, in every tenant', async () => {
    await world.sql(`insert into identity.platform_admin (user_id) values ('eve')`);
    await world.applied();
    await whileParked([`delete from identity.platform_admin`], async () => {
      expect(await passing('tenant:t1')).toEqual(['anne', 'bob', 'boss', 'chief']);
      expect(await passing('tenant:t2', 't2')).toEqual(['anne', 'bob', 'boss', 'chief']);
    });
  });

  test('a disabled user: them, everywhere in their tenant', async () => {
    await whileParked([`update security.app_user set status = 'disabled' where id = 'eve'`], async () => {
      expect(await passing('tenant:t1')).toEqual(['anne', 'bob', 'boss', 'chief']);
      expect(await passing('profile:eve')).toEqual([]);
    });
  });
});
