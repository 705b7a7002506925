/**
 * The in-memory twin of the engine: `TupleStore` over a Map, for tests that play with time and failure.
 *
 * It interprets the authorization model that it is given (this, computed, tuple-to-userset, union, intersection) and
 * the one condition `in_force`, and refuses what the real engine refuses. tests/integration/tuple-store.test.ts runs
 * the same cases against both, so the two cannot drift apart unseen.
 */
import type { AuthorizationModel, RelationReference, TypeDefinition, Userset } from '../../src/contract/model.js';
import { EngineError, keyOf, sameCondition, TUPLES_PER_WRITE } from '../../src/shared/tuple.js';
import type { CallOptions, EngineCheck, InForce, Tuple, TupleKey, TupleStore } from '../../src/shared/tuple.js';

const TUPLES_PER_PAGE = 100;

/** The twin, and what only a test may see of it. */
export interface MemoryTupleStore extends TupleStore {
  /** Everything stored, in the order of its keys. */
  all(): Tuple[];
}

export function createMemoryTupleStore(model: AuthorizationModel): MemoryTupleStore {
  const types = new Map(model.type_definitions.map((type) => [type.type, type]));
  const stored = new Map<string, Tuple>();

  function answer(question: EngineCheck): boolean {
    requireWellFormed(question);
    relationOf(types, question);
    return holds({ types, tuples: [...stored.values()], at: question.at }, { ...question, path: [] });
  }
  function answerOrError(question: EngineCheck): boolean | EngineError {
    try {
      return answer(question);
    } catch (error) {
      if (error instanceof EngineError) return error;
      throw error;
    }
  }
  function write({ deletes, writes }: { deletes: readonly TupleKey[]; writes: readonly Tuple[] }): void {
    const keys = [...deletes, ...writes].map(keyOf);
    if (keys.length === 0 || keys.length > TUPLES_PER_WRITE) throw invalid('a write has 1 to 100 changes');
    if (new Set(keys).size < keys.length) throw invalid('a tuple is named twice');
    for (const tuple of [...deletes, ...writes]) requireWellFormed(tuple);
    for (const tuple of writes) requireFitting(types, tuple);
    for (const tuple of writes) {
      const standing = stored.get(keyOf(tuple));
      if (standing !== undefined && !sameCondition(standing.condition, tuple.condition)) {
        throw new EngineError('stands with another condition', { kind: 'conflict', applied: 'no' });
      }
    }
    for (const tuple of deletes) stored.delete(keyOf(tuple));
    for (const tuple of writes) stored.set(keyOf(tuple), tuple);
  }
  return {
    check: (question, options) => soon(options, () => answer(question)),
    batchCheck: (questions, options) => soon(options, () => questions.map(answerOrError)),
    write: (change, options) => soon(options, () => write(change)),
    read: (filter, continuation, options) =>
      soon(options, () => {
        requireFilter(filter);
        const all = [...stored.values()].filter((tuple) => matches(tuple, filter));
        const start = Number(continuation ?? '0');
        const end = start + TUPLES_PER_PAGE;
        return { tuples: all.slice(start, end), continuation: end < all.length ? String(end) : undefined };
      }),
    listObjects: ({ user, relation, type, at }, options) =>
      soon(options, () => {
        relationOf(types, { relation, object: `${type}:any` });
        const names = [...stored.values()].flatMap((tuple) => [tuple.user, tuple.object]);
        const objects = new Set(names.filter((name) => name.startsWith(`${type}:`) && !name.includes('#')));
        return [...objects].filter((object) => answer({ user, relation, object, at }));
      }),
    all: () => [...stored.values()].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1)),
  };
}

/** Like a remote one it answers later, and not at all once the caller has given up. */
async function soon<T>({ timeoutMs, signal }: CallOptions, work: () => T): Promise<T> {
  await Promise.resolve();
  if (timeoutMs <= 0 || signal?.aborted === true) {
    throw new EngineError('no time was left', { kind: 'timeout', applied: 'no' });
  }
  return work();
}

function invalid(message: string): EngineError {
  return new EngineError(message, { kind: 'invalid', applied: 'no' });
}

const OBJECT = /^[^:#@\s]{1,254}:[^:#*\s]+$/;
const USER = /^[^:#@\s]{1,254}:[^:#*\s]+(#[^:#@\s]{1,50})?$/;

function requireWellFormed({ user, relation, object }: TupleKey): void {
  const isWellFormed =
    USER.test(user) &&
    Buffer.byteLength(user) <= 512 &&
    /^[^:#@\s]{1,50}$/.test(relation) &&
    OBJECT.test(object) &&
    object.length <= 256;
  if (!isWellFormed) throw invalid('a tuple is malformed');
}

function requireFilter({ user, object = '' }: Partial<TupleKey>): void {
  const namesObject = object !== '' && !object.endsWith(':');
  if (namesObject || (object === '' && user === undefined)) return;
  if (object === '' || user === undefined) throw invalid('a filter needs an object, or a type and a user');
}

function matches(tuple: Tuple, { user, relation, object }: Partial<TupleKey>): boolean {
  const fitsObject =
    object === undefined || (object.endsWith(':') ? tuple.object.startsWith(object) : tuple.object === object);
  return fitsObject && (user ?? tuple.user) === tuple.user && (relation ?? tuple.relation) === tuple.relation;
}

type Types = ReadonlyMap<string, TypeDefinition>;

const typeOf = (name: string): string => name.slice(0, name.indexOf(':'));

function relationOf(types: Types, { relation, object }: { relation: string; object: string }): Userset {
  const rewrite = types.get(typeOf(object))?.relations[relation];
  if (rewrite === undefined) throw invalid(`\`${typeOf(object)}\` has no relation \`${relation}\``);
  return rewrite;
}

/** What the model lets stand there, as the engine validates a write. */
function requireFitting(types: Types, tuple: Tuple): void {
  relationOf(types, tuple);
  const [name = '', userset] = tuple.user.split('#');
  const allowed =
    types.get(typeOf(tuple.object))?.metadata?.relations[tuple.relation]?.directly_related_user_types ?? [];
  const isFitting = ({ type, relation, condition }: RelationReference): boolean =>
    type === typeOf(name) && relation === userset && (condition !== undefined) === (tuple.condition !== undefined);
  if (!allowed.some(isFitting)) throw invalid('the model does not allow the tuple');
  if (tuple.user === `${tuple.object}#${tuple.relation}`) throw invalid('the tuple is implicit');
}

interface World {
  readonly types: Types;
  readonly tuples: readonly Tuple[];
  readonly at: Date;
}

type Goal = TupleKey & { readonly path: readonly string[] };

/** Whether the user has the relation. What is being asked already, further up the path, adds nothing. */
function holds(world: World, goal: Goal): boolean {
  const step = `${goal.object}#${goal.relation}`;
  if (goal.path.includes(step)) return false;
  const rewrite = world.types.get(typeOf(goal.object))?.relations[goal.relation];
  return rewrite !== undefined && follows(world, rewrite, { ...goal, path: [...goal.path, step] });
}

function follows(world: World, rewrite: Userset, goal: Goal): boolean {
  const standing = (relation: string): Tuple[] =>
    world.tuples.filter(
      (tuple) => tuple.object === goal.object && tuple.relation === relation && isInForce(tuple.condition, world.at),
    );
  if (rewrite.union !== undefined) return rewrite.union.child.some((child) => follows(world, child, goal));
  if (rewrite.intersection !== undefined)
    return rewrite.intersection.child.every((child) => follows(world, child, goal));
  if (rewrite.computedUserset !== undefined)
    return holds(world, { ...goal, relation: rewrite.computedUserset.relation });
  if (rewrite.tupleToUserset !== undefined) {
    const { tupleset, computedUserset } = rewrite.tupleToUserset;
    return standing(tupleset.relation).some(({ user }) =>
      holds(world, { ...goal, object: user, relation: computedUserset.relation }),
    );
  }
  return standing(goal.relation).some(({ user }) => {
    const [object = '', relation] = user.split('#');
    return user === goal.user || (relation !== undefined && holds(world, { ...goal, object, relation }));
  });
}

function isInForce(condition: InForce | undefined, at: Date): boolean {
  if (condition === undefined) return true;
  const now = BigInt(at.getTime()) * 1_000n;
  return now >= microseconds(condition.validFrom) && now < microseconds(condition.expiresAt);
}

/** Microseconds since 1970 of an RFC 3339 moment; a `Date` would cut off what is below the millisecond. */
function microseconds(moment: string): bigint {
  const fraction = /\.(\d+)/.exec(moment)?.[1] ?? '';
  const whole = Date.parse(moment.replace(/\.\d+/, ''));
  if (Number.isNaN(whole)) throw invalid(`\`${moment}\` is not a moment`);
  return BigInt(whole) * 1_000n + BigInt(fraction.slice(0, 6).padEnd(6, '0'));
}
