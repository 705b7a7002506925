/** What one may choose from without `users.read`: the roles that a request can be about, and people by their names. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { OfferedPersonPage, OfferedRolePage } from '../../src/contract/api.js';
import { ADA, openOffice } from '../support/office.js';
import type { Office } from '../support/office.js';

let office: Office;
let onCall: string;
let payroll: string;
const by = (user: string, tenant = 'acme') => ({ as: { user, tenant } });
const NIA = by('nia');

beforeAll(async () => {
  office = await openOffice();
  onCall = (await office.addRole('ON_CALL', ['claims.read'])).id;
  payroll = (await office.addRole('PAYROLL', ['fee_schedules.update'])).id;
  // Holds nothing that lets her read users.
  await office.addHolder('nia', [onCall]);
  for (const [id, name, status] of [
    ['nia', 'Nia Olsen', 'active'],
    ['ada', 'Ada Lindqvist', 'active'],
    ['abe', 'abe van Linden', 'active'],
    ['vic', 'Vic 100%_', 'active'],
    ['conny', 'Conny Linden', 'disabled'],
  ]) {
    await office.world.sql(`update security.app_user set display_name = $2, status = $3 where id = $1`, [
      id,
      name,
      status,
    ]);
  }
  await office.service.settle();
});
afterAll(() => office.end());

const rolesFor = (offeredFor: string, more = NIA, rest = '') =>
  office.service.get<OfferedRolePage>(`/requests/roles?for=${offeredFor}${rest}`, more);
const people = (query = '', more = NIA) => office.service.get<OfferedPersonPage>(`/requests/people${query}`, more);
const namesFor = async (offeredFor: string, more = NIA) =>
  (await rolesFor(offeredFor, more)).body.items?.map(({ roleName }) => roleName);
const found = async (query = '', more = NIA) =>
  (await people(query, more)).body.items?.map(({ displayName }) => displayName);

describe('roles to ask for', () => {
  test('are those of the tenant that one neither has nor has asked for, with what they are for', async () => {
    const before = (await namesFor('elevation')) ?? [];
    expect(before).toContain('PAYROLL');
    expect(before).toContain('EMR_CLIENT_ADMIN');
    expect(before).not.toContain('ON_CALL');
    expect(before).not.toContain('PLATFORM_ADMIN');
    expect(before).toEqual(before.toSorted());
    const { items = [] } = (await rolesFor('elevation')).body;
    expect(items.every((role) => Object.keys(role).sort().join() === 'description,id,roleName')).toBe(true);
    const asked = { roleId: payroll, durationMinutes: 60, reason: 'Month end' };
    const { body } = await office.service.post<{ elevation: { id: string } }>('/elevations', asked, NIA);
    expect(await namesFor('elevation')).toEqual(before.filter((name) => name !== 'PAYROLL'));
    await office.service.post(`/elevations/${body.elevation?.id ?? ''}/cancel`, undefined, NIA);
    expect(await namesFor('elevation')).toEqual(before);
  });

  test('are asked for as they are offered: no offer is refused for what is known beforehand', async () => {
    const { items = [] } = (await rolesFor('elevation', by('abe'))).body;
    expect(items.length).toBeGreaterThan(3);
    for (const { id } of items) {
      const asked = { roleId: id, durationMinutes: 60, reason: 'Month end' };
      expect((await office.service.post('/elevations', asked, by('abe'))).status).toBe(201);
    }
    expect(await namesFor('elevation', by('abe'))).toEqual([]);
  });

  test('leave out what one will have, and come back with what was taken away', async () => {
    await office.world.sql(
      `insert into security.user_role (user_id, role_id, valid_from) values ('nia', $1, now() + interval '1 day')`,
      [payroll],
    );
    expect(await namesFor('elevation')).not.toContain('PAYROLL');
    expect(await namesFor('delegation')).toEqual(['ON_CALL']);
    await office.world.sql(`update security.user_role set revoked_at = now() where user_id = 'nia' and role_id = $1`, [
      payroll,
    ]);
    expect(await namesFor('elevation')).toContain('PAYROLL');
  });

  test('come a page at a time', async () => {
    const all = await namesFor('elevation');
    const pages: string[] = [];
    let cursor = '';
    for (let page = 0; page < 20; page += 1) {
      const { body } = await rolesFor('elevation', NIA, `&limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`);
      pages.push(...(body.items ?? []).map(({ roleName }) => roleName));
      if (body.nextCursor === null || body.nextCursor === undefined) break;
      cursor = body.nextCursor;
    }
    expect(pages).toEqual(all);
  });
});

test('roles to hand on are those that one holds now', async () => {
  expect(await namesFor('delegation')).toEqual(['ON_CALL']);
  expect(await namesFor('delegation', ADA)).toEqual(['EMR_CLIENT_ADMIN']);
});

test('roles to take in an emergency are those that the tenant lets their holders take', async () => {
  expect(await namesFor('emergency')).toEqual([]);
  const emergency = [{ holderRoleId: onCall, roleId: payroll }];
  const policy = { elevationMaxMinutes: 480, elevationAnswerHours: 72, delegationMaxDays: 31, emergency };
  expect((await office.service.put('/admin/access-policy', policy, ADA)).status).toBe(200);
  expect(await namesFor('emergency')).toEqual(['PAYROLL']);
  expect(await namesFor('emergency', ADA)).toEqual([]);
  const taken = { roleId: payroll, reason: 'Payroll is down', ticket: 'INC-1' };
  expect((await office.service.post('/emergency-access', taken, NIA)).status).toBe(201);
  expect(await namesFor('emergency')).toEqual([]);
});

describe('people to hand on to', () => {
  test('are the others of the tenant who are enabled, by name, and nothing but their names', async () => {
    const { body, text } = await people();
    expect(body.items?.map(({ id }) => id)).toEqual(['abe', 'ada', 'vic']);
    expect(body.items?.every((person) => Object.keys(person).sort().join() === 'displayName,id')).toBe(true);
    expect(text).not.toContain('@');
  });

  test.each([
    ['lin', ['abe van Linden', 'Ada Lindqvist']],
    ['LINDQ', ['Ada Lindqvist']],
    ['van linden', ['abe van Linden']],
    ['den', []],
    // Not their addresses, nor signs that a pattern would know.
    ['example', []],
    ['%', []],
    ['100%_', ['Vic 100%_']],
  ])('are found by how a word of the name begins: %j', async (prefix, names) => {
    expect(await found(`?namePrefix=${encodeURIComponent(prefix)}`)).toEqual(names);
  });

  test('come a page at a time, those of one name too', async () => {
    await office.world.sql(`insert into security.app_user (id, tenant_id, email, display_name)
      select 'twin' || n, 'acme', 'twin' || n || '@example.com', repeat('Ü"', 100) from generate_series(1, 5) n`);
    const ids: string[] = [];
    let cursor: string | undefined;
    do {
      const place: string = cursor === undefined ? '' : `&cursor=${cursor}`;
      const { body } = await people(`?limit=2${place}`);
      ids.push(...(body.items ?? []).map(({ id }) => id));
      cursor = body.nextCursor ?? undefined;
    } while (cursor !== undefined && ids.length < 20);
    expect(ids).toEqual(['abe', 'ada', 'vic', 'twin1', 'twin2', 'twin3', 'twin4', 'twin5']);
    await office.world.sql(`delete from security.app_user where id like 'twin%'`);
  });

  test('are an entry', async () => {
    const since = await office.lastEntryId();
    await people();
    expect(await office.entriesSince(since)).toMatchObject([
      { tenantId: 'acme', actorUserId: 'nia', entityType: 'user', entityId: '*', action: 'READ', purpose: 'user.list' },
    ]);
  });
});

describe('nobody else is answered', () => {
  test.each<[string, () => ReturnType<typeof by> | { as: 'nobody' }, string]>([
    ['whoever is not signed in', () => ({ as: 'nobody' }), '401 UNAUTHENTICATED'],
    ['a user of another tenant', () => by('oda'), '403 FORBIDDEN'],
    ['a user who is disabled', () => by('conny'), '403 FORBIDDEN'],
    ['a platform admin', () => by('root'), '403 FORBIDDEN'],
    ['somebody who never was', () => by('never'), '403 FORBIDDEN'],
  ])('%s', async (_name, who, refusal) => {
    const since = await office.lastEntryId();
    const answers = [await people('', who() as typeof NIA), await rolesFor('elevation', who() as typeof NIA)];
    for (const { status, body } of answers) expect(`${String(status)} ${body.code ?? ''}`).toBe(refusal);
    expect(await office.entriesSince(since)).toEqual([]);
  });

  test('nor of their own requests, but a platform admin, who has none', async () => {
    const { id: roleId } = await office.addRole('AUDITS', ['claims.read']);
    const asked = { roleId, durationMinutes: 60, reason: 'Month end' };
    const { body } = await office.service.post<{ elevation: { id: string } }>('/elevations', asked, NIA);
    const one = `/elevations/${body.elevation?.id ?? ''}`;
    const lists = ['/elevations', '/delegations', '/emergency-access'];
    const answers = async (who: ReturnType<typeof by>): Promise<string[]> => {
      const told = await Promise.all([...lists, one].map((path) => office.service.get(path, who)));
      return told.map(({ status, body: { code } }) => `${String(status)} ${code ?? ''}`.trim());
    };
    expect(await answers(NIA)).toEqual(['200', '200', '200', '200']);
    expect(await answers(by('root'))).toEqual(['200', '200', '200', '404 NOT_FOUND']);
    for (const who of [by('oda'), by('conny'), by('never')]) {
      expect(await answers(who)).toEqual(Array(4).fill('403 FORBIDDEN'));
    }
    const become = async (change: string): Promise<void> => {
      await office.world.sql(change);
      await office.service.settle();
    };
    await become(`update identity.tenant set status = 'read_only' where id = 'acme'`);
    expect(await answers(NIA)).toEqual(['200', '200', '200', '200']);
    await become(`update identity.tenant set status = 'suspended' where id = 'acme'`);
    expect(await answers(NIA)).toEqual(Array(4).fill('403 TENANT_SUSPENDED'));
    expect(await answers(by('root'))).toEqual(['200', '200', '200', '404 NOT_FOUND']);
    await become(`update identity.tenant set status = 'active' where id = 'acme'`);
  });

  test('and nobody in a suspended tenant', async () => {
    await office.world.sql(`update identity.tenant set status = 'suspended' where id = 'other'`);
    await office.service.settle();
    expect((await people('', by('oda', 'other'))).body.code).toBe('TENANT_SUSPENDED');
    expect((await rolesFor('delegation', by('oda', 'other'))).body.code).toBe('TENANT_SUSPENDED');
  });
});
