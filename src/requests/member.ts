/**
 * Who may read, without any permission, what is their own or what they may ask for: an enabled user of the tenant, whatever
 * tenant a caller names as theirs. INVARIANT: nobody of a suspended tenant reads. tests/integration/offers.test.ts.
 */
import { requireUser } from '../audit/change.js';
import type { Show } from '../audit/change.js';
import type { Tx } from '../platform/postgres.js';
import { Problem } from '../shared/problem.js';
import { findTenantStatusOf, isPlatformAdmin } from './offer-store.js';

/** Throws Problem FORBIDDEN for whoever is no enabled user of the tenant, TENANT_SUSPENDED where nobody reads. */
export async function requireMember(tx: Tx, tenantId: string, userId: string): Promise<void> {
  const status = await findTenantStatusOf(tx, tenantId, userId);
  if (status === undefined) throw new Problem('FORBIDDEN', `\`${userId}\` is no enabled user of the tenant`);
  if (status === 'suspended') throw new Problem('TENANT_SUSPENDED', 'the tenant is suspended');
}

/** The same `show`, for members of the tenant and for platform admins, who read in every tenant. */
export function showToMembers(show: Show): Show {
  return (context, tenantId, work) =>
    show(context, tenantId, async (tx, writeDown) => {
      const { actorUserId } = requireUser(context);
      if (!(await isPlatformAdmin(tx, actorUserId))) await requireMember(tx, tenantId, actorUserId);
      return await work(tx, writeDown);
    });
}
