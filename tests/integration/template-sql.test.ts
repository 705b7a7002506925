/**
 * The sales template's SQL, as printed: what it writes reaches the answers of `/check`, and what it reads is what stands.
 *
 * Each test of the second part runs as an operator's psql would, in a transaction that is rolled back.
 */
import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { ADMIN_SETUP, MANAGER_SETUP, REP_SETUP, TEAM_OF, USER_ROLES_OF } from '../support/template-sql.js';
import { startService } from '../support/service.js';
import type { RunningService } from '../support/service.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';

let world: World;
let service: RunningService;
const idOf = new Map<string, string>();
beforeAll(async () => {
  world = await createWorld();
  await world.sql(`insert into tenants (name) values ('Acme Corp'), ('Other Corp')`);
  for (const name of ['admin', 'manager', 'rep', 'rep1', 'rep2', 'nobody']) {
    const email = `${name}@company.com`;
    const [row] = await world.sql<{ id: string }>(`insert into users (email) values ($1) returning id`, [email]);
    idOf.set(name, row?.id ?? '');
  }
  // the same address in another tenant: the printed inserts meet both
  await world.sql(`insert into users (id, email, tenant_id)
    select 'other-admin', 'admin@company.com', t.id from tenants t where t.name = 'Other Corp'`);
  await world.sql(`insert into security.user_role (user_id, role_id)
    select 'other-admin', r.id from security.role r join tenants t on t.id = r.tenant_id and t.name = 'Other Corp' where r.name = 'rep'`);
  // what is slow on a busy machine is not what is tried here
  service = await startService(world, { engineTimeoutMs: 5_000, requestTimeoutMs: 10_000, syncWaitMs: 5_000 });
});
afterAll(async () => {
  await service.stop();
  await world.end();
});

const id = (name: string): string => idOf.get(name) ?? name;

async function acme(): Promise<string> {
  const [row] = await world.sql<{ id: string }>(`select id from tenants where name = 'Acme Corp'`);
  return row?.id ?? '';
}

async function allowed(user: string, permission: string, object?: string): Promise<boolean | undefined> {
  const about = object === undefined ? {} : { object: `profile:${id(object)}` };
  const { body } = await service.check({ user: id(user), permission, tenant: await acme(), ...about });
  return body.allowed;
}

test('the printed statements run and reach /check', async () => {
  expect(await allowed('admin', 'users.read')).toBe(false);
  for (const script of [ADMIN_SETUP, MANAGER_SETUP, REP_SETUP]) {
    for (const statement of script.split(';').filter((text) => text.trim() !== '')) await world.sql(statement);
  }
  await service.settle();
  expect(await allowed('admin', 'users.read')).toBe(true);
  expect(await allowed('admin', 'profile.read', 'rep')).toBe(true);
  expect(await allowed('admin', 'profile.update', 'rep')).toBe(false);
  expect(await allowed('manager', 'profile.read', 'rep1')).toBe(true);
  expect(await allowed('manager', 'profile.read', 'rep')).toBe(false);
  expect(await allowed('rep', 'profile.update', 'rep')).toBe(true);
  expect(await allowed('rep', 'profile.read', 'rep1')).toBe(false);
  // of the same address, and of another tenant
  expect(await allowed('other-admin', 'users.read')).toBe(false);
});

test('the debug queries show what stands', async () => {
  expect(await world.sql(USER_ROLES_OF('admin@company.com'))).toEqual(
    expect.arrayContaining([{ email: 'admin@company.com', role: 'admin', tenant: 'Acme Corp' }]),
  );
  expect(await world.sql(USER_ROLES_OF('manager@company.com'))).toEqual([
    { email: 'manager@company.com', role: 'manager', tenant: 'Acme Corp' },
  ]);
  expect(await world.sql(USER_ROLES_OF('nobody@company.com'))).toEqual([]);
  const team = await world.sql<{ rep: string }>(TEAM_OF('manager@company.com'));
  expect(team.sort((a, b) => (a.rep < b.rep ? -1 : 1))).toEqual([
    { manager: 'manager@company.com', rep: 'rep1@company.com', tenant: 'Acme Corp' },
    { manager: 'manager@company.com', rep: 'rep2@company.com', tenant: 'Acme Corp' },
  ]);
});

test('psql runs them as printed, where there is a psql, and says what it skips', async () => {
  const psql = process.env['PSQL'] ?? 'psql';
  try {
    execFileSync(psql, ['--version'], { stdio: 'ignore' });
  } catch {
    process.stdout.write('no psql here: the printed SQL ran through the driver alone\n');
    return;
  }
  const script = `set role bailiwick_operator;\n${ADMIN_SETUP}${MANAGER_SETUP}${REP_SETUP}${USER_ROLES_OF('rep@company.com')}`;
  const shown = execFileSync(psql, ['-X', '-v', 'ON_ERROR_STOP=1', '-d', world.databaseUrl], {
    input: `${script}\n`,
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  expect(shown.replaceAll(/\s+/g, ' ')).toContain('rep@company.com | rep | Acme Corp');
  expect(shown.match(/^INSERT 0 0$/gm)).toHaveLength(4);
  expect(await world.sql(`select from user_roles where tenant_id = $1`, [await acme()])).toHaveLength(3);
});

const done = 'done, and undone';

/** What the last statement gives; an error is its message. */
async function tried(statements: readonly string[], settings: Record<string, string> = {}): Promise<unknown> {
  let last: unknown;
  try {
    await world.pool('bailiwick_operator').transaction(
      async (tx) => {
        for (const text of statements) {
          const { rows, rowCount } = await tx.query<Record<string, unknown>>({ text });
          last = rows.length > 0 ? rows : rowCount;
        }
        throw new Error(done);
      },
      { settings },
    );
  } catch (error) {
    if (error instanceof Error && error.message !== done) return error.message.split('\n')[0];
  }
  return last;
}

/** `user_roles` by names. */
const assign = (user: string, role: string, { tenant = 'Acme Corp', more = '' } = {}): string => `
  insert into user_roles (user_id, role_id, tenant_id)
  select u.id, r.id, t.id from users u, roles r, tenants t
  where u.email = '${user}@company.com' and r.name = '${role}' and t.name = '${tenant}' ${more}`;
const rolesOf = (user: string): string => `
  select ur.role_id as role, t.name as tenant from user_roles ur join users u on u.id = ur.user_id left join tenants t on t.id = ur.tenant_id
  where u.email = '${user}@company.com' order by 1, 2`;

describe('roles', () => {
  test('each name once, preset roles also where no tenant has them', async () => {
    const rows = await world.sql<{ id: string; name: string }>(`select id, name from roles order by name`);
    const names = rows.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toEqual(expect.arrayContaining(['admin', 'manager', 'rep', 'BILLER', 'CONFIG_MANAGER']));
    expect(rows.every((row) => row.id === row.name)).toBe(true);
  });

  test('one that is there is left; another needs its tenant named', async () => {
    expect(await tried([`insert into roles (name) values ('admin'), ('rep') on conflict do nothing`])).toBe(0);
    expect(await tried([`insert into roles (name) values ('CLOSER')`])).toContain('a role belongs to one tenant');
    const settings = { 'bailiwick.tenant_id': await acme() };
    const made = [`insert into roles (name, description) values ('CLOSER', 'closes') returning id, name, is_system`];
    expect(await tried(made, settings)).toEqual([{ id: 'CLOSER', name: 'CLOSER', is_system: false }]);
    expect(await tried([...made, assign('rep', 'CLOSER'), rolesOf('rep')], settings)).toEqual([
      { role: 'CLOSER', tenant: 'Acme Corp' },
      { role: 'rep', tenant: 'Acme Corp' },
    ]);
    expect(await tried([...made, assign('rep', 'CLOSER', { tenant: 'Other Corp' })], settings)).toBe(0);
    expect(
      await tried(
        [...made, `update roles set description = 'x' where name = 'CLOSER' returning description`],
        settings,
      ),
    ).toEqual([{ description: 'x' }]);
    expect(await tried([...made, `delete from roles where name = 'CLOSER'`], settings)).toBe(1);
  });

  test('a system role stays as it is', async () => {
    const settings = { 'bailiwick.tenant_id': await acme() };
    expect(await tried([`update roles set description = 'x' where name = 'rep'`], settings)).toContain('system role');
    expect(await tried([`delete from roles where name = 'rep'`], settings)).toContain('system role');
  });
});

describe('users and tenants', () => {
  test('an address alone is enough, and the first row with a tenant places them', async () => {
    const made = `insert into users (email) values ('new@company.com')`;
    expect(await tried([`${made} returning tenant_id, status`])).toEqual([{ tenant_id: null, status: 'active' }]);
    expect(await tried([made, assign('new', 'rep'), rolesOf('new')])).toEqual([{ role: 'rep', tenant: 'Acme Corp' }]);
    const team = `insert into user_assignments (user_id, assigned_user_id, tenant_id)
      select m.id, r.id, m.tenant_id from users m, users r where m.email = 'manager@company.com' and r.email = 'new@company.com'`;
    expect(
      await tried([
        made,
        team,
        `select t.name from users u join tenants t on t.id = u.tenant_id where u.email = 'new@company.com'`,
      ]),
    ).toEqual([{ name: 'Acme Corp' }]);
  });

  test('an unplaced double of somebody in the tenant, a platform admin and a member of another one are skipped', async () => {
    const double = `insert into users (email) values ('rep@company.com')`;
    expect(await tried([`delete from user_roles where user_id = '${id('rep')}'`, double, assign('rep', 'rep')])).toBe(
      1,
    );
    const boss = [
      `insert into users (id, email) values ('boss', 'boss@company.com')`,
      `insert into identity.platform_admin (user_id) values ('boss')`,
    ];
    expect(await tried([...boss, assign('boss', 'rep')])).toBe(0);
    expect(await tried([assign('rep', 'manager', { tenant: 'Other Corp' })])).toBe(0);
    expect(
      await tried([
        `insert into user_assignments (user_id, assigned_user_id, tenant_id)
      select m.id, r.id, t.id from users m, users r, tenants t where m.email = 'manager@company.com' and r.email = 'rep@company.com' and t.name = 'Other Corp'`,
      ]),
    ).toBe(0);
  });

  test('a tenant of a name alone is of the sales preset, with a slug of its own', async () => {
    const made = await tried([
      `insert into tenants (name) values ('Acme, Corp!'), ('Admin'), ('日本'), ('日本語') returning slug, preset, status`,
    ]);
    expect(made).toEqual(
      ['acme-corp-2', 'admin-2', 'tenant', 'tenant-2'].map((slug) => ({ slug, preset: 'sales', status: 'active' })),
    );
  });

  test('on conflict, in every form', async () => {
    expect(await tried([`insert into tenants (name) values ('Acme Corp') on conflict (name) do nothing`])).toBe(0);
    expect(
      await tried([
        `insert into tenants (name, slug) values ('X', 'acme-corp') on conflict (slug) do update set name = 'Acme Inc' returning name`,
      ]),
    ).toEqual([{ name: 'Acme Inc' }]);
    expect(
      await tried([`insert into users (id, email) values ('${id('rep')}', 'x@company.com') on conflict do nothing`]),
    ).toBe(0);
    expect(
      await tried([
        `insert into users (id, email) values ('${id('rep')}', 'x@company.com') on conflict (id) do update set email = excluded.email returning email`,
      ]),
    ).toEqual([{ email: 'x@company.com' }]);
    expect(await tried([assign('rep', 'rep', { more: 'on conflict do nothing' })])).toBe(0);
    // what Postgres does not have for rows that a trigger writes
    expect(await tried([assign('rep', 'rep', { more: 'on conflict (user_id, role_id) do nothing' })])).toContain(
      'no unique or exclusion constraint',
    );
  });

  test('somebody goes with what hangs on them, but not with records', async () => {
    expect(await tried([`delete from users where email = 'rep1@company.com' returning email`])).toEqual([
      { email: 'rep1@company.com' },
    ]);
    const deal = `insert into security.record (tenant_id, id, owner_user_id) select tenant_id, 'deal', id from users where email = 'rep1@company.com'`;
    expect(await tried([deal, `delete from users where email = 'rep1@company.com'`])).toContain('owns 1 records');
    expect(
      await tried([
        deal,
        `delete from security.user_role`,
        `delete from security.user_assignment`,
        `delete from security.app_user where id = '${id('rep1')}'`,
      ]),
    ).toContain('owns 1 records');
  });

  test('a tenant with people stays, an empty one goes', async () => {
    expect(await tried([`delete from tenants where name = 'Acme Corp'`])).toContain('has people in it');
    expect(
      await tried([`insert into tenants (name) values ('Empty')`, `delete from tenants where name = 'Empty'`]),
    ).toBe(1);
  });
});

describe('user_roles', () => {
  test('deleting revokes, updating swaps the role or the window, returning gives the row', async () => {
    expect(await tried([`delete from user_roles where user_id = '${id('rep')}' returning role_id`])).toEqual([
      { role_id: 'rep' },
    ]);
    expect(
      await tried([
        `delete from user_roles where user_id = '${id('rep')}'`,
        `select revoked_at is not null as gone from security.user_role where user_id = '${id('rep')}'`,
      ]),
    ).toEqual([{ gone: true }]);
    expect(
      await tried([`update user_roles set role_id = 'manager' where user_id = '${id('rep')}' returning role_id`]),
    ).toEqual([{ role_id: 'manager' }]);
    expect(
      await tried([`update user_roles set role_id = 'manager' where user_id = '${id('rep')}'`, rolesOf('rep')]),
    ).toEqual([{ role: 'manager', tenant: 'Acme Corp' }]);
    expect(
      await tried([
        `update user_roles set expires_at = '2099-01-01Z' where user_id = '${id('rep')}' returning expires_at`,
      ]),
    ).toEqual([{ expires_at: new Date('2099-01-01T00:00:00Z') }]);
    expect(
      await tried([
        `insert into user_roles (user_id, role_id, tenant_id) values ('${id('nobody')}', 'rep', '${await acme()}') returning user_id, role_id, id is not null as has_id`,
      ]),
    ).toEqual([{ user_id: id('nobody'), role_id: 'rep', has_id: true }]);
  });

  test('what has ended is not shown and does not stand in the way', async () => {
    const ended = `update security.user_role set valid_from = '2020-01-01', expires_at = '2020-02-01' where user_id = '${id('rep')}'`;
    expect(await tried([ended, `${rolesOf('rep')} limit 5`])).toBe(0);
    expect(await tried([ended, assign('rep', 'rep'), rolesOf('rep')])).toEqual([{ role: 'rep', tenant: 'Acme Corp' }]);
  });

  test('a role that the tenant lacks, a user or a tenant that is not there are errors', async () => {
    expect(await tried([assign('rep', 'BILLER')])).toContain('has no role `BILLER`');
    expect(
      await tried([`insert into user_roles (user_id, role_id, tenant_id) values ('ghost', 'rep', 'x')`]),
    ).toContain('there is no user `ghost`');
    expect(
      await tried([`insert into user_roles (user_id, role_id, tenant_id) values ('${id('nobody')}', 'rep', 'x')`]),
    ).toMatch(/fk_app_user_tenant|has no role/);
    expect(await tried([`insert into user_roles (user_id, tenant_id) values ('${id('rep')}', 'x')`])).toContain(
      'has a user and a role',
    );
  });

  test('without a tenant it holds in all of them', async () => {
    const global = `insert into user_roles (user_id, role_id) values ('${id('nobody')}', 'manager')`;
    expect(await tried([global, rolesOf('nobody')])).toEqual([{ role: 'manager', tenant: null }]);
    expect(await tried([global, global])).toBe(0);
    expect(await tried([global, USER_ROLES_OF('nobody@company.com')])).toEqual([
      { email: 'nobody@company.com', role: 'manager', tenant: null },
    ]);
    expect(await tried([`insert into user_roles (user_id, role_id) values ('${id('nobody')}', 'CLOSER')`])).toContain(
      'no preset has a role',
    );
  });

  test('where an actor is named, only an admin makes an admin, and nobody but a platform admin a global one', async () => {
    const as = (actor: string): Record<string, string> => ({ 'bailiwick.actor_user_id': id(actor) });
    expect(await tried([assign('rep', 'admin')], as('admin'))).toBe(1);
    expect(await tried([assign('rep', 'admin')], as('manager'))).toContain('neither holds nor may delegate');
    expect(await tried([assign('rep', 'admin')], as('rep'))).toContain('may not raise their own rights');
    expect(await tried([assign('rep', 'admin')], as('nobody'))).toContain('neither holds nor may delegate');
    const global = `insert into user_roles (user_id, role_id) values ('${id('rep')}', 'rep')`;
    expect(await tried([global], as('admin'))).toContain('only a platform admin');
    expect(
      await tried([`set local bailiwick.actor_user_id = '${id('manager')}'`, assign('nobody', 'admin')]),
    ).toContain('neither holds nor may delegate');
  });
});

test('the entry of a bootstrap without an actor names the database role', async () => {
  const rows = await world.sql(
    `select actor_user_id, actor_role is not null as named, purpose from audit.access_log
    where accessed_entity_type = 'user_role' and accessed_entity_id = $1`,
    [id('rep')],
  );
  expect(rows).toEqual([
    { actor_user_id: null, named: true, purpose: expect.stringMatching(/^role.assign:/) as string },
  ]);
});
