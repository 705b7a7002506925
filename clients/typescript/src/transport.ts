/**
 * One question to the service: its deadline, its one more try, and what of the outcome is an answer.
 *
 * Everything that is asked here reads, so asking again harms nobody; a check that is asked twice is two entries of the
 * decision log. Asked again is once, and only what may have another outcome within the time that is left: a connection that
 * broke, or a 502, 503 or 504 that does not ask for more patience than that. What timed out is not asked again.
 * INVARIANT: resolves with an answer of the contract's form, or rejects with BailiwickError; never later than the deadline.
 */
import { fieldsOf } from './answers.js';
import { BailiwickError } from './error.js';

export interface TransportOptions {
  /** Where the service is, without `/api/v1`: `http://127.0.0.1:7080`. */
  readonly url: string;
  /** A service key, or what gives the one of now. */
  readonly credential: string | (() => string | Promise<string>);
  /** How long a call may take that does not say; 1,000 where left out. At most 10,000. */
  readonly timeoutMs?: number | undefined;
  readonly fetch?: typeof fetch | undefined;
}

/** What a single call may say. */
export interface CallOptions {
  /** Ends the call; it then rejects with `ABORTED`. */
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
  /** The `syncToken` of a write: the answer is not older than it. */
  readonly syncToken?: string | undefined;
}

export interface Question<Answer> {
  readonly path: string;
  readonly body: object;
  readonly isAnswer: (value: unknown) => value is Answer;
}

export type Ask = <Answer>(question: Question<Answer>, options?: CallOptions) => Promise<Answer>;

const TIMEOUT_MS = { usual: 1_000, max: 10_000 };
/** Before the other try, where the service does not say: long enough for a connection to be replaced. */
const PAUSE_MS = { min: 20, spread: 60 };
const MAY_PASS = new Set([502, 503, 504]);

/** Throws TypeError where the address is none. */
export function createAsk(options: TransportOptions): Ask {
  const base = baseOf(options.url);
  const send = options.fetch ?? fetch;
  return async (question, call = {}) => {
    const timeoutMs = Math.min(call.timeoutMs ?? options.timeoutMs ?? TIMEOUT_MS.usual, TIMEOUT_MS.max);
    const endsAt = performance.now() + timeoutMs;
    const leftMs = (): number => endsAt - performance.now();
    const clock = startClock(timeoutMs, call.signal);
    const once = async (): Promise<Response> => {
      clock.signal.throwIfAborted();
      const { credential } = options;
      return await send(base + question.path, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          authorization: `Bearer ${typeof credential === 'string' ? credential : await credential()}`,
          'timeout-ms': String(Math.max(1, Math.floor(leftMs()))),
          ...(call.syncToken === undefined ? {} : { 'x-sync-token': call.syncToken }),
        },
        body: JSON.stringify(question.body),
        // Whoever answers with another address is not who the credential is for.
        redirect: 'error',
        signal: clock.signal,
      });
    };
    const attempt = async () => {
      try {
        return await answerOf(await once(), question.isAnswer);
      } catch (error) {
        throw clock.failure() ?? asFailure(error);
      }
    };
    try {
      return await attempt().catch(async (error: unknown) => {
        const pauseMs = pauseBeforeRetry(error);
        if (pauseMs === undefined || pauseMs >= leftMs()) throw error;
        await clock.sleep(pauseMs);
        return await attempt();
      });
    } finally {
      clock.stop();
    }
  };
}

function baseOf(url: string): string {
  const { protocol, username, password, search, hash, href } = new URL(url);
  if (!/^https?:$/.test(protocol) || username + password + search + hash !== '') {
    throw new TypeError('`url` must be an http or https address without credentials, query or fragment');
  }
  return `${href.replace(/\/$/, '')}/api/v1`;
}

/** The time of one call, and its caller's signal, as one signal that nothing but the call holds on to. */
function startClock(timeoutMs: number, outer: AbortSignal | undefined) {
  const controller = new AbortController();
  let failure: BailiwickError | undefined;
  const end = (code: string, detail: string): void => {
    failure ??= new BailiwickError(code, detail);
    controller.abort(failure);
  };
  const timer = setTimeout(() => end('TIMED_OUT', `no answer within ${String(timeoutMs)} ms`), timeoutMs);
  const onAbort = (): void => end('ABORTED', 'the caller gave up');
  if (outer?.aborted === true) onAbort();
  else outer?.addEventListener('abort', onAbort, { once: true });
  return {
    signal: controller.signal,
    failure: () => failure,
    sleep: (ms: number) =>
      new Promise<void>((resolve) => {
        const awake = (): void => {
          clearTimeout(pause);
          controller.signal.removeEventListener('abort', awake);
          resolve();
        };
        const pause = setTimeout(awake, ms);
        controller.signal.addEventListener('abort', awake, { once: true });
      }),
    stop: () => {
      clearTimeout(timer);
      outer?.removeEventListener('abort', onAbort);
    },
  };
}

/** Milliseconds; undefined: asking again would have the same outcome, or comes too late. */
function pauseBeforeRetry(error: unknown): number | undefined {
  if (!(error instanceof BailiwickError)) return undefined;
  const mayPass = error.code === 'UNREACHABLE' || (error.status !== undefined && MAY_PASS.has(error.status));
  if (!mayPass) return undefined;
  const { retryAfterSeconds } = error;
  const least = retryAfterSeconds === undefined ? PAUSE_MS.min : retryAfterSeconds * 1_000;
  return least + Math.random() * PAUSE_MS.spread;
}

async function answerOf<Answer>(response: Response, isAnswer: (value: unknown) => value is Answer): Promise<Answer> {
  const text = await response.text();
  const { status, headers } = response;
  const requestId = headers.get('x-request-id') ?? undefined;
  const body = parsed(text);
  if (status === 200) {
    if (isAnswer(body)) return body;
    throw new BailiwickError('BAD_ANSWER', 'the answer is not as the contract says', { requestId });
  }
  const { code, detail, errors } = fieldsOf(body);
  const after = Number(headers.get('retry-after') ?? Number.NaN);
  const more = { status, requestId, retryAfterSeconds: after >= 0 ? after : undefined };
  if (typeof code !== 'string') {
    throw new BailiwickError('BAD_ANSWER', `${String(status)} from something that is not Bailiwick`, more);
  }
  const fields = Array.isArray(errors) ? errors.map((fault: unknown) => String(fieldsOf(fault)['field'])) : [];
  throw new BailiwickError(code, typeof detail === 'string' ? detail : code, { ...more, fields });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function asFailure(error: unknown): BailiwickError {
  if (error instanceof BailiwickError) return error;
  return new BailiwickError('UNREACHABLE', 'the service could not be reached', { cause: error });
}
