/** What a real SMTP server makes of our mails, and we of its answers. */
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';

import { createSmtpTransport } from '../../src/platform/smtp.js';
import type { SmtpServer } from '../../src/platform/smtp.js';
import type { Delivery, Mail } from '../../src/shared/mail.js';
import { TEST_CERTIFICATE } from '../support/mail-certificate.js';
import { headersOf, startMailServer } from '../support/mail-server.js';
import type { MailServer, MailServerOptions } from '../support/mail-server.js';

const MAIL: Mail = {
  id: '3b0f7d1c-0000-4000-8000-000000000001',
  from: { address: 'access@example.com', name: 'Example' },
  to: { address: 'ada@example.com', name: 'Ada' },
  subject: 'Hello',
  text: 'Plain text.\n',
  html: '<p>Plain text.</p>\n',
};
const ACCOUNT = { user: 'bailiwick', password: 'p4ss-wörd!' };
/** Enough for a machine under load. */
const PATIENT = { timeoutMs: 20_000 };

const servers: MailServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.down();
});

async function serve(options: MailServerOptions = {}): Promise<MailServer> {
  const server = await startMailServer(options);
  servers.push(server);
  return server;
}

function send({ port }: { port: number }, over: Partial<SmtpServer> = {}, mail: Partial<Mail> = {}): Promise<Delivery> {
  const server = {
    host: '127.0.0.1',
    port,
    security: 'none',
    username: undefined,
    password: undefined,
    ...over,
  } as const;
  return createSmtpTransport(server).send({ ...MAIL, ...mail }, PATIENT);
}

describe('a mail', () => {
  test('arrives whole, as plain text and HTML, to one person, without anything that tells on its reader', async () => {
    const server = await serve();
    expect(await send(server)).toMatchObject({ outcome: 'sent', reply: '250 taken' });
    const [taken] = server.mails;
    expect(taken).toMatchObject({ from: 'access@example.com', to: ['ada@example.com'] });
    const headers = headersOf(taken?.raw ?? '');
    expect([...headers.keys()].sort()).toEqual(
      ['auto-submitted', 'content-type', 'date', 'from', 'message-id', 'mime-version', 'subject', 'to'].sort(),
    );
    expect(headers.get('from')).toEqual(['Example <access@example.com>']);
    expect(headers.get('to')).toEqual(['Ada <ada@example.com>']);
    expect(headers.get('message-id')).toEqual([`<${MAIL.id}@example.com>`]);
    expect(taken?.raw).toMatch(/text\/plain[^]*Plain text\.[^]*text\/html[^]*<p>Plain text\.<\/p>/);
  });

  test('goes to addresses and names of any script, where the server takes them', async () => {
    const server = await serve();
    const to = { address: 'jürgen@bücher.example', name: 'Jürgen Ø 漢字' };
    expect(await send(server, {}, { to, subject: 'Zugang für 漢字' })).toMatchObject({ outcome: 'sent' });
    expect(server.mails[0]?.to).toEqual(['jürgen@bücher.example']);
    const taken = headersOf(server.mails[0]?.raw ?? '');
    expect(taken.get('subject')?.[0]).toMatch(/^=\?UTF-8\?/i);
  });

  test('needs no SMTPUTF8 for a domain of any script', async () => {
    const server = await serve({ withoutUtf8: true });
    const delivery = await send(server, {}, { to: { address: 'ada@bücher.example', name: '' } });
    expect(delivery).toMatchObject({ outcome: 'sent' });
  });
});

describe('nothing that somebody chose starts a header or another recipient:', () => {
  const HOSTILE = [
    'Eve\r\nBcc: eve@example.net',
    'Eve\nSubject: other',
    'Eve\r\n\r\nA body of its own',
    'Eve" <eve@example.net>, "',
    'eve@example.net, ',
    '<eve@example.net>',
    'Eve\u2028Bcc: eve@example.net',
    'Eve\0\r\n.\r\nMAIL FROM:<eve@example.net>',
    '=?utf-8?q?Eve=0D=0ABcc:_eve@example.net?=',
  ];

  test.each(HOSTILE)('%j', async (hostile) => {
    const server = await serve();
    const mail = {
      from: { ...MAIL.from, name: hostile },
      to: { ...MAIL.to, name: hostile },
      subject: hostile,
      text: hostile,
    };
    expect(await send(server, {}, mail)).toMatchObject({ outcome: 'sent' });
    expect(server.mails).toHaveLength(1);
    expect(server.mails[0]?.to).toEqual(['ada@example.com']);
    const headers = headersOf(server.mails[0]?.raw ?? '');
    expect([...headers.keys()]).not.toContain('bcc');
    for (const name of ['from', 'to', 'subject', 'message-id']) expect(headers.get(name), name).toHaveLength(1);
    expect(headers.get('to')?.[0]).toMatch(/<ada@example\.com>$/);
  });

  test('whatever it is', { timeout: 120_000 }, async () => {
    const server = await serve();
    const runs = process.env['VERIFY'] === '1' ? 500 : 30;
    const property = fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 80 }), async (hostile) => {
      const before = server.mails.length;
      await send(
        server,
        {},
        { from: { ...MAIL.from, name: hostile }, to: { ...MAIL.to, name: hostile }, subject: hostile },
      );
      expect(server.mails).toHaveLength(before + 1);
      const taken = server.mails[before];
      expect(taken?.to).toEqual(['ada@example.com']);
      const headers = headersOf(taken?.raw ?? '');
      expect(
        [...headers.keys()].filter(
          (name) => !/^(auto-submitted|content-type|date|from|message-id|mime-version|subject|to)$/.test(name),
        ),
      ).toEqual([]);
    });
    await fc.assert(property, { numRuns: runs });
  });
});

describe('signing in', () => {
  test('works with the account', async () => {
    const server = await serve({ account: ACCOUNT });
    expect(await send(server, { username: ACCOUNT.user, password: ACCOUNT.password })).toMatchObject({
      outcome: 'sent',
    });
    expect(server.mails[0]?.user).toBe('bailiwick');
  });

  test('that fails is nobody’s mail’s fault, and the reply never holds the password, however the server quotes it', async () => {
    const server = await serve({ account: ACCOUNT });
    const delivery = await send(server, { username: 'bailiwick', password: 'wr0ng-s3cret' });
    expect(delivery.outcome).toBe('unreachable');
    expect(delivery.reply).toContain('535 unknown: bailiwick ***');
    expect(JSON.stringify(delivery)).not.toContain('wr0ng-s3cret');
  });
});

describe('encryption', () => {
  test.each(['starttls', 'tls'] as const)('%s is used, with a server that can be verified', async (security) => {
    const server = await serve({ security, account: ACCOUNT });
    const over = { security, ca: TEST_CERTIFICATE, username: ACCOUNT.user, password: ACCOUNT.password };
    expect(await send(server, over)).toMatchObject({ outcome: 'sent' });
    expect(server.mails[0]).toMatchObject({ secure: true, user: 'bailiwick' });
  });

  test.each(['starttls', 'tls'] as const)('%s is refused where the server cannot be verified', async (security) => {
    const server = await serve({ security });
    const delivery = await send(server, { security });
    expect(delivery.outcome).toBe('unreachable');
    expect(delivery.reply).toMatch(/certificate/);
    expect(server.mails).toEqual([]);
  });

  test('starttls does not fall back to plain text where the server has none', async () => {
    const server = await serve({ account: ACCOUNT });
    const delivery = await send(server, { security: 'starttls', username: ACCOUNT.user, password: ACCOUNT.password });
    expect(delivery.outcome).toBe('unreachable');
    expect(server.mails).toEqual([]);
  });
});

describe('a server that says no', () => {
  test.each([
    ['connect', 421, 'unreachable'],
    ['connect', 554, 'unreachable'],
    ['mail', 450, 'unreachable'],
    ['mail', 550, 'unreachable'],
    ['rcpt', 450, 'delayed'],
    ['rcpt', 421, 'unreachable'],
    ['rcpt', 550, 'refused'],
    ['data', 451, 'delayed'],
    ['data', 554, 'refused'],
  ] as const)('at %s with %i: the mail is %s', async (step, code, outcome) => {
    const server = await serve();
    server.play = (at) => (at === step ? code : undefined);
    const delivery = await send(server);
    expect(delivery.outcome).toBe(outcome);
    expect(delivery.reply).toContain(String(code));
    expect(server.mails).toEqual([]);
  });

  test('is quoted in one printable line', async () => {
    const server = await serve();
    server.play = (at) => (at === 'rcpt' ? 550 : undefined);
    const { reply } = await send(server, {}, { to: { address: `${'a'.repeat(60)}@example.com`, name: '' } });
    expect(reply).toMatch(/^550 [ -~]+$/);
  });
});

describe('no server', () => {
  test('is unreachable', async () => {
    const server = await serve();
    await server.down();
    expect(await send(server)).toMatchObject({ outcome: 'unreachable' });
  });

  test('whose name is unknown is unreachable, and says so', async () => {
    const delivery = await send({ port: 25 }, { host: 'nowhere.invalid' });
    expect(delivery).toMatchObject({ outcome: 'unreachable' });
  });

  test('that never says a word ends with the time', async () => {
    const sockets: Socket[] = [];
    const silent = createServer((socket) => sockets.push(socket));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = silent.address() as AddressInfo;
      const transport = createSmtpTransport({
        host: '127.0.0.1',
        port,
        security: 'none',
        username: undefined,
        password: undefined,
      });
      const startedAt = performance.now();
      expect(await transport.send(MAIL, { timeoutMs: 200 })).toEqual({
        outcome: 'unreachable',
        reply: 'the mail server did not answer in time',
      });
      expect(performance.now() - startedAt).toBeLessThan(5_000);
      const cut = await transport.send(MAIL, { timeoutMs: 60_000, signal: AbortSignal.timeout(50) });
      expect(cut).toMatchObject({ outcome: 'unreachable' });
    } finally {
      for (const socket of sockets) socket.destroy();
      silent.close();
    }
  });

  test('that speaks something else is unreachable', async () => {
    const http = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    const { port } = http.address() as AddressInfo;
    expect(await send({ port })).toMatchObject({ outcome: 'unreachable' });
    http.close();
  });
});
