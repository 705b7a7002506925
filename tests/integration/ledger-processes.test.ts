/**
 * The real processes: several write, several would seal, and those are killed with SIGKILL while they do. Afterwards the
 * log is dense, without a fork, and verifies by the command as an auditor would run it. `VERIFY=1` takes 3 × 10,000 rows.
 */
import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { readCheckpoints } from '../../src/audit/checkpoint.js';
import { createPool } from '../../src/platform/postgres.js';
import { sealingOf, until } from '../support/sealing.js';
import type { Sealing } from '../support/sealing.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';

const PROGRAM = fileURLToPath(new URL('../../bin/bailiwick.js', import.meta.url));
const ROWS = process.env['VERIFY'] === undefined ? 3_000 : 30_000;
const PROCESSES = 3;
/** Each on a connection of its own; the services need theirs. */
const WRITERS = 16;
const KEY = randomBytes(32).toString('base64');

let world: World;
let sealing: Sealing;
const services: ChildProcess[] = [];

beforeAll(async () => {
  world = await createWorld();
  sealing = await sealingOf(world);
});
afterAll(async () => {
  for (const service of services) service.kill('SIGKILL');
  await sealing.end();
  await world.end();
});

function environment(): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'],
    DATABASE_URL: world.databaseUrl,
    BAILIWICK_OPENFGA_URL: world.engineUrl,
    BAILIWICK_OPENFGA_STORE_ID: world.storeId,
    BAILIWICK_PORT: '0',
    BAILIWICK_MANAGEMENT_PORT: '0',
    BAILIWICK_AUDIT_KEY: KEY,
    BAILIWICK_AUDIT_CHECKPOINT_FILE: sealing.file,
  };
}

function serve(): ChildProcess {
  const child = spawn(process.execPath, [PROGRAM, 'serve'], { env: environment(), stdio: 'ignore' });
  services.push(child);
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
}

async function audit(args: string[], more: NodeJS.ProcessEnv = {}): Promise<{ code: number; out: string }> {
  return await new Promise((resolve) => {
    execFile(
      process.execPath,
      [PROGRAM, 'audit', ...args],
      { env: { ...environment(), ...more } },
      (error, out, complaint) => resolve({ code: error === null ? 0 : Number(error.code), out: out + complaint }),
    );
  });
}

/** Who seals now: its process, as Postgres knows it. */
async function sealingPid(): Promise<number | undefined> {
  const rows = await world.sql<{ pid: number }>(
    `select l.pid from pg_locks l join pg_database d on d.oid = l.database
     where l.locktype = 'advisory' and d.datname = current_database() and l.granted
       and (l.classid::bigint << 32) + l.objid::bigint = 7091407303`,
  );
  return rows[0]?.pid;
}

test(`${String(WRITERS)} writers, ${String(PROCESSES)} services, kill -9: dense, no fork, every row once`, async () => {
  for (let each = 0; each < PROCESSES; each += 1) serve();
  await until(async () => (await sealingPid()) !== undefined, 60_000);
  const perWriter = Math.ceil(ROWS / WRITERS / 5);
  const pool = createPool(
    { url: world.databaseUrl, role: 'bailiwick_service', max: WRITERS, applicationName: 'writers' },
    () => undefined,
  );
  const writing = Promise.all(
    Array.from({ length: WRITERS }, async (_, writer) => {
      for (let turn = 0; turn < perWriter; turn += 1) {
        await pool.transaction(
          (tx) =>
            tx.query({
              text: `insert into audit.access_log (tenant_id, accessed_entity_type, accessed_entity_id, access_action, purpose)
                       select 't', 'role', 'w' || $1::int, 'READ', 'p' || n from generate_series(1, 5) n`,
              values: [writer],
            }),
          { settings: { 'bailiwick.tenant_id': 't' } },
        );
      }
    }),
  );
  for (let round = 0; round < PROCESSES; round += 1) {
    const before = await sealing.sealed();
    await until(
      async () => (await sealing.sealed()) > before || (await sealing.sealed()) >= perWriter * 5 * WRITERS,
      60_000,
    );
    // Any of them may be the one that seals: kill them in turn, and start another one.
    const [oldest] = services.splice(0, 1);
    if (oldest !== undefined) await kill(oldest);
    serve();
  }
  await writing;
  await pool.end();
  const [row] = await world.sql<{ n: number }>(`select count(*)::int as n from audit.access_log`);
  const rows = row?.n ?? 0;
  expect(rows).toBe(perWriter * 5 * WRITERS);
  await until(async () => (await sealing.covered()) === rows, 60_000);
  const [dense] = await world.sql<object>(
    `select bool_and(s.first_seq = s.was + 1) as dense, max(s.last_seq)::int as last from
       (select first_seq, last_seq, lag(last_seq, 1, 0) over (order by batch) as was from audit.seal where lane = 'admin') s`,
  );
  expect(dense).toEqual({ dense: true, last: rows });
  const { code, out } = await audit(['verify', '--lane', 'admin', '--json']);
  expect(out).toContain(`"verified":${String(rows)},`);
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({
    covered: rows,
    uncovered: 0,
    signatures: 'checked',
    checkpointsFrom: 'outside',
  });
}, 180_000);

test('verify takes as much memory for a checkpoint file of years as for a new one', async () => {
  const path = `${sealing.file}.long`;
  const [note = ''] = readCheckpoints(await readFile(sealing.file, 'utf8')).flatMap(({ origin, note: text }) =>
    origin.endsWith('/admin') ? [text] : [],
  );
  await writeFile(path, await readFile(sealing.file));
  for (let turn = 0; turn < 8; turn += 1) await appendFile(path, `\n${note}`.repeat(50_000));
  const heap = { NODE_OPTIONS: '--max-old-space-size=96' };
  const { code, out } = await audit(['verify', '--lane', 'admin', '--checkpoints', path], heap);
  expect(out).toContain('checkpoints from outside, signatures checked');
  expect(code).toBe(0);
}, 60_000);

test('a row altered by the superuser: the command says which, and exits with 3', async () => {
  await sealing.tamper(
    `update audit.access_log set actor_user_id = 'nobody' where id = (select min(id) from audit.access_log)`,
  );
  const { code, out } = await audit(['verify', '--lane', 'admin']);
  expect(out).toContain('admin: NOT WHAT IT WAS, from entry ');
  expect(code).toBe(3);
  expect(await audit(['verify', '--checkpoints', '/nowhere/at/all'])).toMatchObject({ code: 1 });
}, 60_000);
