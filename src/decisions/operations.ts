/**
 * The decision operations of the contract: a body becomes a question (question.ts), whoever may not ask it is turned away
 * (admission.ts), and what answers it knows nothing of HTTP.
 */
import type { BatchCheckResult, Explanation } from '../contract/api.js';
import type { Operations } from '../shared/operation.js';
import { Problem } from '../shared/problem.js';
import type { SyncGate } from '../shared/sync-gate.js';
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
  readonly gate: Pick<SyncGate, 'lagMs'>;
}

/** The contract's default, for callers that are not held to it. */
const LIMIT = 100;

export function decisionOperations(options: DecisionOperationsOptions) {
  const { admission, checker, batchChecker, lister, userLister, permissionLister, explain } = options;
  const answer = <Body>(body: Body, ...tenantIds: readonly string[]): { status: 200; body: Body } =>
    withLag({ status: 200, body }, Math.max(0, ...tenantIds.map((id) => options.gate.lagMs(id))));
  return {
    async check({ body: asked }, context) {
      const question = toQuestion(asked);
      const token = oneToken(asked.syncToken, context.syncToken);
      const before = (): Promise<void> => admission.admit(question, context, token);
      let explanation: Explanation | undefined;
      const why = async (given: { allowed: boolean; at: Date }): Promise<Explanation> =>
        (explanation = { recomputed: false, ...(await explain({ question, ...given, deadline: context.deadline })) });
      const asking = { api: 'check', context, before, explain: asked.explain === true ? why : undefined } as const;
      const { allowed, decisionId, modelId, at } = await checker.check(question, asking);
      const decision = { allowed, decisionId, modelId, evaluatedAt: at.toISOString() };
      const body = explanation === undefined ? decision : { ...decision, explanation };
      return answer(body, question.tenantId);
    },
    async batchCheck({ body }, context) {
      const syncToken = oneToken(body.syncToken, context.syncToken);
      const questions = body.checks.map((asked) => questionOrProblem({ ...asked, ...consistencyOf(body) }));
      const answers = await batchChecker.check(questions, { context, syncToken });
      return answer({ results: answers.map(resultOf) }, ...new Set(body.checks.map(({ tenant }) => tenant)));
    },
    async listObjects({ body }, context) {
      const question = toListQuestion(body);
      const after = body.cursor === undefined ? undefined : decodeCursor(question, body.cursor);
      const token = oneToken(body.syncToken, context.syncToken);
      const before = (): Promise<void> => admission.admit(question, context, token);
      const limit = body.limit ?? LIMIT;
      return answer(pageOf(await lister.list(question, { context, after, limit, before })), question.tenantId);
    },
    async rowFilter({ body: { cursor, limit = LIMIT, ...body } }, context) {
      const question = toListQuestion(body);
      await admission.admit(question, context, oneToken(body.syncToken, context.syncToken));
      const order = { question, context, cursor, limit };
      const { ownerUserIds, ...filter } = await findRowFilter(order, { checker, lister });
      const complete = filter.nextCursor === null;
      return answer({ ...filter, ownerUserIds: [...ownerUserIds], complete }, question.tenantId);
    },
    async listUsers({ body }, context) {
      const question = toUsersQuestion(body);
      const after = body.cursor === undefined ? undefined : decodeCursor(question, body.cursor);
      const token = oneToken(body.syncToken, context.syncToken);
      const { tenantId } = question;
      const before = (): Promise<void> => admission.admit({ userId: undefined, tenantId }, context, token);
      const limit = body.limit ?? LIMIT;
      return answer(pageOf(await userLister.list(question, { context, after, limit, before })), tenantId);
    },
    async listPermissionsOf({ body }, context) {
      const question = toPermissionsQuestion(body);
      const token = oneToken(body.syncToken, context.syncToken);
      const before = (): Promise<void> => admission.admit(question, context, token);
      const items = await permissionLister.list(question, { context, before });
      return answer({ items: [...items] }, question.tenantId);
    },
  } satisfies Pick<
    Operations,
    'check' | 'batchCheck' | 'listObjects' | 'rowFilter' | 'listUsers' | 'listPermissionsOf'
  >;
}

/** While changes wait longer than usual, callers are told for how long (RELIABILITY, soft bound of lag). */
function withLag<A extends object>(answer: A, lagMs: number): A {
  return lagMs === 0 ? answer : { ...answer, headers: { 'authz-sync-lag-ms': String(lagMs) } };
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
