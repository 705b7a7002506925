/**
 * What keeps an answer from being older than it may be (src/shared/sync-gate.ts).
 *
 * A token is waited for in Postgres, the one place that knows what is applied, so it holds on every replica. Menaces
 * (keys that may take access away and are parked or late, tables being rebuilt) are heard by a feed; where there is one in the tenant
 * an allow is looked at row by row. Denials always stand.
 */
import type { Logger } from 'pino';

import { createListener } from '../platform/listener.js';
import type { Pool } from '../platform/postgres.js';
import type { Deadline } from '../shared/operation.js';
import { NotReady } from '../shared/not-ready.js';
import type { Part } from '../shared/part.js';
import { Problem } from '../shared/problem.js';
import type { SyncGate } from '../shared/sync-gate.js';
import { createFootings } from './footings.js';
import type { FootingsOptions } from './footings.js';
import {
  isMenaced,
  isTenantMenaced,
  LAG_HARD_SECONDS,
  lookAtPosition,
  selectFeed,
  selectTenantStates,
} from './gate-store.js';
import { APPLIED_CHANNEL } from './outbox-store.js';
import { isForeign } from './restore.js';
import { decodeSyncToken } from './token.js';
import type { SyncPosition } from './token.js';

export interface GateOptions extends Pick<FootingsOptions, 'onLost' | 'silenceMs'> {
  /** Of role `bailiwick_sync`. */
  readonly pool: Pool;
  /** Of role `bailiwick_service`: what is asked where the feed has not been heard for long. */
  readonly asidePool: Pool;
  readonly log: Logger;
  /** The longest that a request waits for its token. */
  readonly tokenWaitMs: number;
  /** The feed is looked at that often, whoever says what. */
  readonly feedMs: number;
  readonly now?: () => Date;
  /** Makes a part that calls `wake` when something has been applied. */
  readonly listen?: (wake: () => void) => Part;
}

/** Between two looks at whether a token's changes are in force, growing to the last. */
const LOOKS_MS = [2, 4, 8, 15];

export function createSyncGate(options: GateOptions): SyncGate & Part {
  const { pool, now = () => new Date() } = options;
  const footings = createFootings({
    ...options,
    now: () => now().getTime(),
    read: (tenantIds, from) => pool.statement((tx) => selectTenantStates(tx, tenantIds, new Date(from))),
  });
  const feed = createFeed(options, footings.hear, footings.forget);
  const listener = options.listen?.(feed.wake);

  async function awaitToken(token: string, deadline: Deadline): Promise<void> {
    const position = decodeSyncToken(token);
    const end = performance.now() + Math.min(options.tokenWaitMs, deadline.remainingMs());
    for (let look = 0; ; look += 1) {
      if (await isInForce(position)) return;
      if (performance.now() >= end) throw lagging('the change that the sync token names is not in force yet');
      const ms = LOOKS_MS[Math.min(look, LOOKS_MS.length - 1)];
      await new Promise((resolve) => setTimeout(resolve, ms));
    }
  }

  /** Once it is, the feed knows what this look has seen: no answer from before the change is taken after it. */
  async function isInForce(position: SyncPosition): Promise<boolean> {
    const found = await lookAtPosition(pool, position);
    if (found.epoch !== position.epoch) throw foreign();
    if (!found.isApplied) return false;
    footings.note('', found.platformVersion);
    if (position.tenantId !== undefined) footings.note(position.tenantId, found.version);
    // The token's own change may be what is parked: `guard` has to know before this check's allow comes to it. And a truth
    // that was replaced a moment ago may be news to the feed.
    if (found.isMenaced || position.tenantId === undefined || found.epoch !== feed.epoch()) await feed.hear();
    return true;
  }

  const isQuiet = (tenantId: string): boolean =>
    !feed.isDeaf() && !feed.menaced().has(tenantId) && !feed.menaced().has('');
  /** Where Postgres is away altogether, nothing can be taken away meanwhile, and answers go on (RELIABILITY §5). */
  async function isMenacedAside(tenantId: string): Promise<boolean> {
    try {
      return await options.asidePool.transaction((tx) => isTenantMenaced(tx, tenantId));
    } catch (error) {
      if (error instanceof Problem && error.code === 'DATABASE_UNAVAILABLE') return false;
      throw error;
    }
  }
  return {
    name: 'sync gate',
    awaitToken,
    position: footings.version,
    footing: footings.get,
    isQuiet,
    lagMs: (tenantId) => Math.max(feed.lagging().get(tenantId) ?? 0, feed.lagging().get('') ?? 0),
    async isSettled(tenantId) {
      const [state] = await pool.statement((tx) => selectTenantStates(tx, [tenantId], now()));
      return state?.isPending === false;
    },
    async guard(allow) {
      if (isQuiet(allow.tenantId)) return;
      const menaced = feed.isDeaf()
        ? await isMenacedAside(allow.tenantId)
        : await pool.transaction((tx) => isMenaced(tx, allow));
      if (menaced) {
        throw lagging('a change that could take this access away cannot be put in force');
      }
    },
    async start() {
      if (await isForeign(pool)) {
        throw new NotReady('the database was restored into a younger cluster: run `bailiwick restore adopt`');
      }
      await feed.hear();
      feed.start();
      await listener?.start();
    },
    async stop() {
      await listener?.stop();
      await feed.stop();
      await footings.idle();
    },
  };
}

/** A `listen` that hears the projector's notices, whichever process it runs in. */
export function listenForApplied(url: string, log: Logger): (wake: () => void) => Part {
  const onLost = (error: Error): void => log.warn({ err: error }, 'notices of what is applied are not heard');
  return (wake) => createListener({ url, applicationName: 'bailiwick-feed', channel: APPLIED_CHANNEL, wake, onLost });
}

/** Looks at what is applied, in turns and when woken. `forget` is called when the truth was replaced. */
function createFeed(
  { pool, log, feedMs }: GateOptions,
  tell: ReturnType<typeof createFootings>['hear'],
  forget: () => void,
) {
  let menaced: ReadonlySet<string> = new Set();
  let lagging: ReadonlyMap<string, number> = new Map();
  let epoch = '';
  /** Undefined: everything is to be looked at, because something may have been missed. */
  let horizon: string | undefined;
  let asked = 0;
  let heard = 0;
  let heardAt = performance.now();
  let isDeafnessSaid = false;
  let timer: NodeJS.Timeout | undefined;
  let isRunning = false;
  let hearing: Promise<void> | undefined;
  let isAgain = false;

  /** Whether it has not been heard for so long that what waits could be past the hard bound. */
  const isDeaf = (): boolean => performance.now() - heardAt >= LAG_HARD_SECONDS * 1_000;

  async function hear(): Promise<void> {
    const turn = (asked += 1);
    const askedAt = performance.now();
    const since = horizon;
    const found = await pool
      .statement((tx) => selectFeed(tx, since))
      .catch((error: unknown) => {
        horizon = undefined;
        throw error;
      });
    // An answer that was overtaken by the answer to a later question is older than what is known.
    if (turn < heard) return;
    heard = turn;
    heardAt = performance.now();
    isDeafnessSaid = false;
    const isReplaced = epoch !== '' && epoch !== found.epoch;
    if (isReplaced) forget();
    epoch = found.epoch;
    menaced = new Set(found.menaced);
    lagging = found.lagging;
    tell({ isWhole: since === undefined, applied: found.applied, moving: found.moving }, askedAt);
    horizon = isReplaced && since !== undefined ? undefined : found.horizon;
  }

  /** One look at a time; what wakes during one is seen by the next. */
  function look(): void {
    if (!isRunning) return;
    clearTimeout(timer);
    if (hearing !== undefined) {
      isAgain = true;
      return;
    }
    hearing = hear()
      .catch((error: unknown) => {
        log[isDeaf() && !isDeafnessSaid ? 'warn' : 'debug']({ err: error }, 'what is not in force is not heard of');
        isDeafnessSaid ||= isDeaf();
      })
      .finally(() => {
        hearing = undefined;
        if (!isRunning) return;
        const wasWoken = isAgain;
        isAgain = false;
        if (wasWoken) look();
        else timer = setTimeout(look, feedMs);
      });
  }

  return {
    epoch: () => epoch,
    menaced: () => menaced,
    lagging: () => lagging,
    isDeaf,
    hear,
    wake: look,
    start() {
      isRunning = true;
      timer = setTimeout(look, feedMs);
    },
    async stop() {
      isRunning = false;
      clearTimeout(timer);
      await hearing;
    },
  };
}

function foreign(): Problem {
  return new Problem('SYNC_TOKEN_INVALID', 'the sync token is from before a restore: drop it', {
    errors: [{ field: 'syncToken', message: 'is from before a restore' }],
  });
}

function lagging(detail: string): Problem {
  return new Problem('SYNC_LAG', detail, { retryAfterSeconds: 1 });
}
