/**
 * One call to the engine: bounded in time as a whole, counted, perhaps tried again, and its failure put into our words.
 *
 * Only questions are tried twice, and only they count for the breaker: a write of unknown outcome must not be sent again
 * by anybody but the projector.
 */
import { EngineError } from '../shared/tuple.js';
import type { CallOptions } from '../shared/tuple.js';
import { createBreaker, createRetryBudget } from './breaker.js';
import type { SendTraced } from './engine-span.js';
import { engineErrorOf } from './openfga-error.js';
import { TooManyWaiting } from './slots.js';
import type { Slots } from './slots.js';

export type EngineMethod = 'check' | 'batch_check' | 'write' | 'read' | 'list_objects';

/** One request to the engine, as metrics see it. */
export interface EngineRequest {
  readonly method: EngineMethod;
  readonly outcome: 'ok' | EngineError['kind'];
  readonly seconds: number;
}

interface Call {
  readonly method: EngineMethod;
  readonly limits: CallOptions;
  /** How many questions it asks the engine, and about which object first; none for reads and writes of tuples. */
  readonly questions?: number;
  readonly about?: string | undefined;
}

type Send<T> = (http: HttpLimits) => Promise<T>;

/** What a request is sent with; the SDK takes it as it is. */
export interface HttpLimits {
  readonly signal: AbortSignal;
  readonly timeout: 0;
  readonly maxRedirects: 0;
  readonly proxy: false;
  /** The trace that it belongs to, if it belongs to one. */
  readonly headers: Readonly<Record<string, string>>;
}

/** How long a check stands in line for the engine. */
export interface InLine {
  readonly slots: Slots;
  /** How long one may, in milliseconds: whoever waits longer has gone by then, or will try again. */
  readonly patienceMs: number;
}

export interface CallerOptions extends InLine {
  readonly observe: (request: EngineRequest) => void;
  readonly sendTraced: SendTraced;
}

/** Whether a check about a tenant would be refused now as one that has to wait for too long. */
export function createLineLook({ slots, patienceMs }: InLine): (tenantId: string) => boolean {
  return (tenantId) => slots.isTooLong({ line: tenantId, withinMs: patienceMs / 2 });
}

/** One request: bounded as a whole (the HTTP client's own time limit counts idle time only), observed, translated. */
export function createCall({
  slots,
  observe,
  sendTraced,
  patienceMs,
}: CallerOptions): <T>(call: Call, send: Send<T>) => Promise<T> {
  const ask = createAsk();
  return async ({ method, limits, questions = 0, about = '' }, send) => {
    const startedAt = performance.now();
    const abort = new AbortController();
    const stop = (): void => abort.abort();
    const timer = setTimeout(stop, Math.max(0, limits.timeoutMs));
    limits.signal?.addEventListener('abort', stop, { once: true });
    const meaning = (error: unknown): EngineError =>
      engineErrorOf(error, { isWrite: method === 'write', wasStopped: abort.signal.aborted });
    const traced = { method, trace: limits.trace, kindOf: (error: unknown) => meaning(error).kind };
    let outcome: EngineRequest['outcome'] = 'ok';
    let giveBack: (() => void) | undefined;
    try {
      if (limits.timeoutMs <= 0 || limits.signal?.aborted === true) {
        throw new EngineError('no time was left to ask the engine', { kind: 'timeout', applied: 'no' });
      }
      if (questions > 0) {
        const line = lineOf(about, limits.isUrgent);
        const isHurried = method === 'check' && limits.isUrgent !== true;
        const where = isHurried ? { line, withinMs: patienceMs / 2 } : { line };
        const inLine = (signal: AbortSignal): Promise<() => void> => slots.take(questions, signal, where);
        giveBack = await (isHurried ? forSoLong(patienceMs, abort.signal, inLine) : inLine(abort.signal)).catch(
          refuseBusy,
        );
      }
      // A redirect or a proxy out of the environment would send questions elsewhere; `timeout: 0` leaves it to `signal`.
      const http = { signal: abort.signal, timeout: 0, maxRedirects: 0, proxy: false } as const;
      const once = (): ReturnType<typeof send> => sendTraced(traced, (headers) => send({ ...http, headers }));
      return await (questions > 0 ? ask(once, abort.signal) : once());
    } catch (error) {
      const failure = meaning(error);
      outcome = failure.kind;
      throw failure;
    } finally {
      giveBack?.();
      clearTimeout(timer);
      limits.signal?.removeEventListener('abort', stop);
      observe({ method, outcome, seconds: (performance.now() - startedAt) / 1000 });
    }
  };
}

/** One for each tenant, `acme` of `record:acme/deal-1` and `tenant:acme`, and one for what is urgent there. */
function lineOf(object: string, isUrgent = false): string {
  const tenantId = object.slice(object.indexOf(':') + 1).split('/', 1)[0] ?? '';
  return isUrgent ? `${tenantId} urgent` : tenantId;
}

/** Waits with a signal that aborts with `outer`, or with TooManyWaiting once the time is over. */
async function forSoLong<T>(ms: number, outer: AbortSignal, wait: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const inner = new AbortController();
  const timer = setTimeout(() => inner.abort(new TooManyWaiting('a check has stood in line for too long')), ms);
  const stop = (): void => inner.abort(outer.reason);
  outer.addEventListener('abort', stop, { once: true });
  try {
    return await wait(inner.signal);
  } finally {
    clearTimeout(timer);
    outer.removeEventListener('abort', stop);
  }
}

function refuseBusy(error: unknown): never {
  if (!(error instanceof TooManyWaiting)) throw error;
  const message = 'too many questions of this tenant wait for the engine';
  throw new EngineError(message, { kind: 'busy', applied: 'no' }, { cause: error });
}

/** A question that ended sooner without an answer says nothing of the engine: its caller had no time. */
const SILENCE_MS = 100;

/** Sends a question, perhaps twice, and not at all while the engine keeps failing. Throws what the last try threw. */
function createAsk(): <T>(send: () => Promise<T>, signal: AbortSignal) => Promise<T> {
  const breaker = createBreaker();
  const retries = createRetryBudget();
  const once = async <T>(send: () => Promise<T>, signal: AbortSignal): Promise<T> => {
    if (!breaker.mayPass()) {
      throw new EngineError('the engine keeps failing', { kind: 'unavailable', applied: 'no' });
    }
    const sentAt = performance.now();
    try {
      const answer = await send();
      breaker.record(false);
      return answer;
    } catch (error) {
      const { kind } = engineErrorOf(error, { isWrite: false, wasStopped: signal.aborted });
      const isSilent = kind === 'timeout' && performance.now() - sentAt >= SILENCE_MS;
      // A caller who has hung up, or a question that the engine refuses, is no failure and no success.
      if (kind === 'unavailable' || isSilent) breaker.record(true);
      throw error;
    }
  };
  return async (send, signal) => {
    retries.earn();
    try {
      return await once(send, signal);
    } catch (error) {
      const { kind } = engineErrorOf(error, { isWrite: false, wasStopped: signal.aborted });
      if (error instanceof EngineError || kind !== 'unavailable' || !retries.spend()) throw error;
      return await once(send, signal);
    }
  };
}
