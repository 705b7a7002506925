/**
 * Assignments that would help, were they in force: of roles, and of managers.
 *
 * There may be thousands that are not, and few of them help, so none is tried unless it can: a role by what it grants,
 * a manager's assignment where it joins what is above the object to what is below the user.
 */
import type { MissingThing } from '../contract/api.js';
import type { Evaluator } from './evaluate.js';
import { type Facts, type ManagerEdge, type RoleAssignment, roleFinder, tuplesOf } from './facts.js';
import type { Pace } from './pace.js';
import type { Asked, RoleHelp } from './role-help.js';

/** What is tried, on top of facts that were worked out once and say no. */
export interface Trial {
  readonly facts: Facts;
  readonly evaluator: Evaluator;
  readonly roleHelp: RoleHelp;
  readonly asked: Asked;
  readonly at: Date;
  readonly pace: Pace;
}

/** Facts that are looked at before others may have their turn. */
const AT_A_TIME = 200;

/** Assignments of roles that would help, were they in force; no more than so many. */
export async function closedRoles(trial: Trial, limit: number): Promise<MissingThing[]> {
  const { facts, roleHelp, asked, at, pace } = trial;
  const roleOf = roleFinder(facts.roles);
  const found: MissingThing[] = [];
  for (const [index, assignment] of facts.assignments.entries()) {
    if (found.length === limit) break;
    if (index % AT_A_TIME === 0) await pace();
    const closed = closedAt(assignment, at);
    const role = roleOf(assignment);
    if (assignment.userId !== asked.userId || closed === undefined || role === undefined) continue;
    if (!roleHelp.helps(role.permissions)) continue;
    const { roleId, roleName } = role;
    const detail = `the role \`${roleName}\` ${closed.words} ${closed.at}`;
    found.push({ code: `ROLE_${closed.code}`, detail, roleId, roleName, at: closed.at });
  }
  return found;
}

/** Managers’ assignments each of which would help, were it in force; no more than so many. */
export async function closedEdges(trial: Trial, limit: number): Promise<MissingThing[]> {
  const { facts, evaluator, asked, at, pace } = trial;
  const isClosed = (edge: ManagerEdge): boolean => closedAt(lasting(edge), at) !== undefined;
  const closed = facts.edges.filter(isClosed);
  // Whatever one of them alone does, all of them do.
  if (closed.length === 0 || !evaluator.holdsWith(asked.tuple, opened(facts, closed))) return [];
  await pace();
  const open = facts.edges.filter((edge) => !isClosed(edge));
  const above = reached(
    [profileOf(trial)],
    adjacent(open, ({ userId, managerId }) => [userId, managerId]),
  );
  const below = reached(
    [asked.userId],
    adjacent(open, ({ userId, managerId }) => [managerId, userId]),
  );
  const joining = closed.filter(({ managerId, userId }) => above.has(userId) && below.has(managerId));
  const found: MissingThing[] = [];
  // As many are tried as may be named: by the model of today each that joins them helps, or none does.
  for (const edge of joining.slice(0, limit)) {
    await pace();
    const why = closedAt(lasting(edge), at);
    if (why === undefined || why.code === 'REVOKED') continue;
    if (!evaluator.holdsWith(asked.tuple, opened(facts, [edge]))) continue;
    const detail = `that \`${edge.managerId}\` manages \`${edge.userId}\` ${why.words} ${why.at}`;
    found.push({ code: `MANAGER_${why.code}`, detail, at: why.at });
  }
  return found;
}

/** A manager's assignment is never revoked: its row goes. */
const lasting = ({ validFrom, expiresAt }: ManagerEdge) => ({ validFrom, expiresAt, revokedAt: null });

/** What the assignments would mean without their windows. */
function opened(facts: Facts, edges: readonly ManagerEdge[]): ReturnType<typeof tuplesOf> {
  const open = edges.map((edge) => ({ ...edge, validFrom: null, expiresAt: null }));
  return tuplesOf({ ...facts, tenant: null, people: [], roles: [], assignments: [], records: [], edges: open });
}

/** Whose profile the question comes down to. */
function profileOf({ facts, asked }: Trial): string {
  const id = asked.object.slice(asked.object.indexOf(':') + 1);
  return facts.records.find(({ recordId }) => asked.object === `record:${recordId}`)?.ownerUserId ?? id;
}

function adjacent(
  edges: readonly ManagerEdge[],
  ends: (edge: ManagerEdge) => readonly [string, string],
): ReadonlyMap<string, readonly string[]> {
  const next = new Map<string, string[]>();
  for (const edge of edges) {
    const [from, to] = ends(edge);
    const others = next.get(from);
    if (others === undefined) next.set(from, [to]);
    else others.push(to);
  }
  return next;
}

function reached(from: readonly string[], next: ReadonlyMap<string, readonly string[]>): ReadonlySet<string> {
  const all = new Set(from);
  // A set hands out what is added to it on the way, too.
  for (const one of all) for (const further of next.get(one) ?? []) all.add(further);
  return all;
}

type Closed = { readonly code: 'REVOKED' | 'EXPIRED' | 'NOT_YET_VALID'; readonly words: string; readonly at: string };

/** Why an assignment is not in force at the moment; undefined where it is. */
export function closedAt(
  { validFrom, expiresAt, revokedAt }: Pick<RoleAssignment, 'validFrom' | 'expiresAt' | 'revokedAt'>,
  at: Date,
): Closed | undefined {
  // Moments are all written alike, in UTC with six digits, so their order is that of their text.
  const now = at.toISOString().replace('Z', '000Z');
  if (revokedAt !== null) return { code: 'REVOKED', words: 'was revoked at', at: revokedAt };
  if (expiresAt !== null && expiresAt <= now) return { code: 'EXPIRED', words: 'ended at', at: expiresAt };
  if (validFrom !== null && validFrom > now) return { code: 'NOT_YET_VALID', words: 'begins at', at: validFrom };
  return undefined;
}
