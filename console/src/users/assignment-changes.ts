/** The difference between the roles that somebody has and those that are chosen for them: one call for each. */
import type { Assignment, Role } from '../../../src/contract/api.js';

/** What is chosen of a role: that it is held, and until when. */
export interface Chosen {
  readonly roleId: string;
  readonly expiresAt: string | null;
}

export interface AssignmentChange {
  readonly kind: 'added' | 'removed' | 'moved';
  readonly roleId: string;
  readonly roleName: string;
  readonly expiresAt: string | null;
}

interface Selection {
  readonly roles: readonly Role[];
  readonly held: readonly Assignment[];
  readonly chosen: readonly Chosen[];
}

const isSame = (one: string | null, other: string | null): boolean =>
  (one === null ? null : Date.parse(one)) === (other === null ? null : Date.parse(other));

/** In the order of the roles. Global assignments are the platform's and are left as they are. */
export function assignmentChanges({ roles, held, chosen }: Selection): AssignmentChange[] {
  const own = new Map(held.filter(({ isGlobal }) => !isGlobal).map((one) => [one.roleId, one]));
  const wanted = new Map(chosen.map((one) => [one.roleId, one]));
  return roles.flatMap(({ id: roleId, roleName }): AssignmentChange[] => {
    const before = own.get(roleId);
    const after = wanted.get(roleId);
    if (after === undefined) {
      return before === undefined ? [] : [{ kind: 'removed', roleId, roleName, expiresAt: null }];
    }
    const change = { roleId, roleName, expiresAt: after.expiresAt };
    if (before === undefined) return [{ kind: 'added', ...change }];
    return isSame(before.expiresAt, after.expiresAt) ? [] : [{ kind: 'moved', ...change }];
  });
}
