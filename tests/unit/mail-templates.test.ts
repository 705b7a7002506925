import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { isMailAddress, oneLine } from '../../src/mail/address.js';
import { backOff } from '../../src/mail/sender.js';
import { renderTemplate } from '../../src/mail/templates.js';

const VALUES = {
  displayName: 'Ada',
  tenantName: 'Acme',
  signInUrl: 'https://acme.example.com',
  oneTimePassword: 'k7-one-time',
  expiresAt: '2026-11-22T09:30:00Z',
  lockedUntil: '2026-11-21T09:45:00Z',
};

test.each(['one-time-password', 'password-reset'] as const)('%s says what is needed to sign in', (template) => {
  const { subject, text, html } = renderTemplate(template, VALUES);
  expect(subject).toContain('Acme');
  for (const body of [text, html]) {
    for (const value of ['Ada', 'https://acme.example.com', 'k7-one-time', '2026-11-22T09:30:00Z']) {
      expect(body).toContain(value);
    }
  }
  expect(text).toContain('\nk7-one-time\n');
});

test('a locked account is told until when', () => {
  expect(renderTemplate('account-locked', VALUES).text).toContain('locked until 2026-11-21T09:45:00Z');
});

test('nothing in a mail is fetched', () => {
  for (const template of ['one-time-password', 'password-reset', 'account-locked'] as const) {
    expect(renderTemplate(template, VALUES).html).not.toMatch(/<(img|link|script|style|iframe)|src=|url\(/i);
  }
});

test('a template that is not given what it names is a fault', () => {
  expect(() => renderTemplate('one-time-password', {})).toThrow(/not given/);
});

/** Any at all, those that end lines and open tags often; fast-check's own unit of this kind takes seconds to set up. */
const codePoint = fc.oneof(
  fc.integer({ min: 0, max: 0x10ffff }),
  fc.integer({ min: 0, max: 0x7f }),
  fc.integer({ min: 0x2000, max: 0x206f }),
);

test('whatever is filled in stays one line of text, and no mark-up', () => {
  fc.assert(
    fc.property(
      fc.array(codePoint, { maxLength: 200 }).map((all) => String.fromCodePoint(...all)),
      (tenantName) => {
        const plain = renderTemplate('one-time-password', VALUES);
        const { subject, text, html } = renderTemplate('one-time-password', { ...VALUES, tenantName });
        expect(subject).not.toMatch(/[\p{C}\u2028\u2029]/u);
        expect(text.split('\n')).toHaveLength(plain.text.split('\n').length);
        expect(html.match(/</g)).toHaveLength(plain.html.match(/</g)?.length ?? 0);
        expect(html.match(/>/g)).toHaveLength(plain.html.match(/>/g)?.length ?? 0);
      },
    ),
    { numRuns: process.env['VERIFY'] === '1' ? 5_000 : 100 },
  );
});

test('a value that looks like a place to fill in is not filled in', () => {
  const { text } = renderTemplate('one-time-password', { ...VALUES, displayName: '{oneTimePassword} $& $1' });
  expect(text).toContain('Hello {oneTimePassword} $& $1,');
});

test.each([
  ['a\r\nBcc: x@example.com', 'a Bcc: x@example.com'],
  ['a\u2028b', 'a b'],
  ['\u202Eevil', 'evil'],
  ['  a\0b  ', 'a b'],
  ['😀'.repeat(10), '😀'.repeat(5)],
])('%j as one line is %j', (text, wanted) => {
  expect(oneLine(text, wanted.startsWith('😀') ? 5 : 100)).toBe(wanted);
});

describe('an address', () => {
  test.each(['a@b', 'ada.o+x@example.com', "o'neill@example.com", 'jürgen@bücher.example', '用户@例子.example'])(
    '%s can be written to',
    (text) => expect(isMailAddress(text)).toBe(true),
  );
  test.each([
    '',
    'a',
    '@b',
    'a@',
    'a@b@c',
    'a b@c',
    'a@b\r\nBcc: c@d',
    'a@b,c@d',
    'a@b;c@d',
    '<a@b>',
    'Ada <a@b>',
    '"a"@b',
    'a@[127.0.0.1]',
    'a\0@b',
    'a\u200B@b',
    'a\u202Eb@c',
    `${'a'.repeat(65)}@b`,
  ])('%j cannot', (text) => expect(isMailAddress(text)).toBe(false));
});

test('the wait doubles, keeps within its bounds, and is never the same for all', () => {
  const span = { first: 1_000, last: 60_000 };
  expect([1, 2, 3, 7, 50, 5_000].map((tries) => backOff(span, tries, () => 1))).toEqual([
    1_000, 2_000, 4_000, 60_000, 60_000, 60_000,
  ]);
  expect(backOff(span, 1, () => 0)).toBe(500);
  expect(new Set(Array.from({ length: 20 }, () => backOff(span, 3))).size).toBeGreaterThan(1);
});
