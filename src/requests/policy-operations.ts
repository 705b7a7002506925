/** What a tenant permits for a time: read and set whole. */
import { tenantOf } from '../audit/change.js';
import type { Change, Show } from '../audit/change.js';
import { ConstraintError } from '../platform/postgres.js';
import type { Tx } from '../platform/postgres.js';
import type { Operations } from '../shared/operation.js';
import { Problem } from '../shared/problem.js';
import { getAccessPolicy, replaceEmergencyRoles, upsertAccessPolicy } from './policy-store.js';
import type { AccessPolicyRow } from './policy-store.js';

export interface RequestOptions {
  readonly change: Change;
  readonly show: Show;
}

export function policyOperations({ change, show }: RequestOptions) {
  return {
    async getAccessPolicy(_input, context) {
      const tenantId = tenantOf(context);
      const policy = await show(context, tenantId, (tx) => getAccessPolicy(tx, tenantId));
      return { status: 200, body: policyBody(policy) };
    },
    async replaceAccessPolicy({ body }, context) {
      const tenantId = tenantOf(context);
      const { result, ...receipt } = await change(context, { tenantId }, async (tx) => {
        await upsertAccessPolicy(tx, tenantId, body);
        await setEmergency(tx, tenantId, body.emergency);
        return await getAccessPolicy(tx, tenantId);
      });
      return { status: 200, body: { policy: policyBody(result), ...receipt } };
    },
  } satisfies Partial<Operations>;
}

async function setEmergency(tx: Tx, tenantId: string, pairs: AccessPolicyRow['emergency']): Promise<void> {
  try {
    await replaceEmergencyRoles(tx, tenantId, pairs);
  } catch (error) {
    if (!(error instanceof ConstraintError)) throw error;
    if (error.constraint === 'chk_emergency_role_pair') {
      const message = 'names a role that would be taken by its own holders';
      const errors = [{ field: 'emergency', message }];
      throw new Problem('INVALID_REQUEST', `\`emergency\` ${message}`, { cause: error, errors });
    }
    throw new Problem('NOT_FOUND', 'there is no such role', { cause: error });
  }
}

function policyBody({ emergency, ...policy }: AccessPolicyRow) {
  return { ...policy, emergency: [...emergency] };
}
