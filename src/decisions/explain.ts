/**
 * Why a decision is as it is.
 *
 * The engine has decided; the reasons are worked out from the rows, by the projection that its tuples are made by. Where
 * rows and engine differ, that is said (`drift`) and nothing is made to fit.
 */
import type { Explanation, SuggestedRole } from '../contract/api.js';
import { presets } from '../contract/presets.js';
import type { Pool, Tx } from '../platform/postgres.js';
import { engineName } from '../shared/ids.js';
import type { Deadline } from '../shared/operation.js';
import { within } from '../shared/within.js';
import { pathOf } from './explain-paths.js';
import { type Facts, type Role, roleFinder } from './facts.js';
import { createFactsEvaluator } from './facts-evaluator.js';
import { listSmallestRoles, loadFacts, type Wanted } from './facts-store.js';
import { findMissing } from './missing.js';
import { createPace, late, type Pace } from './pace.js';
import type { Question } from './question.js';
import { toQuestion } from './question.js';
import type { RoleHelp } from './role-help.js';
import { listUserIds, type Ways } from './user-store.js';

/** The contract's bounds. */
const PATHS_MAX = 100;
const SUGGESTED_MAX = 5;
const GRANTERS_MAX = 10;
/** Roles that are tried out, and people who are asked whether they may assign them, at most. */
const TRIED_MAX = 200;

export interface Explained {
  readonly question: Question;
  readonly allowed: boolean;
  readonly at: Date;
  readonly deadline: Deadline;
}

/** The reasons for a decision, but for whether they were captured with it. Throws Problem DATABASE_UNAVAILABLE. */
export type Explain = (explained: Explained) => Promise<Omit<Explanation, 'recomputed'>>;

/** As for every statement of facts-store.ts. */
export const FACTS_TX = { settings: { 'bailiwick.platform': 'on' }, isolation: 'repeatable read' } as const;

/** `pool` is of role `bailiwick_service`. */
export function createExplain(pool: Pool): Explain {
  return async (explained) => {
    const reasons = pool.transaction((tx) => reasonsFor(tx, explained), FACTS_TX);
    return await within(explained.deadline, reasons, late);
  };
}

async function reasonsFor(tx: Tx, { question, allowed, at, deadline }: Explained): ReturnType<Explain> {
  const when = { at, pace: createPace(deadline) };
  const facts = await loadFacts(tx, wantedFor([question]));
  const evaluator = await createFactsEvaluator(facts, when);
  const rowsAllow = evaluator.holds(question.tuple);
  const drift = rowsAllow !== allowed;
  if (rowsAllow) {
    const { proofs, complete } = evaluator.proofs(question.tuple, PATHS_MAX);
    const paths: Explanation['paths'] = [];
    for (const proof of proofs) {
      await when.pace();
      paths.push(pathOf(proof, facts));
    }
    return { drift, paths, pathsComplete: complete && facts.complete, missing: [], suggestedRoles: [] };
  }
  const { missing, roleHelp } = await findMissing(facts, question, when);
  const suggestedRoles = roleHelp === undefined ? [] : await suggestRoles(tx, { roleHelp, question, ...when });
  return { drift, paths: [], pathsComplete: facts.complete, missing, suggestedRoles };
}

/** The facts that questions in one tenant are about. */
export function wantedFor(questions: readonly Question[]): Wanted {
  const idsOf = (type: string): string[] =>
    questions.flatMap(({ object }) => (object.startsWith(`${type}:`) ? [object.slice(type.length + 1)] : []));
  return {
    tenantId: questions[0]?.tenantId ?? '',
    userIds: [...new Set(questions.map(({ userId }) => userId))],
    profileIds: idsOf('profile'),
    recordIds: idsOf('record'),
  };
}

interface Suggesting {
  readonly roleHelp: RoleHelp;
  readonly question: Question;
  readonly at: Date;
  readonly pace: Pace;
}

/** The smallest roles of the tenant that would give it: none that holds all that another one of them does. */
async function suggestRoles(tx: Tx, { roleHelp, question, at, pace }: Suggesting): Promise<SuggestedRole[]> {
  const { userId, tenantId } = question;
  const smallest: Role[] = [];
  for (const role of await listSmallestRoles(tx, tenantId, TRIED_MAX)) {
    if (smallest.length === SUGGESTED_MAX) break;
    if (smallest.some(({ permissions }) => isSubset(permissions, role.permissions))) continue;
    if (roleHelp.helps(role.permissions)) smallest.push(role);
  }
  if (smallest.length === 0) return [];
  const granters = await findGranters(tx, { tenantId, at, pace, exceptUserId: userId });
  return smallest.map(({ roleId, roleName, permissions }) => ({
    roleId,
    roleName,
    permissionCount: permissions.length,
    grantableBy: granters
      .filter(({ mayHandOut }) => isSubset(permissions, mayHandOut))
      .map((granter) => granter.userId)
      .slice(0, GRANTERS_MAX),
  }));
}

function isSubset(part: readonly string[], whole: readonly string[] | ReadonlySet<string>): boolean {
  const all = new Set(whole);
  return part.every((item) => all.has(item));
}

interface Granter {
  readonly userId: string;
  /** What they hold, and what their system roles may delegate beyond that. */
  readonly mayHandOut: ReadonlySet<string>;
}

/** Users of the tenant who assign roles, now: nobody raises their own rights, and nobody hands out what they have not. */
async function findGranters(
  tx: Tx,
  { tenantId, at, pace, exceptUserId }: { tenantId: string; at: Date; pace: Pace; exceptUserId: string },
): Promise<Granter[]> {
  const page = { tenantId, ways: ASSIGNING, after: undefined, limit: TRIED_MAX };
  const userIds = (await listUserIds(tx, page)).filter((id) => id !== exceptUserId);
  const facts = await loadFacts(tx, { tenantId, userIds });
  const evaluator = await createFactsEvaluator(facts, { at, pace });
  const rolesOf = rolesByUser(facts);
  const granters: Granter[] = [];
  for (const userId of userIds) {
    await pace();
    const assigns = toQuestion({ user: userId, permission: 'users.update', tenant: tenantId });
    if (!evaluator.holds(assigns.tuple)) continue;
    const mayHandOut = (rolesOf.get(userId) ?? []).flatMap((role): readonly string[] => {
      const object = engineName.role(tenantId, role.roleId);
      const isHeld = evaluator.holds({ user: engineName.user(userId), relation: 'assignee', object });
      return isHeld ? [...role.permissions, ...delegatesOf(role, facts)] : [];
    });
    granters.push({ userId, mayHandOut: new Set(mayHandOut) });
  }
  return granters;
}

/** The roles that users have or had. */
function rolesByUser({ roles, assignments }: Facts): ReadonlyMap<string, readonly Role[]> {
  const roleOf = roleFinder(roles);
  const all = new Map<string, Role[]>();
  for (const assignment of assignments) {
    const role = roleOf(assignment);
    if (role === undefined) continue;
    const own = all.get(assignment.userId);
    if (own === undefined) all.set(assignment.userId, [role]);
    else own.push(role);
  }
  return all;
}

/** How somebody may come to assign roles by a role of their own. */
const ASSIGNING: Ways = { granted: ['users.update'], override: false, team: false };

function delegatesOf({ isSystem, roleName }: Role, { tenant }: Facts): readonly string[] {
  if (!isSystem || tenant === null) return [];
  return presets[tenant.preset].roles.find(({ name }) => name === roleName)?.delegates ?? [];
}
