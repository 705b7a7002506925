/** Teams and records over HTTP, in a tenant of the sales preset: what each role may change, and what is answered. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type {
  ChangeReceipt,
  RecordPage,
  RecordReceipt,
  TeamAssignmentPage,
  TeamAssignmentReceipt,
} from '../../src/contract/api.js';
import { PATIENT } from '../support/office.js';
import { startService } from '../support/service.js';
import type { Answered, RequestMore, RunningService } from '../support/service.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';

let world: World;
let service: RunningService;
beforeAll(async () => {
  world = await createWorld();
  await world.addTenant('acme', 'sales');
  await world.addTenant('other', 'sales');
  await world.addUser('acme', 'admin', ['admin']);
  for (const user of ['lead', 'mid']) await world.addUser('acme', user, ['manager']);
  for (const user of ['rep', 'rep2']) await world.addUser('acme', user, ['rep']);
  await world.addUser('other', 'far', ['admin']);
  service = await startService(world, PATIENT);
  await service.settle();
});
afterAll(async () => {
  await service.stop();
  await world.end();
});

const as = (user: string, tenant = 'acme'): RequestMore => ({ as: { user, tenant } });
const put = (
  managerId: string,
  userId: string,
  { by = 'admin', ...more }: { by?: string; [field: string]: string } = {},
) => service.post<TeamAssignmentReceipt>('/admin/assignments', { managerId, userId, ...more }, as(by));
const take = (managerId: string, userId: string, by = 'admin') =>
  service.delete<ChangeReceipt>(`/admin/assignments?managerId=${managerId}&userId=${userId}`, as(by));
async function isAllowed(user: string, about: string, syncToken: string | undefined): Promise<boolean | undefined> {
  const [permission = '', object = ''] = about.split(' ');
  const token = syncToken === undefined ? {} : { syncToken };
  return (await service.check({ user, permission, tenant: 'acme', object, ...token })).body.allowed;
}
const told = ({ status, body }: Answered<unknown>): string => `${String(status)} ${body.code ?? ''}`.trim();

describe('teams', () => {
  test('somebody is put below a manager, listed, and taken away again', async () => {
    const made = await put('lead', 'rep', { reason: 'New territory' });
    expect(made.status, made.body.detail).toBe(200);
    expect(made.body).toMatchObject({
      managerId: 'lead',
      userId: 'rep',
      validFrom: null,
      expiresAt: null,
      changed: true,
    });
    expect(await isAllowed('lead', 'profile.read profile:rep', made.body.syncToken)).toBe(true);
    expect((await put('lead', 'rep')).body).toMatchObject({ changed: false, assignedAt: made.body.assignedAt });
    await put('lead', 'mid');
    const first = await service.get<TeamAssignmentPage>('/admin/assignments?managerId=lead&limit=1', as('admin'));
    expect(first.body.items).toMatchObject([{ managerId: 'lead', userId: 'mid' }]);
    const rest = await service.get<TeamAssignmentPage>(
      `/admin/assignments?managerId=lead&limit=1&cursor=${first.body.nextCursor ?? ''}`,
      as('admin'),
    );
    expect(rest.body).toMatchObject({ items: [{ userId: 'rep' }], nextCursor: null });
    const above = await service.get<TeamAssignmentPage>('/admin/assignments?userId=rep', as('admin'));
    expect(above.body.items).toMatchObject([{ managerId: 'lead' }]);

    const gone = await take('lead', 'rep');
    expect(gone.body).toMatchObject({ changed: true });
    expect(await isAllowed('lead', 'profile.read profile:rep', gone.body.syncToken)).toBe(false);
    expect((await take('lead', 'rep')).body).toMatchObject({ changed: false });
    await take('lead', 'mid');
  });

  test('another window replaces the one that stands', async () => {
    await put('lead', 'rep');
    const expiresAt = '2099-01-01T00:00:00.125Z';
    expect((await put('lead', 'rep', { expiresAt })).body).toMatchObject({ expiresAt, changed: true });
    expect(told(await put('lead', 'rep', { expiresAt: '2001-01-01T00:00:00Z' }))).toBe('400 INVALID_REQUEST');
    await take('lead', 'rep');
  });

  test('rings, long chains and people of elsewhere are refused', async () => {
    await put('lead', 'mid');
    await put('mid', 'rep');
    expect(told(await put('rep', 'lead'))).toBe('409 ASSIGNMENT_CYCLE');
    expect(told(await put('lead', 'lead'))).toBe('409 ASSIGNMENT_CYCLE');
    await world.sql(`insert into security.app_user (id, tenant_id, email)
      select 'c' || n, 'acme', 'c' || n || '@example.com' from generate_series(0, 20) n`);
    await world.sql(`insert into security.user_assignment (tenant_id, user_id, assigned_user_id)
      select 'acme', 'c' || n, 'c' || (n + 1) from generate_series(0, 19) n`);
    expect(told(await put('rep', 'c0'))).toBe('409 ASSIGNMENT_TOO_DEEP');
    for (const [manager, user] of [
      ['far', 'rep'],
      ['lead', 'far'],
      ['lead', 'never'],
    ] as const) {
      expect(told(await put(manager, user))).toBe('404 NOT_FOUND');
      expect(told(await take(manager, user))).toBe('404 NOT_FOUND');
    }
    expect(told(await take('lead', 'mid'))).toBe('200');
    expect(told(await take('mid', 'rep'))).toBe('200');
  });

  test.each(['lead', 'rep'])('%s neither changes nor lists them', async (user) => {
    expect(told(await put('mid', 'rep', { by: user }))).toBe('403 FORBIDDEN');
    expect(told(await take('mid', 'rep', user))).toBe('403 FORBIDDEN');
    expect(told(await service.get('/admin/assignments', as(user)))).toBe('403 FORBIDDEN');
  });
});

describe('records', () => {
  const register = (id: string, ownerUserId: string, by = 'admin') =>
    service.post<RecordReceipt>('/admin/records', { id, ownerUserId }, as(by));
  const transfer = (id: string, ownerUserId: string, by = 'admin') =>
    service.patch<RecordReceipt>(`/admin/records/${id}`, { ownerUserId }, as(by));
  const remove = (id: string, by = 'admin') => service.delete<ChangeReceipt>(`/admin/records/${id}`, as(by));

  test('one is registered once, handed over and removed', async () => {
    const made = await register('deal-1', 'rep');
    expect(made.body).toMatchObject({ id: 'deal-1', ownerUserId: 'rep', changed: true });
    expect(await isAllowed('rep', 'record.update record:deal-1', made.body.syncToken)).toBe(true);
    expect((await register('deal-1', 'rep')).body).toMatchObject({ changed: false });
    expect(told(await register('deal-1', 'rep2'))).toBe('409 RECORD_EXISTS');
    const moved = await transfer('deal-1', 'rep2');
    expect(moved.body).toMatchObject({ ownerUserId: 'rep2', changed: true });
    expect(await isAllowed('rep', 'record.read record:deal-1', moved.body.syncToken)).toBe(false);
    expect(await isAllowed('rep2', 'record.update record:deal-1', moved.body.syncToken)).toBe(true);
    expect((await transfer('deal-1', 'rep2')).body).toMatchObject({ changed: false });
    expect(told(await remove('deal-1'))).toBe('200');
    expect(told(await remove('deal-1'))).toBe('404 NOT_FOUND');
    expect(told(await transfer('deal-1', 'rep'))).toBe('404 NOT_FOUND');
  });

  test('a rep registers and removes their own, and nobody else’s', async () => {
    expect(told(await register('own', 'rep', 'rep'))).toBe('200');
    await register('theirs', 'rep2');
    expect(told(await register('for-another', 'rep2', 'rep'))).toBe('403 FORBIDDEN');
    expect(told(await transfer('own', 'rep2', 'rep'))).toBe('403 FORBIDDEN');
    // in the same words whether or not there is one
    const [theirs, none] = [await remove('theirs', 'rep'), await remove('never-was', 'rep')];
    expect([told(theirs), theirs.body.detail]).toEqual([told(none), none.body.detail]);
    expect(told(theirs)).toBe('403 FORBIDDEN');
    expect(told(await remove('own', 'rep'))).toBe('200');
    expect(told(await register('managers', 'lead', 'lead'))).toBe('403 FORBIDDEN');
    await remove('theirs');
  });

  test('they are listed whole, by owner and page by page, to who may read all of them', async () => {
    for (const id of ['a', 'b', 'c']) await register(id, id === 'b' ? 'rep2' : 'rep');
    const list = (query: string, by = 'admin') => service.get<RecordPage>(`/admin/records${query}`, as(by));
    expect((await list('?ownerUserId=rep')).body.items?.map(({ id }) => id)).toEqual(['a', 'c']);
    const first = await list('?limit=2');
    expect(first.body.items?.map(({ id }) => id)).toEqual(['a', 'b']);
    expect((await list(`?limit=2&cursor=${first.body.nextCursor ?? ''}`)).body).toMatchObject({
      items: [{ id: 'c' }],
      nextCursor: null,
    });
    expect(told(await list('', 'rep'))).toBe('403 FORBIDDEN');
    for (const id of ['a', 'b', 'c']) await remove(id);
  });

  test('an owner is somebody of the tenant', async () => {
    for (const owner of ['far', 'never']) {
      expect(told(await register('deal-x', owner))).toBe('404 NOT_FOUND');
    }
    expect(told(await service.delete('/admin/records/deal-x', as('far', 'other')))).toBe('404 NOT_FOUND');
  });
});
