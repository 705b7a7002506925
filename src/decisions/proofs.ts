/**
 * Every way in which something holds.
 *
 * INVARIANT: the search never goes where nothing holds, so each step leads to a proof or into a ring, and it ends with
 * the proof that is one too many. What stands at a place is sifted once, however many ways lead there.
 */
import type { Userset } from '../contract/model.js';
import { keyOf, type Tuple, type TupleKey } from '../shared/tuple.js';
import { rewriteOf, usersetGoal } from './rewrites.js';

/** A way in which something holds: the tuples that it rests on, from the object that is asked about to the user. */
export type Proof = readonly Tuple[];

/** Some proofs, and whether these are all there are. */
export interface Proofs {
  readonly proofs: readonly Proof[];
  readonly complete: boolean;
}

/** Looks at a time, so that a web of managers cannot be walked for ever. */
const STEPS_MAX = 50_000;

export interface Known {
  /** The tuples in force. */
  readonly of: (object: string, relation: string) => readonly Tuple[];
  readonly holds: (goal: TupleKey) => boolean;
  /** The most proofs to find. */
  readonly limit: number;
}

/** Goes only where something holds, and never twice over the same thing on one way. */
export function findProofs({ of, holds, limit }: Known, root: TupleKey): Proofs {
  const search = { steps: 0, isCut: false };
  const sifted = new Map<string, readonly Tuple[]>();

  function prove(goal: TupleKey, way: readonly string[]): Proof[] {
    if ((search.steps += 1) > STEPS_MAX) {
      search.isCut = true;
      return [];
    }
    const key = keyOf(goal);
    const rewrite = rewriteOf(goal);
    if (way.includes(key) || rewrite === undefined || !holds(goal)) return [];
    return expand(rewrite, goal, [...way, key]);
  }
  function expand(rewrite: Userset, goal: TupleKey, way: readonly string[]): Proof[] {
    const { union, intersection, computedUserset, tupleToUserset } = rewrite;
    if (union !== undefined) return gather(union.child, (child) => expand(child, goal, way));
    if (intersection !== undefined) {
      return intersection.child.reduce<Proof[]>(
        (all, child) => {
          const further = all.length === 0 ? [] : expand(child, goal, way);
          return gather(all, (proof) => further.map((more) => [...proof, ...more]));
        },
        [[]],
      );
    }
    if (computedUserset !== undefined) return prove({ ...goal, relation: computedUserset.relation }, way);
    if (tupleToUserset !== undefined) {
      const { tupleset, computedUserset: computed } = tupleToUserset;
      return through({ ...goal, relation: tupleset.relation }, { computed: computed.relation, way });
    }
    return through(goal, { computed: undefined, way });
  }
  /** By way of each tuple of the place that leads on to something that holds, or is the end itself. */
  function through(
    place: TupleKey,
    { computed, way }: { computed: string | undefined; way: readonly string[] },
  ): Proof[] {
    const next = (tuple: Tuple): TupleKey | undefined =>
      computed === undefined
        ? usersetGoal(tuple.user, place)
        : { user: place.user, relation: computed, object: tuple.user };
    const isLead = (tuple: Tuple): boolean => {
      const goal = next(tuple);
      return goal === undefined ? tuple.user === place.user : holds(goal);
    };
    const name = `${keyOf(place)} ${computed ?? ''}`;
    const leads = sifted.get(name) ?? of(place.object, place.relation).filter(isLead);
    sifted.set(name, leads);
    return gather(leads, (tuple) => {
      const goal = next(tuple);
      return goal === undefined ? [[tuple]] : prove(goal, way).map((proof) => [tuple, ...proof]);
    });
  }
  /** One more than the limit tells whether there are more. */
  function gather<T>(all: readonly T[], proofsOf: (one: T) => Proof[]): Proof[] {
    const found: Proof[] = [];
    for (const one of all) {
      found.push(...proofsOf(one));
      if (found.length > limit) break;
    }
    return found.slice(0, limit + 1);
  }

  const proofs = prove(root, []);
  return { proofs: proofs.slice(0, limit), complete: !search.isCut && proofs.length <= limit };
}
