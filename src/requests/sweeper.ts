/**
 * Writes down that a role or a team for a time has run out; the right itself ended by the window that it was given.
 *
 * Every process sweeps; rows that another one is sweeping are left to it, and what is over leaves the state that it is
 * found by, so an end is written down once. tests/integration/elevation.test.ts.
 */
import type { Logger } from 'pino';

import type { Pool, Tx } from '../platform/postgres.js';
import { repeating } from '../shared/part.js';
import type { Part } from '../shared/part.js';
import { sweepDelegations } from './delegation-store.js';
import { sweepElevations } from './elevation-store.js';
import { sweepEmergencies } from './emergency-store.js';

const EVERY_MS = 5_000;
const AT_ONCE = 100;

const SWEEPS: readonly ((tx: Tx, limit: number) => Promise<number>)[] = [
  sweepElevations,
  sweepDelegations,
  sweepEmergencies,
];

/** Closes everything that is over; resolves to how much that was. */
export async function sweepRequests(pool: Pool): Promise<number> {
  const settings = { 'bailiwick.platform': 'on' };
  let closed = 0;
  for (const sweep of SWEEPS) {
    let last: number;
    do {
      last = await pool.transaction((tx) => sweep(tx, AT_ONCE), { settings });
      closed += last;
    } while (last >= AT_ONCE);
  }
  return closed;
}

export function createRequestSweeper(options: {
  readonly pool: Pool;
  readonly log: Logger;
  readonly everyMs?: number;
}): Part {
  const { pool, log, everyMs = EVERY_MS } = options;
  async function sweep(): Promise<void> {
    const closed = await sweepRequests(pool);
    if (closed > 0) log.info({ closed }, 'rights for a time have run out');
  }
  const onFailure = (error: unknown): void =>
    log.warn({ err: error }, 'what has run out was not closed; the next sweep tries again');
  return repeating('request sweeper', sweep, { everyMs, onFailure });
}
