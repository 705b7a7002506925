/**
 * Rows to tuples: the one place that says what a row means to OpenFGA.
 *
 * A *key* names what can change on its own (one assignment, one grant, one tenant's status); its *rows* are everything
 * in Postgres that bears on it, tombstones included; `project` turns them into the tuples that must stand. Live sync,
 * rebuild, reconcile and the tests call the same functions, so they cannot disagree.
 *
 * INVARIANT: pure: no clock, no I/O. A window in time is a condition on the tuple, never a reason to leave it out.
 * INVARIANT: two keys never give the same tuple, else taking one away would take what another still gives.
 * INVARIANT: every tuple of a key is among its `candidates`, so deleting candidates that are not wanted suffices.
 * tests/unit/projection.test.ts holds all three.
 */
import { engineName, MalformedIdError, PLATFORM_OBJECT } from '../shared/ids.js';
import type { InForce, Tuple, TupleKey } from '../shared/tuple.js';

export const KEY_KINDS = [
  'tenant',
  'platform_admin',
  'role',
  'role_permission',
  'user_role',
  'user_assignment',
  'profile',
  'record',
] as const;
export type KeyKind = (typeof KEY_KINDS)[number];

/** What can change on its own. `a` and `b` are the ids of `KeyKind` in the order of the table's name. */
export interface Key {
  readonly kind: KeyKind;
  /** '' for the platform. */
  readonly tenantId: string;
  readonly a: string;
  readonly b: string;
}

/** Canonical text of a key, or of an outbox entry's. */
export function keyText({ kind, tenantId, a, b }: Omit<Key, 'kind'> & { kind: string }): string {
  return JSON.stringify([kind, tenantId, a, b]);
}

/** One end of a window, RFC 3339 UTC with microseconds; null is open. */
type Moment = string | null;

/** All rows of a key, as src/sync/row-store.ts reads them. Null or empty: there is none. */
export interface RowsOf {
  tenant: { status: 'active' | 'read_only' | 'suspended' } | null;
  platform_admin: { userStatus: string } | null;
  role: { exists: true } | null;
  role_permission: { exists: true } | null;
  user_role: {
    userStatus: string;
    assignments: readonly {
      global: boolean;
      slot: 'a' | 'b';
      validFrom: Moment;
      expiresAt: Moment;
      revoked: boolean;
    }[];
  } | null;
  user_assignment: { validFrom: Moment; expiresAt: Moment } | null;
  profile: { userStatus: string } | null;
  record: { ownerUserId: string } | null;
}

export type KeyedRows = { [K in KeyKind]: { readonly kind: K; readonly key: Key; readonly rows: RowsOf[K] } }[KeyKind];

/** What an outbox entry knows of the past: owners and tuples that the key alone cannot tell. */
export interface Prior {
  readonly owner?: string;
  readonly tuples?: readonly TupleKey[];
}

/** The rows of a key cannot be expressed in the engine: the key is parked. */
export class UnprojectableError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'UnprojectableError';
  }
}

/** The tuples that must stand for these rows. Throws UnprojectableError. */
export function project(keyed: KeyedRows): Tuple[] {
  return refusing(() => {
    switch (keyed.kind) {
      case 'tenant':
        return tenantTuples(keyed.key, keyed.rows);
      case 'platform_admin':
        return isActive(keyed.rows) ? [superAdmin(keyed.key)] : [];
      case 'role':
        return keyed.rows === null ? [] : [member(keyed.key)];
      case 'role_permission':
        return keyed.rows === null ? [] : [grant(keyed.key)];
      case 'user_role':
        return assigneeTuples(keyed.key, keyed.rows);
      case 'user_assignment':
        return managerTuples(keyed.key, keyed.rows);
      case 'profile':
        return profileTuples(keyed.key, keyed.rows);
      case 'record':
        return recordTuples(keyed.key, keyed.rows);
    }
  });
}

/**
 * Every tuple that the key could ever have given, as far as it and `prior` can tell. A malformed id has never been in
 * the engine: nothing of it can be left behind.
 */
export function candidates(key: Key, prior: Prior): TupleKey[] {
  return [...orNone(() => ownCandidates(key)), ...orNone(() => priorOwner(key, prior)), ...(prior.tuples ?? [])];
}

function ownCandidates(key: Key): TupleKey[] {
  switch (key.kind) {
    case 'tenant':
      return [platformLink(key), status(key, 'readable'), status(key, 'writable')];
    case 'platform_admin':
      return [superAdmin(key)];
    case 'role':
      return [member(key)];
    case 'role_permission':
      return [grant(key)];
    case 'user_role':
      return [assignee(key, 'a'), assignee(key, 'b')];
    case 'user_assignment':
      return [managerEdge(key)];
    case 'profile':
      return [profileTenant(key), profileSubject(key)];
    case 'record':
      return [recordTenant(key)];
  }
}

function priorOwner(key: Key, prior: Prior): TupleKey[] {
  return key.kind === 'record' && prior.owner !== undefined ? [recordOwner(key, prior.owner)] : [];
}

const platformLink = ({ tenantId }: Key): TupleKey => ({
  user: PLATFORM_OBJECT,
  relation: 'platform',
  object: engineName.tenant(tenantId),
});
const status = ({ tenantId }: Key, relation: 'readable' | 'writable'): TupleKey => ({
  user: engineName.tenant(tenantId),
  relation,
  object: engineName.tenant(tenantId),
});
const superAdmin = ({ a: userId }: Key): TupleKey => ({
  user: engineName.user(userId),
  relation: 'super_admin',
  object: PLATFORM_OBJECT,
});
const member = ({ tenantId, a: roleId }: Key): TupleKey => ({
  user: engineName.assignees(tenantId, roleId),
  relation: 'member',
  object: engineName.tenant(tenantId),
});
const grant = ({ tenantId, a: roleId, b: permission }: Key): TupleKey => ({
  user: engineName.assignees(tenantId, roleId),
  relation: `grant.${permission}`,
  object: engineName.tenant(tenantId),
});
const assignee = ({ tenantId, a: userId, b: roleId }: Key, slot: 'a' | 'b'): TupleKey => ({
  user: engineName.user(userId),
  relation: slot,
  object: engineName.role(tenantId, roleId),
});
const managerEdge = ({ tenantId, a: managerId, b: repId }: Key): TupleKey => ({
  user: engineName.profile(tenantId, managerId),
  relation: 'manager',
  object: engineName.profile(tenantId, repId),
});
const profileTenant = ({ tenantId, a: userId }: Key): TupleKey => ({
  user: engineName.tenant(tenantId),
  relation: 'tenant',
  object: engineName.profile(tenantId, userId),
});
const profileSubject = ({ tenantId, a: userId }: Key): TupleKey => ({
  user: engineName.user(userId),
  relation: 'subject',
  object: engineName.profile(tenantId, userId),
});
const recordTenant = ({ tenantId, a: recordId }: Key): TupleKey => ({
  user: engineName.tenant(tenantId),
  relation: 'tenant',
  object: engineName.record(tenantId, recordId),
});
const recordOwner = ({ tenantId, a: recordId }: Key, ownerUserId: string): TupleKey => ({
  user: engineName.profile(tenantId, ownerUserId),
  relation: 'owner',
  object: engineName.record(tenantId, recordId),
});

function isActive(rows: { userStatus: string } | null): boolean {
  return rows?.userStatus === 'active';
}

/** Status is two self-tuples: suspending a tenant is two deletes. The platform's override holds in any status. */
function tenantTuples(key: Key, rows: RowsOf['tenant']): Tuple[] {
  switch (rows?.status) {
    case undefined:
      return [];
    case 'suspended':
      return [platformLink(key)];
    case 'read_only':
      return [platformLink(key), status(key, 'readable')];
    case 'active':
      return [platformLink(key), status(key, 'readable'), status(key, 'writable')];
  }
}

/**
 * A disabled user holds nothing. Beside a tenant's own assignment a global one may stand, with another window: it takes
 * the slot that is left, and keeps it when the tenant's own is revoked.
 */
function assigneeTuples(key: Key, rows: RowsOf['user_role']): Tuple[] {
  if (rows === null || !isActive(rows)) return [];
  const own = rows.assignments.filter((assignment) => !assignment.global);
  const live = own.find((assignment) => !assignment.revoked);
  const global = rows.assignments.find((assignment) => assignment.global && !assignment.revoked);
  const taken = (live ?? own.at(-1))?.slot;
  const tuples: Tuple[] = [];
  if (live !== undefined) tuples.push({ ...assignee(key, live.slot), ...inWindow(live) });
  if (global !== undefined) {
    const slot = taken === undefined ? global.slot : taken === 'a' ? 'b' : 'a';
    tuples.push({ ...assignee(key, slot), ...inWindow(global) });
  }
  return tuples;
}

/** The edge stands whatever the two people's status: a manager's manager reaches through somebody who is away. */
function managerTuples(key: Key, rows: RowsOf['user_assignment']): Tuple[] {
  return rows === null ? [] : [{ ...managerEdge(key), ...inWindow(rows) }];
}

/** A disabled user's profile is still read by those who may, but is nobody's own. */
function profileTuples(key: Key, rows: RowsOf['profile']): Tuple[] {
  if (rows === null) return [];
  return isActive(rows) ? [profileTenant(key), profileSubject(key)] : [profileTenant(key)];
}

function recordTuples(key: Key, rows: RowsOf['record']): Tuple[] {
  return rows === null ? [] : [recordTenant(key), recordOwner(key, rows.ownerUserId)];
}

/** An assignment without bounds needs no condition, and costs the engine none. */
function inWindow({ validFrom, expiresAt }: { validFrom: Moment; expiresAt: Moment }): { condition?: InForce } {
  if (validFrom === null && expiresAt === null) return {};
  return {
    condition: {
      validFrom: validFrom ?? '0001-01-01T00:00:00Z',
      expiresAt: expiresAt ?? '9999-12-31T23:59:59.999999Z',
    },
  };
}

function orNone(work: () => TupleKey[]): TupleKey[] {
  try {
    return work();
  } catch (error) {
    if (error instanceof MalformedIdError) return [];
    throw error;
  }
}

function refusing<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof MalformedIdError) throw new UnprojectableError(error.message, { cause: error });
    throw error;
  }
}
