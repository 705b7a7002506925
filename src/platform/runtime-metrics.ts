/** What is running, and how its database connections stand. */
import type { Metrics } from './metrics.js';
import type { Pool } from './postgres.js';

/** Declares `bailiwick_build_info` and `bailiwick_db_pool_connections`. */
export function declareRuntimeMetrics(
  metrics: Metrics,
  runtime: { readonly version: string; readonly modelHash: string; readonly pools: Readonly<Record<string, Pool>> },
): void {
  const build = metrics.gauge({
    name: 'build_info',
    help: 'Always 1; the labels say what is running.',
    labels: ['version', 'model_hash', 'node'],
  });
  build.set({ version: runtime.version, model_hash: runtime.modelHash.slice(0, 12), node: process.version }, 1);
  metrics.gauge({
    name: 'db_pool_connections',
    help: 'Postgres connections, and requests that wait for one, by pool and state.',
    labels: ['pool', 'state'],
    collect: (gauge) => {
      for (const [pool, { counts }] of Object.entries(runtime.pools)) {
        const { total, idle, waiting } = counts();
        gauge.set({ pool, state: 'busy' }, total - idle);
        gauge.set({ pool, state: 'idle' }, idle);
        gauge.set({ pool, state: 'waiting' }, waiting);
      }
    },
  });
}
