/** Hands for throughput: processes around the service, their CPU time, and load on one of them. */
import { execFileSync, fork } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** @typedef {import('./processes/load.mjs').Load} Load */

const here = (/** @type {string} */ name) => fileURLToPath(new URL(`processes/${name}`, import.meta.url));
const TICK_MICROS = 1_000_000 / Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** A process of the bench that says one thing when it is ready. @param {string} name */
export function startProcess(name) {
  return fork(here(name), [], { serialization: 'advanced' });
}

/** The next message of a child. @template T @param {import('node:child_process').ChildProcess} child @returns {Promise<T>} */
export function messageOf(child) {
  return new Promise((resolve, reject) => {
    child.once('message', (message) => resolve(/** @type {T} */ (message)));
    child.once('exit', (code) => reject(new Error(`a process of the bench ended with ${String(code)}`)));
  });
}

/** Puts the load on the target and resolves to what came of it. @param {import('./processes/load.mjs').Job} job */
export async function putLoad(job) {
  const child = startProcess('load.mjs');
  child.send(job);
  const load = /** @type {Load} */ (await messageOf(child));
  child.removeAllListeners('exit');
  child.kill();
  return load;
}

/** CPU time of processes and all that they have started, in microseconds. @param {readonly number[]} pids */
export function cpuMicros(pids) {
  /** @type {Map<number, { parent: number, micros: number }>} */
  const all = new Map();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      // Time of children that have ended counts as their parent's.
      const ticks = [11, 12, 13, 14].reduce((sum, at) => sum + Number(fields[at]), 0);
      all.set(Number(entry), { parent: Number(fields[1]), micros: ticks * TICK_MICROS });
    } catch {
      // It has ended meanwhile.
    }
  }
  /** @param {number} pid @returns {boolean} */
  const belongs = (pid) => pids.includes(pid) || (all.has(pid) && belongs(all.get(pid)?.parent ?? 0));
  return [...all].reduce((sum, [pid, { micros }]) => sum + (belongs(pid) ? micros : 0), 0);
}

/** A request as bytes. @param {{ path: string, body: object, headers?: Record<string, string> }} request */
export function httpRequest({ path, body, headers = {} }) {
  const text = JSON.stringify(body);
  const lines = Object.entries({
    host: '127.0.0.1',
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(text)),
    ...headers,
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST ${path} HTTP/1.1\r\n${lines.join('')}\r\n${text}`;
}

/** A long list of indices: each as likely, or the n-th n times less. @param {'uniform' | 'zipf'} kind @param {number} size */
export function drawOrder(kind, size) {
  let seed = 20_261_121;
  const random = () => (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31;
  if (kind === 'uniform') return Array.from({ length: size * 4 }, () => Math.floor(random() * size));
  const sums = new Float64Array(size);
  for (let at = 0, sum = 0; at < size; at += 1) sums[at] = sum += 1 / (at + 1);
  const total = sums[size - 1] ?? 1;
  // Rank and question have nothing to do with each other: 7,919 is prime.
  return Array.from({ length: size * 4 }, () => (searchFrom(sums, random() * total) * 7_919) % size);
}

/** @param {Float64Array} sums @param {number} value */
function searchFrom(sums, value) {
  let [low, high] = [0, sums.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sums[middle] ?? 0) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** @param {Load} load @param {number} p */
export const at = ({ latencies }, p) =>
  latencies[Math.max(0, Math.ceil((p / 100) * latencies.length) - 1)] ?? Number.NaN;
