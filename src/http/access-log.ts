/**
 * One JSON line and one measurement for every request, when its answer is out or its caller gone.
 *
 * INVARIANT: neither holds a credential, a body or a query. tests/contract/access-log.test.ts.
 */
import { performance } from 'node:perf_hooks';
import type { ServerResponse } from 'node:http';
import type { Logger } from 'pino';

import type { Histogram, Metrics } from '../platform/metrics.js';
import type { RequestTrace, Tracing } from '../platform/tracing.js';
import type { Caller } from '../shared/caller.js';
import type { TracedHead } from './short-head.js';

/** What is known of a request so far; filled in as it goes its way. */
export interface RequestRecord {
  readonly requestId: string;
  readonly method: string;
  /** Without the query, which may hold what is not ours to write down. */
  readonly path: string;
  /** Undefined: nobody traces it. */
  readonly trace: RequestTrace | undefined;
  operationId: string | undefined;
  /** The path of the operation, with names in place of ids. */
  route: string | undefined;
  caller: Caller | undefined;
  /** The problem that it was answered with. */
  code: string | undefined;
}

export type RequestSeconds = Histogram<'operation' | 'status_class'>;

/** Declares the metric; its labels come from the contract and from the first figure of the status. */
export function createRequestSeconds(metrics: Metrics): RequestSeconds {
  return metrics.histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from the head of a request to the end of its answer, by operation of the contract.',
    labels: ['operation', 'status_class'],
  });
}

/** Writes the line and the measurement when `response` closes. */
export function logRequest(
  response: ServerResponse,
  { record, log, seconds }: { record: RequestRecord; log: Logger; seconds: RequestSeconds },
): void {
  const startedAt = performance.now();
  response.once('close', () => {
    const durationMs = performance.now() - startedAt;
    const status = response.writableFinished ? response.statusCode : undefined;
    seconds.observe(
      {
        operation: record.operationId ?? 'none',
        status_class: status === undefined ? 'aborted' : classOf(status),
      },
      durationMs / 1000,
      exemplarOf(record.trace),
    );
    record.trace?.end({ ...record, status });
    writeLine(log, record, { status, durationMs });
  });
}

/** What all that is answered at once in one way has in common; `code` of a problem. */
export interface AtOnce {
  readonly operationId: string;
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly code: string | undefined;
}

/** The same for what was answered at once, all of it under one address. */
export function logAnswered(
  { operationId, method, route, status, code }: AtOnce,
  { log, seconds, tracing }: { log: Logger; seconds: RequestSeconds; tracing: Tracing },
): (answered: { requestId: string; caller: Caller; head: TracedHead; durationMs: number }) => void {
  const series = seconds.series({ operation: operationId, status_class: classOf(status) });
  const always = { method, path: route, route, operationId, code };
  return ({ requestId, caller, head, durationMs }) => {
    const trace = tracing.startRequest(head, { method, path: route, agoMs: durationMs });
    trace?.end({ operationId, route, status });
    series.observe(durationMs / 1000, exemplarOf(trace));
    if (!log.isLevelEnabled('info')) return;
    writeLine(log, { ...always, requestId, caller, trace }, { status, durationMs });
  };
}

/** E.g. `5xx`. */
function classOf(status: number): string {
  return `${String(status).slice(0, 1)}xx`;
}

/** The trace that the measurement may point to: of one that is not kept there is nothing to be seen. */
function exemplarOf(trace: RequestTrace | undefined): string | undefined {
  return trace?.isSampled === true ? trace.traceId : undefined;
}

function writeLine(
  log: Logger,
  record: RequestRecord,
  { status, durationMs }: { status: number | undefined; durationMs: number },
): void {
  log.info(
    {
      requestId: record.requestId,
      traceId: record.trace?.traceId,
      operationId: record.operationId,
      method: record.method,
      path: record.path.slice(0, 256),
      status,
      aborted: status === undefined ? true : undefined,
      code: record.code,
      durationMs: Math.round(durationMs * 1000) / 1000,
      ...describeCaller(record.caller),
    },
    'request',
  );
}

function describeCaller(caller: Caller | undefined): object {
  if (caller === undefined) return {};
  const { kind, tenantId: tenant } = caller;
  return kind === 'user'
    ? { caller: kind, via: caller.via, actor: caller.actorUserId, tenant }
    : { caller: kind, actor: caller.serviceKeyId, tenant };
}
