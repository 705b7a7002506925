/**
 * A page of the objects that a user may do something to.
 *
 * The engine's own list is capped, unsorted and does not say when it is cut. So a page goes over rows in the order of
 * their ids, narrowed to what the engine says the user can reach at most, and the engine confirms every item.
 *
 * INVARIANT: an item is on a page only when the engine has just allowed it.
 * INVARIANT: the pages together are all that is allowed; `nextCursor` is null exactly when nothing is left to look at.
 * An error or the deadline ends a page early, behind the last row that was answered; it never skips one.
 * tests/integration/decisions.test.ts holds them, against the engine's own list.
 */
import type { Permission, TenantPermission } from '../contract/model.js';
import type { Pool } from '../platform/postgres.js';
import type { Deadline, RequestContext } from '../shared/operation.js';
import { Problem } from '../shared/problem.js';
import type { SyncGate } from '../shared/sync-gate.js';
import { EngineError } from '../shared/tuple.js';
import type { TupleStore } from '../shared/tuple.js';
import { within } from '../shared/within.js';
import { ENGINE_TIMEOUT_MS, guard, limitsOf } from './check.js';
import { encodeCursor } from './cursor.js';
import type { Journal } from './journal.js';
import { listCandidateIds, type Scope } from './object-store.js';
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

export interface ListedPage {
  /** Names as outsiders say them, e.g. `record:deal-1`. */
  readonly items: readonly string[];
  /** Null exactly when the list is complete. */
  readonly nextCursor: string | null;
}

export interface Lister {
  /** A page, written down. Throws Problem, as a check does. */
  list(question: ListQuestion, listing: Listing): Promise<ListedPage>;
}

/** Rows looked at between two looks at the clock, at most. A short page begins with few, which are nearly always enough. */
const CHUNK = 100;
const SMALLEST_CHUNK = 8;
/** How long the engine may take over a chunk, in milliseconds: as long as its own limit for a request. */
const CHUNK_TIMEOUT_MS = 3_000;
/** What must be left of the deadline for another chunk to begin, in milliseconds. */
const RESERVE_MS = 150;
/** What a chunk leaves of it, so that what was confirmed can be written down and given. */
const ANSWER_MS = 50;

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
        const walk = { question, after, limit, at: moment.at, deadline: context.deadline };
        const page = await walkPage(walk, options);
        return { ...moment, ...page, answer: 'listed', listed: page.items.length };
      });
    },
  };
}

interface Walk {
  readonly question: ListQuestion;
  readonly after: string | undefined;
  readonly limit: number;
  readonly at: Date;
  readonly deadline: Deadline;
}

async function walkPage(walk: Walk, options: ListerOptions): Promise<ListedPage> {
  const { question, limit, deadline } = walk;
  const scope = await findScope(walk, options);
  const items: string[] = [];
  const cut = (last: string): ListedPage => ({ items, nextCursor: encodeCursor(question, last) });
  let last = walk.after;
  for (let size = Math.max(limit, SMALLEST_CHUNK); ; size *= 2) {
    const rows = Math.min(size, CHUNK);
    const ids = await readCandidates({ walk: { ...walk, after: last }, scope, rows }, options);
    const chunk = ids.slice(0, rows);
    const answers = await confirm(chunk, walk, options);
    for (const [index, id] of chunk.entries()) {
      const answer = answers[index];
      if (typeof answer !== 'boolean') {
        // Only what nobody has answered for yet is an error; behind it the next page goes on.
        if (last === walk.after || last === undefined) throw answer ?? new Error('an answer is missing');
        return cut(last);
      }
      if (answer) {
        const object = `${question.type}:${id}`;
        await guard(options.gate, { tenantId: question.tenantId, subjectUserId: question.userId, object }, deadline);
        items.push(object);
      }
      last = id;
      if (items.length >= limit && index + 1 < ids.length) return cut(last);
    }
    if (ids.length <= rows || last === undefined) return { items, nextCursor: null };
    if (deadline.remainingMs() < RESERVE_MS) return cut(last);
  }
}

/** What the engine says can be reached at most. Throws EngineError. */
async function findScope({ question, at, deadline }: Walk, options: ListerOptions): Promise<Scope> {
  const widened = WIDENED_BY[question.permission];
  if (widened === undefined) return 'tenant';
  const permissions = [...widened.tenant, ...widened.team];
  if (permissions.length === 0) return 'own';
  const id = question.tenantId;
  const questions = permissions.map((permission) => ({
    ...questionAbout(question, { permission, type: 'tenant', id }),
    at,
  }));
  const limits = limitsOf(deadline, options.engineTimeoutMs ?? ENGINE_TIMEOUT_MS);
  const answers = await options.tuples.batchCheck(questions, limits);
  const failure = answers.find((answer) => answer instanceof EngineError);
  if (failure !== undefined) throw failure;
  if (answers.slice(0, widened.tenant.length).includes(true)) return 'tenant';
  return answers.includes(true) ? 'team' : 'own';
}

/** One id more than a chunk, which tells whether another follows. */
async function readCandidates(
  { walk, scope, rows }: { walk: Walk; scope: Scope; rows: number },
  { pool }: ListerOptions,
): Promise<string[]> {
  const { question, at, after, deadline } = walk;
  const { tenantId, userId, type } = question;
  const page = { tenantId, userId, scope, at, after, limit: rows + 1 };
  const settings = { 'bailiwick.tenant_id': tenantId };
  const ids = pool.transaction((tx) => listCandidateIds(tx, type, page), { settings });
  return await within(deadline, ids, () => {
    return new Problem('DATABASE_UNAVAILABLE', 'the database did not answer in time', { retryAfterSeconds: 1 });
  });
}

async function confirm(
  ids: readonly string[],
  { question, at, deadline }: Walk,
  { tuples }: ListerOptions,
): Promise<(boolean | EngineError)[]> {
  const { permission, type } = question;
  const questions = ids.map((id) => ({ ...questionAbout(question, { permission, type, id }), at }));
  const limits = limitsOf(deadline, Math.min(CHUNK_TIMEOUT_MS, deadline.remainingMs() - ANSWER_MS));
  return await tuples.batchCheck(questions, limits);
}
