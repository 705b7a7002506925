/**
 * Service keys: `bwk_<key id>_<secret>`, shown once and stored as a hash.
 *
 * The id (hexadecimal) finds the row; the secret is 256 random bits, so one round of SHA-256 over the whole key is as
 * good as a slow hash and costs a decision nothing. INVARIANT: hashes are compared in constant time.
 * tests/unit/authentication.test.ts.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

const PATTERN = /^bwk_([0-9a-f]{16,64})_[A-Za-z0-9_-]{43}$/;

/** What every service key begins with. */
export const SERVICE_KEY_PREFIX = 'bwk_';

/** Makes a key. `key` is shown once; `keyId` and `keyHash` are what `security.service_key` keeps. */
export function newServiceKey(): { keyId: string; key: string; keyHash: Buffer } {
  const keyId = randomBytes(8).toString('hex');
  const key = `${SERVICE_KEY_PREFIX}${keyId}_${randomBytes(32).toString('base64url')}`;
  return { keyId, key, keyHash: sha256(key) };
}

/** The id inside a key; undefined where the text does not have the form of one. */
export function serviceKeyId(key: string): string | undefined {
  return PATTERN.exec(key)?.[1];
}

/** SHA-256 of the UTF-8 text. */
export function sha256(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest();
}

/** Whether `secret` is what `hash` was made of, in a time that says nothing about either. */
export function matchesHash(secret: string, hash: Uint8Array): boolean {
  return hash.length === 32 && timingSafeEqual(sha256(secret), hash);
}
