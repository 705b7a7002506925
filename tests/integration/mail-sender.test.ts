/** From the queue to a real mail server: what is delivered, how often, and what is left in the table. */
import { randomBytes, randomUUID } from 'node:crypto';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { createEnqueueMail } from '../../src/mail/enqueue.js';
import { createMailMetrics } from '../../src/mail/mail-metrics.js';
import { leaseMails } from '../../src/mail/outbox-store.js';
import { createPostOffice, PASSWORD_PLACE } from '../../src/mail/post-office.js';
import type { PostOffice } from '../../src/mail/post-office.js';
import { createMailSender } from '../../src/mail/sender.js';
import type { SenderTimes } from '../../src/mail/sender.js';
import { createMetrics } from '../../src/platform/metrics.js';
import { createPool } from '../../src/platform/postgres.js';
import type { Pool, Tx } from '../../src/platform/postgres.js';
import { createSeal } from '../../src/platform/seal.js';
import type { MailOrder } from '../../src/shared/mail.js';
import { memoryLog } from '../support/http-app.js';
import { headersOf, startMailServer } from '../support/mail-server.js';
import type { MailServer } from '../support/mail-server.js';
import { until } from '../support/outage.js';
import { startProxy, targetOf, through } from '../support/tcp-proxy.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';

const SECRET = 'k7QX-one-time-secret';
const KEY = randomBytes(32);
const LIMIT_MS = 30_000;
const TIMES: SenderTimes = {
  pollMs: 20,
  sendTimeoutMs: 5_000,
  leaseMs: 10_000,
  retryMs: { first: 50, last: 100 },
  awayMs: { first: 20, last: 60 },
  graceMs: 500,
};

let world: World;
let server: MailServer;
let office: PostOffice;
const endings: (() => Promise<void>)[] = [];

beforeAll(async () => {
  world = await createWorld();
  await world.addTenant('acme', 'rcm');
  await world.addTenant('other', 'rcm');
});
afterAll(() => world.end());

beforeEach(async () => {
  server = await startMailServer();
  office = createPostOffice({ secretKey: KEY, mailboxDir: undefined });
  await setMailer({ port: server.port });
});
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
  await server.down();
  await world.superSql('delete from identity.mail_outbox', 'delete from identity.mailer');
});

const service = (): Pool => world.pool('bailiwick_service');
const asTenant = { settings: { 'bailiwick.tenant_id': 'acme' } };

async function setMailer({ port, password }: { port: number; password?: Buffer }): Promise<void> {
  await world.pool(undefined).transaction((tx) =>
    tx.query({
      text: `insert into identity.mailer (host, port, security, username, password, from_address, updated_by)
        values ('127.0.0.1', $1, 'none', $2, $3, 'access@example.com', 'root')
        on conflict (only_row) do update set port = excluded.port`,
      values: [port, password === undefined ? null : 'bailiwick', password ?? null],
    }),
  );
}

const order = (address: string, over: Partial<MailOrder> = {}): MailOrder =>
  ({
    template: 'one-time-password',
    to: { address, name: 'Ada' },
    tenantId: 'acme',
    variables: {
      tenantName: 'Acme',
      signInUrl: 'https://acme.example.com',
      oneTimePassword: SECRET,
      expiresAt: '2026-11-22T09:30:00Z',
    },
    ...over,
  }) as MailOrder;

async function enqueue(...orders: MailOrder[]): Promise<string[]> {
  const put = createEnqueueMail(office);
  return await service().transaction(async (tx) => {
    const outcomes: string[] = [];
    for (const one of orders) outcomes.push(await put(tx, one));
    return outcomes;
  }, asTenant);
}

function start(over: { times?: Partial<SenderTimes>; pool?: Pool; office?: PostOffice } = {}) {
  const { log, lines } = memoryLog();
  const metrics = createMetrics();
  const pool = over.pool ?? service();
  const sender = createMailSender({
    pool,
    office: over.office ?? office,
    log,
    metrics: createMailMetrics(metrics, service()),
    times: { ...TIMES, ...over.times },
  });
  void sender.start();
  endings.push(() => sender.stop());
  return { sender, lines, metricsText: async () => (await metrics.render()).body };
}

interface Row {
  readonly to: string;
  readonly state: string;
  readonly content: Buffer | null;
  readonly attempts: number;
  readonly error: string | null;
}

async function rows(): Promise<Row[]> {
  const { rows: found } = await world.pool(undefined).transaction((tx) =>
    tx.query<Row>({
      text: `select to_address as to, content, attempts, last_error as error,
               case when sent_at is not null then 'sent' when gave_up_at is not null then 'given up' else 'waiting' end as state
             from identity.mail_outbox order by to_address`,
    }),
  );
  return found;
}

const states = async (): Promise<string[]> => (await rows()).map(({ state }) => state);
const delivered = (): string[] => server.mails.flatMap(({ to }) => to).sort();
const addresses = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `user-${String(index).padStart(3, '0')}@example.com`);

test('a queued mail is sent, and nothing of what it said is left', async () => {
  expect(await enqueue(order('ada@example.com'))).toEqual(['queued']);
  const [before] = await rows();
  expect(before?.state).toBe('waiting');
  expect(before?.content?.includes(SECRET)).toBe(false);
  start();
  await until(async () => (await states())[0] === 'sent', LIMIT_MS);
  const [taken] = server.mails;
  expect(taken).toMatchObject({ from: 'access@example.com', to: ['ada@example.com'] });
  expect(taken?.raw).toContain(SECRET);
  expect((await rows())[0]).toMatchObject({ content: null, attempts: 1, error: null });
  expect(await dump()).not.toContain(SECRET);
});

/** Everything that the database holds of mail, as a superuser reads it. */
async function dump(): Promise<string> {
  const { rows: found } = await world.pool(undefined).transaction((tx) =>
    tx.query<{ text: string }>({
      text: `select coalesce(string_agg(m::text || convert_from(coalesce(content, ''), 'latin1'), ' '), '') as text from identity.mail_outbox m`,
    }),
  );
  return found[0]?.text ?? '';
}

test('a mail of a change that is rolled back is never sent', async () => {
  const put = createEnqueueMail(office);
  const work = async (tx: Tx): Promise<never> => {
    await put(tx, order('ghost@example.com'));
    throw new Error('rolled back');
  };
  await expect(service().transaction(work, asTenant)).rejects.toThrow('rolled back');
  await enqueue(order('ada@example.com'));
  start();
  await until(async () => (await states()).includes('sent'), LIMIT_MS);
  expect(delivered()).toEqual(['ada@example.com']);
});

test('what cannot be mailed is said, and leaves the change alone', async () => {
  expect(await enqueue(order('a b@example.com'), order('a@b, c@d'), order('ada@example.com'))).toEqual([
    'unmailable',
    'unmailable',
    'queued',
  ]);
  await world.superSql('delete from identity.mailer', 'delete from identity.mail_outbox');
  expect(await enqueue(order('ada@example.com'))).toEqual(['no-mailer']);
  office = createPostOffice({ secretKey: undefined, mailboxDir: '/nowhere' });
  expect(await enqueue(order('ada@example.com'))).toEqual(['no-mailer']);
  expect(await rows()).toEqual([]);
});

describe('a server that is down', () => {
  test('delays and loses nothing: once it is back each mail goes, once', async () => {
    await server.down();
    const to = addresses(40);
    await enqueue(...to.map((address) => order(address)));
    const { metricsText, lines } = start();
    await until(async () => (await rows()).some(({ attempts }) => attempts >= 2), LIMIT_MS);
    expect(new Set(await states())).toEqual(new Set(['waiting']));
    expect(await metricsText()).toMatch(/^bailiwick_mail_outbox_pending 40$/m);
    expect(await metricsText()).toMatch(/^bailiwick_mail_outbox_oldest_age_seconds [0-9.]+$/m);
    await server.up();
    await until(async () => !(await states()).includes('waiting'), LIMIT_MS);
    expect(delivered()).toEqual(to);
    expect(await metricsText()).toMatch(/^bailiwick_mail_sent_total\{outcome="sent"\} 40$/m);
    expect(await metricsText()).toMatch(/^bailiwick_mail_sent_total\{outcome="unreachable"\} [1-9]/m);
    expect(lines.join('')).not.toContain(SECRET);
    expect(lines.join('')).not.toContain('example.com');
  });

  test('is tried with one mail, not with all that wait', async () => {
    await server.down();
    await enqueue(...addresses(40).map((address) => order(address)));
    start({ times: { awayMs: { first: 300, last: 300 } } });
    await until(async () => (await rows()).some(({ attempts }) => attempts > 0), LIMIT_MS);
    await new Promise((resolve) => setTimeout(resolve, 600));
    const tried = (await rows()).reduce((sum, { attempts }) => sum + attempts, 0);
    // Four at first, then one each 150 to 300 ms.
    expect(tried).toBeLessThanOrEqual(4 + 6);
  });

  test('for a day makes a mail’s end: it is given up, counted, and what it said is erased', async () => {
    await server.down();
    await enqueue(order('late@example.com'));
    await world.superSql(
      `update identity.mail_outbox set created_at = now() - interval '25 hours', expires_at = now() - interval '1 hour'`,
    );
    const { metricsText } = start();
    await until(async () => (await states())[0] === 'given up', LIMIT_MS);
    expect((await rows())[0]).toMatchObject({ content: null, error: 'never tried' });
    expect(await metricsText()).toMatch(/^bailiwick_mail_sent_total\{outcome="expired"\} 1$/m);
  });

  test('a mail never outlives its day, whatever its order asks for', async () => {
    await enqueue(order('ada@example.com', { expiresAt: new Date(Date.now() + 7 * 86_400_000) }));
    const [row] = await world.sql<{ hours: number }>(
      `select extract(epoch from expires_at - created_at)::float8 / 3600 as hours from identity.mail_outbox`,
    );
    expect(row?.hours).toBe(24);
  });
});

describe('a server that says no', () => {
  test('for now, is asked again', async () => {
    let refusals = 2;
    server.play = (step) => (step === 'rcpt' && refusals-- > 0 ? 451 : undefined);
    await enqueue(order('ada@example.com'));
    start();
    await until(async () => (await states())[0] === 'sent', LIMIT_MS);
    expect((await rows())[0]?.attempts).toBe(3);
    expect(delivered()).toEqual(['ada@example.com']);
  });

  test('for good, is believed: the mail is given up, its reason kept, and the others go', async () => {
    server.play = (step, about) => (step === 'rcpt' && about.startsWith('gone') ? 550 : undefined);
    await enqueue(order('gone@example.com'), order('here@example.com'));
    const { metricsText } = start();
    await until(async () => !(await states()).includes('waiting'), LIMIT_MS);
    expect(await rows()).toMatchObject([
      { to: 'gone@example.com', state: 'given up', content: null, attempts: 1, error: '550 no to gone@example.com' },
      { to: 'here@example.com', state: 'sent' },
    ]);
    expect(await metricsText()).toMatch(/^bailiwick_mail_sent_total\{outcome="refused"\} 1$/m);
  });

  test('and quotes the mail, brings no password into the table', async () => {
    server.play = (step, raw) =>
      step === 'data' ? { code: 554, say: `spam: ${/k7QX.*/.exec(raw)?.[0] ?? ''}` } : undefined;
    await enqueue(order('ada@example.com'));
    const { lines } = start();
    await until(async () => (await states())[0] === 'given up', LIMIT_MS);
    expect(await dump()).not.toContain(SECRET);
    expect((await rows())[0]?.error).toBe('554 spam: ***');
    expect(lines.join('')).not.toContain(SECRET);
  });

  test('to us and not to a mail, makes no mail’s end', async () => {
    let refused = 0;
    server.play = (step) => (step === 'mail' && (refused += 1) <= 3 ? 550 : undefined);
    await enqueue(order('ada@example.com'));
    start();
    await until(async () => (await states())[0] === 'sent', LIMIT_MS);
    expect(refused).toBeGreaterThan(3);
  });
});

describe('how often', () => {
  // A subquery with a limit is run once for each row of a nested loop, each time with other rows left to lock.
  test.each(['nestloop', 'hashjoin', 'mergejoin'])(
    'as many are leased as were asked for, joined by %s',
    async (join) => {
      await enqueue(...addresses(40).map((address) => order(address)));
      await world.superSql('analyze identity.mail_outbox');
      const others = ['nestloop', 'hashjoin', 'mergejoin', 'material', 'hashagg'].filter((method) => method !== join);
      const leased = await service().transaction(
        async (tx) => {
          for (const method of others) await tx.query({ text: `select set_config('enable_${method}', 'off', true)` });
          return await leaseMails(tx, { limit: 1, lease: randomUUID(), leaseMs: 1_000 });
        },
        { settings: { 'bailiwick.platform': 'on' } },
      );
      expect(leased).toHaveLength(1);
    },
  );

  test('several senders side by side send each mail once', { timeout: 120_000 }, async () => {
    const to = addresses(process.env['VERIFY'] === '1' ? 1_000 : 150);
    await enqueue(...to.map((address) => order(address)));
    for (let index = 0; index < 3; index += 1) start();
    await until(async () => !(await states()).includes('waiting'), 100_000);
    expect(delivered()).toEqual(to);
    expect(new Set((await rows()).map(({ attempts }) => attempts))).toEqual(new Set([1]));
  });

  test('a mail whose “taken” was lost is sent again, under the same Message-ID', async () => {
    let lost = 0;
    server.play = (step) => (step === 'data' && server.mails.length === 1 && lost++ === 0 ? 'lost' : undefined);
    await enqueue(order('ada@example.com'));
    start();
    await until(async () => (await states())[0] === 'sent', LIMIT_MS);
    const ids = server.mails.map(({ raw }) => headersOf(raw).get('message-id')?.[0]);
    expect(ids).toHaveLength(2);
    expect(new Set(ids).size).toBe(1);
  });

  test('a mail whose sender died is sent by another once its lease is over, and not before', async () => {
    await enqueue(order('ada@example.com'));
    await world.superSql(
      `update identity.mail_outbox set lease = gen_random_uuid(), leased_until = now() + interval '700 milliseconds'`,
    );
    start();
    await new Promise((resolve) => setTimeout(resolve, 250));
    expect(server.mails).toEqual([]);
    await until(async () => (await states())[0] === 'sent', LIMIT_MS);
    expect(delivered()).toEqual(['ada@example.com']);
  });

  test('a database that is away when the server takes the mail does not make it go out again', async () => {
    const proxy = await startProxy(targetOf(world.databaseUrl));
    const url = through(world.databaseUrl, proxy);
    const pool = createPool({ url, role: 'bailiwick_service', max: 3, applicationName: 'test' }, () => undefined);
    endings.push(async () => {
      await proxy.set('pass');
      await pool.end();
      await proxy.stop();
    });
    let cut: Promise<void> | undefined;
    server.play = (step) => {
      if (step === 'data') cut ??= proxy.set('refuse');
      return undefined;
    };
    await enqueue(order('ada@example.com'));
    start({ pool, times: { leaseMs: 30_000 } });
    await until(() => Promise.resolve(server.mails.length === 1), LIMIT_MS);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(await states()).toEqual(['waiting']);
    await proxy.set('pass');
    await until(async () => (await states())[0] === 'sent', LIMIT_MS);
    expect(delivered()).toEqual(['ada@example.com']);
  });

  test('a stop waits for what is under way', async () => {
    await enqueue(order('ada@example.com'));
    const { sender } = start();
    await until(() => Promise.resolve(server.connections() > 0), LIMIT_MS);
    await sender.stop();
    expect(await states()).toEqual(['sent']);
  });
});

describe('the key', () => {
  test('that is another one sends nothing and drops nothing; the right one sends it', async () => {
    await enqueue(order('ada@example.com'));
    const wrong = start({ office: createPostOffice({ secretKey: randomBytes(32), mailboxDir: undefined }) });
    await until(async () => ((await rows())[0]?.attempts ?? 0) > 0, LIMIT_MS);
    await wrong.sender.stop();
    expect(await rows()).toMatchObject([
      { state: 'waiting', error: expect.stringContaining('cannot be opened') as string },
    ]);
    start();
    await until(async () => (await states())[0] === 'sent', LIMIT_MS);
  });

  test('that no longer opens the mailer’s password is said, and nothing is lost', async () => {
    await world.superSql('delete from identity.mailer');
    await setMailer({ port: server.port, password: createSeal(randomBytes(32)).seal('x', PASSWORD_PLACE) });
    await enqueue(order('ada@example.com'));
    start();
    await until(async () => (await rows())[0]?.error !== null, LIMIT_MS);
    expect((await rows())[0]?.error).toMatch(/password of the mailer cannot be opened/);
    expect(server.connections()).toBe(0);
  });

  test('and a content that somebody moves to another mail does not open there', async () => {
    await enqueue(order('ada@example.com'), order('eve@example.net'));
    await world.superSql(`update identity.mail_outbox e set content = a.content, not_before = now() - interval '1 second'
      from identity.mail_outbox a where e.to_address = 'eve@example.net' and a.to_address = 'ada@example.com'`);
    start();
    await until(async () => (await states())[0] === 'sent' && (await rows())[1]?.attempts !== 0, LIMIT_MS);
    expect(delivered()).toEqual(['ada@example.com']);
  });
});

describe('who sees the outbox', () => {
  const refused = async (
    role: 'bailiwick_operator' | 'bailiwick_service',
    text: string,
    settings = {},
  ): Promise<void> => {
    const work = world.pool(role).transaction((tx) => tx.query({ text }), { settings });
    await expect(work, text).rejects.toThrow(/permission denied|row-level security/);
  };

  test('an operator sees who waits and why, and not what is sealed', async () => {
    await enqueue(order('ada@example.com'));
    await world.sql(`select id, to_address, template, attempts, last_error, not_before from identity.mail_outbox`);
    await world.sql(`select host, port, security, username, from_address from identity.mailer`);
    await refused('bailiwick_operator', 'select content from identity.mail_outbox');
    await refused('bailiwick_operator', 'select * from identity.mail_outbox');
    await refused('bailiwick_operator', 'select password from identity.mailer');
    await refused('bailiwick_operator', 'update identity.mail_outbox set not_before = now()');
    await refused('bailiwick_operator', 'delete from identity.mail_outbox');
    await refused('bailiwick_operator', `update identity.mailer set host = 'evil.example'`);
  });

  test('the service in a tenant adds to it, for that tenant, and sees nothing of it', async () => {
    await enqueue(order('ada@example.com'));
    const seen = await service().transaction(
      async (tx) => [
        ...(await tx.query({ text: 'select id from identity.mail_outbox' })).rows,
        ...(await tx.query({ text: 'select host from identity.mailer' })).rows,
      ],
      asTenant,
    );
    expect(seen).toEqual([]);
    const put = createEnqueueMail(office);
    for (const tenantId of ['other', null]) {
      const work = service().transaction((tx) => put(tx, order('x@example.com', { tenantId })), asTenant);
      await expect(work).rejects.toThrow(/row-level security/);
    }
    await refused('bailiwick_service', `update identity.mail_outbox set to_address = 'eve@example.net'`, {
      'bailiwick.platform': 'on',
    });
  });
});

test('old mails are forgotten, waiting ones never', async () => {
  await enqueue(order('old@example.com'), order('waiting@example.com'));
  await world.superSql(
    `update identity.mail_outbox set content = null, sent_at = now(), created_at = now() - interval '31 days', expires_at = now() - interval '30 days' where to_address = 'old@example.com'`,
    `update identity.mail_outbox set not_before = now() + interval '1 hour' where to_address = 'waiting@example.com'`,
  );
  start();
  await until(async () => (await rows()).length === 1, LIMIT_MS);
  expect((await rows())[0]?.to).toBe('waiting@example.com');
});

test('an outbox that cannot be reached is said, and sending goes on when it can be again', async () => {
  const proxy = await startProxy(targetOf(world.databaseUrl));
  const pool = createPool(
    { url: through(world.databaseUrl, proxy), role: 'bailiwick_service', max: 2, applicationName: 'test' },
    () => undefined,
  );
  endings.push(async () => {
    await pool.end();
    await proxy.stop();
  });
  await proxy.set('refuse');
  const { lines } = start({ pool });
  await until(() => Promise.resolve(lines.some((line) => line.includes('cannot be worked on'))), LIMIT_MS);
  await proxy.set('pass');
  await enqueue(order('ada@example.com'));
  await until(async () => (await states())[0] === 'sent', LIMIT_MS);
});
