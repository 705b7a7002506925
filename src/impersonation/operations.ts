/**
 * "Switch to tenant": a platform admin acts in a tenant, under their own id, for an hour at most.
 *
 * The row is what counts: a write of a platform admin is let through while theirs is active (src/audit/change.ts), and a
 * token stands on it. INVARIANT: one at a time for each admin, by a unique index. tests/integration/impersonation.test.ts.
 */
import { requireUser } from '../audit/change.js';
import type { Change } from '../audit/change.js';
import type { Metrics } from '../platform/metrics.js';
import type { Tx } from '../platform/postgres.js';
import type { Operations } from '../shared/operation.js';
import { Problem } from '../shared/problem.js';
import type { ProblemFacts } from '../shared/problem.js';
import {
  endImpersonation,
  findActiveImpersonation,
  insertImpersonation,
  lockTenant,
  sweepExpired,
} from './impersonation-store.js';

/** Signs a token that stands on the impersonation. */
export type IssueToken = (
  tx: Tx,
  wanted: {
    readonly userId: string;
    readonly tenantId: string;
    readonly impersonation: { readonly id: string; readonly expiresAt: Date };
  },
) => Promise<{ readonly accessToken: string }>;

export interface ImpersonationOptions {
  readonly change: Change;
  /** Undefined where no token is issued here: headers with `x-impersonation-id` are the only way then. */
  readonly issueToken?: IssueToken;
  readonly metrics: Metrics;
}

export function impersonationOperations({ change, issueToken, metrics }: ImpersonationOptions) {
  const started = metrics.counter({
    name: 'impersonations_total',
    help: 'Impersonations that platform admins started; an emergency is worth a look.',
    labels: ['kind'],
    known: [{ kind: 'routine' }, { kind: 'emergency' }],
  });

  return {
    async startImpersonation({ path: { id: tenantId }, body }, context) {
      const { actorUserId, impersonationId } = requireUser(context);
      if (impersonationId !== undefined) throw already('the request itself is made in an impersonation');
      const { reason, ticket, emergency: isEmergency = false } = body;
      if (isEmergency && ticket === undefined) throw needsTicket();
      const order = { tenantId: undefined, about: tenantId };
      const { result, ...receipt } = await change(context, order, async (tx) => {
        if (!(await lockTenant(tx, tenantId))) throw new Problem('NOT_FOUND', 'there is no such tenant');
        await sweepExpired(tx, { actorUserId, limit: 1 });
        const wanted = { actorUserId, tenantId, reason, ticket, isEmergency };
        const impersonation = await insertImpersonation(tx, wanted);
        if (impersonation === undefined) {
          const active = await findActiveImpersonation(tx, actorUserId);
          throw already('stop the one that is active first', active);
        }
        const token = await issueToken?.(tx, { userId: actorUserId, tenantId, impersonation });
        return { impersonation, accessToken: token?.accessToken ?? null };
      });
      started.inc({ kind: isEmergency ? 'emergency' : 'routine' });
      const { id, expiresAt } = result.impersonation;
      const { accessToken } = result;
      const body201 = { impersonationId: id, accessToken, expiresAt: expiresAt.toISOString(), ...receipt };
      return { status: 201, body: body201 };
    },
    async endImpersonation({ path: { id: tenantId } }, context) {
      const { actorUserId } = requireUser(context);
      const order = { tenantId: undefined, about: tenantId, isEnd: true };
      const { result, ...receipt } = await change(context, order, async (tx) => {
        const ended = await endImpersonation(tx, { actorUserId, tenantId });
        if (ended === undefined) throw new Problem('NOT_FOUND', 'you are not impersonating this tenant');
        return ended;
      });
      const { id, endedAt } = result;
      return { status: 200, body: { impersonationId: id, endedAt: endedAt.toISOString(), ...receipt } };
    },
  } satisfies Partial<Operations>;
}

function already(detail: string, impersonation?: ProblemFacts['impersonation']): Problem {
  const facts = impersonation === undefined ? {} : { impersonation };
  return new Problem('ALREADY_IMPERSONATING', detail, { facts });
}

function needsTicket(): Problem {
  const message = 'is missing: an emergency names one';
  return new Problem('INVALID_REQUEST', `\`ticket\` ${message}`, { errors: [{ field: 'ticket', message }] });
}
