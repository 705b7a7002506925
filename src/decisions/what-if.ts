/**
 * Answers as if changes had been made.
 *
 * The engine can be told of tuples that are not there, but not to overlook some that are; so both sides, before and
 * after, are worked out here from the rows and the changes, through the same projection and the same model.
 * tests/integration/what-if.test.ts makes the changes then, and asks the engine.
 */
import type { HypotheticalChange, WhatIfRequest, WhatIfResult } from '../contract/api.js';
import type { Pool, Tx } from '../platform/postgres.js';
import type { Deadline } from '../shared/operation.js';
import { Problem } from '../shared/problem.js';
import { within } from '../shared/within.js';
import { createEvaluator } from './evaluate.js';
import { FACTS_TX, wantedFor } from './explain.js';
import { type Facts, tuplesOf } from './facts.js';
import { loadFacts } from './facts-store.js';
import { applyChanges, namedIn } from './hypothesis.js';
import { effectiveOf, impactOf } from './impact.js';
import { type Question, toQuestion } from './question.js';

export interface Hypothesis {
  readonly tenantId: string;
  readonly changes: readonly HypotheticalChange[];
  readonly ask: WhatIfRequest['ask'];
  readonly at: Date;
  readonly deadline: Deadline;
}

/** The answers before and after. Throws Problem INVALID_REQUEST or DATABASE_UNAVAILABLE. */
export type WhatIf = (hypothesis: Hypothesis) => Promise<WhatIfResult>;

/** The contract's default. */
const NAMED = 100;

/** `pool` is of role `bailiwick_service`. */
export function createWhatIf(pool: Pool): WhatIf {
  return async (hypothesis) => {
    const answer = pool.transaction((tx) => answerTo(tx, hypothesis), FACTS_TX);
    return await within(hypothesis.deadline, answer, () => {
      return new Problem('DATABASE_UNAVAILABLE', 'the answer was not worked out in time', { retryAfterSeconds: 1 });
    });
  };
}

async function answerTo(tx: Tx, hypothesis: Hypothesis): Promise<WhatIfResult> {
  const { tenantId, changes, ask, at } = hypothesis;
  const { checks, effectivePermissions, impact } = ask;
  if (impact !== undefined)
    return { impact: await impactOf(tx, { tenantId, changes, at, limit: impact.limit ?? NAMED }) };
  if (effectivePermissions !== undefined) {
    const { user } = effectivePermissions;
    const { before, after } = await factsAround(tx, hypothesis, { userIds: [user], questions: [] });
    const held = (facts: Facts): string[] => [...effectiveOf(facts, at)(user)];
    return { effectivePermissions: { before: held(before), after: held(after) } };
  }
  const questions = (checks ?? []).map((check) => toQuestion({ ...check, tenant: tenantId }));
  const { before, after } = await factsAround(tx, hypothesis, { userIds: [], questions });
  const [is, would] = [before, after].map((facts) => createEvaluator(tuplesOf(facts), at));
  return {
    checks: questions.map(({ tuple }) => ({ before: is?.holds(tuple) === true, after: would?.holds(tuple) === true })),
  };
}

async function factsAround(
  tx: Tx,
  { tenantId, changes }: Hypothesis,
  { userIds, questions }: { userIds: readonly string[]; questions: readonly Question[] },
): Promise<{ before: Facts; after: Facts }> {
  const named = namedIn(changes);
  const wanted = wantedFor(questions);
  const all = [...new Set([...userIds, ...wanted.userIds, ...named.userIds])];
  const before = await loadFacts(tx, { ...wanted, tenantId, userIds: all, roleIds: named.roleIds });
  return { before, after: applyChanges(before, changes) };
}
