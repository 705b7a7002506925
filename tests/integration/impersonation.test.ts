/**
 * "Switch to tenant" over HTTP, on the real stack: what it opens, to whom it is put down, and how it ends, whichever of
 * its ends comes first.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import type { EndedImpersonation, Me, RoleReceipt, StartedImpersonation } from '../../src/contract/api.js';
import { createImpersonationSweeper } from '../../src/impersonation/sweeper.js';
import { ADA, openOffice, PATIENT, ROOT } from '../support/office.js';
import type { Office } from '../support/office.js';
import { startService } from '../support/service.js';
import type { Answered, As, RequestMore } from '../support/service.js';
import { addPerson, claimsOf, emailOf, getMe, tokenOf } from '../support/sign-in-world.js';
import { quiet } from '../support/world.js';

let office: Office;
beforeAll(async () => {
  office = await openOffice();
  await addPerson(office.world, { tenantId: null, userId: 'pia' });
  await office.world.sql(`insert into identity.platform_admin (user_id) values ('pia')`);
  await office.service.settle();
});
afterEach(() =>
  office.world.sql(`update identity.impersonation set ended_at = least(now(), expires_at) where ended_at is null`),
);
afterAll(() => office.end());

const start = (tenantId: string, body: object, more: RequestMore = ROOT): Promise<Answered<StartedImpersonation>> =>
  office.service.post(`/platform/tenants/${tenantId}/impersonation`, body, more);
const end = (tenantId: string, more: RequestMore = ROOT): Promise<Answered<EndedImpersonation>> =>
  office.service.delete(`/platform/tenants/${tenantId}/impersonation`, more);

async function started(tenantId = 'acme', more: RequestMore = ROOT): Promise<{ id: string; key: string }> {
  const { status, body } = await start(tenantId, { reason: 'first tenant admin' }, more);
  expect(status, body.detail).toBe(201);
  return { id: body.impersonationId ?? '', key: body.accessToken ?? '' };
}

let made = 0;
const newRole = (as: As): Promise<Answered<RoleReceipt>> =>
  office.service.post('/admin/roles', { roleName: `ROLE_${String((made += 1))}` }, { as });

async function eventsOf(impersonationId: string): Promise<{ type: string; actor: string | null; details: object }[]> {
  return await office.world.sql(
    `select event_type as type, actor_user_id as actor, details from identity.tenant_audit
     where details->>'impersonationId' = $1 order by ts, id`,
    [impersonationId],
  );
}
const typesOf = async (id: string): Promise<string[]> => (await eventsOf(id)).map(({ type }) => type);

describe('while it is active', () => {
  test('the token writes in the tenant, under the admin’s own id, and both see it', async () => {
    const asked = new Date();
    const { status, body } = await start('acme', { reason: 'first tenant admin', ticket: 'OPS-1' });
    expect(status).toBe(201);
    const lasts = new Date(body.expiresAt ?? '').getTime() - asked.getTime();
    expect(lasts).toBeGreaterThan(59 * 60_000);
    expect(lasts).toBeLessThan(61 * 60_000);
    const id = body.impersonationId ?? '';
    const key = body.accessToken ?? '';
    expect(claimsOf(key)).toMatchObject({
      sub: 'root',
      tenant_id: 'acme',
      act: { sub: 'root', impersonation_id: id },
    });
    const since = await office.lastEntryId();
    expect((await newRole({ key })).status).toBe(201);
    expect(await office.entriesSince(since)).toMatchObject([
      { tenantId: 'acme', actorUserId: 'root', impersonationId: id, purpose: 'role.create' },
    ]);
    const user = { email: 'it@acme.example', displayName: 'Ida', roleIds: ['acme.emr_client_admin'] };
    expect((await office.service.post('/admin/users', user, { as: { key }, timeoutMs: 10_000 })).status).toBe(201);
    const me: Answered<Me> = await getMe(office.service, key);
    expect(me.body).toMatchObject({ userId: 'root', tenantId: 'acme', impersonationId: id });
    expect((await end('acme', { as: { key } })).body).toMatchObject({ impersonationId: id, applied: true });
    expect(await eventsOf(id)).toMatchObject([
      { type: 'IMPERSONATION_STARTED', actor: 'root', details: { reason: 'first tenant admin', ticket: 'OPS-1' } },
      { type: 'USER_CREATED', actor: 'root' },
      { type: 'IMPERSONATION_ENDED', actor: 'root', details: { reason: 'first tenant admin' } },
    ]);
  });

  test('headers that name it write, too, and those that name none, another’s or an ended one do not', async () => {
    const { id } = await started();
    const as = (user: string, impersonation: string) => ({ user, tenant: 'acme', impersonation });
    expect((await newRole(as('root', id))).status).toBe(201);
    expect((await newRole({ user: 'root', tenant: 'acme' })).body.code).toBe('IMPERSONATION_REQUIRED');
    expect((await newRole(as('pia', id))).body.code).toBe('IMPERSONATION_REQUIRED');
    expect((await newRole({ ...as('root', id), tenant: 'other' })).body.code).toBe('IMPERSONATION_REQUIRED');
    await end('acme');
    expect((await newRole(as('root', id))).body.code).toBe('IMPERSONATION_REQUIRED');
  });

  test('nobody else is taken to act in it, whatever they send', async () => {
    const { id } = await started();
    const since = await office.lastEntryId();
    expect((await newRole({ user: 'ada', tenant: 'acme', impersonation: id })).status).toBe(201);
    const reading = { as: { user: 'ada', tenant: 'acme', impersonation: id } };
    expect((await office.service.get('/admin/users', reading)).status).toBe(200);
    const entries = await office.entriesSince(since);
    expect(entries.map(({ impersonationId }) => impersonationId)).toEqual([null, null]);
  });

  test('there is no second one, anywhere, however they are asked for', async () => {
    const answers = await Promise.all(
      ['acme', 'other', 'acme', 'other'].map((tenant) => start(tenant, { reason: 'race' })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409]);
    expect(answers.flatMap(({ body }) => body.code ?? [])).toEqual(Array(3).fill('ALREADY_IMPERSONATING'));
    const first = answers.find(({ status }) => status === 201)?.body;
    const key = first?.accessToken ?? '';
    const named = answers.flatMap(({ body }) => ('impersonation' in body ? [body.impersonation] : []));
    const tenantId = claimsOf(key)['tenant_id'];
    const active = { impersonationId: first?.impersonationId, tenantId, tenantName: expect.any(String) as string };
    expect(named).toEqual(Array(3).fill(active));
    expect((await start('other', { reason: 'nested' }, { as: { key } })).body.code).toBe('ALREADY_IMPERSONATING');
    expect((await office.service.post('/auth/refresh', undefined, { as: { key } })).status).toBe(403);
  });

  test('a read-only or suspended tenant takes no write: 403, and the stop is none', async () => {
    for (const [status, code] of [
      ['read_only', 'TENANT_READ_ONLY'],
      ['suspended', 'TENANT_SUSPENDED'],
    ] as const) {
      const { key } = await started('other');
      await office.world.sql(`update identity.tenant set status = $1 where id = 'other'`, [status]);
      await office.service.settle();
      const answer = await newRole({ key });
      expect({ status: answer.status, code: answer.body.code }).toEqual({ status: 403, code });
      expect((await office.service.get('/admin/roles', { as: { key } })).status).toBe(200);
      expect((await end('other', { as: { key } })).status).toBe(200);
      await office.world.sql(`update identity.tenant set status = 'active' where id = 'other'`);
      await office.service.settle();
    }
  });
});

describe('it is started', () => {
  test('by a platform admin alone, with a reason, in a tenant that there is', async () => {
    expect((await start('acme', { reason: 'x' }, ADA)).body.code).toBe('FORBIDDEN');
    expect((await start('never', { reason: 'x' })).body.code).toBe('NOT_FOUND');
    for (const body of [{}, { reason: '' }, { reason: '   ' }, { reason: 'x', minutes: 600 }]) {
      expect((await start('acme', body)).body.code).toBe('INVALID_REQUEST');
    }
  });

  test('as an emergency with a ticket alone, which is seen and counted', async () => {
    const counted = async (): Promise<number> => {
      const text = await (await fetch(`${office.service.management}/metrics`)).text();
      // Absent it would be NaN: both kinds are there from the start.
      return Number(/impersonations_total\{kind="emergency"\} (\d+)/.exec(text)?.[1]);
    };
    const before = await counted();
    const refused = await start('acme', { reason: 'locked out', emergency: true });
    expect(refused.body).toMatchObject({ code: 'INVALID_REQUEST', errors: [{ field: 'ticket' }] });
    const { body } = await start('acme', { reason: 'locked out', emergency: true, ticket: 'INC-88' });
    expect(await typesOf(body.impersonationId ?? '')).toEqual(['IMPERSONATION_STARTED', 'IMPERSONATION_EMERGENCY']);
    expect(await counted()).toBe(before + 1);
  });

  test('once for a key, and the token is not told again', async () => {
    const more = { ...ROOT, headers: { 'idempotency-key': 'switch-once' } };
    expect((await start('acme', { reason: 'x' }, more)).status).toBe(201);
    expect((await start('acme', { reason: 'x' }, more)).body.code).toBe('IDEMPOTENCY_KEY_SPENT');
  });
});

describe('it ends', () => {
  test('once, for two who stop it at the same time; the token ends with it', async () => {
    const { id, key } = await started();
    const answers = await Promise.all([end('acme'), end('acme')]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 404]);
    expect(await typesOf(id)).toEqual(['IMPERSONATION_STARTED', 'IMPERSONATION_ENDED']);
    expect((await newRole({ key })).status).toBe(401);
    expect((await end('other')).status).toBe(404);
  });

  test('by itself: no write after that, and the sweeper has it written down once', async () => {
    const { id, key } = await started();
    await office.world.sql(
      `update identity.impersonation set started_at = now() - interval '30 minutes', expires_at = clock_timestamp() + interval '300 milliseconds'
       where id = $1`,
      [id],
    );
    await new Promise((resolve) => setTimeout(resolve, 350));
    expect((await newRole({ user: 'root', tenant: 'acme', impersonation: id })).body.code).toBe(
      'IMPERSONATION_REQUIRED',
    );
    expect((await newRole({ key })).status).toBe(401);
    const pool = office.world.pool('bailiwick_service');
    const sweepers = [1, 2, 3].map(() => createImpersonationSweeper({ pool, log: quiet, everyMs: 20 }));
    for (const sweeper of sweepers) await sweeper.start();
    const until = Date.now() + 10_000;
    while ((await typesOf(id)).length < 2 && Date.now() < until)
      await new Promise((resolve) => setTimeout(resolve, 20));
    for (const sweeper of sweepers) await sweeper.stop();
    expect((await typesOf(id)).filter((type) => type === 'IMPERSONATION_ENDED')).toHaveLength(1);
    const [row] = await office.world.sql<{ exact: boolean }>(
      `select ended_at = expires_at as exact from identity.impersonation where id = $1`,
      [id],
    );
    expect(row?.exact).toBe(true);
  });

  test('before the next one starts, where nobody has swept yet', async () => {
    const { id } = await started();
    await office.world.sql(
      `update identity.impersonation set started_at = now() - interval '2 hours', expires_at = now() - interval '1 hour' where id = $1`,
      [id],
    );
    const next = await started('other');
    expect((await typesOf(id)).filter((type) => type === 'IMPERSONATION_ENDED')).toHaveLength(1);
    expect(next.id).not.toBe(id);
  });

  test('with its actor’s account or seat, at once', async () => {
    const own = await tokenOf(office.service, { tenant: 'platform', email: emailOf('pia') });
    for (const [takes, gives] of [
      [
        `update security.app_user set status = 'disabled' where id = 'pia'`,
        `update security.app_user set status = 'active' where id = 'pia'`,
      ],
      [
        `delete from identity.platform_admin where user_id = 'pia'`,
        `insert into identity.platform_admin (user_id) values ('pia')`,
      ],
    ] as const) {
      const { id, key } = await started('acme', { as: { key: own } });
      expect((await newRole({ key })).status).toBe(201);
      await office.world.sql(takes);
      expect((await newRole({ key })).status).toBe(401);
      expect(await typesOf(id)).toContain('IMPERSONATION_ENDED');
      await office.world.sql(gives);
      await office.service.settle();
      expect((await newRole({ key })).status).toBe(401);
    }
  });

  test('with its actor’s signing out, by their own token or by its own', async () => {
    const signOut = (key: string) => office.service.request('/auth/logout', undefined, { as: { key } });
    const own = await tokenOf(office.service, { tenant: 'platform', email: emailOf('pia') });
    const [one, two] = [await started('acme', { as: { key: own } }), await started('other')];
    const since = await office.lastEntryId();
    expect((await signOut(own)).status).toBe(204);
    expect((await newRole({ key: one.key })).status).toBe(401);
    expect((await newRole({ user: 'pia', tenant: 'acme', impersonation: one.id })).body.code).toBe(
      'IMPERSONATION_REQUIRED',
    );
    const told = (await eventsOf(one.id)).map(({ type, actor }) => `${type} ${actor ?? ''}`);
    expect(told.sort()).toEqual(['IMPERSONATION_ENDED pia', 'IMPERSONATION_STARTED pia', 'SIGNED_OUT pia']);
    expect(await office.entriesSince(since)).toMatchObject([{ purpose: 'impersonation.end', actorUserId: 'pia' }]);
    const open = `select from identity.session where impersonation_id = $1 and revoked_at is null`;
    expect(await office.world.sql(open, [one.id])).toEqual([]);

    expect((await signOut(two.key)).status).toBe(204);
    expect(await typesOf(two.id)).toContain('IMPERSONATION_ENDED');
    expect((await start('acme', { reason: 'another' })).status).toBe(201);
  });

  test('for good: nobody prolongs or revives it, the service least of all', async () => {
    const { id } = await started();
    const service = (text: string) =>
      office.world.pool('bailiwick_service').transaction((tx) => tx.query({ text, values: [id] }), {
        settings: { 'bailiwick.platform': 'on' },
      });
    await expect(
      service(`update identity.impersonation set expires_at = expires_at + interval '1 minute' where id = $1`),
    ).rejects.toThrow(/permission denied/);
    await expect(service(`delete from identity.impersonation where id = $1`)).rejects.toThrow(/permission denied/);
    await end('acme');
    await expect(service(`update identity.impersonation set ended_at = null where id = $1`)).rejects.toThrow();
  });
});

test('where nobody signs in, a header names it, and there is no token', async () => {
  const plain = await startService(office.world, { ...PATIENT, signIn: false });
  try {
    const path = '/platform/tenants/acme/impersonation';
    const { status, body }: Answered<StartedImpersonation> = await plain.post(path, { reason: 'headers' }, ROOT);
    expect({ status, accessToken: body.accessToken }).toEqual({ status: 201, accessToken: null });
    expect((await newRole({ user: 'root', tenant: 'acme', impersonation: body.impersonationId ?? '' })).status).toBe(
      201,
    );
    const user = { email: 'plain@acme.example', displayName: 'Plain', roleIds: ['acme.emr_client_viewer'] };
    expect((await plain.post('/admin/users', user, ADA)).body).toMatchObject({ oneTimePassword: null });
    expect((await plain.post('/admin/users/vic/reset-password', undefined, ADA)).status).toBe(404);
  } finally {
    await plain.stop();
  }
});
