import { readFileSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { newOneTimePassword, pasted } from '../../src/signin/one-time-password.js';
import { createPasswordJudge } from '../../src/signin/password-rules.js';
import { placesOf } from '../../src/signin/throttle.js';
import { slugOf } from '../../src/shared/tenant-address.js';

const LIST = readFileSync(new URL('../../data/common-passwords.txt', import.meta.url), 'utf8');
const judge = createPasswordJudge(LIST);
const ADA = {
  email: 'ada.lindqvist@acme.example',
  displayName: 'Ada Lindqvist',
  tenantNames: ['acme', 'Acme Behavioral Health'],
};

test.each([
  'plum violin over the quiet harbour',
  'correct horse battery staple',
  'x7#Kq9!mZ2$vL4&w',
  'åäöåäö ðþæœ 日本語 🦊🦊',
  'Ada likes acme behavioral plum violins',
  'a'.repeat(64) + ' and then another thing' + ' b c d e f',
  '🦊🐻🦁🐯🐨🐼🐸🐵🦄🐔🐧🐦🐤🐺🐗',
])('%j may be chosen', (password) => {
  expect(judge(password, ADA)).toBeUndefined();
});

test.each<[string, string]>([
  ['', 'at least 15'],
  ['fourteen chars', 'at least 15'],
  ['🦊'.repeat(14), 'at least 15'],
  ['é'.normalize('NFD').repeat(14), 'at least 15'],
  ['plum violin '.repeat(11), 'at most 128'],
  ['passwordpassword', 'guessed first'],
  ['Password12345678', 'guessed first'],
  ['p4ssw0rd!!!!!!!!', 'guessed first'],
  ['1234567890123456', 'runs along'],
  ['iloveyouiloveyouiloveyou', 'guessed first'],
  ['sunshine 2024 2025', 'guessed first'],
  ['ｐａｓｓｗｏｒｄｐａｓｓｗｏｒｄ', 'guessed first'],
  ['xkqv xkqv xkqv xkqv', 'repeats'],
  ['aaaaaaaaaaaaaaaaaaaa', 'repeats'],
  ['qwertyuiopasdfghjkl', 'runs along'],
  ['ponmlkjihgfedcba', 'runs along'],
  ['acmebehavioralhealth', 'little more than the names'],
  ['Lindqvist@acme2024', 'little more than the names'],
  ['ada.lindqvist@acme.example', 'little more than the names'],
])('%j may not, because it is %s', (password, complaint) => {
  expect(judge(password, ADA)).toContain(complaint);
});

test('the list holds what it must, and without it nothing starts', () => {
  expect(LIST.split('\n').length).toBeGreaterThan(3_000);
  expect(() => createPasswordJudge('password\n')).toThrow('not complete');
});

test('one-time passwords do not repeat, satisfy the rules, and lose white space at their ends alone', () => {
  const made = Array.from({ length: 500 }, newOneTimePassword);
  expect(new Set(made).size).toBe(500);
  for (const one of made.slice(0, 50)) {
    expect(judge(one, ADA)).toBeUndefined();
    expect(pasted(`\u00a0 ${one}\r\n\t`)).toBe(one);
    expect(pasted(`${one.slice(0, 3)} ${one.slice(3)}`)).not.toBe(one);
  }
  const letters = made.join('').replaceAll('-', '');
  const counts = new Map<string, number>();
  for (const letter of letters) counts.set(letter, (counts.get(letter) ?? 0) + 1);
  expect(counts.size).toBe(32);
  expect(Math.min(...counts.values()) / Math.max(...counts.values())).toBeGreaterThan(0.6);
});

describe('the place that an attempt comes from', () => {
  test.each<[string, string[]]>([
    ['203.0.113.9', ['203.0.113.9', '203.0.113.0/24']],
    ['::ffff:203.0.113.9', ['203.0.113.9', '203.0.113.0/24']],
    ['2001:db8:1:2:3:4:5:6', ['2001:db8:1:2::/64', '2001:db8:1::/48']],
    ['2001:DB8:0001:0002::6', ['2001:db8:1:2::/64', '2001:db8:1::/48']],
    ['2001:db8::6', ['2001:db8:0:0::/64', '2001:db8:0::/48']],
    ['::1', ['0:0:0:0::/64', '0:0:0::/48']],
    ['fe80::1%eth0', ['fe80:0:0:0::/64', 'fe80:0:0::/48']],
    // What cannot be told apart shares one.
    ['unknown', ['elsewhere']],
    ["'; drop table x", ['elsewhere']],
  ])('%s', (address, places) => {
    expect(placesOf(address)).toEqual(places);
  });
});

test.each<[string | undefined, string | undefined]>([
  ['acme.rcm.example', 'acme'],
  ['ACME.rcm.example:443', 'acme'],
  ['platform.rcm.example', 'platform'],
  ['rcm.example', undefined],
  ['a.b.rcm.example', undefined],
  ['acmercm.example', undefined],
  ['acme.rcm.example.evil', undefined],
  ['.rcm.example', undefined],
  [undefined, undefined],
])('the host %s names the tenant %s', (host, slug) => {
  expect(slugOf(host, 'rcm.example')).toBe(slug);
  expect(slugOf(host, undefined)).toBeUndefined();
});
