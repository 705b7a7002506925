/**
 * An SDK of OpenTelemetry as small as can be: it keeps what it is told in memory. Whoever composes something after
 * `recordSpans` finds it, as if it had been preloaded with `--import`.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';

import { context, ROOT_CONTEXT, trace, TraceFlags } from '@opentelemetry/api';
import type { Attributes, Context, ContextManager, Span, SpanContext, SpanOptions } from '@opentelemetry/api';

export interface RecordedSpan {
  name: string;
  readonly kind: SpanOptions['kind'];
  readonly context: SpanContext;
  /** The span above it, wherever that is. */
  readonly parent: SpanContext | undefined;
  readonly startTime: SpanOptions['startTime'];
  readonly attributes: Attributes;
  statusCode: number;
  /** How many times. */
  ended: number;
}

export interface Recording {
  readonly spans: RecordedSpan[];
  stop(): void;
}

/** Registers it for this process; `stop` takes it out again. */
export function recordSpans(): Recording {
  const spans: RecordedSpan[] = [];
  const getTracer = () => ({
    startSpan: (name: string, options: SpanOptions = {}, within: Context = context.active()): Span => {
      const parent = trace.getSpanContext(within);
      const recorded: RecordedSpan = {
        ...{ name, kind: options.kind, parent, startTime: options.startTime },
        context: {
          traceId: parent?.traceId ?? randomBytes(16).toString('hex'),
          spanId: randomBytes(8).toString('hex'),
          traceFlags: parent?.traceFlags ?? TraceFlags.SAMPLED,
          ...(parent?.traceState === undefined ? {} : { traceState: parent.traceState }),
        },
        attributes: { ...options.attributes },
        ...{ statusCode: 0, ended: 0 },
      };
      spans.push(recorded);
      return spanOf(recorded);
    },
    startActiveSpan: (): never => {
      throw new Error('nothing of ours starts spans so');
    },
  });
  const isTaken = trace.setGlobalTracerProvider({ getTracer }) && context.setGlobalContextManager(contextManager());
  if (!isTaken) throw new Error('an SDK is registered already');
  return {
    spans,
    stop: () => {
      trace.disable();
      context.disable();
    },
  };
}

function spanOf(recorded: RecordedSpan): Span {
  const span: Span = {
    spanContext: () => recorded.context,
    setAttribute: (name, value) => {
      recorded.attributes[name] = value;
      return span;
    },
    setAttributes: (attributes) => {
      Object.assign(recorded.attributes, attributes);
      return span;
    },
    setStatus: ({ code }) => {
      recorded.statusCode = code;
      return span;
    },
    updateName: (name) => {
      recorded.name = name;
      return span;
    },
    addEvent: () => span,
    addLink: () => span,
    addLinks: () => span,
    recordException: () => undefined,
    isRecording: () => recorded.ended === 0,
    end: () => {
      recorded.ended += 1;
    },
  };
  return span;
}

function contextManager(): ContextManager {
  const storage = new AsyncLocalStorage<Context>();
  const manager: ContextManager = {
    active: () => storage.getStore() ?? ROOT_CONTEXT,
    with: (within, work, ...[self, ...given]) => storage.run(within, () => work.apply(self, given)),
    bind: (_within, target) => target,
    enable: () => manager,
    disable: () => manager,
  };
  return manager;
}
