/**
 * What keeps an answer from being older than it may be (src/shared/sync-gate.ts).
 *
 * A token is waited for in Postgres, the one place that knows what is applied, so it holds on every replica. Menaces
 * (parked keys that may take access away, tables being rebuilt) are heard by a feed; where there is one in the tenant
 * an allow is looked at row by row. Denials always stand.
 */
import type { Logger } from 'pino';

import type { Pool } from '../platform/postgres.js';
import type { Deadline } from '../shared/operation.js';
import type { Part } from '../shared/part.js';
import { Problem } from '../shared/problem.js';
import type { SyncGate } from '../shared/sync-gate.js';
import { isMenaced, lookAtPosition, selectEpoch, selectFeed } from './gate-store.js';
import { decodeSyncToken } from './token.js';

export interface GateOptions {
  /** Of role `bailiwick_sync`. */
  readonly pool: Pool;
  readonly log: Logger;
  /** The longest that a request waits for its token. */
  readonly tokenWaitMs: number;
  readonly feedMs: number;
}

/** Between two looks at whether a token's changes are in force, growing to the last. */
const LOOKS_MS = [2, 4, 8, 15];

export function createSyncGate(options: GateOptions): SyncGate & Part {
  const { pool, log } = options;
  const versions = new Map<string, number>();
  let menaced = new Set<string>();
  let epoch = '';
  let heardUntil = new Date(0);
  let timer: NodeJS.Timeout | undefined;
  let listening: Promise<void> = Promise.resolve();
  let asked = 0;
  let heard = 0;

  async function hear(): Promise<void> {
    const turn = (asked += 1);
    const feed = await pool.transaction(async (tx) => ({
      ...(await selectFeed(tx, heardUntil)),
      epoch: await selectEpoch(tx),
    }));
    // An answer that was overtaken by the answer to a later question is older than what is known.
    if (turn < heard) return;
    heard = turn;
    epoch = feed.epoch;
    menaced = new Set(feed.menaced);
    for (const { tenantId, version, appliedAt } of feed.applied) {
      versions.set(tenantId, version);
      if (appliedAt > heardUntil) heardUntil = appliedAt;
    }
  }

  function listen(): void {
    timer = setTimeout(() => {
      listening = hear()
        .catch((error: unknown) => log.debug({ err: error }, 'sync feed not heard'))
        .finally(() => timer !== undefined && listen());
    }, options.feedMs);
  }

  async function awaitToken(token: string, deadline: Deadline): Promise<void> {
    const position = decodeSyncToken(token);
    if (position.epoch !== epoch) {
      throw new Problem('SYNC_TOKEN_INVALID', 'the sync token is from before a restore: drop it', {
        errors: [{ field: 'syncToken', message: 'is from before a restore' }],
      });
    }
    const end = performance.now() + Math.min(options.tokenWaitMs, deadline.remainingMs());
    for (let look = 0; ; look += 1) {
      const found = await lookAtPosition(pool, position);
      // The token's own change may be what is parked: `guard` has to know before this check's allow comes to it.
      if (found.isApplied && found.isMenaced) await hear();
      if (found.isApplied) return;
      if (performance.now() >= end) throw lagging('the change that the sync token names is not in force yet');
      const ms = LOOKS_MS[Math.min(look, LOOKS_MS.length - 1)];
      await new Promise((resolve) => setTimeout(resolve, ms));
    }
  }

  return {
    name: 'sync gate',
    awaitToken,
    position: (tenantId) => versions.get(tenantId),
    async guard(allow) {
      if (!menaced.has(allow.tenantId) && !menaced.has('')) return;
      if (await pool.transaction((tx) => isMenaced(tx, allow))) {
        throw lagging('a change that could take this access away cannot be put in force');
      }
    },
    async start() {
      await hear();
      listen();
    },
    async stop() {
      clearTimeout(timer);
      timer = undefined;
      await listening;
    },
  };
}

function lagging(detail: string): Problem {
  return new Problem('SYNC_LAG', detail, { retryAfterSeconds: 1 });
}
