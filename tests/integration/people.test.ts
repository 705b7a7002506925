/**
 * The people of a tenant over HTTP, on the real stack: added with a one-time password that is shown once, found by state,
 * disabled at once, removed with what they leave behind, and never made a ladder by who may not climb.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type {
  CreatedUser,
  Me,
  Profile,
  ProfileReceipt,
  Receipt,
  ResetPassword,
  Unlocked,
  User,
  PeoplePage,
  UserReceipt,
} from '../../src/contract/api.js';
import { ADA, ODA, openOffice, ROOT, VIC } from '../support/office.js';
import type { Office } from '../support/office.js';
import type { Answered, RequestMore } from '../support/service.js';
import { ANOTHER, changePassword, getMe, signIn, tokenOf } from '../support/sign-in-world.js';
import { roleId } from '../support/world.js';

const ADMIN = roleId('acme', 'EMR_CLIENT_ADMIN');
const VIEWER = roleId('acme', 'EMR_CLIENT_VIEWER');
const SLOW = { timeoutMs: 10_000 };

let office: Office;
beforeAll(async () => {
  office = await openOffice();
});
afterAll(() => office.end());

let made = 0;
const newBody = (roleIds: readonly string[] = [VIEWER]) => ({
  email: `new-${String((made += 1))}@acme.example`,
  displayName: `New ${String(made)}`,
  roleIds,
});

function create(body: object, more: RequestMore = ADA): Promise<Answered<CreatedUser>> {
  return office.service.post('/admin/users', body, { ...SLOW, ...more });
}

async function created(roleIds?: readonly string[]): Promise<{ id: string; email: string; oneTimePassword: string }> {
  const answer = await create(newBody(roleIds));
  expect(answer.status, answer.body.detail).toBe(201);
  const { user, oneTimePassword } = answer.body;
  return { id: user?.id ?? '', email: user?.email ?? '', oneTimePassword: oneTimePassword ?? '' };
}

const list = (query = '', more: RequestMore = ADA): Promise<Answered<PeoplePage>> =>
  office.service.get(`/admin/users${query}`, more);
const remove = (id: string, query = '', more: RequestMore = ADA): Promise<Answered<Receipt>> =>
  office.service.delete(`/admin/users/${id}${query}`, more);
const patch = (id: string, body: object, more: RequestMore = ADA): Promise<Answered<UserReceipt>> =>
  office.service.patch(`/admin/users/${id}`, body, more);
const reset = (id: string, more: RequestMore = ADA): Promise<Answered<ResetPassword>> =>
  office.service.post(`/admin/users/${id}/reset-password`, undefined, { ...SLOW, ...more });

async function events(type: string, userId: string): Promise<number> {
  const [row] = await office.world.sql<{ n: number }>(
    `select count(*)::int as n from identity.tenant_audit where event_type = $1 and details->>'userId' = $2`,
    [type, userId],
  );
  return row?.n ?? 0;
}

describe('a new user', () => {
  test('has roles and a one-time password, which is in the answer and nowhere else', async () => {
    const since = await office.lastEntryId();
    const answer = await create({ ...newBody([VIEWER]), email: '  Ida.Lead@ACME.Example ', mustChangePassword: true });
    expect(answer.status, answer.body.detail).toBe(201);
    expect(answer.headers['cache-control']).toBe('no-store');
    const { user, oneTimePassword = '', mail, applied } = answer.body;
    expect(user).toMatchObject({
      email: 'Ida.Lead@acme.example',
      status: 'active',
      states: ['must_change', 'never_signed_in'],
      roleNames: ['EMR_CLIENT_VIEWER'],
      lastSignInAt: null,
    });
    expect({ mail, applied }).toEqual({ mail: 'no-mailer', applied: true });
    expect(oneTimePassword).toMatch(/^[0-9a-z]{7}(-[0-9a-z]{7}){3}$/);
    const entries = await office.entriesSince(since);
    expect(entries.map(({ purpose }) => purpose).sort()).toEqual([`role.assign:${VIEWER}`, 'user.create']);
    expect(await events('USER_CREATED', user?.id ?? '')).toBe(1);
    const said = await office.world.sql<{ text: string }>(
      `select details::text as text from audit.access_log union all select details::text from identity.tenant_audit`,
    );
    expect(said.filter(({ text }) => text.includes(String(oneTimePassword)))).toEqual([]);
  });

  test('signs in, must choose a password, and then may do what their role says', async () => {
    const { email, oneTimePassword } = await created([ADMIN]);
    const { status, body } = await signIn(office.service, { tenant: 'acme', email, password: ` ${oneTimePassword}\n` });
    expect({ status, must: body.mustChangePassword }).toEqual({ status: 200, must: true });
    const as = { key: body.accessToken ?? '' };
    expect((await list('', { as })).body.code).toBe('PASSWORD_CHANGE_REQUIRED');
    const changed = await changePassword(office.service, as.key, {
      currentPassword: oneTimePassword,
      newPassword: ANOTHER,
    });
    const own = { key: changed.body.accessToken ?? '' };
    expect((await list('', { as: own })).status).toBe(200);
    const me: Answered<Me> = await getMe(office.service, own.key);
    expect(me.body.permissions).toContain('users.admin');
    expect(me.body.permissions).not.toContain('claims.update');
  });

  test('is refused without a role, with a foreign one, with the locked one, and with more than the actor may give', async () => {
    expect((await create(newBody([]))).body.code).toBe('INVALID_REQUEST');
    expect((await create(newBody(['other.emr_client_viewer']))).body.code).toBe('NOT_FOUND');
    expect((await create(newBody(['never']))).body.code).toBe('NOT_FOUND');
    expect((await create(newBody(['PLATFORM_ADMIN']))).body.code).toBe('SYSTEM_ROLE_PROTECTED');
    expect((await create(newBody(), VIC)).body.code).toBe('FORBIDDEN');
    const helper = (await office.addRole('HELPER', ['users.read', 'users.update'])).id;
    await office.addHolder('helper', [helper]);
    const refused = await create(newBody([ADMIN]), { as: { user: 'helper', tenant: 'acme' } });
    expect(refused.body).toMatchObject({ code: 'ESCALATION' });
    expect(refused.body).toHaveProperty('missing');
    const [row] = await office.world.sql<{ n: number }>(
      `select count(*)::int as n from security.app_user u where tenant_id = 'acme'
         and not exists (select from security.user_role ur where ur.user_id = u.id)`,
    );
    expect(row?.n).toBe(0);
  });

  test('has an address that nobody else of the tenant has, in whatever case and form', async () => {
    const body = { ...newBody(), email: 'Z\u00fce@acme.example' };
    expect((await create(body)).status).toBe(201);
    for (const email of ['z\u00fce@ACME.example', 'Zu\u0308e@acme.example', ' Z\u00fcE@acme.example ']) {
      expect((await create({ ...body, email })).body.code, email).toBe('EMAIL_TAKEN');
    }
    const elsewhere = { ...body, roleIds: ['other.emr_client_viewer'] };
    expect((await create(elsewhere, ODA)).status).toBe(201);
  });

  test('is made once for a key, and the password is not told again', async () => {
    const more = { ...ADA, headers: { 'idempotency-key': 'one user'.replace(' ', '-') } };
    const body = newBody();
    const [first, second] = await Promise.all([create(body, more), create(body, more)]);
    const codes = [first, second].map((answer) => answer.body.code ?? String(answer.status)).sort();
    expect(codes[0]).toBe('201');
    expect(['IDEMPOTENCY_IN_PROGRESS', 'IDEMPOTENCY_KEY_SPENT']).toContain(codes[1]);
    const third = await create(body, more);
    expect(third.body.code).toBe('IDEMPOTENCY_KEY_SPENT');
    expect(JSON.stringify(third.body)).not.toContain('oneTimePassword');
  });
});

describe('the list', () => {
  test('finds by a part of the address or the name, and by every state', async () => {
    const { id } = await created();
    await office.world.sql(`update security.app_user set display_name = 'Marguerite Ünal' where id = $1`, [id]);
    const idsOf = (page: Answered<PeoplePage>): string[] => (page.body.items ?? []).map((user: User) => user.id);
    expect(idsOf(await list('?search=rguerite'))).toEqual([id]);
    // A space as forms and URLSearchParams write it, as everybody else does, and as people type it.
    for (const space of ['+', '%20'])
      expect(idsOf(await list(`?search=guerite${space}${encodeURIComponent('Ü')}`))).toEqual([id]);
    expect((await list('?search=@example')).status).toBe(200);
    expect(idsOf(await list('?state=must_change&limit=200'))).toContain(id);
    expect(idsOf(await list('?state=never_signed_in&limit=200'))).toContain(id);
    expect(idsOf(await list('?state=no_role&limit=200'))).not.toContain(id);
    await office.world.sql(`update security.user_role set revoked_at = now() where user_id = $1`, [id]);
    await patch(id, { status: 'disabled' });
    expect(idsOf(await list('?state=no_role&limit=200'))).toContain(id);
    expect(idsOf(await list('?state=disabled&limit=200'))).toContain(id);
    expect((await list('?state=lost')).body.code).toBe('INVALID_REQUEST');
  });

  test('comes whole by pages, in the order of the addresses', async () => {
    for (let more = 0; more < 3; more += 1) await office.addHolder(`paged-${String(more)}`, []);
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page: Answered<PeoplePage> = await list(`?limit=2${cursor === undefined ? '' : `&cursor=${cursor}`}`);
      seen.push(...(page.body.items ?? []).map(({ email }: User) => email.toLowerCase()));
      cursor = page.body.nextCursor ?? undefined;
    } while (cursor !== undefined);
    const all = await list('?limit=200');
    expect(seen).toEqual((all.body.items ?? []).map(({ email }: User) => email.toLowerCase()));
    expect(seen.length).toBeGreaterThan(6);
  });

  test('is written down, with who looked in from above', async () => {
    const since = await office.lastEntryId();
    expect((await list('', ROOT)).status).toBe(200);
    expect(await office.entriesSince(since)).toMatchObject([
      { actorUserId: 'root', purpose: 'user.list', action: 'READ' },
    ]);
  });
});

describe('a user who is disabled', () => {
  test('may do nothing at once, and is out of every session', async () => {
    const { id, email, oneTimePassword } = await created([ADMIN]);
    const { body } = await signIn(office.service, { tenant: 'acme', email, password: oneTimePassword });
    const changed = await changePassword(office.service, body.accessToken ?? '', {
      currentPassword: oneTimePassword,
      newPassword: ANOTHER,
    });
    const as = { key: changed.body.accessToken ?? '' };
    expect((await list('', { as })).status).toBe(200);
    const answer = await patch(id, { status: 'disabled' });
    expect(answer.body).toMatchObject({ status: 'disabled', applied: true });
    expect((await list('', { as })).status).toBe(401);
    const question = { user: id, permission: 'users.read', tenant: 'acme' };
    expect((await office.service.check({ ...question, syncToken: answer.body.syncToken ?? '' })).body.allowed).toBe(
      false,
    );
    expect((await signIn(office.service, { tenant: 'acme', email, password: ANOTHER })).status).toBe(401);
    await patch(id, { status: 'active' });
    expect((await list('', { as })).status).toBe(401);
    expect((await signIn(office.service, { tenant: 'acme', email, password: ANOTHER })).status).toBe(200);
    expect([await events('USER_DISABLED', id), await events('USER_ENABLED', id)]).toEqual([1, 1]);
  });

  test('beside requests of theirs: none that began afterwards has an effect', async () => {
    for (let round = 0; round < 5; round += 1) {
      const { id } = await created([ADMIN]);
      const as = { user: id, tenant: 'acme' };
      const stop = new AbortController();
      const writing = (async () => {
        const statuses: number[] = [];
        while (!stop.signal.aborted) statuses.push((await create(newBody(), { as })).status);
        return statuses;
      })();
      await new Promise((resolve) => setTimeout(resolve, 20 * round));
      expect((await patch(id, { status: 'disabled' })).status).toBe(200);
      const since = await office.lastEntryId();
      const after = await create(newBody(), { as });
      stop.abort();
      expect(after.status).toBe(403);
      await writing;
      const late = (await office.entriesSince(since)).filter(({ actorUserId }) => actorUserId === id);
      expect(late.length).toBeLessThanOrEqual(2);
    }
  });

  test('is not the last one who administers', async () => {
    const alone = { as: { user: 'oda', tenant: 'other' } };
    expect((await patch('oda', { status: 'disabled' }, alone)).body.code).toBe('LAST_ADMIN');
    expect((await remove('oda', '', alone)).body.code).toBe('LAST_ADMIN');
  });
});

describe('a password that is reset', () => {
  test('is shown once; the old one, the sessions and the lock are over', async () => {
    const { id, email, oneTimePassword } = await created();
    const { body } = await signIn(office.service, { tenant: 'acme', email, password: oneTimePassword });
    await changePassword(office.service, body.accessToken ?? '', {
      currentPassword: oneTimePassword,
      newPassword: ANOTHER,
    });
    const token = await tokenOf(office.service, { tenant: 'acme', email, password: ANOTHER });
    for (let wrong = 0; wrong < 5; wrong += 1)
      await signIn(office.service, { tenant: 'acme', email, password: 'not this' });
    expect((await list('?state=locked')).body.items?.map((user: User) => user.id)).toEqual([id]);
    const since = await office.lastEntryId();
    const answer = await reset(id);
    expect(answer.status, answer.body.detail).toBe(200);
    expect((await office.entriesSince(since)).map(({ purpose }) => purpose)).toEqual(['user.reset_password']);
    expect(await events('USER_PASSWORD_RESET', id)).toBe(1);
    expect((await getMe(office.service, token)).status).toBe(401);
    expect((await signIn(office.service, { tenant: 'acme', email, password: ANOTHER })).status).toBe(401);
    const again = await signIn(office.service, { tenant: 'acme', email, password: answer.body.oneTimePassword ?? '' });
    expect({ status: again.status, must: again.body.mustChangePassword }).toEqual({ status: 200, must: true });
  });

  test('is nobody’s way to rights that they could not hand out, nor is another address', async () => {
    const helper = (await office.addRole('RESETTER', ['users.read', 'users.update'])).id;
    await office.addHolder('resetter', [helper]);
    await office.addHolder('plain', [VIEWER]);
    const as = { as: { user: 'resetter', tenant: 'acme' } };
    const { id } = await created([ADMIN]);
    expect((await reset(id, as)).body.code).toBe('ESCALATION');
    expect((await patch(id, { email: 'mine@evil.example' }, as)).body.code).toBe('ESCALATION');
    expect((await patch(id, { displayName: 'Renamed' }, as)).status).toBe(200);
    expect((await reset('resetter', as)).status).toBe(200);
  });

  test('ends no lock of itself: that is unlocking, which says whether there was one', async () => {
    const { id, email } = await created();
    for (let wrong = 0; wrong < 5; wrong += 1)
      await signIn(office.service, { tenant: 'acme', email, password: 'not this' });
    expect((await signIn(office.service, { tenant: 'acme', email })).status).toBe(429);
    const unlock = (): Promise<Answered<Unlocked>> => office.service.post(`/admin/users/${id}/unlock`, undefined, ADA);
    const since = await office.lastEntryId();
    expect((await unlock()).body.changed).toBe(true);
    expect((await signIn(office.service, { tenant: 'acme', email })).status).toBe(401);
    await unlock();
    expect((await unlock()).body.changed).toBe(false);
    expect((await office.entriesSince(since)).map(({ purpose }) => purpose)).toEqual(['user.unlock', 'user.unlock']);
    expect(await events('USER_UNLOCKED', id)).toBe(2);
  });
});

describe('a user who is removed', () => {
  test('leaves no row and no tuple, and what was written down', async () => {
    const { id } = await created();
    await office.world.sql(
      `insert into security.user_assignment (tenant_id, user_id, assigned_user_id) values ('acme', $1, 'vic'), ('acme', 'abe', $1)`,
      [id],
    );
    await office.world.sql(`insert into security.user_role (user_id, role_name) values ($1, 'EMR_CLIENT_VIEWER')`, [
      id,
    ]);
    expect((await remove(id)).body).toMatchObject({ applied: true });
    expect((await office.world.storedTuples()).filter((tuple) => JSON.stringify(tuple).includes(id))).toEqual([]);
    expect([await events('USER_CREATED', id), await events('USER_REMOVED', id)]).toEqual([1, 1]);
    expect((await office.service.get(`/admin/users/${id}`, ADA)).status).toBe(404);
  });

  test('hands records on, or stays', async () => {
    const { id } = await created();
    await office.world.sql(`insert into security.record (tenant_id, id, owner_user_id) values ('acme', $1, $1)`, [id]);
    expect((await remove(id)).body.code).toBe('OWNS_RECORDS');
    for (const nobody of ['oda', 'never', id]) {
      expect((await remove(id, `?successorId=${nobody}`)).body.code, nobody).toBe('NOT_FOUND');
    }
    expect((await remove(id, '?successorId=abe')).status).toBe(200);
    expect(await office.world.sql(`select owner_user_id as owner from security.record where id = $1`, [id])).toEqual([
      { owner: 'abe' },
    ]);
  });

  test('is removed once by two at the same time', async () => {
    const { id } = await created();
    const answers = await Promise.all([remove(id), remove(id)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 404]);
    expect(await events('USER_REMOVED', id)).toBe(1);
  });
});

describe('one’s own profile', () => {
  const mine = (more: RequestMore): Promise<Answered<Profile>> => office.service.get('/auth/me/profile', more);
  const rename = (displayName: string, more: RequestMore): Promise<Answered<ProfileReceipt>> =>
    office.service.patch('/auth/me/profile', { displayName }, more);

  test('is read and written by its subject', async () => {
    expect((await rename('  Vic Ünal ', VIC)).body).toMatchObject({
      userId: 'vic',
      displayName: 'Vic Ünal',
      applied: true,
    });
    expect((await mine(VIC)).body).toEqual({ userId: 'vic', email: 'vic@example.com', displayName: 'Vic Ünal' });
  });

  test('is nobody’s from above, whoever they impersonate, nor of one without a role', async () => {
    expect((await mine(ROOT)).body.code).toBe('FORBIDDEN');
    const as = await office.impersonate('acme');
    expect((await rename('Root', { as })).body.code).toBe('FORBIDDEN');
    await office.addHolder('roleless', []);
    expect((await rename('None', { as: { user: 'roleless', tenant: 'acme' } })).body.code).toBe('FORBIDDEN');
    expect((await rename(' ', VIC)).body.code).toBe('INVALID_REQUEST');
  });
});
