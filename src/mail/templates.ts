/**
 * The mails that we write, as data: a subject and paragraphs with `{names}` to be filled in.
 *
 * From the same paragraphs come the plain text and a plain HTML: no picture, no style sheet, nothing that is fetched and
 * so nothing that tells when a mail was read. Whatever is filled in is one line of text: it starts no header and no
 * paragraph (tests/unit/mail-templates.test.ts).
 */
import type { MailTemplate } from '../shared/mail.js';
import { oneLine } from './address.js';

export type TemplateName = MailTemplate | 'test';

interface Template {
  readonly subject: string;
  readonly paragraphs: readonly string[];
}

const PASSWORD_RULES = [
  'It works once, until {expiresAt}. You will be asked for a password of your own at once.',
  'Nobody of ours will ever ask you for it. If you did not expect this mail, tell your administrator.',
];

const TEMPLATES: Readonly<Record<TemplateName, Template>> = {
  'one-time-password': {
    subject: 'Your access to {tenantName}',
    paragraphs: [
      'Hello {displayName},',
      'an account for {tenantName} has been made for you. Sign in at {signInUrl} with this one-time password:',
      '{oneTimePassword}',
      ...PASSWORD_RULES,
    ],
  },
  'password-reset': {
    subject: 'Your new one-time password for {tenantName}',
    paragraphs: [
      'Hello {displayName},',
      'your password for {tenantName} has been reset by an administrator: the old one no longer works. Sign in at {signInUrl} with this one-time password:',
      '{oneTimePassword}',
      ...PASSWORD_RULES,
    ],
  },
  'account-locked': {
    subject: 'Your account for {tenantName} is locked',
    paragraphs: [
      'Hello {displayName},',
      'there were too many attempts to sign in to your account for {tenantName} with a wrong password. It is locked until {lockedUntil}; an administrator can unlock it sooner.',
      'If it was not you, tell your administrator.',
    ],
  },
  test: {
    subject: 'Test of the mail settings',
    paragraphs: ['This mail was sent to test the mail settings. It came through {host}: they work.'],
  },
};

const VALUE_MAX = 300;

/** The subject and both bodies. Throws an Error where a template names what it is not given: a fault of ours. */
export function renderTemplate(
  template: TemplateName,
  variables: Readonly<Record<string, string>>,
): { subject: string; text: string; html: string } {
  const { subject, paragraphs } = TEMPLATES[template];
  const values = new Map(Object.entries(variables).map(([name, value]) => [name, oneLine(value, VALUE_MAX)]));
  const texts = paragraphs.map((paragraph) => fill(paragraph, values, (value) => value));
  const escaped = paragraphs.map((paragraph) => `<p>${fill(paragraph, values, escapeHtml)}</p>`);
  return {
    subject: fill(subject, values, (value) => value),
    text: `${texts.join('\n\n')}\n`,
    html: `<!doctype html>\n<html lang="en"><body>\n${escaped.join('\n')}\n</body></html>\n`,
  };
}

function fill(text: string, values: ReadonlyMap<string, string>, write: (value: string) => string): string {
  return text.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = values.get(name);
    if (value === undefined) throw new Error(`a mail template is not given \`${name}\``);
    return write(value);
  });
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}
