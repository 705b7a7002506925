/** What a token of ours stands on: it ends at once with its session, its user, its tenant or its impersonation. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { createKeyRing } from '../../src/signin/key-ring.js';
import { createTokens } from '../../src/signin/tokens.js';
import type { SessionFor, Tokens } from '../../src/signin/tokens.js';
import { memoryLog } from '../support/http-app.js';
import { SIGN_IN, startService } from '../support/service.js';
import type { RunningService } from '../support/service.js';
import {
  addPerson,
  ANOTHER,
  changePassword,
  claimsOf,
  emailOf,
  eventsOf,
  getMe,
  PASSWORD,
  signIn,
  tokenOf,
} from '../support/sign-in-world.js';
import { createWorld, quiet, roleId } from '../support/world.js';
import type { World } from '../support/world.js';

let world: World;
let service: RunningService;
let tokens: Tokens;
const MINUTE_MS = 60_000;
/** Moves the service's clock; its sessions keep to it. */
const later = (minutes: number): void => service.setNow(new Date(Date.now() + minutes * MINUTE_MS));

beforeAll(async () => {
  world = await createWorld();
  await world.addTenant('t1', 'rcm');
  await world.addTenant('t2', 'rcm');
  // On a busy machine a look-up may take its time.
  service = await startService(world, { requestTimeoutMs: 10_000 });
  await addPerson(world, { tenantId: 't1', userId: 'ada', roles: ['TENANT_ADMIN', 'BILLER'] });
  // Somebody is left who administers while ada is disabled.
  await addPerson(world, { tenantId: 't1', userId: 'abe', roles: ['TENANT_ADMIN'] });
  await addPerson(world, { tenantId: null, userId: 'root' });
  await world.sql(`insert into identity.platform_admin (user_id) values ('root')`);
  const pool = world.pool('bailiwick_service');
  const now = (): Date => service.now();
  const keys = createKeyRing({ pool, secret: SIGN_IN.signingSecret, log: quiet, now });
  await keys.rotate();
  tokens = createTokens({ pool, keys, own: SIGN_IN, now });
});
afterAll(async () => {
  await service.stop();
  await world.end();
});
beforeEach(() => service.setNow(undefined));

const adaIn = (): Promise<string> => tokenOf(service, { tenant: 't1', email: emailOf('ada') });
const statusOf = async (token: string): Promise<number> => (await getMe(service, token)).status;
const issue = async (wanted: SessionFor): Promise<string> =>
  (
    await world
      .pool('bailiwick_service')
      .transaction((tx) => tokens.issueToken(tx, wanted), { settings: { 'bailiwick.platform': 'on' } })
  ).accessToken;
const logOut = (token: string) => service.request('/auth/logout', undefined, { as: { key: token } });

describe('a session', () => {
  test('ends with signing out, and no other session does', async () => {
    const [here, there] = [await adaIn(), await adaIn()];
    expect((await logOut(here)).status).toBe(204);
    expect([await statusOf(here), await statusOf(there)]).toEqual([401, 200]);
    expect((await logOut(here)).status).toBe(401);
    expect((await eventsOf(world, 't1')).map(({ type }) => type)).toContain('SIGNED_OUT');
  });

  test('ends with a change of the password, on every device but the one that gets the new token', async () => {
    const [here, there] = [await adaIn(), await adaIn()];
    const changed = await changePassword(service, here, { currentPassword: PASSWORD, newPassword: ANOTHER });
    expect([await statusOf(here), await statusOf(there), await statusOf(changed.body.accessToken ?? '')]).toEqual([
      401, 401, 200,
    ]);
    const back = { currentPassword: ANOTHER, newPassword: PASSWORD };
    expect((await changePassword(service, changed.body.accessToken ?? '', back)).status).toBe(200);
  });

  test('is renewed with the roles of now, and not past twelve hours or an idle half an hour', async () => {
    let token = await adaIn();
    await world.sql(`update security.user_role set revoked_at = now() where user_id = 'ada' and role_id = $1`, [
      roleId('t1', 'BILLER'),
    ]);
    const renew = () => service.request<{ accessToken: string }>('/auth/refresh', undefined, { as: { key: token } });
    const renewed = await renew();
    expect(claimsOf(renewed.body.accessToken ?? '')).toMatchObject({
      roles: ['TENANT_ADMIN'],
      sid: claimsOf(token)['sid'],
    });
    await world.sql(`insert into security.user_role (user_id, role_id) values ('ada', $1)`, [roleId('t1', 'BILLER')]);

    for (let minutes = 14; minutes < 12 * 60; minutes += 14) {
      later(minutes);
      const answer = await renew();
      expect(answer.status).toBe(200);
      token = answer.body.accessToken ?? '';
    }
    later(12 * 60 + 1);
    expect((await renew()).status).toBe(401);
    service.setNow(undefined);
    const idle = await adaIn();
    later(16);
    expect(await statusOf(idle)).toBe(401);
  });

  test('ends at once where its user is disabled, its tenant suspended, or its user moved', async () => {
    const token = await adaIn();
    const ends = async (change: string, undo: string, status = 401): Promise<void> => {
      await world.sql(change);
      expect(await statusOf(token), change).toBe(status);
      const question = { user: 'ada', permission: 'users.read', tenant: 't1' };
      expect((await service.check(question, { as: { key: token } })).status, change).toBe(status);
      await world.sql(undo);
      await service.settle();
      expect(await statusOf(token), undo).toBe(200);
    };
    const user = (status: string): string => `update security.app_user set status = '${status}' where id = 'ada'`;
    const tenant = (status: string): string => `update identity.tenant set status = '${status}' where id = 't1'`;
    await ends(user('disabled'), user('active'));
    await ends(tenant('suspended'), tenant('active'));
    await ends(tenant('read_only'), tenant('active'), 200);
    await world.sql(`update identity.session set revoked_at = now() where id = $1`, [claimsOf(token)['sid']]);
    expect(await statusOf(token)).toBe(401);
  });

  test('of one user serves nobody else: subject, tenant and impersonation must be its own', async () => {
    const token = await adaIn();
    const sessionId = String(claimsOf(token)['sid']);
    const [{ kid: keyId } = { kid: '' }] = await world.sql<{ kid: string }>(`select kid from identity.signing_key`);
    const check = (over: object) =>
      tokens.checkSession({
        subject: 'ada',
        tenantId: 't1',
        session: { sessionId, impersonationId: undefined, keyId },
        acceptedUntil: Infinity,
        keysStand: () => true,
        ...over,
      });
    expect(await check({})).toEqual({ mustChangePassword: false });
    for (const over of [
      { subject: 'root' },
      { tenantId: 't2' },
      { tenantId: undefined },
      { session: undefined },
      { session: { sessionId, impersonationId: 'i1', keyId } },
      { session: { sessionId: 'no-such-session', impersonationId: undefined, keyId } },
      { session: { sessionId, impersonationId: undefined, keyId: 'no-such-key' } },
    ]) {
      await expect(check(over)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    }
  });
});

describe('a token', () => {
  test('names everyone below, in force now, when they are at most a hundred', async () => {
    await world.sql(
      `insert into security.app_user (id, tenant_id, email)
       select 'rep-' || n, 't1', 'rep-' || n || '@example.com' from generate_series(1, 101) n`,
    );
    const assign = (manager: string, rep: string, expiresAt: string | null = null) =>
      world.sql(
        `insert into security.user_assignment (tenant_id, user_id, assigned_user_id, expires_at) values ('t1', $1, $2, $3)`,
        [manager, rep, expiresAt],
      );
    const managed = async (): Promise<unknown> =>
      claimsOf(await issue({ userId: 'ada', tenantId: 't1' }))['managed_user_ids'];
    await assign('ada', 'rep-1');
    await assign('rep-1', 'rep-2');
    await assign('ada', 'rep-3', '2020-01-01T00:00:00Z');
    expect(await managed()).toEqual(['rep-1', 'rep-2']);
    await world.sql(
      `insert into security.user_assignment (tenant_id, user_id, assigned_user_id)
       select 't1', 'rep-1', 'rep-' || n from generate_series(4, 101) n`,
    );
    expect(await managed()).toHaveLength(100);
    await assign('rep-4', 'rep-3');
    expect(claimsOf(await issue({ userId: 'ada', tenantId: 't1' }))).toMatchObject({ managed_user_ids_omitted: true });
    expect(await managed()).toBeUndefined();
    await world.sql(`delete from security.user_assignment`);
  });

  test('fits, however long the ids and however many the roles', async () => {
    await world.sql(
      `insert into security.app_user (id, tenant_id, email)
       select repeat('x', 110) || n, 't1', 'x' || n || '@example.com' from generate_series(1, 90) n`,
    );
    await world.sql(
      `insert into security.user_assignment (tenant_id, user_id, assigned_user_id)
       select 't1', 'ada', repeat('x', 110) || n from generate_series(1, 90) n`,
    );
    await world.sql(
      `insert into security.role (id, tenant_id, name) select 'long-' || n, 't1', repeat('R', 60) || n from generate_series(1, 50) n`,
    );
    await world.sql(
      `insert into security.user_role (user_id, role_id) select 'ada', 'long-' || n from generate_series(1, 50) n`,
    );
    const token = await issue({ userId: 'ada', tenantId: 't1' });
    expect(token.length).toBeLessThan(8 * 1024);
    expect(claimsOf(token)).toMatchObject({ managed_user_ids_omitted: true, roles_omitted: true });
    expect(await statusOf(token)).toBe(200);
    await world.sql(`delete from security.user_role where role_id like 'long-%'`);
    await world.sql(`delete from security.user_assignment`);
  });

  test('of a global assignment names the role, where the preset has it', async () => {
    await addPerson(world, { tenantId: 't2', userId: 'gil' });
    await world.sql(`insert into security.user_role (user_id, role_name) values ('gil', 'BILLER'), ('gil', 'rep')`);
    expect(claimsOf(await issue({ userId: 'gil', tenantId: 't2' }))['roles']).toEqual(['BILLER']);
  });
});

describe('an impersonation', () => {
  const start = async (): Promise<{ id: string; expiresAt: Date }> => {
    // one at a time
    await world.sql(`update identity.impersonation set ended_at = now() where ended_at is null`);
    const [row] = await world.sql<{ id: string; expiresAt: Date }>(
      `insert into identity.impersonation (actor_user_id, tenant_id, reason) values ('root', 't2', 'a test')
       returning id, expires_at as "expiresAt"`,
    );
    if (row === undefined) throw new Error('no impersonation was made');
    return row;
  };
  const impersonate = async (): Promise<{ token: string; id: string }> => {
    const impersonation = await start();
    return { id: impersonation.id, token: await issue({ userId: 'root', tenantId: 't2', impersonation }) };
  };

  test('gives a token that stays the platform admin’s own, in the tenant, named by `act`', async () => {
    const { id, token } = await impersonate();
    expect(claimsOf(token)).toMatchObject({
      sub: 'root',
      tenant_id: 't2',
      act: { sub: 'root', impersonation_id: id },
      roles: ['PLATFORM_ADMIN'],
    });
    expect((await getMe(service, token)).body).toMatchObject({ userId: 'root', tenantId: 't2', impersonationId: id });
  });

  test('is not prolonged, and changes nobody’s password', async () => {
    const { token } = await impersonate();
    expect((await service.request('/auth/refresh', undefined, { as: { key: token } })).status).toBe(403);
    const change = { currentPassword: PASSWORD, newPassword: ANOTHER };
    expect((await changePassword(service, token, change)).status).toBe(403);
  });

  test('ends with its actor’s password', async () => {
    await addPerson(world, { tenantId: null, userId: 'other-root' });
    await world.sql(`insert into identity.platform_admin (user_id) values ('other-root')`);
    const [row] = await world.sql<{ id: string }>(
      `insert into identity.impersonation (actor_user_id, tenant_id, reason) values ('other-root', 't2', 'a test')
         returning id`,
    );
    if (row === undefined) throw new Error('no impersonation was made');
    const own = await issue({ userId: 'other-root', tenantId: null });
    const change = { currentPassword: PASSWORD, newPassword: ANOTHER };
    expect((await changePassword(service, own, change)).status).toBe(200);
    const active = `select from identity.impersonation where id = $1 and ended_at is null`;
    expect(await world.sql(active, [row.id])).toEqual([]);
    const changed = (await eventsOf(world, 'platform')).findLast(({ type }) => type === 'PASSWORD_CHANGED');
    expect(changed?.details).toMatchObject({ impersonationId: row.id });
    // The other one is the last again.
    await world.sql(`delete from identity.platform_admin where user_id = 'other-root'`);
  });

  test.each<[string, (id: string) => string, string]>([
    ['stopped', (id) => `update identity.impersonation set ended_at = now() where id = '${id}'`, 'select 1'],
    [
      'over',
      (id) =>
        `update identity.impersonation set started_at = now() - interval '2 hours', expires_at = now() - interval '1 hour' where id = '${id}'`,
      'select 1',
    ],
    [
      'of another actor',
      (id) => `update identity.impersonation set actor_user_id = 'ada' where id = '${id}'`,
      'select 1',
    ],
    [
      'of nobody above the tenants any more',
      () => `delete from identity.platform_admin where user_id = 'root'`,
      `insert into identity.platform_admin (user_id) values ('root')`,
    ],
    [
      'of a disabled actor',
      () => `update security.app_user set status = 'disabled' where id = 'root'`,
      `update security.app_user set status = 'active' where id = 'root'`,
    ],
  ])('that is %s ends its token', async (_name, change, undo) => {
    const { id, token } = await impersonate();
    expect(await statusOf(token)).toBe(200);
    await world.sql(change(id));
    expect(await statusOf(token)).toBe(401);
    await world.sql(undo);
  });
});

describe('platform admins', () => {
  const asService = (text: string): Promise<unknown> =>
    world
      .pool('bailiwick_service')
      .transaction((tx) => tx.query({ text }), { settings: { 'bailiwick.platform': 'on' } });

  test('the last one is neither removed nor disabled by the service', async () => {
    const refusal = { code: 'LAST_PLATFORM_ADMIN' };
    await expect(asService(`delete from identity.platform_admin`)).rejects.toMatchObject(refusal);
    const disabling = asService(`update security.app_user set status = 'disabled' where id = 'root'`);
    await expect(disabling).rejects.toMatchObject(refusal);
    await addPerson(world, { tenantId: null, userId: 'second' });
    await asService(`update security.app_user set status = 'disabled' where id = 'second'`);
    await asService(`update security.app_user set status = 'active' where id = 'second'`);
    await asService(`insert into identity.platform_admin (user_id) values ('second')`);
    await asService(`delete from identity.platform_admin where user_id = 'second'`);
    const events = (await eventsOf(world, 'platform')).filter(({ details }) => details['userId'] === 'second');
    const types = events.map(({ type }) => type).filter((type) => type.startsWith('PLATFORM_ADMIN'));
    expect(types).toEqual(['PLATFORM_ADMIN_ADDED', 'PLATFORM_ADMIN_REMOVED']);
  });

  test('two who remove or disable each other at the same moment leave one', async () => {
    const rounds = process.env['VERIFY'] === '1' ? 500 : 20;
    for (let round = 0; round < rounds; round += 1) {
      await asService(`insert into identity.platform_admin (user_id) values ('second') on conflict do nothing`);
      const take =
        round % 2 === 0
          ? (id: string) => asService(`delete from identity.platform_admin where user_id = '${id}'`)
          : (id: string) => asService(`update security.app_user set status = 'disabled' where id = '${id}'`);
      await Promise.allSettled([take('root'), take('second')]);
      const [left] = await world.sql<{ n: number }>(
        `select count(*)::int as n from identity.platform_admin p join security.app_user u on u.id = p.user_id where u.status = 'active'`,
      );
      expect(left?.n).toBe(1);
      await world.sql(`update security.app_user set status = 'active' where id in ('root', 'second')`);
      await world.sql(
        `insert into identity.platform_admin (user_id) values ('root'), ('second') on conflict do nothing`,
      );
    }
    await world.sql(`delete from identity.platform_admin where user_id = 'second'`);
  });

  test('the first one is made once, by whoever holds the token, however many try at once', async () => {
    const bootstrapToken = 'the-bootstrap-token-of-this-test-0123456789';
    const bare = await createWorld();
    const fresh = await startService(bare, { signIn: { bootstrapToken, failuresPerAddress: 50 } });
    try {
      const bootstrap = (token: string, email: string) =>
        fresh.request<{ userId: string; oneTimePassword: string }>(
          '/auth/bootstrap',
          { bootstrapToken: token, email },
          { as: 'nobody', timeoutMs: 10_000 },
        );
      expect((await bootstrap('wrong', 'priya@example.com')).status).toBe(401);
      const answers = await Promise.all(
        Array.from({ length: 8 }, (_, at) => bootstrap(bootstrapToken, `p${String(at)}@example.com`)),
      );
      expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array.from({ length: 7 }, () => 409)]);
      const at = answers.findIndex(({ status }) => status === 201);
      const password = answers[at]?.body.oneTimePassword ?? '';
      const entered = await signIn(fresh, { tenant: 'platform', email: `p${String(at)}@example.com`, password });
      expect(entered).toMatchObject({ status: 200, body: { mustChangePassword: true } });
      expect((await bootstrap(bootstrapToken, 'later@example.com')).body.code).toBe('PLATFORM_ADMIN_EXISTS');
      expect(
        (await service.request('/auth/bootstrap', { bootstrapToken, email: 'a@b' }, { as: 'nobody' })).status,
      ).toBe(401);
    } finally {
      await fresh.stop();
      await bare.end();
    }
  });
});

test('no password and no token is in what was written down, on disk or in the log', async () => {
  const { log, lines } = memoryLog();
  const canary = 'canary violin over the quiet harbour';
  const loud = await startService(world, { log });
  try {
    await addPerson(world, { tenantId: 't1', userId: 'canary', password: canary });
    const email = emailOf('canary');
    const secrets = [canary, ANOTHER, 'wrong canary for the harbour'];
    const token = await tokenOf(loud, { tenant: 't1', email, password: canary });
    secrets.push(token, token.split('.')[2] ?? '');
    const answers = [
      await signIn(loud, { tenant: 't1', email, password: 'wrong canary for the harbour' }),
      await signIn(loud, { tenant: 't1', email: 'wrong canary for the harbour', password: canary }),
      await signIn(loud, { tenant: 'nowhere', email, password: canary }),
      await changePassword(loud, token, { currentPassword: 'wrong canary for the harbour', newPassword: ANOTHER }),
      await changePassword(loud, token, { currentPassword: canary, newPassword: canary }),
      await changePassword(loud, `${token}x`, { currentPassword: canary, newPassword: ANOTHER }),
    ];
    const changed = await changePassword(loud, token, { currentPassword: canary, newPassword: ANOTHER });
    secrets.push(changed.body.accessToken ?? '');
    const rows = await world.sql<{ text: string }>(
      `select to_jsonb(a)::text as text from identity.tenant_audit a union all select to_jsonb(a)::text from audit.access_log a
       union all select to_jsonb(f)::text from security.sign_in_failure f union all select to_jsonb(s)::text from identity.session s`,
    );
    const metrics = await (await fetch(`${loud.management}/metrics`)).text();
    const written = [
      ...rows.map(({ text }) => text),
      ...lines,
      ...answers.map(({ body }) => JSON.stringify(body)),
      metrics,
    ].join('\n');
    expect(lines.length).toBeGreaterThan(5);
    for (const secret of secrets) {
      expect(secret.length).toBeGreaterThan(10);
      expect(written.includes(secret), secret).toBe(false);
    }
  } finally {
    await loud.stop();
  }
});
