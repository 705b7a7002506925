/**
 * What the ledger costs: the same load of admin writes with and without the sealer, and how fast it seals and verifies.
 *
 * The writers assign and revoke roles, one transaction each, as `psql` would; the triggers write the entries. Rounds with and without alternate, so that a growing table and a warming machine weigh on both alike.
 */
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { pino } from 'pino';

import { createFileSink } from '../dist/audit/checkpoint-sinks.js';
import { createSealMetrics } from '../dist/audit/seal-metrics.js';
import { createSealer } from '../dist/audit/sealer.js';
import { listOrigins } from '../dist/audit/seal-store.js';
import { verifyDatabase } from '../dist/audit/verify-ledger.js';
import { createMetrics } from '../dist/platform/metrics.js';
import { createPool } from '../dist/platform/postgres.js';
import { percentile, startDatabase } from './support.mjs';

const WRITERS = 8;
const ROUND_MS = 4_000;
const ROUNDS = 5;
const DECISIONS = 200_000;

const quiet = pino({ level: 'silent' });

export async function run() {
  const database = await startDatabase();
  const directory = await mkdtemp(join(tmpdir(), 'bailiwick-bench-'));
  const pool = createPool(
    { url: database.url, role: 'bailiwick_sync', max: 4, applicationName: 'bench' },
    () => undefined,
  );
  const writers = createPool(
    { url: database.url, role: undefined, max: WRITERS, applicationName: 'bench' },
    () => undefined,
  );
  const newSealer = () =>
    createSealer({
      pool,
      log: quiet,
      metrics: createSealMetrics(createMetrics(), pool, { hasKey: true, sinks: ['file'] }),
      key: generateKeyPairSync('ed25519').privateKey,
      sinks: [createFileSink(join(directory, 'checkpoints.txt'))],
      pollMs: 500,
      standbyMs: 500,
      checkpointMs: 9_000,
      patrolMs: 10_000,
    });
  try {
    await prepare(writers);
    await writersCost(writers, newSealer);
    await sealingRate({ pool, writers }, newSealer);
    await verifyingRate(pool);
  } finally {
    await pool.end();
    await writers.end();
    await database.end();
    await rm(directory, { recursive: true });
  }
}

/** @typedef {import('../dist/platform/postgres.js').Pool} Pool */

/** @param {Pool} writers */
async function prepare(writers) {
  const users = WRITERS * 50;
  await writers.transaction(async (tx) => {
    for (const text of [
      `insert into identity.tenant (id, slug, name, preset) values ('t', 't', 't', 'rcm')`,
      `insert into security.role (id, tenant_id, name) values ('r', 't', 'R')`,
      `insert into security.app_user (id, tenant_id, email)
         select 'u' || n, 't', 'u' || n || '@example.com' from generate_series(0, ${String(users)}) n`,
    ])
      await tx.query({ text });
  });
}

/** @param {Pool} writers @param {() => import('../dist/audit/sealer.js').Sealer} newSealer */
async function writersCost(writers, newSealer) {
  /** @type {{ with: number[], without: number[] }} */
  const rates = { with: [], without: [] };
  // The first round warms connections and caches and counts for nothing.
  await round(writers);
  for (let each = 0; each < ROUNDS; each += 1) {
    for (const arm of each % 2 === 0
      ? /** @type {const} */ (['with', 'without'])
      : /** @type {const} */ (['without', 'with'])) {
      const sealer = arm === 'with' ? newSealer() : undefined;
      await sealer?.start();
      if (sealer !== undefined) await untilSealed(writers, 'admin');
      rates[arm].push(await round(writers));
      await sealer?.stop();
    }
  }
  const [sealed, bare] = [percentile(rates.with, 50), percentile(rates.without, 50)];
  console.log(`admin writes, ${String(WRITERS)} writers (aim: ratio ≤ 1.2)`);
  console.log(
    `  without the sealer ${bare.toFixed(0)} tx/s   with it ${sealed.toFixed(0)} tx/s   ratio ${(bare / sealed).toFixed(3)}`,
  );
  console.log(`  rounds without ${spread(rates.without)}   with ${spread(rates.with)}`);
}

/** @param {readonly number[]} rates */
const spread = (rates) => rates.map((rate) => rate.toFixed(0)).join(' ');

/**
 * Transactions a second: each assigns or revokes.
 * @param {Pool} writers
 */
async function round(writers) {
  const startedAt = performance.now();
  let done = 0;
  await Promise.all(
    Array.from({ length: WRITERS }, async (_, writer) => {
      for (let turn = 0; performance.now() - startedAt < ROUND_MS; turn += 1) {
        const user = `u${String(writer * 50 + (turn % 50))}`;
        await writers.transaction(async (tx) => {
          await tx.query({
            text: `with revoked as (update security.user_role set revoked_at = now() where user_id = $1 and revoked_at is null returning 1)
                   insert into security.user_role (user_id, role_id, tenant_id) select $1, 'r', 't' where not exists (select from revoked)`,
            values: [user],
          });
        });
        done += 1;
      }
    }),
  );
  return done / ((performance.now() - startedAt) / 1000);
}

/** @param {{ pool: Pool, writers: Pool }} pools @param {() => import('../dist/audit/sealer.js').Sealer} newSealer */
async function sealingRate({ pool, writers }, newSealer) {
  await writers.transaction(async (tx) => {
    await tx.query({ text: 'select audit.ensure_decision_partitions(1)' });
  });
  for (let batch = 0; batch < DECISIONS / 500; batch += 1) {
    await writers.transaction((tx) =>
      tx.query({
        text: `insert into audit.decision (decision_id, decided_at, api, tenant_id, caller_kind, caller_id, subject_user_id,
                 permission, object, answer, source, model_id, sync_position, latency_us, request_id)
               select gen_random_uuid(), now(), 'check', 't', 'service', 'key-1', 'user-' || n, 'claims.read', 'tenant:t', 'allowed',
                 'engine', '01HVMMBCMGZNT3SED4Z17ECXCA', 42, 1234, gen_random_uuid()::text from generate_series(1, 500) n`,
      }),
    );
  }
  const sealer = newSealer();
  const startedAt = performance.now();
  await sealer.start();
  await untilSealed(pool, 'decision');
  const seconds = (performance.now() - startedAt) / 1000;
  await sealer.stop();
  console.log('sealing a backlog of decisions (aim: 10,000 rows/s)');
  console.log(`  ${String(DECISIONS)} rows in ${seconds.toFixed(1)} s: ${(DECISIONS / seconds).toFixed(0)} rows/s`);
}

/** @param {Pool} pool */
async function verifyingRate(pool) {
  /** @type {import('../dist/audit/ledger-reader.js').InTransaction} */
  const inTransaction = (work) => pool.transaction(work);
  const names = await inTransaction(listOrigins);
  console.log('verifying from the database (aim: 50,000 rows/s)');
  for (const name of names) {
    const startedAt = performance.now();
    const cpu = process.cpuUsage();
    const wanted = { from: undefined, to: undefined, checkpoints: undefined, key: undefined };
    const { verified, fault } = await verifyDatabase(inTransaction, name, wanted);
    const seconds = (performance.now() - startedAt) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    if (fault !== undefined) throw new Error(`lane ${name.lane}: ${fault.what}`);
    console.log(
      `  lane ${name.lane.padEnd(8)} ${String(verified)} rows in ${seconds.toFixed(2)} s: ${(verified / seconds).toFixed(0)} rows/s` +
        `   (${((user + system) / 1e6).toFixed(2)} s of this process's CPU)`,
    );
  }
}

/** @param {Pool} pool @param {'admin' | 'decision'} lane */
async function untilSealed(pool, lane) {
  const [table, id, type] = lane === 'admin' ? ['access_log', 'id', 'bigint'] : ['decision', 'decision_id', 'uuid'];
  for (;;) {
    /** @type {{ rows: { waits: boolean }[] }} */
    const { rows } = await pool.transaction((tx) =>
      tx.query({
        text: `select exists (select from audit.${table} e where (e.xid, e.${id}) > coalesce(
                 (select (s.last_xid, s.last_id::${type}) from audit.seal s where s.lane = '${lane}' order by batch desc limit 1),
                 ('0'::xid8, ${lane === 'admin' ? '0::bigint' : `'00000000-0000-0000-0000-000000000000'::uuid`}))) as waits`,
      }),
    );
    if (rows[0]?.waits === false) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
