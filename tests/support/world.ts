/**
 * A world of its own for a test file: a database cloned from the migrated template, a store with our model in the
 * shared engine, and hands to work on both. `end()` it in afterAll.
 */
import { randomBytes } from 'node:crypto';

import pino from 'pino';
import { inject } from 'vitest';

import { authorizationModel, catalogue } from '../../src/contract/model.js';
import { presets } from '../../src/contract/presets.js';
import type { PresetName } from '../../src/contract/presets.js';
import { runSql } from '../../src/platform/admin-sql.js';
import { createMetrics } from '../../src/platform/metrics.js';
import { createTupleStore } from '../../src/platform/openfga.js';
import { ensureStore, writeModel } from '../../src/platform/openfga-admin.js';
import { createPool } from '../../src/platform/postgres.js';
import type { DatabaseRole, Pool, TxSettings } from '../../src/platform/postgres.js';
import type { Tuple, TupleStore } from '../../src/shared/tuple.js';
import { replaceCatalogue } from '../../src/sync/model-store.js';
import { createProjector } from '../../src/sync/projector.js';
import type { Projector, ProjectorOptions } from '../../src/sync/projector.js';
import { rebuildFamily } from '../../src/sync/reconcile.js';
import { createSyncMetrics } from '../../src/sync/sync-metrics.js';
import { TEMPLATE, urlOf } from './global-stack.js';
import type { TestStack } from './global-stack.js';

export interface World {
  readonly databaseUrl: string;
  readonly engineUrl: string;
  readonly engineCa: string | undefined;
  readonly storeId: string;
  readonly modelId: string;
  readonly tuples: TupleStore;
  /** A pool that acts as the role; ended with the world. */
  pool(role: DatabaseRole | undefined): Pool;
  /** One statement as an operator would run it, in a transaction of its own. */
  sql<Row = unknown>(text: string, values?: readonly unknown[], settings?: TxSettings): Promise<Row[]>;
  /** Several statements in one transaction, as the superuser. */
  superSql(...statements: string[]): Promise<void>;
  /** The same as a migration would run them: as the owner, whom no guard of system roles or of admins binds. */
  migrationSql(...statements: string[]): Promise<void>;
  /** A projector of this world, not started. */
  projector(over?: Partial<ProjectorOptions>): Projector;
  /** Starts the world's own projector unless it runs, and waits until nothing waits in the outbox. */
  settle(timeoutMs?: number): Promise<void>;
  /** Waits until nothing but parked keys waits in the outbox, whoever projects. */
  applied(timeoutMs?: number): Promise<void>;
  /** A tenant with its preset's roles; role ids are `<tenantId>.<role name in lower case>`. */
  addTenant(tenantId: string, preset: PresetName, status?: string): Promise<void>;
  /** A user of the tenant with these preset roles. */
  addUser(tenantId: string | null, userId: string, roles?: readonly string[]): Promise<void>;
  /** Every stored tuple, sorted. */
  storedTuples(): Promise<Tuple[]>;
  end(): Promise<void>;
}

export const roleId = (tenantId: string, roleName: string): string => `${tenantId}.${roleName.toLowerCase()}`;

export const quiet = pino({ level: process.env['TEST_LOG'] ?? 'silent' });

/** On the stack that all test files share, unless another one is given. */
export async function createWorld(stack: TestStack = inject('stack')): Promise<World> {
  const { engineUrl, engineCa } = stack;
  const engine = { url: engineUrl, ca: engineCa };
  const name = `test_${randomBytes(6).toString('hex')}`;
  await runSql(urlOf(stack, 'postgres'), [`create database ${name} template ${TEMPLATE}`]);
  const databaseUrl = urlOf(stack, name);
  const storeId = await ensureStore(engine, name);
  const modelId = await writeModel({ ...engine, storeId }, authorizationModel);
  const tuples = createTupleStore({ ...engine, storeId, modelId: () => modelId });
  const pools = new Map<string, Pool>();
  const started: Projector[] = [];

  function pool(role: DatabaseRole | undefined): Pool {
    const made =
      pools.get(role ?? '') ?? createPool({ url: databaseUrl, role, max: 6, applicationName: 'test' }, () => undefined);
    pools.set(role ?? '', made);
    return made;
  }
  const sync = pool('bailiwick_sync');
  await sync.transaction((tx) => replaceCatalogue(tx, { catalogue, presets: Object.values(presets) }));

  const world: World = {
    databaseUrl,
    engineUrl,
    engineCa,
    storeId,
    modelId,
    tuples,
    pool,
    sql: async <Row>(text: string, values: readonly unknown[] = [], settings: TxSettings = {}) =>
      (await pool('bailiwick_operator').transaction((tx) => tx.query<Row>({ text, values }), { settings })).rows,
    superSql: async (...statements) => {
      await pool(undefined).transaction(async (tx) => {
        for (const text of statements) await tx.query({ text });
      });
    },
    migrationSql: (...statements) => world.superSql('set local role bailiwick_owner', ...statements),
    projector(over = {}) {
      const scope = { pool: sync, tuples: over.tuples ?? tuples, timeoutMs: 5_000 };
      return createProjector({
        pool: sync,
        tuples,
        log: quiet,
        metrics: createSyncMetrics(createMetrics(), sync),
        writeTimeoutMs: 3_000,
        leaseMs: 1_000,
        batchMs: 10_000,
        parkMs: 60_000,
        pollMs: 20,
        standbyMs: 100,
        yieldMs: 10_000,
        engineRequestTimeoutMs: 3_000,
        rebuild: (entry, signal) => rebuildFamily({ ...scope, signal }, entry),
        ...over,
      });
    },
    async settle(timeoutMs = 30_000) {
      if (started.length === 0) {
        const projector = world.projector();
        started.push(projector);
        await projector.start();
      }
      started[0]?.wake();
      await world.applied(timeoutMs);
    },
    async applied(timeoutMs = 30_000) {
      const end = Date.now() + timeoutMs;
      for (;;) {
        const [left] = await world.sql<{ n: number }>(
          `select count(*)::int as n from sync.outbox where parked_at is null`,
        );
        if (left?.n === 0) return;
        if (Date.now() > end) throw new Error(`${String(left?.n)} outbox entries are still not applied`);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
    async addTenant(tenantId, preset, status = 'active') {
      await pool('bailiwick_operator').transaction(async (tx) => {
        await tx.query({
          text: `insert into identity.tenant (id, slug, name, status, preset) values ($1, $2, $1, $3, $4)`,
          values: [tenantId, tenantId.toLowerCase().replaceAll(/[^a-z0-9]/g, '-'), status, preset],
        });
      });
    },
    async addUser(tenantId, userId, roles = []) {
      await pool('bailiwick_operator').transaction(async (tx) => {
        await tx.query({
          text: `insert into security.app_user (id, tenant_id, email) values ($1::text, $2::text, $1::text || '@example.com')`,
          values: [userId, tenantId],
        });
        for (const role of roles) {
          await tx.query({
            text: `insert into security.user_role (user_id, role_id) values ($1, $2)`,
            values: [userId, roleId(tenantId ?? '', role)],
          });
        }
      });
    },
    async storedTuples() {
      const all: Tuple[] = [];
      let continuation: string | undefined;
      do {
        const page = await tuples.read({}, continuation, { timeoutMs: 5_000 });
        all.push(...page.tuples);
        continuation = page.continuation;
      } while (continuation !== undefined);
      return all.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
    },
    async end() {
      for (const projector of started) await projector.stop();
      await Promise.all([...pools.values()].map((made) => made.end()));
      await runSql(urlOf(stack, 'postgres'), [`drop database ${name} with (force)`]);
    },
  };
  return world;
}
