/**
 * Postgres restored into a younger cluster, beside a store that knows more than the backup: refused until it is taken up
 * by `bailiwick restore adopt`, and then tuples = rows, sync tokens of before mean nothing, and the audit log goes on.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { findAuditCommand, runRestoreAdopt } from '../../src/commands.js';
import { startStack } from '../../src/embedded/stack.js';
import type { Stack } from '../../src/embedded/stack.js';
import { runSql } from '../../src/platform/admin-sql.js';
import { createPool } from '../../src/platform/postgres.js';
import type { Pool } from '../../src/platform/postgres.js';
import { reconcile } from '../../src/sync/reconcile.js';
import { until } from '../support/outage.js';
import { copyDatabase } from '../support/copied-database.js';
import { startService } from '../support/service.js';
import { serve, startServing } from '../support/served.js';
import type { Served } from '../support/served.js';
import { createWorld, roleId } from '../support/world.js';
import type { World } from '../support/world.js';

const KEY = Buffer.alloc(32, 7).toString('base64');
/** More than the new cluster has given out by the time that the copy is there. */
const OLDER_BY = 60_000;

let world: World;
let stack: Stack;
let pool: Pool;
let url: string;
let dataDir: string;
let served: Served | undefined;
/** Of before the backup. */
let token: string;

beforeAll(async () => {
  world = await createWorld();
  dataDir = await mkdtemp(join(tmpdir(), 'bailiwick-restore-'));
  stack = await startStack({
    dataDir,
    durable: false,
    env: { ...process.env, BAILIWICK_OPENFGA_URL: world.engineUrl },
  });
  await runSql(world.databaseUrl, [
    `do $$ begin for turn in 1..${String(OLDER_BY)} loop perform pg_current_xact_id(); commit; end loop; end $$`,
  ]);
  await world.addTenant('acme', 'emr');
  for (const user of ['ada', 'abe']) await world.addUser('acme', user, ['EMR_CLIENT_ADMIN']);
  for (const user of ['kept', 'later', 'ended']) await world.addUser('acme', user);
  await world.sql(`insert into security.user_role (user_id, role_id) values ('kept', $1), ('ended', $1)`, [
    roleId('acme', 'EMR_CLIENT_VIEWER'),
  ]);
  const service = await startService(world, { auditKey: KEY });
  await service.settle();
  for (const user of ['kept', 'later']) await service.check({ user, permission: 'users.read', tenant: 'acme' });
  const [row] = await world.sql<{ token: string }>(`select sync.token('acme') as token`);
  token = row?.token ?? '';
  await until(async () => (await world.sql(`select distinct lane from audit.checkpoint`)).length === 2, 20_000);
  await service.stop();
  url = stack.postgres.url('restored');
  await runSql(stack.postgres.url('postgres'), ['create database restored']);
  await copyDatabase(world.databaseUrl, url);
  pool = createPool({ url, role: 'bailiwick_operator', max: 4, applicationName: 'test' }, () => undefined);
  // What happened after the backup, and only the store still knows.
  await world.sql(`insert into security.user_role (user_id, role_id) values ('later', $1)`, [
    roleId('acme', 'EMR_CLIENT_VIEWER'),
  ]);
  await world.sql(`update security.user_role set revoked_at = now() where user_id = 'ended'`);
  await world.settle();
}, 120_000);

afterAll(async () => {
  await served?.end('SIGKILL');
  await pool.end();
  await stack.stop();
  await rm(dataDir, { recursive: true, force: true });
  await world.end();
});

const settings = (): Parameters<typeof serve>[0] => ({
  databaseUrl: url,
  engineUrl: world.engineUrl,
  storeId: world.storeId,
  env: { BAILIWICK_AUDIT_KEY: KEY, BAILIWICK_ENGINE_TIMEOUT_MS: '5000' },
});

async function adopt(dryRun: boolean): Promise<{ code: number; lines: string[] }> {
  const lines: string[] = [];
  const print = (line: string): void => void lines.push(line);
  const options = { json: false, 'dry-run': dryRun };
  return { code: await runRestoreAdopt({ databaseUrl: url }, options, { print, progress: print }), lines };
}

async function ask(user: string, more: Record<string, string> = {}): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`${served?.base ?? ''}/check`, {
    method: 'POST',
    headers: {
      ...{ 'content-type': 'application/json', 'x-user-id': user, 'x-tenant-id': 'acme', 'timeout-ms': '9000' },
      ...more,
    },
    body: JSON.stringify({ user, permission: 'users.read', tenant: 'acme' }),
  });
  return { status: response.status, body: await response.json() };
}

async function verify(): Promise<{ code: number; text: string }> {
  const lines: string[] = [];
  const command = findAuditCommand('audit verify');
  const config = { databaseUrl: url, key: KEY, checkpointFile: undefined, publicKey: undefined };
  const options = { json: false, 'allow-pruned': false, drop: false };
  const code = await command?.(config, options, (line) => void lines.push(line));
  return { code: code ?? -1, text: lines.join('\n') };
}

test('is not served: it says what to do', async () => {
  const { lines, end } = startServing(settings());
  await expect
    .poll(() => lines.join('\n'), { timeout: 10_000 })
    .toContain('restored into a younger cluster: run `bailiwick restore adopt`');
  expect(lines.join('\n')).not.toContain('"serving"');
  expect(await end('SIGKILL')).toBeNull();
});

test('a dry run says how far the cluster is behind, and changes nothing', async () => {
  const { code, lines } = await adopt(true);
  expect(code).toBe(3);
  expect(lines.join('\n')).toMatch(/^would use up [0-9]+ transaction ids, refuse the sync tokens of before/);
  expect(await adopt(true)).toMatchObject({ code: 3 });
});

test('once taken up, tuples are as the rows say, old tokens are refused, and the audit log goes on', async () => {
  const { code, lines } = await adopt(false);
  expect({ code, last: lines.at(-1) }).toMatchObject({ code: 0, last: expect.stringContaining('taken up') as string });
  expect((await adopt(true)).code).toBe(0);
  served = await serve(settings());
  // No allow before everything is compared; then what the backup says, and not what the store knew.
  await expect.poll(async () => (await ask('kept')).body, { timeout: 30_000 }).toMatchObject({ allowed: true });
  await expect.poll(async () => (await ask('ended')).body, { timeout: 30_000 }).toMatchObject({ allowed: true });
  expect((await ask('later')).body).toMatchObject({ allowed: false });
  expect(await ask('kept', { 'x-sync-token': token })).toMatchObject({
    status: 400,
    body: { code: 'SYNC_TOKEN_INVALID' },
  });
  const { counts } = await reconcile({ pool, tuples: world.tuples, timeoutMs: 10_000 }, 'dry-run');
  expect(counts).toEqual({ missing: 0, extra: 0, altered: 0 });
  const sealed = async () =>
    await pool.transaction(async (tx) => {
      const { rows } = await tx.query<{ n: number }>({
        text: `
          select count(*)::int as n from audit.access_log l
          cross join lateral (select s.last_xid, s.last_id from audit.seal s
                              where s.lane = 'admin' order by s.batch desc limit 1) s
          where l.purpose = 'restore.adopt' and (l.xid, l.id) <= (s.last_xid, s.last_id::bigint)`,
      });
      return rows[0]?.n;
    });
  await expect.poll(sealed, { timeout: 20_000 }).toBe(1);
  expect(await verify()).toMatchObject({ code: 0 });
});
