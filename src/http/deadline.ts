/** One deadline a request: what the caller allows in `timeout-ms`, or the default, and never past a hang-up. */
import { setMaxListeners } from 'node:events';
import { performance } from 'node:perf_hooks';

import type { Deadline } from '../shared/operation.js';
import type { Trace } from '../shared/trace.js';

/** Milliseconds that a request may take when it does not say. */
export const DEFAULT_TIMEOUT_MS = 1_000;
const MAX_TIMEOUT_MS = 10_000;

export interface RunningDeadline extends Deadline {
  /** The caller has gone: aborts at once. */
  hangUp(): void;
  /** The request is over: releases the timer. */
  end(): void;
}

/** The `timeout-ms` header: milliseconds; undefined where it was not sent; `invalid` where it is no such number. */
export function parseTimeoutMs(header: string | string[] | undefined): number | undefined | 'invalid' {
  if (header === undefined) return undefined;
  if (typeof header !== 'string' || !/^[0-9]{1,5}$/.test(header)) return 'invalid';
  const timeoutMs = Number(header);
  return timeoutMs >= 1 && timeoutMs <= MAX_TIMEOUT_MS ? timeoutMs : 'invalid';
}

/** Starts a deadline that ends `timeoutMs` from now, for a request that is part of `trace`. */
export function startDeadline(timeoutMs: number, trace?: Trace): RunningDeadline {
  const endsAt = performance.now() + timeoutMs;
  const controller = new AbortController();
  // All that is done for one request listens to it: a batch has a thousand answers to write down.
  setMaxListeners(0, controller.signal);
  const abort = (name: string, message: string): void => controller.abort(new DOMException(message, name));
  const timer = setTimeout(() => abort('TimeoutError', 'the deadline of the request has passed'), timeoutMs);
  return {
    signal: controller.signal,
    trace,
    remainingMs: () => Math.max(0, endsAt - performance.now()),
    hangUp: () => {
      clearTimeout(timer);
      abort('AbortError', 'the caller has hung up');
    },
    end: () => clearTimeout(timer),
  };
}
