/**
 * Facts as they would be after changes that nobody has made; pure.
 *
 * A change that could not be made (a role of another tenant, a user who has not the role that is to be revoked) is
 * refused with the field that is at fault, as the change itself would be.
 */
import type { HypotheticalChange } from '../contract/api.js';
import { catalogue } from '../contract/model.js';
import { Problem } from '../shared/problem.js';
import { type Facts, type Role, withRole } from './facts.js';

const tenantPermissions = new Set<string>(
  catalogue.flatMap(({ id, objectType }) => (objectType === 'tenant' ? [id] : [])),
);

/** The facts after the changes, one after the other. Throws Problem INVALID_REQUEST. */
export function applyChanges(facts: Facts, changes: readonly HypotheticalChange[]): Facts {
  return changes.reduce((before, change, index) => applyChange(before, change, `changes/${String(index)}`), facts);
}

/** Whom and what the changes name: the facts must hold them. */
export function namedIn(changes: readonly HypotheticalChange[]): { userIds: string[]; roleIds: string[] } {
  const roles = changes.flatMap(({ assignRole, revokeRole }) => assignRole ?? revokeRole ?? []);
  const people = [...roles, ...changes.flatMap(({ setUserStatus }) => setUserStatus ?? [])];
  const sets = changes.flatMap(({ setPermissions }) => setPermissions ?? []);
  return {
    userIds: [...new Set(people.map(({ user }) => user))],
    roleIds: [...new Set([...roles, ...sets].map(({ roleId }) => roleId))],
  };
}

function applyChange(facts: Facts, change: HypotheticalChange, field: string): Facts {
  const { assignRole, revokeRole, setPermissions, setTenantStatus, setUserStatus } = change;
  if (assignRole !== undefined) return assign(facts, assignRole, `${field}/assignRole`);
  if (revokeRole !== undefined) return revoke(facts, revokeRole, `${field}/revokeRole`);
  if (setPermissions !== undefined) return replaceSet(facts, setPermissions, `${field}/setPermissions`);
  if (setTenantStatus !== undefined) {
    const { tenant } = facts;
    return { ...facts, tenant: tenant === null ? null : { ...tenant, status: setTenantStatus.status } };
  }
  if (setUserStatus !== undefined) {
    const { user, status } = setUserStatus;
    requireUser(facts, user, `${field}/setUserStatus/user`);
    const people = facts.people.map((person) => (person.userId === user ? { ...person, status } : person));
    return { ...facts, people };
  }
  throw fault(field, 'says nothing');
}

function assign(facts: Facts, change: NonNullable<HypotheticalChange['assignRole']>, field: string): Facts {
  const { user, roleId, validFrom = null, expiresAt = null } = change;
  requireUser(facts, user, `${field}/user`);
  const role = requireRole(facts, roleId, `${field}/roleId`);
  const window = { validFrom: momentOf(validFrom), expiresAt: momentOf(expiresAt) };
  if (window.validFrom !== null && window.expiresAt !== null && window.expiresAt <= window.validFrom) {
    throw fault(`${field}/expiresAt`, 'must be after `validFrom`');
  }
  const assigned = withRole(facts, user, role);
  const isNew = (other: Facts['assignments'][number]): boolean => other.userId === user && other.roleId === roleId;
  return {
    ...assigned,
    assignments: assigned.assignments.map((other) => (isNew(other) ? { ...other, ...window } : other)),
  };
}

function revoke(facts: Facts, { user, roleId }: { user: string; roleId: string }, field: string): Facts {
  requireUser(facts, user, `${field}/user`);
  requireRole(facts, roleId, `${field}/roleId`);
  const isIt = (other: Facts['assignments'][number]): boolean =>
    other.userId === user && other.roleId === roleId && other.revokedAt === null;
  if (!facts.assignments.some(isIt)) throw fault(`${field}/roleId`, 'is not a role that the user has been assigned');
  const revokedAt = '9999-12-31T23:59:59.999999Z';
  return { ...facts, assignments: facts.assignments.map((other) => (isIt(other) ? { ...other, revokedAt } : other)) };
}

function replaceSet(
  facts: Facts,
  { roleId, permissionIds }: { roleId: string; permissionIds: readonly string[] },
  field: string,
): Facts {
  requireRole(facts, roleId, `${field}/roleId`);
  const unknown = permissionIds.findIndex((id) => !tenantPermissions.has(id));
  if (unknown !== -1) throw fault(`${field}/permissionIds/${String(unknown)}`, 'is no permission that a role may hold');
  const permissions = [...new Set(permissionIds)];
  return { ...facts, roles: facts.roles.map((role) => (role.roleId === roleId ? { ...role, permissions } : role)) };
}

function requireUser(facts: Facts, userId: string, field: string): void {
  if (facts.people.some((person) => person.userId === userId && person.isMember)) return;
  throw fault(field, 'is not a user of the tenant');
}

function requireRole(facts: Facts, roleId: string, field: string): Role {
  const role = facts.roles.find((candidate) => candidate.roleId === roleId);
  if (role === undefined) throw fault(field, 'is not a role of the tenant');
  return role;
}

/** RFC 3339 as the facts write it: UTC, six digits. */
function momentOf(text: string | null): string | null {
  return text === null ? null : new Date(text).toISOString().replace('Z', '000Z');
}

function fault(field: string, message: string): Problem {
  return new Problem('INVALID_REQUEST', `\`${field}\` ${message}`, { errors: [{ field, message }] });
}
