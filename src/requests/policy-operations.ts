/** What a tenant permits for a time: read and set whole. */
import { tenantOf } from '../audit/change.js';
import type { Change, Show } from '../audit/change.js';
import type { Operations } from '../shared/operation.js';
import { getAccessPolicy, upsertAccessPolicy } from './policy-store.js';

export interface RequestOptions {
  readonly change: Change;
  readonly show: Show;
}

export function policyOperations({ change, show }: RequestOptions) {
  return {
    async getAccessPolicy(_input, context) {
      const tenantId = tenantOf(context);
      return { status: 200, body: await show(context, tenantId, (tx) => getAccessPolicy(tx, tenantId)) };
    },
    async replaceAccessPolicy({ body }, context) {
      const tenantId = tenantOf(context);
      const { result: policy, ...receipt } = await change(context, { tenantId }, async (tx) => {
        await upsertAccessPolicy(tx, tenantId, body);
        return await getAccessPolicy(tx, tenantId);
      });
      return { status: 200, body: { policy, ...receipt } };
    },
  } satisfies Partial<Operations>;
}
