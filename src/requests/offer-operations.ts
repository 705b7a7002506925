/**
 * What one may choose from before one asks for a role, hands one on or takes one in an emergency, without any permission:
 * whoever may send the request may know what it can be about, and no more than that.
 *
 * INVARIANT: only an enabled user of the tenant is answered, whatever tenant a caller names as theirs; of people nothing
 * is shown but their name. tests/integration/offers.test.ts.
 */
import { z } from 'zod';

import { requireUser, tenantOf } from '../audit/change.js';
import type { Operations } from '../shared/operation.js';
import { decodePlace, textPlace, toPage } from '../shared/page-cursor.js';
import { requireMember } from './member.js';
import { listOfferedPeople, listOfferedRoles } from './offer-store.js';
import type { RequestOptions } from './policy-operations.js';

const LIMIT = 50;
const personPlace = z.tuple([z.string().max(400), z.string().max(200)]);

export function offerOperations({ show }: RequestOptions) {
  return {
    async listOfferedRoles({ query: { for: offeredFor, limit = LIMIT, cursor } }, context) {
      const tenantId = tenantOf(context);
      const { actorUserId: userId } = requireUser(context);
      const [after = ''] = decodePlace(cursor, textPlace) ?? [];
      const rows = await show(context, tenantId, async (tx) => {
        await requireMember(tx, tenantId, userId);
        return await listOfferedRoles(tx, { tenantId, userId, offeredFor, after, limit: limit + 1 });
      });
      return { status: 200, body: toPage(rows, limit, (role) => [role.roleName]) };
    },
    async listOfferedPeople({ query: { namePrefix, limit = LIMIT, cursor } }, context) {
      const tenantId = tenantOf(context);
      const { actorUserId: butUserId } = requireUser(context);
      const [place, id] = decodePlace(cursor, personPlace) ?? [];
      const after = place === undefined || id === undefined ? undefined : { place, id };
      const rows = await show(context, tenantId, async (tx, writeDown) => {
        await requireMember(tx, tenantId, butUserId);
        // Whoever needs no permission for it leaves a trace.
        const found = await listOfferedPeople(tx, { tenantId, butUserId, namePrefix, after, limit: limit + 1 });
        await writeDown({ entityType: 'user', entityId: '*', action: 'READ', purpose: 'user.list' });
        return found;
      });
      const { items, nextCursor } = toPage(rows, limit, (person) => [person.place, person.id]);
      const people = items.map(({ id, displayName }) => ({ id, displayName }));
      return { status: 200, body: { items: people, nextCursor } };
    },
  } satisfies Partial<Operations>;
}
