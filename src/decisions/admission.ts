/**
 * Who may ask, and how fresh the answer must be: what stands before every question of another.
 *
 * A service key asks about its tenant, a user about themselves, and about others where they hold `users.read` there.
 * Every refusal reads the same, whether or not the tenant or the user exist.
 */
import type { Caller } from '../shared/caller.js';
import type { RequestContext } from '../shared/operation.js';
import { Problem } from '../shared/problem.js';
import type { SyncGate } from '../shared/sync-gate.js';
import { within } from '../shared/within.js';
import type { Checker } from './check.js';
import { toQuestion } from './question.js';

/** Whose rights are asked about, and where. */
export interface About {
  /** Undefined: everybody's. */
  readonly userId: string | undefined;
  readonly tenantId: string;
}

export interface AdmissionOptions {
  readonly checker: Checker;
  readonly gate: SyncGate;
}

export interface Admission {
  /** Resolves when what the token covers is in force. Throws Problem SYNC_TOKEN_INVALID or SYNC_LAG. */
  awaitToken(syncToken: string | undefined, context: RequestContext): Promise<void>;
  /** Resolves when the caller may ask. Throws Problem FORBIDDEN and those of a check. */
  mayAsk(about: About, context: RequestContext): Promise<void>;
  /** Both, the token before the caller's own rights, which it may have taken away. Who may never ask, waits for nothing. */
  admit(about: About, context: RequestContext, syncToken: string | undefined): Promise<void>;
}

export function createAdmission({ checker, gate }: AdmissionOptions): Admission {
  const admission: Admission = {
    async awaitToken(syncToken, { deadline }) {
      if (syncToken === undefined) return;
      await within(deadline, gate.awaitToken(syncToken, deadline), () => {
        const detail = 'the change that the sync token names was not in force in time';
        return new Problem('SYNC_LAG', detail, { retryAfterSeconds: 1 });
      });
    },
    async mayAsk(about, context) {
      const need = needOf(context.caller, about);
      if (need === undefined) return;
      const question = toQuestion({ user: need.actorUserId, permission: 'users.read', tenant: about.tenantId });
      const { allowed } = await checker.check(question, { api: 'authorize', context });
      if (!allowed) throw forbidden();
    },
    async admit(about, context, syncToken) {
      needOf(context.caller, about);
      await admission.awaitToken(syncToken, context);
      await admission.mayAsk(about, context);
    },
  };
  return admission;
}

/** Whose `users.read` in the tenant is needed to ask; undefined: nobody's. Throws Problem FORBIDDEN. */
export function needOf(caller: Caller, { userId, tenantId }: About): { readonly actorUserId: string } | undefined {
  if (caller.kind === 'service') {
    if (caller.tenantId !== undefined && caller.tenantId !== tenantId) throw forbidden();
    return undefined;
  }
  return caller.actorUserId === userId ? undefined : { actorUserId: caller.actorUserId };
}

/** The token of the body or of the header. Throws Problem INVALID_REQUEST where they are two. */
export function oneToken(inBody: string | undefined, inHeader: string | undefined): string | undefined {
  if (inBody === undefined || inHeader === undefined || inBody === inHeader) return inBody ?? inHeader;
  const message = 'differs from the `x-sync-token` header: send one of them';
  throw new Problem('INVALID_REQUEST', `\`syncToken\` ${message}`, { errors: [{ field: 'syncToken', message }] });
}

function forbidden(): Problem {
  return new Problem('FORBIDDEN', 'you may not ask this');
}
