/**
 * Tracing, by `@opentelemetry/api` alone: spans go to the SDK that the operator has preloaded, and to nobody without one.
 *
 * Without an SDK the API's own tracer makes spans that are nothing but their parent, so a caller's trace is passed on
 * as it came; and where the caller has sent none, there is nothing to do at all. Which of them it is, is settled when
 * this is made: `--import` has run by then.
 *
 * INVARIANT: a span says no more of a request than its line in the access log. tests/contract/tracing.test.ts.
 */
import {
  context,
  type Context,
  isSpanContextValid,
  ProxyTracer,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';

import type { OutgoingCall, Trace, TracedCall } from '../shared/trace.js';
import { isSampled, readTraceContext, type TraceHeaders, traceHeaders } from './trace-context.js';

/** A request, as its span shows it. */
export interface TracedRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** Milliseconds since it came, where that was not just now. */
  readonly agoMs?: number;
}

/** How a request has ended. */
export interface RequestOutcome {
  readonly operationId: string | undefined;
  /** The path of its operation, with names in place of ids. */
  readonly route: string | undefined;
  /** Undefined: whoever asked has gone before. */
  readonly status: number | undefined;
}

/** The trace of a request that we answer, with the span that we add to it. */
export interface RequestTrace extends Trace {
  /** Runs `work` so that whoever looks for the span under way finds this one. */
  run<T>(work: () => T): T;
  end(outcome: RequestOutcome): void;
}

export interface Tracing {
  /** Begins the span of a request. Undefined: its caller traces nothing, and here nobody does. */
  startRequest(headers: TraceHeaders, request: TracedRequest): RequestTrace | undefined;
  /** Begins a call that is made for no request. Undefined: here nobody traces. */
  startCall(call: OutgoingCall): TracedCall | undefined;
}

/** Looks for the SDK; one that is registered later is not noticed. */
export function createTracing(): Tracing {
  const tracer = trace.getTracer('bailiwick');
  // What the API gives out for as long as nobody has registered anything.
  const hasSdk = !(tracer instanceof ProxyTracer);

  /** Where a span has its place: below the one that is under way, as of an SDK that watches HTTP too, or the caller's. */
  function placeOf(headers: TraceHeaders): Context {
    const here = hasSdk ? context.active() : ROOT_CONTEXT;
    if (trace.getSpan(here) !== undefined) return here;
    const sent = readTraceContext(headers);
    return sent === undefined ? here : trace.setSpanContext(here, sent);
  }

  function startCall({ name, attributes }: OutgoingCall, within: Context): TracedCall {
    const span = tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes: { ...attributes } }, within);
    const around = trace.setSpan(within, span);
    return {
      headers: isSpanContextValid(span.spanContext()) ? traceHeaders(span.spanContext()) : {},
      run: (work) => context.with(around, work),
      end: ({ status, failure }) => finish(span, { status, failure }),
    };
  }

  return {
    startRequest(headers, request) {
      if (!hasSdk && headers.traceparent === undefined) return undefined;
      const place = placeOf(headers);
      const { agoMs } = request;
      const span = tracer.startSpan(
        methodOf(request),
        {
          kind: SpanKind.SERVER,
          attributes: attributesOf(request),
          ...(agoMs === undefined ? {} : { startTime: Date.now() - agoMs }),
        },
        place,
      );
      const named = span.spanContext();
      if (!isSpanContextValid(named)) return undefined;
      const around = trace.setSpan(place, span);
      return {
        traceId: named.traceId,
        isSampled: isSampled(named),
        startCall: (call) => startCall(call, around),
        run: (work) => context.with(around, work),
        end: (outcome) => finishRequest(span, outcome),
      };
    },
    startCall: (call) => (hasSdk ? startCall(call, context.active()) : undefined),
  };
}

/** As the access log has it; the query may hold what is not ours to write down. */
function attributesOf(request: TracedRequest): Record<string, string> {
  return {
    'http.request.method': methodOf(request) === 'HTTP' ? '_OTHER' : request.method,
    'url.path': request.path.slice(0, 256),
    'url.scheme': 'http',
  };
}

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'CONNECT', 'TRACE']);

/** The method as the name of a span: a word that somebody made up is none. */
const methodOf = ({ method }: TracedRequest): string => (METHODS.has(method) ? method : 'HTTP');

function finishRequest(span: Span, { operationId, route, status }: RequestOutcome): void {
  if (operationId !== undefined) span.updateName(operationId);
  if (route !== undefined) span.setAttribute('http.route', route);
  // What is wrong with a request is no failure of ours.
  const failure = status === undefined ? 'aborted' : status >= 500 ? String(status) : undefined;
  finish(span, { status, failure });
}

function finish(span: Span, { status, failure }: { status: number | undefined; failure: string | undefined }): void {
  if (status !== undefined) span.setAttribute('http.response.status_code', status);
  if (failure !== undefined) span.setAttribute('error.type', failure).setStatus({ code: SpanStatusCode.ERROR });
  span.end();
}
