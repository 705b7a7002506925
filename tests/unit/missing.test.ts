/**
 * What is missing for a yes: it is what makes one when it is taken away, and finding it costs about the same for every
 * fact, however many there are. Work is counted in looks at facts, never in time.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { createEvaluator } from '../../src/decisions/evaluate.js';
import {
  type Facts,
  type ManagerEdge,
  type Role,
  type RoleAssignment,
  roleFinder,
  tuplesOf,
  withRole,
} from '../../src/decisions/facts.js';
import { findMissing, type Missing } from '../../src/decisions/missing.js';
import { createPace, type Pace } from '../../src/decisions/pace.js';
import { type Question, toQuestion } from '../../src/decisions/question.js';
import { anyFacts, CLOSED, OPEN, permissionSet } from '../support/facts-arbitraries.js';

const AT = new Date('2026-06-01T12:00:00.000Z');
const { expired, early } = CLOSED;

const lead: Role = { roleId: 'lead', roleName: 'LEAD', isSystem: false, permissions: ['team.read'] };
/** The boss may see those below, and nobody is. */
const none: Facts = {
  tenantId: 't',
  tenant: { status: 'active', preset: 'sales' },
  people: ['boss', 'rep'].map((userId) => ({ userId, status: 'active', isMember: true, isPlatformAdmin: false })),
  roles: [lead],
  assignments: [assigned('lead')],
  edges: [],
  records: [],
  complete: true,
};
const repsProfile = ask('profile.read', 'profile:rep');

function ask(permission: string, object?: string): Question {
  return toQuestion({ user: 'boss', permission, tenant: 't', ...(object === undefined ? {} : { object }) });
}
function assigned(roleId: string, more: Partial<RoleAssignment> = {}): RoleAssignment {
  const ids = { assignmentId: roleId, userId: 'boss', roleId, roleName: null, slot: 'a' } as const;
  return { ...ids, ...OPEN, revokedAt: null, ...more };
}
function edge(managerId: string, userId: string, window: Pick<ManagerEdge, 'validFrom' | 'expiresAt'>): ManagerEdge {
  return { managerId, userId, ...window };
}
function names(letter: string, count: number): string[] {
  return Array.from({ length: count }, (_, at) => `${letter}${String(at)}`);
}

const allows = (facts: Facts, { tuple }: Question): boolean => createEvaluator(tuplesOf(facts), AT).holds(tuple);
const find = (facts: Facts, asked: Question, pace: Pace = () => Promise.resolve()): Promise<Missing> =>
  findMissing(facts, asked, { at: AT, pace });

/** How often each code is among them. */
function tally({ missing }: Missing): Record<string, number> {
  const codes: Record<string, number> = {};
  for (const { code } of missing) codes[code] = (codes[code] ?? 0) + 1;
  return codes;
}

/** The same objects, and how often anything of them was read. */
function counted<T extends object>(all: readonly T[]): { all: T[]; looks: () => number } {
  let looks = 0;
  const get = (one: T, key: string | symbol): unknown => {
    looks += 1;
    return Reflect.get(one, key);
  };
  return { all: all.map((one) => new Proxy(one, { get })), looks: () => looks };
}

describe('each fact is looked at a few times, however many there are', () => {
  /** So many managers above `rep`, each below as many more, and the boss above those. */
  const layers = (width: number): ManagerEdge[] =>
    names('m', width).flatMap((low, at) => [
      edge(low, 'rep', early),
      ...names('n', width).map((high) => edge(high, low, early)),
      edge('boss', `n${String(at)}`, early),
    ]);
  const out = { PERMISSION_NOT_GRANTED: 1, NOT_IN_REACH: 1 };
  test.each<{ what: string; edges: ManagerEdge[]; found: Record<string, number> }>([
    { what: 'of two layers no edge of which helps alone', edges: layers(60), found: out },
    {
      what: 'of edges each of which helps alone, of which the first are named',
      edges: names('m', 2_000).flatMap((name) => [edge(name, 'rep', early), edge('boss', name, OPEN)]),
      found: { ...out, MANAGER_NOT_YET_VALID: 20 },
    },
    {
      what: 'of one that helps behind thousands that do not',
      edges: [...names('m', 4_000).map((name) => edge(name, 'rep', expired)), edge('boss', 'rep', expired)],
      found: { ...out, MANAGER_EXPIRED: 1 },
    },
    {
      what: 'of a team in force, below those that help',
      edges: layers(60).map((one) => ({ ...one, ...(one.managerId === 'boss' ? early : OPEN) })),
      found: { ...out, MANAGER_NOT_YET_VALID: 20 },
    },
  ])('$what', async ({ edges, found }) => {
    const { all, looks } = counted(edges);
    expect(tally(await find({ ...none, edges: all }, repsProfile))).toEqual(found);
    expect(looks()).toBeLessThan(40 * edges.length);
  });

  test('of roles that were taken away', async () => {
    const roles = names('r', 2_000).map((roleId): Role => ({ ...lead, roleId, permissions: ['claims.read'] }));
    const revokedAt = expired.expiresAt;
    const { all, looks } = counted(roles.map(({ roleId }) => assigned(roleId, { revokedAt })));
    const facts = { ...none, roles, assignments: all };
    expect(tally(await find(facts, ask('claims.read')))).toEqual({ ROLE_REVOKED: 100 });
    expect(tally(await find(facts, ask('payers.read')))).toEqual({ PERMISSION_NOT_GRANTED: 1, NO_ROLE: 1 });
    expect(looks()).toBeLessThan(2 * 40 * roles.length);
  });
});

describe('whatever the facts are', () => {
  const questions = fc.constantFrom(
    repsProfile,
    ask('record.read', 'record:deal'),
    ask('profile.update', 'profile:boss'),
    ask('claims.read'),
  );
  /** Nothing stands in the way of everything. */
  const plain = anyFacts.map((facts): Facts => ({ ...facts, ...{ tenant: none.tenant, people: none.people } }));

  test('the assignments of managers that are named are those each of which would make a yes', async () => {
    const led = plain.map((facts): Facts => ({ ...facts, roles: [lead], assignments: none.assignments }));
    let named = 0;
    const isLaw = fc.asyncProperty(led, async (facts) => {
      if (allows(facts, repsProfile)) return;
      const helping = facts.edges.filter((one) => {
        const edges = facts.edges.map((other) => (other === one ? { ...one, ...OPEN } : other));
        return allows({ ...facts, edges }, repsProfile);
      });
      const said = (await find(facts, repsProfile)).missing.filter(({ code }) => code.startsWith('MANAGER_'));
      named += said.length;
      expect(said.map(({ detail, at }) => [detail.split('`').filter((_, part) => part % 2 === 1), at])).toEqual(
        helping.map(({ managerId, userId, validFrom, expiresAt }) => [[managerId, userId], expiresAt ?? validFrom]),
      );
    });
    await fc.assert(isLaw, { numRuns: 300 });
    expect(named).toBeGreaterThan(30);
  });

  test('a role is said to help, or to have helped, exactly where the facts with it make a yes', async () => {
    let seen = 0;
    const isLaw = fc.asyncProperty(plain, questions, permissionSet, async (facts, asked, permissions) => {
      if (allows(facts, asked)) return;
      const { missing, roleHelp } = await find(facts, asked);
      // Undefined where the object is not there, or the user.
      if (roleHelp === undefined) return;
      seen += 1;
      const role: Role = { ...lead, roleId: 'new', permissions };
      const isThere = asked.object !== 'record:deal' || facts.records.length > 0;
      if (isThere) expect(roleHelp.helps(permissions)).toBe(allows(withRole(facts, 'boss', role), asked));
      const roleOf = roleFinder(facts.roles);
      const isOver = ({ expiresAt, validFrom, revokedAt }: RoleAssignment): boolean =>
        expiresAt !== null || validFrom !== null || revokedAt !== null;
      const helping = facts.assignments.flatMap((one) => {
        const held = one.userId === 'boss' && isOver(one) ? roleOf(one) : undefined;
        return held !== undefined && allows(withRole(facts, 'boss', held), asked) ? [held.roleId] : [];
      });
      const said = missing.flatMap(({ code, roleId }) => (code.startsWith('ROLE_') ? [roleId] : []));
      if (isThere) expect(said).toEqual(helping);
    });
    await fc.assert(isLaw, { numRuns: 300 });
    expect(seen).toBeGreaterThan(50);
  });
});

describe('the work', () => {
  const edges = names('m', 1_000).flatMap((name) => [edge(name, 'rep', early), edge('boss', name, OPEN)]);

  test('is done in turns, between which others have theirs', async () => {
    let turns = 0;
    await find({ ...none, edges }, repsProfile, () => Promise.resolve(void (turns += 1)));
    // The facts' keys by the hundred, each permission of a role, and each edge that is tried.
    expect(turns).toBeGreaterThan(50);
    let now = 0;
    const pace = createPace({ signal: new AbortController().signal }, () => now);
    let others = 0;
    setImmediate(() => (others += 1));
    await pace();
    expect(others).toBe(0);
    now += 5;
    await pace();
    expect(others).toBe(1);
  });

  test('ends once nobody waits for it', async () => {
    const gone = AbortSignal.abort();
    let now = 0;
    const pace = createPace({ signal: gone }, () => (now += 5));
    await expect(find({ ...none, edges }, repsProfile, pace)).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
  });
});
