/**
 * The management port: `/livez`, `/readyz` and `/metrics`, never reachable where the API is.
 *
 * Machines read the status alone; `/readyz?verbose` lists the checks for people, and `?exclude=name` leaves one out.
 */
import { randomUUID } from 'node:crypto';
import type { RequestListener, ServerResponse } from 'node:http';
import type { Logger } from 'pino';

import type { Metrics } from '../platform/metrics.js';
import { Problem } from '../shared/problem.js';
import type { Readiness } from './health.js';
import { metricsFormOf } from './metrics-form.js';
import { sendProblem } from './problems.js';

export interface ManagementOptions {
  readonly readiness: Readiness;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/** Makes the listener for the second server. */
export function createManagementApp(options: ManagementOptions): RequestListener {
  return (request, response) => {
    const [path = '', search = ''] = (request.url ?? '').split('?', 2);
    const query = new URLSearchParams(search);
    const requestId = randomUUID();
    response.setHeader('x-request-id', requestId);
    response.setHeader('cache-control', 'no-store');
    response.setHeader('x-content-type-options', 'nosniff');
    const { method = '', headers } = request;
    answer(response, { method, path, query, accept: headers.accept, options }).catch((error: unknown) => {
      sendProblem(response, error, { requestId, path, log: options.log });
    });
  };
}

interface Question {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly accept: string | undefined;
  readonly options: ManagementOptions;
}

async function answer(response: ServerResponse, { method, path, query, accept, options }: Question): Promise<void> {
  if (path !== '/livez' && path !== '/readyz' && path !== '/metrics') {
    throw new Problem('NOT_FOUND', 'here are `/livez`, `/readyz` and `/metrics`');
  }
  if (method !== 'GET' && method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    throw new Problem('METHOD_NOT_ALLOWED', 'this address has: GET, HEAD');
  }
  if (path === '/livez') {
    sendText(response, { status: 200, body: 'ok\n' });
  } else if (path === '/metrics') {
    const { contentType, body } = await options.metrics.render(metricsFormOf(accept));
    sendText(response, { status: 200, body, contentType });
  } else {
    sendText(response, await readyz(options.readiness, query));
  }
}

async function readyz(readiness: Readiness, query: URLSearchParams): Promise<{ status: number; body: string }> {
  const excluded = new Set(query.getAll('exclude'));
  const outcomes = await readiness.outcomes();
  const considered = outcomes.filter(({ name }) => name === 'drain' || !excluded.has(name));
  const isReady = considered.every(({ failure }) => failure === undefined);
  const verdict = isReady ? 'ready\n' : 'not ready\n';
  const lines = outcomes.map((outcome) => {
    if (!considered.includes(outcome)) return `[+]${outcome.name} excluded\n`;
    if (outcome.warning !== undefined) return `[!]${outcome.name} ${outcome.warning}\n`;
    return outcome.failure === undefined ? `[+]${outcome.name} ok\n` : `[-]${outcome.name} ${outcome.failure}\n`;
  });
  return { status: isReady ? 200 : 503, body: query.has('verbose') ? lines.join('') + verdict : verdict };
}

function sendText(
  response: ServerResponse,
  { status, body, contentType = 'text/plain; charset=utf-8' }: { status: number; body: string; contentType?: string },
): void {
  response.writeHead(status, { 'content-type': contentType });
  response.end(body);
}
