/**
 * `bailiwick keys list` and `keys rotate`: the keys that our tokens are signed with, which rotate by themselves, and their
 * rotation before its time. They run with the service's own settings, because a key is sealed under its secret.
 */
import type { Logger } from 'pino';

import type { Pool } from '../platform/postgres.js';
import { createKeyRing } from './key-ring.js';
import { listSigningKeys } from './signing-key-store.js';

export interface KeyCommandContext {
  /** As `bailiwick_service`. */
  readonly pool: Pool;
  readonly print: (line: string) => void;
  readonly log: Logger;
  readonly json: boolean;
}

/** `keys list`: what is published, the one that signs last first. */
export async function listKeys({ pool, print, json }: KeyCommandContext): Promise<number> {
  const keys = await pool.transaction(listSigningKeys, { settings: { 'bailiwick.platform': 'on' } });
  const time = Date.now();
  const signing = keys.find(({ signsFrom }) => signsFrom.getTime() <= time);
  const told = keys.map((key) => ({
    kid: key.kid,
    signsFrom: key.signsFrom.toISOString(),
    state: key === signing ? 'signs' : key.signsFrom.getTime() > time ? 'next' : 'verifies',
  }));
  if (json) print(JSON.stringify({ keys: told }));
  else for (const { kid, signsFrom, state } of told) print(`${kid}  ${state}  from ${signsFrom}`);
  return 0;
}

/** `keys rotate`: makes the next key; with `now` it signs at once, and tokens of all others are refused from then on. */
export async function rotateKeys(
  { pool, print, log, json }: KeyCommandContext,
  options: { secret: string; atOnce: boolean; dryRun: boolean },
): Promise<number> {
  const { secret, atOnce, dryRun } = options;
  if (dryRun) {
    const would = atOnce
      ? 'make a key that signs now, and refuse every token of the others: people sign in again'
      : 'make a key that signs in an hour; tokens of the others count until they end';
    print(json ? JSON.stringify({ rotated: false, would }) : `would ${would}`);
    return 0;
  }
  const { kid, signsFrom } = await createKeyRing({ pool, secret, log, now: () => new Date() }).renew(atOnce);
  const from = signsFrom.toISOString();
  print(json ? JSON.stringify({ rotated: true, kid, signsFrom: from }) : `${kid} signs from ${from}`);
  return 0;
}
