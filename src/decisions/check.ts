/**
 * One question, asked of the engine or answered by the decision cache: the path of `check` and of our own authorization
 * alike.
 *
 * INVARIANT: an answer is what the engine said, or would say, an allow has passed the gate, and both are in the journal
 * before anybody hears of them; everything else is a Problem. tests/integration/decisions.test.ts.
 */
import type { Deadline, RequestContext } from '../shared/operation.js';
import { Problem } from '../shared/problem.js';
import type { SyncGate } from '../shared/sync-gate.js';
import { EngineError } from '../shared/tuple.js';
import type { CallOptions, TupleStore } from '../shared/tuple.js';
import { within } from '../shared/within.js';
import type { DecisionCache } from './cache.js';
import type { DecisionApi, Journal } from './journal.js';
import type { Question } from './question.js';
import type { AskRows } from './rows.js';
import type { Shadow } from './shadow.js';

/** How long the engine may take over one question, in milliseconds: one that hangs ends in a 503 soon after. */
export const ENGINE_TIMEOUT_MS = 250;

export interface CheckerOptions {
  readonly tuples: TupleStore;
  readonly gate: SyncGate;
  readonly journal: Journal;
  /** Left out: every question is put to the engine. */
  readonly cache?: DecisionCache;
  readonly engineTimeoutMs?: number;
  /** Answers where the engine cannot, who may administer; left out, nobody does. */
  readonly askRows?: AskRows;
  /** Whether it answers everybody's checks then, because an operator has asked for that. */
  readonly isDegraded?: boolean;
  /** Hears of every answer that memory or the engine gave. */
  readonly shadow?: Shadow;
}

export interface Decision {
  readonly allowed: boolean;
  readonly decisionId: string;
  readonly modelId: string;
  /** The moment that the question was asked about. */
  readonly at: Date;
}

export interface Asking {
  readonly api: DecisionApi;
  readonly context: RequestContext;
  /** What must be done first; where it throws, nothing is asked. */
  readonly before?: () => Promise<void>;
  /** Why it is answered so; written down with the answer, and where it throws there is none. */
  readonly explain?: ((answer: { readonly allowed: boolean; readonly at: Date }) => Promise<object>) | undefined;
}

export interface Checker {
  /**
   * The engine's answer, written down. Throws Problem ENGINE_UNAVAILABLE, SYNC_LAG or AUDIT_UNAVAILABLE where there is
   * none, and what `before` throws.
   */
  check(question: Question, asking: Asking): Promise<Decision>;
}

export function createChecker(options: CheckerOptions): Checker {
  const { gate, journal, cache, askRows, isDegraded = false, shadow } = options;
  return {
    async check(question, { api, context, before, explain }) {
      const { userId, tenantId, permission, object } = question;
      const { deadline } = context;
      const decided = await journal.decide({ api, userId, tenantId, permission, object }, context, async () => {
        await before?.();
        const moment = journal.moment(tenantId);
        const limits = { deadline, isUrgent: api === 'authorize' };
        const { isAllowed, source } = await answerTo(question, moment.at, limits);
        // What the rows themselves say is behind nothing.
        if (isAllowed && source !== 'sql') await guard(gate, { tenantId, subjectUserId: userId, object }, deadline);
        const explanation = await explain?.({ allowed: isAllowed, at: moment.at });
        return { ...moment, answer: isAllowed ? 'allowed' : 'denied', source, explanation };
      });
      const { answer, decisionId, modelId, at, source } = decided;
      const allowed = answer === 'allowed';
      if (source !== 'sql') shadow?.(question, { allowed, at });
      return { allowed, decisionId, modelId, at };
    },
  };

  async function answerTo(question: Question, at: Date, limits: Limits): Promise<Answer> {
    const kept = cache?.look(question, at);
    if (kept !== undefined) return { isAllowed: kept, source: 'cache' };
    try {
      return { isAllowed: await ask(question, at, limits), source: 'engine' };
    } catch (error) {
      // Rights must still be taken away while the engine is gone, and the rows are what they are taken away in.
      const mayRows = isDegraded || limits.isUrgent;
      if (askRows === undefined || !mayRows || !isEngineAway(error)) throw error;
      return { isAllowed: await askRows(question, at, limits.deadline), source: 'sql' };
    }
  }

  async function ask(question: Question, at: Date, { deadline, isUrgent }: Limits): Promise<boolean> {
    const { tuples, engineTimeoutMs = ENGINE_TIMEOUT_MS } = options;
    // A call that others share ends neither with this request nor with the time that this one has; in traces it is the
    // call of whoever came first.
    const call = (isShared: boolean): Promise<boolean> =>
      tuples.check(
        { ...question.tuple, at, fresh: question.fresh },
        {
          ...(isShared ? { timeoutMs: engineTimeoutMs, trace: deadline.trace } : limitsOf(deadline, engineTimeoutMs)),
          isUrgent,
        },
      );
    if (cache === undefined) return await call(false);
    return await within(deadline, cache.ask(question, at, call), () => {
      const detail = 'the decision engine did not answer in time; this is neither a yes nor a no';
      return new Problem('ENGINE_UNAVAILABLE', detail, { retryAfterSeconds: 1 });
    });
  }
}

interface Limits {
  readonly deadline: Deadline;
  readonly isUrgent: boolean;
}

/** Who gave an answer. */
interface Answer {
  readonly isAllowed: boolean;
  readonly source: 'cache' | 'engine' | 'sql';
}

/** Whether it is the engine that could not answer, and nobody else. */
export function isEngineAway(error: unknown): boolean {
  if (error instanceof EngineError) return error.kind !== 'busy';
  return error instanceof Problem && error.code === 'ENGINE_UNAVAILABLE';
}

/** A call that lasts no longer than `timeoutMs`, nor than the request may. */
export function limitsOf(deadline: Deadline, timeoutMs: number): CallOptions {
  const { signal, trace } = deadline;
  return { timeoutMs: Math.min(deadline.remainingMs(), timeoutMs), signal, trace };
}

/** The gate's guard, within the deadline. Throws Problem SYNC_LAG. */
export async function guard(
  gate: SyncGate,
  allow: Parameters<SyncGate['guard']>[0],
  deadline: Deadline,
): Promise<void> {
  await within(deadline, gate.guard(allow), () => {
    return new Problem('SYNC_LAG', 'it cannot be told in time whether the access still stands', {
      retryAfterSeconds: 1,
    });
  });
}
