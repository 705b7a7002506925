import { randomBytes } from 'node:crypto';

/** How long one is good for. */
export const ONE_TIME_HOURS = 24;

/** Letters and figures that nobody mistakes for one another: no i, l, o, u. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const LENGTH = 28;

/** A one-time password of 140 random bits, in groups that can be read out: `k3q9x2m-…`. */
export function newOneTimePassword(): string {
  const letters = [...randomBytes(LENGTH)].map((byte) => ALPHABET.charAt(byte % ALPHABET.length)).join('');
  return (letters.match(/.{7}/g) ?? []).join('-');
}

/** A pasted one-time password often brings white space along; what stands inside it is a mistake. */
export function pasted(text: string): string {
  return text.trim();
}
