/** Roles over HTTP: seen, created, cloned, described and deleted, each sentence of the requirement at its test. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { Receipt, Role, RolePage, RoleReceipt } from '../../src/contract/api.js';
import { catalogue } from '../../src/contract/model.js';
import { ADA, ODA, openOffice, ROOT, VIC } from '../support/office.js';
import type { Office } from '../support/office.js';
import { roleId } from '../support/world.js';

const VIEWER = roleId('acme', 'EMR_CLIENT_VIEWER');

let office: Office;
beforeAll(async () => {
  office = await openOffice();
});
afterAll(() => office.end());

async function create(roleName: string, more: object = {}): Promise<RoleReceipt> {
  const { status, body } = await office.service.post<RoleReceipt>('/admin/roles', { roleName, ...more }, ADA);
  expect(status, body.detail).toBe(201);
  return body as RoleReceipt;
}

/** Whoever checks with the token sees the change. */
async function isHeld(userId: string, permission: string, syncToken: string | undefined): Promise<boolean | undefined> {
  const { status, body } = await office.service.check({
    user: userId,
    permission,
    tenant: 'acme',
    ...(syncToken === undefined ? {} : { syncToken }),
  });
  expect(status).toBe(200);
  return body.allowed;
}

describe('the roles of a tenant', () => {
  test('are its system roles, then its custom ones by name, `PLATFORM_ADMIN` locked before all of them', async () => {
    await create('ZEBRA');
    await create('AARDVARK');
    const { status, body } = await office.service.get<RolePage>('/admin/roles', VIC);
    expect(status).toBe(200);
    expect(body.nextCursor).toBeNull();
    expect(body.items?.map(({ roleName, isSystem }) => [roleName, isSystem])).toEqual([
      ['PLATFORM_ADMIN', true],
      ['CONFIG_MANAGER', true],
      ['EMR_CLIENT_ADMIN', true],
      ['EMR_CLIENT_VIEWER', true],
      ['AARDVARK', false],
      ['ZEBRA', false],
    ]);
    const platform = body.items?.[0];
    expect(platform?.permissionIds).toEqual(
      catalogue
        .filter(({ objectType }) => objectType === 'tenant')
        .map(({ id }) => id)
        .sort(),
    );
  });

  test('come a page at a time, none twice and none left out', async () => {
    for (const roleName of ['PAGE_A', 'PAGE_B', 'PAGE_C']) await create(roleName);
    const names: string[] = [];
    let cursor: string | null | undefined = undefined;
    do {
      const query: string = cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const page = await office.service.get<RolePage>(`/admin/roles?limit=2${query}`, VIC);
      expect(page.status).toBe(200);
      names.push(...(page.body.items ?? []).map(({ roleName }) => roleName));
      cursor = page.body.nextCursor;
    } while (cursor !== null);
    const whole = await office.service.get<RolePage>('/admin/roles?limit=500', VIC);
    expect(names).toEqual(whole.body.items?.map(({ roleName }) => roleName));
    const forged = await office.service.get<RolePage>('/admin/roles?cursor=bm90aGluZw', VIC);
    expect([forged.status, forged.body.code]).toEqual([400, 'INVALID_REQUEST']);
  });

  test('count whom they are in force for, and no one twice', async () => {
    const { id } = await office.addRole('COUNTED');
    for (const userId of ['c-now', 'c-revoked', 'c-expired', 'c-later', 'c-disabled']) {
      await office.addHolder(userId, [id]);
    }
    await office.world.sql(`update security.user_role set revoked_at = now() where user_id = 'c-revoked'`);
    await office.world.sql(
      `update security.user_role set valid_from = now() - interval '2 days', expires_at = now() - interval '1 day'
       where user_id = 'c-expired'`,
    );
    await office.world.sql(
      `update security.user_role set valid_from = now() + interval '1 day' where user_id = 'c-later'`,
    );
    await office.world.sql(`update security.app_user set status = 'disabled' where id = 'c-disabled'`);
    const { body } = await office.service.get<Role>(`/admin/roles/${id}`, VIC);
    expect(body.activeUserCount).toBe(1);
  });

  test('are shown one by one, with the version as `etag`; `PLATFORM_ADMIN` too', async () => {
    const made = await create('SHOWN', { description: 'One' });
    const { status, body, headers } = await office.service.get<Role>(`/admin/roles/${made.id}`, VIC);
    expect(status).toBe(200);
    expect(body).toEqual({
      id: made.id,
      roleName: 'SHOWN',
      description: 'One',
      isSystem: false,
      permissionIds: [],
      activeUserCount: 0,
      version: 1,
    });
    expect(headers['etag']).toBe('"1"');
    const platform = await office.service.get<Role>('/admin/roles/PLATFORM_ADMIN', VIC);
    expect(platform.body).toMatchObject({ roleName: 'PLATFORM_ADMIN', isSystem: true });
    const holders = await office.service.get('/admin/roles/PLATFORM_ADMIN/users', VIC);
    expect([holders.status, holders.body]).toEqual([200, { items: [], nextCursor: null }]);
  });

  test('of another tenant do not exist, word for word as those that never did', async () => {
    const { id } = await office.addRole('FOREIGN');
    const [foreign, never] = [id, 'acme.never'].map((asked) => office.service.get(`/admin/roles/${asked}`, ODA));
    const answers = await Promise.all([foreign, never]);
    expect(answers.map((answer) => [answer?.status, answer?.body.code, answer?.body.detail])).toEqual([
      [404, 'NOT_FOUND', 'there is no such role'],
      [404, 'NOT_FOUND', 'there is no such role'],
    ]);
  });
});

describe('a custom role', () => {
  test('is created as a non-system role with an empty set, with one entry and a receipt', async () => {
    const since = await office.lastEntryId();
    const made = await office.service.post<RoleReceipt>(
      '/admin/roles',
      { roleName: 'DENIALS_ANALYST', description: 'Denials only' },
      ADA,
    );
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({ isSystem: false, permissionIds: [], version: 1, applied: true });
    expect(made.body.syncToken).toMatch(/^[!-~]+$/);
    expect(await office.entriesSince(since)).toEqual([
      {
        tenantId: 'acme',
        actorUserId: 'ada',
        entityType: 'role',
        entityId: made.body.id,
        action: 'WRITE',
        purpose: 'role.create',
        requestId: made.requestId,
        impersonationId: null,
        details: { roleName: 'DENIALS_ANALYST', description: 'Denials only', isSystem: false },
      },
    ]);
  });

  test.each(['denials', 'Denials', '1_A', '_A', 'A-B', 'A B', '', 'Ä', 'A'.repeat(65)])(
    'is not named %j',
    async (roleName) => {
      const { status, body } = await office.service.post('/admin/roles', { roleName }, ADA);
      expect([status, body.code, body.errors?.[0]?.field]).toEqual([400, 'INVALID_REQUEST', 'roleName']);
    },
  );

  test('has a name that its tenant has not, in whatever case, and that others may have', async () => {
    await create('TAKEN');
    await office.world.addTenant('sellers', 'sales');
    await office.world.addUser('sellers', 'sam', ['admin']);
    await office.service.settle();
    const sam = { as: { user: 'sam', tenant: 'sellers' } };
    const since = await office.lastEntryId();
    for (const [roleName, who] of [
      ['TAKEN', ADA],
      ['CONFIG_MANAGER', ADA],
      ['PLATFORM_ADMIN', ADA],
      // the preset prints it in lower case
      ['ADMIN', sam],
    ] as const) {
      const again = await office.service.post('/admin/roles', { roleName }, who);
      expect([again.status, again.body.code], roleName).toEqual([409, 'ROLE_NAME_TAKEN']);
    }
    expect(await office.entriesSince(since)).toEqual([]);
    expect((await office.service.post('/admin/roles', { roleName: 'TAKEN' }, sam)).status).toBe(201);
  });

  test.each([
    ['a field that is the service’s', { roleName: 'MASS', isSystem: true }],
    ['an id', { roleName: 'MASS', id: 'mine' }],
    ['a tenant', { roleName: 'MASS', tenantId: 'other' }],
    ['a text that no database holds', { roleName: 'MASS', description: 'a\u0000b' }],
    ['a description without end', { roleName: 'MASS', description: 'x'.repeat(1001) }],
  ])('is not created with %s', async (_name, body) => {
    const { status, body: answer } = await office.service.post('/admin/roles', body, ADA);
    expect([status, answer.code]).toEqual([400, 'INVALID_REQUEST']);
  });

  test('is a clone of any role, its permissions copied in one transaction', async () => {
    const { id } = await office.addRole('SOURCE', ['claims.read', 'denials.read']);
    const since = await office.lastEntryId();
    const made = await office.service.post<RoleReceipt>(`/admin/roles/${id}/clone`, { roleName: 'COPY' }, ADA);
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({
      roleName: 'COPY',
      isSystem: false,
      permissionIds: ['claims.read', 'denials.read'],
      activeUserCount: 0,
      version: 1,
      applied: true,
    });
    const entries = await office.entriesSince(since);
    expect(entries.map(({ purpose, entityId }) => [purpose, entityId])).toEqual([
      [`role.clone:${id}`, made.body.id],
      ['role.set_permissions', made.body.id],
    ]);
    const system = await office.service.post<RoleReceipt>(
      `/admin/roles/${VIEWER}/clone`,
      { roleName: 'VIEW_COPY' },
      ADA,
    );
    expect([system.status, system.body.isSystem, system.body.permissionIds]).toEqual([201, false, ['users.read']]);
    const taken = await office.service.post(`/admin/roles/${id}/clone`, { roleName: 'COPY' }, ADA);
    expect([taken.status, taken.body.code]).toEqual([409, 'ROLE_NAME_TAKEN']);
    const platform = await office.service.post('/admin/roles/PLATFORM_ADMIN/clone', { roleName: 'ME_TOO' }, ADA);
    expect([platform.status, platform.body.code]).toEqual([409, 'SYSTEM_ROLE_PROTECTED']);
    // whoever is given the clone has its permissions at once
    await office.addHolder('cloned', [made.body.id ?? '']);
    expect(await isHeld('cloned', 'denials.read', undefined)).toBe(true);
  });

  test('has another description, once an entry; the same again writes nothing', async () => {
    const made = await create('DESCRIBED', { description: 'before' });
    const since = await office.lastEntryId();
    const body = { description: 'after' };
    const first = await office.service.patch<RoleReceipt>(`/admin/roles/${made.id}`, body, ADA);
    expect([first.status, first.body.description, first.body.version]).toEqual([200, 'after', 2]);
    const again = await office.service.patch<RoleReceipt>(`/admin/roles/${made.id}`, body, ADA);
    expect([again.status, again.body.version]).toEqual([200, 2]);
    const entries = await office.entriesSince(since);
    expect(entries).toHaveLength(1);
    expect(entries[0]).toMatchObject({
      purpose: 'role.update',
      action: 'WRITE',
      entityId: made.id,
      details: { before: { description: 'before' }, after: { description: 'after' } },
    });
  });

  test('is deleted with its tombstones and what has expired, in one entry', async () => {
    const { id } = await office.addRole('GONE', ['claims.read']);
    await office.addHolder('g-revoked', [id]);
    await office.world.sql(`update security.user_role set revoked_at = now() where user_id = 'g-revoked'`);
    const since = await office.lastEntryId();
    const { status, body } = await office.service.delete<Receipt>(`/admin/roles/${id}`, ADA);
    expect([status, body.applied], body.detail).toEqual([200, true]);
    expect(
      (await office.entriesSince(since)).map(({ purpose, action, details }) => [purpose, action, details]),
    ).toEqual([
      ['role.delete', 'DELETE', { roleName: 'GONE', description: '', isSystem: false, permissionIds: ['claims.read'] }],
    ]);
    expect((await office.service.get(`/admin/roles/${id}`, ADA)).status).toBe(404);
    expect((await office.service.delete(`/admin/roles/${id}`, ADA)).status).toBe(404);
    expect((await office.service.post('/admin/roles', { roleName: 'GONE' }, ADA)).status).toBe(201);

    const expired = await office.addRole('EXPIRED_ONLY');
    await office.addHolder('g-expired', [expired.id]);
    await office.world.sql(
      `update security.user_role set valid_from = now() - interval '2 days', expires_at = now() - interval '1 day'
       where user_id = 'g-expired'`,
    );
    expect((await office.service.delete(`/admin/roles/${expired.id}`, ADA)).status).toBe(200);
  });

  test('stays while anybody has it, now or later: the refusal names the first 20 and counts them all', async () => {
    const { id } = await office.addRole('IN_USE');
    const holders = Array.from({ length: 23 }, (_, at) => `h-${String(at).padStart(2, '0')}`);
    for (const userId of holders) await office.addHolder(userId, [id]);
    await office.world.sql(
      `update security.user_role set valid_from = now() + interval '1 day' where user_id = 'h-00'`,
    );
    await office.world.sql(`update security.user_role set revoked_at = now() where user_id = 'h-01'`);
    const since = await office.lastEntryId();
    const { status, body } = await office.service.delete(`/admin/roles/${id}`, ADA);
    expect([status, body.code, body.holders?.count]).toEqual([409, 'ROLE_IN_USE', 22]);
    expect(body.holders?.items.map(({ userId }) => userId)).toEqual(
      holders.filter((userId) => userId !== 'h-01').slice(0, 20),
    );
    expect(await office.entriesSince(since)).toEqual([]);
    expect((await office.service.get(`/admin/roles/${id}`, ADA)).status).toBe(200);
  });
});

describe('a system role', () => {
  test.each([
    ['describe', (id: string) => office.service.patch(`/admin/roles/${id}`, { description: 'mine' }, ADA)],
    ['delete', (id: string) => office.service.delete(`/admin/roles/${id}`, ADA)],
    ['set', (id: string) => office.service.put(`/admin/roles/${id}/permissions`, { permissionIds: [] }, ADA)],
    [
      'preview',
      (id: string) => office.service.post(`/admin/roles/${id}/permissions/preview`, { permissionIds: [] }, ADA),
    ],
  ])('is protected, `PLATFORM_ADMIN` like any other: %s', async (_name, act) => {
    const since = await office.lastEntryId();
    for (const id of [VIEWER, 'PLATFORM_ADMIN']) {
      const { status, body } = await act(id);
      expect([status, body.code], id).toEqual([409, 'SYSTEM_ROLE_PROTECTED']);
    }
    expect(await office.entriesSince(since)).toEqual([]);
  });

  test('is protected from psql, too', async () => {
    await expect(
      office.world.sql(`update security.role set description = 'mine' where id = $1`, [VIEWER]),
    ).rejects.toMatchObject({ code: 'SYSTEM_ROLE_PROTECTED' });
  });

  test('is protected from a platform admin who impersonates', async () => {
    const as = await office.impersonate('acme');
    const { status, body } = await office.service.delete(`/admin/roles/${VIEWER}`, { as });
    expect([status, body.code]).toEqual([409, 'SYSTEM_ROLE_PROTECTED']);
  });
});

describe('a platform admin', () => {
  test('reads from outside, and writes only while impersonating: the entry names the impersonation', async () => {
    expect((await office.service.get('/admin/roles', ROOT)).status).toBe(200);
    const refused = await office.service.post('/admin/roles', { roleName: 'FROM_ABOVE' }, ROOT);
    expect([refused.status, refused.body.code]).toEqual([403, 'IMPERSONATION_REQUIRED']);
    const as = await office.impersonate('acme');
    const since = await office.lastEntryId();
    const made = await office.service.post('/admin/roles', { roleName: 'FROM_ABOVE' }, { as });
    expect(made.status).toBe(201);
    expect(await office.entriesSince(since)).toMatchObject([
      { actorUserId: 'root', impersonationId: typeof as === 'object' && 'impersonation' in as ? as.impersonation : '' },
    ]);
  });
});
