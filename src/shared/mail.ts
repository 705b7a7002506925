/**
 * One mail, and the one port that it leaves through.
 *
 * A mail server is remote and its failures differ in what they mean, so a transport answers with a `Delivery` and never
 * throws: whose fault a failure is decides whether the mail waits, the whole sender waits, or the mail is given up.
 */

/** A mailbox as a header shows it; `name` may be empty. */
export interface MailAddress {
  readonly address: string;
  readonly name: string;
}

interface PasswordVariables {
  /** The tenant as people call it. */
  readonly tenantName: string;
  /** Where to sign in, as an http(s) URL. */
  readonly signInUrl: string;
  readonly oneTimePassword: string;
  /** RFC 3339. */
  readonly expiresAt: string;
}

/** What each of our mails is filled with, besides the name of whom it is for. */
export interface MailVariables {
  readonly 'one-time-password': PasswordVariables;
  readonly 'password-reset': PasswordVariables;
  readonly 'account-locked': { readonly tenantName: string; /** RFC 3339. */ readonly lockedUntil: string };
}

export type MailTemplate = keyof MailVariables;

/** A mail to be written and sent. */
export type MailOrder = {
  readonly [K in MailTemplate]: {
    readonly template: K;
    readonly variables: MailVariables[K];
    readonly to: MailAddress;
    /** Null for a platform user. */
    readonly tenantId: string | null;
    /** Not sent after that; undefined: 24 hours from now, which is also the longest. */
    readonly expiresAt?: Date;
  };
}[MailTemplate];

/**
 * Queues a mail in the transaction of the change that it tells about: it goes when that commits, and never otherwise.
 * `no-mailer`: the platform sends no mail; `unmailable`: the address cannot be written to. Both leave the change alone:
 * whoever made it must tell the person in some other way. `Tx` is the one of src/platform/postgres.ts; `tx` speaks for
 * the mail's tenant, or for the platform.
 */
export type EnqueueMail<Tx> = (tx: Tx, order: MailOrder) => Promise<'queued' | 'no-mailer' | 'unmailable'>;

/** A mail that is ready to go: plain text, and the same as HTML. */
export interface Mail {
  /** Stays the same over every try, so that a mail which arrives twice can be known for one. */
  readonly id: string;
  readonly from: MailAddress;
  readonly to: MailAddress;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

/**
 * What became of one try; `reply` is what the other side said, fit to be shown.
 *
 * `sent`         the server has taken the mail over
 * `refused`      it will never take this mail: no such mailbox, or content that it does not want
 * `delayed`      it does not take this mail now
 * `unreachable`  it takes no mail of ours at all now: it is down, or the settings are wrong
 */
export interface Delivery {
  readonly outcome: 'sent' | 'refused' | 'delayed' | 'unreachable';
  readonly reply: string;
}

export interface MailTransport {
  /** One try, over at the latest after `timeoutMs` or when the signal aborts. Never throws. */
  send(mail: Mail, limits: { readonly timeoutMs: number; readonly signal?: AbortSignal }): Promise<Delivery>;
}
