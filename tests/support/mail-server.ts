/**
 * A real SMTP server that keeps what it takes, and that a test can make refuse, close and come back on the same port.
 */
import { SMTPServer } from 'smtp-server';
import type { SMTPServerOptions, SMTPServerSession } from 'smtp-server';

import { TEST_CERTIFICATE, TEST_KEY } from './mail-certificate.js';

export interface TakenMail {
  readonly from: string;
  readonly to: readonly string[];
  /** As it came over the wire. */
  readonly raw: string;
  readonly user: string | undefined;
  readonly secure: boolean;
}

type Step = 'connect' | 'mail' | 'rcpt' | 'data';
type Refusal = { readonly code: number; readonly say: string };

export interface MailServer {
  readonly port: number;
  /** Everything that the server said yes to, in order. */
  readonly mails: readonly TakenMail[];
  /** How often somebody connected. */
  readonly connections: () => number;
  /** What is answered at a step instead of yes; undefined is yes. `lost`: taken, and the word of it never sent. */
  play: (step: Step, about: string) => number | Refusal | 'lost' | undefined;
  down(): Promise<void>;
  up(): Promise<void>;
}

export interface MailServerOptions {
  /** Whether STARTTLS is offered; `tls` speaks it from the start. */
  readonly security?: 'none' | 'starttls' | 'tls';
  /** Whom it lets in; undefined asks for no sign-in. */
  readonly account?: { readonly user: string; readonly password: string };
  readonly withoutUtf8?: boolean;
}

/** Listens on a free port of 127.0.0.1. */
export async function startMailServer(options: MailServerOptions = {}): Promise<MailServer> {
  const mails: TakenMail[] = [];
  let port = 0;
  let connections = 0;
  let server: SMTPServer | undefined;
  const judge = (step: Step, about: string): Error | null => {
    const played = made.play(step, about);
    if (played === undefined || played === 'lost') return null;
    const { code, say } = typeof played === 'number' ? { code: played, say: `no to ${about}` } : played;
    return Object.assign(new Error(say), { responseCode: code });
  };
  const handlers: SMTPServerOptions = {
    onConnect: (_session, done) => {
      connections += 1;
      done(judge('connect', ''));
    },
    onAuth: ({ username, password }, _session, done) => {
      const isKnown = username === options.account?.user && password === options.account?.password;
      if (isKnown) done(null, { user: username });
      // Some servers quote what they were sent: it must not get any further.
      else done(new Error(`unknown: ${username ?? ''} ${password ?? ''}`));
    },
    onMailFrom: ({ address }, _session, done) => done(judge('mail', address)),
    onRcptTo: ({ address }, _session, done) => done(judge('rcpt', address)),
    onData: (stream, session, done) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const raw = Buffer.concat(chunks).toString('utf8');
        const refusal = judge('data', raw);
        if (refusal !== null) {
          done(refusal);
          return;
        }
        mails.push(takenMail(session, raw));
        if (made.play('data', raw) === 'lost') closeConnections(server);
        else done(null, 'taken');
      });
    },
  };
  async function up(): Promise<void> {
    const started = new SMTPServer({ ...settingsOf(options), ...handlers });
    started.on('error', () => undefined);
    await new Promise<void>((resolve) => {
      const listener = started.listen(port, '127.0.0.1', () => {
        const address = listener.address();
        port = typeof address === 'object' && address !== null ? address.port : port;
        resolve();
      });
    });
    server = started;
  }
  const made: MailServer = {
    get port() {
      return port;
    },
    mails,
    connections: () => connections,
    play: () => undefined,
    up,
    async down() {
      const ending = server;
      server = undefined;
      if (ending === undefined) return;
      const closed = new Promise<void>((resolve) => ending.close(() => resolve()));
      closeConnections(ending);
      await closed;
    },
  };
  await up();
  return made;
}

function settingsOf({ security = 'none', account, withoutUtf8 = false }: MailServerOptions): SMTPServerOptions {
  return {
    secure: security === 'tls',
    key: TEST_KEY,
    cert: TEST_CERTIFICATE,
    authOptional: account === undefined,
    disabledCommands: [...(security === 'starttls' ? [] : ['STARTTLS']), ...(account === undefined ? ['AUTH'] : [])],
    allowInsecureAuth: true,
    hideSMTPUTF8: withoutUtf8,
    disableReverseLookup: true,
    closeTimeout: 100,
    logger: false,
  };
}

function takenMail({ envelope, user, secure }: SMTPServerSession, raw: string): TakenMail {
  return {
    from: envelope.mailFrom === false ? '' : envelope.mailFrom.address,
    to: envelope.rcptTo.map(({ address }) => address),
    raw,
    user: typeof user === 'string' ? user : undefined,
    secure,
  };
}

function closeConnections(server: SMTPServer | undefined): void {
  for (const connection of server?.connections ?? []) connection._socket.destroy();
}

/** The head of a raw mail: a header's lines joined; the name in lower case → its values. */
export function headersOf(raw: string): Map<string, string[]> {
  const [head = ''] = raw.split(/\r?\n\r?\n/, 1);
  const headers = new Map<string, string[]>();
  for (const line of head.replaceAll(/\r?\n[ \t]+/g, ' ').split(/\r?\n/)) {
    const [, name = '', value = ''] = /^([^:]+): ?(.*)$/.exec(line) ?? [];
    headers.set(name.toLowerCase(), [...(headers.get(name.toLowerCase()) ?? []), value]);
  }
  return headers;
}
