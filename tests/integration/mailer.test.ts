/** The mailer's operations on the whole service: who may, what is kept and shown, and what a test mail answers. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import type { Mailer, MailerChange, MailerTestResult, Problem } from '../../src/contract/api.js';
import { createEnqueueMail } from '../../src/mail/enqueue.js';
import { createPostOffice } from '../../src/mail/post-office.js';
import { startMailServer } from '../support/mail-server.js';
import type { MailServer } from '../support/mail-server.js';
import { until } from '../support/outage.js';
import { startService } from '../support/service.js';
import type { RunningService } from '../support/service.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';

const ACCOUNT = { user: 'bailiwick', password: 'sw0rdfish-of-the-mailer' };
const PATIENT = { requestTimeoutMs: 10_000, engineTimeoutMs: 5_000 };
const KEY = randomBytes(32);
const ROOT = { user: 'root', tenant: 'acme' };

let world: World;
let service: RunningService;
let server: MailServer;

beforeAll(async () => {
  world = await createWorld();
  await world.addTenant('acme', 'rcm');
  await world.addUser('acme', 'anne', ['TENANT_ADMIN']);
  await world.addUser(null, 'root');
  await world.sql(`insert into identity.platform_admin (user_id) values ('root')`);
  service = await startService(world, { ...PATIENT, mail: { secretKey: KEY, mailboxDir: undefined } });
  await service.settle();
});
afterAll(async () => {
  await service.stop();
  await world.end();
});
beforeEach(async () => {
  server = await startMailServer({ account: ACCOUNT });
});
afterEach(async () => {
  await server.down();
  await world.superSql('delete from identity.mailer', 'delete from identity.mail_outbox');
});

interface Answer<Body> {
  readonly status: number;
  readonly body: Body & Partial<Problem>;
  readonly text: string;
}

async function call<Body = Mailer>(
  method: string,
  path: string,
  { body, as = ROOT, at = service }: { body?: unknown; as?: typeof ROOT | { key: string }; at?: RunningService } = {},
): Promise<Answer<Body>> {
  const who: Record<string, string> =
    'key' in as ? { authorization: `Bearer ${as.key}` } : { 'x-user-id': as.user, 'x-tenant-id': as.tenant };
  const response = await fetch(`${at.base}/platform${path}`, {
    method,
    headers: { ...who, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: JSON.parse(text) as Answer<Body>['body'], text };
}

const change = (over: Partial<MailerChange> = {}): MailerChange => ({
  host: '127.0.0.1',
  port: server.port,
  security: 'none',
  username: ACCOUNT.user,
  password: ACCOUNT.password,
  fromAddress: 'access@example.com',
  fromName: 'Example',
  ...over,
});
const put = (over: Partial<MailerChange> = {}): Promise<Answer<Mailer>> =>
  call('PUT', '/mailer', { body: change(over) });
const without = (field: keyof MailerChange, over: Partial<MailerChange> = {}): Partial<MailerChange> =>
  Object.fromEntries(Object.entries(change(over)).filter(([name]) => name !== field));
const tryOut = (to = 'ada@example.com', at = service): Promise<Answer<MailerTestResult>> =>
  call<MailerTestResult>('POST', '/mailer/test', { body: { to }, at });

const events = (): Promise<{ type: string; actor: string; details: Record<string, unknown> }[]> =>
  world.sql(`select event_type as type, actor_user_id as actor, details from identity.tenant_audit
    where tenant_id = 'platform' order by id`);

describe('who may', () => {
  test.each([
    ['GET', '/mailer', undefined],
    ['PUT', '/mailer', 'change'],
    ['POST', '/mailer/test', 'test'],
  ] as const)('%s %s: platform admins alone', async (method, path, kind) => {
    const body = kind === 'change' ? change() : kind === 'test' ? { to: 'ada@example.com' } : undefined;
    const as = [
      { user: 'anne', tenant: 'acme' },
      { user: 'nobody', tenant: 'acme' },
      { key: await service.addKey(undefined) },
    ];
    for (const one of as) {
      const answer = await call(method, path, { body, as: one });
      expect(answer).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } });
    }
    expect(server.connections()).toBe(0);
    expect(await world.sql('select host from identity.mailer')).toEqual([]);
  });

  test('each question of it is in the decision log', async () => {
    await call('GET', '/mailer');
    await call('GET', '/mailer', { as: { user: 'anne', tenant: 'acme' } });
    const rows = await world.sql(
      `select distinct subject_user_id as user, answer, permission, object, api from audit.decision
       where tenant_id = 'platform' and subject_user_id in ('root', 'anne') order by 1`,
    );
    const asked = { permission: 'platform', object: 'platform:main', api: 'authorize' };
    expect(rows).toEqual([
      { user: 'anne', answer: 'denied', ...asked },
      { user: 'root', answer: 'allowed', ...asked },
    ]);
  });

  test('whoever is no longer a platform admin is turned away at once', async () => {
    await world.addUser(null, 'former');
    await world.sql(`insert into identity.platform_admin (user_id) values ('former')`);
    await service.settle();
    const as = { user: 'former', tenant: 'acme' };
    expect((await call('GET', '/mailer', { as })).status).toBe(200);
    await world.sql(`delete from identity.platform_admin where user_id = 'former'`);
    await service.settle();
    expect((await call('GET', '/mailer', { as })).status).toBe(403);
  });
});

describe('the password', () => {
  test('is used, and never seen again: not in an answer, a row, the audit, an error', async () => {
    const texts = [(await put()).text, (await call('GET', '/mailer')).text, (await tryOut()).text];
    expect(server.mails[0]).toMatchObject({ to: ['ada@example.com'], user: ACCOUNT.user });
    server.play = () => 421;
    texts.push((await tryOut()).text, (await put({ security: 'tls', host: 'x', port: 1, fromAddress: 'no' })).text);
    texts.push(
      JSON.stringify(
        await world
          .pool(undefined)
          .transaction((tx) =>
            tx.query({ text: `select m::text, encode(password, 'escape') as password from identity.mailer m` }),
          ),
      ),
    );
    texts.push(JSON.stringify(await events()));
    for (const text of texts) {
      expect(text).not.toContain(ACCOUNT.password);
      expect(text).not.toContain(Buffer.from(ACCOUNT.password).toString('base64'));
    }
    expect((await call('GET', '/mailer')).body.settings).toMatchObject({ hasPassword: true, username: ACCOUNT.user });
  });

  test('that is refused and quoted by the server does not come back', async () => {
    await put({ password: 'n0t-the-right-one' });
    const answer = await tryOut();
    expect(answer).toMatchObject({ status: 502, body: { code: 'MAIL_FAILED' } });
    expect(answer.body.detail).toContain('535 unknown: bailiwick ***');
    expect(answer.text + JSON.stringify(await events())).not.toContain('n0t-the-right-one');
  });

  test('stays where it is left out, and goes with null', async () => {
    await put();
    const kept = await call('PUT', '/mailer', { body: without('password', { fromName: 'Another' }) });
    expect(kept.body.settings).toMatchObject({ hasPassword: true, fromName: 'Another' });
    expect((await tryOut()).status).toBe(200);
    const gone = await put({ password: null });
    expect(gone.body.settings).toMatchObject({ hasPassword: false });
    const anonymous = await call('PUT', '/mailer', { body: without('username', { password: null }) });
    expect(anonymous.body.settings).toMatchObject({ hasPassword: false, username: null });
  });

  test('that stays goes to no other server', async () => {
    await put();
    for (const over of [{ host: 'localhost' }, { port: 2525 }, { security: 'starttls' as const }]) {
      const answer = await call('PUT', '/mailer', { body: without('password', over) });
      expect(answer).toMatchObject({ status: 400, body: { code: 'INVALID_REQUEST', errors: [{ field: 'password' }] } });
    }
    expect((await call('GET', '/mailer')).body.settings).toMatchObject({ host: '127.0.0.1', port: server.port });
  });

  test('leaves this machine encrypted or not at all', async () => {
    const answer = await put({ host: 'smtp.example.com' });
    expect(answer).toMatchObject({ status: 400, body: { errors: [{ field: 'security' }] } });
    expect((await put({ host: 'smtp.example.com', security: 'starttls' })).status).toBe(200);
  });
});

test.each<[string, Partial<MailerChange>, string]>([
  ['a host with a line break', { host: 'a\r\nb' }, 'host'],
  ['a host that is a URL', { host: 'http://a/' }, 'host'],
  ['a port past the last', { port: 65_536 }, 'port'],
  ['an unknown mode', { security: 'ssl' as never }, 'security'],
  ['a sender that is a list', { fromAddress: 'a@b,c@d' }, 'fromAddress'],
  ['a sender with a header', { fromAddress: 'a@b\r\nBcc: c@d' }, 'fromAddress'],
  ['a user with a line break', { username: 'a\r\nb' }, 'username'],
  ['a password without a user', { username: null }, 'username'],
])('%s is refused', async (_, over, field) => {
  const answer = await put(over);
  expect(answer).toMatchObject({ status: 400, body: { code: 'INVALID_REQUEST' } });
  expect(answer.body.errors?.map((fault) => fault.field)).toContain(field);
});

describe('a change', () => {
  test('is written down with it, by whom, without the password', async () => {
    const before = (await events()).length;
    await put();
    await put({ fromName: 'Another' });
    expect((await events()).slice(before)).toMatchObject([
      {
        type: 'MAILER_UPDATED',
        actor: 'root',
        details: { before: null, after: { hasPassword: true }, passwordChanged: true },
      },
      { type: 'MAILER_UPDATED', details: { before: { fromName: 'Example' }, after: { fromName: 'Another' } } },
    ]);
  });

  test('that cannot be written down does not happen', async () => {
    await put();
    await world.superSql('revoke insert on identity.tenant_audit from bailiwick_service');
    try {
      expect((await put({ fromName: 'Unseen' })).status).toBe(500);
    } finally {
      await world.superSql('grant insert on identity.tenant_audit to bailiwick_service');
    }
    expect((await call('GET', '/mailer')).body.settings?.fromName).toBe('Example');
  });
});

describe('a test mail', () => {
  test('without a mailer is refused, and so is any without the key', async () => {
    expect(await tryOut()).toMatchObject({ status: 409, body: { code: 'MAILER_NOT_READY' } });
    expect((await call('GET', '/mailer')).body).toMatchObject({ delivery: 'none', settings: null });
    const keyless = await startService(world, PATIENT);
    try {
      const answer = await call('PUT', '/mailer', { body: change(), at: keyless });
      expect(answer).toMatchObject({ status: 409, body: { code: 'MAILER_NOT_READY' } });
      expect(answer.body.detail).toContain('BAILIWICK_MAIL_SECRET_KEY');
      expect(await tryOut('ada@example.com', keyless)).toMatchObject({ status: 409 });
    } finally {
      await keyless.stop();
    }
  });

  test('answers what the server said, and is written down, without the address', async () => {
    await put();
    expect(await tryOut()).toMatchObject({ status: 200, body: { delivery: 'smtp', reply: '250 taken' } });
    expect((await events()).at(-1)).toMatchObject({ type: 'MAIL_TEST_SENT', actor: 'root' });
    expect((await events()).at(-1)?.details).toEqual({ domain: 'example.com', outcome: 'sent' });
    server.play = (step) => (step === 'rcpt' ? 550 : undefined);
    const refused = await tryOut();
    expect(refused).toMatchObject({ status: 502, body: { code: 'MAIL_FAILED', detail: '550 no to ***@example.com' } });
    expect((await events()).at(-1)?.details).toEqual({ domain: 'example.com', outcome: 'refused' });
    await server.down();
    expect(await tryOut()).toMatchObject({ status: 502, body: { code: 'MAIL_FAILED' } });
  });

  test.each(['a@b, c@d', 'a@b\r\nBcc: c@d', 'Ada <a@b>', 'a'])('to %j is refused', async (to) => {
    await put();
    expect(await tryOut(to)).toMatchObject({ status: 400, body: { code: 'INVALID_REQUEST' } });
    expect(server.mails).toEqual([]);
  });
});

describe('on a development machine', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bailiwick-mailbox-'));
  const mailboxDir = join(folder, 'mailbox');
  let local: RunningService;
  beforeAll(async () => {
    local = await startService(world, { ...PATIENT, mail: { secretKey: KEY, mailboxDir } });
  });
  afterAll(async () => {
    await local.stop();
    rmSync(folder, { recursive: true });
  });

  test('mails land in the mailbox, readable by their owner alone, until a mailer is set', async () => {
    expect((await call('GET', '/mailer', { at: local })).body).toMatchObject({ delivery: 'mailbox', settings: null });
    const enqueue = createEnqueueMail(createPostOffice({ secretKey: KEY, mailboxDir }));
    const variables = { tenantName: 'Acme', signInUrl: 'http://x', oneTimePassword: 'one-time-k7', expiresAt: 'later' };
    const order = {
      template: 'one-time-password',
      variables,
      to: { address: 'ada@example.com', name: 'Ada' },
    } as const;
    const settings = { 'bailiwick.tenant_id': 'acme' };
    await world
      .pool('bailiwick_service')
      .transaction((tx) => enqueue(tx, { ...order, tenantId: 'acme' }), { settings });
    await until(
      async () => (await world.sql('select 1 from identity.mail_outbox where sent_at is not null')).length === 1,
      20_000,
    );
    const names = readdirSync(mailboxDir);
    expect(names).toEqual([expect.stringMatching(/^[0-9a-f-]{36}\.eml$/)]);
    const path = join(mailboxDir, names[0] ?? '');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(mailboxDir).mode & 0o777).toBe(0o700);
    expect(readFileSync(path, 'utf8')).toMatch(/^To: Ada <ada@example\.com>$[^]*one-time-k7/m);
    await put();
    expect((await call('GET', '/mailer', { at: local })).body).toMatchObject({ delivery: 'smtp' });
  });
});
