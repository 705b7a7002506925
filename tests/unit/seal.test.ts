import { randomBytes } from 'node:crypto';

import { expect, test } from 'vitest';

import { createSeal, newSealKey, SealError } from '../../src/platform/seal.js';

const key = randomBytes(32);
const seal = createSeal(key);

test.each(['', 'a', 'correct horse', 'ü 漢 😀', 'x'.repeat(10_000)])('what was sealed opens: %j', (secret) => {
  expect(seal.open(seal.seal(secret, 'mail:1'), 'mail:1')).toBe(secret);
});

test('nothing of the secret can be seen, and the same secret looks different each time', () => {
  const one = seal.seal('hunter2', 'mail:1');
  expect(one.includes('hunter2')).toBe(false);
  expect(one.equals(seal.seal('hunter2', 'mail:1'))).toBe(false);
});

test('what was sealed for one place opens in no other', () => {
  expect(() => seal.open(seal.seal('hunter2', 'mail:1'), 'mail:2')).toThrow(SealError);
});

test('another key does not open it', () => {
  expect(() => createSeal(randomBytes(32)).open(seal.seal('hunter2', 'mail:1'), 'mail:1')).toThrow(SealError);
});

test('no byte of it can be changed or left out', () => {
  const sealed = seal.seal('hunter2', 'mail:1');
  for (let index = 0; index < sealed.length; index += 1) {
    const changed = Buffer.from(sealed);
    changed[index] = (changed[index] ?? 0) ^ 1;
    expect(() => seal.open(changed, 'mail:1'), `byte ${index}`).toThrow(SealError);
    expect(() => seal.open(sealed.subarray(0, index), 'mail:1'), `cut at ${index}`).toThrow(SealError);
  }
});

test('a new key has the form that the setting takes', () => {
  expect(newSealKey()).toMatch(/^[A-Za-z0-9+/]{43}=$/);
  expect(Buffer.from(newSealKey(), 'base64')).toHaveLength(32);
});
