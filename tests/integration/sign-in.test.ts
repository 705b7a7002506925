/** Signing in, on the whole service: who comes in, who does not, and what a refusal tells. */
import { readFile } from 'node:fs/promises';

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { hashPassword } from '../../src/platform/password-hash.js';
import { createPasswordHasher } from '../../src/platform/password-hash.js';
import { forgetOldAttempts } from '../../src/signin/attempt-store.js';
import { createPasswordJudge } from '../../src/signin/password-rules.js';
import { createSignIn } from '../../src/signin/sign-in.js';
import { createMetrics } from '../../src/platform/metrics.js';
import { createPasswords } from '../../src/signin/passwords.js';
import type { Passwords } from '../../src/signin/passwords.js';
import { startService } from '../support/service.js';
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
  setHash,
  signIn,
  tokenOf,
} from '../support/sign-in-world.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';

let world: World;
let service: RunningService;
let passwords: Passwords;
let hash: string;
let people = 0;

beforeAll(async () => {
  world = await createWorld();
  await world.addTenant('t1', 'rcm');
  await world.addTenant('t2', 'rcm');
  service = await startService(world);
  hash = await hashPassword(PASSWORD);
  const list = await readFile(new URL('../../data/common-passwords.txt', import.meta.url), 'utf8');
  passwords = createPasswords({
    pool: world.pool('bailiwick_service'),
    hasher: createPasswordHasher(),
    judge: createPasswordJudge(list),
    tokens: { issueToken: () => Promise.reject(new Error('not asked')) },
    now: () => service.now(),
  });
});
afterAll(async () => {
  await service.stop();
  await world.end();
});
beforeEach(() => service.setNow(undefined));

/** Somebody new of `t1` who can sign in. */
async function newPerson(roles: readonly string[] = ['BILLER']): Promise<{ userId: string; email: string }> {
  people += 1;
  const userId = `person-${String(people)}`;
  await world.addUser('t1', userId, roles);
  await setHash(world, userId, hash);
  return { userId, email: emailOf(userId) };
}

async function giveOneTimePassword(userId: string): Promise<string> {
  const pool = world.pool('bailiwick_service');
  const settings = { 'bailiwick.tenant_id': 't1' };
  return (await pool.transaction((tx) => passwords.setOneTimePassword(tx, userId), { settings })).oneTimePassword;
}

const WRONG = 'this is not the password';
/** How often a password was really worked out, by the service's own count. */
async function hashesDone(): Promise<number> {
  const text = await (await fetch(`${service.management}/metrics`)).text();
  return Number(/^bailiwick_password_hashes_total\{outcome="done"\} (\d+)/m.exec(text)?.[1] ?? 0);
}

describe('who comes in', () => {
  test('a user of a tenant, by its slug, whatever the case of the address', async () => {
    const { userId, email } = await newPerson();
    const answer = await signIn(service, { tenant: 't1', email: ` ${email.toUpperCase()} ` });
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ mustChangePassword: false });
    expect(answer.headers['cache-control']).toBe('no-store');
    const token = answer.body.accessToken ?? '';
    expect(claimsOf(token)).toMatchObject({
      iss: 'https://bailiwick.example',
      aud: 'bailiwick-test',
      sub: userId,
      tenant_id: 't1',
      roles: ['BILLER'],
      managed_user_ids: [],
    });
    expect((await getMe(service, token)).body).toMatchObject({
      userId,
      tenantId: 't1',
      email,
      roles: ['BILLER'],
      isPlatformAdmin: false,
    });
    const [row] = await world.sql<{ seen: boolean }>(
      `select last_sign_in_at is not null as seen from security.app_user where id = $1`,
      [userId],
    );
    expect(row?.seen).toBe(true);
  });

  test('a user at the address of their tenant', async () => {
    const { email } = await newPerson();
    for (const host of ['t1.rcm.example', 'T1.RCM.EXAMPLE:8443', 't1.rcm.example.']) {
      expect((await signIn(service, { email }, { headers: { host } })).status, host).toBe(200);
    }
    expect((await signIn(service, { email }, { headers: { host: 't2.rcm.example' } })).status).toBe(401);
  });

  test.each([
    'rcm.example',
    '127.0.0.1:7080',
    'a.b.rcm.example',
    'x.elsewhere.example',
    '-.rcm.example',
    'rcm.example.t1',
  ])('whoever asks at %s is told to use the address of their tenant', async (host) => {
    const answer = await signIn(service, { email: 'ada@example.com' }, { headers: { host } });
    expect(answer).toMatchObject({ status: 400, body: { code: 'TENANT_ADDRESS_REQUIRED' } });
    expect(answer.body.detail).toContain('<tenant>.rcm.example');
  });

  test('a platform user, under the slug of the platform', async () => {
    await addPerson(world, { tenantId: null, userId: 'root' });
    await world.sql(`insert into identity.platform_admin (user_id) values ('root')`);
    const token = await tokenOf(service, { tenant: 'platform', email: emailOf('root') });
    expect(claimsOf(token)).toMatchObject({ sub: 'root', roles: ['PLATFORM_ADMIN'] });
    expect(claimsOf(token)).not.toHaveProperty('tenant_id');
    expect((await getMe(service, token)).body).toMatchObject({ isPlatformAdmin: true, tenantId: null });
    expect((await signIn(service, { tenant: 't1', email: emailOf('root') })).status).toBe(401);
  });

  test('the same address in two tenants is two people', async () => {
    const { email, userId } = await newPerson();
    await world.sql(`insert into security.app_user (id, tenant_id, email) values ($1 || '-2', 't2', $2)`, [
      userId,
      email,
    ]);
    await setHash(world, `${userId}-2`, await hashPassword(ANOTHER));
    expect((await signIn(service, { tenant: 't2', email })).status).toBe(401);
    expect(claimsOf(await tokenOf(service, { tenant: 't2', email, password: ANOTHER }))['sub']).toBe(`${userId}-2`);
  });

  test('accents are one text, however they are put together', async () => {
    const { userId, email } = await newPerson();
    const accents = 'un café très serré à midi';
    await world.sql(`update security.credential set password_hash = $2 where user_id = $1`, [
      userId,
      await hashPassword(accents.normalize('NFC')),
    ]);
    expect((await signIn(service, { tenant: 't1', email, password: accents.normalize('NFD') })).status).toBe(200);
  });

  test('a hash of weaker parameters is made anew at the next sign-in', async () => {
    const { userId, email } = await newPerson();
    const { hash: make } = await import('@node-rs/argon2');
    await world.sql(`update security.credential set password_hash = $2 where user_id = $1`, [
      userId,
      await make(PASSWORD, { memoryCost: 8192, timeCost: 1 }),
    ]);
    expect((await signIn(service, { tenant: 't1', email })).status).toBe(200);
    const { rows } = await world.pool(undefined).transaction((tx) =>
      tx.query<{ hash: string }>({
        text: `select password_hash as hash from security.credential where user_id = $1`,
        values: [userId],
      }),
    );
    expect(rows[0]?.hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect((await signIn(service, { tenant: 't1', email })).status).toBe(200);
  });
});

describe('a refusal', () => {
  test('is the same for an unknown user, a wrong password, a disabled one and an unknown tenant', async () => {
    const { email } = await newPerson();
    const disabled = await newPerson();
    await world.sql(`update security.app_user set status = 'disabled' where id = $1`, [disabled.userId]);
    const without = await newPerson();
    await world.sql(`delete from security.credential where user_id = $1`, [without.userId]);
    const answers = await Promise.all([
      signIn(service, { tenant: 't1', email: 'nobody@example.com' }),
      signIn(service, { tenant: 't1', email, password: WRONG }),
      signIn(service, { tenant: 't1', email: disabled.email }),
      signIn(service, { tenant: 't1', email: without.email }),
      signIn(service, { tenant: 'no-such-tenant', email }),
      signIn(service, { tenant: 't2', email }),
    ]);
    const shapes = answers.map(({ status, body, headers }) => ({
      status,
      body: { ...body, requestId: undefined },
      names: Object.keys(headers).sort(),
    }));
    for (const shape of shapes) expect(shape).toEqual(shapes[0]);
    expect(answers[0]).toMatchObject({ status: 401, body: { code: 'UNAUTHENTICATED' } });
    const reasons = (await eventsOf(world, 't1'))
      .filter(({ type }) => type === 'SIGN_IN_FAILED')
      .map(({ details }) => details['reason']);
    expect(reasons).toEqual(expect.arrayContaining(['unknown_user', 'wrong_password', 'disabled', 'no_password']));
  });

  test('meets whoever belongs to a suspended tenant; a read-only one lets its people in', async () => {
    await world.addTenant('t3', 'rcm');
    await addPerson(world, { tenantId: 't3', userId: 'sue' });
    await world.sql(`update identity.tenant set status = 'read_only' where id = 't3'`);
    expect((await signIn(service, { tenant: 't3', email: emailOf('sue') })).status).toBe(200);
    await world.sql(`update identity.tenant set status = 'suspended' where id = 't3'`);
    expect((await signIn(service, { tenant: 't3', email: emailOf('sue') })).status).toBe(401);
  });

  test.each<[string, unknown]>([
    ['a NUL in the password', { tenant: 't1', email: 'a@b', password: 'x\0' }],
    ['a NUL in the address', { tenant: 't1', email: 'a\0b', password: 'x' }],
    ['no password', { tenant: 't1', email: 'a@b' }],
    ['an endless password', { tenant: 't1', email: 'a@b', password: 'x'.repeat(513) }],
    ['a slug with SQL in it', { tenant: `' or 1=1 --`, email: 'a@b', password: 'x' }],
    ['a field too many', { tenant: 't1', email: 'a@b', password: 'x', user_id: 'root' }],
  ])('of %s comes from the contract', async (_name, body) => {
    expect(await service.request('/auth/login', body, { as: 'nobody' })).toMatchObject({
      status: 400,
      body: { code: 'INVALID_REQUEST' },
    });
  });
});

describe('failures', () => {
  test('of fifty guesses at once at most five are looked at, and the account is locked', async () => {
    const { userId, email } = await newPerson();
    const before = await hashesDone();
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, at) =>
        signIn(service, { tenant: 't1', email, password: `${WRONG} ${String(at)}` }),
      ),
    );
    expect((await hashesDone()) - before).toBeLessThanOrEqual(5);
    const statuses = answers.map(({ status }) => status);
    expect(statuses.every((status) => [401, 429, 503].includes(status))).toBe(true);
    expect(statuses.filter((status) => status === 401).length).toBeLessThanOrEqual(5);
    // Those who were turned away at the door try again: five are looked at in all, however often anybody tries.
    for (let attempt = 0; attempt < 6; attempt += 1) await signIn(service, { tenant: 't1', email, password: WRONG });
    expect((await hashesDone()) - before).toBe(5);
    const locked = await signIn(service, { tenant: 't1', email });
    expect(locked).toMatchObject({ status: 429, body: { code: 'SIGN_IN_LOCKED' } });
    expect(Number(locked.headers['retry-after'])).toBeGreaterThan(800);
    expect(Number(locked.headers['retry-after'])).toBeLessThanOrEqual(900);
    // What is refused unlooked at is written down once a lock: whoever asks may add no more rows than that.
    const written = async (field: 'type' | 'reason', value: string): Promise<number> =>
      (await eventsOf(world, 't1')).filter(
        ({ type, details }) => details['userId'] === userId && { type, reason: details['reason'] }[field] === value,
      ).length;
    expect(await written('type', 'ACCOUNT_LOCKED')).toBe(1);
    expect(await written('reason', 'wrong_password')).toBe(5);
    expect(await written('reason', 'locked')).toBe(1);
    service.setNow(new Date(Date.now() + 16 * 60_000));
    for (let attempt = 0; attempt < 8; attempt += 1) await signIn(service, { tenant: 't1', email, password: WRONG });
    expect(await written('reason', 'locked')).toBe(2);
  });

  test('lock an address that nobody has in the same way', async () => {
    const email = 'ghost@example.com';
    const before = await hashesDone();
    const statuses: number[] = [];
    for (let attempt = 0; attempt < 7; attempt += 1) {
      statuses.push((await signIn(service, { tenant: 't1', email, password: WRONG })).status);
    }
    expect(statuses).toEqual([401, 401, 401, 401, 401, 429, 429]);
    expect((await hashesDone()) - before).toBe(5);
    expect((await signIn(service, { tenant: 't2', email, password: WRONG })).status).toBe(401);
  });

  test('are forgotten with a success, and a lock ends after a quarter of an hour', async () => {
    const { email } = await newPerson();
    const fail = async (times: number): Promise<void> => {
      for (let attempt = 0; attempt < times; attempt += 1) {
        expect((await signIn(service, { tenant: 't1', email, password: WRONG })).status).toBe(401);
      }
    };
    await fail(4);
    expect((await signIn(service, { tenant: 't1', email })).status).toBe(200);
    await fail(5);
    expect((await signIn(service, { tenant: 't1', email })).status).toBe(429);
    const later = (minutes: number): void => service.setNow(new Date(Date.now() + minutes * 60_000));
    later(14);
    expect((await signIn(service, { tenant: 't1', email })).status).toBe(429);
    later(15.1);
    expect((await signIn(service, { tenant: 't1', email })).status).toBe(200);
    await fail(4);
  });

  test('a hundred in a row lock until an administrator unlocks, however many locks came between', async () => {
    const { userId, email } = await newPerson();
    const fail = async (times: number): Promise<void> => {
      for (let attempt = 0; attempt < times; attempt += 1) {
        expect((await signIn(service, { tenant: 't1', email, password: WRONG })).status).toBe(401);
      }
    };
    const start = Date.now();
    const later = (minutes: number): void => service.setNow(new Date(start + minutes * 60_000));
    const key = `email_key = security.email_key('${email}')`;
    for (let round = 1; round <= 2; round += 1) {
      await fail(5);
      expect((await signIn(service, { tenant: 't1', email })).status).toBe(429);
      later(round * 16);
    }
    const counted = await world.sql<{ n: number }>(`select in_a_row as n from security.sign_in_failure where ${key}`);
    expect(counted).toEqual([{ n: 10 }]);
    await world.superSql(`update security.sign_in_failure set in_a_row = 98 where ${key}`);
    await fail(2);
    later(60 * 24 * 400);
    const refused = await signIn(service, { tenant: 't1', email });
    expect(refused.status).toBe(429);
    expect(refused.headers['retry-after']).toBe('86400');
    await world
      .pool('bailiwick_service')
      .transaction((tx) => forgetOldAttempts(tx, new Date(start + 60_000 * 60 * 24 * 401)), {
        settings: { 'bailiwick.platform': 'on' },
      });
    expect((await signIn(service, { tenant: 't1', email })).status).toBe(429);
    const unlocked = await world
      .pool('bailiwick_service')
      .transaction((tx) => passwords.unlock(tx, userId), { settings: { 'bailiwick.tenant_id': 't1' } });
    expect(unlocked).toBe(true);
    expect((await signIn(service, { tenant: 't1', email })).status).toBe(200);
  });

  test('leave alone whoever is in already; an administrator ends the lock', async () => {
    const { userId, email } = await newPerson();
    const token = await tokenOf(service, { tenant: 't1', email });
    for (let attempt = 0; attempt < 6; attempt += 1) await signIn(service, { tenant: 't1', email, password: WRONG });
    expect((await signIn(service, { tenant: 't1', email })).status).toBe(429);
    expect((await getMe(service, token)).status).toBe(200);
    expect((await service.request('/auth/refresh', undefined, { as: { key: token } })).status).toBe(200);
    expect((await changePassword(service, token, { currentPassword: PASSWORD, newPassword: ANOTHER })).status).toBe(
      200,
    );
    const inTenant = (tenantId: string) => ({ settings: { 'bailiwick.tenant_id': tenantId } });
    const pool = world.pool('bailiwick_service');
    expect(await pool.transaction((tx) => passwords.unlock(tx, userId), inTenant('t2'))).toBe(false);
    expect(await pool.transaction((tx) => passwords.unlock(tx, userId), inTenant('t1'))).toBe(true);
    expect((await signIn(service, { tenant: 't1', email, password: ANOTHER })).status).toBe(200);
  });

  test('to give the current password lock the change, and not the signing in', async () => {
    const { email } = await newPerson();
    const token = await tokenOf(service, { tenant: 't1', email });
    const wrong = { currentPassword: WRONG, newPassword: ANOTHER };
    for (let attempt = 0; attempt < 5; attempt += 1) {
      expect(await changePassword(service, token, wrong)).toMatchObject({
        status: 403,
        body: { code: 'CURRENT_PASSWORD_WRONG' },
      });
    }
    expect(await changePassword(service, token, { ...wrong, currentPassword: PASSWORD })).toMatchObject({
      status: 429,
      body: { code: 'SIGN_IN_LOCKED' },
    });
    expect((await signIn(service, { tenant: 't1', email })).status).toBe(200);
  });

  test('from one address are bounded over all accounts', async () => {
    const other = await startService(world, { signIn: { failuresPerAddress: 10 } });
    try {
      const statuses: number[] = [];
      for (let victim = 0; victim < 12; victim += 1) {
        statuses.push((await signIn(other, { tenant: 't1', email: `v${String(victim)}@example.com` })).status);
      }
      expect(statuses).toEqual([...Array.from({ length: 10 }, () => 401), 429, 429]);
      const { email } = await newPerson();
      const answer = await signIn(other, { tenant: 't1', email });
      expect(answer.body.code).toBe('SIGN_IN_THROTTLED');
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
      const throttled = async (): Promise<number> =>
        (await eventsOf(world, 'platform')).filter(({ details }) => details['reason'] === 'throttled').length;
      expect(await throttled()).toBe(1);
      other.setNow(new Date(Date.now() + 16 * 60_000));
      for (let attempt = 0; attempt < 13; attempt += 1) {
        await signIn(other, { tenant: 't1', email: `w${String(attempt)}@example.com` });
      }
      expect(await throttled()).toBe(2);
    } finally {
      await other.stop();
      await world.sql(`delete from security.sign_in_source`);
    }
  });

  test.each<[string, (attempt: number) => string]>([
    ['with the port of each connection', (attempt) => `10.0.0.1, 203.0.113.7:${String(50_000 + attempt)}`],
    ['with it and in brackets', (attempt) => `[2001:db8::${String(attempt)}]:443`],
    ['in no form at all', (attempt) => `client-${String(attempt)}`],
  ])('are bounded where the gateway writes the address %s', async (_form, forwardedFor) => {
    const gatewaySecret = 'g'.repeat(32);
    const other = await startService(world, { gatewaySecret, signIn: { failuresPerAddress: 3 } });
    try {
      const statuses: number[] = [];
      for (let victim = 0; victim < 5; victim += 1) {
        const headers = { 'x-gateway-secret': gatewaySecret, 'x-forwarded-for': forwardedFor(victim) };
        const email = `v${String(victim)}@example.com`;
        statuses.push((await signIn(other, { tenant: 't1', email }, { headers })).status);
      }
      expect(statuses).toEqual([401, 401, 401, 429, 429]);
    } finally {
      await other.stop();
      await world.sql(`delete from security.sign_in_source`);
    }
  });
});

test('a changed password leaves nothing of it behind, whatever key it is sent with', async () => {
  const { email } = await newPerson();
  const key = email;
  const body = { currentPassword: PASSWORD, newPassword: ANOTHER };
  const as = { key: await tokenOf(service, { tenant: 't1', email }) };
  const answer = await service.request('/auth/change-password', body, { as, headers: { 'idempotency-key': key } });
  expect(answer.status).toBe(200);
  const { rows } = await world
    .pool(undefined)
    .transaction((tx) =>
      tx.query({ text: `select operation_id from audit.idempotency_claim where key = $1`, values: [key] }),
    );
  expect(rows).toEqual([]);
});

describe('at the same moment', () => {
  const rowsOf = async (text: string): Promise<number> =>
    (await world.pool(undefined).transaction((tx) => tx.query({ text }))).rowCount;

  /** What a reset of the user's password holds, in its order: first the user, and when `work` has begun, the credential. */
  async function besidesReset<T>(userId: string, work: () => Promise<T>): Promise<T> {
    const settings = { 'bailiwick.platform': 'on' };
    const waiting = `select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`;
    const { result } = await world.pool('bailiwick_service').transaction(
      async (tx) => {
        await tx.query({ text: `select from security.app_user where id = $1 for update`, values: [userId] });
        const begun = work();
        await expect.poll(() => rowsOf(waiting), { timeout: 10_000 }).toBe(1);
        const text = `update security.credential set changed_at = changed_at where user_id = $1`;
        await tx.query({ text, values: [userId] });
        return { result: begun };
      },
      { settings },
    );
    return await result;
  }

  test('as a reset a sign-in and a change of the password wait for it, and none of them fails', async () => {
    const { userId, email } = await newPerson();
    const { status, body } = await besidesReset(userId, () => signIn(service, { tenant: 't1', email }));
    expect(status).toBe(200);
    const wanted = { currentPassword: PASSWORD, newPassword: ANOTHER };
    const changed = await besidesReset(userId, () => changePassword(service, body.accessToken ?? '', wanted));
    expect(changed.status).toBe(200);
  });

  test('two of one address take the counts in one order: that of the source, then that of the account', async () => {
    const { email } = await newPerson();
    const issued = { accessToken: 'token', sessionId: 'session', expiresAt: new Date() };
    const held = `select from security.sign_in_failure where tenant_id = 't1' for update nowait`;
    const enter = createSignIn({
      pool: world.pool('bailiwick_service'),
      hasher: createPasswordHasher(),
      tokens: { issueToken: () => Promise.resolve(issued) },
      throttle: { reserve: () => Promise.resolve(undefined), giveBack: () => rowsOf(held).then(() => undefined) },
      now: () => service.now(),
      metrics: createMetrics(),
    });
    const { signal } = new AbortController();
    const attempt = { slug: 't1', email, password: PASSWORD, address: '192.0.2.7', requestId: 'r', signal };
    expect(await enter(attempt)).toMatchObject({ accessToken: 'token' });
  });
});

describe('a one-time password', () => {
  test('lets in once, opens the change and nothing else, and then is over', async () => {
    const { userId, email } = await newPerson();
    const oneTime = await giveOneTimePassword(userId);
    expect(oneTime).toMatch(/^[0-9a-hjkmnp-tv-z]{7}(-[0-9a-hjkmnp-tv-z]{7}){3}$/);
    expect((await signIn(service, { tenant: 't1', email })).status).toBe(401);
    const answer = await signIn(service, { tenant: 't1', email, password: `\u00a0\t ${oneTime}\r\n` });
    expect(answer.body).toMatchObject({ mustChangePassword: true });
    const token = answer.body.accessToken ?? '';
    expect((await signIn(service, { tenant: 't1', email, password: oneTime })).status).toBe(401);

    const question = { user: userId, permission: 'claims.read', tenant: 't1' };
    expect(await service.check(question, { as: { key: token } })).toMatchObject({
      status: 403,
      body: { code: 'PASSWORD_CHANGE_REQUIRED' },
    });
    expect((await getMe(service, token)).status).toBe(403);
    expect((await service.request('/auth/refresh', undefined, { as: { key: token } })).status).toBe(403);

    for (const [newPassword, complaint] of [
      [oneTime, 'another than the current one'],
      ['too short', 'at least 15 characters'],
      ['passwordpassword', 'guessed first'],
    ] as const) {
      const refused = await changePassword(service, token, { currentPassword: oneTime, newPassword });
      expect(refused).toMatchObject({ status: 422, body: { code: 'PASSWORD_NOT_ACCEPTED' } });
      expect(refused.body.detail).toContain(complaint);
    }
    const changed = await changePassword(service, token, { currentPassword: ` ${oneTime} `, newPassword: PASSWORD });
    expect(changed.status).toBe(200);
    expect((await getMe(service, token)).status).toBe(401);
    expect((await getMe(service, changed.body.accessToken ?? '')).status).toBe(200);
    expect(await signIn(service, { tenant: 't1', email })).toMatchObject({
      status: 200,
      body: { mustChangePassword: false },
    });
    expect(
      (await eventsOf(world, 't1')).filter(({ type, actor }) => type === 'PASSWORD_CHANGED' && actor === userId),
    ).toHaveLength(1);
  });

  test('with white space inside is another one', async () => {
    const { userId, email } = await newPerson();
    const oneTime = await giveOneTimePassword(userId);
    const broken = `${oneTime.slice(0, 8)} ${oneTime.slice(8)}`;
    expect((await signIn(service, { tenant: 't1', email, password: broken })).status).toBe(401);
    expect((await signIn(service, { tenant: 't1', email, password: oneTime })).status).toBe(200);
  });

  test('used twice at the same moment lets in exactly once', async () => {
    for (let round = 0; round < 5; round += 1) {
      const { userId, email } = await newPerson();
      const password = await giveOneTimePassword(userId);
      const answers = await Promise.all(
        Array.from({ length: 4 }, () => signIn(service, { tenant: 't1', email, password })),
      );
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 401, 401, 401]);
    }
  });

  test('is over after a day, and ends what stood on the password before it', async () => {
    const { userId, email } = await newPerson();
    const token = await tokenOf(service, { tenant: 't1', email });
    const password = await giveOneTimePassword(userId);
    expect((await getMe(service, token)).status).toBe(401);
    service.setNow(new Date(Date.now() + 24 * 3_600_000 + 1_000));
    expect((await signIn(service, { tenant: 't1', email, password })).status).toBe(401);
    service.setNow(undefined);
    expect((await signIn(service, { tenant: 't1', email, password })).status).toBe(200);
  });

  test('is nobody’s to give for a user of another tenant', async () => {
    const { userId } = await newPerson();
    const giving = world
      .pool('bailiwick_service')
      .transaction((tx) => passwords.setOneTimePassword(tx, userId), { settings: { 'bailiwick.tenant_id': 't2' } });
    await expect(giving).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});
