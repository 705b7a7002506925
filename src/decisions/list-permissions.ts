/** Everything that a user may do to one object: all of it or an error, never a part. */
import type { Permission } from '../contract/model.js';
import type { RequestContext } from '../shared/operation.js';
import type { SyncGate } from '../shared/sync-gate.js';
import { EngineError } from '../shared/tuple.js';
import type { TupleStore } from '../shared/tuple.js';
import { guard, limitsOf } from './check.js';
import type { Journal } from './journal.js';
import { batchTimeoutMs } from './page-walk.js';
import { type PermissionsQuestion, questionAbout } from './question.js';

export interface PermissionListerOptions {
  readonly tuples: TupleStore;
  readonly gate: SyncGate;
  readonly journal: Journal;
}

export interface PermissionListing {
  readonly context: RequestContext;
  /** What must be done first; where it throws, nothing is asked. */
  readonly before: () => Promise<void>;
}

export interface PermissionLister {
  /** In the order of the model, and written down. Throws Problem, as a check does. */
  list(question: PermissionsQuestion, listing: PermissionListing): Promise<readonly Permission[]>;
}

export function createPermissionLister({ tuples, gate, journal }: PermissionListerOptions): PermissionLister {
  return {
    async list(question, { context, before }) {
      const { userId, tenantId, type, objectId: id, object, permissions, fresh } = question;
      const subject = { api: 'list-permissions', userId, tenantId, permission: '*', object } as const;
      const { items } = await journal.decide(subject, context, async () => {
        await before();
        const { deadline } = context;
        const moment = journal.moment(tenantId);
        const { at } = moment;
        const asked = permissions.map((permission) => ({
          ...questionAbout(question, { permission, type, id }),
          at,
          fresh,
        }));
        const answers = await tuples.batchCheck(asked, limitsOf(deadline, batchTimeoutMs(deadline)));
        const allowed = permissions.filter((_, index) => answerAt(answers, index));
        if (allowed.length > 0) await guard(gate, { tenantId, subjectUserId: userId, object }, deadline);
        return { ...moment, items: allowed, answer: 'listed', listed: allowed.length };
      });
      return items;
    },
  };
}

function answerAt(answers: readonly (boolean | EngineError)[], index: number): boolean {
  const answer = answers[index];
  if (typeof answer === 'boolean') return answer;
  throw answer ?? new EngineError('an answer is missing', { kind: 'unavailable', applied: 'no' });
}
