/**
 * The real HTTP layer on a real socket, with stubs as handlers: for what the layer itself promises.
 */
import { readFileSync } from 'node:fs';
import { Writable } from 'node:stream';
import pino from 'pino';

import type { CheckResult } from '../../src/contract/api.js';
import { needOf } from '../../src/decisions/admission.js';
import { questionIn } from '../../src/decisions/instant.js';
import { createHttpApp, type HttpAppOptions } from '../../src/http/app.js';
import { type Authentication, createAuthentication } from '../../src/http/authentication.js';
import { type ContractDocument, operationsOf, parseContract } from '../../src/http/contract.js';
import { contractOperations } from '../../src/http/contract-operations.js';
import type { PlainCheck } from '../../src/http/short-road.js';
import { createHttpServer, type HttpServer, type HttpServerLimits } from '../../src/http/server.js';
import { createMetrics, type Metrics } from '../../src/platform/metrics.js';
import { createTracing } from '../../src/platform/tracing.js';
import { Problem } from '../../src/shared/problem.js';

/** Whether `check` is answered ahead of the stack: every test of tests/contract runs with and without it. */
export const isShortRoadOn = process.env['SHORT_ROAD'] === '1';

/** Answers as the stub of `check` does, whatever question the short road takes. */
function stubRead(seen: unknown[]): (body: unknown) => PlainCheck | undefined {
  return (body) => {
    const question = orUndefined(() => questionIn(body));
    if (question === undefined) return undefined;
    return {
      tenantId: question.tenantId,
      isOpenTo: (caller) => orUndefined(() => needOf(caller, question) === undefined) ?? false,
      atOnce: (asker) => {
        seen.push({ input: { body }, context: asker });
        // The contract's own example of the answer, as the stub of the operation gives it.
        return exampleOf(readOpenapi().paths['/check']?.['post']?.responses ?? {})?.body as CheckResult | undefined;
      },
    };
  };
}

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

/** Handlers that answer what the contract gives as its first example, where it does, and tell what they were given. */
export function stubOperations(document: ContractDocument): {
  operations: HttpAppOptions['operations'];
  seen: unknown[];
} {
  const seen: unknown[] = [];
  const stubs = operationsOf(document).map(({ id, method, path }) => {
    const answer = exampleOf(document.paths[path]?.[method.toLowerCase()]?.responses ?? {});
    const stub = (input: unknown, context: unknown) => {
      seen.push({ input, context });
      if (answer === undefined) return Promise.reject(new Error(`\`${id}\` is not stubbed here`));
      return Promise.resolve(answer);
    };
    return [id, stub] as const;
  });
  return { operations: { ...Object.fromEntries(stubs), ...contractOperations(document) }, seen };
}

interface Response {
  readonly content?: Record<string, { readonly examples?: Record<string, { readonly value: unknown }> }>;
}

function exampleOf(responses: object): { status: number; body: unknown } | undefined {
  const [status = '200', response] = Object.entries(responses).find(([name]) => name.startsWith('2')) ?? [];
  const [content] = Object.values((response as Response | undefined)?.content ?? {});
  const [example] = Object.values(content?.examples ?? {});
  return example === undefined ? undefined : { status: Number(status), body: example.value };
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
  const { operations, seen } = stubOperations(readOpenapi());
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
      ? { atOnce: { known: (changes.authenticate ?? authenticate).known, read: stubRead(seen) } }
      : {}),
    authorize: () => Promise.resolve(),
    oncePerKey: (_request, run) => run('claim'),
    log,
    metrics,
    tracing: createTracing(),
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
