/** Tenants over HTTP, on the real stack: made with their roles, and read-only or suspended at once, for everybody. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type {
  CreatedUser,
  ResetPassword,
  RolePage,
  StartedImpersonation,
  Tenant,
  TenantPage,
  TenantReceipt,
} from '../../src/contract/api.js';
import { ADA, openOffice, PATIENT, ROOT } from '../support/office.js';
import type { Office } from '../support/office.js';
import { startService } from '../support/service.js';
import type { Answered, RequestMore } from '../support/service.js';
import { addPerson, emailOf, getMe, signIn, tokenOf } from '../support/sign-in-world.js';
import { roleId } from '../support/world.js';

let office: Office;
beforeAll(async () => {
  office = await openOffice();
});
afterAll(() => office.end());

let made = 0;
const newBody = () => ({ name: `Tenant ${String((made += 1))}`, slug: `tenant-${String(made)}`, preset: 'rcm' });
const create = (body: object, more: RequestMore = ROOT): Promise<Answered<TenantReceipt>> =>
  office.service.post('/platform/tenants', body, more);
const patch = (id: string, body: object, more: RequestMore = ROOT): Promise<Answered<TenantReceipt>> =>
  office.service.patch(`/platform/tenants/${id}`, body, more);
const list = (query = '', more: RequestMore = ROOT): Promise<Answered<TenantPage>> =>
  office.service.get(`/platform/tenants${query}`, more);

async function eventsOf(tenantId: string): Promise<string[]> {
  const rows = await office.world.sql<{ type: string }>(
    `select event_type as type from identity.tenant_audit where tenant_id = $1 and event_type like 'TENANT%' order by id`,
    [tenantId],
  );
  return rows.map(({ type }) => type);
}

describe('a new tenant', () => {
  test('has the roles of its preset, and its beginning is written down', async () => {
    const since = await office.lastEntryId();
    const answer = await create({ name: '  Acme Behavioral Health ', slug: 'acme-bh', preset: 'rcm' });
    expect(answer.status, answer.body.detail).toBe(201);
    expect(answer.body).toMatchObject({
      name: 'Acme Behavioral Health',
      slug: 'acme-bh',
      status: 'active',
      showOneTimePasswords: true,
      applied: true,
    });
    const id = answer.body.id ?? '';
    const roles: Answered<RolePage> = await office.service.get('/admin/roles', { as: { user: 'root', tenant: id } });
    expect(roles.body.items?.map(({ roleName }) => roleName)).toEqual([
      'PLATFORM_ADMIN',
      'BILLER',
      'BILLING_LEAD',
      'MEMBER_SERVICES',
      'RCM_ANALYST',
      'READONLY',
      'TENANT_ADMIN',
    ]);
    const purposes = (await office.entriesSince(since)).map(({ purpose }) => purpose);
    expect([...new Set(purposes)].sort()).toEqual(['role.create', 'role.set_permissions', 'tenant.create']);
    expect(await eventsOf(id)).toEqual(['TENANT_CREATED']);
  });

  test('has a slug and a name that are no other’s, and no reserved slug', async () => {
    const body = newBody();
    expect((await create(body)).status).toBe(201);
    expect((await create({ ...body, name: 'Other name' })).body.code).toBe('SLUG_TAKEN');
    expect((await create({ ...body, slug: 'other-slug' })).body.code).toBe('NAME_TAKEN');
    for (const slug of ['platform', 'www', 'api']) {
      expect((await create({ ...newBody(), slug })).body.code, slug).toBe('SLUG_TAKEN');
    }
    for (const slug of ['Acme', 'a_b', '-a', 'a.b', '']) {
      expect((await create({ ...newBody(), slug })).body.code, slug).toBe('INVALID_REQUEST');
    }
  });

  test('is made once, by two at the same time and by a key', async () => {
    const body = newBody();
    const answers = await Promise.all([create(body), create(body)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409]);
    const more = { ...ROOT, headers: { 'idempotency-key': 'tenant-once' } };
    const keyed = newBody();
    const first = await create(keyed, more);
    expect((await create(keyed, more)).body).toEqual(first.body);
  });

  test('is the platform’s to make: nobody of a tenant, no key, and nobody while impersonating', async () => {
    expect((await create(newBody(), ADA)).body.code).toBe('FORBIDDEN');
    expect((await list('', ADA)).body.code).toBe('FORBIDDEN');
    expect((await create(newBody(), {})).body.code).toBe('FORBIDDEN');
    const as = await office.impersonate('acme');
    expect((await create(newBody(), { as })).body.code).toBe('FORBIDDEN');
    expect((await patch('acme', { status: 'suspended' }, { as })).body.code).toBe('FORBIDDEN');
    const mailer = { host: 'localhost', port: 25, security: 'none', fromAddress: 'a@b.example' };
    expect((await office.service.put('/platform/mailer', mailer, { as })).body).toMatchObject({ code: 'FORBIDDEN' });
    await office.world.sql(`update identity.impersonation set ended_at = now() where ended_at is null`);
  });
});

describe('the list', () => {
  test('comes by name, by pages, and by status or a part of the name or slug', async () => {
    for (let more = 0; more < 3; more += 1) await create(newBody());
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page: Answered<TenantPage> = await list(`?limit=2${cursor === undefined ? '' : `&cursor=${cursor}`}`);
      seen.push(...(page.body.items ?? []).map(({ id }: Tenant) => id));
      cursor = page.body.nextCursor ?? undefined;
    } while (cursor !== undefined);
    expect(seen).toEqual((await list('?limit=200')).body.items?.map(({ id }: Tenant) => id));
    expect(new Set(seen).size).toBe(seen.length);
    expect((await list('?search=BEHAV')).body.items?.map(({ slug }: Tenant) => slug)).toEqual(['acme-bh']);
    expect((await list('?search=acme-b&status=suspended')).body.items).toEqual([]);
  });
});

describe('a status', () => {
  const check = async (user: string, permission: string, syncToken = ''): Promise<boolean | undefined> =>
    (await office.service.check({ user, permission, tenant: 'other', ...(syncToken === '' ? {} : { syncToken }) })).body
      .allowed;
  const newRole = (as: RequestMore['as']): Promise<Answered<unknown>> =>
    office.service.post('/admin/roles', { roleName: `R_${String((made += 1))}` }, { as: as ?? 'nobody' });

  test('of read-only lets reads through and no write, at once; leaving is no write', async () => {
    await addPerson(office.world, { tenantId: 'other', userId: 'ron', roles: ['EMR_CLIENT_ADMIN'] });
    await office.service.settle();
    const key = await tokenOf(office.service, { tenant: 'other', email: emailOf('ron') });
    expect((await newRole({ key })).status).toBe(201);
    const answer = await patch('other', { status: 'read_only' });
    expect(answer.body).toMatchObject({ status: 'read_only', applied: true });
    const token = answer.body.syncToken;
    expect([await check('ron', 'users.read', token), await check('ron', 'users.admin', token)]).toEqual([true, false]);
    expect((await newRole({ key })).body).toMatchObject({ code: 'TENANT_READ_ONLY' });
    expect((await office.service.get('/admin/roles', { as: { key } })).status).toBe(200);
    expect((await office.service.patch('/auth/me/profile', { displayName: 'x' }, { as: { key } })).body).toMatchObject({
      code: 'TENANT_READ_ONLY',
    });
    expect((await office.service.post('/auth/logout', undefined, { as: { key } })).status).toBe(204);
    await patch('other', { status: 'active' });
    expect(await eventsOf('other')).toEqual(['TENANT_CREATED', 'TENANT_STATUS_CHANGED', 'TENANT_STATUS_CHANGED']);
  });

  test('of suspended stops everything of its people, with tokens from before too', async () => {
    const key = await tokenOf(office.service, { tenant: 'other', email: emailOf('ron') });
    expect((await getMe(office.service, key)).status).toBe(200);
    const answer = await patch('other', { status: 'suspended' });
    const token = answer.body.syncToken;
    expect([await check('ron', 'users.read', token), await check('ron', 'users.admin', token)]).toEqual([false, false]);
    expect((await getMe(office.service, key)).status).toBe(401);
    expect((await signIn(office.service, { tenant: 'other', email: emailOf('ron') })).status).toBe(401);
    const byHeaders = { user: 'ron', tenant: 'other' };
    expect((await office.service.get('/admin/roles', { as: byHeaders })).body).toMatchObject({
      code: 'TENANT_SUSPENDED',
    });
    expect((await newRole(byHeaders)).body).toMatchObject({ code: 'TENANT_SUSPENDED' });
    await patch('other', { status: 'active' });
    expect((await getMe(office.service, key)).status).toBe(200);
  });

  test('stays as it is where nothing changes, and what there is not is 404', async () => {
    const since = await office.lastEntryId();
    expect((await patch('other', { status: 'active' })).status).toBe(200);
    expect(await office.entriesSince(since)).toEqual([]);
    expect((await patch('never', { status: 'active' })).body.code).toBe('NOT_FOUND');
    expect((await patch('other', { name: 'acme' })).body.code).toBe('NAME_TAKEN');
    expect((await patch('other', {})).body.code).toBe('INVALID_REQUEST');
  });
});

test('a tenant that does not show one-time passwords still does where there is no mailer', async () => {
  expect((await patch('acme', { showOneTimePasswords: false })).body.showOneTimePasswords).toBe(false);
  const body = { email: 'shown@acme.example', displayName: 'Shown', roleIds: [roleId('acme', 'EMR_CLIENT_VIEWER')] };
  const answer: Answered<CreatedUser> = await office.service.post('/admin/users', body, { ...ADA, timeoutMs: 10_000 });
  expect(answer.body).toMatchObject({ mail: 'no-mailer' });
  expect(answer.body.oneTimePassword).not.toBeNull();
  await patch('acme', { showOneTimePasswords: true });
});

describe('a tenant that is ended', () => {
  test('leaves no row and no tuple of its own, whatever its people were about; what was written down stays', async () => {
    const made = await create({ ...newBody(), preset: 'emr' });
    const id = made.body.id ?? '';
    const slug = made.body.slug ?? '';
    await office.world.sql(
      `insert into security.app_user (id, tenant_id, email) values ('eve', $1, 'eve@example.com')`,
      [id],
    );
    await office.world.sql(`insert into security.user_role (user_id, role_id) values ('eve', $1)`, [
      `${id}.emr_client_admin`,
    ]);
    await office.service.settle();
    const path = `/platform/tenants/${id}/impersonation`;
    const started: Answered<StartedImpersonation> = await office.service.post(path, { reason: 'the end' }, ROOT);
    const key = started.body.accessToken ?? '';
    const given: Answered<ResetPassword> = await office.service.post('/admin/users/eve/reset-password', undefined, {
      as: { key },
      timeoutMs: 10_000,
      headers: { 'idempotency-key': 'the-end' },
    });
    const typed = { tenant: slug, email: 'eve@example.com' };
    expect((await signIn(office.service, { ...typed, password: given.body.oneTimePassword ?? '' })).status).toBe(200);
    await signIn(office.service, { ...typed, password: 'not this one' });
    await office.world.sql(`select identity.end_tenant($1)`, [id]);
    await office.service.settle();
    expect((await office.world.storedTuples()).filter((tuple) => JSON.stringify(tuple).includes(id))).toEqual([]);
    expect((await getMe(office.service, key)).status).toBe(401);
    const tables = [
      'identity.session where tenant_id = $1',
      `security.credential where user_id = 'eve' and $1 <> ''`,
      'security.sign_in_failure where tenant_id = $1',
      'identity.impersonation where tenant_id = $1',
      'identity.mail_outbox where tenant_id = $1',
      'audit.idempotency_claim where tenant_id = $1',
    ];
    for (const table of tables) {
      const { rowCount } = await office.world
        .pool(undefined)
        .transaction((tx) => tx.query({ text: `select 1 from ${table}`, values: [id] }));
      expect(rowCount, table).toBe(0);
    }
    const told = await office.world.sql<{ type: string }>(
      `select event_type as type from identity.tenant_audit where tenant_id = $1 order by id`,
      [id],
    );
    expect(told.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['TENANT_CREATED', 'IMPERSONATION_STARTED', 'IMPERSONATION_ENDED', 'TENANT_ENDED']),
    );
  });
});

test('where passwords are mailed, a tenant may leave them out of the answer', async () => {
  const mailboxDir = await mkdtemp(join(tmpdir(), 'bailiwick-people-'));
  const mail = { secretKey: randomBytes(32), mailboxDir };
  const mailing = await startService(office.world, { ...PATIENT, mail });
  const add = async (email: string): Promise<Answered<CreatedUser>> => {
    const body = { email, displayName: 'Mailed', roleIds: [roleId('acme', 'EMR_CLIENT_VIEWER')] };
    return await mailing.post('/admin/users', body, { ...ADA, timeoutMs: 10_000 });
  };
  try {
    const shown = await add('mailed-1@acme.example');
    expect(shown.body).toMatchObject({ mail: 'queued' });
    expect(shown.body.oneTimePassword).not.toBeNull();
    await patch('acme', { showOneTimePasswords: false });
    expect((await add('mailed-2@acme.example')).body).toMatchObject({ mail: 'queued', oneTimePassword: null });
    expect((await add('mailed-2@acme.example')).body.code).toBe('EMAIL_TAKEN');
    const [row] = await office.world.sql<{ n: number }>(
      `select count(*)::int as n from identity.mail_outbox where to_address like 'mailed-%'`,
    );
    expect(row?.n).toBe(2);
  } finally {
    await mailing.stop();
    await patch('acme', { showOneTimePasswords: true });
    await rm(mailboxDir, { recursive: true, force: true });
  }
});
