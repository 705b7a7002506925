/**
 * The projector: keeps the engine's tuples equal to Postgres's rows, one active at a time.
 *
 * Leadership is a session advisory lock, so it ends with the connection; others stand by and take over within
 * `standbyMs`; a leader whose Writes have not succeeded for `yieldMs` makes room for them. A new leader first inherits
 * what its predecessor had claimed (see src/sync/batch.ts). Own writes wake it at once, everybody else's are found by a
 * poll; no writer is ever made to notify.
 */
import type { Logger } from 'pino';

import type { Session } from '../platform/postgres.js';
import type { Part } from '../shared/part.js';
import { EngineError, TUPLES_PER_WRITE } from '../shared/tuple.js';
import { runBatch } from './batch.js';
import type { BatchOptions, BatchResult, Leadership, Uncertain } from './batch.js';
import {
  finishEntries,
  glance,
  holdEntries,
  inheritClaims,
  insertClaim,
  releaseClaim,
  RANKS,
  retryParked,
  touchKeys,
} from './outbox-store.js';
import type { Entry } from './outbox-store.js';
import type { SyncMetrics } from './sync-metrics.js';

export interface ProjectorOptions extends Omit<BatchOptions, 'holdMs'> {
  readonly log: Logger;
  readonly metrics: SyncMetrics;
  readonly pollMs: number;
  readonly standbyMs: number;
  /** After this long without success at the engine the lead is given up: another process may reach it. */
  readonly yieldMs: number;
  /** The engine's own request timeout: a Write may commit that long after it was sent. */
  readonly engineRequestTimeoutMs: number;
  /** Queues what a truncated table left behind; resolves to whether nothing is left to do. May reject once the signal aborts. */
  readonly rebuild: (entry: Entry, signal: AbortSignal) => Promise<boolean>;
}

export interface Projector extends Part {
  /** Says that something was committed just now: look at once. */
  wake(): void;
  readonly isLeader: () => boolean;
}

/** Any number, the same in every process: who holds it projects. */
export const PROJECTOR_LOCK = 7_091_407_301;
/** Room for clocks' granularity and the way from the engine's last check of its deadline to its commit. */
const FENCE_MARGIN_MS = 250;
/** A batch's transaction idles while the engine writes; what belongs together is written to its end, however slow it is. */
const IDLE_MS = 120_000;
/** Between two looks at what a truncated table left behind: the queued keys are applied meanwhile. */
const REBUILD_PAUSE_MS = 200;

/** Makes a projector; `start` returns at once, leading or standing by. */
export function createProjector(options: ProjectorOptions): Projector {
  const { pool, log, metrics } = options;
  const holdMs = options.engineRequestTimeoutMs + FENCE_MARGIN_MS;
  const fenceMs = options.leaseMs + options.writeTimeoutMs + holdMs;
  const batch: BatchOptions = { ...options, holdMs };
  const uncertain: Uncertain[] = [];
  const pace = { tuplesPerWrite: TUPLES_PER_WRITE };
  let lastClaim: string | undefined;
  let ending = new AbortController();
  let stopping = false;
  // A function, because the answer changes while something is awaited.
  const isStopping = (): boolean => stopping;
  let leading = false;
  /** Since when nothing that this leader asked of the engine has succeeded. */
  let stuckSince: number | undefined;
  let running: Promise<void> = Promise.resolve();
  let awaken: (() => void) | undefined;
  let awake = false;

  /** Waits, unless something was said since the last look. */
  async function pause(ms: number): Promise<void> {
    if (awake || isStopping()) {
      awake = false;
      return;
    }
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      awaken = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    awake = false;
    awaken = undefined;
  }

  async function run(): Promise<void> {
    while (!isStopping()) {
      try {
        await requeueUncertain();
        await pool.session(standBy);
      } catch (error) {
        if (!isStopping()) log.warn({ err: error }, 'projection interrupted');
      }
      leading = false;
      metrics.leader(false);
      await requeueUncertain().catch((error: unknown) => log.warn({ err: error }, 'keys are not queued again yet'));
      if (isStuck()) await makeRoom();
      else if (!isStopping()) await pause(options.standbyMs);
    }
  }

  function isStuck(): boolean {
    return stuckSince !== undefined && performance.now() - stuckSince > options.yieldMs;
  }

  /** Long enough for others to find the lead free; no change of our own cuts it short. */
  async function makeRoom(): Promise<void> {
    const until = performance.now() + 2 * options.standbyMs;
    while (!isStopping() && performance.now() < until) await pause(until - performance.now());
  }

  /**
   * Keys that were written without their entries being removed: somebody else may have applied them meanwhile, from
   * newer rows. They are looked at again, where a write is still under way as soon as it cannot be any longer. That is
   * all that the fence of our own last claim would wait for, and more: nothing else of it was written, so it is let go.
   */
  async function requeueUncertain(): Promise<void> {
    if (uncertain.length === 0 && lastClaim === undefined) return;
    const touch = ({ change: { key, writes, deletes } }: Uncertain): Parameters<typeof touchKeys>[1][number] => ({
      ...key,
      prior: { tuples: [...writes, ...deletes].map(({ user, relation, object }) => ({ user, relation, object })) },
    });
    const of = (isOpen: boolean) => uncertain.filter((each) => each.isOpen === isOpen).map(touch);
    await pool.transaction(async (tx) => {
      await touchKeys(tx, of(false));
      await touchKeys(tx, of(true), holdMs);
      if (lastClaim !== undefined) await releaseClaim(tx, lastClaim);
    });
    uncertain.length = 0;
    lastClaim = undefined;
  }

  async function standBy(session: Session): Promise<void> {
    while (!isStopping() && !session.isLost()) {
      const { rows } = await session.transaction((tx) =>
        tx.query<{ locked: boolean }>({ text: `select pg_try_advisory_lock(${String(PROJECTOR_LOCK)}) as locked` }),
      );
      if (rows[0]?.locked === true) {
        await lead(session);
        return;
      }
      await pause(options.standbyMs);
    }
  }

  async function lead(session: Session): Promise<void> {
    await session.statement((tx) =>
      tx.query({ text: `set idle_in_transaction_session_timeout = '${String(IDLE_MS)}ms'` }),
    );
    const { claimId, inherited } = await session.transaction(async (tx) => {
      const inherited = await inheritClaims(tx, fenceMs);
      await retryParked(tx);
      return { inherited, claimId: await insertClaim(tx) };
    });
    lastClaim = claimId;
    log.info({ inherited }, 'projecting');
    leading = true;
    metrics.leader(true);
    const lead: Leadership = { session, claimId, uncertain, pace, lastTenant: { 0: '', 1: '', 2: '', parked: '' } };
    let trouble = 0;
    stuckSince = undefined;
    while (!isStopping() && !session.isLost() && !isStuck()) {
      const progress = await turn(lead);
      trouble = progress === 'troubled' ? trouble + 1 : 0;
      if (progress === 'idle') await pause(options.pollMs);
      if (progress === 'troubled') await pause(Math.min(options.pollMs * 2 ** trouble, 1_000));
    }
    if (isStuck()) log.warn('the engine takes nothing from here: the lead is left to another process, if there is one');
  }

  /** Small changes first, then one batch of a large one, so that neither waits for the other to end. */
  async function turn(lead: Leadership): Promise<'idle' | 'busy' | 'troubled'> {
    const { ranks, unpark } = await lead.session.statement(glance);
    const results: BatchResult[] = [];
    if (ranks.includes(0)) results.push(await runBatch(lead, 0, batch));
    const large = RANKS.find((rank) => rank > 0 && ranks.includes(rank));
    if (large !== undefined) results.push(await runBatch(lead, large, batch));
    if (unpark) results.push(await runBatch(lead, 'parked', batch));
    let finished = results.some((result) => result.outcomes.some((outcome) => outcome.result === 'applied'));
    for (const rebuild of results.flatMap((result) => result.rebuilds)) {
      finished = (await continueRebuild(lead.session, rebuild)) || finished;
    }
    return report(results, finished);
  }

  async function continueRebuild(session: Session, entry: Entry): Promise<boolean> {
    let done = false;
    try {
      done = await options.rebuild(entry, ending.signal);
      stuckSince = undefined;
    } catch (error) {
      if (!(error instanceof EngineError) && !ending.signal.aborted) throw error;
      stuckSince ??= performance.now();
      log.warn({ err: error, table: entry.a }, 'rebuild interrupted');
    }
    await session.transaction(async (tx) => {
      if (done) await finishEntries(tx, { entryIds: [entry.id], tenantIds: [entry.tenantId] });
      else await holdEntries(tx, [entry.id], REBUILD_PAUSE_MS);
    });
    return true;
  }

  function report(results: readonly BatchResult[], finished: boolean): 'idle' | 'busy' | 'troubled' {
    const outcomes = results.flatMap((result) => result.outcomes);
    if (outcomes.some(({ result }) => result === 'applied' || result === 'refused')) stuckSince = undefined;
    for (const { change, result, error } of outcomes) {
      metrics.applied(change.key.kind, result);
      if (result === 'refused') log.error({ key: change.key, err: error }, 'key parked: it cannot be projected');
    }
    // What was left only because the lease was over goes on at once.
    const trouble = outcomes.find(({ result, error }) => result !== 'refused' && error !== undefined);
    if (trouble !== undefined) {
      stuckSince ??= performance.now();
      log.warn({ err: trouble.error, outcome: trouble.result }, 'engine write did not succeed');
      return 'troubled';
    }
    if (outcomes.length > 0 && outcomes.every(({ result }) => result === 'later')) {
      log.warn(
        { changes: outcomes.length },
        'the right to write was over before anything was written: Postgres is slow',
      );
      return 'troubled';
    }
    return finished || outcomes.some(({ result }) => result === 'later') ? 'busy' : 'idle';
  }

  return {
    name: 'projector',
    isLeader: () => leading,
    wake() {
      awake = true;
      awaken?.();
    },
    start() {
      stopping = false;
      ending = new AbortController();
      running = run();
      return Promise.resolve();
    },
    async stop() {
      stopping = true;
      ending.abort();
      awaken?.();
      await running;
    },
  };
}
