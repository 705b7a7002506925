/**
 * The real processes, killed with SIGKILL at bad moments: afterwards tuples = rows. A stack of its own, and the service
 * as production runs it (`bailiwick serve`, built).
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { insertTenant } from '../../src/directory/tenant-store.js';
import { startStack } from '../../src/embedded/stack.js';
import type { Stack } from '../../src/embedded/stack.js';
import { runSql } from '../../src/platform/admin-sql.js';
import { migrate } from '../../src/platform/migrate.js';
import { ensureStore } from '../../src/platform/openfga-admin.js';
import { createTupleStore } from '../../src/platform/openfga.js';
import { createPool } from '../../src/platform/postgres.js';
import type { Pool } from '../../src/platform/postgres.js';
import { reconcile } from '../../src/sync/reconcile.js';
import { quiet } from '../support/world.js';

const PROGRAM = fileURLToPath(new URL('../../bin/bailiwick.js', import.meta.url));
const MIGRATIONS = fileURLToPath(new URL('../../migrations', import.meta.url));
const BULK = process.env['VERIFY'] === undefined ? 3_000 : 100_000;
const ROUNDS = process.env['VERIFY'] === undefined ? 3 : 20;

let dataDir: string;
let stack: Stack;
let storeId: string;
let pool: Pool;
let service: ChildProcess | undefined;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'bailiwick-crash-'));
  stack = await startStack({ dataDir });
  await runSql(stack.postgres.url('postgres'), ['create database crash']);
  await migrate(stack.postgres.url('crash'), MIGRATIONS, quiet);
  storeId = await ensureStore({ url: stack.engine.url }, 'crash');
  pool = createPool(
    {
      url: stack.postgres.url('crash'),
      role: 'bailiwick_operator',
      max: 4,
      applicationName: 'crash test',
      statementTimeoutMs: 0,
    },
    () => undefined,
  );
  await startService();
  await sql(`select 1`);
  await pool.transaction((tx) => insertTenant(tx, { id: 't', slug: 't', name: 't', preset: 'rcm' }));
  await sql(
    `insert into security.app_user (id, tenant_id, email)
    select 'u' || n, 't', 'u' || n || '@example.com' from generate_series(1, $1::int) n`,
    [BULK],
  );
  await settled();
}, 120_000);

afterAll(async () => {
  service?.kill('SIGKILL');
  await pool.end();
  await stack.stop();
  await rm(dataDir, { recursive: true, force: true });
});

async function sql(text: string, values: readonly unknown[] = []): Promise<void> {
  await pool.transaction((tx) => tx.query({ text, values }));
}

/** Starts the built service and resolves when it serves. */
async function startService(): Promise<void> {
  const url = stack.postgres.url('crash');
  const child = spawn(process.execPath, [PROGRAM, 'serve'], {
    env: {
      PATH: process.env['PATH'],
      DATABASE_URL: url,
      BAILIWICK_OPENFGA_URL: stack.engine.url,
      BAILIWICK_OPENFGA_STORE_ID: storeId,
      BAILIWICK_PORT: '0',
      BAILIWICK_MANAGEMENT_PORT: '0',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  service = child;
  const lines = createInterface({ input: child.stdout });
  await new Promise<void>((resolve, reject) => {
    lines.on('line', (line) => {
      if (line.includes('"serving"')) resolve();
    });
    child.once('exit', (code) => reject(new Error(`the service ended with ${String(code)}`)));
  });
}

async function killService(): Promise<void> {
  const child = service;
  if (child === undefined) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
}

async function pending(): Promise<number> {
  const { rows } = await pool.transaction((tx) =>
    tx.query<{ n: number }>({ text: `select count(*)::int as n from sync.outbox where parked_at is null` }),
  );
  return rows[0]?.n ?? 0;
}

async function settled(timeoutMs = 60_000): Promise<void> {
  const end = Date.now() + timeoutMs;
  while ((await pending().catch(() => 1)) > 0) {
    if (Date.now() > end) throw new Error('the outbox did not become empty');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function expectNoDrift(): Promise<void> {
  const tuples = createTupleStore({ url: stack.engine.url, storeId, modelId: () => '' });
  const { counts, examples } = await reconcile({ pool, tuples, timeoutMs: 10_000 }, 'dry-run');
  expect({ counts, examples }).toEqual({ counts: { missing: 0, extra: 0, altered: 0 }, examples: [] });
}

test('a service killed between the commit of a row and the write of its tuple leaves nothing undone', async () => {
  // Stopped, it can neither see the row nor write the tuple; killed, it never will.
  service?.kill('SIGSTOP');
  await sql(`insert into security.user_role (user_id, role_id) values ('u1', 't.biller')`);
  expect(await pending()).toBe(1);
  await killService();
  await startService();
  await settled();
  await expectNoDrift();
});

test('a service killed in the middle of a bulk load finishes it when it is started again', async () => {
  await sql(
    `insert into security.user_role (user_id, role_id)
    select 'u' || n, 't.readonly' from generate_series(1, $1::int) n`,
    [BULK],
  );
  while ((await pending()) > BULK * 0.7) await new Promise((resolve) => setTimeout(resolve, 5));
  await killService();
  const left = await pending();
  expect(left).toBeGreaterThan(0);
  expect(left).toBeLessThan(BULK);
  await startService();
  await settled(300_000);
  await expectNoDrift();
}, 400_000);

test('killing the engine, Postgres and the service at random moments under writes loses nothing', async () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const load = { on: true };
    let acknowledged = 0;
    const writer = (async () => {
      for (let n = 1; load.on; n += 1) {
        const user = `u${String((n % BULK) + 1)}`;
        await sql(
          n % 2 === 0
            ? `update security.user_role set revoked_at = now() where user_id = $1 and revoked_at is null`
            : `insert into security.user_role (user_id, role_id) values ($1, 't.rcm_analyst') on conflict do nothing`,
          [user],
        ).then(
          () => (acknowledged += 1),
          // Postgres is down: the write was refused, or its outcome is not known; either way rows tell.
          () => new Promise((resolve) => setTimeout(resolve, 20)),
        );
      }
    })();
    const moment = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20 + Math.random() * 200));
    await moment();
    await stack.killEngine('SIGKILL');
    await moment();
    await stack.restartEngine();
    await moment();
    await stack.killPostgres('SIGKILL');
    await moment();
    await stack.restartPostgres();
    await moment();
    await killService();
    load.on = false;
    await writer;
    expect(acknowledged).toBeGreaterThan(0);
    await startService();
    await settled();
    await expectNoDrift();
  }
}, 400_000);
