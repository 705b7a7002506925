/**
 * A page of the objects that a user may do something to.
 *
 * The engine's own list is capped, unsorted and does not say when it is cut. So a page goes over rows in the order of
 * their ids, narrowed to what the engine says the user can reach at most, and the engine confirms every item.
 * See page-walk.ts for what a page promises.
 */
import type { Permission, TenantPermission } from '../contract/model.js';
import type { Pool } from '../platform/postgres.js';
import type { Deadline, RequestContext } from '../shared/operation.js';
import type { SyncGate } from '../shared/sync-gate.js';
import { EngineError } from '../shared/tuple.js';
import type { TupleStore } from '../shared/tuple.js';
import { ENGINE_TIMEOUT_MS, guard, limitsOf } from './check.js';
import { confirm } from './confirm.js';
import { encodeCursor } from './cursor.js';
import type { Journal } from './journal.js';
import { listCandidateIds, type Scope } from './object-store.js';
import { batchTimeoutMs, type ListedPage, walkPage } from './page-walk.js';
import { questionAbout, type ListQuestion } from './question.js';

export interface ListerOptions {
  /** Of role `bailiwick_service`. */
  readonly pool: Pool;
  readonly tuples: TupleStore;
  readonly gate: SyncGate;
  readonly journal: Journal;
  readonly engineTimeoutMs?: number;
}

export interface Listing {
  readonly context: RequestContext;
  /** The id that the page begins after; undefined begins the list. */
  readonly after: string | undefined;
  readonly limit: number;
  /** What must be done first; where it throws, nothing is asked. */
  readonly before: () => Promise<void>;
}

export interface Lister {
  /** A page, written down. Throws Problem, as a check does. */
  list(question: ListQuestion, listing: Listing): Promise<ListedPage>;
}

/** Permissions on the tenant that widen what can be reached. What is not listed here may reach all of the tenant. */
const WIDENED_BY: Partial<Record<Permission, Record<'tenant' | 'team', readonly TenantPermission[]>>> = {
  'profile.read': { tenant: ['users.read'], team: ['team.read'] },
  'profile.update': { tenant: [], team: [] },
  'record.read': { tenant: ['users.read', 'records.read'], team: ['team.read'] },
  'record.update': { tenant: [], team: [] },
};

export function createLister(options: ListerOptions): Lister {
  const { journal } = options;
  return {
    async list(question, { context, after, limit, before }) {
      const { userId, tenantId, permission, type } = question;
      const subject = { api: 'list-objects', userId, tenantId, permission, object: type } as const;
      return await journal.decide(subject, context, async () => {
        await before();
        const moment = journal.moment(tenantId);
        const page = await listPage({ question, after, limit, at: moment.at, deadline: context.deadline }, options);
        return { ...moment, ...page, answer: 'listed', listed: page.items.length };
      });
    },
  };
}

interface Asked {
  readonly question: ListQuestion;
  readonly after: string | undefined;
  readonly limit: number;
  readonly at: Date;
  readonly deadline: Deadline;
}

async function listPage(asked: Asked, options: ListerOptions): Promise<ListedPage> {
  const { question, deadline } = asked;
  const { tenantId, userId: subjectUserId, type } = question;
  const scope = await findScope(asked, options);
  return await walkPage({
    ...asked,
    read: (page) => readCandidates({ ...asked, ...page, scope }, options),
    confirm: (ids) => {
      const limits = () => limitsOf(deadline, batchTimeoutMs(deadline));
      return confirm(question, { ids, isWide: scope === 'tenant', at: asked.at, limits }, options.tuples);
    },
    admit: async (id) => {
      const object = `${type}:${id}`;
      await guard(options.gate, { tenantId, subjectUserId, object }, deadline);
      return object;
    },
    cursorAfter: (last) => encodeCursor(question, last),
  });
}

/** What the engine says can be reached at most. Throws EngineError. */
async function findScope({ question, at, deadline }: Asked, options: ListerOptions): Promise<Scope> {
  const widened = WIDENED_BY[question.permission];
  if (widened === undefined) return 'tenant';
  const permissions = [...widened.tenant, ...widened.team];
  if (permissions.length === 0) return 'own';
  const id = question.tenantId;
  const questions = permissions.map((permission) => ({
    ...questionAbout(question, { permission, type: 'tenant', id }),
    at,
    fresh: question.fresh,
  }));
  const limits = limitsOf(deadline, options.engineTimeoutMs ?? ENGINE_TIMEOUT_MS);
  const answers = await options.tuples.batchCheck(questions, limits);
  const failure = answers.find((answer) => answer instanceof EngineError);
  if (failure !== undefined) throw failure;
  if (answers.slice(0, widened.tenant.length).includes(true)) return 'tenant';
  return answers.includes(true) ? 'team' : 'own';
}

async function readCandidates(
  { question, scope, at, after, limit }: Asked & { scope: Scope },
  { pool }: ListerOptions,
): Promise<string[]> {
  const { tenantId, userId, type } = question;
  const page = { tenantId, userId, scope, at, after, limit };
  const settings = { 'bailiwick.tenant_id': tenantId };
  return await pool.transaction((tx) => listCandidateIds(tx, type, page), { settings });
}
