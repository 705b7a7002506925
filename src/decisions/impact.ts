/**
 * Who would gain and lose what, if changes were made: the preview of a permission set, and what-if's third question.
 *
 * Looked at are the permissions that roles hold; what follows from them (a profile, a record) follows. Users are looked
 * at a chunk at a time, so that nobody else waits long for the processor, and no more than a bound: past it the answer
 * says that it is not complete.
 */
import type { HypotheticalChange, Impact } from '../contract/api.js';
import { catalogue } from '../contract/model.js';
import type { Tx } from '../platform/postgres.js';
import { engineName } from '../shared/ids.js';
import { createEvaluator } from './evaluate.js';
import { type Facts, tuplesOf } from './facts.js';
import { listHolderIds, listInsiderIds, loadFacts } from './facts-store.js';
import { applyChanges, namedIn } from './hypothesis.js';

/** Users looked at in all, and at a time. */
const EXAMINED_MAX = 5_000;
const CHUNK = 100;

export interface ImpactQuestion {
  readonly tenantId: string;
  readonly changes: readonly HypotheticalChange[];
  readonly at: Date;
  /** The most users to name. */
  readonly limit: number;
}

const tenantPermissions = catalogue.flatMap(({ id, objectType }) => (objectType === 'tenant' ? [id] : []));

/**
 * Counts everybody who would gain or lose, and names the first of them. Runs in a transaction that acts for the platform
 * (`bailiwick.platform`), since platform admins and global assignments count. Throws Problem INVALID_REQUEST.
 */
export async function impactOf(tx: Tx, question: ImpactQuestion): Promise<Impact> {
  const { limit } = question;
  const concerned = await listConcerned(tx, question);
  const examined = concerned.slice(0, EXAMINED_MAX);
  const users: Impact['users'] = [];
  const counts = { gaining: 0, losing: 0, changed: 0 };
  for (let start = 0; start === 0 || start < examined.length; start += CHUNK) {
    const { before, after } = await factsAround(tx, question, examined.slice(start, start + CHUNK));
    for (const userId of examined.slice(start, start + CHUNK)) {
      const had = before(userId);
      const has = after(userId);
      const gains = tenantPermissions.filter((id) => has.has(id) && !had.has(id));
      const losses = tenantPermissions.filter((id) => had.has(id) && !has.has(id));
      if (gains.length > 0) counts.gaining += 1;
      if (losses.length > 0) counts.losing += 1;
      if (gains.length + losses.length === 0) continue;
      counts.changed += 1;
      if (users.length < limit) users.push({ userId, gains, losses });
    }
  }
  const complete = concerned.length <= EXAMINED_MAX && counts.changed === users.length;
  return { gaining: counts.gaining, losing: counts.losing, examined: examined.length, complete, users };
}

/** What a user holds on the tenant as a whole, by the facts. */
export function effectiveOf(facts: Facts, at: Date): (userId: string) => ReadonlySet<string> {
  const evaluator = createEvaluator(tuplesOf(facts), at);
  const object = engineName.tenant(facts.tenantId);
  return (userId) => {
    const user = engineName.user(userId);
    return new Set(tenantPermissions.filter((relation) => evaluator.holds({ user, relation, object })));
  };
}

/** Everybody for whom the changes can make a difference, one more than is looked at, in the order of their ids. */
async function listConcerned(tx: Tx, { tenantId, changes }: ImpactQuestion): Promise<string[]> {
  const limit = EXAMINED_MAX + 1;
  if (changes.some(({ setTenantStatus }) => setTenantStatus !== undefined)) return listInsiderIds(tx, tenantId, limit);
  const roleIds = changes.flatMap(({ setPermissions }) => setPermissions?.roleId ?? []);
  const holders = roleIds.length === 0 ? [] : await listHolderIds(tx, { tenantId, roleIds, limit });
  return [...new Set([...holders, ...namedIn(changes).userIds])].sort();
}

async function factsAround(
  tx: Tx,
  { tenantId, changes, at }: ImpactQuestion,
  userIds: readonly string[],
): Promise<Record<'before' | 'after', (userId: string) => ReadonlySet<string>>> {
  const named = namedIn(changes);
  const wanted = { tenantId, userIds: [...new Set([...userIds, ...named.userIds])], roleIds: named.roleIds };
  const facts = await loadFacts(tx, wanted);
  return { before: effectiveOf(facts, at), after: effectiveOf(applyChanges(facts, changes), at) };
}
