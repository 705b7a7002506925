/**
 * A client of Bailiwick's decisions, on `fetch` and nothing else.
 *
 * A call resolves with an answer or rejects with BailiwickError, within its deadline; there is no third outcome, and no
 * error is ever an answer. Its types are made from the service's own contract.
 */
import { isBatchAnswer, isCheckResult, fieldsOf, isIntrospection, isObjectPage } from './answers.js';
import type {
  BatchedCheck,
  BatchedDecision,
  BatchedError,
  CheckRequest,
  CheckResult,
  Introspection,
  ListObjectsRequest,
  ObjectPage,
} from './contract/api.js';
import type { Permission } from './contract/permissions.js';
import { createAsk } from './transport.js';
import type { CallOptions, TransportOptions } from './transport.js';

export { BailiwickError } from './error.js';
export type {
  ActiveToken,
  BatchedDecision,
  BatchedError,
  CheckResult,
  Introspection,
  ObjectPage,
} from './contract/api.js';
export type { Permission } from './contract/permissions.js';
export type { CallOptions } from './transport.js';

export type ClientOptions = TransportOptions;

/** A permission of the shipped model, or of a model that was extended. */
type AnyPermission = Permission | (string & {});
type Question<Of> = Omit<Of, 'permission' | 'syncToken'> & { readonly permission: AnyPermission };

export type CheckQuestion = Question<CheckRequest>;
export type BatchQuestion = Question<BatchedCheck>;
export type ListQuestion = Question<ListObjectsRequest>;

export interface Client {
  /** May this user do this? */
  check(question: CheckQuestion, options?: CallOptions): Promise<CheckResult>;
  /** Up to 1,000 questions; an answer stands at the index of its question, and may be an error of its own. */
  batchCheck(questions: readonly BatchQuestion[], options?: CallOptions): Promise<(BatchedDecision | BatchedError)[]>;
  /** A page of the objects; `nextCursor` is null exactly when nothing is left. */
  listObjects(question: ListQuestion, options?: CallOptions): Promise<ObjectPage>;
  /** What a token of the service stands for now. Keep nothing of the answer. */
  introspect(token: string, options?: Omit<CallOptions, 'syncToken'>): Promise<Introspection>;
}

/** Makes a client; one for a whole program. Throws TypeError where `url` is no address. */
export function createClient(options: ClientOptions): Client {
  const ask = createAsk(options);
  return {
    check: (body, call) => ask({ path: '/check', body, isAnswer: isCheckResult }, call),
    async batchCheck(checks, call) {
      const isAnswer = (value: unknown): value is { results: (BatchedDecision | BatchedError)[] } => {
        const { results } = fieldsOf(value);
        return Array.isArray(results) && results.length === checks.length && results.every(isBatchAnswer);
      };
      return (await ask({ path: '/batch-check', body: { checks }, isAnswer }, call)).results;
    },
    listObjects: (body, call) => ask({ path: '/list-objects', body, isAnswer: isObjectPage }, call),
    introspect: (token, call) => ask({ path: '/auth/introspect', body: { token }, isAnswer: isIntrospection }, call),
  };
}
