/**
 * Just-in-time elevation: a role for a time, asked for by whoever needs it and granted by somebody else.
 *
 * Who may decide, that one decision wins, and that an approval assigns the role in the same step is held by the database
 * (migrations/0022); so is that nobody grants what they could not assign (migrations/0008).
 * INVARIANT: nobody decides about their own request, whoever writes. tests/integration/elevation.test.ts.
 */
import { requireUser, tenantOf } from '../audit/change.js';
import { ConstraintError } from '../platform/postgres.js';
import type { Tx } from '../platform/postgres.js';
import type { Operations, RequestContext } from '../shared/operation.js';
import { toPage } from '../shared/page-cursor.js';
import { Problem } from '../shared/problem.js';
import { findElevation, insertElevation, listElevations, lockRole, moveElevation } from './elevation-store.js';
import type { ElevationRow, ElevationStatus, NewElevation } from './elevation-store.js';
import { showToMembers } from './member.js';
import { momentBody, placeOf } from './place.js';
import type { RequestOptions } from './policy-operations.js';

const LIMIT = 50;

export function elevationOperations(options: RequestOptions) {
  return { ...ownElevations(options), ...elevationsOfTenant(options) };
}

function ownElevations({ change, show }: RequestOptions) {
  const showMine = showToMembers(show);
  const close = async (context: RequestContext, id: string, status: 'cancelled' | 'ended') => {
    const mine = { tenantId: tenantOf(context), id, userId: requireUser(context).actorUserId };
    const { result, ...receipt } = await change(context, { tenantId: mine.tenantId }, async (tx) => {
      if (!(await moveElevation(tx, { ...mine, status }))) throw noSuchRequest();
      return await get(tx, mine);
    });
    return { status: 200 as const, body: { elevation: elevationBody(result), ...receipt } };
  };
  return {
    async requestElevation({ body }, context) {
      const tenantId = tenantOf(context);
      const { actorUserId: userId } = requireUser(context);
      const { roleId, durationMinutes, reason, ticket } = body;
      const { result, ...receipt } = await change(context, { tenantId }, async (tx) => {
        if (!(await lockRole(tx, tenantId, roleId))) throw noSuchRole();
        const id = await open(tx, { tenantId, userId, roleId, durationMinutes, reason, ticket });
        return await get(tx, { tenantId, id });
      });
      return { status: 201, body: { elevation: elevationBody(result), ...receipt } };
    },
    listMyElevations: ({ query }, context) =>
      listed({ show: showMine }, context, { ...query, userId: requireUser(context).actorUserId }),
    async getMyElevation({ path: { id } }, context) {
      const mine = { tenantId: tenantOf(context), id, userId: requireUser(context).actorUserId };
      const row = await showMine(context, mine.tenantId, (tx) => get(tx, mine));
      return { status: 200, body: elevationBody(row) };
    },
    cancelElevation: ({ path: { id } }, context) => close(context, id, 'cancelled'),
    endElevation: ({ path: { id } }, context) => close(context, id, 'ended'),
  } satisfies Partial<Operations>;
}

function elevationsOfTenant({ change, show }: RequestOptions) {
  const decide = async (
    context: RequestContext,
    { id, status, reason }: { id: string; status: 'approved' | 'denied'; reason: string | undefined },
  ) => {
    const tenantId = tenantOf(context);
    const { result, ...receipt } = await change(context, { tenantId, reason }, async (tx) => {
      if (!(await moveElevation(tx, { tenantId, id, status, reason }))) throw noSuchRequest();
      return await get(tx, { tenantId, id });
    });
    return { status: 200 as const, body: { elevation: elevationBody(result), ...receipt } };
  };
  return {
    listElevations: ({ query }, context) => listed({ show }, context, query),
    async getElevation({ path: { id } }, context) {
      const tenantId = tenantOf(context);
      const row = await show(context, tenantId, (tx) => get(tx, { tenantId, id }));
      return { status: 200, body: elevationBody(row) };
    },
    approveElevation: ({ path: { id }, body: { reason } }, context) =>
      decide(context, { id, status: 'approved', reason }),
    denyElevation: ({ path: { id }, body: { reason } }, context) => decide(context, { id, status: 'denied', reason }),
  } satisfies Partial<Operations>;
}

async function listed(
  { show }: Pick<RequestOptions, 'show'>,
  context: RequestContext,
  query: {
    userId?: string | undefined;
    status?: ElevationStatus | undefined;
    limit?: number | undefined;
    cursor?: string | undefined;
  },
) {
  const { userId, status, limit = LIMIT, cursor } = query;
  const tenantId = tenantOf(context);
  const page = { tenantId, userId, status, after: placeOf(cursor), limit: limit + 1 };
  const rows = await show(context, tenantId, (tx) => listElevations(tx, page));
  const { items, nextCursor } = toPage(rows, limit, (row) => [row.requestedAt.toISOString(), row.id]);
  return { status: 200 as const, body: { items: items.map(elevationBody), nextCursor } };
}

async function open(tx: Tx, wanted: NewElevation): Promise<string> {
  try {
    return await insertElevation(tx, wanted);
  } catch (error) {
    if (error instanceof ConstraintError && error.constraint === 'uq_elevation_open') {
      throw new Problem('REQUEST_OPEN', 'you have asked for this role already', { cause: error });
    }
    throw error;
  }
}

async function get(tx: Tx, which: Parameters<typeof findElevation>[1]): Promise<ElevationRow> {
  const row = await findElevation(tx, which);
  if (row === undefined) throw noSuchRequest();
  return row;
}

/** Also for one of another tenant, or of somebody else. */
function noSuchRequest(): Problem {
  return new Problem('NOT_FOUND', 'there is no such request');
}

/** Also for one of another tenant. */
export function noSuchRole(): Problem {
  return new Problem('NOT_FOUND', 'there is no such role');
}

function elevationBody({ requestedAt, answerBy, decidedAt, expiresAt, endedAt, ...row }: ElevationRow) {
  return {
    ...row,
    requestedAt: requestedAt.toISOString(),
    answerBy: answerBy.toISOString(),
    decidedAt: momentBody(decidedAt),
    expiresAt: momentBody(expiresAt),
    endedAt: momentBody(endedAt),
  };
}
