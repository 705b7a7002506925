/**
 * A stack of its own whose every process may be killed, the service as production runs it among them, with a proxy on the
 * service's way to the engine: what the crash tests work on. Rows are written as an operator's psql would.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { startStack } from '../../src/embedded/stack.js';
import type { Stack } from '../../src/embedded/stack.js';
import { runSql } from '../../src/platform/admin-sql.js';
import { migrate } from '../../src/platform/migrate.js';
import { ensureStore } from '../../src/platform/openfga-admin.js';
import { createTupleStore } from '../../src/platform/openfga.js';
import { createPool } from '../../src/platform/postgres.js';
import type { Pool } from '../../src/platform/postgres.js';
import type { Tuple } from '../../src/shared/tuple.js';
import { EngineError } from '../../src/shared/tuple.js';
import { reconcile } from '../../src/sync/reconcile.js';
import { serve } from './served.js';
import type { Served } from './served.js';
import { startProxy, targetOf, through } from './tcp-proxy.js';
import type { TcpProxy } from './tcp-proxy.js';
import { quiet } from './world.js';

const MIGRATIONS = fileURLToPath(new URL('../../migrations', import.meta.url));
/** Any 32 bytes: without a key no checkpoint is signed. */
const AUDIT_KEY = Buffer.alloc(32, 5).toString('base64');

export interface CrashStack {
  readonly stack: Stack;
  readonly proxy: TcpProxy;
  readonly databaseUrl: string;
  /** As the superuser, for locks; nothing waits longer than a statement may. */
  readonly owner: Pool;
  readonly operator: Pool;
  readonly served: () => Served;
  sql(text: string, values?: readonly unknown[]): Promise<void>;
  /** How many entries wait in the outbox. */
  pending(): Promise<number>;
  /** Whether the engine holds the tuple, asked without the proxy. */
  holds(tuple: Omit<Tuple, 'condition'>): Promise<boolean>;
  startService(): Promise<void>;
  killService(): Promise<void>;
  /** Milliseconds until nothing waits any more. */
  settled(timeoutMs?: number): Promise<number>;
  drift(): Promise<{ missing: number; extra: number; altered: number }>;
  end(): Promise<void>;
}

export async function openCrashStack(): Promise<CrashStack> {
  const dataDir = await mkdtemp(join(tmpdir(), 'bailiwick-crash-'));
  const stack = await startStack({ dataDir });
  await runSql(stack.postgres.url('postgres'), ['create database crash']);
  const databaseUrl = stack.postgres.url('crash');
  await migrate(databaseUrl, MIGRATIONS, quiet);
  const storeId = await ensureStore({ url: stack.engine.url }, 'crash');
  const proxy = await startProxy(targetOf(stack.engine.url));
  const open = (role: 'bailiwick_operator' | undefined): Pool =>
    createPool({ url: databaseUrl, role, max: 4, applicationName: 'crash', statementTimeoutMs: 0 }, () => undefined);
  const [owner, operator] = [open(undefined), open('bailiwick_operator')];
  const tuples = createTupleStore({ url: stack.engine.url, storeId, modelId: () => '' });
  let served: Served | undefined;
  const theService = (): Served => {
    if (served === undefined) throw new Error('the service was not started');
    return served;
  };
  const crash: CrashStack = {
    ...{ stack, proxy, databaseUrl, owner, operator, served: theService },
    async sql(text, values = []) {
      await operator.transaction((tx) => tx.query({ text, values }));
    },
    async pending() {
      const text = `select count(*)::int as n from sync.outbox where parked_at is null`;
      const { rows } = await operator.transaction((tx) => tx.query<{ n: number }>({ text }));
      return rows[0]?.n ?? 0;
    },
    async holds({ user, relation, object }) {
      const page = await tuples.read({ user, relation, object }, undefined, { timeoutMs: 5_000 });
      return page.tuples.length > 0;
    },
    async startService() {
      served = await serve({
        ...{ databaseUrl, engineUrl: through(stack.engine.url, proxy), storeId },
        env: { BAILIWICK_AUDIT_KEY: AUDIT_KEY, BAILIWICK_ENGINE_TIMEOUT_MS: '2000' },
      });
    },
    async killService() {
      await theService().end('SIGKILL');
    },
    async settled(timeoutMs = 60_000) {
      const startedAt = performance.now();
      while ((await crash.pending().catch(() => 1)) > 0) {
        if (performance.now() - startedAt > timeoutMs) throw new Error('the outbox did not become empty');
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      return performance.now() - startedAt;
    },
    drift: async () => {
      // OpenFGA meets each of its own connections that a killed Postgres has left dead, and answers 500 for it.
      for (let tries = 40; ; tries -= 1) {
        try {
          return (await reconcile({ pool: operator, tuples, timeoutMs: 10_000 }, 'dry-run')).counts;
        } catch (error) {
          if (!(error instanceof EngineError) || tries === 1) throw error;
        }
      }
    },
    async end() {
      served?.child.kill('SIGKILL');
      await proxy.stop();
      await Promise.all([owner.end(), operator.end()]);
      await stack.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
  return crash;
}
