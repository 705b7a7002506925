/**
 * Staged edits of permission sets: what is wanted of single cells, apart from the sets as they were last read. So a set that
 * somebody else has changed meanwhile keeps what was staged on it, and what has come about already is no change any more.
 */
import type { Role } from '../../../src/contract/api.js';

/** Role → permission → whether it shall be granted. */
export type Stage = Readonly<Record<string, Readonly<Record<string, boolean>>>>;

export interface RoleChange {
  readonly role: Role;
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** The whole set as it shall be. */
  readonly permissionIds: readonly string[];
}

/** Whether a cell is granted, staged edits counted. */
export function isWanted(role: Role, permissionId: string, stage: Stage): boolean {
  return stage[role.id]?.[permissionId] ?? role.permissionIds.includes(permissionId);
}

/** The stage with these cells of a role as they are wanted; what the role has already is not kept. */
export function withCells(
  stage: Stage,
  role: Role,
  { permissionIds, granted }: { permissionIds: readonly string[]; granted: boolean },
): Stage {
  const wanted = new Map(Object.entries(stage[role.id] ?? {}));
  const has = new Set(role.permissionIds);
  for (const id of permissionIds) {
    if (has.has(id) === granted) wanted.delete(id);
    else wanted.set(id, granted);
  }
  const others = withoutRole(stage, role.id);
  return wanted.size === 0 ? others : { ...others, [role.id]: Object.fromEntries(wanted) };
}

/** The stage without a role. */
export function withoutRole(stage: Stage, roleId: string): Stage {
  return Object.fromEntries(Object.entries(stage).filter(([id]) => id !== roleId));
}

/** What would be saved, role by role, for the roles as they stand now. */
export function changesOf(roles: readonly Role[], stage: Stage): RoleChange[] {
  return roles.flatMap((role) => {
    const wanted = Object.entries(stage[role.id] ?? {});
    const has = new Set(role.permissionIds);
    const added = wanted.filter(([id, granted]) => granted && !has.has(id)).map(([id]) => id);
    const removed = wanted.filter(([id, granted]) => !granted && has.has(id)).map(([id]) => id);
    if (added.length + removed.length === 0) return [];
    const permissionIds = [...role.permissionIds.filter((id) => !removed.includes(id)), ...added].sort();
    return [{ role, added: added.sort(), removed: removed.sort(), permissionIds }];
  });
}

/** How many cells would change. */
export function countChanges(changes: readonly RoleChange[]): number {
  return changes.reduce((sum, { added, removed }) => sum + added.length + removed.length, 0);
}
