/**
 * Ends impersonations that have run out, so that the tenant's history says so too; their rights ended by themselves.
 *
 * Every process sweeps; rows that another one is sweeping are left to it, so an end is written down once.
 */
import type { Logger } from 'pino';

import type { Pool } from '../platform/postgres.js';
import { repeating } from '../shared/part.js';
import type { Part } from '../shared/part.js';
import { sweepExpired } from './impersonation-store.js';

const EVERY_MS = 5_000;
const AT_ONCE = 100;

export function createImpersonationSweeper(options: {
  readonly pool: Pool;
  readonly log: Logger;
  readonly everyMs?: number;
}): Part {
  const { pool, log, everyMs = EVERY_MS } = options;
  async function sweep(): Promise<void> {
    const settings = { 'bailiwick.platform': 'on' };
    const ended = await pool.transaction((tx) => sweepExpired(tx, { limit: AT_ONCE }), { settings });
    if (ended > 0) log.info({ ended }, 'impersonations have run out');
  }
  const onFailure = (error: unknown): void =>
    log.warn({ err: error }, 'expired impersonations were not ended; the next sweep tries again');
  return repeating('impersonation sweeper', sweep, { everyMs, onFailure });
}
