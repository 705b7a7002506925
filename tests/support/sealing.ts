/** A sealer on a world's database, and hands to write to the ledger, to wait for it, and to tamper with it. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { createFileSink } from '../../src/audit/checkpoint-sinks.js';
import { createSealMetrics } from '../../src/audit/seal-metrics.js';
import { createSealer } from '../../src/audit/sealer.js';
import type { Sealer, SealerOptions } from '../../src/audit/sealer.js';
import type { Lane } from '../../src/audit/ledger.js';
import { createMetrics } from '../../src/platform/metrics.js';
import { quiet } from './world.js';
import type { World } from './world.js';

export const { privateKey: KEY, publicKey: PUBLIC_KEY } = generateKeyPairSync('ed25519');

export interface StartedSealer {
  readonly sealer: Sealer;
  /** A metric's value by its name and labels, as it is rendered. */
  readonly metric: (name: string) => Promise<number>;
}

export interface Sealing {
  /** Where checkpoints are kept. */
  readonly file: string;
  start(over?: Partial<SealerOptions>): Promise<StartedSealer>;
  /** Rows of the access log, written as the superuser in one transaction. */
  write(count: number, more?: { at?: string; statements?: readonly string[] }): Promise<void>;
  writeDecisions(count: number, at?: string): Promise<void>;
  sealed(lane?: Lane): Promise<number>;
  covered(lane?: Lane): Promise<number>;
  untilSealed(count: number, lane?: Lane): Promise<void>;
  untilCovered(count: number, lane?: Lane): Promise<void>;
  /** As somebody who owns the database. */
  tamper(...statements: string[]): Promise<void>;
  end(): Promise<void>;
}

export const ENTRY = `insert into audit.access_log
  (tenant_id, accessed_entity_type, accessed_entity_id, access_action, purpose, accessed_at)`;

export async function until(what: () => Promise<boolean>, timeoutMs = 30_000): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (!(await what())) {
    if (Date.now() > end) throw new Error('it did not come to pass');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export async function sealingOf(world: World): Promise<Sealing> {
  const directory = await mkdtemp(join(tmpdir(), 'bailiwick-checkpoints-'));
  const file = join(directory, 'checkpoints.txt');
  const started: Sealer[] = [];
  const count = async (what: string, lane: Lane): Promise<number> => {
    const [row] = await world.sql<{ n: number }>(
      `select coalesce(${what})::int as n where true`.replace('$lane', `'${lane}'`),
    );
    return row?.n ?? 0;
  };
  const sealing: Sealing = {
    file,
    async start(over = {}) {
      const metrics = createMetrics();
      const pool = world.pool('bailiwick_sync');
      const sealer = createSealer({
        pool,
        log: quiet,
        metrics: createSealMetrics(metrics, pool, { hasKey: true, sinks: ['file'] }),
        key: KEY,
        sinks: [createFileSink(file)],
        pollMs: 20,
        standbyMs: 50,
        checkpointMs: 50,
        patrolMs: 100,
        ...over,
      });
      started.push(sealer);
      await sealer.start();
      return {
        sealer,
        async metric(name) {
          const { body } = await metrics.render();
          const line = body.split('\n').find((each) => each.startsWith(`bailiwick_${name} `));
          return Number(line?.split(' ').at(-1) ?? NaN);
        },
      };
    },
    write: (rows, { at = 'now()', statements = [] } = {}) =>
      world.superSql(
        `${ENTRY} select 't', 'role', 'r' || n, 'WRITE', 'p', ${at} from generate_series(1, ${String(rows)}) n`,
        ...statements,
      ),
    writeDecisions: (rows, at = 'now()') =>
      world.superSql(
        `select audit.ensure_decision_partitions(1)`,
        `insert into audit.decision (decision_id, decided_at, api, tenant_id, caller_kind, caller_id, subject_user_id,
           permission, object, answer, source, latency_us, request_id)
         select gen_random_uuid(), ${at}, 'check', 't', 'user', 'u', 'u', 'claims.read', 'tenant:t', 'denied', 'engine', n, 'r'
         from generate_series(1, ${String(rows)}) n`,
      ),
    sealed: (lane = 'admin') => count('(select max(last_seq) from audit.seal where lane = $lane), 0', lane),
    covered: (lane = 'admin') => count('(select max(size) from audit.checkpoint where lane = $lane), 0', lane),
    untilSealed: (rows, lane) => until(async () => (await sealing.sealed(lane)) >= rows),
    untilCovered: (rows, lane) => until(async () => (await sealing.covered(lane)) >= rows),
    tamper: (...statements) => world.superSql(`set local session_replication_role = replica`, ...statements),
    async end() {
      for (const sealer of started) await sealer.stop();
      await rm(directory, { recursive: true });
    },
  };
  return sealing;
}
