import type { Pool } from '../platform/postgres.js';
import { describeHoldUp } from './hold-up.js';
import type { Sealer } from './sealer.js';

/** What /readyz says of the ledger: nothing there is a reason not to serve. */
export function createLedgerWarning(
  pool: Pool,
  { sealer, hasKey }: { sealer: Pick<Sealer, 'brokenLanes'>; hasKey: boolean },
): { name: string; warn: () => Promise<string | undefined> } {
  return {
    name: 'audit',
    async warn() {
      const broken = sealer.brokenLanes();
      if (broken.length > 0) return `the chain is broken (${broken.join(', ')}): run \`bailiwick audit verify\``;
      const heldUp = await describeHoldUp(pool);
      if (heldUp !== undefined) return sayHeldUp(heldUp);
      return hasKey ? undefined : 'there is no signing key: rows are sealed, and no checkpoint is signed';
    },
  };
}

function sayHeldUp({ lane, lagSeconds, by }: NonNullable<Awaited<ReturnType<typeof describeHoldUp>>>): string {
  const waits = `sealing of lane ${lane} is ${lagSeconds.toFixed(0)} s late`;
  if (by === undefined) return waits;
  return `${waits}: it waits for ${by.pid === null ? by.name : `process ${String(by.pid)} (${by.name})`}`;
}
