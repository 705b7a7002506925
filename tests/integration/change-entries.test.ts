/**
 * Every change to the truth writes its own entry, and exactly that: each table × each operation, whoever wrote. Cases
 * run one transaction each and read what it has added to `audit.access_log` and `identity.tenant_audit`.
 */
import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import type { DatabaseRole, TxSettings } from '../../src/platform/postgres.js';
import { CASES, VIEWER } from '../support/change-entry-cases.js';
import { createWorld, roleId } from '../support/world.js';
import type { World } from '../support/world.js';

let world: World;
beforeAll(async () => {
  world = await createWorld();
  await world.addTenant('t1', 'emr');
  await world.addTenant('t2', 'emr');
  await world.addUser('t1', 'keeper', ['EMR_CLIENT_ADMIN']);
  await world.addUser('t2', 'keeper2', ['EMR_CLIENT_ADMIN']);
});
afterAll(() => world.end());
beforeEach(async () => {
  await world.migrationSql(
    `delete from security.record`,
    `delete from security.user_assignment`,
    `delete from security.user_role where user_id not like 'keeper%'`,
    `delete from security.role_permission g using security.role r where r.id = g.role_id and not r.is_system`,
    `delete from security.role where not is_system`,
    `delete from security.service_key`,
    `delete from identity.impersonation`,
    `delete from identity.platform_admin`,
    `delete from security.app_user where id not like 'keeper%'`,
    `insert into security.app_user (id, tenant_id, email, display_name) values ('anne', 't1', 'anne@secret.example', 'Anne Secret'),
       ('ben', 't1', 'ben@secret.example', 'Ben Secret'), ('eve', 't1', 'eve@secret.example', 'Eve Secret'), ('cal', 't2', 'cal@secret.example', 'Cal Secret'), ('root', null, 'root@secret.example', 'Root Secret')`,
    `insert into security.role (id, tenant_id, name, description) values ('c1', 't1', 'CUSTOM', 'one'), ('c2', 't1', 'CUSTOM_TOO', 'two')`,
    `insert into security.role_permission (role_id, permission_id) values ('c1', 'claims.read'), ('c1', 'claims.update'), ('c1', 'users.read')`,
    `insert into security.user_role (id, user_id, role_id, valid_from, expires_at) values ('a1', 'anne', '${VIEWER}', null, null),
       ('a2', 'ben', 'c2', '2001-01-01', '2099-01-01')`,
    `insert into security.user_role (id, user_id, role_name) values ('g1', 'root', 'EMR_CLIENT_ADMIN')`,
    `insert into security.user_role (id, user_id, role_id, revoked_at) values ('x1', 'anne', 'c1', now())`,
    `insert into security.user_assignment (tenant_id, user_id, assigned_user_id) values ('t1', 'anne', 'ben')`,
    `insert into security.record (tenant_id, id, owner_user_id) values ('t1', 'r1', 'anne')`,
    `insert into security.service_key (id, name, key_hash, tenant_id) values (md5('k'), 'key', sha256('k'), 't1')`,
    `insert into identity.platform_admin (user_id) values ('root')`,
    `insert into identity.impersonation (id, actor_user_id, tenant_id, reason) values ('i1', 'root', 't1', 'ticket 7')`,
  );
});

interface Written {
  /** `tenant type entity action purpose details` */
  readonly entries: string[];
  /** `tenant event details` */
  readonly events: string[];
}

const LINE = `concat_ws(' ', tenant_id, accessed_entity_type, accessed_entity_id, access_action, purpose, details)`;

/** Runs the statements in one transaction that commits, and tells what it wrote down. */
async function written(statements: readonly string[], settings: TxSettings = {}): Promise<Written> {
  const marked = { 'bailiwick.change_id': randomUUID(), ...settings };
  const xid = await world.pool('bailiwick_operator').transaction(
    async (tx) => {
      for (const text of statements) await tx.query({ text });
      return (await tx.query<{ xid: string }>({ text: 'select pg_current_xact_id()::text as xid' })).rows[0]?.xid ?? '';
    },
    { settings: marked },
  );
  const entries = await world.sql<{ line: string; change_id: string }>(
    `select ${LINE} as line, change_id from audit.access_log where xid = $1::xid8 order by id`,
    [xid],
  );
  for (const { change_id } of entries) expect(change_id).toBe(marked['bailiwick.change_id']);
  const events = await world.sql<{ line: string }>(
    `select concat_ws(' ', tenant_id, event_type, details) as line from identity.tenant_audit where xmin = $1::xid order by id`,
    [xid],
  );
  return { entries: entries.map(({ line }) => line), events: events.map(({ line }) => line) };
}

const printed = (lines: readonly [string, object][]): string[] =>
  lines.map(([line, details]) => `${line} ${JSON.stringify(details)}`).sort();
/** jsonb has an order of keys of its own. */
function normalised(lines: readonly string[]): string[] {
  return lines
    .map((line) => {
      const from = line.indexOf('{');
      return `${line.slice(0, from)}${JSON.stringify(sorted(JSON.parse(line.slice(from))))}`;
    })
    .sort();
}
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}

describe('a change writes exactly its entry', () => {
  test.each(CASES)('$says', async ({ does, writes, tells = [] }) => {
    const { entries, events } = await written(does);
    expect(normalised(entries)).toEqual(normalised(printed(writes)));
    expect(normalised(events)).toEqual(normalised(printed(tells)));
  });
});

test.each(CASES)('rolled back it writes nothing: $says', async ({ does }) => {
  const count = async (): Promise<unknown> =>
    await world.sql(
      `select (select count(*) from audit.access_log) as entries, (select count(*) from identity.tenant_audit) as events`,
    );
  const before = await count();
  await expect(written([...does, 'select 1 / 0'])).rejects.toThrow('division by zero');
  expect(await count()).toEqual(before);
});

describe('who wrote', () => {
  const assign = `insert into security.user_role (user_id, role_id) values ('ben', '${VIEWER}')`;
  const widen = `insert into security.role_permission (role_id, permission_id) values ('c1', 'users.admin')`;
  async function stamped(
    statement: string,
    settings: TxSettings,
    role: DatabaseRole = 'bailiwick_operator',
  ): Promise<unknown[]> {
    const change = randomUUID();
    await world
      .pool(role)
      .transaction((tx) => tx.query({ text: statement }), { settings: { 'bailiwick.change_id': change, ...settings } });
    return await world.sql(
      `select distinct actor_user_id, actor_role, impersonation_id, request_id, details->>'reason' as reason from audit.access_log where change_id = $1`,
      [change],
    );
  }

  const login = async (): Promise<string | undefined> =>
    (await world.sql<{ login: string }>('select session_user as login'))[0]?.login;

  test('is the actor, with what was said about the change, and the login that is not the service’s', async () => {
    const said = {
      'bailiwick.actor_user_id': 'keeper',
      'bailiwick.impersonation_id': 'i1',
      'bailiwick.request_id': 'q1',
      'bailiwick.reason': 'because',
    };
    const row = {
      actor_user_id: 'keeper',
      actor_role: await login(),
      impersonation_id: 'i1',
      request_id: 'q1',
      reason: 'because',
    };
    for (const statement of [
      assign,
      widen,
      `update security.app_user set status = 'disabled' where id = 'anne'`,
      `truncate security.record`,
    ]) {
      expect(await stamped(statement, said), statement).toEqual([row]);
    }
    const unlock = `select audit.note_unlock('anne')`;
    expect(await stamped(unlock, said)).toEqual([row]);
    const within = { ...said, 'bailiwick.tenant_id': 't1' };
    const byService = await stamped(unlock, within, 'bailiwick_service');
    expect(byService).toEqual([{ ...row, actor_role: null }]);
    const told = await world.sql(`select actor_user_id, details from identity.tenant_audit order by id desc limit 1`);
    expect(told).toEqual([
      { actor_user_id: 'keeper', details: { userId: 'anne', reason: 'because', impersonationId: 'i1' } },
    ]);
  });

  test('or else the database login, not the role that it acts as', async () => {
    const row = {
      actor_user_id: null,
      actor_role: await login(),
      impersonation_id: null,
      request_id: null,
      reason: null,
    };
    for (const statement of [assign, widen, `truncate security.record`]) {
      expect(await stamped(statement, { 'bailiwick.actor_user_id': '' }), statement).toEqual([row]);
    }
  });

  test('the service writes the same entries, within its tenant', async () => {
    const settings = {
      'bailiwick.tenant_id': 't1',
      'bailiwick.actor_user_id': 'keeper',
      'bailiwick.change_id': randomUUID(),
    };
    await world.pool('bailiwick_service').transaction(
      async (tx) => {
        for (const text of [assign, widen, `delete from security.record`]) await tx.query({ text });
      },
      { settings },
    );
    const entries = await world.sql<{ purpose: string }>(
      `select purpose from audit.access_log
       where change_id = $1 and actor_user_id = 'keeper' and actor_role is null order by id`,
      [settings['bailiwick.change_id']],
    );
    expect(entries.map(({ purpose }) => purpose)).toEqual([
      `role.assign:${VIEWER}`,
      'record.delete',
      'role.set_permissions',
    ]);
  });

  test('says what a role was made for, where another word than `role.create` fits', async () => {
    const { entries } = await written([`insert into security.role (id, tenant_id, name) values ('n', 't1', 'NEW')`], {
      'bailiwick.purpose': 'role.clone',
    });
    expect(entries).toEqual([expect.stringMatching(/^t1 role n WRITE role.clone /)]);
  });
});

describe('a tenant', () => {
  test('is made with the roles of its preset, changed, and ended, and every step is told', async () => {
    const made = await written([
      `insert into identity.tenant (id, slug, name, preset) values ('n', 'n', 'New', 'emr')`,
    ]);
    expect(made.entries.map((line) => line.replace(/ \{.*/s, '')).sort()).toEqual([
      ...['config_manager', 'emr_client_admin', 'emr_client_viewer'].map(
        (role) => `n role n.${role} WRITE role.create`,
      ),
      ...['config_manager', 'emr_client_admin', 'emr_client_viewer'].map(
        (role) => `n role_permission n.${role} WRITE role.set_permissions`,
      ),
      'n tenant n WRITE tenant.create',
    ]);
    expect(made.events).toEqual([expect.stringMatching(/^n TENANT_CREATED /)]);
    const suspended = await written([`update identity.tenant set status = 'suspended' where id = 'n'`]);
    expect(suspended.entries).toEqual([
      expect.stringMatching(/^n tenant n WRITE tenant.update \{"after": .*suspended.*"before": .*active/),
    ]);
    expect(suspended.events).toEqual([expect.stringMatching(/^n TENANT_STATUS_CHANGED /)]);
    const same = await written([`update identity.tenant set status = status where id = 'n'`]);
    expect(same).toEqual({ entries: [], events: [] });
    const named = await written([`update identity.tenant set name = 'Newer' where id = 'n'`]);
    expect(named.events).toEqual([expect.stringMatching(/^n TENANT_UPDATED /)]);
    await world.addUser('n', 'nan', ['EMR_CLIENT_ADMIN']);
    const ended = await written([`select identity.end_tenant('n')`]);
    expect(ended.entries.map((line) => line.replace(/ \{.*/s, '')).sort()).toEqual([
      'n app_user nan DELETE user.delete',
      'n role n.config_manager DELETE role.delete',
      'n role n.emr_client_admin DELETE role.delete',
      'n role n.emr_client_viewer DELETE role.delete',
      'n tenant n DELETE tenant.delete',
      'n user_role nan DELETE role.revoke:n.emr_client_admin',
    ]);
    expect(ended.events.map((line) => line.replace(/ \{.*/s, ''))).toEqual(['n USER_REMOVED', 'n TENANT_ENDED']);
  });
});

describe('many at once', () => {
  test('each row of a statement has its entry, and each role of a set one', async () => {
    const { entries } = await written([
      `insert into security.app_user (id, tenant_id, email) select 'm' || n, 't1', n || '@m' from generate_series(1, 300) n`,
      `insert into security.user_role (user_id, role_id) select 'm' || n, '${VIEWER}' from generate_series(1, 300) n`,
      `update security.user_role set revoked_at = now() where user_id like 'm%' and right(user_id, 1) = '7'`,
      `insert into security.role_permission (role_id, permission_id) select r, p from unnest(array['c1', 'c2']) r, unnest(array['reports.run', 'reports.read']) p`,
    ]);
    const counted = new Map<string, number>();
    for (const line of entries) {
      const purpose = line.split(' ')[4]?.split(':')[0] ?? '';
      counted.set(purpose, (counted.get(purpose) ?? 0) + 1);
    }
    expect(Object.fromEntries(counted)).toEqual({
      'user.create': 300,
      'role.assign': 300,
      'role.revoke': 30,
      'role.set_permissions': 2,
    });
  });

  test.each([
    ['user_role', ['platform user_role', 't1 user_role', 't2 user_role']],
    ['record', ['platform record', 't1 record']],
    [
      'user_assignment, security.record',
      ['platform record', 'platform user_assignment', 't1 record', 't1 user_assignment'],
    ],
  ])(
    'truncate %s is one entry a table, and one in the log of each tenant that it takes rows of',
    async (tables, told) => {
      const change = randomUUID();
      await world.migrationSql(`set local bailiwick.change_id = '${change}'`, `truncate security.${tables}`);
      const rows = await world.sql<{ line: string }>(
        `select ${LINE} as line from audit.access_log where change_id = $1`,
        [change],
      );
      expect(rows.map(({ line }) => line).sort()).toEqual(
        told.map((each) => `${each} * DELETE ${each.split(' ')[1] ?? ''}.truncate {}`),
      );
      await world.sql(
        `insert into security.user_role (user_id, role_id) values ('keeper', $1) on conflict do nothing`,
        [roleId('t1', 'EMR_CLIENT_ADMIN')],
      );
    },
  );

  test('a truncate that cascades tells of every table that it empties', async () => {
    const change = randomUUID();
    await expect(
      world.pool(undefined).transaction(async (tx) => {
        await tx.query({ text: `set local role bailiwick_owner` });
        await tx.query({ text: `select set_config('bailiwick.change_id', $1, true)`, values: [change] });
        await tx.query({ text: `truncate security.app_user cascade` });
        const { rows } = await tx.query<{ purpose: string }>({
          text: `select purpose from audit.access_log where change_id = $1 and tenant_id = 'platform' order by 1`,
          values: [change],
        });
        throw new Error(rows.map(({ purpose }) => purpose).join(' '));
      }),
    ).rejects.toThrow(
      'app_user.truncate impersonation.truncate platform_admin.truncate record.truncate user_assignment.truncate user_role.truncate',
    );
  });
});

test('a permission set is told at once where somebody asks for it, and nothing is told twice', async () => {
  const { entries } = await written([
    `insert into security.role_permission (role_id, permission_id) values ('c2', 'users.read')`,
    'set constraints all immediate',
    `insert into security.role_permission (role_id, permission_id) values ('c2', 'config.read')`,
  ]);
  expect(entries.map((line) => line.replace(/.*"added": (\[.*?\]).*/s, '$1'))).toEqual([
    '["users.read"]',
    '["config.read"]',
  ]);
});

test('nobody’s name or address is in any entry, and nothing noted is left over', async () => {
  for (const { does } of CASES) await written([...does]).catch(() => undefined);
  const [found] = await world.sql<{ n: number }>(`select count(*)::int as n from
    (select to_jsonb(a)::text as line from audit.access_log a union all select to_jsonb(t)::text from identity.tenant_audit t) x
    where line ilike '%secret%' or line like '%@%'`);
  expect(found?.n).toBe(0);
  const { rows } = await world
    .pool(undefined)
    .transaction((tx) => tx.query({ text: 'select from audit.pending_grant' }));
  expect(rows).toEqual([]);
});
