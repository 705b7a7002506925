/**
 * The real HTTP layer on a real socket, with stubs as handlers: for what the layer itself promises.
 */
import { readFileSync } from 'node:fs';
import { Writable } from 'node:stream';
import pino from 'pino';

import { questionIn } from '../../src/decisions/instant.js';
import { createHttpApp, type HttpAppOptions } from '../../src/http/app.js';
import { type Authentication, createAuthentication } from '../../src/http/authentication.js';
import { type ContractDocument, operationsOf, parseContract } from '../../src/http/contract.js';
import { contractOperations } from '../../src/http/contract-operations.js';
import type { AnswerAtOnce } from '../../src/http/short-road.js';
import { createHttpServer, type HttpServer, type HttpServerLimits } from '../../src/http/server.js';
import { createMetrics, type Metrics } from '../../src/platform/metrics.js';
import { Problem } from '../../src/shared/problem.js';

/** Whether `check` is answered ahead of the stack: every test of tests/contract runs with and without it. */
export const isShortRoadOn = process.env['SHORT_ROAD'] === '1';

/** Answers as the stub of `check` does, whatever question the short road takes. */
function stubAnswer(seen: unknown[]): AnswerAtOnce {
  return (body, asker) => {
    const isQuestion = orUndefined(() => questionIn(body, asker)) !== undefined;
    if (!isQuestion) return undefined;
    seen.push({ input: { body }, context: asker });
    return STUB_ANSWER;
  };
}

const STUB_ANSWER = { allowed: true, decisionId: 'd1', modelId: 'm1', evaluatedAt: '2026-11-21T09:30:00.125Z' };

function orUndefined<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}

/** The contract as it is in the repository. */
export function readOpenapi(): ContractDocument {
  return parseContract(readFileSync(new URL('../../openapi.yaml', import.meta.url), 'utf8'));
}

/** A log that keeps its lines. */
export function memoryLog(): { log: pino.Logger; lines: string[] } {
  const lines: string[] = [];
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      lines.push(chunk.toString());
      done();
    },
  });
  return { log: pino({ level: 'debug' }, stream), lines };
}

/** Handlers that answer what the contract allows, and tell what they were given. */
export function stubOperations(document: ContractDocument): {
  operations: HttpAppOptions['operations'];
  seen: unknown[];
} {
  const seen: unknown[] = [];
  const unstubbed = (id: string) => () => Promise.reject(new Error(`\`${id}\` is not stubbed here`));
  const operations: HttpAppOptions['operations'] = {
    ...Object.fromEntries(operationsOf(readOpenapi()).map(({ id }) => [id, unstubbed(id)])),
    ...contractOperations(document),
    check: (input: unknown, context: unknown) => {
      seen.push({ input, context });
      return Promise.resolve({ status: 200, body: STUB_ANSWER });
    },
    listObjects: (input: unknown, context: unknown) => {
      seen.push({ input, context });
      return Promise.resolve({ status: 200, body: { items: ['record:r1'], nextCursor: null, complete: true } });
    },
  };
  return { operations, seen };
}

export interface RunningApp {
  readonly base: string;
  readonly port: number;
  readonly server: HttpServer;
  readonly metrics: Metrics;
  readonly lines: string[];
  readonly seen: unknown[];
}

export type AppChanges = Partial<Omit<HttpAppOptions, 'log' | 'metrics' | 'authenticate' | 'atOnce'>> & {
  authenticate?: Authentication;
  limits?: Partial<HttpServerLimits>;
};

/** Starts the layer on a free port; `changes` replace its parts. Stop it with `server.stop()`. */
export async function startApp({ limits, ...changes }: AppChanges = {}): Promise<RunningApp> {
  const document = changes.document ?? readOpenapi();
  const { log, lines } = memoryLog();
  const { operations, seen } = stubOperations(document);
  const metrics = createMetrics();
  const authenticate = createAuthentication({
    trusted: { loopback: true, gatewaySecretSha256: undefined },
    verifyToken: () => Promise.reject(new Problem('UNAUTHENTICATED', 'no issuer is known in this test')),
    findServiceKey: () => Promise.resolve(undefined),
  });
  const app = createHttpApp({
    document,
    operations,
    authenticate,
    ...(isShortRoadOn && changes.operations === undefined
      ? { atOnce: { known: (changes.authenticate ?? authenticate).known, answer: stubAnswer(seen) } }
      : {}),
    authorize: () => Promise.resolve(),
    oncePerKey: (_request, run) => run('claim'),
    log,
    metrics,
    validateResponses: true,
    ...changes,
  });
  const server = createHttpServer({
    name: 'http server',
    host: '127.0.0.1',
    port: 0,
    app,
    log,
    ...(limits === undefined ? {} : { limits }),
  });
  await server.start();
  const { port } = server.address();
  return { base: `http://127.0.0.1:${port}/api/v1`, port, server, metrics, lines, seen };
}

/** Headers of a known caller. */
export const AS_ADA = { 'x-user-id': 'ada', 'x-tenant-id': 't1' };

/** A valid body of `check`. */
export const QUESTION = { user: 'ada', permission: 'users.read', tenant: 't1' };
