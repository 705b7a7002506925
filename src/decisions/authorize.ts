/** Our own authorization: whoever calls an operation is asked about by the same path, engine and log as anyone else. */
import type { Authorize } from '../shared/operation.js';
import { Problem } from '../shared/problem.js';
import type { Caller } from '../shared/caller.js';
import type { Checker } from './check.js';
import { isPermission, toQuestion } from './question.js';

/**
 * A service key may only decide; a user needs the permission in the tenant that their credential speaks for.
 * Throws an Error for a requirement that is no permission of the model: a fault of the contract, not of the caller.
 */
export function createAuthorizer(checker: Checker): Authorize {
  return async (requirement, context) => {
    if (requirement === 'public' || requirement === 'decide') return;
    if (!isPermission(requirement)) throw new Error(`\`${requirement}\` is not a permission of the model`);
    const { caller } = context;
    const question = toQuestion({ ...subjectOf(caller), permission: requirement });
    const { allowed } = await checker.check(question, { api: 'authorize', context });
    if (!allowed) throw forbidden(requirement);
  };

  function subjectOf(caller: Caller): { user: string; tenant: string } {
    if (caller.kind === 'service') throw new Problem('FORBIDDEN', 'a service key may only ask for decisions');
    if (caller.tenantId === undefined) throw new Problem('FORBIDDEN', 'the credential speaks for no tenant');
    return { user: caller.actorUserId, tenant: caller.tenantId };
  }
}

function forbidden(requirement: string): Problem {
  return new Problem('FORBIDDEN', `this needs \`${requirement}\``);
}
