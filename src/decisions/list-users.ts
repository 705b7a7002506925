/**
 * A page of the users who may do something.
 *
 * The engine's own list is capped, unsorted and does not say when it is cut; so a page goes over rows, narrowed to those
 * who may have the permission at all, and the engine confirms every one. See page-walk.ts for what a page promises.
 */
import type { Permission } from '../contract/model.js';
import { catalogue, type TenantPermission } from '../contract/model.js';
import type { Pool } from '../platform/postgres.js';
import type { Deadline, RequestContext } from '../shared/operation.js';
import type { SyncGate } from '../shared/sync-gate.js';
import type { TupleStore } from '../shared/tuple.js';
import { guard, limitsOf } from './check.js';
import { encodeCursor } from './cursor.js';
import type { Journal } from './journal.js';
import { batchTimeoutMs, type ListedPage, walkPage } from './page-walk.js';
import { questionAbout, type UsersQuestion } from './question.js';
import { listUserIds, type Ways } from './user-store.js';

export interface UserListerOptions {
  /** Of role `bailiwick_service`. */
  readonly pool: Pool;
  readonly tuples: TupleStore;
  readonly gate: SyncGate;
  readonly journal: Journal;
}

export interface UserListing {
  readonly context: RequestContext;
  /** The id that the page begins after; undefined begins the list. */
  readonly after: string | undefined;
  readonly limit: number;
  /** What must be done first; where it throws, nothing is asked. */
  readonly before: () => Promise<void>;
}

export interface UserLister {
  /** A page, written down. Throws Problem, as a check does. */
  list(question: UsersQuestion, listing: UserListing): Promise<ListedPage>;
}

/** Platform admins and global assignments belong to no tenant. */
const SETTINGS = { 'bailiwick.platform': 'on' };

export function createUserLister(options: UserListerOptions): UserLister {
  const { journal } = options;
  return {
    async list(question, { context, after, limit, before }) {
      const { tenantId, permission, object } = question;
      const subject = { api: 'list-users', userId: '*', tenantId, permission, object } as const;
      return await journal.decide(subject, context, async () => {
        await before();
        const moment = journal.moment(tenantId);
        const { deadline } = context;
        const page = await listPage({ question, at: moment.at, after, limit, deadline }, options);
        return { ...moment, ...page, answer: 'listed', listed: page.items.length };
      });
    },
  };
}

interface Asked {
  readonly question: UsersQuestion;
  readonly at: Date;
  readonly after: string | undefined;
  readonly limit: number;
  readonly deadline: Deadline;
}

async function listPage(asked: Asked, { pool, tuples, gate }: UserListerOptions): Promise<ListedPage> {
  const { question, at, deadline } = asked;
  const { tenantId, permission, object, type, objectId: id, fresh } = question;
  const ways = waysOf(question);
  return await walkPage({
    ...asked,
    read: (page) => pool.transaction((tx) => listUserIds(tx, { tenantId, ways, ...page }), { settings: SETTINGS }),
    confirm: (userIds) => {
      const questions = userIds.map((userId) => ({
        ...questionAbout({ userId, tenantId }, { permission, type, id }),
        at,
        fresh,
      }));
      return tuples.batchCheck(questions, limitsOf(deadline, batchTimeoutMs(deadline)));
    },
    admit: async (userId) => {
      await guard(gate, { tenantId, subjectUserId: userId, object }, deadline);
      return `user:${userId}`;
    },
    cursorAfter: (last) => encodeCursor(question, last),
  });
}

/** Permissions on an object, and what gives them. The cross-check of tests/scenarios/ holds it to the engine. */
const WAYS: Record<Exclude<Permission, TenantPermission>, Omit<Ways, 'own'>> = {
  'profile.read': { granted: ['users.read'], override: true, team: true },
  'profile.update': { granted: [], override: false, team: false },
  'record.read': { granted: ['users.read', 'records.read'], override: true, team: true },
  'record.update': { granted: [], override: false, team: false },
};

/** How somebody may come by the permission that is asked about. */
export function waysOf({ permission, type, objectId: id }: UsersQuestion): Ways {
  if (isOfTenant(permission)) return { granted: [permission], override: true, team: false };
  // `type` is the permission's, so this is an object of a tenant.
  return { ...WAYS[permission], ...(type === 'tenant' ? {} : { own: { type, id } }) };
}

const tenantPermissions: ReadonlySet<string> = new Set(
  catalogue.flatMap(({ id, objectType }) => (objectType === 'tenant' ? [id] : [])),
);

function isOfTenant(permission: Permission): permission is TenantPermission {
  return tenantPermissions.has(permission);
}
