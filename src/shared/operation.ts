/**
 * What an operation of the contract looks like to the code that carries it out.
 *
 * The router in http/ is built from openapi.yaml; by the time a handler runs its input is valid, its caller is
 * authenticated, and whoever may not call it has been turned away. `Operations` makes a missing handler a compile
 * error.
 */
import type { OperationTypes } from '../contract/operations.js';
import type { Caller } from './caller.js';
import type { Trace } from './trace.js';

export type OperationId = keyof OperationTypes;

/** The end of the time that a request may take; every call made for it shares this one. */
export interface Deadline {
  /** Milliseconds left, never negative. */
  remainingMs(): number;
  /** Aborts at the deadline, or when the caller hangs up. */
  readonly signal: AbortSignal;
  /** The request's trace, which goes the same way: to every call made for it. Left out: nobody traces it. */
  readonly trace?: Trace | undefined;
}

/** Where a request comes from, as far as it can be believed (http/client.ts). */
export interface RequestClient {
  readonly address: string | undefined;
  readonly host: string | undefined;
}

/** What every handler is told about the request besides its input. */
export interface RequestContext<C extends Caller | undefined = Caller> {
  /** Undefined only for operations whose permission is `public`. */
  readonly caller: C;
  readonly requestId: string;
  readonly deadline: Deadline;
  /** The `x-sync-token` header, if sent. */
  readonly syncToken: string | undefined;
  /** The version in the `if-match` header, if sent. */
  readonly ifMatch: number | undefined;
  /** Whether the operation changes something: the contract states for it what is written down (`x-audit`). */
  readonly isChange: boolean;
  /** What the caller's `Idempotency-Key` stands for: the transaction of the change marks it. */
  readonly idempotencyClaim: string | undefined;
  /** Left out where no request stands behind the call. */
  readonly client?: RequestClient;
}

/** Undefined where the operation has no such part: the generated types write that as `?: never`. */
type Part<D, K extends string> = K extends keyof D
  ? [NonNullable<D[K]>] extends [never]
    ? undefined
    : NonNullable<D[K]>
  : undefined;

/** The valid input of an operation. */
export interface OperationInput<Id extends OperationId> {
  readonly body: Part<OperationTypes[Id]['data'], 'body'>;
  readonly path: Part<OperationTypes[Id]['data'], 'path'>;
  readonly query: Part<OperationTypes[Id]['data'], 'query'>;
}

/** Exactly the responses that the contract states, status and body belonging together. */
export type OperationOutput<Id extends OperationId> = {
  [Status in keyof OperationTypes[Id]['responses'] & number]: {
    readonly status: Status;
    readonly body: OperationTypes[Id]['responses'][Status];
    readonly headers?: Readonly<Record<string, string>>;
    /** Sent piece by piece instead of the body. */
    readonly stream?: AsyncIterable<string>;
  };
}[keyof OperationTypes[Id]['responses'] & number];

export type Operation<Id extends OperationId> = (
  input: OperationInput<Id>,
  context: RequestContext,
) => Promise<OperationOutput<Id>>;

export type Operations = { readonly [Id in OperationId]: Operation<Id> };

/**
 * Decides whether the caller may run an operation that needs `requirement` (the contract's `x-permission`).
 * Resolves when it may; throws Problem FORBIDDEN or ENGINE_UNAVAILABLE otherwise.
 * `decide` is not asked here: the decision operations judge each question by its own subject and tenant.
 */
export type Authorize = (requirement: string, context: RequestContext) => Promise<void>;
