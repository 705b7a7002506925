/** What somebody may do in their tenant now, as the engine has it. */
import { catalogue } from '../contract/model.js';
import { engineName } from '../shared/ids.js';
import type { Deadline } from '../shared/operation.js';
import { Problem } from '../shared/problem.js';
import { EngineError } from '../shared/tuple.js';
import type { TupleStore } from '../shared/tuple.js';

/** The permissions of the tenant that the user has. Throws Problem ENGINE_UNAVAILABLE rather than leave one out. */
export type PermissionsOf = (
  who: { readonly userId: string; readonly tenantId: string },
  deadline: Deadline,
) => Promise<string[]>;

const grantable = catalogue.filter(({ objectType }) => objectType === 'tenant').map(({ id }) => id);

export function createPermissionsOf({ tuples, now }: { tuples: TupleStore; now: () => Date }): PermissionsOf {
  return async ({ userId, tenantId }, deadline) => {
    const at = now();
    const asked = { user: engineName.user(userId), object: engineName.tenant(tenantId), at };
    const answers = await tuples.batchCheck(
      grantable.map((relation) => ({ ...asked, relation })),
      { timeoutMs: deadline.remainingMs(), signal: deadline.signal, trace: deadline.trace },
    );
    return grantable.filter((_, index) => {
      const answer = answers[index];
      if (typeof answer === 'boolean') return answer;
      const cause = answer instanceof EngineError ? answer : undefined;
      const detail = 'the decision engine did not answer; this is neither a yes nor a no';
      throw new Problem('ENGINE_UNAVAILABLE', detail, { cause, retryAfterSeconds: 1 });
    });
  };
}
