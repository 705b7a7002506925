/**
 * The sealer: puts committed rows into the ledger, one active process at a time.
 *
 * Each turn takes rows that no commit can come before any more, seals them as one batch a lane in one transaction, and
 * signs a checkpoint when it is time. A crash leaves a batch or nothing. Leadership is a session advisory lock; should two
 * ever seal at once, the unique keys of `audit.seal` refuse the second. Writers are never waited for and never wait.
 *
 * INVARIANT: a checkpoint is signed only for a log that continues the last one that is known (from the sinks or the
 * database), hash by hash; a log that does not is broken, and nothing is signed for it again by this process.
 * tests/integration/sealer.test.ts.
 */
import type { KeyObject } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';

import type { Pool, Session } from '../platform/postgres.js';
import type { Part } from '../shared/part.js';
import { readCheckpoints, signCheckpoint } from './checkpoint.js';
import type { Checkpoint } from './checkpoint.js';
import type { CheckpointSink } from './checkpoint-sinks.js';
import { describeHoldUp } from './hold-up.js';
import { sealBatch } from './ledger.js';
import type { Lane, LogEnd } from './ledger.js';
import type { InTransaction } from './ledger-reader.js';
import { ensureAccessLogPartitions } from './ledger-state-store.js';
import { openLog, patrol } from './open-log.js';
import type { LogName } from './open-log.js';
import type { SealMetrics } from './seal-metrics.js';
import {
  insertCheckpoint,
  insertSeal,
  listOrigins,
  listSealable,
  selectHead,
  selectLastCheckpoint,
} from './seal-store.js';
import type { Fault } from './verify.js';

export interface SealerOptions {
  /** Of role `bailiwick_sync`. */
  readonly pool: Pool;
  readonly log: Logger;
  readonly metrics: SealMetrics;
  /** Undefined: rows are sealed and nothing is signed. */
  readonly key: KeyObject | undefined;
  readonly sinks: readonly CheckpointSink[];
  readonly pollMs: number;
  readonly standbyMs: number;
  /** A checkpoint is signed when this has passed since the last one, or after `CHECKPOINT_ENTRIES`. */
  readonly checkpointMs: number;
  /** Between two looks at entries that were sealed before. */
  readonly patrolMs: number;
}

export interface Sealer extends Part {
  /** Lanes whose chain this process found broken. */
  readonly brokenLanes: () => readonly Lane[];
}

/** A log under way. */
interface OpenLog extends LogName {
  /** Undefined where there is nothing to continue from. */
  end: LogEnd | undefined;
  signedSize: number;
  signedAt: number;
  patrolAt: LogEnd | undefined;
}

/** Any number, the same in every process: who holds it seals. */
export const SEALER_LOCK = 7_091_407_303;
const BATCH_MAX = 2_000;
const CHECKPOINT_ENTRIES = 1_000;
/** A busy log is not signed more often than this. */
const CHECKPOINT_MS_MIN = 1_000;
const PATROL_ENTRIES = 5_000;
const PARTITIONS_EVERY_MS = 3_600_000;
const HELD_UP_EVERY_MS = 10_000;

/** Makes a sealer; `start` returns at once, sealing or standing by. */
export function createSealer(options: SealerOptions): Sealer {
  const { pool, log, metrics, key, sinks } = options;
  const inPool: InTransaction = (work) => pool.transaction(work);
  /** What this process has sealed: the database must not contradict it later. */
  const remembered = new Map<Lane, Checkpoint>();
  const due = { partitions: 0, patrol: 0, heldUp: 0 };
  const ending = new AbortController();
  // A function, because the answer changes while something is awaited.
  const isEnding = (): boolean => ending.signal.aborted;
  /** By lane what was found first. It outlives a lost connection: taking a log up looks at its last rows only. */
  const broken = new Map<Lane, Fault>();
  let running: Promise<void> = Promise.resolve();

  /** Whether it is time again; then the next time is `everyMs` from now. */
  function isDue(what: keyof typeof due, everyMs: number): boolean {
    if (performance.now() < due[what]) return false;
    due[what] = performance.now() + everyMs;
    return true;
  }

  async function run(): Promise<void> {
    while (!isEnding()) {
      try {
        await pool.session(standBy);
      } catch (error) {
        if (!isEnding()) log.warn({ err: error }, 'sealing interrupted');
      }
      await pause(options.standbyMs, ending.signal);
    }
  }

  async function standBy(session: Session): Promise<void> {
    while (!isEnding() && !session.isLost()) {
      const { rows } = await session.transaction((tx) =>
        tx.query<{ locked: boolean }>({ text: `select pg_try_advisory_lock(${String(SEALER_LOCK)}) as locked` }),
      );
      if (rows[0]?.locked === true) {
        await lead(session);
        return;
      }
      await pause(options.standbyMs, ending.signal);
    }
  }

  async function lead(session: Session): Promise<void> {
    const logs: OpenLog[] = [];
    for (const name of await session.transaction(listOrigins)) logs.push(await open(name));
    log.info({ entries: logs.map(({ lane, end }) => [lane, end?.frontier.size]) }, 'sealing');
    while (!isEnding() && !session.isLost()) {
      let isBusy = false;
      for (const each of logs) {
        isBusy = (await sealNext(session, each)) || isBusy;
        await checkpoint(session, each, options.checkpointMs);
      }
      if (isBusy) continue;
      await lookAround(logs);
      await pause(options.pollMs, ending.signal);
    }
    for (const each of logs) await checkpoint(session, each, 0);
  }

  async function open(name: LogName): Promise<OpenLog> {
    const kept = await Promise.all(
      sinks
        .flatMap((sink) => (sink.last === undefined ? [] : [sink.last(name)]))
        .concat(lastOfDatabase(inPool, name.lane)),
    );
    const known = [...kept, remembered.get(name.lane)].filter((checkpoint) => checkpoint !== undefined);
    const { end, fault } = await openLog(inPool, name, known);
    // What one of them has not is signed for all: of a file that is new, or by a process that ended between two of them.
    const signedSize = Math.min(...kept.map((checkpoint) => checkpoint?.size ?? 0));
    const found = broken.get(name.lane) ?? fault;
    if (found !== undefined) markBroken(name.lane, found);
    return { ...name, end, signedSize, signedAt: -Infinity, patrolAt: undefined };
  }

  function markBroken(lane: Lane, fault: Fault): void {
    broken.set(lane, fault);
    metrics.broken(lane);
    log.error({ lane, ...fault }, 'the audit chain is broken: no checkpoint is signed any more');
  }

  /** Seals one batch; resolves to whether there may be more. */
  async function sealNext(session: Session, current: OpenLog): Promise<boolean> {
    const { lane, end } = current;
    if (end === undefined) return false;
    const sealed = await session.transaction(
      async (tx) => {
        const head = await selectHead(tx, lane);
        const isOurs =
          head === undefined ? end.batch === 0 : head.size === end.frontier.size && head.head.equals(end.head);
        // Taking the log up anew tells another sealer's work from a hand on the seals.
        if (!isOurs) throw new Error(`the log of lane ${lane} does not end where this process left it`);
        const entries = await listSealable(tx, lane, { after: end.last, limit: BATCH_MAX });
        if (entries.length === 0) return undefined;
        const batch = sealBatch(end, entries);
        await insertSeal(tx, lane, batch.seal);
        return { ...batch, isFull: entries.length === BATCH_MAX };
      },
      // What is seen is fixed before it is planned which partitions are read: a partition that is attached in between would
      // be passed over, and rows of its transaction that come after its rows be sealed.
      { isolation: 'repeatable read' },
    );
    if (sealed === undefined) return false;
    current.end = sealed.end;
    const { size } = sealed.end.frontier;
    if (!broken.has(lane)) remembered.set(lane, { origin: current.origin, size, root: sealed.seal.root, note: '' });
    metrics.sealed(lane, sealed.seal.lastSeq - sealed.seal.firstSeq + 1);
    return sealed.isFull;
  }

  /** Signs what was sealed since the last checkpoint, if there is enough of it or `everyMs` has passed. */
  async function checkpoint(session: Session, current: OpenLog, everyMs: number): Promise<void> {
    const { lane, origin, end, signedSize } = current;
    if (key === undefined || broken.has(lane) || end === undefined || end.frontier.size <= signedSize) return;
    const waitedMs = performance.now() - current.signedAt;
    const isMuch = end.frontier.size - signedSize >= CHECKPOINT_ENTRIES && waitedMs >= CHECKPOINT_MS_MIN;
    if (!isMuch && waitedMs < everyMs) return;
    const signed = signCheckpoint({ origin, size: end.frontier.size, root: end.frontier.root() }, key);
    // Outside first: should this process end here, the next one finds the larger of the two.
    for (const sink of sinks) {
      await sink.append(signed).catch((error: unknown) => {
        metrics.sinkFailed(sink.name);
        log.error({ err: error, sink: sink.name }, 'audit checkpoint not kept');
      });
    }
    await session.transaction((tx) => insertCheckpoint(tx, lane, signed));
    metrics.signed(lane);
    current.signedSize = signed.size;
    current.signedAt = performance.now();
  }

  /** What there is time for when nothing waits. */
  async function lookAround(logs: readonly OpenLog[]): Promise<void> {
    if (isDue('partitions', PARTITIONS_EVERY_MS)) {
      await pool
        .transaction(ensureAccessLogPartitions)
        .catch((error: unknown) => log.warn({ err: error }, 'access log partitions not made'));
    }
    if (isDue('heldUp', HELD_UP_EVERY_MS)) {
      const heldUp = await describeHoldUp(pool);
      if (heldUp !== undefined) log.warn(heldUp, 'sealing is held up');
    }
    if (!isDue('patrol', options.patrolMs)) return;
    for (const each of logs) {
      if (broken.has(each.lane) || each.end === undefined) continue;
      const { at, fault } = await patrol(inPool, each, { at: each.patrolAt, end: each.end, entries: PATROL_ENTRIES });
      each.patrolAt = at;
      if (fault !== undefined) markBroken(each.lane, fault);
    }
  }

  return {
    name: 'sealer',
    brokenLanes: () => [...broken.keys()],
    start() {
      running = run();
      return Promise.resolve();
    },
    async stop() {
      ending.abort();
      await running;
    },
  };
}

async function lastOfDatabase(run: InTransaction, lane: Lane): Promise<Checkpoint | undefined> {
  const note = await run((tx) => selectLastCheckpoint(tx, lane));
  return note === undefined ? undefined : readCheckpoints(note)[0];
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}
