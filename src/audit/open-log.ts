/**
 * Taking up a log where it ended: the sealer's first step, and its look back later on.
 *
 * What is known of a log are checkpoints: the last one that each sink kept, the last one of the database, and what this
 * process itself sealed. The log is replayed from the smallest of them, through all of them, to its end.
 */
import { isFromElsewhere, listPruned } from './ledger-state-store.js';
import { emptyLog, endAfter } from './ledger.js';
import type { Lane, LogEnd } from './ledger.js';
import { readBatches } from './ledger-reader.js';
import type { InTransaction, ReadScope } from './ledger-reader.js';
import type { Checkpoint } from './checkpoint.js';
import { KnownRoots } from './known-roots.js';
import { selectLastSeal, selectSealUpTo } from './seal-store.js';
import { verifyLog } from './verify.js';
import type { Batch, Fault, SeqRange, Verdict, VerifyScope } from './verify.js';

export interface LogName {
  readonly lane: Lane;
  readonly origin: string;
}

export interface OpenedLog {
  /** Undefined where there is nothing to continue from. */
  readonly end: LogEnd | undefined;
  readonly fault: Fault | undefined;
}

/** Rows this close to the end are compared with their hashes when a log is taken up; the others by the patrol. */
const RECENT_ENTRIES = 10_000;

/** Takes up the log, having replayed it from what is known of it. */
export async function openLog(
  run: InTransaction,
  { lane, origin }: LogName,
  known: readonly Checkpoint[],
): Promise<OpenedLog> {
  const last = await run((tx) => selectLastSeal(tx, lane));
  const foreign = last !== undefined && (await run((tx) => isFromElsewhere(tx, last.lastXid)));
  if (foreign) {
    const what = 'the database was restored into a younger cluster: new rows would be ordered before old ones';
    return { end: undefined, fault: { seq: last.lastSeq, what } };
  }
  const end = last === undefined ? emptyLog(origin) : endAfter(last);
  const other = known.find((checkpoint) => checkpoint.origin !== origin);
  if (other !== undefined)
    return { end, fault: { seq: 1, what: `the last known checkpoint is of ${other.origin}, and this is ${origin}` } };
  const start =
    known.length === 0 ? end : await endUpTo(run, { lane, origin }, Math.min(...known.map(({ size }) => size)));
  if (start === undefined) return { end, fault: { seq: last?.lastSeq ?? 1, what: 'a seal contradicts itself' } };
  const withEntries = ({ lastSeq }: { lastSeq: number }): boolean => lastSeq > (last?.lastSeq ?? 0) - RECENT_ENTRIES;
  const checkpoints = KnownRoots.of(known);
  const verdict = await verifyStored(run, { lane, origin }, { start, withEntries, checkpoints, toEnd: true });
  return verdict.fault === undefined ? { end: verdict.end, fault: undefined } : { end, fault: verdict.fault };
}

/**
 * The log's end after its last batch that ends with entry `seq` or before; undefined where that batch's seal contradicts
 * itself.
 */
export async function endUpTo(run: InTransaction, { lane, origin }: LogName, seq: number): Promise<LogEnd | undefined> {
  const seal = await run((tx) => selectSealUpTo(tx, lane, seq));
  return seal === undefined ? emptyLog(origin) : endAfter(seal);
}

export interface StoredScope extends Pick<VerifyScope, 'checkpoints' | 'toEnd'>, Pick<ReadScope, 'withEntries'> {
  readonly start: LogEnd;
  /** Looks at the batches on their way, or ends them early. */
  readonly through?: (batches: AsyncIterable<Batch>, pruned: readonly SeqRange[]) => AsyncIterable<Batch>;
}

/**
 * Verifies what the database holds. A partition that is pruned meanwhile takes entries along that are missed: what looks
 * like a fault then is looked at again.
 */
export async function verifyStored(run: InTransaction, name: LogName, scope: StoredScope): Promise<Verdict> {
  for (;;) {
    const pruned = await run((tx) => listPruned(tx, name.lane));
    const batches = readBatches(run, { lane: name.lane, after: scope.start, withEntries: scope.withEntries });
    const verdict = await verifyLog(scope.through?.(batches, pruned) ?? batches, {
      ...scope,
      origin: name.origin,
      pruned,
    });
    const isSettled =
      verdict.fault === undefined || (await run((tx) => listPruned(tx, name.lane))).length === pruned.length;
    if (isSettled) return verdict;
  }
}

export interface PatrolStep {
  /** Where to go on; undefined is at the beginning again. */
  readonly at: LogEnd | undefined;
  readonly fault: Fault | undefined;
}

/** Compares the next entries, about `entries` of them, with their hashes: round and round, never all at once. */
export async function patrol(
  run: InTransaction,
  { lane, origin }: LogName,
  round: { readonly at: LogEnd | undefined; readonly end: LogEnd; readonly entries: number },
): Promise<PatrolStep> {
  const start = round.at ?? emptyLog(origin);
  const { fault, end } = await verifyStored(
    run,
    { lane, origin },
    {
      start,
      withEntries: () => true,
      checkpoints: new KnownRoots(),
      toEnd: false,
      through: (batches) => firstOf(batches, round.entries),
    },
  );
  if (fault !== undefined) return { at: undefined, fault };
  const isRound = end.batch >= round.end.batch;
  const isOther = end.batch === round.end.batch && !end.head.equals(round.end.head);
  const isShort = end.batch === start.batch && end.batch < round.end.batch;
  if (isOther || isShort)
    return { at: undefined, fault: { seq: end.frontier.size + 1, what: 'the log does not end as it was sealed' } };
  return { at: isRound ? undefined : end, fault: undefined };
}

async function* firstOf(batches: AsyncIterable<Batch>, entries: number): AsyncGenerator<Batch, void> {
  let left = entries;
  for await (const batch of batches) {
    yield batch;
    left -= batch.seal.lastSeq - batch.seal.firstSeq + 1;
    if (left <= 0) return;
  }
}
