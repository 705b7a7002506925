import { beforeEach, expect, test } from 'vitest';

import { createKnownCredentials, type KnownCredentials } from '../../src/http/known-credentials.js';

const FOREVER = { value: 'ada', from: 1_000, until: Infinity };

let now: number;
let known: KnownCredentials<string>;
beforeEach(() => {
  now = 1_000;
  known = createKnownCredentials(() => new Date(now));
});

test('who was judged is known by exactly that credential', () => {
  known.learn('token', FOREVER);
  expect(known.find('token')).toBe('ada');
  expect(['token ', 'Token', 'toke', ''].map((other) => known.find(other))).toEqual(Array(4).fill(undefined));
});

test('a credential ends when it would end by itself, to the millisecond', () => {
  known.learn('token', { ...FOREVER, until: 1_500 });
  now = 1_499;
  expect(known.find('token')).toBe('ada');
  now = 1_500;
  expect(known.find('token')).toBeUndefined();
});

test('before it was judged it is not known', () => {
  known.learn('token', { ...FOREVER, from: 2_000 });
  expect(known.find('token')).toBeUndefined();
});

test('it ends with what it was judged by', () => {
  let stands = true;
  known.learn('token', { ...FOREVER, stands: () => stands });
  expect(known.find('token')).toBe('ada');
  stands = false;
  expect(known.find('token')).toBeUndefined();
});

test('it is judged anew ahead of its end, once, and ends all the same where that brings nothing', () => {
  let begun = 0;
  known.learn('key', { ...FOREVER, until: 1_400, renewal: { at: 1_200, begin: () => (begun += 1) } });
  now = 1_199;
  expect([known.find('key'), begun]).toEqual(['ada', 0]);
  now = 1_200;
  expect([known.find('key'), known.find('key'), begun]).toEqual(['ada', 'ada', 1]);
  now = 1_400;
  expect([known.find('key'), begun]).toEqual([undefined, 1]);
});
