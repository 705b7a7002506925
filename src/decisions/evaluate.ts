/**
 * The authorization model evaluated over a handful of tuples, in memory: for what the engine cannot be asked.
 *
 * The engine decides what is so. What *would* be so (what-if), and *why* it is so (explain), is worked out here, over
 * tuples that src/sync/projection.ts makes of rows, by the same model that the engine is given. It answers a check only
 * where an operator asked for that and the engine cannot (rows.ts). tests/oracle/, tests/integration/what-if.test.ts and
 * one live check in a hundred (shadow.ts) hold it to the real engine.
 *
 * INVARIANT: pure. The model has no negation, so what is once shown to hold, holds, whatever tuples come on top; `holds`
 * repeats its search until nothing new is shown, which makes rings of managers harmless. What that last search came by
 * and did not show does not hold, and is looked for once, not once for each question.
 */
import type { Userset } from '../contract/model.js';
import { type InForce, keyOf, type Tuple, type TupleKey } from '../shared/tuple.js';
import { findProofs, type Proofs } from './proofs.js';
import { hangingOn, rewriteOf, usersetGoal } from './rewrites.js';

export interface Evaluator {
  /** Whether the user has the relation. */
  holds(goal: TupleKey): boolean;
  /** Whether the user would have it if these tuples stood as well. Costs what hangs on them, not all there is. */
  holdsWith(goal: TupleKey, more: readonly Tuple[]): boolean;
  /** Every way in which the user has it, at most `limit`; `complete` says whether these are all. */
  proofs(goal: TupleKey, limit: number): Proofs;
}

/** Tuples in force, by what is looked for. */
export interface Standing {
  readonly has: (key: string) => boolean;
  readonly of: (object: string, relation: string) => readonly Tuple[];
  /** Those whose user is a set of users: the only ones of a relation that must be looked through. */
  readonly usersets: (object: string, relation: string) => readonly Tuple[];
}

/** An evaluator of these tuples at that moment. */
export function createEvaluator(tuples: Iterable<Tuple>, at: Date): Evaluator {
  const standing = createStanding(at);
  for (const tuple of tuples) standing.add(tuple);
  return evaluatorOf(standing, at);
}

/** An evaluator of what stands at that moment. */
export function evaluatorOf(standing: Standing, at: Date): Evaluator {
  const search = createSearch(standing, { isShown: () => false, isRefuted: () => false });
  const { holds } = search;
  return {
    holds,
    holdsWith(goal, more) {
      const added = createStanding(at);
      for (const tuple of more) added.add(tuple);
      const hangs = hangingOn(more);
      const before: Found = {
        isShown: search.isShown,
        isRefuted: (key, goal) => search.isRefuted(key, goal) && !hangs(goal),
      };
      return createSearch(both(standing, added), before).holds(goal);
    },
    proofs: (goal, limit) => findProofs({ of: standing.of, holds, limit }, goal),
  };
}

/** Nothing yet; what is added and not in force at that moment does not count. */
export function createStanding(at: Date): Standing & { readonly add: (tuple: Tuple) => void } {
  const all = new Map<string, Tuple[]>();
  const usersets = new Map<string, Tuple[]>();
  const keys = new Set<string>();
  const look = (places: Map<string, Tuple[]>) => (object: string, relation: string) =>
    places.get(`${object} ${relation}`) ?? [];
  return {
    has: (key) => keys.has(key),
    of: look(all),
    usersets: look(usersets),
    add(tuple) {
      if (!isInForce(tuple.condition, at)) return;
      keys.add(keyOf(tuple));
      addTo(all, tuple);
      if (tuple.user.includes('#')) addTo(usersets, tuple);
    },
  };
}

function addTo(places: Map<string, Tuple[]>, tuple: Tuple): void {
  const place = `${tuple.object} ${tuple.relation}`;
  const others = places.get(place);
  if (others === undefined) places.set(place, [tuple]);
  else others.push(tuple);
}

function both(one: Standing, other: Standing): Standing {
  const joined = (a: readonly Tuple[], b: readonly Tuple[]): readonly Tuple[] => (b.length === 0 ? a : [...a, ...b]);
  return {
    has: (key) => one.has(key) || other.has(key),
    of: (object, relation) => joined(one.of(object, relation), other.of(object, relation)),
    usersets: (object, relation) => joined(one.usersets(object, relation), other.usersets(object, relation)),
  };
}

/** What is known of goals. */
interface Found {
  readonly isShown: (key: string) => boolean;
  readonly isRefuted: (key: string, goal: TupleKey) => boolean;
}

function createSearch(standing: Standing, before: Found): Found & Pick<Evaluator, 'holds'> {
  const shown = new Set<string>();
  const refuted = new Set<string>();
  const isShown = (key: string): boolean => shown.has(key) || before.isShown(key);
  const isRefuted: Found['isRefuted'] = (key, goal) => refuted.has(key) || before.isRefuted(key, goal);

  function ask(goal: TupleKey, seen: Set<string>): boolean {
    const key = keyOf(goal);
    if (isShown(key)) return true;
    if (seen.has(key) || isRefuted(key, goal)) return false;
    seen.add(key);
    const rewrite = rewriteOf(goal);
    if (rewrite === undefined || !follows(rewrite, goal, seen)) return false;
    shown.add(key);
    return true;
  }

  function follows(rewrite: Userset, goal: TupleKey, seen: Set<string>): boolean {
    const { union, intersection, computedUserset, tupleToUserset } = rewrite;
    if (union !== undefined) return union.child.some((child) => follows(child, goal, seen));
    if (intersection !== undefined) return intersection.child.every((child) => follows(child, goal, seen));
    if (computedUserset !== undefined) return ask({ ...goal, relation: computedUserset.relation }, seen);
    if (tupleToUserset !== undefined) {
      const { relation } = tupleToUserset.computedUserset;
      return standing
        .of(goal.object, tupleToUserset.tupleset.relation)
        .some(({ user }) => ask({ user: goal.user, relation, object: user }, seen));
    }
    if (standing.has(keyOf(goal))) return true;
    return standing.usersets(goal.object, goal.relation).some(({ user }) => {
      const next = usersetGoal(user, goal);
      return next !== undefined && ask(next, seen);
    });
  }

  function holds(goal: TupleKey): boolean {
    for (;;) {
      const before = shown.size;
      const seen = new Set<string>();
      if (ask(goal, seen)) return true;
      if (shown.size > before) continue;
      for (const key of seen) refuted.add(key);
      return false;
    }
  }
  return { holds, isShown, isRefuted };
}

/** Whether a tuple counts at that moment: from its first microsecond to before its last. */
export function isInForce(condition: InForce | undefined, at: Date): boolean {
  if (condition === undefined) return true;
  const now = BigInt(at.getTime()) * 1_000n;
  return now >= microseconds(condition.validFrom) && now < microseconds(condition.expiresAt);
}

/** Microseconds since 1970 of an RFC 3339 moment in UTC; a `Date` would cut off what is below the millisecond. */
function microseconds(moment: string): bigint {
  const [whole = '', fraction = ''] = moment.replace('Z', '').split('.');
  return BigInt(Date.parse(`${whole}Z`)) * 1_000n + BigInt(fraction.slice(0, 6).padEnd(6, '0'));
}
