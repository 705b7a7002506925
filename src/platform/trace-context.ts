/**
 * W3C Trace Context: the two headers by which programs tell each other which trace a request is part of.
 *
 * They come from anybody. A `traceparent` that is not exactly of the form is as if it had not been sent, and then there
 * is no `tracestate` either; a bad `tracestate` is left out whole. What is passed on is written anew out of what was
 * understood, so that nothing else of a caller's gets to the engine or into the log. tests/unit/trace-context.test.ts.
 */
import { isSpanContextValid, type SpanContext } from '@opentelemetry/api';

import { readTraceState } from './trace-state.js';

/** The two headers as they came; Node joins what is sent twice, which no `traceparent` survives. */
export interface TraceHeaders {
  readonly traceparent: string | string[] | undefined;
  readonly tracestate: string | string[] | undefined;
}

/** Version, trace, parent, flags; what a later version adds comes after another hyphen. */
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** The flags that are known: sampled, and that the id of the trace is random. */
const SAMPLED = 0x01;
const KNOWN_FLAGS = 0x03;

/** Undefined: none was sent, or none that is valid. */
export function readTraceContext({ traceparent, tracestate }: TraceHeaders): SpanContext | undefined {
  if (typeof traceparent !== 'string') return undefined;
  const [, version, traceId = '', spanId = '', flags = '', more] = TRACEPARENT.exec(traceparent) ?? [];
  if (version === undefined || version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  // Of a version that is not known, one flag is.
  const known = version === '00' ? KNOWN_FLAGS : SAMPLED;
  const sent = { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & known, isRemote: true };
  if (!isSpanContextValid(sent)) return undefined;
  const traceState = typeof tracestate === 'string' ? readTraceState(tracestate) : undefined;
  return traceState === undefined ? sent : { ...sent, traceState };
}

/** What a request to another server says, so that it is part of the same trace. */
export function traceHeaders({ traceId, spanId, traceFlags, traceState }: SpanContext): Record<string, string> {
  const flags = (traceFlags & KNOWN_FLAGS).toString(16).padStart(2, '0');
  const traceparent = `00-${traceId}-${spanId}-${flags}`;
  const tracestate = traceState?.serialize() ?? '';
  return tracestate === '' ? { traceparent } : { traceparent, tracestate };
}

/** Whether somebody keeps the trace. */
export const isSampled = ({ traceFlags }: SpanContext): boolean => (traceFlags & SAMPLED) === SAMPLED;
