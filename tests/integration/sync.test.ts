/** Every kind of change to every synced table reaches the engine, as exactly the tuples that it should move. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { presets } from '../../src/contract/presets.js';
import type { Projector } from '../../src/sync/projector.js';
import { driftLines, readsUsers, playedEngine, storedLines } from '../support/played-engine.js';
import type { PlayedEngine } from '../support/played-engine.js';
import { createWorld, roleId } from '../support/world.js';
import type { World } from '../support/world.js';

let world: World;
let engine: PlayedEngine;
let projector: Projector;
beforeAll(async () => {
  world = await createWorld();
  engine = playedEngine(world);
  projector = world.projector({ tuples: engine.tuples });
  await projector.start();
  await world.addTenant('t1', 'emr');
  // keeps the tenant in hand, whatever the others lose
  await world.addUser('t1', 'chief', ['EMR_CLIENT_ADMIN']);
  await world.applied();
});
afterAll(async () => {
  await projector.stop();
  await world.end();
});

/** Runs statements in one transaction, waits for the engine, and tells what that added there and took away. */
async function moved(statements: string[], does = inOne): Promise<{ added: string[]; removed: string[] }> {
  const before = await storedLines(world);
  await does(...statements);
  await world.applied();
  const after = await storedLines(world);
  return {
    added: after.filter((line) => !before.includes(line)),
    removed: before.filter((line) => !after.includes(line)),
  };
}

async function inOne(...statements: string[]): Promise<void> {
  await world.pool('bailiwick_operator').transaction(async (tx) => {
    for (const text of statements) await tx.query({ text });
  });
}

const admin = roleId('t1', 'EMR_CLIENT_ADMIN');
const viewer = roleId('t1', 'EMR_CLIENT_VIEWER');
const admin2 = roleId('t2', 'EMR_CLIENT_ADMIN');
const isOf = `where user_id = 'u1' and revoked_at is null`;
const LAST = '9999-12-31T23:59:59.999999Z';
const FIRST = '0001-01-01T00:00:00Z';
const Y26 = '2026-01-01T00:00:00.000000Z';
const Y99 = '2099-01-01T00:00:00.000000Z';

/** What a tenant of the preset stands with from its first moment. */
const presetTuples = (tenant: string): string[] =>
  presets.emr.roles.flatMap(({ name, permissions }) => {
    const assignee = `role:${tenant}/${roleId(tenant, name)}#assignee`;
    return ['member', ...permissions.map((id) => `grant.${id}`)].map(
      (relation) => `${assignee} ${relation} tenant:${tenant}`,
    );
  });

/** In order: each case starts from what the ones before have left. `asOwner`: what only a migration may do. */
const CHANGES: { says: string; does: string[]; asOwner?: true; added: string[]; removed?: string[] }[] = [
  {
    says: 'a user gets a profile',
    does: [`insert into security.app_user (id, tenant_id, email) values ('u1', 't1', 'u1@x'), ('u2', 't1', 'u2@x')`],
    added: [
      'tenant:t1 tenant profile:t1/u1',
      'tenant:t1 tenant profile:t1/u2',
      'user:u1 subject profile:t1/u1',
      'user:u2 subject profile:t1/u2',
    ],
  },
  {
    says: 'a user’s id moves with everything',
    does: [`update security.app_user set id = 'u3' where id = 'u2'`],
    added: ['tenant:t1 tenant profile:t1/u3', 'user:u3 subject profile:t1/u3'],
    removed: ['tenant:t1 tenant profile:t1/u2', 'user:u2 subject profile:t1/u2'],
  },
  {
    says: 'an assigned role',
    does: [`insert into security.user_role (user_id, role_id) values ('u1', '${admin}')`],
    added: [`user:u1 a role:t1/${admin}`],
  },
  {
    says: 'a new end of the window goes to the other slot',
    does: [`update security.user_role set expires_at = '${Y99}' ${isOf}`],
    added: [`user:u1 b role:t1/${admin} ${FIRST} ${Y99}`],
    removed: [`user:u1 a role:t1/${admin}`],
  },
  {
    says: 'a new beginning goes back',
    does: [`update security.user_role set valid_from = '${Y26}', expires_at = 'infinity' ${isOf}`],
    added: [`user:u1 a role:t1/${admin} ${Y26} ${LAST}`],
    removed: [`user:u1 b role:t1/${admin} ${FIRST} ${Y99}`],
  },
  {
    says: 'two new windows in one transaction end in the last',
    does: [
      `update security.user_role set expires_at = '${Y99}' ${isOf}`,
      `update security.user_role set valid_from = null ${isOf}`,
    ],
    added: [`user:u1 a role:t1/${admin} ${FIRST} ${Y99}`],
    removed: [`user:u1 a role:t1/${admin} ${Y26} ${LAST}`],
  },
  {
    says: 'an assignment moves to another user',
    does: [`update security.user_role set user_id = 'u3', expires_at = null where user_id = 'u1'`],
    added: [`user:u3 a role:t1/${admin}`],
    removed: [`user:u1 a role:t1/${admin} ${FIRST} ${Y99}`],
  },
  {
    says: 'an assignment moves to another role',
    does: [`update security.user_role set role_id = '${viewer}' where user_id = 'u3'`],
    added: [`user:u3 a role:t1/${viewer}`],
    removed: [`user:u3 a role:t1/${admin}`],
  },
  {
    says: 'a disabled user holds nothing and is nobody’s subject',
    does: [`update security.app_user set status = 'disabled' where id = 'u3'`],
    added: [],
    removed: ['user:u3 subject profile:t1/u3', `user:u3 a role:t1/${viewer}`],
  },
  {
    says: 'an enabled user has it all again',
    does: [`update security.app_user set status = 'active' where id = 'u3'`],
    added: ['user:u3 subject profile:t1/u3', `user:u3 a role:t1/${viewer}`],
  },
  {
    says: 'a revoked assignment',
    does: [`update security.user_role set revoked_at = now() where user_id = 'u3'`],
    added: [],
    removed: [`user:u3 a role:t1/${viewer}`],
  },
  {
    says: 'the same role assigned anew takes the other slot',
    does: [`insert into security.user_role (user_id, role_id) values ('u3', '${viewer}')`],
    added: [`user:u3 b role:t1/${viewer}`],
  },
  {
    says: 'a deleted assignment, tombstone and all',
    does: [`delete from security.user_role where user_id = 'u3'`],
    added: [],
    removed: [`user:u3 b role:t1/${viewer}`],
  },
  {
    says: 'a manager',
    does: [`insert into security.user_assignment (tenant_id, user_id, assigned_user_id) values ('t1', 'u1', 'u3')`],
    added: ['profile:t1/u1 manager profile:t1/u3'],
  },
  {
    says: 'a manager’s new window',
    does: [`update security.user_assignment set expires_at = '${Y99}'`],
    added: [`profile:t1/u1 manager profile:t1/u3 ${FIRST} ${Y99}`],
    removed: ['profile:t1/u1 manager profile:t1/u3'],
  },
  {
    says: 'manager and rep change places',
    does: [`update security.user_assignment set user_id = assigned_user_id, assigned_user_id = user_id`],
    added: [`profile:t1/u3 manager profile:t1/u1 ${FIRST} ${Y99}`],
    removed: [`profile:t1/u1 manager profile:t1/u3 ${FIRST} ${Y99}`],
  },
  {
    says: 'a manager no more',
    does: [`delete from security.user_assignment`],
    added: [],
    removed: [`profile:t1/u3 manager profile:t1/u1 ${FIRST} ${Y99}`],
  },
  {
    says: 'a record',
    does: [`insert into security.record (tenant_id, id, owner_user_id) values ('t1', 'd1', 'u1'), ('t1', 'd2', 'u3')`],
    added: [
      'profile:t1/u1 owner record:t1/d1',
      'profile:t1/u3 owner record:t1/d2',
      'tenant:t1 tenant record:t1/d1',
      'tenant:t1 tenant record:t1/d2',
    ],
  },
  {
    says: 'a record that goes from hand to hand in one transaction',
    does: [
      `update security.record set owner_user_id = 'u3' where id = 'd1'`,
      `update security.record set owner_user_id = 'u1' where id = 'd1'`,
      `update security.record set owner_user_id = 'u3' where id = 'd1'`,
    ],
    added: ['profile:t1/u3 owner record:t1/d1'],
    removed: ['profile:t1/u1 owner record:t1/d1'],
  },
  {
    says: 'a record’s id and owner move at once',
    does: [`update security.record set id = 'd3', owner_user_id = 'u1' where id = 'd1'`],
    added: ['profile:t1/u1 owner record:t1/d3', 'tenant:t1 tenant record:t1/d3'],
    removed: ['profile:t1/u3 owner record:t1/d1', 'tenant:t1 tenant record:t1/d1'],
  },
  {
    says: 'two records that exchange their owners',
    does: [`update security.record set owner_user_id = case id when 'd2' then 'u1' else 'u3' end`],
    added: ['profile:t1/u1 owner record:t1/d2', 'profile:t1/u3 owner record:t1/d3'],
    removed: ['profile:t1/u1 owner record:t1/d3', 'profile:t1/u3 owner record:t1/d2'],
  },
  {
    says: 'a record made anew under its id',
    does: [
      `delete from security.record where id = 'd2'`,
      `insert into security.record (tenant_id, id, owner_user_id) values ('t1', 'd2', 'u3')`,
    ],
    added: ['profile:t1/u3 owner record:t1/d2'],
    removed: ['profile:t1/u1 owner record:t1/d2'],
  },
  {
    says: 'records that are gone',
    does: [`delete from security.record`],
    added: [],
    removed: [
      'profile:t1/u3 owner record:t1/d2',
      'profile:t1/u3 owner record:t1/d3',
      'tenant:t1 tenant record:t1/d2',
      'tenant:t1 tenant record:t1/d3',
    ],
  },
  {
    says: 'a custom role with a permission and a holder, at once',
    does: [
      `insert into security.role (id, tenant_id, name) values ('c1', 't1', 'AUDITOR')`,
      `insert into security.role_permission (role_id, permission_id) values ('c1', 'users.read')`,
      `insert into security.user_role (user_id, role_id) values ('u1', 'c1')`,
    ],
    added: [
      'role:t1/c1#assignee grant.users.read tenant:t1',
      'role:t1/c1#assignee member tenant:t1',
      'user:u1 a role:t1/c1',
    ],
  },
  {
    says: 'a granted permission changed for another',
    does: [`update security.role_permission set permission_id = 'config.read' where role_id = 'c1'`],
    added: ['role:t1/c1#assignee grant.config.read tenant:t1'],
    removed: ['role:t1/c1#assignee grant.users.read tenant:t1'],
  },
  {
    says: 'a role that is gone',
    does: [
      `delete from security.role_permission where role_id = 'c1'`,
      `delete from security.user_role where role_id = 'c1'`,
      `delete from security.role where id = 'c1'`,
    ],
    added: [],
    removed: [
      'role:t1/c1#assignee grant.config.read tenant:t1',
      'role:t1/c1#assignee member tenant:t1',
      'user:u1 a role:t1/c1',
    ],
  },
  {
    says: 'a platform admin',
    does: [
      `insert into security.app_user (id, email) values ('root', 'root@x')`,
      `insert into identity.platform_admin (user_id) values ('root')`,
    ],
    added: ['user:root super_admin platform:main'],
  },
  {
    says: 'a disabled platform admin',
    does: [`update security.app_user set status = 'disabled' where id = 'root'`],
    added: [],
    removed: ['user:root super_admin platform:main'],
  },
  {
    says: 'a platform admin whose seat goes to another',
    does: [`update identity.platform_admin set user_id = 'u1'`],
    added: ['user:u1 super_admin platform:main'],
  },
  {
    says: 'a platform admin no more',
    does: [`delete from identity.platform_admin`],
    added: [],
    removed: ['user:u1 super_admin platform:main'],
  },
  {
    says: 'a tenant that may only be read',
    does: [`update identity.tenant set status = 'read_only'`],
    added: [],
    removed: ['tenant:t1 writable tenant:t1'],
  },
  {
    says: 'a suspended tenant',
    does: [`update identity.tenant set status = 'suspended'`],
    added: [],
    removed: ['tenant:t1 readable tenant:t1'],
  },
  {
    says: 'an active tenant again',
    does: [`update identity.tenant set status = 'active'`],
    added: ['tenant:t1 readable tenant:t1', 'tenant:t1 writable tenant:t1'],
  },
  {
    says: 'a new tenant, and the same tenant gone',
    does: [
      `insert into identity.tenant (id, slug, name, preset) values ('t9', 't9', 't9', 'emr')`,
      `select identity.end_tenant('t9')`,
    ],
    added: [],
  },
  {
    says: 'a global assignment reaches the tenants that have the role',
    does: [
      `update security.app_user set status = 'active' where id = 'root'`,
      `insert into security.user_role (user_id, role_name) values ('root', 'EMR_CLIENT_ADMIN')`,
    ],
    added: [`user:root a role:t1/${admin}`],
  },
  {
    says: 'a new tenant finds the global assignment standing',
    does: [`insert into identity.tenant (id, slug, name, preset) values ('t2', 't2', 't2', 'emr')`],
    added: [
      'platform:main platform tenant:t2',
      ...presetTuples('t2'),
      'tenant:t2 readable tenant:t2',
      'tenant:t2 writable tenant:t2',
      `user:root a role:t2/${admin2}`,
    ],
  },
  {
    says: 'a custom role of the same name is not meant by it',
    asOwner: true,
    does: [`update security.role set is_system = false where id = '${admin2}'`],
    added: [],
    removed: [`user:root a role:t2/${admin2}`],
  },
  {
    says: 'a role that gets the name is',
    asOwner: true,
    does: [`update security.role set is_system = true where id = '${admin2}'`],
    added: [`user:root a role:t2/${admin2}`],
  },
  {
    says: 'a role that loses the name is not',
    asOwner: true,
    does: [`update security.role set name = 'SOMETHING_ELSE' where id = '${admin2}'`],
    added: [],
    removed: [`user:root a role:t2/${admin2}`],
  },
  {
    says: 'a global assignment’s window changes in every tenant',
    asOwner: true,
    does: [
      `update security.role set name = 'EMR_CLIENT_ADMIN' where id = '${admin2}'`,
      `update security.user_role set expires_at = '${Y99}' where user_id = 'root'`,
    ],
    added: [`user:root b role:t1/${admin} ${FIRST} ${Y99}`, `user:root b role:t2/${admin2} ${FIRST} ${Y99}`],
    removed: [`user:root a role:t1/${admin}`],
  },
  {
    says: 'a disabled user’s global assignments end everywhere',
    does: [`update security.app_user set status = 'disabled' where id = 'root'`],
    added: [],
    removed: [`user:root b role:t1/${admin} ${FIRST} ${Y99}`, `user:root b role:t2/${admin2} ${FIRST} ${Y99}`],
  },
  {
    says: 'a global assignment stands beside the tenant’s own',
    does: [
      `insert into security.user_role (user_id, role_name, expires_at) values ('u1', 'EMR_CLIENT_ADMIN', '${Y99}')`,
      `insert into security.user_role (user_id, role_id) values ('u1', '${admin}')`,
    ],
    added: [
      `user:u1 a role:t1/${admin}`,
      `user:u1 a role:t2/${admin2} ${FIRST} ${Y99}`,
      `user:u1 b role:t1/${admin} ${FIRST} ${Y99}`,
    ],
  },
  {
    says: 'the tenant’s own ends, the global one stays',
    does: [`update security.user_role set revoked_at = now() where user_id = 'u1' and role_id is not null`],
    added: [],
    removed: [`user:u1 a role:t1/${admin}`],
  },
  {
    says: 'a global assignment ends everywhere',
    does: [`update security.user_role set revoked_at = now() where user_id = 'u1' and role_id is null`],
    added: [],
    removed: [`user:u1 a role:t2/${admin2} ${FIRST} ${Y99}`, `user:u1 b role:t1/${admin} ${FIRST} ${Y99}`],
  },
];

describe('rows become tuples', () => {
  test.each(CHANGES)('$says', async ({ does, asOwner, added, removed = [] }) => {
    const change = asOwner ? (...statements: string[]) => world.migrationSql(...statements) : inOne;
    expect(await moved(does, change)).toEqual({ added: [...added].sort(), removed: [...removed].sort() });
  });

  test('and after all of it nothing has drifted', async () => {
    expect(await driftLines(world)).toEqual([]);
  });
});

describe('what changes nothing', () => {
  test.each([
    ['a name', `update security.app_user set display_name = 'Anne', email = 'anne@x' where id = 'u1'`],
    ['a tenant’s name', `update identity.tenant set name = 'new', slug = 'new' where id = 't1'`],
    ['a description', `update security.role set description = 'x'`],
    ['the same again', `update security.user_role set expires_at = expires_at, revoked_at = revoked_at`],
    ['no row', `update identity.tenant set status = 'suspended' where id = 'nobody'`],
    ['an exchange that leaves the rows as they were', `update security.record set owner_user_id = owner_user_id`],
  ])('%s makes no entry', async (_, statement) => {
    const rows = await world.pool(undefined).transaction(async (tx) => {
      await tx.query({ text: 'set local role bailiwick_owner' });
      await tx.query({ text: statement });
      return (await tx.query({ text: `select kind, a, b from sync.outbox` })).rows;
    });
    expect(rows).toEqual([]);
  });

  test('a rolled-back transaction, or part of one, leaves nothing behind', async () => {
    const written = engine.writes.length;
    await expect(
      inOne(`update identity.tenant set status = 'suspended' where id = 't1'`, `select 1 / 0`),
    ).rejects.toThrow('division');
    await inOne(
      `savepoint half`,
      `insert into security.app_user (id, tenant_id, email) values ('never', 't1', 'never@x')`,
      `rollback to savepoint half`,
    );
    await new Promise((resolve) => setTimeout(resolve, 100));
    await world.applied();
    expect(engine.writes.length).toBe(written);
    expect(await driftLines(world)).toEqual([]);
  });
});

describe('what belongs together', () => {
  // One Check of the engine reads the two slots one after the other, not in one snapshot, so a Check that runs exactly
  // while the Write commits may miss both. What can be promised is that the next one does not.
  test('a changed window is one Write, and nobody is turned away twice running', async () => {
    await inOne(`insert into security.user_role (user_id, role_id) values ('u3', '${viewer}')`);
    await world.applied();
    const written = engine.writes.length;
    let running = 0;
    let longest = 0;
    let asked = 0;
    const watching = { on: true };
    const watch = (async () => {
      while (watching.on) {
        asked += 1;
        running = (await readsUsers(world, 'u3', 't1')) ? 0 : running + 1;
        longest = Math.max(longest, running);
      }
    })();
    for (const year of [2090, 2091, 2092, 2093, 2094, 2095]) {
      await inOne(`update security.user_role set expires_at = '${String(year)}-01-01' where user_id = 'u3'`);
      await world.applied();
    }
    watching.on = false;
    await watch;
    const flips = engine.writes.slice(written);
    expect(flips).toHaveLength(6);
    for (const flip of flips) {
      expect([flip.deletes.length, flip.writes.length]).toEqual([1, 1]);
      expect(flip.deletes[0]?.relation).not.toBe(flip.writes[0]?.relation);
    }
    expect(longest).toBeLessThan(2);
    expect(asked).toBeGreaterThan(10);
  });

  test('a role swap in one transaction is one Write', async () => {
    const written = engine.writes.length;
    await inOne(
      `update security.user_role set revoked_at = now() where user_id = 'u3' and revoked_at is null`,
      `insert into security.user_role (user_id, role_id) values ('u3', '${admin}')`,
    );
    await world.applied();
    const writes = engine.writes.slice(written);
    expect(writes).toHaveLength(1);
    expect(writes[0]?.writes.map(({ object }) => object)).toEqual([`role:t1/${admin}`]);
    expect(writes[0]?.deletes.map(({ object }) => object)).toContain(`role:t1/${viewer}`);
  });

  test('a permission set replaced as a whole is one Write', async () => {
    await inOne(
      `insert into security.role (id, tenant_id, name) values ('c2', 't1', 'REVIEWER')`,
      `insert into security.role_permission (role_id, permission_id) values ('c2', 'users.read'), ('c2', 'config.read')`,
    );
    await world.applied();
    const written = engine.writes.length;
    await inOne(
      `delete from security.role_permission where role_id = 'c2'`,
      `insert into security.role_permission (role_id, permission_id) values ('c2', 'users.read'), ('c2', 'config.update')`,
    );
    await world.applied();
    expect(engine.writes.slice(written)).toHaveLength(1);
    expect(await driftLines(world)).toEqual([]);
  });
});

describe('again and again', () => {
  test('revoke, grant again, revoke: each is what the engine says then', async () => {
    const grant = `insert into security.user_role (user_id, role_id) values ('u1', '${viewer}')`;
    const revoke = `update security.user_role set revoked_at = now() where user_id = 'u1' and revoked_at is null`;
    for (const [statement, answer] of [
      [grant, true],
      [revoke, false],
      [grant, true],
      [revoke, false],
    ] as const) {
      await inOne(statement);
      await world.applied();
      expect(await readsUsers(world, 'u1', 't1')).toBe(answer);
    }
    await inOne(grant, revoke, grant, revoke);
    await world.applied();
    expect(await readsUsers(world, 'u1', 't1')).toBe(false);
    await inOne(grant, revoke, grant);
    await world.applied();
    expect(await readsUsers(world, 'u1', 't1')).toBe(true);
    await inOne(revoke);
    await world.applied();
    expect(await driftLines(world)).toEqual([]);
  });

  test('two windows one after the other: allowed in each to the millisecond, and not between', async () => {
    const at = (seconds: number, ms = 0): Date => new Date(Date.UTC(2040, 0, 1, 0, 0, seconds, ms));
    const window = (from: number, to: number): string =>
      `insert into security.user_role (user_id, role_id, valid_from, expires_at)
         values ('u1', '${viewer}', '${at(from).toISOString()}', '${at(to).toISOString()}')`;
    const allowedAt = async (moment: Date): Promise<boolean> =>
      await world.tuples.check(
        { user: 'user:u1', relation: 'users.read', object: 'tenant:t1', at: moment },
        { timeoutMs: 5_000 },
      );
    await inOne(window(10, 20));
    await world.applied();
    const first = await Promise.all([at(9, 999), at(10), at(19, 999), at(20)].map(allowedAt));
    expect(first).toEqual([false, true, true, false]);
    await inOne(
      `update security.user_role set revoked_at = now() where user_id = 'u1' and revoked_at is null`,
      window(30, 40),
    );
    await world.applied();
    const second = await Promise.all([at(10), at(29, 999), at(30), at(39, 999), at(40)].map(allowedAt));
    expect(second).toEqual([false, false, true, true, false]);
    await inOne(`delete from security.user_role where user_id = 'u1'`);
    await world.applied();
  });
});
