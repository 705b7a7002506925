/** The service as an operator starts it, a process of its own on the stores of a bench. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { freePort } from './support.mjs';

const here = (/** @type {string} */ path) => fileURLToPath(new URL(path, import.meta.url));

/**
 * @param {{ databaseUrl: string, engineUrl: string, storeId: string }} bench
 * @param {Record<string, string>} [more] settings
 * @param {string} [program] of another version
 */
export async function startService(bench, more = {}, program = here('../bin/bailiwick.js')) {
  const [port, management] = [await freePort(), await freePort()];
  const profile = process.env['BENCH_PROF'] === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${process.env['BENCH_PROF']}`];
  const watched = ['--expose-gc', '--import', here('processes/heap.mjs')];
  const child = spawn(process.execPath, [...profile, ...watched, program, 'serve'], {
    stdio: ['ignore', process.env['BENCH_LOG'] === undefined ? 'ignore' : 'inherit', 'inherit', 'ipc'],
    env: {
      PATH: process.env['PATH'] ?? '',
      DATABASE_URL: bench.databaseUrl,
      BAILIWICK_OPENFGA_URL: bench.engineUrl,
      BAILIWICK_OPENFGA_STORE_ID: bench.storeId,
      BAILIWICK_PORT: String(port),
      BAILIWICK_MANAGEMENT_PORT: String(management),
      BAILIWICK_LOG_LEVEL: 'warn',
      BAILIWICK_ENGINE_TIMEOUT_MS: '5000',
      BAILIWICK_REQUEST_TIMEOUT_MS: '10000',
      ...more,
    },
  });
  const base = `http://127.0.0.1:${String(management)}`;
  /** Hits and misses. @type {number[]} */
  let counted = [];
  await until(async () => (await fetch(`${base}/readyz`)).ok);
  return {
    port,
    managementPort: management,
    pid: child.pid ?? 0,
    isReady: () => fetch(`${base}/readyz`).then(({ ok }) => ok, () => false),
    /** As an orchestrator ends it; resolves when it is gone. @returns {Promise<void>} */
    terminate: () =>
      new Promise((resolve) => {
        child.once('exit', () => resolve());
        child.kill('SIGTERM');
      }),
    end: () => child.kill('SIGINT'),
    /** The most memory that the process has held so far, in MiB. */
    peakMemory: () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${String(child.pid)}/status`, 'utf8'))?.[1] ?? Number.NaN) / 1024,
    /** Bytes of the heap after a collection. @returns {Promise<number>} */
    heapUsed: () =>
      new Promise((resolve) => {
        child.once('message', (bytes) => resolve(Number(bytes)));
        child.send('heap');
      }),
    /** Of what was asked since it was called last. */
    hitRate: async () => {
      const text = await (await fetch(`${base}/metrics`)).text();
      const found = ['hit', 'miss'].map((result) => Number(new RegExp(`lookups_total\\{result="${result}"\\} (\\d+)`).exec(text)?.[1] ?? '0'));
      const [hit = 0, miss = 0] = found.map((count, index) => count - (counted[index] ?? 0));
      counted = found;
      return `${((100 * hit) / (hit + miss)).toFixed(1)} %`;
    },
  };
} // prettier-ignore

/** How often a load balancer looks. */
export const LOOK_MS = 250;

/**
 * What a load balancer does: it looks at readiness and takes turns between those that are ready.
 * @param {Awaited<ReturnType<typeof startService>>[]} replicas may be replaced meanwhile
 */
export function balance(replicas) {
  let ready = replicas.map(({ port }) => port);
  let turn = 0;
  const look = async () => {
    const ports = await Promise.all(replicas.map(async (replica) => ((await replica.isReady()) ? [replica.port] : [])));
    ready = ports.flat();
  };
  const looking = setInterval(() => void look(), LOOK_MS);
  return { port: () => ready[(turn += 1) % ready.length] ?? replicas[0]?.port ?? 0, end: () => clearInterval(looking) };
}

/** @param {() => Promise<boolean>} work */
export async function until(work) {
  for (let tries = 0; tries < 600; tries += 1) {
    if (await work().catch(() => false)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('not within a minute');
}
