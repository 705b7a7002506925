/**
 * Why not: what stands between a user and a permission, by trying what would help.
 *
 * Each obstacle is found by taking it away from the facts and asking anew: a tenant's status, a disabled user, a window
 * that is not open, a role or a permission that is not there. So a reason is given only when it is one.
 *
 * INVARIANT: an object that does not exist gives the same reasons as one that is out of reach, and a tenant that does
 * not exist the same as one in which the user has no place. tests/integration/explain.test.ts.
 */
import { catalogue } from '../contract/model.js';
import type { MissingThing } from '../contract/api.js';
import type { Facts, ManagerEdge, Role, RoleAssignment } from './facts.js';
import { isOfRole, tuplesOf } from './facts.js';
import { createEvaluator } from './evaluate.js';
import type { Question } from './question.js';

/** The most things of a kind that are named. */
const NAMED_MAX = 20;
/** Stands for whoever owns an object that is not there, and for a role that nobody has made. */
const NOBODY = '_';

export interface Missing {
  readonly missing: MissingThing[];
  /** The facts with what no role could help with taken away; undefined where no role would help. */
  readonly lifted: Facts | undefined;
}

type Asked = Pick<Question, 'userId' | 'permission' | 'object' | 'tuple'>;

/** Whether the facts allow it. */
export function factsAllow(facts: Facts, { tuple }: Pick<Question, 'tuple'>, at: Date): boolean {
  return createEvaluator(tuplesOf(facts), at).holds(tuple);
}

/** The facts with one more role for the user, in force. */
export function withRole(facts: Facts, userId: string, role: Role): Facts {
  const assignment: RoleAssignment = {
    assignmentId: NOBODY,
    userId,
    roleId: role.roleId,
    roleName: null,
    slot: 'a',
    validFrom: null,
    expiresAt: null,
    revokedAt: null,
  };
  const isOther = (other: RoleAssignment): boolean => other.userId !== userId || other.roleId !== role.roleId;
  return {
    ...facts,
    roles: [...facts.roles.filter(({ roleId }) => roleId !== role.roleId), role],
    assignments: [...facts.assignments.filter(isOther), assignment],
  };
}

/** What is missing for a yes, by facts that say no. */
export function findMissing(facts: Facts, asked: Asked, at: Date): Missing {
  const { userId } = asked;
  const person = facts.people.find((candidate) => candidate.userId === userId);
  const own = facts.assignments.filter((assignment) => assignment.userId === userId);
  const isHere = person !== undefined && (person.isMember || person.isPlatformAdmin || own.some(isLive));
  if (facts.tenant === null || !isHere) {
    return { missing: [{ code: 'NOT_MEMBER', detail: 'the user has no place in such a tenant' }], lifted: undefined };
  }
  const missing = obstacles(facts, asked);
  const freed = liftedOf(facts, userId);
  const lifted = withObject(freed, asked.object);
  if (factsAllow(lifted, asked, at)) {
    // Whoever may see any such object is told that there is none.
    if (!factsAllow(freed, asked, at)) missing.push(OUT_OF_REACH);
    return { missing, lifted: undefined };
  }
  missing.push(...reasons({ facts: lifted, asked, at }));
  return { missing: missing.slice(0, 100), lifted: person.isMember ? lifted : undefined };
}

const OUT_OF_REACH: MissingThing = {
  code: 'NOT_IN_REACH',
  detail: 'the object is neither the user’s own nor of somebody below them, or there is none',
};

const isLive = ({ revokedAt }: RoleAssignment): boolean => revokedAt === null;

/** What is in the way of everything. */
function obstacles({ tenant, people }: Facts, { userId, permission }: Asked): MissingThing[] {
  const found: MissingThing[] = [];
  const writes = catalogue.find(({ id }) => id === permission)?.kind === 'write';
  if (people.some((person) => person.userId === userId && person.status !== 'active')) {
    found.push({ code: 'USER_DISABLED', detail: 'the user is disabled' });
  }
  if (tenant?.status === 'suspended') found.push({ code: 'TENANT_SUSPENDED', detail: 'the tenant is suspended' });
  if (tenant?.status === 'read_only' && writes) {
    found.push({ code: 'TENANT_READ_ONLY', detail: 'the tenant is read-only, and this writes' });
  }
  return found;
}

function liftedOf(facts: Facts, userId: string): Facts {
  const { tenant, people } = facts;
  return {
    ...facts,
    tenant: tenant === null ? null : { ...tenant, status: 'active' },
    people: people.map((person) => (person.userId === userId ? { ...person, status: 'active' } : person)),
  };
}

/** An object that is not there is taken for somebody else's. */
function withObject(facts: Facts, object: string): Facts {
  const [type = '', id = ''] = object.split(':');
  const somebody = (userId: string) => ({ userId, status: 'active', isMember: true, isPlatformAdmin: false });
  const isThere = facts.people.some((person) => person.userId === id && person.isMember);
  if (type === 'profile' && !isThere) {
    return { ...facts, people: [...facts.people.filter(({ userId }) => userId !== id), somebody(id)] };
  }
  if (type === 'record' && !facts.records.some(({ recordId }) => recordId === id)) {
    return {
      ...facts,
      people: [...facts.people, somebody(NOBODY)],
      records: [...facts.records, { recordId: id, ownerUserId: NOBODY }],
    };
  }
  return facts;
}

interface Trial {
  readonly facts: Facts;
  readonly asked: Asked;
  readonly at: Date;
}

/** What would help, each alone. */
function reasons(trial: Trial): MissingThing[] {
  const { facts, asked, at } = trial;
  const { userId, permission, object } = asked;
  const windows = [...closedRoles(trial), ...closedEdges(trial)];
  const helps = (permissions: readonly string[]): boolean => {
    const role = { roleId: NOBODY, roleName: NOBODY, isSystem: false, permissions };
    return factsAllow(withRole(facts, userId, role), asked, at);
  };
  const ofTenant = catalogue.flatMap(({ id, objectType }) => (objectType === 'tenant' ? [id] : []));
  const found: MissingThing[] = [...windows];
  const isOfTenant = object.startsWith('tenant:');
  const hasRole = facts.assignments.some(
    (own) => own.userId === userId && isLive(own) && closedAt(own, at) === undefined,
  );
  if (!hasRole) found.push({ code: 'NO_ROLE', detail: 'the user has no role in force in this tenant' });
  if (helps([])) return found;
  const needed = isOfTenant ? [permission] : helps(ofTenant) ? ofTenant.filter((id) => helps([id])) : [];
  if (windows.length === 0 || !isOfTenant) found.push(...needed.slice(0, NAMED_MAX).map(notGranted));
  // Seeing those below needs this one besides being above them.
  if (!isOfTenant && !helps(['team.read'])) {
    found.push(OUT_OF_REACH);
  }
  return found;
}

function notGranted(permission: string): MissingThing {
  return { code: 'PERMISSION_NOT_GRANTED', detail: `no role of the user grants \`${permission}\``, permission };
}

/** Assignments that would help, were they in force. */
function closedRoles({ facts, asked, at }: Trial): MissingThing[] {
  return facts.assignments.flatMap((assignment): MissingThing[] => {
    const closed = closedAt(assignment, at);
    const role = facts.roles.find((candidate) => isOfRole(assignment, candidate));
    if (assignment.userId !== asked.userId || closed === undefined || role === undefined) return [];
    if (!factsAllow(withRole(facts, asked.userId, role), asked, at)) return [];
    const { roleId, roleName } = role;
    const detail = `the role \`${roleName}\` ${closed.words} ${closed.at}`;
    return [{ code: `ROLE_${closed.code}`, detail, roleId, roleName, at: closed.at }];
  });
}

/** Managers’ assignments that would help, were they in force. */
function closedEdges({ facts, asked, at }: Trial): MissingThing[] {
  const isClosed = (edge: ManagerEdge): boolean => closedAt({ ...edge, revokedAt: null }, at) !== undefined;
  const opened = (which: (edge: ManagerEdge) => boolean): Facts => ({
    ...facts,
    edges: facts.edges.map((edge) => (which(edge) ? { ...edge, validFrom: null, expiresAt: null } : edge)),
  });
  if (!factsAllow(opened(isClosed), asked, at)) return [];
  return facts.edges
    .filter(
      (edge) =>
        isClosed(edge) &&
        factsAllow(
          opened((other) => other === edge),
          asked,
          at,
        ),
    )
    .slice(0, NAMED_MAX)
    .flatMap((edge): MissingThing[] => {
      const closed = closedAt({ ...edge, revokedAt: null }, at);
      if (closed === undefined || closed.code === 'REVOKED') return [];
      const detail = `that \`${edge.managerId}\` manages \`${edge.userId}\` ${closed.words} ${closed.at}`;
      return [{ code: `MANAGER_${closed.code}`, detail, at: closed.at }];
    });
}

type Closed = { readonly code: 'REVOKED' | 'EXPIRED' | 'NOT_YET_VALID'; readonly words: string; readonly at: string };

/** Why an assignment is not in force at the moment; undefined where it is. */
function closedAt(
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
