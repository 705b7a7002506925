/** Who has which role over HTTP: assigned and revoked one by one, within a window, and never the last admin away. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type {
  AssignmentList,
  AssignmentReceipt,
  HolderPage,
  PermissionSetReceipt,
  RevocationReceipt,
} from '../../src/contract/api.js';
import { ADA, ODA, openOffice } from '../support/office.js';
import type { Office } from '../support/office.js';
import type { Answered, RequestMore } from '../support/service.js';
import { roleId } from '../support/world.js';

const DAY_MS = 86_400_000;
const inDays = (days: number): string => new Date(Date.now() + days * DAY_MS).toISOString();

let office: Office;
let analyst: string;
beforeAll(async () => {
  office = await openOffice();
  analyst = (await office.addRole('ANALYST', ['claims.read'])).id;
});
afterAll(() => office.end());

function assign(userId: string, body: object, more: RequestMore = ADA): Promise<Answered<AssignmentReceipt>> {
  return office.service.post(`/admin/users/${userId}/roles`, body, more);
}

function revoke(userId: string, role: string, more: RequestMore = ADA): Promise<Answered<RevocationReceipt>> {
  return office.service.delete(`/admin/users/${userId}/roles/${role}`, more);
}

async function isHeld(userId: string, permission: string, syncToken?: string): Promise<boolean | undefined> {
  const question = { user: userId, permission, tenant: 'acme', ...(syncToken === undefined ? {} : { syncToken }) };
  return (await office.service.check(question)).body.allowed;
}

describe('another window of one assignment', () => {
  test('is given to that one, and revives none that somebody has revoked or made anew meanwhile', async () => {
    await office.addHolder('mover', []);
    const { assignmentId } = (await assign('mover', { roleId: analyst })).body;
    const move = (id: string | undefined) =>
      assign('mover', { roleId: analyst, assignmentId: id ?? '', expiresAt: '2090-01-01T00:00:00Z' });
    expect((await move(assignmentId)).body).toMatchObject({ assignmentId, changed: true });
    expect((await revoke('mover', analyst)).status).toBe(200);
    const late = await move(assignmentId);
    expect([late.status, late.body.code]).toEqual([412, 'VERSION_CONFLICT']);
    expect(await isHeld('mover', 'claims.read')).toBe(false);
    const anew = await assign('mover', { roleId: analyst });
    expect((await move(assignmentId)).status).toBe(412);
    expect((await move(anew.body.assignmentId)).status).toBe(200);
  });
});

describe('a role', () => {
  test('is assigned with an entry of its own, and is in force for a check with the token', async () => {
    await office.addHolder('new', []);
    const since = await office.lastEntryId();
    const answer = await assign('new', { roleId: analyst, reason: 'Covers for Ben' });
    expect(answer.status, answer.body.detail).toBe(200);
    expect(answer.body).toMatchObject({
      userId: 'new',
      roleId: analyst,
      roleName: 'ANALYST',
      validFrom: null,
      expiresAt: null,
      changed: true,
      applied: true,
    });
    expect(await office.entriesSince(since)).toEqual([
      {
        tenantId: 'acme',
        actorUserId: 'ada',
        entityType: 'user_role',
        entityId: 'new',
        action: 'WRITE',
        purpose: `role.assign:${analyst}`,
        requestId: answer.requestId,
        impersonationId: null,
        details: {
          assignmentId: answer.body.assignmentId,
          roleId: analyst,
          roleName: 'ANALYST',
          reason: 'Covers for Ben',
        },
      },
    ]);
    expect(await isHeld('new', 'claims.read', answer.body.syncToken)).toBe(true);
  });

  test('is revoked with an entry of its own; the answer says that the user has none left', async () => {
    await office.addHolder('old', [analyst]);
    const since = await office.lastEntryId();
    const answer = await revoke('old', `${analyst}?reason=Left%20the%20team`);
    expect(answer.status, answer.body.detail).toBe(200);
    expect(answer.body).toMatchObject({ changed: true, remainingRoleCount: 0, applied: true });
    expect(await office.entriesSince(since)).toMatchObject([
      {
        action: 'DELETE',
        entityType: 'user_role',
        entityId: 'old',
        purpose: `role.revoke:${analyst}`,
        details: { reason: 'Left the team' },
      },
    ]);
    expect(await isHeld('old', 'claims.read', answer.body.syncToken)).toBe(false);
  });

  test('that stands so already, or does not stand, is left, and the answer says so', async () => {
    await office.addHolder('same', []);
    const first = await assign('same', { roleId: analyst });
    const before = [await office.lastEntryId(), await office.outboxPosition()];
    const again = await assign('same', { roleId: analyst });
    expect([again.status, again.body.changed, again.body.assignmentId]).toEqual([200, false, first.body.assignmentId]);
    expect([await office.lastEntryId(), await office.outboxPosition()]).toEqual(before);
    expect((await revoke('same', analyst)).body.changed).toBe(true);
    const after = [await office.lastEntryId(), await office.outboxPosition()];
    expect((await revoke('same', analyst)).body).toMatchObject({ changed: false, remainingRoleCount: 0 });
    expect([await office.lastEntryId(), await office.outboxPosition()]).toEqual(after);
    expect((await assign('same', { roleId: analyst })).body.assignmentId).not.toBe(first.body.assignmentId);
  });

  test('that was revoked before another is assigned leaves the others', async () => {
    await office.addHolder('two', [analyst, roleId('acme', 'EMR_CLIENT_VIEWER')]);
    expect((await revoke('two', analyst)).body.remainingRoleCount).toBe(1);
  });

  test('of nobody, or for nobody, is 404; `PLATFORM_ADMIN` is nobody’s to give', async () => {
    for (const answer of [
      await assign('nobody', { roleId: analyst }),
      await assign('vic', { roleId: 'acme.none' }),
      await assign('vic', { roleId: roleId('other', 'EMR_CLIENT_VIEWER') }),
      await assign('oda', { roleId: analyst }),
      await assign('vic', { roleId: analyst }, ODA),
      await revoke('vic', 'acme.none'),
      await revoke('oda', roleId('other', 'EMR_CLIENT_ADMIN')),
    ]) {
      expect([answer.status, answer.body.code]).toEqual([404, 'NOT_FOUND']);
    }
    for (const answer of [await assign('vic', { roleId: 'PLATFORM_ADMIN' }), await revoke('vic', 'PLATFORM_ADMIN')]) {
      expect([answer.status, answer.body.code]).toEqual([409, 'SYSTEM_ROLE_PROTECTED']);
    }
  });
});

describe('a window', () => {
  test('is kept, is changed by another assignment in one entry, and may be taken away', async () => {
    await office.addHolder('windowed', []);
    const [from, until, later] = [inDays(-1), inDays(1), inDays(2)];
    const first = await assign('windowed', { roleId: analyst, validFrom: from, expiresAt: until });
    expect(first.body).toMatchObject({ validFrom: from, expiresAt: until, changed: true });
    expect(await isHeld('windowed', 'claims.read', first.body.syncToken)).toBe(true);
    const since = await office.lastEntryId();
    const longer = await assign('windowed', { roleId: analyst, validFrom: from, expiresAt: later });
    expect(longer.body).toMatchObject({ assignmentId: first.body.assignmentId, expiresAt: later, changed: true });
    const entries = await office.entriesSince(since);
    expect(entries.map(({ purpose }) => purpose)).toEqual([`role.assign:${analyst}`]);
    const { before } = entries[0]?.details ?? {};
    expect(
      new Date(String(before instanceof Object && 'expiresAt' in before ? before.expiresAt : '')).toISOString(),
    ).toBe(until);
    const unending = await assign('windowed', { roleId: analyst });
    expect(unending.body).toMatchObject({ validFrom: null, expiresAt: null, changed: true });
  });

  test('that begins later gives nothing yet', async () => {
    await office.addHolder('later', []);
    const answer = await assign('later', { roleId: analyst, validFrom: inDays(1) });
    expect(answer.body.changed).toBe(true);
    expect(await isHeld('later', 'claims.read', answer.body.syncToken)).toBe(false);
    office.service.setNow(new Date(Date.now() + 2 * DAY_MS));
    expect(await isHeld('later', 'claims.read')).toBe(true);
    office.service.setNow(undefined);
  });

  test.each([
    ['ends in the past', { expiresAt: '2020-01-01T00:00:00Z' }],
    ['ends before it begins', { validFrom: '2099-01-01T00:00:00Z', expiresAt: '2098-01-01T00:00:00Z' }],
    ['ends as it begins', { validFrom: '2099-01-01T00:00:00Z', expiresAt: '2099-01-01T00:00:00Z' }],
    ['begins in a leap second', { validFrom: '2026-06-30T23:59:60Z' }],
    ['begins in the year 0', { validFrom: '0000-01-01T00:00:00Z' }],
    ['ends on no day', { expiresAt: '2099-02-30T00:00:00Z' }],
    ['ends at no moment', { expiresAt: 'tomorrow' }],
    ['ends never', { expiresAt: 'infinity' }],
    ['has an end that is none', { expiresAt: null }],
    ['has a reason without words', { reason: '' }],
  ])('that %s is refused', async (_name, body) => {
    const { status, body: answer } = await assign('vic', { roleId: analyst, ...body });
    expect([status, answer.code], JSON.stringify(answer)).toEqual([400, 'INVALID_REQUEST']);
  });

  test('in another time zone is the same moment', async () => {
    await office.addHolder('zoned', []);
    const { body } = await assign('zoned', { roleId: analyst, expiresAt: '2099-01-01T01:00:00+23:59' });
    expect(body.expiresAt).toBe('2098-12-31T01:01:00.000Z');
  });
});

describe('who has what', () => {
  test('a user’s roles by name, those to come and those of all tenants included, ended ones not', async () => {
    const other = (await office.addRole('BEFORE_ANALYST')).id;
    await office.addHolder('listed', [analyst, other, roleId('acme', 'CONFIG_MANAGER')]);
    await office.world.sql(
      `update security.user_role set revoked_at = now() where user_id = 'listed' and role_id = $1`,
      [roleId('acme', 'CONFIG_MANAGER')],
    );
    await office.world.sql(
      `insert into security.user_role (user_id, role_name) values ('listed', 'EMR_CLIENT_VIEWER')`,
    );
    await office.service.settle();
    const { status, body } = await office.service.get<AssignmentList>('/admin/users/listed/roles', ADA);
    expect(status, body.detail).toBe(200);
    expect(body.items?.map(({ roleName, isGlobal }) => [roleName, isGlobal])).toEqual([
      ['ANALYST', false],
      ['BEFORE_ANALYST', false],
      ['EMR_CLIENT_VIEWER', true],
    ]);
    expect((await office.service.get('/admin/users/listed/roles', ODA)).status).toBe(404);
  });

  test('a role’s holders and a permission’s holders, a page at a time in the order of their ids', async () => {
    const { id } = await office.addRole('PAGED', ['fee_schedules.read']);
    const holders = Array.from({ length: 7 }, (_, at) => `page-${String(at)}`);
    for (const userId of holders) await office.addHolder(userId, [id]);
    for (const path of [`/admin/roles/${id}/users`, '/admin/permissions/fee_schedules.read/users']) {
      const found: string[] = [];
      let cursor: string | null = '';
      while (cursor !== null) {
        const more: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
        const page: Answered<HolderPage> = await office.service.get(`${path}?limit=3${more}`, ADA);
        expect(page.status, page.body.detail).toBe(200);
        found.push(...(page.body.items ?? []).map(({ userId }) => userId));
        cursor = page.body.nextCursor ?? null;
      }
      expect(found, path).toEqual(holders);
    }
    const unknown = await office.service.get('/admin/permissions/no.such/users', ADA);
    expect([unknown.status, unknown.body.code]).toEqual([404, 'NOT_FOUND']);
    expect((await office.service.get(`/admin/roles/${id}/users`, ODA)).status).toBe(404);
    const foreign = await office.service.get<HolderPage>('/admin/permissions/fee_schedules.read/users', ODA);
    expect(foreign.body.items).toEqual([]);
  });
});

describe('the last admin', () => {
  test('of a tenant stays, whichever way is tried; a second one makes it possible', async () => {
    await office.world.addTenant('small', 'emr');
    await office.world.addUser('small', 'solo', ['EMR_CLIENT_ADMIN']);
    await office.world.addUser('small', 'next');
    await office.service.settle();
    const as = { as: { user: 'solo', tenant: 'small' } };
    const admin = roleId('small', 'EMR_CLIENT_ADMIN');
    const since = await office.lastEntryId();
    for (const answer of [
      await revoke('solo', admin, as),
      await assign('solo', { roleId: admin, expiresAt: inDays(30) }, as),
    ]) {
      expect([answer.status, answer.body.code], answer.body.detail).toEqual([409, 'LAST_ADMIN']);
    }
    expect(await office.entriesSince(since)).toEqual([]);
    expect((await assign('next', { roleId: admin }, as)).status).toBe(200);
    const gone = await revoke('solo', admin, as);
    expect([gone.status, gone.body.remainingRoleCount]).toEqual([200, 0]);
    // which is at once true of what they may do
    const after = await office.service.get('/admin/roles', as);
    expect([after.status, after.body.code]).toEqual([403, 'FORBIDDEN']);
  });

  test('is not taken by a permission set either; a platform admin may', async () => {
    await office.world.addTenant('custom', 'emr');
    await office.world.addUser('custom', 'cora');
    await office.world.sql(`insert into security.role (id, tenant_id, name) values ('cust', 'custom', 'CUSTOM')`);
    await office.world.sql(
      `insert into security.role_permission (role_id, permission_id)
       select 'cust', unnest(array['users.read', 'users.update', 'users.admin'])`,
    );
    await office.world.sql(`insert into security.user_role (user_id, role_id) values ('cora', 'cust')`);
    await office.service.settle();
    const body = { permissionIds: ['users.read'] };
    const cora = { as: { user: 'cora', tenant: 'custom' } };
    const refused = await office.service.put('/admin/roles/cust/permissions', body, cora);
    expect([refused.status, refused.body.code]).toEqual([409, 'LAST_ADMIN']);
    const as = await office.impersonate('custom');
    const done = await office.service.put<PermissionSetReceipt>('/admin/roles/cust/permissions', body, { as });
    expect([done.status, done.body.removed], done.body.detail).toEqual([200, ['users.admin', 'users.update']]);
  });
});
