/** The operations of the contract that say why, and what would be. */
import type { Operations } from '../shared/operation.js';
import { type Admission, oneToken } from './admission.js';
import type { Checker } from './check.js';
import type { Explain } from './explain.js';
import { toQuestion } from './question.js';
import type { WhatIf } from './what-if.js';

export interface ReasonOperationsOptions {
  readonly admission: Admission;
  readonly checker: Checker;
  readonly explain: Explain;
  readonly whatIf: WhatIf;
  readonly now: () => Date;
}

export function reasonOperations({ admission, checker, explain, whatIf, now }: ReasonOperationsOptions) {
  return {
    async explain({ body }, context) {
      const question = toQuestion({ ...body, consistency: 'full' });
      const token = oneToken(body.syncToken, context.syncToken);
      const before = (): Promise<void> => admission.admit(question, context, token);
      const decision = await checker.check(question, { api: 'explain', context, before });
      const { allowed, decisionId, modelId, at } = decision;
      const reasons = await explain({ question, allowed, at, deadline: context.deadline });
      const evaluatedAt = at.toISOString();
      return { status: 200, body: { allowed, decisionId, modelId, evaluatedAt, recomputed: true, ...reasons } };
    },
    async whatIf({ body }, context) {
      const { tenant: tenantId, changes, ask, syncToken } = body;
      const token = oneToken(syncToken, context.syncToken);
      await admission.admit({ userId: undefined, tenantId }, context, token);
      const { deadline } = context;
      return { status: 200, body: await whatIf({ tenantId, changes, ask, at: now(), deadline }) };
    },
  } satisfies Pick<Operations, 'explain' | 'whatIf'>;
}
