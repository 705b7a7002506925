/**
 * Retention: partitions leave whole, when every row in them is verified, sealed and covered by a checkpoint.
 *
 * Their seals stay, with a hash for each entry, so the log verifies on: what remains is proved as before, an archived
 * export of what left can still be verified, and its place in the log proved. What left is an entry of the access log.
 */
import type { KeyObject } from 'node:crypto';

import type { Checkpoints } from './checkpoint.js';
import type { Lane, Seal } from './ledger.js';
import type { InTransaction } from './ledger-reader.js';
import { listPartitions, prunePartition, selectEdges } from './prune-store.js';
import type { Partition } from './prune-store.js';
import { selectSealOf } from './seal-store.js';
import type { LogName } from './open-log.js';
import { endUpTo, verifyStored } from './open-log.js';
import type { Batch, SeqRange } from './verify.js';
import { evidenceFor, storedCheckpoints, toNextCheckpoint } from './verify-ledger.js';
import type { Judged } from './verify-ledger.js';

export interface PruneOptions {
  /** Partitions that end at this moment or before. */
  readonly before: Date;
  /** False only looks. */
  readonly drop: boolean;
  readonly checkpoints: Checkpoints | undefined;
  readonly key: KeyObject | undefined;
}

export interface PruneReport {
  readonly lane: Lane;
  readonly partition: string;
  readonly rows: number;
  readonly outcome: 'dropped' | 'could be dropped' | 'kept';
  /** Why it was kept. */
  readonly why?: string;
}

/** Goes through the partitions of a lane that end before a date. */
export async function pruneLane(run: InTransaction, name: LogName, options: PruneOptions): Promise<PruneReport[]> {
  const reports: PruneReport[] = [];
  const partitions = await run((tx) => listPartitions(tx, name.lane, options.before));
  if (partitions.length === 0) return reports;
  const evidence = await evidenceFor(name, options, await storedCheckpoints(run, name.lane));
  for (const partition of partitions)
    reports.push(await pruneOne(run, { ...name, partition }, { drop: options.drop, evidence }));
  return reports;
}

async function pruneOne(
  run: InTransaction,
  { partition, ...name }: LogName & { partition: Partition },
  { drop, evidence }: { drop: boolean; evidence: Judged },
): Promise<PruneReport> {
  const { lane } = name;
  const report = { lane, partition: partition.name };
  const found = await findSeqs(run, { ...name, partition }, evidence);
  if ('why' in found) return { ...report, rows: 0, outcome: 'kept', why: found.why };
  const rows = found.seqs.reduce((sum, { from, to }) => sum + to - from + 1, 0);
  if (!drop) return { ...report, rows, outcome: 'could be dropped' };
  await run((tx) => prunePartition(tx, lane, { name: partition.name, seqs: found.seqs }));
  return { ...report, rows, outcome: 'dropped' };
}

/** Verifies the partition's rows, to the next checkpoint, and says which entries they are. */
async function findSeqs(
  run: InTransaction,
  { partition, ...name }: LogName & { partition: Partition },
  evidence: Judged,
): Promise<{ seqs: SeqRange[] } | { why: string }> {
  const { lane } = name;
  const edges = await run((tx) => selectEdges(tx, lane, partition));
  if (edges === undefined) return { seqs: [] };
  const first = await run((tx) => selectSealOf(tx, lane, { xid: edges.firstXid, afterBatch: 0 }));
  const last = await lastSealOf(run, lane, edges.lastXid);
  if (first === undefined || last === undefined) return { why: 'it holds rows that are not sealed yet' };
  if (evidence.fault !== undefined) return { why: evidence.fault.what };
  const start = await endUpTo(run, name, first.firstSeq - 1);
  if (start === undefined) return { why: 'the seal before it contradicts itself' };
  const seqs: SeqRange[] = [];
  const isMine = (atMs: number): boolean => atMs >= partition.fromMs && atMs < partition.toMs;
  const { fault, covered, end } = await verifyStored(run, name, {
    start,
    withEntries: ({ firstSeq }) => firstSeq <= last.lastSeq,
    checkpoints: evidence.checkpoints,
    toEnd: false,
    through: (batches, pruned) => {
      seqs.length = 0;
      return collecting(toNextCheckpoint(batches, last.lastSeq, evidence.checkpoints), { pruned, isMine, seqs });
    },
  });
  if (fault !== undefined) return { why: `entry ${fault.seq}: ${fault.what}` };
  const lastSeq = seqs.at(-1)?.to ?? 0;
  if (lastSeq > covered)
    return { why: `no checkpoint covers its last entry, ${lastSeq} (up to ${end.frontier.size} are sealed)` };
  return { seqs };
}

/** The last seal that may hold a row of the transaction: its rows may fill several batches. */
async function lastSealOf(run: InTransaction, lane: Lane, xid: string): Promise<Seal | undefined> {
  let found: Seal | undefined;
  for (;;) {
    const afterBatch = found?.batch ?? 0;
    const next = await run((tx) => selectSealOf(tx, lane, { xid, afterBatch }));
    if (next === undefined) return found;
    found = next;
    if (next.lastXid !== xid) return found;
  }
}

/** Notes which entries are the partition's, on their way to the verifier. */
async function* collecting(
  batches: AsyncIterable<Batch>,
  { pruned, isMine, seqs }: { pruned: readonly SeqRange[]; isMine: (atMs: number) => boolean; seqs: SeqRange[] },
): AsyncGenerator<Batch, void> {
  for await (const batch of batches) {
    yield batch;
    let seq = batch.seal.firstSeq;
    for (const { atMs } of batch.entries ?? []) {
      for (let gone = rangeOf(pruned, seq); gone !== undefined; gone = rangeOf(pruned, seq)) seq = gone.to + 1;
      if (isMine(atMs)) addTo(seqs, seq);
      seq += 1;
    }
  }
}

const rangeOf = (ranges: readonly SeqRange[], seq: number): SeqRange | undefined =>
  ranges.find(({ from, to }) => from <= seq && seq <= to);

function addTo(seqs: SeqRange[], seq: number): void {
  const last = seqs.at(-1);
  if (last?.to === seq - 1) seqs.splice(-1, 1, { from: last.from, to: seq });
  else seqs.push({ from: seq, to: seq });
}
