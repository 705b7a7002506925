/** What a user may do and where it comes from, as engine and rows have it; and the catalogue of what there is. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type {
  AssignmentReceipt,
  EffectivePermission,
  EffectivePermissions,
  PermissionList,
} from '../../src/contract/api.js';
import { catalogue } from '../../src/contract/model.js';
import { presets } from '../../src/contract/presets.js';
import { engineName } from '../../src/shared/ids.js';
import { ADA, ODA, openOffice, ROOT, VIC } from '../support/office.js';
import type { Office } from '../support/office.js';
import type { RequestMore } from '../support/service.js';
import { roleId } from '../support/world.js';

const grantable = catalogue.filter(({ objectType }) => objectType === 'tenant');

let office: Office;
let analyst: string;
let lead: string;
beforeAll(async () => {
  office = await openOffice();
  analyst = (await office.addRole('ANALYST', ['claims.read', 'denials.read'])).id;
  lead = (await office.addRole('LEAD', ['denials.read', 'denials.update'])).id;
});
afterAll(() => office.end());

async function effective(userId: string, more: RequestMore = VIC, query = ''): Promise<EffectivePermission[]> {
  const path = `/admin/users/${userId}/effective-permissions${query}`;
  const { status, body } = await office.service.get<EffectivePermissions>(path, more);
  expect(status, JSON.stringify(body)).toBe(200);
  expect(body.nextCursor).toBeNull();
  return body.items ?? [];
}

const named = (items: readonly EffectivePermission[]): unknown[] =>
  items.map(({ permission, granted, drift, origins }) => [permission, granted, drift, origins.map((o) => o.roleName)]);

describe('effective permissions', () => {
  test('are the union over all assignments, each permission once with every origin', async () => {
    await office.addHolder('eve', []);
    const expiresAt = new Date(Date.now() + 86_400_000).toISOString();
    const first = await office.service.post<AssignmentReceipt>('/admin/users/eve/roles', { roleId: analyst }, ADA);
    const second = await office.service.post<AssignmentReceipt>(
      '/admin/users/eve/roles',
      { roleId: lead, expiresAt },
      ADA,
    );
    const items = await effective('eve', { ...VIC, syncToken: second.body.syncToken ?? '' });
    expect(named(items)).toEqual([
      ['claims.read', true, false, ['ANALYST']],
      ['denials.read', true, false, ['ANALYST', 'LEAD']],
      ['denials.update', true, false, ['LEAD']],
    ]);
    expect(items[1]?.origins).toEqual([
      { roleId: analyst, roleName: 'ANALYST', assignmentId: first.body.assignmentId, validFrom: null, expiresAt: null },
      { roleId: lead, roleName: 'LEAD', assignmentId: second.body.assignmentId, validFrom: null, expiresAt },
    ]);
  });

  test('with `all=true` are those that are not granted too, in the order of the catalogue', async () => {
    await office.addHolder('all', [analyst]);
    const items = await effective('all', VIC, '?all=true');
    expect(items.map(({ permission }) => permission)).toEqual(grantable.map(({ id }) => id));
    expect(items.filter(({ granted }) => granted).map(({ permission }) => permission)).toEqual([
      'claims.read',
      'denials.read',
    ]);
    expect(items.every(({ group, description }) => group !== '' && description !== '')).toBe(true);
  });

  test('count a global assignment, and neither what is revoked, expired, to come, nor a disabled user’s', async () => {
    for (const userId of ['g-global', 'g-revoked', 'g-expired', 'g-later', 'g-disabled']) {
      await office.addHolder(userId, userId === 'g-global' ? [] : [analyst]);
    }
    await office.world.sql(`insert into security.user_role (user_id, role_name) values ('g-global', 'CONFIG_MANAGER')`);
    await office.world.sql(`update security.user_role set revoked_at = now() where user_id = 'g-revoked'`);
    await office.world.sql(
      `update security.user_role set valid_from = now() - interval '2 days', expires_at = now() - interval '1 day'
       where user_id = 'g-expired'`,
    );
    await office.world.sql(
      `update security.user_role set valid_from = now() + interval '1 day' where user_id = 'g-later'`,
    );
    await office.world.sql(`update security.app_user set status = 'disabled' where id = 'g-disabled'`);
    await office.service.settle();
    expect(named(await effective('g-global'))).toEqual([
      ['config.read', true, false, ['CONFIG_MANAGER']],
      ['config.update', true, false, ['CONFIG_MANAGER']],
    ]);
    for (const userId of ['g-revoked', 'g-expired', 'g-later', 'g-disabled']) {
      expect(named(await effective(userId)), userId).toEqual([]);
    }
  });

  test('show drift where somebody has altered a tuple: what is too much, and what is missing', async () => {
    await office.addHolder('drifted', [analyst]);
    const role = engineName.role('acme', lead);
    const [tuple] = (await office.world.storedTuples()).filter(({ user }) => user === engineName.user('drifted'));
    const roleTuple = (await office.world.storedTuples()).find(
      ({ user, object }) => user === engineName.user('drifted') && object === engineName.role('acme', analyst),
    );
    expect(tuple).toBeDefined();
    if (roleTuple === undefined) throw new Error('the assignment has no tuple');
    const foreign = { user: engineName.user('drifted'), relation: 'a', object: role };
    await office.world.tuples.write({ writes: [foreign], deletes: [roleTuple] }, { timeoutMs: 5_000 });
    const items = await effective('drifted');
    expect(named(items)).toEqual([
      ['claims.read', false, true, ['ANALYST']],
      ['denials.read', true, false, ['ANALYST']],
      ['denials.update', true, true, []],
    ]);
    await office.world.tuples.write({ writes: [roleTuple], deletes: [foreign] }, { timeoutMs: 5_000 });
    expect(named(await effective('drifted')).length).toBe(2);
  });

  test('of a platform admin who is a user of the tenant are all, by the override', async () => {
    await office.addHolder('above', [analyst]);
    await office.world.sql(`insert into identity.platform_admin (user_id) values ('above')`);
    await office.service.settle();
    const items = await effective('above');
    expect(items.map(({ permission, granted, drift }) => [permission, granted, drift])).toEqual(
      grantable.map(({ id }) => [id, true, false]),
    );
    expect(items.find(({ permission }) => permission === 'claims.read')?.origins.map(({ roleId: id }) => id)).toEqual([
      analyst,
      'PLATFORM_ADMIN',
    ]);
    await office.world.sql(`delete from identity.platform_admin where user_id = 'above'`);
    await office.service.settle();
  });

  test('in a tenant that is read-only are the reading ones, in one that is suspended none: no drift', async () => {
    await office.world.addTenant('halted', 'emr');
    await office.world.addUser('halted', 'hal', ['EMR_CLIENT_ADMIN']);
    const as = { as: { user: 'root', tenant: 'halted' } };
    const read = async (status: string, more: RequestMore): Promise<unknown[]> => {
      await office.world.sql(`update identity.tenant set status = $1 where id = 'halted'`, [status]);
      await office.service.settle();
      return named(await effective('hal', more));
    };
    const admin = ['EMR_CLIENT_ADMIN'];
    expect(await read('active', as)).toEqual([
      ['users.read', true, false, admin],
      ['users.update', true, false, admin],
      ['users.admin', true, false, admin],
    ]);
    expect(await read('read_only', { as: { user: 'hal', tenant: 'halted' } })).toEqual([
      ['users.read', true, false, admin],
    ]);
    expect(await read('suspended', as)).toEqual([]);
    const all = await effective('hal', as, '?all=true');
    expect(all.filter(({ drift, granted }) => drift || granted)).toEqual([]);
    // where they would come from is shown all the same
    expect(all.find(({ permission }) => permission === 'users.read')?.origins).toHaveLength(1);
  });

  test('are an entry themselves, and nobody’s in another tenant', async () => {
    const since = await office.lastEntryId();
    await effective('vic', VIC);
    expect(await office.entriesSince(since)).toMatchObject([
      {
        actorUserId: 'vic',
        action: 'READ',
        entityType: 'app_user',
        entityId: 'vic',
        purpose: 'user.effective_permissions',
      },
    ]);
    const after = await office.lastEntryId();
    for (const path of ['/admin/users/vic/effective-permissions', '/admin/users/never/effective-permissions']) {
      const { status, body } = await office.service.get(path, ODA);
      expect([status, body.code, body.detail]).toEqual([404, 'NOT_FOUND', 'there is no such user']);
    }
    expect(await office.entriesSince(after)).toEqual([]);
    const token = await office.service.get('/admin/users/vic/effective-permissions', { ...VIC, syncToken: 'nonsense' });
    expect([token.status, token.body.code]).toEqual([400, 'SYNC_TOKEN_INVALID']);
  });
});

test('the catalogue is every permission that a role may hold, and says which are the preset’s', async () => {
  const { status, body } = await office.service.get<PermissionList>('/admin/permissions', ROOT);
  expect(status).toBe(200);
  expect(body.items).toEqual(
    grantable.map(({ id, group, description, kind }) => ({
      id,
      group,
      description,
      kind,
      inPreset: new Set<string>(presets.emr.permissions).has(id),
    })),
  );
  expect(new Set(body.items?.map(({ inPreset }) => inPreset))).toEqual(new Set([true, false]));
  expect(roleId('acme', 'LEAD')).toBe(lead);
});
