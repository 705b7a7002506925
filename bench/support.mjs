/**
 * What every bench stands on: a stack of its own (durable, as `npm start` has it), the service on it, and hands on both.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { pino } from 'pino';

import { compose } from '../dist/compose.js';
import { insertTenant } from '../dist/directory/tenant-store.js';
import { startStack } from '../dist/embedded/stack.js';
import { insertServiceKey } from '../dist/http/service-key-store.js';
import { runSql } from '../dist/platform/admin-sql.js';
import { migrate } from '../dist/platform/migrate.js';
import { ensureStore } from '../dist/platform/openfga-admin.js';
import { createTupleStore } from '../dist/platform/openfga.js';
import { createPool } from '../dist/platform/postgres.js';
import { newServiceKey } from '../dist/platform/service-key.js';

const quiet = pino({ level: process.env['BENCH_LOG'] ?? 'silent' });

const MIGRATIONS = fileURLToPath(new URL('../migrations', import.meta.url));

/** Migrates a database by the files of a folder, while others work on it. @param {string} url */
export const migrateTo = (url, migrations = MIGRATIONS) => migrate(url, migrations, quiet);

/** Starts the servers and migrates a database, without the service; `end` stops them. */
export async function startDatabase(migrations = MIGRATIONS) {
  const dataDir = await mkdtemp(join(tmpdir(), 'bailiwick-bench-'));
  const stack = await startStack({ dataDir });
  const end = async () => {
    await stack.stop();
    await rm(dataDir, { recursive: true, force: true });
  };
  try {
    await runSql(stack.postgres.url('postgres'), ['create database bench']);
    const url = stack.postgres.url('bench');
    await migrateTo(url, migrations);
    return { url, stack, dataDir, end };
  } catch (error) {
    await end();
    throw error;
  }
}

/** What an operator's `psql` is. @param {string} url */
export const openOperator = (url) =>
  createPool(
    { url, role: 'bailiwick_operator', max: 4, applicationName: 'bench', statementTimeoutMs: 0 },
    () => undefined,
  );

/** A store for our tuples, made if it is not there. @param {string} engineUrl */
export const storeIn = (engineUrl) => ensureStore({ url: engineUrl }, 'bench');

/** What the benches' own tokens stand on. */
const SIGN_IN = {
  issuer: 'http://127.0.0.1/bench',
  audience: 'bench',
  signingSecret: 'the-signing-secret-of-the-benches-0123456789',
  domain: undefined,
  bootstrapToken: undefined,
  failuresPerAddress: 0,
};

/** The stack's engine is on the loopback address: no key, and no TLS. */
const UNGUARDED = { token: undefined, ca: undefined };

/** Starts everything; `end` stops it. */
export async function startBench() {
  const { url, stack, dataDir, end } = await startDatabase();
  try {
    const storeId = await storeIn(stack.engine.url);
    /** @type {import('../dist/config.js').Config} */
    const config = {
      database: { url, syncUrl: url, connections: 10 },
      engine: { ...UNGUARDED, url: stack.engine.url, storeId, timeoutMs: 2_000, requestTimeoutMs: 3_000 },
      http: { host: '127.0.0.1', port: 0, managementPort: 0, requestTimeoutMs: 5_000 },
      callers: { issuers: [], trustLoopback: true, gatewaySecret: undefined },
      signIn: SIGN_IN,
      decisionLog: 'async',
      audit: { key: undefined, checkpointFile: undefined },
      ...{ syncWaitMs: 250, decisionCacheEntries: 100_000, degraded: 'off', reconcileSeconds: 0, logLevel: 'silent' },
      mail: { secretKey: undefined, mailboxDir: undefined },
    };
    const service = compose(config, quiet);
    await service.start();
    let isServing = true;
    const operator = openOperator(url);
    const { keyId, key, keyHash } = newServiceKey();
    await operator.transaction((tx) => insertServiceKey(tx, { keyId, keyHash, name: 'bench', tenantId: undefined }));
    const base = service.addresses().service;
    return {
      ...{ base, operator, dataDir, key },
      databaseUrl: url,
      engineUrl: stack.engine.url,
      enginePid: stack.engine.pid ?? 0,
      postgresPid: stack.postgres.pid,
      postgresUrl: (/** @type {string} */ database) => stack.postgres.url(database),
      storeId,
      get modelId() {
        return service.modelId();
      },
      /** How many decisions are written down, once nothing more comes. */
      settledRows: async () => {
        for (let last = -1; ;) {
          /** @type {{ rows: { n: number }[] }} */
          const { rows } = await operator.transaction((tx) =>
            tx.query({ text: 'select count(*)::int as n from audit.decision' }),
          );
          const n = rows[0]?.n ?? 0;
          if (n === last) return n;
          last = n;
          await new Promise((resolve) => setTimeout(resolve, 400));
        }
      },
      /** The engine without us in front of it. */
      engine: createTupleStore({ url: stack.engine.url, storeId, modelId: () => service.modelId() }),
      /** @param {string} text @param {unknown[]} [values] */
      sql: async (text, values = []) => {
        /** @type {{ rows: unknown[] }} */
        const result = await operator.transaction((tx) => tx.query({ text, values }));
        return result.rows;
      },
      /** @param {string} id @param {'rcm' | 'emr' | 'sales'} preset */
      addTenant: (id, preset) => operator.transaction((tx) => insertTenant(tx, { id, slug: id, name: id, preset })),
      ...handsOn({ base, key, operator }),
      /** Leaves serving to others (service.mjs). */
      standBack: async () => {
        await service.stop();
        isServing = false;
      },
      end: async () => {
        await operator.end();
        if (isServing) await service.stop();
        await end();
      },
    };
  } catch (error) {
    await end();
    throw error;
  }
}

/**
 * What asks the service, and waits for it.
 * @param {{ base: string, key: string, operator: import('../dist/platform/postgres.js').Pool }} of
 */
function handsOn({ base, key, operator }) {
  /** @param {string} path @param {object} question @param {number} [tries] @returns {Promise<unknown>} */
  const post = async (path, question, tries = 10) => {
    const response = await fetch(`${base}/api/v1${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}`, 'timeout-ms': '10000' },
      body: JSON.stringify(question),
    });
    // what could not be answered in time is asked again, and its time counts
    if (response.status === 503 && tries > 1) return await post(path, question, tries - 1);
    if (response.status !== 200) throw new Error(`${path} answered ${String(response.status)}`);
    return await response.json();
  };
  return {
    check: checkOn(base, key),
    /**
     * Every object of the list, page by page.
     * @param {{ user: string, permission: string, tenant: string, type: string }} question @param {number} [limit]
     */
    listAll: async (question, limit = 1_000) => {
      /** @type {number[]} */
      const pages = [];
      let count = 0;
      let cursor;
      do {
        const more = cursor === undefined ? {} : { cursor };
        const startedAt = performance.now();
        const body = /** @type {{ items: string[], nextCursor: string | null }} */ (
          await post('/list-objects', { ...question, limit, ...more })
        );
        pages.push(performance.now() - startedAt);
        count += body.items.length;
        cursor = body.nextCursor ?? undefined;
      } while (cursor !== undefined);
      return { count, pages };
    },
    /** Waits until everything that was committed is in force. */
    applied: async () => {
      for (;;) {
        const result = await operator.transaction((tx) =>
          tx.query({ text: 'select from sync.outbox where parked_at is null limit 1' }),
        );
        if (result.rowCount === 0) return;
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    },
  };
}

/** @typedef {{ user: string, permission: string, tenant: string, object?: string, syncToken?: string, consistency?: string }} Question */

/** @param {string} base @param {string} key @returns {(question: Question, tries?: number) => Promise<boolean>} */
function checkOn(base, key) {
  return async function check(question, tries = 20) {
    const response = await fetch(`${base}/api/v1/check`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      body: JSON.stringify(question),
    });
    const body = /** @type {{ allowed?: boolean }} */ (await response.json());
    // no answer is neither a yes nor a no: it is asked again, and its time counts
    if (response.status === 503 && tries > 1) return await check(question, tries - 1);
    if (response.status !== 200 || body.allowed === undefined)
      throw new Error(`check answered ${String(response.status)}`);
    return body.allowed;
  };
}

/** @returns {Promise<number>} a port that nobody listens on */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = /** @type {import('node:net').AddressInfo} */ (server.address());
      server.close(() => resolve(address.port));
    });
  });
}

/**
 * The p-th percentile, nearest rank.
 * @param {readonly number[]} values @param {number} p
 */
export function percentile(values, p) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((p / 100) * sorted.length) - 1)] ?? Number.NaN;
}

/** @param {string} name @param {readonly number[]} ms */
export function report(name, ms) {
  const at = [50, 90, 99, 100].map((p) => `p${String(p)} ${percentile(ms, p).toFixed(1)} ms`);
  console.log(`  ${name.padEnd(46)} ${at.join('   ')}   (${String(ms.length)} tries)`);
}

/** @template T @param {() => Promise<T>} work @returns {Promise<number>} milliseconds */
export async function timed(work) {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}
