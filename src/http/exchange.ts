/**
 * One request and its answer, as everything that answers under the contract sees them: who it is for the log, how long
 * it may take, how it fails. Express' stack and the road of `check` ahead of it begin alike here.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from 'pino';

import type { Tracing } from '../platform/tracing.js';
import type { Caller } from '../shared/caller.js';
import type { RequestClient, RequestContext } from '../shared/operation.js';
import type { RequestRecord } from './access-log.js';
import { drain } from './body.js';
import { createClientReader } from './client.js';
import type { ContractOperation } from './contract.js';
import { DEFAULT_TIMEOUT_MS, parseTimeoutMs, type RunningDeadline, startDeadline } from './deadline.js';
import type { Answer } from './idempotency.js';
import { sendProblem } from './problems.js';
import type { Validate } from './validation.js';

/** A handler without the types of its operation; `Operations` of shared/operation.ts fits. */
export type AnyHandler = (input: never, context: never) => Promise<Answer>;

/** An operation with all that carries it out. */
export interface Endpoint extends ContractOperation {
  /** Its path from the root, with names in place of ids. */
  readonly route: string;
  readonly validate: Validate;
  readonly handler: AnyHandler;
}

export interface Exchange<Q = IncomingMessage, S = ServerResponse> {
  readonly request: Q;
  readonly response: S;
  readonly record: RequestRecord;
  readonly deadline: RunningDeadline;
  readonly client: RequestClient;
  readonly fail: (error: unknown) => void;
}

const REQUEST_ID_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/;

export interface ExchangeOptions {
  /** Where a request comes from; the socket's word where left out. */
  readonly readClient?: (request: IncomingMessage) => RequestClient;
  readonly log: Logger;
  readonly tracing: Tracing;
  /** Milliseconds that a request may take when it does not say. */
  readonly defaultTimeoutMs?: number;
}

/** Names the request, starts its time and sets what every answer has. `fail` answers with the problem of an error. */
export function begin<Q extends IncomingMessage, S extends ServerResponse>(
  { request, response }: { request: Q; response: S },
  options: ExchangeOptions,
): Exchange<Q, S> {
  const sent = request.headers['x-request-id'];
  const requestId = typeof sent === 'string' && REQUEST_ID_PATTERN.test(sent) ? sent : randomUUID();
  const [path = ''] = (request.url ?? '').split('?', 1);
  const { method = '' } = request;
  const { traceparent, tracestate } = request.headers;
  const trace = options.tracing.startRequest({ traceparent, tracestate }, { method, path });
  const record: RequestRecord = {
    ...{ requestId, method, path, trace },
    operationId: undefined,
    route: undefined,
    caller: undefined,
    code: undefined,
  };
  response.setHeader('x-request-id', requestId);
  response.setHeader('cache-control', 'no-store');
  const timeoutMs = parseTimeoutMs(request.headers['timeout-ms']);
  const deadline = startDeadline(
    typeof timeoutMs === 'number' ? timeoutMs : (options.defaultTimeoutMs ?? DEFAULT_TIMEOUT_MS),
    trace,
  );
  response.once('close', () => (response.writableFinished ? deadline.end() : deadline.hangUp()));
  const fail = (error: unknown): void => {
    record.code = sendProblem(response, error, { requestId, path, log: options.log }).code;
    drain(request);
  };
  const client = (options.readClient ?? createClientReader(undefined))(request);
  return { request, response, record, deadline, client, fail };
}

/** Runs `work` where instrumentation that an operator has preloaded finds the request's span. */
export function inTraceOf<T>({ record: { trace } }: Pick<Exchange, 'record'>, work: () => T): T {
  return trace === undefined ? work() : trace.run(work);
}

/** What the handler is told, once the caller is known. */
export function contextOf(
  { request, record, deadline, client }: Exchange,
  { isChange }: Pick<Endpoint, 'isChange'>,
): RequestContext {
  const { 'x-sync-token': syncToken, 'if-match': ifMatch } = request.headers;
  return {
    // Undefined for public operations alone, whose handlers do not ask.
    caller: record.caller as Caller,
    requestId: record.requestId,
    deadline,
    client,
    syncToken: typeof syncToken === 'string' ? syncToken : undefined,
    ifMatch: ifMatch === undefined ? undefined : Number(ifMatch.replaceAll('"', '')),
    isChange,
    idempotencyClaim: undefined,
  };
}
