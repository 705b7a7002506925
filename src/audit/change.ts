/**
 * How the service writes: one transaction that says who acts, and a receipt that says how far the change has come.
 *
 * The entries in `audit.access_log` are made by the database's own triggers, from the settings given here; no operation
 * writes one, and so none can forget it. INVARIANT: nothing is written into a tenant that is not active, nor by a
 * platform admin from outside who has no impersonation of it; both are looked at in the transaction of the change, and
 * held until it commits. tests/integration/change.test.ts.
 */
import { randomUUID } from 'node:crypto';

import { isRetryable } from '../platform/postgres.js';
import type { Pool, Tx, TxSettings } from '../platform/postgres.js';
import type { Caller } from '../shared/caller.js';
import type { Deadline, RequestContext } from '../shared/operation.js';
import { Problem } from '../shared/problem.js';
import { findEnding, findStanding, insertShown, nameImpersonation } from './change-store.js';
import type { Shown, Standing } from './change-store.js';
import { markEffect } from './claim-store.js';

export interface ChangeOrder {
  /** Undefined: a change of the platform itself, which its operation has to permit. */
  readonly tenantId: string | undefined;
  readonly reason?: string | undefined;
  /** Where the platform changes one tenant: that tenant, whose changes alone the receipt then covers. */
  readonly about?: string;
  /** What the entry of a new role says instead of `role.create`. */
  readonly purpose?: string;
  /** Ends something (a session, an impersonation): allowed whatever the tenant's status, and without impersonation. */
  readonly isEnd?: boolean;
}

/** How far a change has come. */
export interface Receipt {
  /** A check that carries it is not older than the change. */
  readonly syncToken: string;
  /** Whether it is in force already. */
  readonly applied: boolean;
}

export type UserCaller = Extract<Caller, { kind: 'user' }>;

/**
 * Runs `work` in one transaction and waits, bounded, until what it did is in force. Where the transaction lost a race
 * that trying again can win, `work` runs again, so it must do nothing but SQL. Throws what `work` throws, and Problem
 * TENANT_READ_ONLY, TENANT_SUSPENDED, IMPERSONATION_REQUIRED, NOT_FOUND, or SYNC_BACKLOG where it only gives access and
 * earlier changes have waited too long; one that takes access away is never refused for that.
 */
export type Change = <T>(
  context: RequestContext,
  order: ChangeOrder,
  work: (tx: Tx) => Promise<T>,
) => Promise<{ readonly result: T } & Receipt>;

/** Runs `work` in a transaction that sees the tenant; what is shown is written down with it. */
export type Show = <T>(
  context: RequestContext,
  tenantId: string,
  work: (tx: Tx, writeDown: (shown: Omit<Shown, 'tenantId'>) => Promise<void>) => Promise<T>,
) => Promise<T>;

export interface ChangeOptions {
  /** Of role `bailiwick_service`. */
  readonly pool: Pool;
  /** Waits, bounded, until what the token covers is in force; resolves to whether it is. */
  readonly settle: (syncToken: string, deadline: Deadline) => Promise<boolean>;
}

/** Tries of a transaction that loses races. */
const TRIES = 5;

export function createChange({ pool, settle }: ChangeOptions): Change {
  return async (context, order, work) => {
    const caller = requireUser(context);
    if (order.tenantId === undefined && order.isEnd !== true) refuseWhileImpersonating(context);
    const settings = settingsOf(caller, context, order);
    const { result, syncToken } = await retrying(() =>
      pool.transaction(
        async (tx) => {
          await requireMayWrite(tx, caller, order);
          if (context.idempotencyClaim !== undefined) await markEffect(tx, context.idempotencyClaim);
          const done = await work(tx);
          const { syncToken, isBacklogged } = await findEnding(tx, order.tenantId ?? order.about);
          if (isBacklogged) throw backlogged();
          return { result: done, syncToken };
        },
        { settings },
      ),
    );
    return { result, syncToken, applied: await settle(syncToken, context.deadline) };
  };
}

export function createShow(pool: Pool): Show {
  return async (context, tenantId, work) => {
    const { actorUserId, impersonationId } = requireUser(context);
    const { requestId } = context;
    const settings = { 'bailiwick.tenant_id': tenantId };
    return await pool.transaction(
      (tx) => work(tx, (shown) => insertShown(tx, { ...shown, tenantId, actorUserId, impersonationId, requestId })),
      { settings },
    );
  };
}

/** The caller as a person. Throws Problem FORBIDDEN for a service key. */
export function requireUser({ caller }: RequestContext): UserCaller {
  if (caller.kind === 'user') return caller;
  throw new Problem('FORBIDDEN', 'a service key may only ask for decisions');
}

/** The tenant that the caller's credential speaks for. Throws Problem FORBIDDEN where it names none. */
export function tenantOf(context: RequestContext): string {
  const { tenantId } = requireUser(context);
  if (tenantId === undefined) throw new Problem('FORBIDDEN', 'the credential speaks for no tenant');
  return tenantId;
}

/** Throws Problem FORBIDDEN: who acts in a tenant changes nothing above it, neither by token nor by header. */
export function refuseWhileImpersonating(context: RequestContext): void {
  if (requireUser(context).impersonationId === undefined) return;
  throw new Problem('FORBIDDEN', 'nothing of the platform is changed while impersonating: stop that first');
}

/** The entries name the impersonation only where it is the actor's own and under way, whatever the caller sent. */
async function requireMayWrite(
  tx: Tx,
  { actorUserId, impersonationId }: UserCaller,
  { tenantId, isEnd = false }: ChangeOrder,
): Promise<void> {
  if (tenantId === undefined) return;
  const standing = await findStanding(tx, { actorUserId, tenantId, impersonationId });
  if (standing.tenantStatus === null) throw new Problem('NOT_FOUND', 'there is no such tenant');
  if (standing.impersonationId !== null) await nameImpersonation(tx, standing.impersonationId);
  if (isEnd) return;
  if (standing.isDisabled) throw new Problem('FORBIDDEN', 'the caller has been disabled');
  refuseUnlessActive(standing);
  if (standing.isOutsideAdmin && standing.impersonationId === null) {
    throw new Problem('IMPERSONATION_REQUIRED', 'a platform admin writes into a tenant while impersonating it');
  }
}

/** Throws Problem TENANT_SUSPENDED or TENANT_READ_ONLY where the tenant is not active. */
export function refuseUnlessActive({ tenantStatus }: Standing): void {
  if (tenantStatus === 'suspended') throw new Problem('TENANT_SUSPENDED', 'the tenant is suspended');
  if (tenantStatus === 'read_only') throw new Problem('TENANT_READ_ONLY', 'the tenant is read-only');
}

function backlogged(): Problem {
  const detail = 'earlier changes wait to be in force: access can be taken away, but not given, until they are';
  return new Problem('SYNC_BACKLOG', detail, { retryAfterSeconds: 5 });
}

function settingsOf(caller: UserCaller, context: RequestContext, order: ChangeOrder): TxSettings {
  const { tenantId, reason, purpose } = order;
  return {
    ...(tenantId === undefined ? { 'bailiwick.platform': 'on' } : { 'bailiwick.tenant_id': tenantId }),
    'bailiwick.actor_user_id': caller.actorUserId,
    'bailiwick.request_id': context.requestId,
    'bailiwick.change_id': randomUUID(),
    ...(reason === undefined ? {} : { 'bailiwick.reason': reason }),
    ...(purpose === undefined ? {} : { 'bailiwick.purpose': purpose }),
  };
}

async function retrying<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!isRetryable(error)) throw error;
      if (tries === TRIES) {
        const detail = 'too many change the same thing at once';
        throw new Problem('DATABASE_UNAVAILABLE', detail, { cause: error, retryAfterSeconds: 1 });
      }
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 10 * 2 ** tries));
    }
  }
}
