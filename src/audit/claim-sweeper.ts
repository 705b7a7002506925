/**
 * Forgets idempotency keys that are no longer remembered, with the answers kept for them, of all tenants: also of one
 * whose people have not written anything since.
 *
 * Every process sweeps; rows that another one is sweeping are left to it. tests/integration/idempotency.test.ts.
 */
import type { Logger } from 'pino';

import type { Pool } from '../platform/postgres.js';
import { repeating } from '../shared/part.js';
import type { Part } from '../shared/part.js';
import { forgetClaims } from './claim-store.js';

const EVERY_MS = 10 * 60_000;
const AT_ONCE = 1_000;

export function createClaimSweeper(options: {
  readonly pool: Pool;
  readonly log: Logger;
  readonly everyMs?: number;
}): Part {
  const { pool, log, everyMs = EVERY_MS } = options;
  async function sweep(): Promise<void> {
    const settings = { 'bailiwick.platform': 'on' };
    while ((await pool.transaction((tx) => forgetClaims(tx, AT_ONCE), { settings })) >= AT_ONCE);
  }
  const onFailure = (error: unknown): void =>
    log.warn({ err: error }, 'old idempotency keys were not forgotten; the next sweep tries again');
  return repeating('idempotency key sweeper', sweep, { everyMs, onFailure });
}
