/**
 * The real engine behind `TupleStore`: OpenFGA over HTTP.
 *
 * Every call names the model, asks for HIGHER_CONSISTENCY (an operator may have turned the engine's caches on), has a
 * time limit of its own and is tried once, but for questions, which change nothing: one in ten of them may be tried
 * again where the engine could not be reached, and none is asked while it keeps failing (breaker.ts). Checks go by a way of
 * their own (engine-http.ts), all else by the SDK at its lower level (`OpenFgaApi`), because its client drops batch
 * answers that are missing and mutates its input.
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
import type {
  BatchCheckResponse,
  CheckRequestTupleKey,
  CheckResponse,
  RelationshipCondition,
  TupleKey as StoredKey,
} from '@openfga/sdk';

import { EngineError } from '../shared/tuple.js';
import type { CallOptions, EngineCheck, InForce, Tuple, TupleKey, TupleStore } from '../shared/tuple.js';
import { createCall, type EngineRequest } from './engine-call.js';
import { createEngineAgent, createEngineHttp } from './engine-http.js';
import type { EngineAddress } from './engine-http.js';
import { createSendTraced } from './engine-span.js';
import { engineErrorOfItem } from './openfga-error.js';
import { createSlots, type Slots } from './slots.js';
import type { Tracing } from './tracing.js';

/** OpenFGA's own limit for a page of Read. */
const TUPLES_PER_PAGE = 100;
/**
 * Questions under way at one time, in a batch or alone. OpenFGA 1.18 holds several of its 30 database connections for
 * one question; questions that wait for each other's connections wait for ever, and it does not recover (measured:
 * 48 at a time, and one BatchCheck of 50, where the bounds of a request let 100). So one process never asks more than this,
 * which at some 4 ms a question is as much as it can: on two cores 16 answered no more and left the service less of them.
 */
const QUESTIONS_AT_A_TIME = 10;
/** Of one tenant: all places but two, in the company of others an equal share; and what it may have waiting. */
const QUESTIONS_OF_ONE = { held: 8, least: 2, waiting: 256 };
/** How long a check stands in line for the engine at most, in milliseconds. */
export const PATIENCE_MS = 400;
/** Questions a BatchCheck: as many as one tenant may have under way. */
const CHECKS_PER_BATCH = 8;
/** Of one long list: the second is ready when the first is answered; others come in between. */
const BATCHES_AT_A_TIME = 2;

export interface TupleStoreOptions extends EngineAddress {
  readonly storeId: string;
  /** The model that every call names; asked for at each call. */
  readonly modelId: () => string;
  /** What bounds the questions under way at one time; its own, unless somebody else wants to know of it. */
  readonly slots?: Slots;
  /** How long a check may stand in line for the engine, in milliseconds; then it is refused. */
  readonly patienceMs?: number | undefined;
  /** Hears of every request once it is over. */
  readonly observe?: (request: EngineRequest) => void;
  /** Left out: only what is made for a traced request is part of a trace. */
  readonly tracing?: Tracing;
}

/** The SDK's low-level API, set up as everything of ours uses it. */
export function createEngineApi({ url, apiToken, ca }: EngineAddress): OpenFgaApi {
  return new OpenFgaApi({
    apiUrl: url.replace(/\/+$/, ''),
    retryParams: { maxRetry: 0 },
    baseOptions: { httpsAgent: createEngineAgent(ca) },
    // What the SDK would count is counted by `observe`.
    telemetry: { metrics: {} },
    ...(apiToken === undefined
      ? {}
      : { credentials: { method: CredentialsMethod.ApiToken, config: { token: apiToken } } }),
  });
}

/** The places for questions; the README says how many database connections an engine needs for them. */
export const createQuestionSlots = (): Slots => createSlots(QUESTIONS_AT_A_TIME, QUESTIONS_OF_ONE);

/** Makes the engine's port. Nothing is asked of the engine yet. */
export function createTupleStore(options: TupleStoreOptions): TupleStore {
  const { storeId, modelId } = options;
  const api = createEngineApi(options);
  const lean = createEngineHttp(options);
  const paths = { check: `/stores/${storeId}/check`, batchCheck: `/stores/${storeId}/batch-check` };
  const call = createCall({
    slots: options.slots ?? createQuestionSlots(),
    observe: options.observe ?? (() => undefined),
    sendTraced: createSendTraced(options),
    patienceMs: options.patienceMs ?? PATIENCE_MS,
  });
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
      const body = { checks, ...inForce() };
      // The form that OpenFGA's API states; what is missing in it is an error below.
      const answer = (await call(
        { method: 'batch_check', limits, questions: checks.length, about: questions[0]?.object },
        (http) => lean.post(paths.batchCheck, body, http),
      )) as Partial<BatchCheckResponse>;
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
      // The form that OpenFGA's API states; anything but a boolean is an error below.
      const { allowed } = (await call({ method: 'check', limits, questions: 1, about: question.object }, (http) =>
        lean.post(paths.check, body, http),
      )) as Partial<CheckResponse>;
      const answer = asAnswer(allowed);
      if (typeof answer === 'boolean') return answer;
      throw answer;
    },
    async batchCheck(questions, limits) {
      const answers = new Array<boolean | EngineError>(questions.length);
      const endsAt = performance.now() + limits.timeoutMs;
      let next = 0;
      const work = async (): Promise<void> => {
        for (let start = next; start < questions.length; start = next) {
          next = start + CHECKS_PER_BATCH;
          const left = { ...limits, timeoutMs: endsAt - performance.now() };
          const some = await checkBatch(questions.slice(start, start + CHECKS_PER_BATCH), left);
          for (const [index, answer] of some.entries()) answers[start + index] = answer;
        }
      };
      await Promise.all(Array.from({ length: BATCHES_AT_A_TIME }, work));
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
