/** Logs made in memory, sealed and signed for as the sealer does it. */
import { generateKeyPairSync } from 'node:crypto';

import { signCheckpoint } from '../../src/audit/checkpoint.js';
import type { Checkpoint } from '../../src/audit/checkpoint.js';
import { emptyLog, sealBatch } from '../../src/audit/ledger.js';
import type { Entry } from '../../src/audit/ledger.js';
import type { Batch } from '../../src/audit/verify.js';

export const ORIGIN = 'bailiwick/00000000-0000-4000-8000-000000000000/admin';
export const { privateKey: KEY, publicKey: PUBLIC_KEY } = generateKeyPairSync('ed25519');

export function madeEntry(id: number, more = ''): Entry {
  const xid = 700 + Math.floor(id / 3);
  const at = new Date(Date.UTC(2026, 0, 1) + id * 1000);
  const text = `{"v":1,"id":${id},"xid":${xid},"at":"${at.toISOString().slice(0, -1)}","purpose":"p${id}${more}"}`;
  return { id: String(id), xid: String(xid), text, atMs: at.getTime() };
}

/** Seals entries in batches of the given sizes, the last one as often as needed. */
export function seal(entries: readonly Entry[], sizes: readonly number[]): Batch[] {
  const batches: Batch[] = [];
  let end = emptyLog(ORIGIN);
  for (let at = 0, turn = 0; at < entries.length; turn += 1) {
    const taken = entries.slice(at, at + (sizes[turn] ?? sizes.at(-1) ?? 1));
    const sealed = sealBatch(end, taken);
    batches.push({ seal: sealed.seal, entries: taken });
    ({ end } = sealed);
    at += taken.length;
  }
  return batches;
}

/** What would have been signed when the log had this many batches. */
export function checkpointAfter(batches: readonly Batch[], count: number): Checkpoint {
  const last = batches[count - 1]?.seal;
  if (last === undefined) throw new Error('there is no such batch');
  return signCheckpoint({ origin: ORIGIN, size: last.lastSeq, root: last.root }, KEY);
}
