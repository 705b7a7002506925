/**
 * The decision operations of the contract: a body becomes a question (question.ts), whoever may not ask it is turned away
 * (admission.ts), and what answers it knows nothing of HTTP.
 */
import type { BatchCheckResult, Explanation } from '../contract/api.js';
import type { Operations } from '../shared/operation.js';
import { Problem } from '../shared/problem.js';
import { type Admission, oneToken } from './admission.js';
import type { BatchAnswer, BatchChecker } from './batch-check.js';
import type { Checker } from './check.js';
import { decodeCursor } from './cursor.js';
import type { Explain } from './explain.js';
import type { Lister } from './list-objects.js';
import type { PermissionLister } from './list-permissions.js';
import type { UserLister } from './list-users.js';
import type { ListedPage } from './page-walk.js';
import { type Question, toListQuestion, toPermissionsQuestion, toQuestion, toUsersQuestion } from './question.js';
import { findRowFilter } from './row-filter.js';

export interface DecisionOperationsOptions {
  readonly admission: Admission;
  readonly checker: Checker;
  readonly batchChecker: BatchChecker;
  readonly lister: Lister;
  readonly userLister: UserLister;
  readonly permissionLister: PermissionLister;
  readonly explain: Explain;
}

/** The contract's default, for callers that are not held to it. */
const LIMIT = 100;

export function decisionOperations(options: DecisionOperationsOptions) {
  const { admission, checker, batchChecker, lister, userLister, permissionLister, explain } = options;
  return {
    async check({ body }, context) {
      const question = toQuestion(body);
      const token = oneToken(body.syncToken, context.syncToken);
      const before = (): Promise<void> => admission.admit(question, context, token);
      let explanation: Explanation | undefined;
      const why = async (answer: { allowed: boolean; at: Date }): Promise<Explanation> =>
        (explanation = { recomputed: false, ...(await explain({ question, ...answer, deadline: context.deadline })) });
      const asking = { api: 'check', context, before, explain: body.explain === true ? why : undefined } as const;
      const { allowed, decisionId, modelId, at } = await checker.check(question, asking);
      const decision = { allowed, decisionId, modelId, evaluatedAt: at.toISOString() };
      return { status: 200, body: explanation === undefined ? decision : { ...decision, explanation } };
    },
    async batchCheck({ body }, context) {
      const syncToken = oneToken(body.syncToken, context.syncToken);
      const questions = body.checks.map((asked) => questionOrProblem({ ...asked, ...consistencyOf(body) }));
      const answers = await batchChecker.check(questions, { context, syncToken });
      return { status: 200, body: { results: answers.map(resultOf) } };
    },
    async listObjects({ body }, context) {
      const question = toListQuestion(body);
      const after = body.cursor === undefined ? undefined : decodeCursor(question, body.cursor);
      const token = oneToken(body.syncToken, context.syncToken);
      const before = (): Promise<void> => admission.admit(question, context, token);
      const limit = body.limit ?? LIMIT;
      return { status: 200, body: pageOf(await lister.list(question, { context, after, limit, before })) };
    },
    async rowFilter({ body: { cursor, limit = LIMIT, ...body } }, context) {
      const question = toListQuestion(body);
      await admission.admit(question, context, oneToken(body.syncToken, context.syncToken));
      const order = { question, context, cursor, limit };
      const { ownerUserIds, ...filter } = await findRowFilter(order, { checker, lister });
      const complete = filter.nextCursor === null;
      return { status: 200, body: { ...filter, ownerUserIds: [...ownerUserIds], complete } };
    },
    async listUsers({ body }, context) {
      const question = toUsersQuestion(body);
      const after = body.cursor === undefined ? undefined : decodeCursor(question, body.cursor);
      const token = oneToken(body.syncToken, context.syncToken);
      const { tenantId } = question;
      const before = (): Promise<void> => admission.admit({ userId: undefined, tenantId }, context, token);
      const limit = body.limit ?? LIMIT;
      return { status: 200, body: pageOf(await userLister.list(question, { context, after, limit, before })) };
    },
    async listPermissionsOf({ body }, context) {
      const question = toPermissionsQuestion(body);
      const token = oneToken(body.syncToken, context.syncToken);
      const before = (): Promise<void> => admission.admit(question, context, token);
      const items = await permissionLister.list(question, { context, before });
      return { status: 200, body: { items: [...items] } };
    },
  } satisfies Pick<
    Operations,
    'check' | 'batchCheck' | 'listObjects' | 'rowFilter' | 'listUsers' | 'listPermissionsOf'
  >;
}

function consistencyOf({ consistency }: { consistency?: 'full' }): { consistency?: 'full' } {
  return consistency === undefined ? {} : { consistency };
}

/** In a batch, what is wrong with one question is no fault of the others. */
function questionOrProblem(asked: Parameters<typeof toQuestion>[0]): Question | Problem {
  try {
    return toQuestion(asked);
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
}

function resultOf(answer: BatchAnswer): BatchCheckResult['results'][number] {
  if (!('problem' in answer)) return answer;
  const { code, detail } = answer.problem;
  return { error: { code, detail } };
}

function pageOf({ items, nextCursor }: ListedPage): { items: string[]; nextCursor: string | null; complete: boolean } {
  return { items: [...items], nextCursor, complete: nextCursor === null };
}
