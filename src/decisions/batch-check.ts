/**
 * Many questions at once, each a decision of its own.
 *
 * Every question passes through the journal like one that was asked alone, so the log holds a row for each answer; the
 * work behind them is shared: the token is waited for once, a caller's right is decided once a tenant, and of questions
 * that are the same one is asked. What is kept is answered from memory (cache.ts); the rest is put to the engine in
 * batches whose answers come back by our own correlation ids (src/platform/openfga.ts, where an id that is missing is an
 * error).
 *
 * INVARIANT: an answer stands at the index of its question; what could not be answered is an error there, never an
 * allow and never a denial. tests/integration/batch-check.test.ts.
 */
import type { RequestContext } from '../shared/operation.js';
import { Problem } from '../shared/problem.js';
import type { SyncGate } from '../shared/sync-gate.js';
import { EngineError } from '../shared/tuple.js';
import type { CallOptions, TupleStore } from '../shared/tuple.js';
import type { Admission } from './admission.js';
import type { DecisionCache } from './cache.js';
import { guard, isEngineAway, limitsOf } from './check.js';
import type { Journal, Outcome } from './journal.js';
import { batchTimeoutMs } from './page-walk.js';
import type { Question } from './question.js';
import type { AskRows } from './rows.js';

export interface BatchCheckerOptions {
  readonly tuples: TupleStore;
  readonly gate: SyncGate;
  readonly journal: Journal;
  readonly admission: Admission;
  /** Answers where the engine cannot; left out, nobody does. */
  readonly askRows?: AskRows;
  /** Left out: every question is put to the engine. */
  readonly cache?: Pick<DecisionCache, 'look' | 'expect'>;
}

/** The answer to one question of a batch. */
export type BatchAnswer = { readonly allowed: boolean; readonly decisionId: string } | { readonly problem: Problem };

export interface BatchAsking {
  readonly context: RequestContext;
  readonly syncToken: string | undefined;
}

export interface BatchChecker {
  /**
   * An answer to each question, at its index; a question that could not be read is the Problem that says why.
   * Throws the Problem of the sync token, which holds for all.
   */
  check(questions: readonly (Question | Problem)[], asking: BatchAsking): Promise<BatchAnswer[]>;
}

export function createBatchChecker(options: BatchCheckerOptions): BatchChecker {
  const { journal, admission } = options;
  return {
    async check(questions, { context, syncToken }) {
      const token = admission.awaitToken(syncToken, context);
      const mayAsk = createRights(context, admission);
      const ask = token.then(async () => {
        const read = questions.flatMap((question) => (question instanceof Problem ? [] : [question]));
        const admitted = await Promise.all(read.map((question) => mayAsk(question).then(...YES_OR_NO)));
        return askEngine(
          read.filter((_, index) => admitted[index] === true),
          { context, options },
        );
      });
      // Where no question could be read, nobody else waits for it.
      ask.catch(() => undefined);
      const answers = await Promise.all(
        questions.map(async (question): Promise<BatchAnswer> => {
          if (question instanceof Problem) return { problem: question };
          return await decideOne(question, { context, journal }, async () => {
            const engine = await ask;
            await mayAsk(question);
            return await engine(question);
          });
        }),
      );
      // What is late for one is late for all; each has been written down as undecided.
      await token;
      return answers;
    },
  };
}

const YES_OR_NO = [() => true, () => false] as const;

/** Whether the caller may ask: looked at once for each tenant and each "about oneself or another". */
function createRights(context: RequestContext, admission: Admission): (question: Question) => Promise<void> {
  const looked = new Map<string, Promise<void>>();
  const { caller } = context;
  return (question) => {
    const isOwn = caller.kind === 'user' && caller.actorUserId === question.userId;
    const key = `${isOwn ? 'own' : 'other'} ${question.tenantId}`;
    const right = looked.get(key) ?? admission.mayAsk(question, context);
    looked.set(key, right);
    return right;
  };
}

type Engine = (question: Question) => Promise<Outcome>;

/** Gives each question its answer; those that are not kept are put to the engine, the same ones once. */
function askEngine(
  questions: readonly Question[],
  { context: { deadline }, options }: { context: RequestContext; options: BatchCheckerOptions },
): Engine {
  const { gate, journal, askRows } = options;
  const distinct = [...new Map(questions.map((question) => [question.key, question])).values()];
  // What is in force is read before the engine is asked, for each tenant; the moment is the same for all.
  const moments = new Map(distinct.map(({ tenantId }) => [tenantId, journal.moment(tenantId)]));
  const { at } = journal.moment(distinct[0]?.tenantId ?? '');
  const given = answersTo(distinct, { at, limits: limitsOf(deadline, batchTimeoutMs(deadline)), options });
  const answers = new Map([...given].map(([question, answer]) => [question.key, admitted(question, answer)]));
  return async (question) => {
    const answer = await answers.get(question.key);
    if (answer === undefined) throw new Error('a question was not put to the engine');
    return { at, syncPosition: moments.get(question.tenantId)?.syncPosition, ...answer };
  };

  function admitted(question: Question, given: Promise<Given>): Promise<Answered> {
    const { userId, tenantId, object } = question;
    const fromRows = async (error: unknown): Promise<Given> => {
      if (askRows === undefined || !isEngineAway(error)) throw error;
      return { isAllowed: await askRows(question, at, deadline), source: 'sql' };
    };
    const answer = given.catch(fromRows).then(async ({ isAllowed, source }): Promise<Answered> => {
      if (isAllowed && source !== 'sql') await guard(gate, { tenantId, subjectUserId: userId, object }, deadline);
      return { answer: isAllowed ? 'allowed' : 'denied', source };
    });
    // Each is awaited by whoever asked it; that may be later than it fails.
    answer.catch(() => undefined);
    return answer;
  }
}

type Answered = Pick<Outcome, 'answer' | 'source'>;

/** What memory, the engine or the rows said. */
interface Given {
  readonly isAllowed: boolean;
  readonly source: 'cache' | 'engine' | 'sql';
}

function answersTo(
  questions: readonly Question[],
  { at, limits, options: { tuples, cache } }: { at: Date; limits: CallOptions; options: BatchCheckerOptions },
): ReadonlyMap<Question, Promise<Given>> {
  const answers = new Map<Question, Promise<Given>>();
  /** In the order in which they are asked. */
  const asked: { readonly question: Question; readonly keep: (isAllowed: boolean) => void }[] = [];
  for (const question of questions) {
    const kept = cache?.look(question, at);
    if (kept !== undefined) answers.set(question, Promise.resolve({ isAllowed: kept, source: 'cache' }));
    // What the answer will stand on is read here, and so before the engine is asked.
    else asked.push({ question, keep: cache?.expect(question, at) ?? (() => undefined) });
  }
  const all =
    asked.length === 0
      ? Promise.resolve([])
      : tuples.batchCheck(
          asked.map(({ question: { tuple, fresh } }) => ({ ...tuple, at, fresh })),
          limits,
        );
  for (const [index, { question, keep }] of asked.entries()) {
    const answer = all.then((said): Given => {
      const isAllowed = said[index];
      if (typeof isAllowed !== 'boolean') {
        throw isAllowed ?? new EngineError('an answer is missing', { kind: 'unavailable', applied: 'no' });
      }
      keep(isAllowed);
      return { isAllowed, source: 'engine' };
    });
    answers.set(question, answer);
  }
  return answers;
}

async function decideOne(
  question: Question,
  { context, journal }: { context: RequestContext; journal: Journal },
  decide: () => Promise<Outcome>,
): Promise<BatchAnswer> {
  const { userId, tenantId, permission, object } = question;
  try {
    const subject = { api: 'batch-check', userId, tenantId, permission, object } as const;
    const { answer, decisionId } = await journal.decide(subject, context, decide);
    return { allowed: answer === 'allowed', decisionId };
  } catch (error) {
    // A bug stays one, and ends the request.
    if (error instanceof Problem) return { problem: error };
    throw error;
  }
}
