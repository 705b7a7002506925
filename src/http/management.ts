/**
 * The management port: `/livez`, `/readyz` and `/metrics`, never reachable where the API is.
 *
 * Machines read the status alone; `/readyz?verbose` lists the checks for people, and `?exclude=name` leaves one out.
 */
import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';

import type { Metrics } from '../platform/metrics.js';
import { Problem } from '../shared/problem.js';
import type { Readiness } from './health.js';
import { metricsFormOf } from './metrics-form.js';
import { problemAnswer } from './problems.js';

export interface ManagementOptions {
  readonly readiness: Readiness;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/** What is asked there. */
export interface ManagementQuestion {
  readonly method: string;
  readonly url: string;
  readonly accept: string | undefined;
}

export interface ManagementAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Never rejects: what fails is answered with its problem. */
export type AnswerManagement = (question: ManagementQuestion) => Promise<ManagementAnswer>;

/** Makes what answers all but `/livez`, which the thread of the port knows itself. */
export function createManagementAnswers(options: ManagementOptions): AnswerManagement {
  return async (question) => {
    const [path = '', search = ''] = question.url.split('?', 2);
    const requestId = randomUUID();
    const named = (answer: ManagementAnswer): ManagementAnswer => ({
      ...answer,
      headers: { ...answer.headers, 'x-request-id': requestId },
    });
    try {
      return named(await answerTo({ ...question, path, query: new URLSearchParams(search) }, options));
    } catch (error) {
      const { status, headers, body } = problemAnswer(error, { requestId, path, log: options.log });
      const allow = status === 405 ? { allow: 'GET, HEAD' } : {};
      return named({ status, headers: { ...headers, ...allow }, body });
    }
  };
}

interface Asked extends ManagementQuestion {
  readonly path: string;
  readonly query: URLSearchParams;
}

async function answerTo(
  { method, path, query, accept }: Asked,
  { readiness, metrics }: ManagementOptions,
): Promise<ManagementAnswer> {
  if (path !== '/livez' && path !== '/readyz' && path !== '/metrics') {
    throw new Problem('NOT_FOUND', 'here are `/livez`, `/readyz` and `/metrics`');
  }
  if (path === '/livez' || (method !== 'GET' && method !== 'HEAD')) {
    throw new Problem('METHOD_NOT_ALLOWED', 'this address has: GET, HEAD');
  }
  if (path === '/readyz') return text(await readyz(readiness, query));
  const { contentType, body } = await metrics.render(metricsFormOf(accept));
  return text({ status: 200, body, contentType });
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

function text({ status, body, contentType = 'text/plain; charset=utf-8' }: Text): ManagementAnswer {
  return { status, headers: { 'content-type': contentType }, body };
}

interface Text {
  readonly status: number;
  readonly body: string;
  readonly contentType?: string;
}
