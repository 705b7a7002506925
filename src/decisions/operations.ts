/** The decision operations of the contract. */
import type { Operations } from '../shared/operation.js';
import type { SyncGate } from '../shared/sync-gate.js';
import { createAdmission, oneToken } from './admission.js';
import type { Checker } from './check.js';
import { decodeCursor } from './cursor.js';
import type { Lister } from './list-objects.js';
import { toListQuestion, toQuestion } from './question.js';

export interface DecisionOperationsOptions {
  readonly checker: Checker;
  readonly lister: Lister;
  readonly gate: SyncGate;
}

/** The contract's default, for callers that are not held to it. */
const LIMIT = 100;

export function decisionOperations({ checker, lister, gate }: DecisionOperationsOptions) {
  const admit = createAdmission({ checker, gate });
  return {
    async check({ body }, context) {
      const question = toQuestion(body);
      const token = oneToken(body.syncToken, context.syncToken);
      const before = (): Promise<void> => admit(question, context, token);
      const { allowed, decisionId, modelId, at } = await checker.check(question, { api: 'check', context, before });
      return { status: 200, body: { allowed, decisionId, modelId, evaluatedAt: at.toISOString() } };
    },
    async listObjects({ body }, context) {
      const question = toListQuestion(body);
      const after = body.cursor === undefined ? undefined : decodeCursor(question, body.cursor);
      const before = (): Promise<void> => admit(question, context, context.syncToken);
      const limit = body.limit ?? LIMIT;
      const { items, nextCursor } = await lister.list(question, { context, after, limit, before });
      return { status: 200, body: { items: [...items], nextCursor, complete: nextCursor === null } };
    },
  } satisfies Pick<Operations, 'check' | 'listObjects'>;
}
