/** Introspection (RFC 7662): what a token stands for now, who may know, and that whatever else is asked looks the same. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import type { ActiveToken, Introspection } from '../../src/contract/api.js';
import { startService } from '../support/service.js';
import type { Answered, As, RequestMore, RunningService } from '../support/service.js';
import { addPerson, ANOTHER, changePassword, claimsOf, emailOf, PASSWORD, tokenOf } from '../support/sign-in-world.js';
import { createWorld, roleId } from '../support/world.js';
import type { World } from '../support/world.js';

let world: World;
let service: RunningService;
let lena: string;
const PEOPLE = { lena: ['manager'], rene: ['rep'], rosa: ['rep'], boss: ['admin'], otto: ['rep'] } as const;

beforeAll(async () => {
  world = await createWorld();
  await world.addTenant('acme', 'sales');
  await world.addTenant('globex', 'sales');
  service = await startService(world, { requestTimeoutMs: 10_000, validateResponses: true });
  for (const [userId, roles] of Object.entries(PEOPLE)) await addPerson(world, { tenantId: 'acme', userId, roles });
  await addPerson(world, { tenantId: 'globex', userId: 'gil', roles: ['rep'] });
  await addPerson(world, { tenantId: null, userId: 'root' });
  await world.sql(`insert into identity.platform_admin (user_id) values ('root')`);
  await world.sql(
    `insert into security.user_assignment (tenant_id, user_id, assigned_user_id)
     values ('acme', 'lena', 'rene'), ('acme', 'rene', 'rosa')`,
  );
  lena = await tokenOf(service, { tenant: 'acme', email: emailOf('lena') });
});
afterAll(async () => {
  await service.stop();
  await world.end();
});
beforeEach(() => service.setNow(undefined));

const introspect = (token: string, more: RequestMore = {}): Promise<Answered<Introspection>> =>
  service.post('/auth/introspect', { token }, more);
/** The whole answer, so that nothing else is in it. */
async function answerTo(token: string, as?: As): Promise<unknown> {
  const { status, body } = await introspect(token, as === undefined ? {} : { as });
  return status === 200 ? body : status;
}
const INACTIVE = { active: false };
const live = async (token: string): Promise<Partial<ActiveToken>> =>
  (await introspect(token)).body as Partial<ActiveToken>;
const tokenFor = (userId: string, tenant = 'acme'): Promise<string> =>
  tokenOf(service, { tenant, email: emailOf(userId) });

describe('an active token', () => {
  test('is answered with its own claims, where nothing has changed since, and what else holds', async () => {
    const answer = await introspect(lena);
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(answer.body).toEqual({
      active: true,
      token_type: 'Bearer',
      status: 'active',
      tenant_status: 'active',
      ...claimsOf(lena),
    });
    expect(claimsOf(lena)).toMatchObject({ roles: ['manager'], managed_user_ids: ['rene', 'rosa'], sub: 'lena' });
  });

  test('is answered with the roles, the team and the tenant as they are now, whatever it says', async () => {
    await world.sql(`delete from security.user_assignment where user_id = 'rene'`);
    expect(await live(lena)).toMatchObject({ managed_user_ids: ['rene'] });
    await world.sql(`insert into security.user_role (user_id, role_id) values ('lena', $1)`, [roleId('acme', 'admin')]);
    await world.sql(`update identity.tenant set status = 'read_only' where id = 'acme'`);
    expect(await live(lena)).toMatchObject({ roles: ['admin', 'manager'], tenant_status: 'read_only' });
    await world.sql(`update identity.tenant set status = 'active' where id = 'acme'`);
    await world.sql(`delete from security.user_role where user_id = 'lena' and role_id = $1`, [
      roleId('acme', 'admin'),
    ]);
    await world.sql(
      `insert into security.user_assignment (tenant_id, user_id, assigned_user_id) values ('acme', 'rene', 'rosa')`,
    );
    expect(claimsOf(lena)).toMatchObject({ roles: ['manager'] });
  });

  test('names as managed exactly those whom the engine lets the subject read as their manager', async () => {
    const readable = async (): Promise<string[]> => {
      await service.settle();
      const question = { user: 'lena', tenant: 'acme', permission: 'profile.read', type: 'profile' } as const;
      const { body } = await service.listObjects(question);
      return (body.items ?? []).map((name) => name.replace('profile:', '')).filter((id) => id !== 'lena');
    };
    expect((await live(lena)).managed_user_ids).toEqual(await readable());
    // Somebody below who is above somebody, and no manager: another role is not the one that it takes.
    expect(await live(await tokenFor('rene'))).toMatchObject({ roles: ['rep'], managed_user_ids: [] });
    // Without the role the assignments are worth nothing, in the claims as in the engine.
    await world.sql(`update security.user_role set expires_at = now() - interval '1 s' where user_id = 'lena'`);
    expect(await live(lena)).toMatchObject({ roles: [], managed_user_ids: [] });
    expect(await readable()).toEqual([]);
    expect(claimsOf(await tokenFor('lena'))).toMatchObject({ roles: [], managed_user_ids: [] });
    await world.sql(`update security.user_role set expires_at = null where user_id = 'lena'`);
    // A window that has not opened yet, to the clock of the service.
    await world.sql(`update security.user_assignment set valid_from = now() + interval '1 h' where user_id = 'lena'`);
    expect((await live(lena)).managed_user_ids).toEqual([]);
    await world.sql(`update security.user_assignment set valid_from = null where user_id = 'lena'`);
    expect((await live(lena)).managed_user_ids).toEqual(await readable());
  });

  test('of an impersonation says who acts', async () => {
    const root = await tokenFor('root', 'platform');
    const started = await service.post<{ accessToken: string; impersonationId: string }>(
      '/platform/tenants/acme/impersonation',
      { reason: 'a look at a ticket' },
      { as: { key: root }, timeoutMs: 10_000 },
    );
    const token = started.body.accessToken ?? '';
    expect(await live(token)).toMatchObject({
      sub: 'root',
      tenant_id: 'acme',
      roles: ['PLATFORM_ADMIN'],
      act: { sub: 'root', impersonation_id: started.body.impersonationId },
    });
    await service.delete('/platform/tenants/acme/impersonation', { as: { key: root } });
    expect(await answerTo(token)).toEqual(INACTIVE);
    expect(await live(root)).toMatchObject({ active: true, roles: ['PLATFORM_ADMIN'] });
    expect(await live(root)).not.toHaveProperty('tenant_id');
  });

  test('is taken as a form, as RFC 7662 has it', async () => {
    const key = await service.addKey(undefined);
    const ask = (body: string, type = 'application/x-www-form-urlencoded'): Promise<Response> =>
      fetch(`${service.base}/auth/introspect`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': type },
        body,
      });
    const form = await ask(new URLSearchParams({ token: lena, token_type_hint: 'access_token' }).toString());
    expect(form.status).toBe(200);
    expect(await form.json()).toMatchObject({ active: true, sub: 'lena' });
    expect(await (await ask('token=none')).json()).toEqual(INACTIVE);
    for (const wrong of ['token=a&token=b', 'token_type_hint=x', 'token=a%00', 'token=a&more=b', '']) {
      expect((await ask(wrong)).status, wrong).toBe(400);
    }
    expect((await ask('token=a', 'text/plain')).status).toBe(415);
    const elsewhere = await fetch(`${service.base}/check`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/x-www-form-urlencoded' },
      body: 'user=lena&permission=team.read&tenant=acme',
    });
    expect(elsewhere.status).toBe(415);
  });
});

describe('one answer for all that is not active', () => {
  test.each<[string, (token: string) => string]>([
    ['what is no token', () => 'garbage'],
    ['an empty JWT', () => 'e30.e30.e30'],
    ['a token without its signature', (token) => token.split('.').slice(0, 2).join('.')],
    ['a token with another signature', (token) => `${token.slice(0, -6)}AAAAAA`],
    ['a service key', () => `bwk_${'a'.repeat(16)}_${'b'.repeat(43)}`],
    ['a megabyte less', () => 'A'.repeat(8_000)],
  ])('%s', async (_, make) => {
    expect(await answerTo(make(lena))).toEqual(INACTIVE);
  });

  test('a token past its time', async () => {
    service.setNow(new Date(Date.now() + 16 * 60_000));
    expect(await answerTo(lena)).toEqual(INACTIVE);
  });

  test('a token whose session, user or tenant has ended, at once', async () => {
    const token = await tokenFor('otto');
    await world.sql(`update security.app_user set status = 'disabled' where id = 'otto'`);
    expect(await answerTo(token)).toEqual(INACTIVE);
    await world.sql(`update security.app_user set status = 'active' where id = 'otto'`);
    const second = await tokenFor('otto');
    await world.sql(`update identity.tenant set status = 'suspended' where id = 'acme'`);
    expect(await answerTo(second)).toEqual(INACTIVE);
    await world.sql(`update identity.tenant set status = 'active' where id = 'acme'`);
    expect(await live(second)).toMatchObject({ active: true });
    await service.post('/auth/logout', undefined, { as: { key: second } });
    expect(await answerTo(second)).toEqual(INACTIVE);
  });

  test('a token that opens nothing but the change of the password, which also says that it gives no rights', async () => {
    await world.sql(`update security.app_user set must_change_password = true where id = 'otto'`);
    const token = await tokenFor('otto');
    expect(claimsOf(token)).toMatchObject({ roles: [], managed_user_ids: [] });
    expect(await answerTo(token)).toEqual(INACTIVE);
    const changed = await changePassword(service, token, { currentPassword: PASSWORD, newPassword: ANOTHER });
    expect(await live(changed.body.accessToken ?? '')).toMatchObject({ active: true, roles: ['rep'] });
  });
});

describe('who may ask', () => {
  test('a key of the platform about all, a key of a tenant about that tenant alone', async () => {
    const gil = await tokenFor('gil', 'globex');
    const acme = { key: await service.addKey('acme') };
    expect(await answerTo(lena, acme)).toMatchObject({ active: true });
    expect(await answerTo(gil, acme)).toEqual(INACTIVE);
    expect(await answerTo(await tokenFor('root', 'platform'), acme)).toEqual(INACTIVE);
    expect(await answerTo(gil)).toMatchObject({ active: true });
  });

  test('a trusted caller about the tenant that it names', async () => {
    const gil = await tokenFor('gil', 'globex');
    const as = { user: 'boss', tenant: 'acme' };
    expect(await answerTo(lena, as)).toMatchObject({ active: true });
    expect(await answerTo(gil, as)).toEqual(INACTIVE);
  });

  test('a bearer about their own session, and nobody else’s', async () => {
    const boss = { key: await tokenFor('boss') };
    expect(await answerTo(lena, { key: lena })).toMatchObject({ active: true, sub: 'lena' });
    expect(await answerTo(lena, boss)).toEqual(INACTIVE);
    expect(await answerTo(boss.key, boss)).toMatchObject({ sub: 'boss' });
  });

  test('nobody who is not known', async () => {
    expect(await answerTo(lena, 'nobody')).toBe(401);
    expect(await answerTo(lena, { key: 'bwk_nothing' })).toBe(401);
  });
});

test('it is a use of the session: who is seen elsewhere only does not idle out', async () => {
  const seenAt = async (): Promise<Date | undefined> =>
    (
      await world.sql<{ at: Date }>(`select last_seen_at as at from identity.session where id = $1`, [
        claimsOf(lena)['sid'],
      ])
    )[0]?.at;
  const before = await seenAt();
  service.setNow(new Date(Date.now() + 2 * 60_000));
  await live(lena);
  expect((await seenAt())?.getTime()).toBeGreaterThan(before?.getTime() ?? Infinity);
});
