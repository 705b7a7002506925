/**
 * How the model computes its relations, and which of them hang on which.
 *
 * All of it is read off the model, so that nothing here has to be changed with it. tests/unit/evaluate.test.ts.
 */
import { authorizationModel, type TypeDefinition, type Userset } from '../contract/model.js';
import type { TupleKey } from '../shared/tuple.js';

const types = new Map(authorizationModel.type_definitions.map((type) => [type.type, type]));

/** How the model computes it; undefined where it has no such relation. */
export function rewriteOf({ object, relation }: TupleKey): Userset | undefined {
  return types.get(object.slice(0, object.indexOf(':')))?.relations[relation];
}

/** `role:t/r#assignee` as the question whether the user is one. */
export function usersetGoal(user: string, goal: TupleKey): TupleKey | undefined {
  const [object = '', relation] = user.split('#');
  return relation === undefined ? undefined : { user: goal.user, relation, object };
}

/**
 * Whether tuples can make a difference to a goal. By the names of relations, and by the object where it must be the
 * tuple's own: one goal too many costs a search, one too few would cost the truth.
 */
export function hangingOn(tuples: readonly TupleKey[]): (goal: TupleKey) => boolean {
  const objects = new Set(tuples.map(({ object }) => object));
  const here = new Set(tuples.map(({ relation }) => relation));
  // A set hands out what is added to it on the way, too.
  for (const relation of here) for (const next of HERE.get(relation) ?? []) here.add(next);
  const elsewhere = new Set([...here].flatMap((relation) => [...(ELSEWHERE.get(relation) ?? [])]));
  for (const relation of elsewhere) for (const next of onwards(relation)) elsewhere.add(next);
  return ({ relation, object }) => elsewhere.has(relation) || (here.has(relation) && objects.has(object));
}

/** By relation, those that are computed from it: of the same object, and of others. */
const HERE = new Map<string, Set<string>>();
const ELSEWHERE = new Map<string, Set<string>>();

function onwards(relation: string): string[] {
  return [...(HERE.get(relation) ?? []), ...(ELSEWHERE.get(relation) ?? [])];
}

for (const type of authorizationModel.type_definitions) {
  for (const [relation, rewrite] of Object.entries(type.relations)) {
    record(relation, rewrite);
    for (const used of usersetsOf(type, relation)) add(ELSEWHERE, used, relation);
  }
}

function record(relation: string, { union, intersection, computedUserset, tupleToUserset }: Userset): void {
  for (const child of [...(union?.child ?? []), ...(intersection?.child ?? [])]) record(relation, child);
  if (computedUserset !== undefined) add(HERE, computedUserset.relation, relation);
  if (tupleToUserset === undefined) return;
  add(HERE, tupleToUserset.tupleset.relation, relation);
  add(ELSEWHERE, tupleToUserset.computedUserset.relation, relation);
}

function add(uses: Map<string, Set<string>>, used: string, relation: string): void {
  uses.set(used, (uses.get(used) ?? new Set()).add(relation));
}

function usersetsOf({ metadata }: TypeDefinition, relation: string): string[] {
  return (metadata?.relations[relation]?.directly_related_user_types ?? []).flatMap((user) => user.relation ?? []);
}
