/** The decision log on a real Postgres: what waits, what is kept, what is refused, when Postgres comes and goes. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { createDecisionLog } from '../../src/audit/decision-log.js';
import type { DecisionEntry } from '../../src/audit/decision-store.js';
import { createMetrics } from '../../src/platform/metrics.js';
import { createPool } from '../../src/platform/postgres.js';
import type { Pool } from '../../src/platform/postgres.js';
import { Problem } from '../../src/shared/problem.js';
import { createWorld, quiet, type World } from '../support/world.js';

let world: World;
let tenants = 0;

beforeAll(async () => {
  world = await createWorld();
});

afterAll(() => world.end());

/** A tenant of its own keeps a test's rows apart; nothing needs it to exist. */
const newTenant = (): string => `log-${(tenants += 1)}`;

function entry(tenantId: string, more: Partial<DecisionEntry> = {}): DecisionEntry {
  return {
    decisionId: randomUUID(),
    decidedAt: new Date(),
    api: 'check',
    tenantId,
    callerKind: 'service',
    callerId: 'key-1',
    subjectUserId: 'ann',
    permission: 'users.read',
    object: `tenant:${tenantId}`,
    answer: 'allowed',
    source: 'engine',
    modelId: 'model',
    syncPosition: undefined,
    latencyUs: 1_234,
    requestId: 'request',
    ...more,
  };
}

/** The service's pool, which fails as long as `fault` gives an error, and counts. */
function playedPool(): Pool & { fault: () => Error | undefined; commits: number } {
  const real = world.pool('bailiwick_service');
  const pool = {
    ...real,
    commits: 0,
    fault: (): Error | undefined => undefined,
    transaction: async <T>(...args: Parameters<Pool['transaction']>): Promise<T> => {
      const error = pool.fault();
      if (error !== undefined) throw error;
      pool.commits += 1;
      return (await real.transaction(...args)) as T;
    },
  };
  return pool;
}

const away = (): Error => new Problem('DATABASE_UNAVAILABLE', 'away');

function createLog(mode: 'strict' | 'async', options: { pool?: Pool; capacity?: number; stopTimeoutMs?: number } = {}) {
  const metrics = createMetrics();
  const pool = options.pool ?? world.pool('bailiwick_service');
  const log = createDecisionLog({ log: quiet, metrics, mode, ...options, pool });
  const metric = async (name: string): Promise<number> => {
    const line = (await metrics.render()).body.split('\n').find((each) => each.startsWith(`bailiwick_${name} `));
    return Number(line?.split(' ')[1] ?? '0');
  };
  return { ...log, metric, buffered: () => metric('decision_log_buffered') };
}

async function rowsOf(tenantId: string): Promise<number> {
  const [row] = await world.sql<{ n: number }>(`select count(*)::int as n from audit.decision where tenant_id = $1`, [
    tenantId,
  ]);
  return row?.n ?? 0;
}

async function codeOf(work: Promise<unknown>): Promise<string | undefined> {
  return await work.then(
    () => undefined,
    (error: unknown) => (error instanceof Problem ? error.code : String(error)),
  );
}

// First of all: a day whose rows are in the default partition gets none of its own.
test('it starts by making the partitions of the days to come', async () => {
  const log = createLog('async');
  await log.start();
  const [row] = await world.sql<{ n: number }>(
    `select count(*)::int as n from pg_inherits where inhparent = 'audit.decision'::regclass`,
  );
  expect(row?.n).toBeGreaterThanOrEqual(9);
  const tenantId = newTenant();
  await log.record(entry(tenantId));
  await log.stop();
  const [stored] = await world.sql<{ partition: string }>(
    `select tableoid::regclass::text as partition from audit.decision where tenant_id = $1`,
    [tenantId],
  );
  expect(stored?.partition).toMatch(/^audit\.decision_\d{8}$/);
});

describe('strict', () => {
  test('an answer is given once it is committed', async () => {
    const tenantId = newTenant();
    await createLog('strict').record(entry(tenantId));
    expect(await rowsOf(tenantId)).toBe(1);
  });

  test('what comes while a batch is under way shares the next one', async () => {
    const tenantId = newTenant();
    const pool = playedPool();
    const log = createLog('strict', { pool });
    const first = log.record(entry(tenantId));
    await new Promise((resolve) => setImmediate(resolve));
    await Promise.all([first, ...Array.from({ length: 200 }, () => log.record(entry(tenantId)))]);
    expect(await rowsOf(tenantId)).toBe(201);
    expect(pool.commits).toBe(2);
  });

  test('an answer that cannot be written down is refused, and the next one is not', async () => {
    const tenantId = newTenant();
    const pool = playedPool();
    const log = createLog('strict', { pool });
    pool.fault = away;
    expect(await codeOf(log.record(entry(tenantId)))).toBe('AUDIT_UNAVAILABLE');
    pool.fault = () => undefined;
    await log.record(entry(tenantId));
    expect(await rowsOf(tenantId)).toBe(1);
  });

  test('an answer waits no longer than its request may', async () => {
    const log = createLog('strict', { pool: { ...playedPool(), transaction: () => new Promise(() => undefined) } });
    expect(await codeOf(log.record(entry(newTenant()), AbortSignal.timeout(50)))).toBe('AUDIT_UNAVAILABLE');
    expect(await codeOf(log.record(entry(newTenant()), AbortSignal.abort()))).toBe('AUDIT_UNAVAILABLE');
  });

  test('what was not decided waits for nobody, and is kept while Postgres is away', async () => {
    const tenantId = newTenant();
    const pool = playedPool();
    const log = createLog('strict', { pool });
    pool.fault = away;
    await log.record(entry(tenantId, { answer: 'undecided', problem: 'ENGINE_UNAVAILABLE' }));
    expect(await codeOf(log.record(entry(tenantId)))).toBe('AUDIT_UNAVAILABLE');
    pool.fault = () => undefined;
    await log.stop();
    expect(await rowsOf(tenantId)).toBe(1);
  });
});

describe('async', () => {
  test('an answer does not wait, and is written down soon', async () => {
    const tenantId = newTenant();
    const log = createLog('async');
    await log.record(entry(tenantId));
    expect(await log.buffered()).toBe(1);
    await expect.poll(() => rowsOf(tenantId), { interval: 10, timeout: 1_000 }).toBe(1);
    expect(await log.buffered()).toBe(0);
    expect(await log.metric('decision_log_rows_total{outcome="written"}')).toBe(1);
  });

  test('while Postgres is away nothing is lost, and a full buffer gives no more answers', async () => {
    const tenantId = newTenant();
    const pool = playedPool();
    const log = createLog('async', { pool, capacity: 1_200 });
    pool.fault = away;
    for (let n = 0; n < 1_200; n += 1) await log.record(entry(tenantId));
    expect(await codeOf(log.record(entry(tenantId)))).toBe('AUDIT_UNAVAILABLE');
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(await log.buffered()).toBe(1_200);
    pool.fault = () => undefined;
    await expect.poll(() => rowsOf(tenantId), { timeout: 5_000 }).toBe(1_200);
    await log.record(entry(tenantId));
    await log.stop();
    expect(await rowsOf(tenantId)).toBe(1_201);
  });

  test('a Postgres that takes nothing since a failover is away: what it refuses is nobody’s fault, and kept', async () => {
    const tenantId = newTenant();
    const name = new URL(world.databaseUrl).pathname.slice(1);
    const pool = createPool(
      { url: world.databaseUrl, role: 'bailiwick_service', max: 1, applicationName: 'failed-over' },
      () => undefined,
    );
    await world.superSql(`alter database ${name} set default_transaction_read_only = on`);
    const log = createLog('async', { pool });
    await log.record(entry(tenantId));
    // Longer than an entry is tried that Postgres refuses for what it is.
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    expect(await log.buffered()).toBe(1);
    await world.superSql(`set transaction read write`, `alter database ${name} reset default_transaction_read_only`);
    await expect.poll(() => rowsOf(tenantId), { timeout: 5_000 }).toBe(1);
    await log.stop();
    await pool.end();
  });

  test('a Postgres without room on its disk is away too: nothing is dropped, and all is in once there is room', async () => {
    const tenantId = newTenant();
    await world.superSql(
      `create function audit.no_room() returns trigger language plpgsql as
         $$ begin raise exception using errcode = 'disk_full', message = 'No space left on device'; end $$`,
      `create trigger no_room before insert on audit.decision for each row execute function audit.no_room()`,
    );
    const log = createLog('async');
    await log.record(entry(tenantId));
    await expect(createLog('strict').record(entry(newTenant()), AbortSignal.timeout(300))).rejects.toMatchObject({
      code: 'AUDIT_UNAVAILABLE',
    });
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    expect(await log.buffered()).toBe(1);
    await world.superSql(`drop trigger no_room on audit.decision`, `drop function audit.no_room()`);
    await expect.poll(() => rowsOf(tenantId), { timeout: 5_000 }).toBe(1);
    await log.stop();
  });

  test('a commit whose answer was lost is not written twice', async () => {
    const tenantId = newTenant();
    const pool = playedPool();
    let isLost = true;
    const forgetful = {
      ...pool,
      transaction: async <T>(...args: Parameters<Pool['transaction']>): Promise<T> => {
        const result = (await pool.transaction(...args)) as T;
        if (!isLost) return result;
        isLost = false;
        throw away();
      },
    };
    const log = createLog('async', { pool: forgetful });
    await log.record(entry(tenantId));
    await log.stop();
    expect(isLost).toBe(false);
    expect(await rowsOf(tenantId)).toBe(1);
  });

  test('an entry that Postgres refuses does not hold up the others', async () => {
    const tenantId = newTenant();
    const log = createLog('async', { stopTimeoutMs: 20_000 });
    const poison = entry(tenantId, { decisionId: 'not a uuid' });
    for (const each of [entry(tenantId), poison, entry(tenantId)]) await log.record(each);
    await log.stop();
    expect(await rowsOf(tenantId)).toBe(2);
    expect(await log.metric('decision_log_rows_total{outcome="refused"}')).toBe(1);
    expect(await log.buffered()).toBe(0);
  });

  test('a NUL in what a caller calls itself is left out', async () => {
    const tenantId = newTenant();
    const log = createLog('async');
    await log.record(entry(tenantId, { callerId: 'a\0b', requestId: '\0' }));
    await log.stop();
    expect(await world.sql(`select caller_id from audit.decision where tenant_id = $1`, [tenantId])).toEqual([
      { caller_id: 'ab' },
    ]);
  });

  test('what cannot be written before the end is counted as lost', async () => {
    const pool = playedPool();
    const log = createLog('async', { pool, stopTimeoutMs: 100 });
    pool.fault = away;
    await log.record(entry(newTenant()));
    await log.stop();
    expect(await log.metric('decision_log_rows_total{outcome="lost"}')).toBe(1);
  });
});
