/**
 * Staged edits of somebody's roles: what is wanted of single ones, apart from what they hold as it was last read. So what
 * somebody else has assigned, revoked or moved meanwhile stays as they have it, and what has come about is no change any more.
 */
import type { Assignment, Role } from '../../../src/contract/api.js';
import type { TimeWindow } from '../text/time-window.js';

/** To move is not to add: the move of an assignment that somebody else has revoked meanwhile assigns nothing. */
export type Edit =
  { readonly kind: 'added' | 'moved'; readonly expiresAt: string | null } | { readonly kind: 'removed' };

/** By the role's id; what is held already in the way that is wanted is not in it. */
export type Stage = ReadonlyMap<string, Edit>;

export interface AssignmentChange extends TimeWindow {
  readonly kind: Edit['kind'];
  /** Of what is moved: whoever revokes it meanwhile is not undone. */
  readonly assignmentId?: string;
  readonly roleId: string;
  readonly roleName: string;
}

/** What of the tenant's own is held of a role. Global assignments are the platform's and are left as they are. */
export const ownOf = (held: readonly Assignment[], roleId: string): Assignment | undefined =>
  held.find((one) => one.roleId === roleId && !one.isGlobal);

/** When a role would be held; undefined where it would not. Only the end is edited: the beginning stays as it is. */
export function wantedOf(before: TimeWindow | undefined, edit: Edit | undefined): TimeWindow | undefined {
  if (edit === undefined) return before;
  if (before === undefined) return edit.kind === 'added' ? { validFrom: null, expiresAt: edit.expiresAt } : undefined;
  if (edit.kind === 'removed') return undefined;
  return edit.kind === 'moved' ? { validFrom: before.validFrom, expiresAt: edit.expiresAt } : before;
}

/** The edit that makes of what is held what is wanted: an end, null for none, or undefined for no role; undefined: none. */
export function editOf(before: TimeWindow | undefined, until: string | null | undefined): Edit | undefined {
  if (until === undefined) return before === undefined ? undefined : { kind: 'removed' };
  if (before === undefined) return { kind: 'added', expiresAt: until };
  return isSame(before.expiresAt, until) ? undefined : { kind: 'moved', expiresAt: until };
}

/** The stage with an edit of a role, or without any. */
export function withEdit(stage: Stage, roleId: string, edit: Edit | undefined): Stage {
  const others = [...stage].filter(([id]) => id !== roleId);
  return new Map(edit === undefined ? others : [...others, [roleId, edit]]);
}

interface Staged {
  readonly roles: readonly Role[];
  readonly held: readonly Assignment[];
  readonly stage: Stage;
}

/** What would be done to what is held now: one call for each, in the order of the roles. */
export function assignmentChanges({ roles, held, stage }: Staged): AssignmentChange[] {
  return roles.flatMap(({ id: roleId, roleName }): AssignmentChange[] => {
    const before = ownOf(held, roleId);
    const after = wantedOf(before, stage.get(roleId));
    const edit = editOf(before, after?.expiresAt);
    if (edit === undefined) return [];
    const { validFrom, expiresAt } = after ?? { validFrom: null, expiresAt: null };
    const moved = edit.kind === 'moved' && before !== undefined ? { assignmentId: before.assignmentId } : {};
    return [{ kind: edit.kind, ...moved, roleId, roleName, validFrom, expiresAt }];
  });
}

const isSame = (one: string | null, other: string | null): boolean =>
  (one === null ? null : Date.parse(one)) === (other === null ? null : Date.parse(other));
