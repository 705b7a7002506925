/**
 * Verifying a whole log or a part of it, from the database or from an export, with the checkpoints that the caller
 * brings.
 *
 * A part is verified as follows: its entries are compared with their hashes, and the hashes are followed from before it
 * to the next checkpoint after it, because only a checkpoint says that they are the right ones.
 */
import type { KeyObject } from 'node:crypto';

import { isOfLane, isSignedBy, readCheckpoints } from './checkpoint.js';
import type { Checkpoint, Checkpoints } from './checkpoint.js';
import { KnownRoots } from './known-roots.js';
import { openExport } from './ledger-file.js';
import type { ExportedLog } from './ledger-file.js';
import type { Lane, LogEnd } from './ledger.js';
import type { InTransaction } from './ledger-reader.js';
import { listLaneStates, listUnprovedPrunings } from './ledger-state-store.js';
import { endUpTo, verifyStored } from './open-log.js';
import type { LogName } from './open-log.js';
import { listCheckpoints, selectSeqsAt } from './seal-store.js';
import { verifyLog } from './verify.js';
import type { Batch, Fault, SeqRange, Verdict } from './verify.js';

/** A number is an entry's, a date its time. */
export type Bound = number | Date | undefined;

export interface Evidence {
  /** Undefined: those that the database remembers, which whoever owns it may have written. */
  readonly checkpoints: Checkpoints | undefined;
  /** Undefined: signatures are not checked. */
  readonly key: KeyObject | undefined;
}

export interface Wanted extends Evidence {
  readonly from: Bound;
  readonly to: Bound;
}

export interface LaneReport extends Pick<Verdict, 'fault' | 'verified' | 'pruned' | 'covered'> {
  readonly lane: Lane;
  readonly origin: string;
  /** The number of the last entry that was looked at. */
  readonly size: number;
  /** Sealed entries after the last checkpoint. */
  readonly uncovered: number;
  /** Rows that were not sealed yet. */
  readonly unsealed: number;
  /** How far this can be believed. */
  readonly signatures: 'checked' | 'not checked';
  readonly checkpointsFrom: 'outside' | 'the database' | 'nowhere';
}

/** The most notes of the database that are compared. */
const NOTES_MAX = 1_000;

/** Verifies one log of the database. */
export async function verifyDatabase(run: InTransaction, name: LogName, wanted: Wanted): Promise<LaneReport> {
  const { lane } = name;
  const evidence = await evidenceFor(name, wanted, await storedCheckpoints(run, lane));
  const range = await seqsOf(run, lane, wanted);
  const state = (await run(listLaneStates)).find((each) => each.lane === lane);
  const fault = evidence.fault ?? faultOfNone(wanted, evidence, state?.sealed ?? 0);
  const about = { name, evidence, unsealed: state?.unsealed ?? 0 };
  const start = range === undefined ? undefined : await endUpTo(run, name, range.from - 1);
  if (fault !== undefined || range === undefined || start === undefined) {
    const contradiction = { seq: range?.from ?? 1, what: 'the seal before it contradicts itself' };
    return report(about, { fault: fault ?? (range === undefined ? undefined : contradiction) });
  }
  const [unproved] = await run((tx) => listUnprovedPrunings(tx, lane));
  if (unproved !== undefined) {
    const what = `the entry is said to have left with ${unproved.partition}, and no entry of the access log says so`;
    return report(about, { fault: { seq: unproved.from, what } });
  }
  const verdict = await verifyStored(run, name, {
    start,
    withEntries: ({ firstSeq }) => firstSeq <= range.to,
    checkpoints: evidence.checkpoints,
    toEnd: range.to === Infinity,
    through: (batches) => toNextCheckpoint(batches, range.to, evidence.checkpoints),
  });
  return report(about, verdict);
}

/** Verifies an export. `allowPruned` believes it that entries left with their partition. */
export async function verifyExport(path: string, wanted: Wanted & { allowPruned: boolean }): Promise<LaneReport> {
  return await verifyExportedLog(await openExport(path), wanted);
}

/** The same once it is open. */
export async function verifyExportedLog(
  log: ExportedLog,
  wanted: Wanted & { allowPruned: boolean },
): Promise<LaneReport> {
  const evidence = await evidenceFor(log, wanted, []);
  const range = { from: numberOf(wanted.from) ?? 1, to: numberOf(wanted.to) ?? Infinity };
  const begins = log.start.frontier.size + 1;
  const [gone] = wanted.allowPruned ? [] : log.pruned;
  let fault: Fault | undefined = evidence.fault;
  if (begins > range.from) fault ??= { seq: range.from, what: `the export begins with entry ${begins}` };
  if (gone !== undefined)
    fault ??= { seq: gone.from, what: `the export says that entries ${gone.from} to ${gone.to} were pruned` };
  if (fault !== undefined) return report({ name: log, evidence, unsealed: 0 }, { fault });
  const verdict = await verifyLog(wholeTo(log, range.to), {
    ...log,
    checkpoints: evidence.checkpoints,
    toEnd: range.to === Infinity,
  });
  const isShort = verdict.fault === undefined && range.to !== Infinity && verdict.end.frontier.size < range.to;
  if (isShort) fault = { seq: verdict.end.frontier.size + 1, what: 'the export ends before it' };
  fault = verdict.fault ?? faultOfNone(wanted, evidence, verdict.end.frontier.size) ?? fault;
  return report({ name: log, evidence, unsealed: log.unsealed() }, { ...verdict, fault });
}

/** What the database remembers of the last checkpoints. */
export async function storedCheckpoints(run: InTransaction, lane: Lane): Promise<Checkpoint[]> {
  return (await run((tx) => listCheckpoints(tx, lane, NOTES_MAX))).flatMap(readCheckpoints);
}

/** Undefined where the range holds nothing. */
export async function seqsOf(
  run: InTransaction,
  lane: Lane,
  { from, to }: { from: Bound; to: Bound },
): Promise<SeqRange | undefined> {
  const dates = { from: from instanceof Date ? from : undefined, to: to instanceof Date ? to : undefined };
  const isByTime = dates.from !== undefined || dates.to !== undefined;
  const byTime = isByTime ? await run((tx) => selectSeqsAt(tx, lane, dates)) : undefined;
  if (isByTime && byTime === undefined) return undefined;
  return {
    from: dates.from === undefined ? (numberOf(from) ?? 1) : (byTime?.from ?? 1),
    to: dates.to === undefined ? (numberOf(to) ?? Infinity) : (byTime?.to ?? Infinity),
  };
}

const numberOf = (bound: Bound): number | undefined => (typeof bound === 'number' ? bound : undefined);

/** Ends with the batch after which nothing more about the range can be learnt. */
export async function* toNextCheckpoint(
  batches: AsyncIterable<Batch>,
  to: number,
  checkpoints: KnownRoots,
): AsyncGenerator<Batch, void> {
  const last = checkpoints.at(checkpoints.placeOf(to))?.size ?? to;
  for await (const batch of batches) {
    yield batch;
    if (batch.seal.lastSeq >= last) return;
  }
}

/** An export's batches, of which those up to `to` must have their entries. */
async function* wholeTo({ batches }: ExportedLog, to: number): AsyncGenerator<Batch, void> {
  for await (const { seal, entries } of batches)
    yield { seal, entries: entries ?? (seal.firstSeq > to ? undefined : []) };
}

export interface Judged extends Pick<LaneReport, 'signatures' | 'checkpointsFrom'> {
  readonly checkpoints: KnownRoots;
  readonly fault: Fault | undefined;
}

/** The checkpoints of this log, and what is wrong with them. */
export async function evidenceFor(
  name: LogName,
  { checkpoints: brought, key }: Evidence,
  remembered: readonly Checkpoint[],
): Promise<Judged> {
  const checkpoints = new KnownRoots();
  let fault: Fault | undefined;
  let lastNote = '';
  for await (const each of brought ?? remembered) {
    // What two processes kept of one checkpoint is judged once.
    if (each.note === lastNote || !isOfLane(each, name)) continue;
    lastNote = each.note;
    fault = flawOf(each, name, key);
    if (fault !== undefined) break;
    if (each.origin === name.origin) checkpoints.add(each);
  }
  const from = brought === undefined ? 'the database' : 'outside';
  return {
    checkpoints,
    fault,
    signatures: key === undefined ? 'not checked' : 'checked',
    checkpointsFrom: checkpoints.count === 0 ? 'nowhere' : from,
  };
}

/** What one note of the lane says against the log. */
function flawOf(note: Checkpoint, { origin }: LogName, key: KeyObject | undefined): Fault | undefined {
  const isBelieved = key === undefined || isSignedBy(note, key);
  // It was made for the log that should be here: a log keeps its name for ever, and one key signs for one database.
  if (note.origin !== origin && isBelieved)
    return { seq: 1, what: `some of the checkpoints are of ${note.origin}, and this is ${origin}` };
  if (note.origin === origin && !isBelieved)
    return { seq: note.size, what: `the checkpoint at ${note.size} is not signed with this key` };
  return undefined;
}

/** Whoever brings checkpoints wants them compared: that there is none of a sealed log is not as good as bringing none. */
function faultOfNone({ checkpoints }: Evidence, evidence: Judged, sealed: number): Fault | undefined {
  if (checkpoints === undefined || evidence.checkpoints.count > 0 || sealed === 0) return undefined;
  return { seq: 1, what: 'it is sealed, and none of the checkpoints given is of it' };
}

function report(
  { name, evidence, unsealed }: { name: LogName; evidence: Judged; unsealed: number },
  verdict: Partial<Verdict>,
): LaneReport {
  const size = verdict.end?.frontier.size ?? 0;
  const covered = verdict.covered ?? 0;
  return {
    lane: name.lane,
    origin: name.origin,
    fault: verdict.fault,
    verified: verdict.verified ?? 0,
    pruned: verdict.pruned ?? 0,
    size,
    covered,
    uncovered: Math.max(0, size - covered),
    unsealed,
    signatures: evidence.signatures,
    checkpointsFrom: evidence.checkpointsFrom,
  };
}

/** Where an export of the range begins. */
export async function startOf(run: InTransaction, name: LogName, from: number): Promise<LogEnd> {
  const start = await endUpTo(run, name, from - 1);
  if (start === undefined) throw new Error(`the seal before entry ${from} contradicts itself`);
  return start;
}
