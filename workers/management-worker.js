/**
 * The thread that listens on the management port; src/http/management-thread.ts starts it and answers what it passes on.
 *
 * Liveness is told here, from the last sign of life of the service's own event loop: one that has much to do lives and
 * answers at once, one that has stood still for long does not. Plain JavaScript, since a thread starts from a file
 * as it stands, built or not.
 */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { parentPort, workerData } from 'node:worker_threads';

/**
 * @typedef {{ status: number, headers: Record<string, string>, body: string }} Answer
 * @typedef {{ id: number, answer: Answer }} Answered
 * @typedef {{ host: string, port: number, lastBeat: BigInt64Array, serverOptions: import('node:http').ServerOptions,
 *   silenceMs: number, maxConnections: number, deadAfterMs: number }} Given
 */

/** What is passed on is answered by then, or there is no time for it. */
const PATIENCE_MS = 5_000;
const TEXT = { 'content-type': 'text/plain; charset=utf-8' };

// Whoever starts this thread gives it just that.
/** @type {unknown} */
const data = workerData;
const given = /** @type {Given} */ (data);
const port = /** @type {import('node:worker_threads').MessagePort} */ (parentPort);
/** @type {Map<number, (answer: Answer) => void>} */
const asked = new Map();
let last = 0;

const server = createServer(given.serverOptions, (request, response) => {
  const { method = '', url = '', headers } = request;
  const send = (/** @type {Answer} */ { status, headers: more, body }) => {
    const always = { 'x-request-id': randomUUID(), 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };
    response.writeHead(status, { ...always, ...more, 'content-length': Buffer.byteLength(body) });
    response.end(body);
  };
  if ((method === 'GET' || method === 'HEAD') && url.split('?', 1)[0] === '/livez') {
    const stillNs = process.hrtime.bigint() - Atomics.load(given.lastBeat, 0);
    const isAlive = Number(stillNs) / 1e6 < given.deadAfterMs;
    send(
      isAlive ? { status: 200, headers: TEXT, body: 'ok\n' } : { status: 503, headers: TEXT, body: 'stands still\n' },
    );
    return;
  }
  const id = (last += 1);
  const timer = setTimeout(() => {
    asked.delete(id);
    send({ status: 503, headers: TEXT, body: 'no answer within five seconds\n' });
  }, PATIENCE_MS);
  asked.set(id, (answer) => {
    clearTimeout(timer);
    send(answer);
  });
  port.postMessage({ id, question: { method, url, accept: headers.accept } });
});
server.timeout = given.silenceMs;
server.maxConnections = given.maxConnections;
server.on('error', ({ message, ...fields }) => port.postMessage({ failed: { message, ...fields } }));
server.listen({ host: given.host, port: given.port }, () => port.postMessage({ listens: server.address() }));

port.on('message', (/** @type {Answered} */ { id, answer }) => {
  asked.get(id)?.(answer);
  asked.delete(id);
});
