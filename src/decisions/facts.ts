/**
 * What the rows say about a few users and objects of one tenant, and the tuples that it means.
 *
 * Explain and what-if work on these: explain asks what the tuples prove, what-if changes the facts first. What a row
 * means is src/sync/projection.ts's business alone; here its keys are put together from facts, as src/sync/row-store.ts
 * puts them together from tables.
 *
 * INVARIANT: pure; facts are never changed, only replaced.
 */
import type { PresetName } from '../contract/presets.js';
import { type Key, type KeyedRows, project, UnprojectableError } from '../sync/projection.js';
import { engineName } from '../shared/ids.js';
import type { Tuple, TupleKey } from '../shared/tuple.js';

export type TenantStatus = 'active' | 'read_only' | 'suspended';

/** One end of a window, RFC 3339 UTC with microseconds; null is open. */
export type Moment = string | null;

interface Window {
  readonly validFrom: Moment;
  readonly expiresAt: Moment;
}

export interface Person {
  readonly userId: string;
  readonly status: string;
  /** Whether they are a user of the tenant that the facts are about. */
  readonly isMember: boolean;
  readonly isPlatformAdmin: boolean;
}

export interface Role {
  readonly roleId: string;
  readonly roleName: string;
  readonly isSystem: boolean;
  readonly permissions: readonly string[];
}

/** A role of a user: of the tenant by its id, or everywhere by its name. Of each pair the one that counts. */
export interface RoleAssignment extends Window {
  readonly assignmentId: string;
  readonly userId: string;
  readonly roleId: string | null;
  readonly roleName: string | null;
  readonly slot: 'a' | 'b';
  readonly revokedAt: Moment;
}

export interface ManagerEdge extends Window {
  readonly managerId: string;
  readonly userId: string;
}

export interface Facts {
  readonly tenantId: string;
  /** Null where there is no such tenant. */
  readonly tenant: { readonly status: TenantStatus; readonly preset: PresetName } | null;
  readonly people: readonly Person[];
  /** The roles that the people's assignments are about, and those asked for. */
  readonly roles: readonly Role[];
  readonly assignments: readonly RoleAssignment[];
  /** Above the objects, however far. */
  readonly edges: readonly ManagerEdge[];
  readonly records: readonly { readonly recordId: string; readonly ownerUserId: string }[];
  /** False where there were more managers than are looked at. */
  readonly complete: boolean;
}

/** The assignment that gives a user the role; a global one counts for a system role of its name. */
export function isOfRole(assignment: RoleAssignment, role: Role): boolean {
  return assignment.roleId === role.roleId || (role.isSystem && assignment.roleName === role.roleName);
}

/** The role of each assignment, found without looking through them all; names of system roles are unique. */
export function roleFinder(roles: readonly Role[]): (assignment: RoleAssignment) => Role | undefined {
  const byId = new Map(roles.map((role) => [role.roleId, role]));
  const byName = new Map(roles.flatMap((role) => (role.isSystem ? [[role.roleName, role]] : [])));
  return ({ roleId, roleName }) => (roleId === null ? byName.get(roleName ?? '') : byId.get(roleId));
}

/** The facts with one more role for the user, in force. */
export function withRole(facts: Facts, userId: string, role: Role): Facts {
  const assignment: RoleAssignment = {
    assignmentId: '_',
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

/** What the facts mean to the engine. */
export function tuplesOf(facts: Facts): Tuple[] {
  return [...tuplesByKey(facts)].flat();
}

/** The same, key by key: for whoever works through many of them in turns. */
export function* tuplesByKey(facts: Facts): Generator<Tuple[]> {
  for (const keyed of keysOf(facts)) {
    try {
      yield project(keyed);
    } catch (error) {
      // Such a key is parked: it gives the engine nothing.
      if (!(error instanceof UnprojectableError)) throw error;
    }
  }
}

/** The assignment behind a tuple `user:… a|b role:…`, and its role: where two stand, the tenant's own has its slot. */
export function assignmentBehind(
  { tenantId, roles, assignments }: Facts,
  { user, relation, object }: TupleKey,
): { readonly assignment: RoleAssignment; readonly role: Role } | undefined {
  const role = roles.find(({ roleId }) => engineName.role(tenantId, roleId) === object);
  if (role === undefined) return undefined;
  const live = assignments.filter((assignment) => {
    const isTheirs = engineName.user(assignment.userId) === user;
    return isTheirs && assignment.revokedAt === null && isOfRole(assignment, role);
  });
  const own = live.find(({ roleId, slot }) => roleId !== null && slot === relation);
  const assignment = own ?? live.find(({ roleId }) => roleId === null);
  return assignment === undefined ? undefined : { assignment, role };
}

function* keysOf(facts: Facts): Generator<KeyedRows> {
  const { tenantId, tenant, people, roles, edges, records } = facts;
  const key = (kind: Key['kind'], a = '', b = ''): Key => ({ kind, tenantId, a, b });
  yield { kind: 'tenant', key: key('tenant'), rows: tenant };
  const held = assignmentsByRole(facts);
  for (const person of people) yield* personKeys(facts, person, held.get(person.userId) ?? new Map());
  for (const { roleId, permissions } of roles) {
    yield { kind: 'role', key: key('role', roleId), rows: { exists: true } };
    for (const permission of permissions) {
      yield { kind: 'role_permission', key: key('role_permission', roleId, permission), rows: { exists: true } };
    }
  }
  for (const { managerId, userId, validFrom, expiresAt } of edges) {
    yield {
      kind: 'user_assignment',
      key: key('user_assignment', managerId, userId),
      rows: { validFrom, expiresAt },
    };
  }
  for (const { recordId, ownerUserId } of records) {
    yield { kind: 'record', key: key('record', recordId), rows: { ownerUserId } };
  }
}

type ByRole = ReadonlyMap<Role, readonly RoleAssignment[]>;

/** Users' assignments to each of the roles. Each is looked at once: users times roles would be too much. */
function assignmentsByRole({ roles, assignments }: Facts): ReadonlyMap<string, ByRole> {
  const roleOf = roleFinder(roles);
  const held = new Map<string, Map<Role, RoleAssignment[]>>();
  for (const assignment of assignments) {
    const role = roleOf(assignment);
    if (role === undefined) continue;
    const own = held.get(assignment.userId) ?? new Map<Role, RoleAssignment[]>();
    held.set(assignment.userId, own.set(role, [...(own.get(role) ?? []), assignment]));
  }
  return held;
}

function* personKeys({ tenantId }: Facts, person: Person, held: ByRole): Generator<KeyedRows> {
  const { userId, status: userStatus, isMember, isPlatformAdmin } = person;
  if (isPlatformAdmin) {
    yield {
      kind: 'platform_admin',
      key: { kind: 'platform_admin', tenantId: '', a: userId, b: '' },
      rows: { userStatus },
    };
  }
  if (isMember) {
    yield { kind: 'profile', key: { kind: 'profile', tenantId, a: userId, b: '' }, rows: { userStatus } };
  }
  for (const [role, assignments] of held) {
    yield {
      kind: 'user_role',
      key: { kind: 'user_role', tenantId, a: userId, b: role.roleId },
      rows: {
        userStatus,
        assignments: assignments.map(({ roleId, slot, validFrom, expiresAt, revokedAt }) => {
          return { global: roleId === null, slot, validFrom, expiresAt, revoked: revokedAt !== null };
        }),
      },
    };
  }
}
