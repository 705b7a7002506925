/** Facts, worked out: an evaluator of the tuples that they mean. */
import { createStanding, type Evaluator, evaluatorOf } from './evaluate.js';
import { type Facts, tuplesByKey } from './facts.js';
import type { Pace } from './pace.js';

/** Keys of facts at a time: a millisecond or less. */
const KEYS = 200;

/** The evaluator of the facts at that moment, made in turns: they may be many. Rejects as `pace` does. */
export async function createFactsEvaluator(facts: Facts, { at, pace }: { at: Date; pace: Pace }): Promise<Evaluator> {
  const standing = createStanding(at);
  let keys = 0;
  for (const tuples of tuplesByKey(facts)) {
    for (const tuple of tuples) standing.add(tuple);
    if ((keys += 1) % KEYS === 0) await pace();
  }
  await pace();
  return evaluatorOf(standing, at);
}
