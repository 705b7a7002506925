/**
 * What an answer from memory costs the short road itself: everything but Node's HTTP and the network, the decision log's
 * columns among it. No server and no database, so that a change of it is seen on a machine that has other work too.
 */
import { pino } from 'pino';

import { createDecisionLog } from '../dist/audit/decision-log.js';
import { createDecisionCache } from '../dist/decisions/cache.js';
import { createInstantCheck } from '../dist/decisions/instant.js';
import { createJournal } from '../dist/decisions/journal.js';
import { toQuestion } from '../dist/decisions/question.js';
import { createRequestSeconds, logAnswered } from '../dist/http/access-log.js';
import { createAuthentication } from '../dist/http/authentication.js';
import { createShortRoad } from '../dist/http/short-road.js';
import { createMetrics } from '../dist/platform/metrics.js';
import { createTracing } from '../dist/platform/tracing.js';

const QUESTIONS = 8_000;
const ROUND = 80_000;
const PERMISSIONS = ['claims.read', 'users.update', 'users.admin', 'users.read'];

/** @typedef {import('node:http').IncomingMessage} Request */
/** @typedef {import('node:http').ServerResponse} Response */

/** The road as compose.ts puts it together, over what is kept in memory alone, and requests that it has answers to. */
async function build() {
  const log = pino({ level: 'silent' });
  const metrics = createMetrics();
  const now = () => new Date();
  const startedAt = now();
  const footing = { from: 0, until: Infinity };
  let rows = 0;
  const tx = {
    query: (/** @type {{ values: string[] }} */ { values }) => {
      rows += values[0]?.split(',').length ?? 0;
      return Promise.resolve({ rows: [], rowCount: 0 });
    },
  };
  const pool = /** @type {import('../dist/platform/postgres.js').Pool} */ (
    /** @type {unknown} */ ({ transaction: (/** @type {(tx: object) => Promise<void>} */ work) => work(tx) })
  );
  const gate = /** @type {import('../dist/shared/sync-gate.js').SyncGate} */ (
    /** @type {unknown} */ ({ footing: () => footing, isQuiet: () => true, position: () => 7 })
  );
  const decisionLog = createDecisionLog({ pool, log, metrics, mode: 'async', capacity: 10 * ROUND });
  const journal = createJournal({ decisionLog, gate, metrics, now, modelId: () => '01HVMMBCMGZNT3SED4Z17ECXCA' });
  const cache = createDecisionCache({ gate, metrics, entries: 100_000, now, isEngineUp: () => true });
  const tokens = Array.from({ length: QUESTIONS / 4 }, (_, user) => `eyJ${'x'.repeat(380)}${String(user)}`);
  const authenticate = createAuthentication({
    trusted: { loopback: false, gatewaySecretSha256: undefined },
    verifyToken: (token) =>
      Promise.resolve({
        subject: `u${token.slice(383)}`,
        tenantId: 't',
        acceptedUntil: Date.now() + 1e9,
        keysStand: () => true,
      }),
    findServiceKey: () => Promise.resolve(undefined),
    // Nobody's minute ends while it is measured.
    now: () => startedAt,
  });
  for (const token of tokens) {
    const request = /** @type {Request} */ (
      /** @type {unknown} */ ({ headersDistinct: { authorization: [`Bearer ${token}`] } })
    );
    await authenticate(request, { signal: new AbortController().signal, remainingMs: () => 1_000 });
  }
  const requests = await Promise.all(Array.from({ length: QUESTIONS }, (_, at) => requestOf(at)));
  const state = { answered: 0, otherwise: 0 };
  const road = createShortRoad({
    path: '/api/v1/check',
    known: authenticate.known,
    read: createInstantCheck({ cache, gate, journal }),
    later: () => undefined,
    refusals: { isDue: () => false, body: () => ({}), onAnswered: () => undefined },
    onAnswered: logAnswered(
      { operationId: 'check', method: 'POST', route: '/api/v1/check', status: 200, code: undefined },
      { log, seconds: createRequestSeconds(metrics), tracing: createTracing() },
    ),
  });
  return { road, requests, state, rowsWritten: () => rows };

  /** @param {number} at */
  async function requestOf(at) {
    const [user, permission = ''] = [Math.floor(at / 4), PERMISSIONS[at % 4]];
    const body = JSON.stringify({ user: `u${String(user)}`, permission, tenant: 't' });
    await cache.ask(toQuestion({ user: `u${String(user)}`, permission, tenant: 't' }), now(), () =>
      Promise.resolve(at % 4 === 0),
    );
    return {
      head: [
        'host',
        '127.0.0.1',
        'content-type',
        'application/json',
        'content-length',
        String(body.length),
        'authorization',
        `Bearer ${tokens[user] ?? ''}`,
      ],
      body: Buffer.from(body),
    };
  }
}

export async function run() {
  const { road, requests, state, rowsWritten } = await build();
  const copied = (/** @type {string} */ text) => Buffer.from(text, 'latin1').toString('latin1');
  /** As Node's parser gives it: fresh strings. @param {number} at @param {(request: Request, response: Response) => void} send */
  const one = (at, send) => {
    const { head, body } = requests[(at * 7_919) % QUESTIONS] ?? requests[0] ?? { head: [], body: Buffer.alloc(0) };
    const request = { method: 'POST', url: '/api/v1/check', rawHeaders: head.map(copied), read: () => body, unshift: () => undefined };
    const response = { _header: null, _contentLength: null, _keepAliveTimeout: 65_000, _maxRequestsPerSocket: 1e4, maxRequestsOnConnectionReached: false, shouldKeepAlive: true, sendDate: true, getHeaderNames: () => [], end: () => (state.answered += 1) };
    send(/** @type {Request} */ (/** @type {unknown} */ (request)), /** @type {Response} */ (/** @type {unknown} */ (response)));
  };
  /** Microseconds of CPU a request. @param {(request: Request, response: Response) => void} send */
  const cost = async (send) => {
    const before = process.cpuUsage();
    for (let at = 0; at < ROUND; at += 32) {
      for (let next = at; next < at + 32; next += 1) one(next, send);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
    const { user, system } = process.cpuUsage(before);
    return (user + system) / ROUND;
  };
  const through = (/** @type {Request} */ request, /** @type {Response} */ response) => road(request, response, () => (state.otherwise += 1));
  await cost(through);
  const [bare, whole] = [[], []].map((list) => /** @type {number[]} */ (list));
  for (let round = 0; round < 5; round += 1) {
    bare?.push(await cost(() => undefined));
    whole?.push(await cost(through));
  }
  if (state.otherwise > 0) throw new Error(`${String(state.otherwise)} were not answered at once`);
  const least = Math.min(...(whole ?? [])) - Math.min(...(bare ?? []));
  console.log(`the short road's own work: ${least.toFixed(1)} µs of CPU an answer (best of 5 rounds of ${String(ROUND)}; ${String(state.answered)} answered, ${String(rowsWritten())} rows)`);
} // prettier-ignore
