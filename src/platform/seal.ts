/**
 * Secrets that must be had back later, sealed so that the database holds nothing that it could give away.
 *
 * AES-256-GCM: unreadable and unchangeable without the key, at the price of one call of Node's own crypto. The key comes
 * from the settings and has no default: one that everybody knows would only look like protection.
 *
 * Format: version (1 byte), nonce (12), tag (16), ciphertext. Nonces are random: 2^32 secrets under one key are safe.
 * INVARIANT: what was sealed for one place opens in no other: the place is authenticated with it. tests/unit/seal.test.ts.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const VERSION = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const HEAD_BYTES = 1 + NONCE_BYTES + TAG_BYTES;
const KEY_BYTES = 32;

export interface Seal {
  /** `place` says where the secret is kept, e.g. `mail:<id>`. */
  seal(secret: string, place: string): Buffer;
  /** Throws SealError where the bytes were not sealed by this key for this place. */
  open(sealed: Uint8Array, place: string): string;
}

/** Another key, another place, or bytes that somebody has changed: which, nobody can tell. */
export class SealError extends Error {
  constructor(cause?: unknown) {
    super('the sealed secret cannot be opened with the key that is set', { cause });
    this.name = 'SealError';
  }
}

/** A new key, in base64 as the setting takes it. */
export function newSealKey(): string {
  return randomBytes(KEY_BYTES).toString('base64');
}

/** `key` is 32 bytes. */
export function createSeal(key: Uint8Array): Seal {
  return {
    seal(secret, place) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
      cipher.setAAD(Buffer.from(place, 'utf8'));
      const body = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
      return Buffer.concat([Buffer.of(VERSION), nonce, cipher.getAuthTag(), body]);
    },
    open(sealed, place) {
      const bytes = Buffer.from(sealed);
      if (bytes.length < HEAD_BYTES || bytes[0] !== VERSION) throw new SealError();
      const nonce = bytes.subarray(1, 1 + NONCE_BYTES);
      const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
      decipher.setAAD(Buffer.from(place, 'utf8'));
      decipher.setAuthTag(bytes.subarray(1 + NONCE_BYTES, HEAD_BYTES));
      try {
        return Buffer.concat([decipher.update(bytes.subarray(HEAD_BYTES)), decipher.final()]).toString('utf8');
      } catch (error) {
        throw new SealError(error);
      }
    },
  };
}
