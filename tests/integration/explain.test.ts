/** Why, in words of roles: every path of a yes, what is missing for a no, and who could help. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { CheckResult, ExplainResult } from '../../src/contract/api.js';
import { PATIENCE } from '../support/scenario-runner.js';
import { type As, type RunningService, startService } from '../support/service.js';
import { createWorld, roleId, type World } from '../support/world.js';

let world: World;
let service: RunningService;

const AT = '2026-06-01T12:00:00.000Z';

beforeAll(async () => {
  world = await createWorld();
  await world.addTenant('emr', 'emr');
  await world.addTenant('sales', 'sales');
  await world.addTenant('closed', 'sales', 'suspended');
  await world.addTenant('reading', 'sales', 'read_only');
  await world.addUser('emr', 'ada', ['EMR_CLIENT_ADMIN']);
  await world.addUser('emr', 'vic', ['EMR_CLIENT_VIEWER']);
  await world.addUser('emr', 'nora');
  await world.addUser('emr', 'plain', ['CONFIG_MANAGER']);
  await world.addUser('sales', 'boss', ['manager']);
  await world.addUser('sales', 'lead', ['manager']);
  for (const rep of ['rep', 'apart', 'gone']) await world.addUser('sales', rep, ['rep']);
  await world.addUser('closed', 'shut', ['admin']);
  await world.addUser('reading', 'half', ['admin']);
  await world.addUser(null, 'root');
  await world.sql(`insert into identity.platform_admin (user_id) values ('root')`);
  await world.sql(`update security.app_user set status = 'disabled' where id = 'gone'`);
  await world.sql(`
    insert into security.user_assignment (tenant_id, user_id, assigned_user_id, expires_at) values
      ('sales', 'boss', 'lead', null), ('sales', 'lead', 'rep', '2027-01-01'), ('sales', 'lead', 'apart', '2026-01-01')`);
  await world.sql(`insert into security.record (tenant_id, id, owner_user_id) values ('sales', 'deal', 'rep')`);
  await world.sql(
    `insert into security.role (id, tenant_id, name) values ('small', 'emr', 'SMALL'), ('big', 'emr', 'BIG')`,
  );
  await world.sql(`insert into security.role_permission (role_id, permission_id) values
    ('small', 'claims.read'), ('big', 'claims.read'), ('big', 'claims.update')`);
  await world.sql(
    `insert into security.user_role (user_id, role_id, expires_at) values ('vic', 'small', '2027-01-01')`,
  );
  await world.sql(`insert into security.user_role (user_id, role_id) values ('plain', 'small')`);
  await world.sql(
    `update security.user_role set revoked_at = '2026-05-01' where user_id = 'plain' and role_id = 'small'`,
  );
  await world.sql(
    `insert into security.user_role (user_id, role_id, expires_at) values ('nora', 'small', '2026-05-01')`,
  );
  await world.settle();
  service = await startService(world, PATIENCE);
  service.setNow(new Date(AT));
});
afterAll(async () => {
  await service.stop();
  await world.end();
});

type Ask = { user: string; permission: string; tenant: string; object?: string };

async function explain(ask: Ask, as?: As): Promise<ExplainResult> {
  const { status, body } = await service.request<ExplainResult>('/explain', ask, as && { as });
  if (status !== 200) throw new Error(`${String(status)} ${String(body.detail)}`);
  return body as ExplainResult;
}
const codes = ({ missing }: ExplainResult): string[] => missing.map(({ code }) => code);

describe('a yes', () => {
  test('by a role says which assignment, what it grants and where', async () => {
    const result = await explain({ user: 'ada', permission: 'users.update', tenant: 'emr' });
    expect(result).toMatchObject({
      allowed: true,
      recomputed: true,
      drift: false,
      pathsComplete: true,
      missing: [],
      suggestedRoles: [],
      evaluatedAt: AT,
      paths: [
        {
          via: 'role',
          until: null,
          steps: [
            { kind: 'assignment', userId: 'ada', roleName: 'EMR_CLIENT_ADMIN', isGlobal: false },
            { kind: 'grant', roleName: 'EMR_CLIENT_ADMIN', permission: 'users.update' },
            { kind: 'scope', tenantStatus: 'active' },
          ],
          summary:
            '`ada` has the role `EMR_CLIENT_ADMIN`, `EMR_CLIENT_ADMIN` grants `users.update`, the tenant is active',
        },
      ],
    });
  });

  test('says when it ends', async () => {
    const { paths } = await explain({ user: 'vic', permission: 'claims.read', tenant: 'emr' });
    expect(paths).toMatchObject([{ until: '2027-01-01T00:00:00.000000Z', steps: [{ roleId: 'small' }, {}, {}] }]);
  });

  test('by each of several paths names them all', async () => {
    const { paths } = await explain({ user: 'rep', permission: 'record.read', tenant: 'sales', object: 'record:deal' });
    expect(paths.map(({ via }) => via)).toEqual(['self']);
    const boss = await explain({ user: 'boss', permission: 'record.read', tenant: 'sales', object: 'record:deal' });
    expect(boss.paths).toMatchObject([
      {
        via: 'team',
        until: '2027-01-01T00:00:00.000000Z',
        steps: [
          { kind: 'assignment', roleName: 'manager' },
          { kind: 'grant', permission: 'team.read' },
          { kind: 'scope' },
          { kind: 'manages', managerId: 'boss', userId: 'lead' },
          { kind: 'manages', managerId: 'lead', userId: 'rep', expiresAt: '2027-01-01T00:00:00.000000Z' },
          { kind: 'owner', userId: 'rep', object: 'record:deal' },
        ],
      },
    ]);
    await world.sql(`insert into security.user_role (user_id, role_id) values ('boss', $1)`, [
      roleId('sales', 'admin'),
    ]);
    await world.settle();
    const both = await explain({ user: 'boss', permission: 'record.read', tenant: 'sales', object: 'record:deal' });
    // As manager with either role's `team.read`, and by the admin's `users.read` and `records.read`.
    expect(both.paths.map(({ via }) => via).toSorted()).toEqual(['role', 'role', 'team', 'team']);
  });

  test('of a platform admin says so', async () => {
    const { paths } = await explain({ user: 'root', permission: 'users.read', tenant: 'closed' });
    expect(paths).toMatchObject([{ via: 'platform_admin', steps: [{ kind: 'platform_admin', userId: 'root' }] }]);
  });
});

describe('a no', () => {
  test.each<{ what: string; ask: Ask; missing: string[] }>([
    {
      what: 'a suspended tenant',
      ask: { user: 'shut', permission: 'users.read', tenant: 'closed' },
      missing: ['TENANT_SUSPENDED'],
    },
    {
      what: 'a read-only one',
      ask: { user: 'half', permission: 'users.update', tenant: 'reading' },
      missing: ['TENANT_READ_ONLY'],
    },
    {
      what: 'a disabled user',
      ask: { user: 'gone', permission: 'records.create', tenant: 'sales' },
      missing: ['USER_DISABLED'],
    },
    {
      what: 'an expired role',
      ask: { user: 'nora', permission: 'claims.read', tenant: 'emr' },
      missing: ['ROLE_EXPIRED', 'NO_ROLE'],
    },
    {
      what: 'a revoked role',
      ask: { user: 'plain', permission: 'claims.read', tenant: 'emr' },
      missing: ['ROLE_REVOKED'],
    },
    {
      what: 'a permission of no role',
      ask: { user: 'vic', permission: 'payers.read', tenant: 'emr' },
      missing: ['PERMISSION_NOT_GRANTED'],
    },
    { what: 'no place there', ask: { user: 'rep', permission: 'users.read', tenant: 'emr' }, missing: ['NOT_MEMBER'] },
    {
      what: 'no such tenant',
      ask: { user: 'rep', permission: 'users.read', tenant: 'nowhere' },
      missing: ['NOT_MEMBER'],
    },
    { what: 'no such user', ask: { user: 'nobody', permission: 'users.read', tenant: 'emr' }, missing: ['NOT_MEMBER'] },
    {
      what: 'another’s profile, to change',
      ask: { user: 'boss', permission: 'profile.update', tenant: 'sales', object: 'profile:rep' },
      missing: ['NOT_IN_REACH'],
    },
    {
      what: 'a manager whose time is over',
      ask: { user: 'lead', permission: 'profile.read', tenant: 'sales', object: 'profile:apart' },
      missing: ['MANAGER_EXPIRED', 'PERMISSION_NOT_GRANTED', 'NOT_IN_REACH'],
    },
  ])('for $what says so', async ({ ask, missing }) => {
    const result = await explain(ask);
    expect(result).toMatchObject({ allowed: false, drift: false, paths: [] });
    expect([...new Set(codes(result))]).toEqual(missing);
  });

  test('names the smallest roles that would give it, and who may assign them', async () => {
    const { suggestedRoles } = await explain({ user: 'plain', permission: 'claims.read', tenant: 'emr' });
    expect(suggestedRoles).toEqual([{ roleId: 'small', roleName: 'SMALL', permissionCount: 1, grantableBy: ['ada'] }]);
    // The sales preset's manager has `users.update` nowhere, its admin everything that the role holds.
    const sales = await explain({ user: 'apart', permission: 'team.read', tenant: 'sales' });
    expect(sales.suggestedRoles).toMatchObject([{ roleName: 'manager', grantableBy: ['boss'] }]);
  });

  test('names nobody who would raise their own rights', async () => {
    const { suggestedRoles } = await explain({ user: 'ada', permission: 'claims.read', tenant: 'emr' });
    expect(suggestedRoles).toMatchObject([{ roleName: 'SMALL', grantableBy: [] }]);
  });

  test('tells the same of an object that is out of reach and of one that is not there', async () => {
    const of = (object: string) => explain({ user: 'apart', permission: 'record.read', tenant: 'sales', object });
    const [there, nothing] = [await of('record:deal'), await of('record:nothing')];
    expect({ ...nothing, decisionId: '' }).toEqual({ ...there, decisionId: '' });
    expect(codes(there)).toContain('NOT_IN_REACH');
  });

  test('tells nobody about a tenant that they have no place in', async () => {
    const as = { user: 'rep', tenant: 'sales' };
    const of = (tenant: string) => explain({ user: 'rep', permission: 'users.read', tenant }, as);
    const [closed, nowhere] = [await of('closed'), await of('nowhere')];
    expect({ ...closed, decisionId: '' }).toEqual({ ...nowhere, decisionId: '' });
  });
});

test('whoever may not ask is told nothing', async () => {
  const ask = { user: 'ada', permission: 'users.read', tenant: 'emr' };
  for (const path of ['/explain', '/what-if']) {
    const body =
      path === '/explain' ? ask : { tenant: 'emr', changes: [], ask: { effectivePermissions: { user: 'ada' } } };
    const answer = await service.request(path, body, { as: { user: 'nora', tenant: 'emr' } });
    expect(answer).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } });
  }
});

test('a check that is to say why does, as of the decision', async () => {
  const body = { user: 'ada', permission: 'users.update', tenant: 'emr' };
  const plain = await service.check(body);
  expect(plain.body).not.toHaveProperty('explanation');
  const { body: told } = await service.request<CheckResult>('/check', { ...body, explain: true });
  expect(told).toMatchObject({
    allowed: true,
    explanation: { recomputed: false, drift: false, paths: [{ via: 'role' }] },
  });
  // And it stands with the decision, in what is sealed of it.
  const stored = (decisionId = '') =>
    world.sql<{ explanation: object | null; text: string }>(
      `select e.explanation, audit.entry_text(e) as text from audit.decision e where e.decision_id = $1::uuid`, [decisionId]);
  await expect.poll(async () => (await stored(told.decisionId))[0]?.explanation, { timeout: 10_000 }).toEqual(told.explanation);
  const [row] = await stored(told.decisionId);
  expect(JSON.parse(row?.text ?? '')).toMatchObject({ explanation: told.explanation });
  await expect.poll(async () => (await stored(plain.body.decisionId))[0], { timeout: 10_000 }).toMatchObject({ explanation: null });
  expect((await stored(plain.body.decisionId))[0]?.text).not.toContain('explanation');
}); // prettier-ignore

test('rows and engine that differ are said to', async () => {
  const tuple = { user: 'user:nora', relation: 'a', object: `role:emr/${roleId('emr', 'EMR_CLIENT_VIEWER')}` };
  await world.tuples.write({ deletes: [], writes: [tuple] }, { timeoutMs: 5_000 });
  const result = await explain({ user: 'nora', permission: 'users.read', tenant: 'emr' });
  expect(result).toMatchObject({ allowed: true, drift: true, paths: [] });
  await world.tuples.write({ deletes: [tuple], writes: [] }, { timeoutMs: 5_000 });
});
