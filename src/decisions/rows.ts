/**
 * A question put to the rows instead of the engine: by the recursive query of facts-store.ts, the projection that the
 * tuples are made by, and the model that the engine is given.
 *
 * It is what says who may administer while the engine cannot, what a check is answered from then where an operator wants
 * it (`BAILIWICK_DEGRADED=sql`), and what one live check in a hundred is held against all the time (shadow.ts), so that it
 * is no path that only an outage takes. Rows are the truth,
 * so such an answer is never behind them. It is bounded: few at a time, within the request's deadline, and no answer
 * where the rows are more than are looked at. tests/integration/degraded.test.ts.
 */
import type { Pool } from '../platform/postgres.js';
import { createSlots } from '../platform/slots.js';
import type { Deadline } from '../shared/operation.js';
import { Problem } from '../shared/problem.js';
import { within } from '../shared/within.js';
import { FACTS_TX, wantedFor } from './explain.js';
import { createFactsEvaluator } from './facts-evaluator.js';
import { loadFacts } from './facts-store.js';
import { createPace } from './pace.js';
import type { Question } from './question.js';

/** Throws Problem ENGINE_UNAVAILABLE, DATABASE_UNAVAILABLE or OVERLOADED where there is no answer. */
export type AskRows = (question: Question, at: Date, deadline: Deadline) => Promise<boolean>;

/** Of the pool's connections: the decision log, service keys and sessions need theirs. */
const AT_A_TIME = 4;
const WAITING_MAX = 256;

/** `pool` is of role `bailiwick_service`. */
export function createAskRows(pool: Pool): AskRows {
  const slots = createSlots(AT_A_TIME);
  return async (question, at, deadline) => {
    if (slots.waiting() >= WAITING_MAX) {
      throw new Problem('OVERLOADED', 'too many questions wait to be answered from the rows', { retryAfterSeconds: 1 });
    }
    const giveBack = await slots.take(1, deadline.signal).catch(() => Promise.reject(late()));
    const reading = pool.transaction((tx) => loadFacts(tx, wantedFor([question])), FACTS_TX).finally(giveBack);
    const facts = await within(deadline, reading, late);
    if (facts.complete) {
      const evaluator = await within(deadline, createFactsEvaluator(facts, { at, pace: createPace(deadline) }), late);
      return evaluator.holds(question.tuple);
    }
    const detail = 'the decision engine did not answer, and there are more rows to this than are looked at';
    throw new Problem('ENGINE_UNAVAILABLE', detail, { retryAfterSeconds: 1 });
  };
}

function late(): Problem {
  const detail = 'neither the decision engine nor the rows answered in time; this is neither a yes nor a no';
  return new Problem('ENGINE_UNAVAILABLE', detail, { retryAfterSeconds: 1 });
}
