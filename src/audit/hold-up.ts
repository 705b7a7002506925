import type { Pool } from '../platform/postgres.js';
import { listLaneStates, selectHoldUp } from './ledger-state-store.js';
import type { HoldUp } from './ledger-state-store.js';

/** Waiting longer than this is worth a word about who is waited for. */
const HELD_UP_SECONDS = 5;

/** Rows that have waited for long, and the transaction that they wait for, where there is one. */
export async function describeHoldUp(
  pool: Pool,
): Promise<{ lane: string; lagSeconds: number; by: HoldUp | undefined } | undefined> {
  return await pool.transaction(async (tx) => {
    const states = await listLaneStates(tx);
    const late = states.filter(({ lagSeconds }) => lagSeconds > HELD_UP_SECONDS);
    const [worst] = late.sort((a, b) => b.lagSeconds - a.lagSeconds);
    if (worst === undefined) return undefined;
    return { lane: worst.lane, lagSeconds: worst.lagSeconds, by: await selectHoldUp(tx) };
  });
}
