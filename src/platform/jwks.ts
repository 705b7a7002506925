/**
 * The keys of a token issuer, fetched from its JWKS address (ours: read from the database) and kept.
 *
 * An issuer that is down must not end every sign-in: the last good keys stay in use until new ones come. Keys older
 * than ten minutes are fetched again in the background; a key id that nobody knows is worth one fetch a cooldown, so
 * made-up ids cannot make us a hammer.
 *
 * INVARIANT: only the configured address is fetched: no redirects, nothing out of a token. No key that is symmetric or
 * private is ever used. tests/unit/jwt.test.ts.
 */
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWK, type JWTVerifyGetKey } from 'jose';

import { Problem } from '../shared/problem.js';

/** How the keys are had, and whom to tell when they are not. */
export interface JwksOptions {
  /** The issuer's JWKS address, or how its keys are read. */
  readonly source: URL | (() => Promise<JWK[]>);
  readonly now: () => Date;
  readonly onFailure: (error: unknown) => void;
}

const MAX_AGE_MS = 10 * 60_000;
const COOLDOWN_MS = 30_000;
/** How soon a failed first fetch is tried again: everybody waits for it. */
const FIRST_COOLDOWN_MS = 1_000;
/** Reading our own keys hammers nobody else. */
const OWN_COOLDOWN_MS = 1_000;
const FETCH_TIMEOUT_MS = 2_000;
const MAX_BYTES = 64 * 1024;
const MAX_KEYS = 100;

export interface IssuerKeys {
  /**
   * Where a token's key comes from. Throws Problem ISSUER_UNAVAILABLE while no keys were ever had, and jose's own errors
   * where they hold none that fits.
   */
  readonly getKey: JWTVerifyGetKey;
  /**
   * What the keys in use are, as text: whatever they have verified stands while it is the same. Has keys that are old
   * fetched again, since tokens that are remembered ask for none.
   */
  readonly inUse: () => string | undefined;
  /** Milliseconds since the keys were last had from their issuer; undefined: never, or they are fixed. */
  readonly ageMs: () => number | undefined;
}

/** Keys that never change. */
export function fixedKeys(keys: JSONWebKeySet['keys']): IssuerKeys {
  return { getKey: createLocalJWKSet({ keys }), inUse: () => 'fixed', ageMs: () => undefined };
}

/** Keys that are fetched, and kept. */
export function createKeys({ source, now, onFailure }: JwksOptions): IssuerKeys {
  const cooldownMs = source instanceof URL ? COOLDOWN_MS : OWN_COOLDOWN_MS;
  let keys: JWTVerifyGetKey | undefined;
  let text: string | undefined;
  let fetchedAt = -Infinity;
  let triedAt = -Infinity;
  let pending: Promise<void> | undefined;

  const refresh = (): Promise<void> => {
    triedAt = now().getTime();
    pending ??= (source instanceof URL ? fetchKeys(source) : readKeys(source))
      .then((jwks) => {
        keys = createLocalJWKSet(jwks);
        const fetched = JSON.stringify(jwks);
        // The same text stays the same object: it is compared at every request.
        if (fetched !== text) text = fetched;
        fetchedAt = now().getTime();
      })
      .catch(onFailure)
      .finally(() => (pending = undefined));
    return pending;
  };
  const since = (moment: number): number => now().getTime() - moment;
  const mayTry = (): boolean =>
    pending !== undefined || since(triedAt) >= (keys === undefined ? FIRST_COOLDOWN_MS : cooldownMs);

  const renewOld = (): void => {
    if (keys !== undefined && since(fetchedAt) >= MAX_AGE_MS && mayTry()) void refresh();
  };

  const getKey: JWTVerifyGetKey = async (header, token) => {
    if (keys === undefined && mayTry()) await refresh();
    renewOld();
    if (keys === undefined) {
      throw new Problem('ISSUER_UNAVAILABLE', 'the keys of the token issuer cannot be had', { retryAfterSeconds: 1 });
    }
    try {
      return await keys(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey) || !mayTry()) throw error;
      await refresh();
      return await keys(header, token);
    }
  };
  return {
    getKey,
    inUse: () => {
      renewOld();
      return text;
    },
    ageMs: () => (keys === undefined ? undefined : since(fetchedAt)),
  };
}

async function fetchKeys(uri: URL): Promise<JSONWebKeySet> {
  const response = await fetch(uri, {
    redirect: 'error',
    signal: AbortSignal.timeout(FETCH_TIMEOUT_MS),
    headers: { accept: 'application/jwk-set+json, application/json' },
  });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`the JWKS address answered ${response.status}`);
  }
  const keys = publicKeys(JSON.parse(await readBounded(response)));
  if (keys.length === 0) throw new Error('the JWKS holds no public key');
  return { keys };
}

async function readKeys(read: () => Promise<JWK[]>): Promise<JSONWebKeySet> {
  const keys = publicKeys({ keys: await read() });
  if (keys.length === 0) throw new Error('there is no key yet');
  return { keys };
}

async function readBounded(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  // A fetched body is bytes; its type leaves that open.
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    // Leaving the loop cancels the rest of the body.
    if (size > MAX_BYTES) throw new Error(`the JWKS is larger than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** The asymmetric public keys of what may be a JWKS. A symmetric or private key published there is everybody's. */
export function publicKeys(jwks: unknown): JSONWebKeySet['keys'] {
  if (typeof jwks !== 'object' || jwks === null || !('keys' in jwks) || !Array.isArray(jwks.keys)) {
    throw new Error('the JWKS is not an object with a list of keys');
  }
  if (jwks.keys.length > MAX_KEYS) throw new Error(`the JWKS holds more than ${MAX_KEYS} keys`);
  return jwks.keys.filter(isPublicKey);
}

function isPublicKey(key: unknown): key is JSONWebKeySet['keys'][number] {
  if (typeof key !== 'object' || key === null || !('kty' in key)) return false;
  return (key.kty === 'RSA' || key.kty === 'EC' || key.kty === 'OKP') && !('d' in key) && !('k' in key);
}
