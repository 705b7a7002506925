/**
 * The keys that our tokens are signed with, and their rotation.
 *
 * A key signs for thirty days. The next one is published an hour before it signs, so that whoever caches our JWKS knows
 * it in time, and an old one stays published for a day after its last token: no rotation refuses a good token. All
 * replicas share the keys; whichever looks first makes the next one, under a lock. Signing asks the database for them,
 * as judging a token does: once keys are gone, no process signs with them, and none takes what they have signed.
 * INVARIANT: what signs is in the JWKS, and has been. tests/integration/signing-keys.test.ts.
 */
import type { Logger } from 'pino';

import type { Pool, Tx } from '../platform/postgres.js';
import { newSigningKey, openSigningKey, SIGNING_ALGORITHM, signToken } from '../platform/signing-key.js';
import type { PrivateKey, PublicJwk, TokenContent } from '../platform/signing-key.js';
import type { Part } from '../shared/part.js';
import {
  deleteKeysFollowedBefore,
  deleteOtherKeys,
  insertSigningKey,
  listSigningKeys,
  lockSigningKeys,
} from './signing-key-store.js';
import type { StoredKey } from './signing-key-store.js';

export interface KeyRingOptions {
  readonly pool: Pool;
  /** Seals the private keys in the database. */
  readonly secret: string;
  readonly log: Logger;
  readonly now: () => Date;
}

export interface KeyRing extends Part {
  /** Reads the published keys, those of the near future and past included. */
  readPublicKeys(): Promise<PublicJwk[]>;
  /** Signs with the key whose time it is. `tx` acts for the platform. */
  sign(tx: Tx, content: TokenContent): Promise<string>;
  /** Makes and removes keys where it is time to; done by itself once started. */
  rotate(): Promise<void>;
  /**
   * Makes the next key before its time: it signs in an hour, as every next one does, and where one waits already, it is
   * that one. With `atOnce`, because keys or the secret are in other hands, it signs now and all others are gone: no
   * token of theirs counts any more, here and at every replica, from the commit on.
   */
  renew(atOnce: boolean): Promise<NewKey>;
}

export interface NewKey {
  readonly kid: string;
  readonly signsFrom: Date;
}

const HOUR_MS = 3_600_000;
const SIGNS_MS = 30 * 24 * HOUR_MS;
const PUBLISHED_BEFORE_MS = HOUR_MS;
const PUBLISHED_AFTER_MS = 24 * HOUR_MS;
/** Between two looks at the keys: less than a key is published before it signs. */
const LOOK_MS = 60_000;

const settings = { 'bailiwick.platform': 'on' };

export function createKeyRing({ pool, secret, log, now }: KeyRingOptions): KeyRing {
  const opened = new Map<string, PrivateKey>();
  let timer: NodeJS.Timeout | undefined;

  async function open(key: StoredKey): Promise<PrivateKey | undefined> {
    const privateKey = opened.get(key.kid) ?? (await openSigningKey(key, secret));
    if (privateKey !== undefined) opened.set(key.kid, privateKey);
    return privateKey;
  }

  /** The newest key that may sign and that our secret opens. */
  async function currentOf(keys: readonly StoredKey[]): Promise<{ kid: string; key: PrivateKey } | undefined> {
    for (const stored of keys.filter(({ signsFrom }) => signsFrom <= now())) {
      const key = await open(stored);
      if (key !== undefined) return { kid: stored.kid, key };
    }
    return undefined;
  }

  async function rotateIn(tx: Tx): Promise<void> {
    await lockSigningKeys(tx);
    const keys = await listSigningKeys(tx);
    const time = now().getTime();
    if ((await currentOf(keys)) === undefined) {
      if (keys.length > 0) log.warn('no signing key opens with the secret that is set: a new one is made');
      await insert(tx, now());
    } else if (keys.every(({ signsFrom }) => signsFrom.getTime() <= time - SIGNS_MS)) {
      await insert(tx, new Date(time + PUBLISHED_BEFORE_MS));
    }
    await deleteKeysFollowedBefore(tx, new Date(time - PUBLISHED_AFTER_MS));
  }

  async function insert(tx: Tx, signsFrom: Date): Promise<NewKey> {
    const key = await newSigningKey(secret);
    await insertSigningKey(tx, { ...key, signsFrom, algorithm: SIGNING_ALGORITHM });
    return { kid: key.kid, signsFrom };
  }

  async function renewIn(tx: Tx, atOnce: boolean): Promise<NewKey> {
    await lockSigningKeys(tx);
    const time = now();
    if (atOnce) {
      const made = await insert(tx, time);
      await deleteOtherKeys(tx, made.kid);
      return made;
    }
    const next = (await listSigningKeys(tx)).find(({ signsFrom }) => signsFrom > time);
    return next ?? (await insert(tx, new Date(time.getTime() + PUBLISHED_BEFORE_MS)));
  }

  const ring: KeyRing = {
    name: 'signing keys',
    async start() {
      await ring.rotate();
      timer = setInterval(() => {
        ring.rotate().catch((error: unknown) => log.warn({ err: error }, 'the signing keys could not be looked after'));
      }, LOOK_MS).unref();
    },
    stop() {
      clearInterval(timer);
      return Promise.resolve();
    },
    rotate: () => pool.transaction(rotateIn, { settings }),
    renew: (atOnce) => pool.transaction((tx) => renewIn(tx, atOnce), { settings }),
    async readPublicKeys() {
      const keys = await pool.transaction(listSigningKeys, { settings });
      return keys.map(({ publicJwk }) => publicJwk);
    },
    async sign(tx, content) {
      const current = await currentOf(await listSigningKeys(tx));
      if (current === undefined) throw new Error('there is no key to sign with: the key ring has not started');
      return await signToken(content, current);
    },
  };
  return ring;
}
