/**
 * Relationship tuples and the one port to the engine, `TupleStore`.
 *
 * OpenFGA is remote and its failures must be playable, so it stands behind this interface; the in-memory twin in
 * tests/support passes the same conformance suite (tests/integration/tuple-store.test.ts).
 */
import type { Trace } from './trace.js';

/** What identifies a tuple in the engine: a stored tuple's condition is not part of it. */
export interface TupleKey {
  readonly user: string;
  readonly relation: string;
  readonly object: string;
}

/** `in_force` with its window, RFC 3339 UTC. An open end is written as year 1 or year 9999. */
export interface InForce {
  readonly validFrom: string;
  readonly expiresAt: string;
}

export interface Tuple extends TupleKey {
  readonly condition?: InForce;
}

/** One question to the engine. `at` is the moment the question is asked about, never rounded. */
export interface EngineCheck extends TupleKey {
  readonly at: Date;
  /** Whether the engine itself must be asked, and no answer from before given again. */
  readonly fresh?: boolean;
}

/** How long a call may last, whose wish it is to stop it, and whose trace it is part of. */
export interface CallOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  /** Not behind the questions of the same tenant that wait: whoever administers it must get through. */
  readonly isUrgent?: boolean;
  readonly trace?: Trace | undefined;
}

/**
 * The engine could not answer or its answer is unknown.
 * `applied` says what is known of a write: `no` (never reached or refused), `unknown` (it may still commit, up to the
 * engine's own request timeout later).
 */
export class EngineError extends Error {
  /** `busy`: it was not asked, because too many questions of that tenant wait for it already. */
  readonly kind: 'unavailable' | 'timeout' | 'conflict' | 'invalid' | 'busy';
  readonly applied: 'no' | 'unknown';

  constructor(
    message: string,
    outcome: { kind: EngineError['kind']; applied: EngineError['applied'] },
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'EngineError';
    this.kind = outcome.kind;
    this.applied = outcome.applied;
  }
}

/** A page of stored tuples; `continuation` is undefined on the last page. */
export interface TuplePage {
  readonly tuples: readonly Tuple[];
  readonly continuation: string | undefined;
}

/**
 * The engine, bound to one store; every call names the authorization model in force.
 * All methods throw EngineError and nothing else.
 */
export interface TupleStore {
  /** Whether the engine allows it. An error is never `false`. */
  check(question: EngineCheck, options: CallOptions): Promise<boolean>;
  /** Index-aligned answers to any number of questions; one that the engine did not answer is an EngineError there. */
  batchCheck(questions: readonly EngineCheck[], options: CallOptions): Promise<(boolean | EngineError)[]>;
  /**
   * One atomic Write of at most 100 changes. Deleting what is absent and writing what stands already are no errors;
   * writing a key that stands with another condition is a `conflict` and changes nothing.
   */
  write(change: { deletes: readonly TupleKey[]; writes: readonly Tuple[] }, options: CallOptions): Promise<void>;
  /** Stored tuples, in no order. An empty filter reads the whole store. */
  read(filter: Partial<TupleKey>, continuation: string | undefined, options: CallOptions): Promise<TuplePage>;
  /** Objects of `type` that the engine lists for the user: capped, unsorted and unmarked; a cross-check only. */
  listObjects(question: Omit<EngineCheck, 'object'> & { type: string }, options: CallOptions): Promise<string[]>;
}

/** The most tuple changes that one Write may carry (OpenFGA's default `maxTuplesPerWrite`). */
export const TUPLES_PER_WRITE = 100;

/** Canonical text of a tuple key, for maps and sets. Engine names hold no white space, so the space cannot collide. */
export function keyOf({ user, relation, object }: TupleKey): string {
  return `${user} ${relation} ${object}`;
}

/** Whether two conditions are the same window. */
export function sameCondition(a: InForce | undefined, b: InForce | undefined): boolean {
  return a?.validFrom === b?.validFrom && a?.expiresAt === b?.expiresAt;
}
