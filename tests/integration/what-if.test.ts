/** What would be, and then what is: each hypothesis is made true, and the engine asked. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import type { HypotheticalChange, Impact, WhatIfRequest, WhatIfResult } from '../../src/contract/api.js';
import { catalogue } from '../../src/contract/model.js';
import { FACTS_TX } from '../../src/decisions/explain.js';
import { impactOf } from '../../src/decisions/impact.js';
import { PATIENCE } from '../support/scenario-runner.js';
import { type RunningService, startService } from '../support/service.js';
import { createWorld, roleId, type World } from '../support/world.js';

let world: World;
let service: RunningService;
const AT = new Date('2026-06-01T12:00:00.000Z');

beforeAll(async () => {
  world = await createWorld();
  await world.addTenant('t1', 'sales');
  await world.addTenant('t2', 'sales');
  await world.addUser('t1', 'admin', ['admin']);
  for (const user of ['lead', 'boss']) await world.addUser('t1', user, ['manager']);
  for (const user of ['rep1', 'rep2']) await world.addUser('t1', user, ['rep']);
  await world.addUser('t1', 'roleless');
  await world.addUser('t2', 'far', ['rep']);
  await world.addUser(null, 'root');
  await world.addUser(null, 'everywhere');
  await world.sql(`insert into identity.platform_admin (user_id) values ('root')`);
  await world.sql(`insert into security.user_role (user_id, role_name) values ('everywhere', 'rep')`);
  await world.sql(`insert into security.user_assignment (tenant_id, user_id, assigned_user_id) values
    ('t1', 'boss', 'lead'), ('t1', 'lead', 'rep1')`);
  await world.sql(`insert into security.record (tenant_id, id, owner_user_id) values ('t1', 'deal', 'rep1')`);
  await world.sql(`insert into security.role (id, tenant_id, name) values ('custom', 't1', 'CUSTOM')`);
  await world.sql(`insert into security.role_permission (role_id, permission_id) values ('custom', 'claims.read')`);
  await world.sql(`insert into security.user_role (user_id, role_id, expires_at) values
    ('rep2', 'custom', null), ('lead', 'custom', '2027-01-01'), ('roleless', 'custom', '2026-01-01')`);
  await world.settle();
  service = await startService(world, PATIENCE);
  service.setNow(AT);
});
afterAll(async () => {
  await service.stop();
  await world.end();
});

async function whatIf(changes: HypotheticalChange[], ask: WhatIfRequest['ask']): Promise<WhatIfResult> {
  const { status, body } = await service.request<WhatIfResult>('/what-if', { tenant: 't1', changes, ask });
  if (status !== 200) throw new Error(`${String(status)} ${String(body.detail)}`);
  return body;
}

const USERS = ['admin', 'lead', 'boss', 'rep1', 'rep2', 'roleless', 'far', 'root', 'everywhere'];
const OBJECTS: Record<string, string | undefined> = {
  tenant: undefined,
  profile: 'profile:rep1',
  record: 'record:deal',
};
const checks = USERS.flatMap((user) =>
  [
    'users.read',
    'users.update',
    'claims.read',
    'team.read',
    'profile.read',
    'profile.update',
    'record.read',
    'record.update',
  ].map((permission) => {
    const object = OBJECTS[catalogue.find(({ id }) => id === permission)?.objectType ?? ''];
    return { user, permission, ...(object === undefined ? {} : { object }) };
  }),
);

async function engineSays(): Promise<boolean[]> {
  const body = { checks: checks.map((check) => ({ ...check, tenant: 't1' })) };
  const { body: answer } = await service.request<{ results: { allowed: boolean }[] }>('/batch-check', body);
  return (answer.results ?? []).map(({ allowed }) => allowed);
}

async function held(user: string): Promise<string[]> {
  const { body } = await service.request<{ items: string[] }>('/list-permissions', { user, tenant: 't1' });
  return body.items ?? [];
}

const MANAGER = roleId('t1', 'manager');

test.each<{ what: string; changes: HypotheticalChange[]; sql: string; undo: string }>([
  {
    what: 'a role is assigned',
    changes: [{ assignRole: { user: 'rep2', roleId: MANAGER } }],
    sql: `insert into security.user_role (user_id, role_id) values ('rep2', '${MANAGER}')`,
    undo: `delete from security.user_role where user_id = 'rep2' and role_id = '${MANAGER}'`,
  },
  {
    what: 'a role is assigned, in time that is over',
    changes: [{ assignRole: { user: 'rep2', roleId: MANAGER, expiresAt: '2026-06-01T12:00:00.000Z' } }],
    sql: `insert into security.user_role (user_id, role_id, expires_at) values ('rep2', '${MANAGER}', '2026-06-01T12:00:00Z')`,
    undo: `delete from security.user_role where user_id = 'rep2' and role_id = '${MANAGER}'`,
  },
  {
    what: 'a role is revoked',
    changes: [{ revokeRole: { user: 'lead', roleId: MANAGER } }],
    sql: `update security.user_role set revoked_at = now() where user_id = 'lead' and role_id = '${MANAGER}'`,
    undo: `update security.user_role set revoked_at = null where user_id = 'lead' and role_id = '${MANAGER}'`,
  },
  {
    what: 'a permission set is replaced',
    changes: [{ setPermissions: { roleId: 'custom', permissionIds: ['users.read', 'claims.update', 'users.read'] } }],
    sql: `with gone as (delete from security.role_permission where role_id = 'custom')
      insert into security.role_permission (role_id, permission_id) values ('custom', 'users.read'), ('custom', 'claims.update')`,
    undo: `with gone as (delete from security.role_permission where role_id = 'custom')
      insert into security.role_permission (role_id, permission_id) values ('custom', 'claims.read')`,
  },
  ...(['suspended', 'read_only'] as const).map((status) => ({
    what: `the tenant is ${status}`,
    changes: [{ setTenantStatus: { status } }],
    sql: `update identity.tenant set status = '${status}' where id = 't1'`,
    undo: `update identity.tenant set status = 'active' where id = 't1'`,
  })),
  {
    what: 'a user is disabled',
    changes: [{ setUserStatus: { user: 'rep1', status: 'disabled' } }],
    sql: `update security.app_user set status = 'disabled' where id = 'rep1'`,
    undo: `update security.app_user set status = 'active' where id = 'rep1'`,
  },
])('when $what it is as was said', async ({ changes, sql, undo }) => {
  const said = await whatIf(changes, { checks });
  const impact = (await whatIf(changes, { impact: {} })).impact;
  const effective = await Promise.all(
    USERS.map(async (user) => (await whatIf(changes, { effectivePermissions: { user } })).effectivePermissions),
  );
  const before = { answers: await engineSays(), held: await Promise.all(USERS.map(held)) };
  await world.sql(sql);
  await world.settle();
  const after = { answers: await engineSays(), held: await Promise.all(USERS.map(held)) };
  await world.sql(undo);
  await world.settle();

  expect(said.checks?.map((answer) => answer.before)).toEqual(before.answers);
  expect(said.checks?.map((answer) => answer.after)).toEqual(after.answers);
  expect(effective).toEqual(USERS.map((_, at) => ({ before: before.held[at], after: after.held[at] })));
  const differences = USERS.flatMap((userId, at) => {
    const [was, is] = [before.held[at] ?? [], after.held[at] ?? []];
    const gains = is.filter((id) => !was.includes(id));
    const losses = was.filter((id) => !is.includes(id));
    return gains.length + losses.length === 0 ? [] : [{ userId, gains, losses }];
  });
  expect(impact?.users).toEqual(differences.toSorted((a, b) => (a.userId < b.userId ? -1 : 1)));
  expect(impact).toMatchObject({
    complete: true,
    gaining: differences.filter(({ gains }) => gains.length > 0).length,
    losing: differences.filter(({ losses }) => losses.length > 0).length,
  });
});

test('nothing is written', async () => {
  const [before] = await world.sql<{ n: number }>(`select count(*)::int as n from security.user_role`);
  await whatIf([{ assignRole: { user: 'rep1', roleId: MANAGER } }], { impact: {} });
  expect(await world.sql(`select count(*)::int as n from security.user_role`)).toEqual([before]);
  expect(await world.sql(`select * from sync.outbox`)).toEqual([]);
});

test('changes are made one after the other', async () => {
  const changes = [
    { assignRole: { user: 'roleless', roleId: MANAGER } },
    { revokeRole: { user: 'roleless', roleId: MANAGER } },
  ];
  const { impact } = await whatIf(changes, { impact: {} });
  expect(impact).toEqual({ gaining: 0, losing: 0, examined: 1, complete: true, users: [] });
});

test.each<{ field: string; change: HypotheticalChange }>([
  { field: 'changes/0/assignRole/roleId', change: { assignRole: { user: 'rep1', roleId: roleId('t2', 'manager') } } },
  { field: 'changes/0/assignRole/user', change: { assignRole: { user: 'far', roleId: MANAGER } } },
  { field: 'changes/0/revokeRole/roleId', change: { revokeRole: { user: 'rep1', roleId: MANAGER } } },
  {
    field: 'changes/0/setPermissions/permissionIds/0',
    change: { setPermissions: { roleId: 'custom', permissionIds: ['record.read'] } },
  },
  { field: 'changes/0/setPermissions/roleId', change: { setPermissions: { roleId: 'none', permissionIds: [] } } },
  { field: 'changes/0/setUserStatus/user', change: { setUserStatus: { user: 'far', status: 'disabled' } } },
  {
    field: 'changes/0/assignRole/expiresAt',
    change: {
      assignRole: {
        user: 'rep1',
        roleId: MANAGER,
        validFrom: '2026-02-01T00:00:00Z',
        expiresAt: '2026-01-01T00:00:00Z',
      },
    },
  },
])('what could not be done is refused, naming $field', async ({ field, change }) => {
  const body = { tenant: 't1', changes: [change], ask: { impact: {} } };
  const answer = await service.request('/what-if', body);
  expect(answer).toMatchObject({ status: 400, body: { code: 'INVALID_REQUEST', errors: [{ field }] } });
});

test('the preview of a permission set counts everybody and names the first', async () => {
  const changes = [{ setPermissions: { roleId: 'custom', permissionIds: ['claims.read', 'payers.read'] } }];
  const preview = (limit: number): Promise<Impact> =>
    world
      .pool('bailiwick_service')
      .transaction((tx) => impactOf(tx, { tenantId: 't1', changes, at: AT, limit }), FACTS_TX);
  const lead = { userId: 'lead', gains: ['payers.read'], losses: [] };
  const rep2 = { ...lead, userId: 'rep2' };
  // The third holder's time is over.
  expect(await preview(10)).toEqual({ gaining: 2, losing: 0, examined: 3, complete: true, users: [lead, rep2] });
  expect(await preview(1)).toEqual({ gaining: 2, losing: 0, examined: 3, complete: false, users: [lead] });
});
