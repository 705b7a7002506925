/**
 * The authorization model evaluated over a handful of tuples, in memory: for what the engine cannot be asked.
 *
 * The engine decides what is so. What *would* be so (what-if), and *why* it is so (explain), is worked out here, over
 * tuples that src/sync/projection.ts makes of rows, by the same model that the engine is given. It answers a check only
 * where an operator asked for that and the engine cannot (rows.ts). tests/oracle/, tests/integration/what-if.test.ts and
 * one live check in a hundred (shadow.ts) hold it to the real engine.
 *
 * INVARIANT: pure. The model has no negation, so what is once shown to hold, holds; `holds` repeats its search until
 * nothing new is shown, which makes rings of managers harmless.
 */
import { authorizationModel, type Userset } from '../contract/model.js';
import { type InForce, keyOf, type Tuple, type TupleKey } from '../shared/tuple.js';

/** A way in which something holds: the tuples that it rests on, from the object that is asked about to the user. */
export type Proof = readonly Tuple[];

export interface Evaluator {
  /** Whether the user has the relation. */
  holds(goal: TupleKey): boolean;
  /** Every way in which the user has it, at most `limit`; `complete` says whether these are all. */
  proofs(goal: TupleKey, limit: number): { readonly proofs: readonly Proof[]; readonly complete: boolean };
}

/** Looks at a time, so that a web of managers cannot be walked for ever. */
const STEPS_MAX = 50_000;

const types = new Map(authorizationModel.type_definitions.map((type) => [type.type, type]));

/** An evaluator of these tuples at that moment. */
export function createEvaluator(tuples: readonly Tuple[], at: Date): Evaluator {
  const standing = new Map<string, Tuple[]>();
  /** Those whose user is a set of users: the only ones of a relation that must be looked through. */
  const usersets = new Map<string, Tuple[]>();
  const direct = new Set<string>();
  for (const tuple of tuples) {
    if (!isInForce(tuple.condition, at)) continue;
    direct.add(keyOf(tuple));
    addTo(standing, tuple);
    if (tuple.user.includes('#')) addTo(usersets, tuple);
  }
  const shown = new Set<string>();
  const of = (object: string, relation: string): readonly Tuple[] => standing.get(`${object} ${relation}`) ?? [];

  function ask(goal: TupleKey, seen: Set<string>): boolean {
    const key = keyOf(goal);
    if (shown.has(key)) return true;
    if (seen.has(key)) return false;
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
      return of(goal.object, tupleToUserset.tupleset.relation).some(({ user }) =>
        ask({ user: goal.user, relation, object: user }, seen),
      );
    }
    if (direct.has(keyOf(goal))) return true;
    const sets = usersets.get(`${goal.object} ${goal.relation}`) ?? [];
    return sets.some(({ user }) => asUserset(user, goal, seen));
  }

  function asUserset(user: string, goal: TupleKey, seen: Set<string>): boolean {
    const next = usersetGoal(user, goal);
    return next !== undefined && ask(next, seen);
  }

  function holds(goal: TupleKey): boolean {
    for (;;) {
      const before = shown.size;
      if (ask(goal, new Set())) return true;
      if (shown.size === before) return false;
    }
  }
  return { holds, proofs: (goal, limit) => findProofs({ of, holds, limit }, goal) };
}

function addTo(places: Map<string, Tuple[]>, tuple: Tuple): void {
  const place = `${tuple.object} ${tuple.relation}`;
  const others = places.get(place);
  if (others === undefined) places.set(place, [tuple]);
  else others.push(tuple);
}

interface Search {
  readonly of: (object: string, relation: string) => readonly Tuple[];
  readonly holds: (goal: TupleKey) => boolean;
  readonly limit: number;
}

/** Goes only where something holds, and never twice over the same thing on one way. */
function findProofs({ of, holds, limit }: Search, root: TupleKey): ReturnType<Evaluator['proofs']> {
  const search = { steps: 0, isCut: false };

  /** One more than the limit tells whether there are more. */
  function cut(found: Proof[]): Proof[] {
    return found.slice(0, limit + 1);
  }
  function prove(goal: TupleKey, way: readonly string[]): Proof[] {
    const key = keyOf(goal);
    const rewrite = rewriteOf(goal);
    if (way.includes(key) || rewrite === undefined || !holds(goal)) return [];
    if ((search.steps += 1) > STEPS_MAX) {
      search.isCut = true;
      return [];
    }
    return cut(expand(rewrite, goal, [...way, key]));
  }
  function expand(rewrite: Userset, goal: TupleKey, way: readonly string[]): Proof[] {
    const { union, intersection, computedUserset, tupleToUserset } = rewrite;
    if (union !== undefined) return cut(union.child.flatMap((child) => expand(child, goal, way)));
    if (intersection !== undefined) {
      return intersection.child.reduce<Proof[]>(
        (all, child) => {
          const further = all.length === 0 ? [] : expand(child, goal, way);
          return cut(all.flatMap((proof) => further.map((more) => [...proof, ...more])));
        },
        [[]],
      );
    }
    if (computedUserset !== undefined) return prove({ ...goal, relation: computedUserset.relation }, way);
    if (tupleToUserset !== undefined) {
      const { relation } = tupleToUserset.computedUserset;
      return of(goal.object, tupleToUserset.tupleset.relation).flatMap((tuple) =>
        prove({ user: goal.user, relation, object: tuple.user }, way).map((proof) => [tuple, ...proof]),
      );
    }
    return of(goal.object, goal.relation).flatMap((tuple): Proof[] => {
      if (tuple.user === goal.user) return [[tuple]];
      const next = usersetGoal(tuple.user, goal);
      return next === undefined ? [] : prove(next, way).map((proof) => [tuple, ...proof]);
    });
  }

  const proofs = prove(root, []);
  return { proofs: proofs.slice(0, limit), complete: !search.isCut && proofs.length <= limit };
}

/** `role:t/r#assignee` as the question whether the user is one. */
function usersetGoal(user: string, goal: TupleKey): TupleKey | undefined {
  const [object = '', relation] = user.split('#');
  return relation === undefined ? undefined : { user: goal.user, relation, object };
}

function rewriteOf({ object, relation }: TupleKey): Userset | undefined {
  return types.get(object.slice(0, object.indexOf(':')))?.relations[relation];
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
