/**
 * Emergency access: a role taken at once, for an hour at most, by whoever the tenant lets take it, and reviewed afterwards
 * by somebody else.
 *
 * INVARIANT: of all ways to more rights it is the only one without somebody else's word, so each is counted, stands in the
 * tenant's history and waits for a verdict. tests/integration/emergency-access.test.ts.
 */
import { requireUser, tenantOf } from '../audit/change.js';
import type { Metrics } from '../platform/metrics.js';
import type { Tx } from '../platform/postgres.js';
import type { Operations, RequestContext } from '../shared/operation.js';
import { toPage } from '../shared/page-cursor.js';
import { Problem } from '../shared/problem.js';
import type { DelegationStatus } from './delegation-store.js';
import { noSuchRole } from './elevation-operations.js';
import { lockRole } from './elevation-store.js';
import { endEmergency, findEmergency, insertEmergency, listEmergencies, reviewEmergency } from './emergency-store.js';
import type { EmergencyRow } from './emergency-store.js';
import { showToMembers } from './member.js';
import { momentBody, placeOf } from './place.js';
import type { RequestOptions } from './policy-operations.js';

const LIMIT = 50;

export function emergencyOperations(options: RequestOptions & { readonly metrics: Metrics }) {
  const { change, metrics } = options;
  const taken = metrics.counter({
    name: 'emergency_access_total',
    help: 'Roles that users took at once in an emergency; each is worth a look.',
    labels: [],
  });
  return {
    async takeEmergencyAccess({ body }, context) {
      const wanted = { ...body, tenantId: tenantOf(context), userId: requireUser(context).actorUserId };
      const { tenantId, reason } = wanted;
      const { result, ...receipt } = await change(context, { tenantId, reason }, async (tx) => {
        if (!(await lockRole(tx, tenantId, wanted.roleId))) throw noSuchRole();
        return await get(tx, tenantId, await insertEmergency(tx, wanted));
      });
      taken.inc({});
      return { status: 201, body: { access: emergencyBody(result), ...receipt } };
    },
    async endEmergencyAccess({ path: { id } }, context) {
      const mine = { tenantId: tenantOf(context), id, userId: requireUser(context).actorUserId };
      const { result, ...receipt } = await change(context, { tenantId: mine.tenantId }, async (tx) => {
        if (!(await endEmergency(tx, mine))) throw noSuchEmergency();
        return await get(tx, mine.tenantId, id);
      });
      return { status: 200, body: { access: emergencyBody(result), ...receipt } };
    },
    listMyEmergencies: ({ query }, context) =>
      listed({ show: showToMembers(options.show) }, context, { ...query, userId: requireUser(context).actorUserId }),
    listEmergencies: ({ query }, context) => listed(options, context, query),
    async reviewEmergencyAccess({ path: { id }, body: { verdict, comment } }, context) {
      const tenantId = tenantOf(context);
      const { result, ...receipt } = await change(context, { tenantId, reason: comment }, async (tx) => {
        if (!(await reviewEmergency(tx, { tenantId, id, verdict, comment }))) throw noSuchEmergency();
        return await get(tx, tenantId, id);
      });
      return { status: 200, body: { access: emergencyBody(result), ...receipt } };
    },
  } satisfies Partial<Operations>;
}

async function listed(
  { show }: Pick<RequestOptions, 'show'>,
  context: RequestContext,
  query: {
    userId?: string | undefined;
    status?: DelegationStatus | undefined;
    reviewed?: boolean | undefined;
    limit?: number | undefined;
    cursor?: string | undefined;
  },
) {
  const { userId, status, reviewed, limit = LIMIT, cursor } = query;
  const tenantId = tenantOf(context);
  const page = { tenantId, userId, status, reviewed, after: placeOf(cursor), limit: limit + 1 };
  const rows = await show(context, tenantId, (tx) => listEmergencies(tx, page));
  const { items, nextCursor } = toPage(rows, limit, (row) => [row.takenAt.toISOString(), row.id]);
  return { status: 200 as const, body: { items: items.map(emergencyBody), nextCursor } };
}

async function get(tx: Tx, tenantId: string, id: string): Promise<EmergencyRow> {
  const row = await findEmergency(tx, tenantId, id);
  if (row === undefined) throw noSuchEmergency();
  return row;
}

/** Also for one of another tenant, or of somebody else. */
function noSuchEmergency(): Problem {
  return new Problem('NOT_FOUND', 'there is no such emergency access');
}

function emergencyBody({ takenAt, expiresAt, endedAt, reviewedAt, ...row }: EmergencyRow) {
  return {
    ...row,
    takenAt: takenAt.toISOString(),
    expiresAt: expiresAt.toISOString(),
    endedAt: momentBody(endedAt),
    reviewedAt: momentBody(reviewedAt),
  };
}
