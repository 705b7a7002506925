/**
 * Why not: what stands between a user and a permission, by trying what would help.
 *
 * Each obstacle is found by taking it away from the facts and asking anew: a tenant's status, a disabled user, a window
 * that is not open (closed-windows.ts), a role or a permission that is not there (role-help.ts). So a reason is given
 * only when it is one.
 *
 * INVARIANT: the work is in proportion to the facts, whatever they say, and goes in turns: the facts are worked out three
 * times at most, and what is tried goes on top of that. tests/unit/missing.test.ts.
 * INVARIANT: an object that does not exist gives the same reasons as one that is out of reach, and a tenant that does
 * not exist the same as one in which the user has no place. tests/integration/explain.test.ts.
 */
import { catalogue } from '../contract/model.js';
import type { MissingThing } from '../contract/api.js';
import { closedAt, closedEdges, closedRoles, type Trial } from './closed-windows.js';
import type { Facts, RoleAssignment } from './facts.js';
import { createFactsEvaluator } from './facts-evaluator.js';
import type { Pace } from './pace.js';
import { type Asked, createRoleHelp, type RoleHelp } from './role-help.js';

/** The most things of a kind that are named. */
const NAMED_MAX = 20;
/** The contract's bound. */
const MISSING_MAX = 100;
/** Stands for whoever owns an object that is not there. */
const NOBODY = '_';

export interface Missing {
  readonly missing: MissingThing[];
  /** Which roles would help, once what no role helps with is taken away; undefined where none would. */
  readonly roleHelp: RoleHelp | undefined;
}

/** What is missing for a yes, by facts that say no. Rejects as `pace` does. */
export async function findMissing(facts: Facts, asked: Asked, when: { at: Date; pace: Pace }): Promise<Missing> {
  const { userId } = asked;
  const person = facts.people.find((candidate) => candidate.userId === userId);
  const own = facts.assignments.filter((assignment) => assignment.userId === userId);
  const isHere = person !== undefined && (person.isMember || person.isPlatformAdmin || own.some(isLive));
  if (facts.tenant === null || !isHere) {
    return { missing: [{ code: 'NOT_MEMBER', detail: 'the user has no place in such a tenant' }], roleHelp: undefined };
  }
  const missing = obstacles(facts, asked);
  const freed = liftedOf(facts, userId);
  const lifted = withObject(freed, asked.object);
  const evaluator = await createFactsEvaluator(lifted, when);
  if (evaluator.holds(asked.tuple)) {
    // Whoever may see any such object is told that there is none.
    const isThere = lifted === freed || (await createFactsEvaluator(freed, when)).holds(asked.tuple);
    if (!isThere) missing.push(OUT_OF_REACH);
    return { missing, roleHelp: undefined };
  }
  const trial = { facts: lifted, evaluator, asked, ...when };
  const roleHelp = await createRoleHelp(trial);
  missing.push(...(await reasons({ ...trial, roleHelp })));
  return { missing: missing.slice(0, MISSING_MAX), roleHelp: person.isMember ? roleHelp : undefined };
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

/** What would help, each alone. */
async function reasons(trial: Trial): Promise<MissingThing[]> {
  const { facts, roleHelp, asked, at } = trial;
  const { userId, permission, object } = asked;
  const windows = [...(await closedRoles(trial, MISSING_MAX)), ...(await closedEdges(trial, NAMED_MAX))];
  const found: MissingThing[] = [...windows];
  const isOfTenant = object.startsWith('tenant:');
  const hasRole = facts.assignments.some(
    (own) => own.userId === userId && isLive(own) && closedAt(own, at) === undefined,
  );
  if (!hasRole) found.push({ code: 'NO_ROLE', detail: 'the user has no role in force in this tenant' });
  if (roleHelp.helps([])) return found;
  const needed = isOfTenant ? [permission] : roleHelp.permissions;
  if (windows.length === 0 || !isOfTenant) found.push(...needed.slice(0, NAMED_MAX).map(notGranted));
  // Seeing those below needs this one besides being above them.
  if (!isOfTenant && !roleHelp.helps(['team.read'])) {
    found.push(OUT_OF_REACH);
  }
  return found;
}

function notGranted(permission: string): MissingThing {
  return { code: 'PERMISSION_NOT_GRANTED', detail: `no role of the user grants \`${permission}\``, permission };
}
