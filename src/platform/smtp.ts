/**
 * SMTP: the one file that knows nodemailer.
 *
 * It makes the bytes of a mail and hands them to a server, one connection a mail. What the server says is judged by the
 * step that it was said at: only an answer about the recipient or the content is about this mail, everything before
 * that is about us. Nothing is read from a disk or fetched for a mail, and nothing is added that tells of its reader.
 */
import { createTransport } from 'nodemailer';
import type { NodemailerError, SendMailOptions, SMTPTransportOptions } from 'nodemailer';

import type { Delivery, Mail, MailTransport } from '../shared/mail.js';

/** `starttls` and `tls` verify the server's certificate and never fall back to plain text. */
export type SmtpSecurity = 'none' | 'starttls' | 'tls';

export interface SmtpServer {
  readonly host: string;
  readonly port: number;
  readonly security: SmtpSecurity;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** Authorities to trust besides the system's (PEM); `NODE_EXTRA_CA_CERTS` does the same for the process. */
  readonly ca?: string;
}

/** Longest reply that is passed on: a server may say anything. */
const REPLY_MAX = 300;

/** Opens no connection before a mail is sent. */
export function createSmtpTransport(server: SmtpServer): MailTransport {
  return {
    async send(mail, { timeoutMs, signal }) {
      const transporter = createTransport(optionsFor(server, timeoutMs));
      const over = AbortSignal.timeout(Math.max(1, Math.round(timeoutMs)));
      const ended = signal === undefined ? over : AbortSignal.any([over, signal]);
      try {
        const { response } = await transporter.sendMail({ ...messageOf(mail), signal: ended });
        return { outcome: 'sent', reply: showable(response, server) };
      } catch (error) {
        return failureOf(error, { server, isOver: ended.aborted });
      } finally {
        transporter.close();
      }
    },
  };
}

/** The mail as a file: what a server would have been handed, with LF at the ends of lines. */
export async function renderMessage(mail: Mail): Promise<Buffer> {
  const transporter = createTransport({ streamTransport: true, buffer: true, newline: 'unix' });
  const { message } = await transporter.sendMail(messageOf(mail));
  if (!Buffer.isBuffer(message)) throw new Error('the message was not rendered whole');
  return message;
}

function optionsFor({ host, port, security, username, password, ca }: SmtpServer, ms: number): SMTPTransportOptions {
  const waits = { connectionTimeout: ms, greetingTimeout: ms, socketTimeout: ms, dnsTimeout: ms };
  return {
    host,
    port,
    secure: security === 'tls',
    requireTLS: security === 'starttls',
    ignoreTLS: security === 'none',
    ...(username === undefined ? {} : { auth: { user: username, pass: password ?? '' } }),
    tls: { minVersion: 'TLSv1.2', ...(ca === undefined ? {} : { ca }) },
    ...waits,
  };
}

function messageOf({ id, from, to, subject, text, html }: Mail): SendMailOptions {
  return {
    from,
    to,
    // Said outright: no address is ever read out of the text of a header.
    envelope: { from: from.address, to: [to.address] },
    messageId: `<${id}@${from.address.slice(from.address.lastIndexOf('@') + 1)}>`,
    subject,
    text,
    html,
    headers: { 'Auto-Submitted': 'auto-generated' },
    xMailer: false,
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

function failureOf(error: unknown, { server, isOver }: { server: SmtpServer; isOver: boolean }): Delivery {
  const { responseCode, command = '', response, code = '', message } = nodemailerErrorOf(error);
  if (isOver) return { outcome: 'unreachable', reply: UNSPOKEN.ETIMEDOUT() };
  if (responseCode === undefined) {
    const words = isUnspoken(code) ? UNSPOKEN[code](message) : undefined;
    // Where it is not known to be the server's fault, it holds up nothing but this mail.
    if (words === undefined) return { outcome: 'delayed', reply: 'the mail could not be sent' };
    return { outcome: 'unreachable', reply: showable(words, server) };
  }
  const isAboutThisMail = command === 'RCPT TO' || command === 'DATA';
  // 421: the server closes the channel, whatever the step.
  if (!isAboutThisMail || responseCode === 421) return { outcome: 'unreachable', reply: showable(response, server) };
  return { outcome: responseCode >= 500 ? 'refused' : 'delayed', reply: showable(response, server) };
}

/** What is wrong with the server where it has said nothing itself, by nodemailer's codes. */
const UNSPOKEN = {
  EDNS: () => 'the name of the mail server cannot be resolved',
  ETIMEDOUT: () => 'the mail server did not answer in time',
  ETLS: (message: string) => `no secure connection: ${message}`,
  ESOCKET: (message: string) => `no connection: ${message}`,
  ECONNECTION: () => 'the mail server closed the connection',
  EPROTOCOL: () => 'the mail server does not speak SMTP',
  EAUTH: () => 'the mail server does not take this way of signing in',
};

function isUnspoken(code: string): code is keyof typeof UNSPOKEN {
  return Object.hasOwn(UNSPOKEN, code);
}

/** One line of printable text, cut, without anything that signs in at the server, should it echo that. */
function showable(reply: string | undefined, { username = '', password }: SmtpServer): string {
  const secrets =
    password === undefined || password === ''
      ? []
      : [password, toBase64(password), toBase64(`\0${username}\0${password}`)];
  const hidden = secrets.reduce((text, secret) => text.replaceAll(secret, '***'), reply ?? '');
  return hidden
    .replaceAll(/[\p{C}\p{Z}]+/gu, ' ')
    .trim()
    .slice(0, REPLY_MAX);
}

function toBase64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64');
}

function nodemailerErrorOf(error: unknown): NodemailerError {
  return error instanceof Error ? error : new Error(String(error));
}
