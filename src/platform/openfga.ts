/**
 * The real engine behind `TupleStore`: OpenFGA over HTTP, by its own SDK.
 *
 * Every call names the model, asks for HIGHER_CONSISTENCY (an operator may have turned the engine's caches on), has a
 * time limit of its own and is tried once, but for questions, which change nothing: one in ten of them may be tried
 * again where the engine could not be reached, and none is asked while it keeps failing (breaker.ts). The SDK is used at its
 * lower level (`OpenFgaApi`), because its client drops batch answers that are missing and mutates its input.
 *
 * INVARIANT: an answer is a boolean that the engine gave; everything else is an EngineError, never `false`.
 * INVARIANT: a write is `applied: no` only where the engine cannot have got it, or has said that it refused it.
 * tests/integration/tuple-store.test.ts holds both, here and for the in-memory twin.
 */
import {
  ConsistencyPreference,
  CredentialsMethod,
  OpenFgaApi,
  WriteRequestDeletesOnMissing,
  WriteRequestWritesOnDuplicate,
} from '@openfga/sdk';
import type { CheckRequestTupleKey, RelationshipCondition, TupleKey as StoredKey } from '@openfga/sdk';

import { EngineError } from '../shared/tuple.js';
import type { CallOptions, EngineCheck, InForce, Tuple, TupleKey, TupleStore } from '../shared/tuple.js';
import { engineErrorOf, engineErrorOfItem } from './openfga-error.js';
import { createBreaker, createRetryBudget } from './breaker.js';
import { createSlots, type Slots } from './slots.js';

/** OpenFGA's own limit for a page of Read. */
const TUPLES_PER_PAGE = 100;
/**
 * Questions under way at one time, in a batch or alone. OpenFGA 1.18 holds several of its 30 database connections for
 * one question; questions that wait for each other's connections wait for ever, and it does not recover (measured:
 * 48 at a time, and one BatchCheck of 50, where the bounds of a request let 100). So it is never asked more than this.
 */
const QUESTIONS_AT_A_TIME = 16;
/** Questions a BatchCheck: few enough that a list leaves places to others. */
const CHECKS_PER_BATCH = 8;

export type EngineMethod = 'check' | 'batch_check' | 'write' | 'read' | 'list_objects';

/** One request to the engine, as metrics see it. */
export interface EngineRequest {
  readonly method: EngineMethod;
  readonly outcome: 'ok' | EngineError['kind'];
  readonly seconds: number;
}

export interface TupleStoreOptions {
  /** E.g. `http://127.0.0.1:8080`. */
  readonly url: string;
  readonly storeId: string;
  /** The model that every call names; asked for at each call. */
  readonly modelId: () => string;
  /** A preshared key of the engine, sent as Bearer token. */
  readonly apiToken?: string;
  /** What bounds the questions under way at one time; its own, unless somebody else wants to know of it. */
  readonly slots?: Slots;
  /** Hears of every request once it is over. */
  readonly observe?: (request: EngineRequest) => void;
}

/** The SDK's low-level API, set up as everything of ours uses it. */
export function createEngineApi({ url, apiToken }: { url: string; apiToken?: string | undefined }): OpenFgaApi {
  return new OpenFgaApi({
    apiUrl: url.replace(/\/+$/, ''),
    retryParams: { maxRetry: 0 },
    // What the SDK would count is counted by `observe`.
    telemetry: { metrics: {} },
    ...(apiToken === undefined
      ? {}
      : { credentials: { method: CredentialsMethod.ApiToken, config: { token: apiToken } } }),
  });
}

/** The places for questions: 16 suit an engine with its default of 30 database connections. */
export const createQuestionSlots = (): Slots => createSlots(QUESTIONS_AT_A_TIME);

/** Makes the engine's port. Nothing is asked of the engine yet. */
export function createTupleStore(options: TupleStoreOptions): TupleStore {
  const { storeId, modelId } = options;
  const api = createEngineApi(options);
  const call = createCall(options.slots ?? createQuestionSlots(), options.observe ?? (() => undefined));
  const inForce = () => ({
    authorization_model_id: modelId(),
    consistency: ConsistencyPreference.HigherConsistency,
  });

  async function checkBatch(
    questions: readonly EngineCheck[],
    limits: CallOptions,
  ): Promise<(boolean | EngineError)[]> {
    const checks = questions.map((question, index) => ({
      tuple_key: keyOnly(question),
      context: contextAt(question.at),
      correlation_id: String(index),
    }));
    try {
      const answer = await call({ method: 'batch_check', limits, questions: checks.length }, (http) =>
        api.batchCheck(storeId, { checks, ...inForce() }, http),
      );
      return questions.map((_, index) => {
        const item = answer.result?.[String(index)];
        return item?.error === undefined ? asAnswer(item?.allowed) : engineErrorOfItem(item.error);
      });
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      return questions.map(() => error);
    }
  }

  return {
    async check(question, limits) {
      const body = { tuple_key: keyOnly(question), context: contextAt(question.at), ...inForce() };
      const { allowed } = await call({ method: 'check', limits, questions: 1 }, (http) =>
        api.check(storeId, body, http),
      );
      const answer = asAnswer(allowed);
      if (typeof answer === 'boolean') return answer;
      throw answer;
    },
    async batchCheck(questions, limits) {
      const answers: (boolean | EngineError)[] = [];
      const endsAt = performance.now() + limits.timeoutMs;
      for (let start = 0; start < questions.length; start += CHECKS_PER_BATCH) {
        const left = { ...limits, timeoutMs: endsAt - performance.now() };
        answers.push(...(await checkBatch(questions.slice(start, start + CHECKS_PER_BATCH), left)));
      }
      return answers;
    },
    async write({ deletes, writes }, limits) {
      const body = {
        authorization_model_id: modelId(),
        ...(writes.length > 0 && {
          writes: { tuple_keys: writes.map(toStored), on_duplicate: WriteRequestWritesOnDuplicate.Ignore },
        }),
        ...(deletes.length > 0 && {
          deletes: { tuple_keys: deletes.map(keyOnly), on_missing: WriteRequestDeletesOnMissing.Ignore },
        }),
      };
      await call({ method: 'write', limits }, (http) => api.write(storeId, body, http));
    },
    async read(filter, continuation, limits) {
      const body = {
        page_size: TUPLES_PER_PAGE,
        consistency: ConsistencyPreference.HigherConsistency,
        ...(Object.keys(filter).length > 0 && { tuple_key: filter }),
        ...(continuation !== undefined && { continuation_token: continuation }),
      };
      const page = await call({ method: 'read', limits }, (http) => api.read(storeId, body, http));
      return {
        tuples: page.tuples.map(({ key }) => fromStored(key)),
        continuation: page.continuation_token === '' ? undefined : page.continuation_token,
      };
    },
    async listObjects({ user, relation, type, at }, limits) {
      const body = { user, relation, type, context: contextAt(at), ...inForce() };
      return (
        await call({ method: 'list_objects', limits, questions: 1 }, (http) => api.listObjects(storeId, body, http))
      ).objects;
    },
  };
}

interface Call {
  readonly method: EngineMethod;
  readonly limits: CallOptions;
  /** How many questions it asks the engine; none for reads and writes of tuples. */
  readonly questions?: number;
}

type Send<T> = (http: object) => Promise<T>;

/** One request: bounded as a whole (the HTTP client's own time limit counts idle time only), observed, translated. */
function createCall(
  slots: Slots,
  observe: (request: EngineRequest) => void,
): <T>(call: Call, send: Send<T>) => Promise<T> {
  const ask = createAsk();
  return async ({ method, limits, questions = 0 }, send) => {
    const startedAt = performance.now();
    const abort = new AbortController();
    const stop = (): void => abort.abort();
    const timer = setTimeout(stop, Math.max(0, limits.timeoutMs));
    limits.signal?.addEventListener('abort', stop, { once: true });
    let outcome: EngineRequest['outcome'] = 'ok';
    let giveBack: (() => void) | undefined;
    try {
      if (limits.timeoutMs <= 0 || limits.signal?.aborted === true) {
        throw new EngineError('no time was left to ask the engine', { kind: 'timeout', applied: 'no' });
      }
      if (questions > 0) giveBack = await slots.take(questions, abort.signal);
      // A redirect or a proxy out of the environment would send questions elsewhere; `timeout: 0` leaves it to `signal`.
      const once = (): ReturnType<typeof send> =>
        send({ signal: abort.signal, timeout: 0, maxRedirects: 0, proxy: false });
      return await (questions > 0 ? ask(once, abort.signal) : once());
    } catch (error) {
      const failure = engineErrorOf(error, { isWrite: method === 'write', wasStopped: abort.signal.aborted });
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

function asAnswer(allowed: boolean | undefined): boolean | EngineError {
  if (typeof allowed === 'boolean') return allowed;
  return new EngineError('the engine did not answer the question', { kind: 'unavailable', applied: 'no' });
}

function contextAt(at: Date): { current_time: string } {
  return { current_time: at.toISOString() };
}

function keyOnly({ user, relation, object }: TupleKey): CheckRequestTupleKey {
  return { user, relation, object };
}

function toStored(tuple: Tuple): StoredKey {
  const { condition } = tuple;
  if (condition === undefined) return keyOnly(tuple);
  const context = { valid_from: condition.validFrom, expires_at: condition.expiresAt };
  return { ...keyOnly(tuple), condition: { name: 'in_force', context } };
}

function fromStored({ user, relation, object, condition }: StoredKey): Tuple {
  const tuple = { user, relation, object };
  // protobuf's JSON gives null where there is none
  return condition === undefined || (condition as unknown) === null
    ? tuple
    : { ...tuple, condition: windowOf(condition) };
}

/** What somebody else stored may lack an end: it then equals no window of ours, and reconcile sees it. */
function windowOf({ context }: RelationshipCondition): InForce {
  // The engine gives a condition's context as whatever JSON was stored.
  const { valid_from: validFrom, expires_at: expiresAt } = (context ?? {}) as Record<string, unknown>;
  return {
    validFrom: typeof validFrom === 'string' ? validFrom : '',
    expiresAt: typeof expiresAt === 'string' ? expiresAt : '',
  };
}
