/**
 * The load generator: a process of its own, on bare sockets, so that it costs less than what it measures. It is told by
 * its parent what to send, sends on each connection the next request when the last is answered, and tells what came.
 */
import { connect } from 'node:net';

/**
 * @typedef {{ host: string, port: number, requests: string[], order: number[], connections: number, ms: number,
 *   count?: number }} Job
 * @typedef {{ answers: number, allowed: number, refused: Record<string, number>, latencies: Float64Array, seconds: number,
 *   cpuMicros: number }} Load
 */

process.on('message', (/** @type {Job} */ job) => {
  void run(job).then((load) => process.send?.(load));
});

/** @param {Job} job @returns {Promise<Load>} */
async function run({ host, port, requests, order, connections, ms, count = Infinity }) {
  const buffers = requests.map((text) => Buffer.from(text, 'latin1'));
  const latencies = new Float64Array(4_000_000);
  const state = { answers: 0, allowed: 0, sent: 0, refused: /** @type {Record<string, number>} */ ({}) };
  const cpu = process.cpuUsage();
  const startedAt = performance.now();
  const end = startedAt + ms;

  const one = () =>
    new Promise((/** @type {(done: void) => void} */ resolve, reject) => {
      const socket = connect({ host, port, noDelay: true });
      let sentAt = 0;
      let text = '';
      const send = () => {
        if (state.sent >= count || (sentAt = performance.now()) > end) {
          socket.destroy();
          resolve();
          return;
        }
        const buffer = buffers[order[state.sent % order.length] ?? 0] ?? buffers[0];
        state.sent += 1;
        socket.write(/** @type {Buffer} */ (buffer));
      };
      socket.on('connect', send);
      socket.on('error', reject);
      socket.on('data', (/** @type {Buffer} */ chunk) => {
        text += chunk.toString('latin1');
        const head = text.indexOf('\r\n\r\n');
        if (head < 0) return;
        const at = text.search(/content-length: */i);
        const length = Number.parseInt(text.slice(at + 15, at + 24), 10);
        if (text.length < head + 4 + length) return;
        latencies[state.answers % latencies.length] = performance.now() - sentAt;
        state.answers += 1;
        const status = text.slice(9, 12);
        if (status !== '200') state.refused[status] = (state.refused[status] ?? 0) + 1;
        else if (text.includes('"allowed":true', head)) state.allowed += 1;
        text = '';
        send();
      });
    });
  await Promise.all(Array.from({ length: connections }, one));
  const seconds = (performance.now() - startedAt) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return {
    answers: state.answers,
    allowed: state.allowed,
    refused: state.refused,
    latencies: latencies.slice(0, Math.min(state.answers, latencies.length)).sort(),
    seconds,
    cpuMicros: user + system,
  };
}
