/**
 * Keys that we sign tokens with: made here, sealed for the database, opened, and used.
 *
 * The database holds the private half under AES-256-GCM, with a key derived from a setting, so that neither a dump of
 * the database nor the setting alone can sign. The key id is bound into the seal: one row's secret under another row's id
 * does not open.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes, randomUUID } from 'node:crypto';

import { exportJWK, exportPKCS8, generateKeyPair, importPKCS8, SignJWT } from 'jose';
import type { CryptoKey, JWK } from 'jose';

/** The one algorithm of our tokens. */
export const SIGNING_ALGORITHM = 'ES256';

/** A private half, opened. */
export type PrivateKey = CryptoKey;
/** A public half, as a JWKS shows it. */
export type PublicJwk = JWK;

/** A key as the database keeps it. */
export interface SealedKey {
  readonly kid: string;
  readonly publicJwk: PublicJwk;
  readonly privateKey: Uint8Array;
}

/** What a token says, besides who issued it for whom and when. */
export interface TokenContent {
  readonly issuer: string;
  readonly audience: string;
  readonly subject: string;
  readonly issuedAt: Date;
  readonly expiresAt: Date;
  readonly claims: Readonly<Record<string, unknown>>;
}

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Makes a key pair and seals its private half. */
export async function newSigningKey(secret: string): Promise<SealedKey> {
  const { publicKey, privateKey } = await generateKeyPair(SIGNING_ALGORITHM, { extractable: true });
  const kid = randomUUID();
  const publicJwk = { ...(await exportJWK(publicKey)), kid, alg: SIGNING_ALGORITHM, use: 'sig' };
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', sealingKey(secret, kid), nonce).setAAD(Buffer.from(kid));
  const sealed = Buffer.concat([cipher.update(await exportPKCS8(privateKey), 'utf8'), cipher.final()]);
  return { kid, publicJwk, privateKey: Buffer.concat([nonce, cipher.getAuthTag(), sealed]) };
}

/** Opens the private half; undefined where it was sealed with another secret, or has been tampered with. */
export async function openSigningKey({ kid, privateKey }: SealedKey, secret: string): Promise<PrivateKey | undefined> {
  const nonce = privateKey.subarray(0, NONCE_BYTES);
  const tag = privateKey.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES);
  try {
    const cipher = createDecipheriv('aes-256-gcm', sealingKey(secret, kid), nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(Buffer.from(kid)).setAuthTag(tag);
    const sealed = privateKey.subarray(NONCE_BYTES + TAG_BYTES);
    const pem = Buffer.concat([cipher.update(sealed), cipher.final()]).toString('utf8');
    return await importPKCS8(pem, SIGNING_ALGORITHM);
  } catch {
    return undefined;
  }
}

function sealingKey(secret: string, kid: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, kid, 'bailiwick signing key', 32));
}

/** A signed token with an id of its own. */
export async function signToken(
  content: TokenContent,
  { kid, key }: { kid: string; key: PrivateKey },
): Promise<string> {
  return await new SignJWT({ ...content.claims })
    .setProtectedHeader({ alg: SIGNING_ALGORITHM, kid, typ: 'at+jwt' })
    .setIssuer(content.issuer)
    .setAudience(content.audience)
    .setSubject(content.subject)
    .setJti(randomUUID())
    .setIssuedAt(Math.floor(content.issuedAt.getTime() / 1000))
    .setExpirationTime(Math.floor(content.expiresAt.getTime() / 1000))
    .sign(key);
}
