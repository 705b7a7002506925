/** Who may do this, and what may they do: complete or said not to be, in pages of any size, asked by those who may. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { ListUsersRequest, HeldPermissions, UserPage } from '../../src/contract/api.js';
import { catalogue } from '../../src/contract/model.js';
import { PATIENCE } from '../support/scenario-runner.js';
import { type As, type RunningService, startService } from '../support/service.js';
import { createWorld, type World } from '../support/world.js';

let world: World;
let service: RunningService;

beforeAll(async () => {
  world = await createWorld();
  await world.addTenant('t1', 'sales');
  await world.addTenant('t2', 'sales');
  await world.addUser('t1', 'admin', ['admin']);
  await world.addUser('t1', 'lead', ['manager']);
  await world.addUser('t1', 'rep-0', ['rep']);
  await world.addUser('t2', 'far', ['admin']);
  await world.addUser(null, 'root');
  await world.addUser(null, 'everywhere');
  await world.sql(`insert into identity.platform_admin (user_id) values ('root')`);
  await world.sql(`insert into security.user_role (user_id, role_name) values ('everywhere', 'rep')`);
  await world.sql(`insert into security.app_user (id, tenant_id, email)
    select 'rep-' || n, 't1', 'rep-' || n || '@example.com' from generate_series(1, 120) n`);
  await world.sql(
    `insert into security.user_role (user_id, role_id) select 'rep-' || n, 't1.rep' from generate_series(1, 120) n`,
  );
  // Two more roles each, which give the same: a page is of users, and not of their roles.
  for (const name of ['SECOND', 'THIRD']) {
    const role = `t1.${name.toLowerCase()}`;
    await world.sql(`insert into security.role (id, tenant_id, name) values ($1, 't1', $2)`, [role, name]);
    await world.sql(`insert into security.role_permission values ($1, 'personal_dashboard.read')`, [role]);
    await world.sql(
      `insert into security.user_role (user_id, role_id) select 'rep-' || n, $1 from generate_series(0, 120) n`,
      [role],
    );
  }
  await world.sql(`update security.user_role set revoked_at = now() where user_id = 'rep-7'`);
  await world.sql(`update security.user_role set expires_at = '2020-01-01' where user_id = 'rep-8'`);
  await world.sql(`update security.app_user set status = 'disabled' where id = 'rep-9'`);
  await world.sql(
    `insert into security.user_assignment (tenant_id, user_id, assigned_user_id) values ('t1', 'lead', 'rep-1')`,
  );
  await world.sql(`insert into security.record (tenant_id, id, owner_user_id) values ('t1', 'deal', 'rep-1')`);
  await world.settle();
  service = await startService(world, PATIENCE);
});
afterAll(async () => {
  await service.stop();
  await world.end();
});

const page = (body: ListUsersRequest, as?: As) =>
  service.request<UserPage>('/list-users', body, { timeoutMs: 10_000, ...(as && { as }) });

/** All pages, one after the other. */
async function listAll(ask: ListUsersRequest): Promise<string[]> {
  const items: string[] = [];
  let cursor: string | undefined;
  do {
    const { status, body } = await page({ ...ask, ...(cursor === undefined ? {} : { cursor }) });
    expect(status).toBe(200);
    expect(body.complete).toBe(body.nextCursor === null);
    expect(body.items?.length).toBeLessThanOrEqual(ask.limit ?? 100);
    items.push(...(body.items ?? []));
    cursor = body.nextCursor ?? undefined;
  } while (cursor !== undefined);
  return items;
}

const REPS = Array.from({ length: 121 }, (_, at) => `rep-${String(at)}`).filter(
  (id) => !['rep-7', 'rep-8', 'rep-9'].includes(id),
);

describe('who may do this', () => {
  test.each([1_000, 50, 7])('is the same list in pages of %i, in the order of ids', async (limit) => {
    const items = await listAll({ permission: 'personal_dashboard.read', tenant: 't1', limit });
    const expected = await world.sql<{ id: string }>(
      `select 'user:' || id as id from unnest($1::text[]) id order by id`,
      [[...REPS, 'admin', 'everywhere', 'root']],
    );
    // The order is the database's; what matters is that it is one, and that nobody is missing or there twice.
    expect(items.toSorted()).toEqual(expected.map(({ id }) => id).toSorted());
    expect(items).toEqual(expected.map(({ id }) => id));
  });

  test.each<{ ask: ListUsersRequest; users: string[] }>([
    { ask: { permission: 'users.read', tenant: 't1' }, users: ['admin', 'root'] },
    { ask: { permission: 'users.read', tenant: 't2' }, users: ['far', 'root'] },
    { ask: { permission: 'users.read', tenant: 'nowhere' }, users: [] },
    {
      ask: { permission: 'record.read', tenant: 't1', object: 'record:deal' },
      users: ['admin', 'lead', 'rep-1', 'root'],
    },
    { ask: { permission: 'record.update', tenant: 't1', object: 'record:deal' }, users: ['rep-1'] },
    { ask: { permission: 'record.read', tenant: 't2', object: 'record:deal' }, users: [] },
    { ask: { permission: 'profile.read', tenant: 't1', object: 'profile:rep-7' }, users: ['admin', 'root'] },
    { ask: { permission: 'profile.update', tenant: 't1', object: 'profile:lead' }, users: ['lead'] },
    { ask: { permission: 'profile.read', tenant: 't1', object: 'profile:far' }, users: [] },
  ])('$ask: $users', async ({ ask, users }) => {
    expect(await listAll(ask)).toEqual(users.map((user) => `user:${user}`));
  });

  test('is told to those who may see the users of the tenant', async () => {
    const ask = { permission: 'users.read', tenant: 't1' };
    expect((await page(ask, { user: 'admin', tenant: 't1' })).status).toBe(200);
    expect(await page(ask, { user: 'rep-1', tenant: 't1' })).toMatchObject({
      status: 403,
      body: { code: 'FORBIDDEN' },
    });
    expect((await page(ask, { user: 'far', tenant: 't2' })).status).toBe(403);
    expect((await page(ask, { key: await service.addKey('t1') })).status).toBe(200);
    expect((await page(ask, { key: await service.addKey('t2') })).status).toBe(403);
  });

  test('does not go on with the cursor of another list', async () => {
    const ask = { permission: 'personal_dashboard.read', tenant: 't1', limit: 5 };
    const { nextCursor } = (await page(ask)).body;
    const answer = await page({ ...ask, permission: 'users.read', cursor: nextCursor ?? '' });
    expect(answer).toMatchObject({ status: 400, body: { errors: [{ field: 'cursor' }] } });
  });

  test('is written down, about everybody', async () => {
    const { requestId } = await page({ permission: 'users.read', tenant: 't1' });
    const rows = () => world.sql(`select * from audit.decision where request_id = $1`, [requestId]);
    await expect
      .poll(rows)
      .toMatchObject([
        { api: 'list-users', subject_user_id: '*', permission: 'users.read', answer: 'listed', listed: 2 },
      ]);
  });
});

describe('what may they do', () => {
  const list = (body: object, as?: As) => service.request<HeldPermissions>('/list-permissions', body, as && { as });

  test.each<{ ask: { user: string; tenant: string; object?: string }; items: string[] }>([
    { ask: { user: 'rep-1', tenant: 't1' }, items: ['personal_dashboard.read', 'records.create'] },
    { ask: { user: 'rep-1', tenant: 't1', object: 'record:deal' }, items: ['record.read', 'record.update'] },
    { ask: { user: 'lead', tenant: 't1', object: 'profile:rep-1' }, items: ['profile.read'] },
    { ask: { user: 'lead', tenant: 't1', object: 'record:nothing' }, items: [] },
    { ask: { user: 'rep-1', tenant: 't2' }, items: [] },
    { ask: { user: 'rep-1', tenant: 'nowhere' }, items: [] },
  ])('$ask: $items', async ({ ask, items }) => {
    expect((await list(ask)).body).toEqual({ items });
  });

  test('is all of it for a platform admin, in the order of the model', async () => {
    const all = catalogue.filter(({ objectType }) => objectType === 'tenant').map(({ id }) => id);
    expect((await list({ user: 'root', tenant: 't1' })).body.items).toEqual(all);
  });

  test('is told to themselves, and to those who may see the users of the tenant', async () => {
    const ask = { user: 'rep-1', tenant: 't1' };
    expect((await list(ask, { user: 'rep-1', tenant: 't1' })).status).toBe(200);
    expect((await list(ask, { user: 'admin', tenant: 't1' })).status).toBe(200);
    expect((await list(ask, { user: 'lead', tenant: 't1' })).status).toBe(403);
  });

  test('is written down, about everything', async () => {
    const { requestId } = await list({ user: 'rep-1', tenant: 't1' });
    const rows = () => world.sql(`select * from audit.decision where request_id = $1`, [requestId]);
    await expect
      .poll(rows)
      .toMatchObject([
        { api: 'list-permissions', subject_user_id: 'rep-1', permission: '*', answer: 'listed', listed: 2 },
      ]);
  });
});

test('every surface waits for the sync token, and refuses one that is none', async () => {
  const [row] = await world.sql<{ token: string }>(`select sync.token('t1') as token`);
  const ask = { user: 'rep-1', permission: 'users.read', tenant: 't1' };
  const bodies: Record<string, object> = {
    '/check': ask,
    '/batch-check': { checks: [ask] },
    '/list-objects': { ...ask, permission: 'record.read', type: 'record' },
    '/list-users': { permission: 'users.read', tenant: 't1' },
    '/list-permissions': { user: 'rep-1', tenant: 't1' },
    '/explain': ask,
    '/what-if': { tenant: 't1', changes: [], ask: { impact: {} } },
  };
  for (const [path, body] of Object.entries(bodies)) {
    const token = row?.token ?? '';
    expect((await service.request(path, { ...body, syncToken: token })).status, path).toBe(200);
    expect((await service.request(path, body, { syncToken: token })).status, path).toBe(200);
    const refused = await service.request(path, { ...body, syncToken: 'nonsense' });
    expect(refused, path).toMatchObject({ status: 400, body: { code: 'SYNC_TOKEN_INVALID' } });
    const two = await service.request(path, { ...body, syncToken: 'one' }, { syncToken: 'two' });
    expect(two, path).toMatchObject({
      status: 400,
      body: { code: 'INVALID_REQUEST', errors: [{ field: 'syncToken' }] },
    });
  }
});
