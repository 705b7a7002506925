/**
 * The Express app, made from the contract: what a request goes through, in order.
 *
 *   request id → log → route (404, 405) → overload (503) → authentication (401) → body and validation (400, 413, 415)
 *   → authorization (403) → handler → answer
 *
 * A check that takes no wait is answered ahead of all this, in the same words (src/http/short-road.ts).
 * Whoever is not known learns nothing about what is valid, and nothing is read of what they send.
 * INVARIANT: no operation is reached by any other way, and one without `x-permission` or handler does not start.
 * tests/contract/start-up.test.ts, tests/contract/order.test.ts.
 */
import type { RequestListener } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import express, { type Express, type Request, type Response } from 'express';

import type { Metrics } from '../platform/metrics.js';
import type { Caller } from '../shared/caller.js';
import type { Authorize, RequestContext } from '../shared/operation.js';
import { Problem } from '../shared/problem.js';
import { createRequestSeconds, logRequest, type RequestSeconds } from './access-log.js';
import type { Authenticate } from './authentication.js';
import { readBody } from './body.js';
import { createCheckRoad, type CheckRoadOptions } from './check-road.js';
import { type ConsolePages, securePages, sendPage } from './console.js';
import { basePathOf, type ContractDocument, operationsOf } from './contract.js';
import { parseTimeoutMs } from './deadline.js';
import { type AnyHandler, begin, contextOf, type Endpoint, type Exchange } from './exchange.js';
import { type ExchangeOptions, inTraceOf } from './exchange.js';
import type { Answer, OncePerKey } from './idempotency.js';
import { invalidRequest } from './problems.js';
import { createRoutes, type RouteMatch } from './routes.js';
import { secureAnswers } from './security-headers.js';
import { overloaded } from './shedding.js';
import { createValidator } from './validation.js';
import { warmUp } from './warm-up.js';

export interface HttpAppOptions extends ExchangeOptions, CheckRoadOptions {
  readonly document: ContractDocument;
  /** The handler of every operation, by operation id. */
  readonly operations: Readonly<Record<string, AnyHandler>>;
  readonly authenticate: Authenticate;
  readonly authorize: Authorize;
  readonly oncePerKey: OncePerKey;
  readonly metrics: Metrics;
  /** Checks our own answers too; for tests. */
  readonly validateResponses?: boolean;
  /** The console; left out, there is none. */
  readonly pages?: ConsolePages | undefined;
}

export type HttpApp = RequestListener & {
  /** Makes what the first requests would otherwise wait for (src/http/warm-up.ts). */
  readonly warmUp: () => Promise<void>;
};

/** Makes the app. Throws an Error that names the operation which has no `x-permission` or no handler. */
export function createHttpApp(options: HttpAppOptions): HttpApp {
  const seconds = createRequestSeconds(options.metrics);
  const endpoints = endpointsOf(options);
  const basePath = basePathOf(options.document);
  const stack = createStack(createRoutes(endpoints, basePath), { options, seconds });
  const road = createCheckRoad(endpoints, { options, seconds });
  const answer: RequestListener = (request, response) => {
    if (road === undefined) stack(request, response);
    else road(request, response, () => void stack(request, response));
  };
  return Object.assign(answer, { warmUp: () => warmUp(endpoints) });
}

function createStack(
  match: (method: string, path: string) => RouteMatch<Endpoint>,
  { options, seconds }: { options: HttpAppOptions; seconds: RequestSeconds },
): Express {
  const app = express();
  app.disable('x-powered-by').disable('etag').enable('strict routing').enable('case sensitive routing');
  // Express gives null where there is no query, which newer versions of Node take for a parameter called `null`.
  app.set('query parser', (query: string | null) => Object.fromEntries(new URLSearchParams(query ?? '')));
  app.use((request, response, next) => {
    const page = options.pages?.(request, request.path);
    if (page === undefined) {
      next();
      return;
    }
    const { record } = begin({ request, response }, options);
    logRequest(response, { record, log: options.log, seconds });
    securePages(request, response, () => sendPage(page, response));
  });
  app.use(secureAnswers);
  app.use(async (request, response) => {
    const exchange = begin({ request, response }, options);
    logRequest(response, { record: exchange.record, log: options.log, seconds });
    await inTraceOf(exchange, () => respond(exchange, { match, options })).catch(exchange.fail);
  });
  return app;
}

function endpointsOf({ document, operations, validateResponses = false }: HttpAppOptions): Endpoint[] {
  return operationsOf(document).map((operation) => {
    const handler = Object.hasOwn(operations, operation.id) ? operations[operation.id] : undefined;
    if (handler === undefined) throw new Error(`operation \`${operation.id}\` has no handler`);
    const route = (operation.basePath ?? basePathOf(document)) + operation.path;
    return { ...operation, route, handler, validate: createValidator(document, { operation, validateResponses }) };
  });
}

async function respond(
  exchange: Exchange<Request, Response>,
  { match, options }: { match: (method: string, path: string) => RouteMatch<Endpoint>; options: HttpAppOptions },
): Promise<void> {
  const { request, response, record, deadline } = exchange;
  const endpoint = findEndpoint(match(record.method, record.path), response);
  record.operationId = endpoint.id;
  record.route = endpoint.route;
  if (options.shed?.(endpoint) === true) throw overloaded();
  const isPublic = endpoint.permission === 'public';
  if (!isPublic) {
    record.caller = await options.authenticate(request, deadline);
    requireOwnPassword(record.caller, endpoint);
  }
  const input = await readInput(endpoint, exchange);
  const context = contextOf(exchange, endpoint);
  // The decision operations judge each question by its own subject and tenant.
  if (!isPublic && endpoint.permission !== 'decide') await options.authorize(endpoint.permission, context);
  await send(response, await carryOut(endpoint, { input, context, exchange, oncePerKey: options.oncePerKey }));
}

function carryOut(
  endpoint: Endpoint,
  {
    input,
    context,
    exchange,
    oncePerKey,
  }: {
    input: Input;
    context: RequestContext;
    exchange: Exchange;
    oncePerKey: OncePerKey;
  },
): Promise<Answer> {
  const { request, record } = exchange;
  // The validator has just held the input to the contract, of which the handler's types are made.
  const run = (inContext: RequestContext): Promise<Answer> => endpoint.handler(input as never, inContext as never);
  const key = request.headers['idempotency-key'];
  // Of what is carried out under a key a digest is kept, which for a password would be one to guess against.
  if (key === undefined || endpoint.takesKey !== true || record.caller === undefined) return run(context);
  const { caller, path } = record;
  const keyed = { key: String(key), caller, operationId: endpoint.id, path, body: input.body };
  return oncePerKey({ ...keyed, isSecret: endpoint.hasSecretAnswer }, (idempotencyClaim) =>
    run({ ...context, idempotencyClaim }),
  );
}

async function send(response: Response, { status, headers = {}, body, stream }: Answer): Promise<void> {
  response.status(status).set(headers);
  if (stream !== undefined) await pipeline(Readable.from(stream), response).catch(unlessHungUp);
  else if (body === undefined) response.end();
  else response.json(body);
}

/** A caller who leaves in the middle of a stream is no fault of ours. */
function unlessHungUp(error: unknown): void {
  if (error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE') return;
  throw error;
}

/** Whoever was given a one-time password may choose their own and leave, and nothing else. */
function requireOwnPassword(caller: Caller, { beforePasswordChange }: Endpoint): void {
  if (caller.kind !== 'user' || caller.mustChangePassword !== true || beforePasswordChange === true) return;
  throw new Problem('PASSWORD_CHANGE_REQUIRED', 'change your password first, at `POST /auth/change-password`');
}

function findEndpoint(route: RouteMatch<Endpoint>, response: Response): Endpoint {
  if (route.found === 'operation') return route.operation;
  if (route.found === 'nothing') throw new Problem('NOT_FOUND', 'there is nothing at this address');
  const allow = route.allow.join(', ');
  response.setHeader('allow', allow);
  throw new Problem('METHOD_NOT_ALLOWED', `this address has: ${allow}`);
}

interface Input {
  readonly body: unknown;
  readonly path: unknown;
  readonly query: unknown;
}

async function readInput(
  endpoint: Endpoint,
  { request, response, deadline, fail }: Exchange<Request, Response>,
): Promise<Input> {
  if (parseTimeoutMs(request.headers['timeout-ms']) === 'invalid') {
    throw invalidRequest([{ field: 'timeout-ms', message: 'must be a whole number of milliseconds from 1 to 10000' }]);
  }
  request.body = await readBody(request, { ...endpoint, signal: deadline.signal });
  await endpoint.validate(request, response, fail);
  return { body: request.body as unknown, path: request.params, query: request.query };
}
