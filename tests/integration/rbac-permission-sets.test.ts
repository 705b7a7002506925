/** Permission sets over HTTP: replaced whole, previewed, and never by more than the actor may hand out. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { PermissionSetPreview, PermissionSetReceipt, Role, RoleReceipt } from '../../src/contract/api.js';
import { ADA, openOffice } from '../support/office.js';
import type { Office } from '../support/office.js';
import type { Answered, RequestMore } from '../support/service.js';
import { roleId } from '../support/world.js';

let office: Office;
beforeAll(async () => {
  office = await openOffice();
});
afterAll(() => office.end());

function put(
  id: string,
  permissionIds: readonly string[],
  more: RequestMore = ADA,
): Promise<Answered<PermissionSetReceipt>> {
  return office.service.put(`/admin/roles/${id}/permissions`, { permissionIds }, more);
}

async function preview(id: string, permissionIds: readonly string[]): Promise<PermissionSetPreview> {
  const path = `/admin/roles/${id}/permissions/preview`;
  const { status, body } = await office.service.post<PermissionSetPreview>(path, { permissionIds }, ADA);
  expect(status, body.detail).toBe(200);
  return body as PermissionSetPreview;
}

async function isHeld(userId: string, permission: string, syncToken?: string): Promise<boolean | undefined> {
  const question = { user: userId, permission, tenant: 'acme', ...(syncToken === undefined ? {} : { syncToken }) };
  return (await office.service.check(question)).body.allowed;
}

/** What no call may move that changes nothing. */
const traces = async (): Promise<unknown> => [await office.lastEntryId(), await office.outboxPosition()];

/** What no refusal may move: it may have written, but has committed nothing. */
const committed = async (): Promise<unknown> => [
  await office.lastEntryId(),
  await office.world.sql(
    `select xmin::text, role_id, permission_id as of from security.role_permission
     union all select xmin::text, role_id, user_id from security.user_role order by 1, 2, 3`,
  ),
];

describe('a permission set', () => {
  test('is replaced whole: one entry holds what was added and what was removed, in force with the receipt', async () => {
    const { id } = await office.addRole('REPLACED', ['claims.read', 'denials.read']);
    await office.addHolder('holder', [id]);
    const since = await office.lastEntryId();
    const answer = await put(id, ['denials.read', 'denials.update', 'payers.read']);
    expect(answer.status, answer.body.detail).toBe(200);
    expect(answer.body).toMatchObject({
      permissionIds: ['denials.read', 'denials.update', 'payers.read'],
      added: ['denials.update', 'payers.read'],
      removed: ['claims.read'],
      changed: true,
      applied: true,
    });
    expect(answer.headers['etag']).toBe(`"${String(answer.body.version)}"`);
    expect(await office.entriesSince(since)).toEqual([
      {
        tenantId: 'acme',
        actorUserId: 'ada',
        entityType: 'role_permission',
        entityId: id,
        action: 'WRITE',
        purpose: 'role.set_permissions',
        requestId: answer.requestId,
        impersonationId: null,
        details: { roleName: 'REPLACED', added: ['denials.update', 'payers.read'], removed: ['claims.read'] },
      },
    ]);
    expect(await isHeld('holder', 'denials.update', answer.body.syncToken)).toBe(true);
    expect(await isHeld('holder', 'claims.read', answer.body.syncToken)).toBe(false);
  });

  test('that stands so already is 200: no entry, no outbox entry, no new version, in whatever order it is named', async () => {
    const { id, version } = await office.addRole('SAME', ['claims.read', 'denials.read']);
    await office.service.settle();
    const before = await traces();
    const answer = await put(id, ['denials.read', 'claims.read']);
    expect([answer.status, answer.body.changed, answer.body.version]).toEqual([200, false, version]);
    expect([answer.body.added, answer.body.removed]).toEqual([[], []]);
    expect(await traces()).toEqual(before);
  });

  test('is emptied, and filled again', async () => {
    const { id } = await office.addRole('EMPTIED', ['claims.read']);
    expect((await put(id, [])).body).toMatchObject({ permissionIds: [], removed: ['claims.read'] });
    expect((await put(id, ['claims.read'])).body).toMatchObject({ permissionIds: ['claims.read'], removed: [] });
  });

  test('holds what a role may hold, each once; a refusal names what is wrong and changes nothing', async () => {
    const { id } = await office.addRole('BOUNDED', ['claims.read']);
    const before = await traces();
    for (const [permissionIds, field] of [
      [['claims.read', 'no.such'], 'permissionIds/1'],
      [['profile.read'], 'permissionIds/0'],
      [['record.update'], 'permissionIds/0'],
      [['claims.read', 'claims.read'], 'permissionIds'],
    ] as const) {
      const { status, body } = await put(id, permissionIds);
      expect([status, body.code, body.errors?.[0]?.field]).toEqual([400, 'INVALID_REQUEST', field]);
    }
    expect(await traces()).toEqual(before);
  });

  test('of a role that was not there is 404', async () => {
    const { status, body } = await put('acme.nowhere', ['claims.read']);
    expect([status, body.code]).toEqual([404, 'NOT_FOUND']);
  });
});

describe('with `if-match`', () => {
  const seen = (version: number | string): RequestMore => ({ ...ADA, headers: { 'if-match': String(version) } });

  test('a set is replaced where the role is as it was seen, quoted or not', async () => {
    const { id, version } = await office.addRole('MATCHED');
    const first = await put(id, ['claims.read'], seen(version));
    expect(first.status).toBe(200);
    expect((await put(id, [], seen(first.headers['etag'] ?? ''))).status).toBe(200);
  });

  test('an update that would be lost is 412, and names what changed: who, when, what', async () => {
    const { id, version } = await office.addRole('LOST', ['claims.read']);
    expect((await put(id, ['claims.read', 'payers.read'])).status).toBe(200);
    const described = await office.service.patch<RoleReceipt>(`/admin/roles/${id}`, { description: 'new' }, ADA);
    const before = await traces();
    const late = await put(id, ['denials.read'], seen(version));
    expect([late.status, late.body.code]).toEqual([412, 'VERSION_CONFLICT']);
    expect(late.body.changed).toMatchObject({
      version: described.body.version,
      permissionIds: ['claims.read', 'payers.read'],
      changes: [{ actorUserId: 'ada', added: ['payers.read'], removed: [] }],
    });
    expect(await traces()).toEqual(before);
    // whoever saw the change of the set, but not that of the description, is told of no change of the set
    const later = await put(id, ['denials.read'], seen((described.body.version ?? 0) - 1));
    expect(later.body.changed).toMatchObject({ changes: [] });
  });

  test.each(['*', 'W/"1"', '"x"', '"1', '-1', '1.5', '9'.repeat(25)])('%j is no version', async (version) => {
    const { status, body } = await put(roleId('acme', 'LOST'), [], seen(version));
    expect([status, body.code, body.errors?.[0]?.field]).toEqual([400, 'INVALID_REQUEST', 'if-match']);
  });
});

describe('a preview', () => {
  test('says who would gain and lose what, other roles of theirs considered; and that is what then happens', async () => {
    const { id } = await office.addRole('PREVIEWED', ['claims.read', 'denials.read']);
    const other = await office.addRole('BESIDE', ['denials.read', 'payers.read']);
    await office.addHolder('p-one', [id]);
    await office.addHolder('p-two', [id, other.id]);
    await office.addHolder('p-disabled', [id]);
    await office.addHolder('p-none', [other.id]);
    await office.world.sql(`update security.app_user set status = 'disabled' where id = 'p-disabled'`);
    await office.service.settle();
    const wanted = ['claims.read', 'payers.read'];
    const before = await traces();
    const told = await preview(id, wanted);
    expect(await traces()).toEqual(before);
    expect(told).toEqual({
      added: ['payers.read'],
      removed: ['denials.read'],
      affectedUserCount: 1,
      items: [{ userId: 'p-one', displayName: '', gains: ['payers.read'], losses: ['denials.read'] }],
    });
    const users = ['p-one', 'p-two', 'p-disabled', 'p-none'];
    const held = async (): Promise<Record<string, boolean | undefined>> =>
      Object.fromEntries(
        await Promise.all(
          users.flatMap((user) =>
            ['claims.read', 'denials.read', 'payers.read'].map(
              async (permission) => [`${user} ${permission}`, await isHeld(user, permission)] as const,
            ),
          ),
        ),
      );
    const had = await held();
    expect((await put(id, wanted)).body.applied).toBe(true);
    const has = await held();
    const moved = Object.keys(has).filter((name) => has[name] !== had[name]);
    expect(moved.sort()).toEqual(
      told.items.flatMap(({ userId, gains, losses }) => [...gains, ...losses].map((one) => `${userId} ${one}`)).sort(),
    );
  });

  test('names the first 100, and counts them all', async () => {
    const { id } = await office.addRole('MANY');
    await office.world.sql(
      `insert into security.app_user (id, tenant_id, email)
       select 'm-' || to_char(n, 'FM000'), 'acme', n || '@many.example' from generate_series(1, 130) n`,
    );
    await office.world.sql(
      `insert into security.user_role (user_id, role_id) select u.id, $1 from security.app_user u where u.id like 'm-%'`,
      [id],
    );
    const { affectedUserCount, items } = await preview(id, ['claims.read']);
    expect([affectedUserCount, items.length, items[0]?.userId, items.at(-1)?.userId]).toEqual([
      130,
      100,
      'm-001',
      'm-100',
    ]);
    await office.service.settle();
  });
});

describe('nobody hands out what they neither hold nor may delegate', () => {
  /** Administers roles, holds `claims.read` besides, and may delegate nothing. */
  const LIM = { as: { user: 'lim', tenant: 'acme' } };
  let limited: string;

  beforeAll(async () => {
    limited = (await office.addRole('LIMITED', ['users.read', 'users.update', 'users.admin', 'claims.read'])).id;
    await office.addHolder('lim', [limited]);
    await office.addHolder('someone', []);
  });

  async function isRefused(
    answer: Promise<Answered<unknown>>,
    missing: readonly string[],
    before: unknown,
  ): Promise<void> {
    const { status, body } = await answer;
    expect([status, body.code, body.missing]).toEqual([403, 'ESCALATION', missing]);
    expect(await committed()).toEqual(before);
  }

  test('by a permission set: the refusal names what is missing; what they hold they may give', async () => {
    const { id } = await office.addRole('BY_SET');
    await isRefused(
      put(id, ['claims.read', 'payers.read', 'denials.read'], LIM),
      ['denials.read', 'payers.read'],
      await committed(),
    );
    expect((await put(id, ['claims.read'], LIM)).status).toBe(200);
  });

  test('by a clone', async () => {
    const { id } = await office.addRole('STRONG', ['claims.read', 'payers.update']);
    const clone = office.service.post(`/admin/roles/${id}/clone`, { roleName: 'STRONG_COPY' }, LIM);
    await isRefused(clone, ['payers.update'], await committed());
    expect((await office.service.get<Role>('/admin/roles/acme.strong_copy', ADA)).status).toBe(404);
  });

  test('by an assignment, nor what the role may delegate', async () => {
    const strong = roleId('acme', 'STRONG');
    await isRefused(
      office.service.post('/admin/users/someone/roles', { roleId: strong }, LIM),
      ['payers.update'],
      await committed(),
    );
    const admin = await office.service.post(
      '/admin/users/someone/roles',
      { roleId: roleId('acme', 'EMR_CLIENT_ADMIN') },
      LIM,
    );
    expect([admin.status, admin.body.code]).toEqual([403, 'ESCALATION']);
    expect(admin.body.missing).toContain('payers.update');
  });

  test('and nobody raises their own rights: by assignment, nor by a role of their own', async () => {
    const before = await committed();
    const config = roleId('acme', 'CONFIG_MANAGER');
    const lacking = ['config.read', 'config.update'];
    // Ada may delegate them, but not to herself
    await isRefused(office.service.post('/admin/users/ada/roles', { roleId: config }, ADA), lacking, before);
    await isRefused(
      put(limited, ['users.read', 'users.update', 'users.admin', 'claims.read', 'config.read'], LIM),
      ['config.read'],
      before,
    );
    const given = await office.service.post('/admin/users/someone/roles', { roleId: config }, ADA);
    expect([given.status, given.body.code]).toEqual([200, undefined]);
  });

  test('but taking away is always possible', async () => {
    const { id } = await office.addRole('TAKEN_FROM', ['payers.update', 'claims.read']);
    expect((await put(id, [], LIM)).body).toMatchObject({ removed: ['claims.read', 'payers.update'] });
    const own = await put(limited, ['users.read', 'users.update', 'users.admin'], LIM);
    expect(own.status, own.body.detail).toBe(200);
  });

  test('an admin composes DENIALS_ANALYST of what the preset lets them delegate', async () => {
    const made = await office.service.post<RoleReceipt>('/admin/roles', { roleName: 'DENIALS_ANALYST' }, ADA);
    const set = await put(made.body.id ?? '', ['denials.read', 'denials.update', 'claims.read']);
    expect(set.status, set.body.detail).toBe(200);
  });
});
