/**
 * What the database itself refuses, whoever writes: changes of system roles, and rights handed out or raised by those
 * who may not. Each case runs as an operator's psql would, in a transaction that is rolled back; "may" is a case too,
 * so that a guard which refuses everything is seen.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { refusal } from '../support/refusal.js';
import { createWorld, roleId } from '../support/world.js';
import type { World } from '../support/world.js';

const ADMIN = roleId('t1', 'EMR_CLIENT_ADMIN');
const VIEWER = roleId('t1', 'EMR_CLIENT_VIEWER');
const CONFIG = roleId('t1', 'CONFIG_MANAGER');

let world: World;
beforeAll(async () => {
  world = await createWorld();
  await world.addTenant('t1', 'emr');
  await world.addTenant('t2', 'emr');
  await world.addUser('t1', 'amy', ['EMR_CLIENT_ADMIN']);
  await world.addUser('t1', 'keeper', ['EMR_CLIENT_ADMIN']);
  await world.addUser('t2', 'far', ['EMR_CLIENT_ADMIN', 'CONFIG_MANAGER']);
  await world.addUser('t1', 'off', ['EMR_CLIENT_ADMIN']);
  for (const user of ['boss', 'rep', 'temp', 'soon', 'new']) await world.addUser('t1', user);
  await world.addUser(null, 'root');
  await world.sql(`insert into identity.platform_admin (user_id) values ('root')`);
  await world.sql(`update security.app_user set status = 'disabled' where id = 'off'`);
  await world.sql(`insert into security.role (id, tenant_id, name) values ('empty', 't1', 'EMPTY'),
    ('empty2', 't1', 'EMPTY_TOO'), ('claims', 't1', 'CLAIMS'), ('chief', 't1', 'CHIEF'), ('mixed', 't1', 'MIXED')`);
  await world.sql(`insert into security.role_permission (role_id, permission_id) values ('claims', 'claims.read'),
    ('chief', 'users.read'), ('chief', 'users.update'), ('chief', 'users.admin'), ('mixed', 'users.read'), ('mixed', 'reports.run')`);
  // boss: what an EMR_CLIENT_ADMIN holds, without the right to delegate; temp and soon hold it for a while, or later
  await world.sql(
    `insert into security.user_role (id, user_id, role_id, valid_from, expires_at) values
    ('boss-chief', 'boss', 'chief', null, null),
    ('temp-chief', 'temp', 'chief', null, '2099-01-01'), ('temp-admin', 'temp', $1, null, '2099-01-01'),
    ('soon-admin', 'soon', $1, '2098-01-01', null),
    ('rep-claims', 'rep', 'claims', null, null)`,
    [ADMIN],
  );
  await world.sql(
    `insert into security.user_role (id, user_id, role_id, revoked_at) values ('amy-was', 'amy', $1, now())`,
    [CONFIG],
  );
});
afterAll(() => world.end());

const isFine = 'is fine';

/** What becomes of the statements, in one transaction with the actor named, up to its last check. */
async function tried(actor: string | undefined, ...statements: string[]): Promise<string> {
  const settings = actor === undefined ? {} : { 'bailiwick.actor_user_id': actor };
  return await world
    .pool('bailiwick_operator')
    .transaction<string>(
      async (tx) => {
        for (const text of statements) await tx.query({ text });
        await tx.query({ text: 'set constraints all immediate' });
        throw new Error(isFine);
      },
      { settings },
    )
    .catch(refusal);
}

describe('a system role', () => {
  const id = `where id = '${VIEWER}'`;
  const ofRole = `where role_id = '${VIEWER}'`;
  const CHANGES: Record<string, string> = {
    'is described anew': `update security.role set description = 'x' ${id}`,
    'is named anew': `update security.role set name = 'OTHER' ${id}`,
    'becomes a custom role': `update security.role set is_system = false ${id}`,
    moves: `update security.role set id = 'x' ${id}`,
    'is written as it stands': `update security.role set name = name ${id}`,
    'is deleted': `delete from security.role ${id}`,
    'is added': `insert into security.role (tenant_id, name, is_system) values ('t1', 'EXTRA', true)`,
    'is made of a custom role': `update security.role set is_system = true where id = 'empty'`,
    'is made in passing': `insert into security.role (id, tenant_id, name) values ('${VIEWER}', 't1', 'X')
      on conflict (id) do update set description = 'x'`,
    'is merged': `merge into security.role r using (values ('${VIEWER}')) v (id) on r.id = v.id when matched then update set description = 'x'`,
    'gets a permission': `insert into security.role_permission (role_id, permission_id) values ('${VIEWER}', 'claims.read')`,
    'gets one beside a custom role’s': `insert into security.role_permission (role_id, permission_id)
      values ('empty', 'users.read'), ('${VIEWER}', 'claims.read')`,
    'loses a permission': `delete from security.role_permission ${ofRole}`,
    'has one exchanged': `update security.role_permission set permission_id = 'claims.read' ${ofRole}`,
    'has one moved away': `update security.role_permission set role_id = 'empty' ${ofRole}`,
    'has one moved here': `update security.role_permission set role_id = '${VIEWER}' where role_id = 'claims'`,
    'loses everything': `truncate security.role_permission`,
    'loses it in passing': `with gone as (delete from security.role_permission ${ofRole}) select 1`,
  };

  test.each(Object.entries(CHANGES))('is refused when it %s', async (_, statement) => {
    for (const actor of [undefined, 'amy', 'root']) {
      expect(await tried(actor, statement), actor).toBe('SYSTEM_ROLE_PROTECTED');
    }
    // one who may not hand out what is in it may hear of that first
    expect(['SYSTEM_ROLE_PROTECTED', 'ESCALATION']).toContain(await tried('nobody', statement));
    await expect(world.superSql(statement)).rejects.toMatchObject({ code: 'SYSTEM_ROLE_PROTECTED' });
  });

  test('is changed by whoever acts as the owner, and by its preset', async () => {
    for (const [name, statement] of Object.entries(CHANGES)) {
      // what still refers to it keeps it, whoever acts
      const otherwise = ['is deleted', 'moves'].includes(name) ? 'violates foreign key' : 'division by zero';
      await expect(world.migrationSql(statement, 'select 1 / 0'), name).rejects.toThrow(otherwise);
    }
    const preset = world.pool('bailiwick_sync');
    const setTo = async (text: string): Promise<string | undefined> => {
      await preset.transaction(async (tx) => {
        await tx.query({
          text: `update security.preset_role set description = $1 where name = 'EMR_CLIENT_VIEWER'`,
          values: [text],
        });
        await tx.query({ text: `select security.apply_presets()` });
      });
      return (await world.sql<{ description: string }>(`select description from security.role ${id}`))[0]?.description;
    };
    expect(await setTo('other words')).toBe('other words');
    expect(await setTo('Sees users')).toBe('Sees users');
  });

  test('the service is refused as everybody is', async () => {
    for (const statement of Object.values(CHANGES).filter((text) => !text.startsWith('truncate'))) {
      const doing = world
        .pool('bailiwick_service')
        .transaction((tx) => tx.query({ text: statement }), { settings: { 'bailiwick.tenant_id': 't1' } });
      await expect(doing, statement).rejects.toMatchObject({ code: 'SYSTEM_ROLE_PROTECTED' });
    }
  });

  test('nobody becomes the owner by a function that acts as the owner', async () => {
    for (const role of ['bailiwick_service', 'bailiwick_operator', 'bailiwick_auditor'] as const) {
      for (const call of [`security.apply_presets()`, `security.held_permissions('a', 'b')`].slice(
        0,
        role === 'bailiwick_service' ? 1 : 2,
      )) {
        await expect(
          world.pool(role).transaction((tx) => tx.query({ text: `select ${call}` })),
          `${role} ${call}`,
        ).rejects.toThrow('permission denied');
      }
      await expect(
        world.pool(role).transaction((tx) => tx.query({ text: `select from security.admin_path` })),
      ).rejects.toThrow('permission denied');
    }
  });

  test('a custom role is nobody’s but its tenant’s', async () => {
    for (const statement of [
      `update security.role set name = 'OTHER', description = 'x' where id = 'empty'`,
      `insert into security.role (tenant_id, name) values ('t1', 'EXTRA')`,
      `delete from security.role where id = 'empty'`,
      `insert into security.role_permission (role_id, permission_id) values ('empty', 'users.read')`,
      `delete from security.role_permission where role_id = 'claims'`,
    ]) {
      for (const actor of [undefined, 'amy', 'root']) expect(await tried(actor, statement), statement).toBe(isFine);
    }
  });
});

const assign = (user: string, role: string, more = ''): string =>
  `insert into security.user_role (user_id, role_id${more && ', expires_at'}) values ('${user}', '${role}'${more && `, ${more}`})`;
const grant = (role: string, ...permissions: string[]): string =>
  `insert into security.role_permission (role_id, permission_id) values ${permissions.map((p) => `('${role}', '${p}')`).join(', ')}`;

interface Case {
  readonly says: string;
  readonly by: string;
  readonly does: string[];
  readonly is?: string;
}
const refused = (says: string, by: string, ...does: string[]): Case => ({ says, by, does, is: 'ESCALATION' });
const fine = (says: string, by: string, ...does: string[]): Case => ({ says, by, does, is: isFine });

const CASES: Case[] = [
  // to others: what one holds, and what one may delegate
  fine('EMR_CLIENT_ADMIN assigns CONFIG_MANAGER to another', 'amy', assign('rep', CONFIG)),
  refused('but not to themselves', 'amy', assign('amy', CONFIG)),
  refused('nor for a moment', 'amy', assign('amy', CONFIG, `'2099-01-01'`)),
  fine(
    'EMR_CLIENT_ADMIN composes DENIALS_ANALYST for another',
    'amy',
    `insert into security.role (id, tenant_id, name) values ('da', 't1', 'DENIALS_ANALYST')`,
    grant('da', 'denials.read', 'denials.update', 'claims.read', 'payers.read', 'records.admin'),
    assign('rep', 'da'),
  ),
  refused('what the preset does not name is not delegated', 'amy', grant('empty', 'personal_dashboard.read')),
  refused('not even in good company', 'amy', grant('empty', 'users.read', 'team_metrics.read')),
  fine(
    'whoever holds it without delegating hands out what they hold',
    'boss',
    assign('rep', VIEWER),
    assign('new', 'chief'),
  ),
  refused('and nothing else', 'boss', assign('rep', CONFIG)),
  refused('not by a permission set', 'boss', grant('empty', 'claims.read')),
  refused(
    'not by changing one permission for another',
    'boss',
    `update security.role_permission set permission_id = 'config.read' where role_id = 'claims'`,
  ),
  refused(
    'not by moving a grant to another role',
    'boss',
    `update security.role_permission set role_id = 'empty' where role_id = 'claims'`,
  ),
  refused(
    'not where one of several is fine',
    'boss',
    `insert into security.user_role (user_id, role_id) values ('rep', '${VIEWER}'), ('new', '${CONFIG}')`,
  ),
  refused('not by a role that holds one thing more', 'boss', assign('rep', 'mixed')),
  refused('a right to delegate is handed out by whoever has it', 'boss', assign('rep', ADMIN)),
  refused('nor is it picked up', 'boss', assign('boss', ADMIN)),
  fine('whoever has it hands it out', 'amy', assign('rep', ADMIN)),
  refused(
    'not by changing whose assignment it is',
    'boss',
    `update security.user_role set user_id = 'new' where id = 'rep-claims'`,
  ),
  refused(
    'not by changing whose role it is',
    'boss',
    `update security.user_role set role_id = '${CONFIG}' where id = 'rep-claims'`,
  ),
  refused(
    'not by giving the row another id meanwhile',
    'boss',
    `update security.user_role set id = 'x', role_id = '${CONFIG}' where id = 'rep-claims'`,
  ),
  refused(
    'not on conflict',
    'boss',
    `insert into security.user_role (id, user_id, role_id) values ('rep-claims', 'rep', 'claims')
    on conflict (id) do update set role_id = '${CONFIG}'`,
  ),
  refused(
    'not by a merge',
    'boss',
    `merge into security.user_role ur using (values ('rep-claims')) v (id) on ur.id = v.id
    when matched then update set role_id = '${CONFIG}'`,
  ),
  refused('not in all tenants', 'nobody', assign('rep', CONFIG)),
  refused('a disabled actor', 'off', assign('rep', VIEWER)),
  fine(
    'a disabled actor takes away',
    'off',
    `update security.user_role set revoked_at = now() where id = 'rep-claims'`,
  ),
  refused('an actor of another tenant', 'far', assign('rep', CONFIG)),
  refused('an actor whose right has not begun', 'soon', assign('rep', VIEWER)),
  refused('an actor who holds nothing', 'rep', assign('new', VIEWER)),
  refused('an unknown actor', 'ghost', assign('new', VIEWER)),
  fine('a role without permissions is nobody’s loss', 'rep', assign('new', 'empty')),
  {
    says: 'only a platform admin assigns a role everywhere',
    by: 'amy',
    is: 'FORBIDDEN',
    does: [`insert into security.user_role (user_id, role_name) values ('rep', 'EMR_CLIENT_VIEWER')`],
  },
  {
    says: 'only a platform admin makes another one',
    by: 'amy',
    is: 'FORBIDDEN',
    does: [`insert into identity.platform_admin (user_id) values ('amy')`],
  },
  {
    says: 'nor moves a seat',
    by: 'amy',
    is: 'FORBIDDEN',
    does: [`update identity.platform_admin set user_id = 'amy'`],
  },

  // to oneself
  refused('a role of one’s own is widened', 'amy', assign('amy', 'empty'), grant('empty', 'claims.read')),
  refused(
    'or one that is held later',
    'amy',
    `insert into security.user_role (user_id, role_id, valid_from) values ('amy', 'empty', '2090-01-01')`,
    grant('empty', 'claims.read'),
  ),
  fine('by what is held anyway', 'amy', assign('amy', 'empty'), grant('empty', 'users.read', 'users.admin')),
  fine(
    'a role that is not one’s own any longer',
    'amy',
    `insert into security.user_role (user_id, role_id, valid_from, expires_at) values ('amy', 'empty', '2001-01-01', '2002-01-01')`,
    grant('empty', 'claims.read'),
  ),
  refused('a row is moved to oneself', 'amy', `update security.user_role set user_id = 'amy' where id = 'rep-claims'`),
  refused(
    'what was taken is taken back',
    'amy',
    `update security.user_role set revoked_at = null where id = 'amy-was'`,
  ),
  refused(
    'temporary rights last longer',
    'temp',
    `update security.user_role set expires_at = null where id = 'temp-chief'`,
  ),
  refused(
    'the right to delegate lasts longer',
    'temp',
    `update security.user_role set expires_at = '2100-01-01' where id = 'temp-admin'`,
  ),
  refused('both, each for the other', 'temp', `update security.user_role set expires_at = null where user_id = 'temp'`),
  refused('or in two roles', 'temp', assign('temp', VIEWER)),
  fine('for as long as they are held', 'temp', assign('temp', VIEWER, `'2098-12-31'`)),
  fine('they end earlier', 'temp', `update security.user_role set expires_at = '2098-01-01' where id = 'temp-chief'`),
  refused(
    'what begins later begins now',
    'soon',
    `update security.user_role set valid_from = null where id = 'soon-admin'`,
  ),
  fine(
    'what begins later begins later still',
    'soon',
    `update security.user_role set valid_from = '2098-06-01' where id = 'soon-admin'`,
  ),

  // in one statement, each speaking for the other
  refused(
    'two assignments',
    'amy',
    `insert into security.role (id, tenant_id, name) values ('c2', 't1', 'CLAIMS_TOO')`,
    grant('c2', 'claims.read'),
    `insert into security.user_role (user_id, role_id) values ('amy', 'claims'), ('amy', 'c2')`,
  ),
  refused(
    'two permission sets',
    'amy',
    assign('amy', 'empty'),
    assign('amy', 'empty2'),
    `insert into security.role_permission (role_id, permission_id) values ('empty', 'claims.read'), ('empty2', 'claims.read')`,
  ),
  refused(
    'an assignment and a permission set',
    'amy',
    assign('amy', 'empty'),
    `with g as (${grant('empty', 'claims.read')}) ${assign('amy', 'claims')}`,
  ),
  refused(
    'an assignment and a changed one',
    'amy',
    assign('amy', 'empty'),
    `insert into security.role (id, tenant_id, name) values ('c2', 't1', 'CLAIMS_TOO')`,
    grant('c2', 'claims.read'),
    `with u as (update security.user_role set role_id = 'c2' where user_id = 'amy' and role_id = 'empty') ${assign('amy', 'claims')}`,
  ),
  refused(
    'a right to delegate and what it would delegate',
    'boss',
    `with a as (${assign('boss', ADMIN)}) ${assign('rep', CONFIG)}`,
  ),
  refused(
    'for another in the same breath as for oneself',
    'boss',
    `insert into security.user_role (user_id, role_id) values ('boss', 'claims'), ('new', 'claims')`,
  ),
  refused(
    'a row that says who wrote it',
    'amy',
    `insert into security.role (id, tenant_id, name) values ('c2', 't1', 'CLAIMS_TOO')`,
    grant('c2', 'claims.read'),
    `insert into security.user_role (user_id, role_id, xid) values ('amy', 'claims', '3'), ('amy', 'c2', '3')`,
  ),
];

describe('nobody hands out what they neither hold nor may delegate, nor raises their own rights', () => {
  test.each(CASES)('$by: $says: $is', async ({ by, does, is }) => {
    expect(await tried(by, ...does)).toBe(is);
    // Statements of a platform admin, and those that name nobody, are bound by none of this.
    for (const free of ['root', undefined]) expect(await tried(free, ...does), free).toBe(isFine);
  });

  test('a refusal names what is missing', async () => {
    const doing = world.pool('bailiwick_operator').transaction((tx) => tx.query({ text: assign('rep', CONFIG) }), {
      settings: { 'bailiwick.actor_user_id': 'boss' },
    });
    await expect(doing).rejects.toMatchObject({
      code: 'ESCALATION',
      message: '`boss` neither holds nor may delegate what would be handed out',
      facts: { missing: ['config.read', 'config.update'] },
    });
  });

  test('the service is bound in its own tenant’s name, too', async () => {
    const settings = { 'bailiwick.tenant_id': 't1', 'bailiwick.actor_user_id': 'amy' };
    const doing = (text: string): Promise<unknown> =>
      world.pool('bailiwick_service').transaction((tx) => tx.query({ text }), { settings });
    await expect(doing(assign('amy', CONFIG))).rejects.toMatchObject({ code: 'ESCALATION' });
    await doing(assign('rep', CONFIG));
    await doing(`delete from security.user_role where user_id = 'rep' and role_id = '${CONFIG}'`);
  });

  test('without the guard it would pass: the guard is what refuses', async () => {
    await expect(
      world.superSql(
        `alter table security.user_role disable trigger trg_escalation_insert`,
        `set local bailiwick.actor_user_id = 'boss'`,
        assign('rep', CONFIG),
        'select 1 / 0',
      ),
    ).rejects.toThrow('division by zero');
  });
});

describe('two transactions at once', () => {
  /** Runs `first` and leaves it open, starts `second`, ends `first` and tells what became of `second`. */
  async function meanwhile(
    first: readonly [actor: string | undefined, text: string],
    second: readonly [actor: string | undefined, text: string],
  ): Promise<{ waited: boolean; then: string }> {
    const pool = world.pool('bailiwick_operator');
    const as = (actor: string | undefined) => ({
      settings: actor === undefined ? {} : { 'bailiwick.actor_user_id': actor },
    });
    let waited = false;
    let other: Promise<string> = Promise.resolve('');
    await pool.transaction(async (tx) => {
      await tx.query({ text: first[1] });
      other = pool.transaction((later) => later.query({ text: second[1] }), as(second[0])).then(() => isFine, refusal);
      // Whether it has ended by now: once this one commits, it may end before the commit is told of.
      const ended = other.then(() => false);
      waited = await Promise.race([ended, new Promise<boolean>((resolve) => setTimeout(resolve, 300, true))]);
    }, as(first[0]));
    return { waited, then: await other };
  }
  const revokeBoss = `update security.user_role set revoked_at = now() where id = 'boss-chief'`;
  const restore = async (): Promise<void> => {
    await world.sql(
      `delete from security.user_role where user_id in ('new', 'amy') and id not in ('amy-was') and role_id not in ('${ADMIN}')`,
    );
    await world.sql(`delete from security.role_permission where role_id = 'empty'`);
    await world.sql(`update security.user_role set revoked_at = null where id = 'boss-chief'`);
    await world.sql(`update security.app_user set status = 'active' where id = 'boss'`);
  };

  test('who loses the right while they assign by it waits, and is refused', async () => {
    for (const loss of [
      revokeBoss,
      `update security.user_role set expires_at = now() where id = 'boss-chief'`,
      `update security.app_user set status = 'disabled' where id = 'boss'`,
      `delete from security.role_permission where role_id = 'chief' and permission_id = 'users.read'`,
    ]) {
      expect(await meanwhile([undefined, loss], ['boss', assign('new', VIEWER)]), loss).toEqual({
        waited: true,
        then: 'ESCALATION',
      });
      await world.sql(
        `insert into security.role_permission (role_id, permission_id) values ('chief', 'users.read') on conflict do nothing`,
      );
      await world.sql(`update security.user_role set expires_at = null where id = 'boss-chief'`);
      await restore();
    }
  });

  test('who assigns by a right keeps it until the assignment stands', async () => {
    expect(await meanwhile(['boss', assign('new', VIEWER)], [undefined, revokeBoss])).toEqual({
      waited: true,
      then: isFine,
    });
    await restore();
  });

  test('a role is not assigned to oneself and widened at the same time', async () => {
    const widen = grant('empty', 'claims.read');
    expect(await meanwhile(['amy', assign('amy', 'empty')], ['amy', widen])).toEqual({
      waited: true,
      then: 'ESCALATION',
    });
    await restore();
    expect(await meanwhile(['amy', widen], ['amy', assign('amy', 'empty')])).toEqual({
      waited: true,
      then: 'ESCALATION',
    });
    await restore();
  });
});
