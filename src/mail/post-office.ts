/**
 * Where mail goes now: through the mailer that is set, else, on a laptop, into the mailbox, else nowhere.
 *
 * Asked anew for every round of the sender and every test, so that a change of the settings holds at once, on every
 * replica.
 */
import { createMailbox } from '../platform/mailbox.js';
import type { Tx } from '../platform/postgres.js';
import { createSeal, SealError } from '../platform/seal.js';
import type { Seal } from '../platform/seal.js';
import { createSmtpTransport } from '../platform/smtp.js';
import type { MailAddress, MailTransport } from '../shared/mail.js';
import { findMailer } from './mailer-store.js';
import type { MailerRow } from './mailer-store.js';

export interface Outlet {
  readonly kind: 'smtp' | 'mailbox';
  /** Where a test mail says that it came through. */
  readonly via: string;
  readonly from: MailAddress;
  readonly transport: MailTransport;
}

export interface PostOffice {
  /** Undefined where the service was started without the key: then nothing is queued, and nothing sent. */
  readonly seal: Seal | undefined;
  /** Whether there is somewhere for mails to go where no mailer is set. */
  readonly hasMailbox: boolean;
  /** In a transaction that acts for the platform. */
  outlet(tx: Tx): Promise<Outlet | undefined>;
}

/** The place that the mailer's password is sealed for. */
export const PASSWORD_PLACE = 'mailer.password';

const MAILBOX_FROM: MailAddress = { address: 'bailiwick@localhost', name: 'Bailiwick' };

export function createPostOffice(settings: {
  readonly secretKey: Uint8Array | undefined;
  readonly mailboxDir: string | undefined;
}): PostOffice {
  const { secretKey, mailboxDir } = settings;
  const seal = secretKey === undefined ? undefined : createSeal(secretKey);
  const mailbox: Outlet | undefined =
    mailboxDir === undefined
      ? undefined
      : { kind: 'mailbox', via: mailboxDir, from: MAILBOX_FROM, transport: createMailbox(mailboxDir) };
  return {
    seal,
    hasMailbox: mailbox !== undefined,
    async outlet(tx) {
      if (seal === undefined) return undefined;
      const mailer = await findMailer(tx);
      return mailer === undefined ? mailbox : smtpOutlet(mailer, seal);
    },
  };
}

function smtpOutlet(mailer: MailerRow, seal: Seal): Outlet {
  const { host, port, security } = mailer;
  return {
    kind: 'smtp',
    via: host,
    from: { address: mailer.fromAddress, name: mailer.fromName },
    transport: withPassword(mailer, seal, (password) =>
      createSmtpTransport({ host, port, security, username: mailer.username ?? undefined, password }),
    ),
  };
}

function withPassword(
  { password }: MailerRow,
  seal: Seal,
  open: (password: string | undefined) => MailTransport,
): MailTransport {
  try {
    return open(password === null ? undefined : seal.open(password, PASSWORD_PLACE));
  } catch (error) {
    if (!(error instanceof SealError)) throw error;
    const reply = 'the password of the mailer cannot be opened with the key that is set: set it again';
    return { send: () => Promise.resolve({ outcome: 'unreachable', reply }) };
  }
}
