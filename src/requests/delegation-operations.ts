/**
 * Delegation: a role that one holds, or the people below one, handed on for a time.
 *
 * What may be handed on, for how long, and when it ends with what the delegator loses is held by the database
 * (migrations/0023); here is only who asks. INVARIANT: what was handed on is never held for longer than by whoever
 * handed it on. tests/integration/delegation.test.ts.
 */
import { requireUser, tenantOf } from '../audit/change.js';
import type { Tx } from '../platform/postgres.js';
import type { Operations, RequestContext } from '../shared/operation.js';
import { toPage } from '../shared/page-cursor.js';
import { Problem } from '../shared/problem.js';
import { windowBody, windowOf } from '../shared/time-window.js';
import { endDelegation, findDelegation, insertDelegation, listDelegations, lockMember } from './delegation-store.js';
import type { DelegationRow, DelegationStatus, NewDelegation } from './delegation-store.js';
import { noSuchRole } from './elevation-operations.js';
import { lockRole } from './elevation-store.js';
import { showToMembers } from './member.js';
import { momentBody, placeOf } from './place.js';
import type { RequestOptions } from './policy-operations.js';

const LIMIT = 50;

export function delegationOperations(options: RequestOptions & { readonly now: () => Date }) {
  const { change, now } = options;
  const end = async (
    context: RequestContext,
    { id, reason, delegatorUserId }: { id: string; reason: string | undefined; delegatorUserId?: string },
  ) => {
    const tenantId = tenantOf(context);
    const { actorUserId } = requireUser(context);
    const mine = delegatorUserId === undefined ? {} : { delegatorUserId };
    const { result, ...receipt } = await change(context, { tenantId, reason }, async (tx) => {
      if (!(await endDelegation(tx, { tenantId, id, actorUserId, ...mine }))) throw noSuchDelegation();
      return await get(tx, tenantId, id);
    });
    return { status: 200 as const, body: { delegation: delegationBody(result), ...receipt } };
  };
  return {
    async createDelegation({ body }, context) {
      const tenantId = tenantOf(context);
      const { delegateUserId, roleId, team = false, reason } = body;
      const { actorUserId: delegatorUserId } = requireUser(context);
      if (roleId === undefined && !team) throw nothingNamed();
      if (delegateUserId === delegatorUserId) throw toOneself();
      const wanted = { tenantId, delegatorUserId, delegateUserId, roleId, team, reason, ...windowOf(body, now()) };
      const { result, ...receipt } = await change(context, { tenantId, reason }, (tx) => handOn(tx, wanted));
      return { status: 201, body: { delegation: delegationBody(result), ...receipt } };
    },
    listMyDelegations: ({ query }, context) =>
      listed({ show: showToMembers(options.show) }, context, { ...query, userId: requireUser(context).actorUserId }),
    endMyDelegation: ({ path: { id }, query: { reason } }, context) =>
      end(context, { id, reason, delegatorUserId: requireUser(context).actorUserId }),
    listDelegations: ({ query }, context) => listed(options, context, query),
    endDelegation: ({ path: { id }, query: { reason } }, context) => end(context, { id, reason }),
  } satisfies Partial<Operations>;
}

async function handOn(tx: Tx, wanted: NewDelegation): Promise<DelegationRow> {
  const { tenantId, roleId, delegateUserId } = wanted;
  if (!(await lockMember(tx, tenantId, delegateUserId))) throw new Problem('NOT_FOUND', 'there is no such user');
  if (roleId !== undefined && !(await lockRole(tx, tenantId, roleId))) throw noSuchRole();
  return await get(tx, tenantId, await insertDelegation(tx, wanted));
}

async function listed(
  { show }: Pick<RequestOptions, 'show'>,
  context: RequestContext,
  query: {
    userId?: string | undefined;
    status?: DelegationStatus | undefined;
    limit?: number | undefined;
    cursor?: string | undefined;
  },
) {
  const { userId, status, limit = LIMIT, cursor } = query;
  const tenantId = tenantOf(context);
  const page = { tenantId, userId, status, after: placeOf(cursor), limit: limit + 1 };
  const rows = await show(context, tenantId, (tx) => listDelegations(tx, page));
  const { items, nextCursor } = toPage(rows, limit, (row) => [row.createdAt.toISOString(), row.id]);
  return { status: 200 as const, body: { items: items.map(delegationBody), nextCursor } };
}

async function get(tx: Tx, tenantId: string, id: string): Promise<DelegationRow> {
  const row = await findDelegation(tx, tenantId, id);
  if (row === undefined) throw noSuchDelegation();
  return row;
}

/** Also for one of another tenant, or of somebody else. */
function noSuchDelegation(): Problem {
  return new Problem('NOT_FOUND', 'there is no such delegation');
}

function nothingNamed(): Problem {
  const message = 'is missing: a role, the team or both are handed on';
  return new Problem('INVALID_REQUEST', `\`roleId\` ${message}`, { errors: [{ field: 'roleId', message }] });
}

function toOneself(): Problem {
  const message = 'is oneself';
  return new Problem('INVALID_REQUEST', `\`delegateUserId\` ${message}`, {
    errors: [{ field: 'delegateUserId', message }],
  });
}

function delegationBody({ createdAt, validFrom, expiresAt, endedAt, ...row }: DelegationRow) {
  return {
    ...row,
    ...windowBody({ validFrom, expiresAt }),
    createdAt: createdAt.toISOString(),
    expiresAt: expiresAt.toISOString(),
    endedAt: momentBody(endedAt),
  };
}
