/**
 * The rows of the matrix: groups and, where they are not folded, their permissions, as far as search and filters leave them.
 */
import type { CataloguePermission, Role } from '../../../src/contract/api.js';
import { isWanted, type Stage } from './staging.js';

export type MatrixRow =
  | {
      readonly kind: 'group';
      readonly group: string;
      /** All of the group, whatever search and filters leave. */
      readonly permissionIds: readonly string[];
      readonly shownIds: readonly string[];
      readonly isFolded: boolean;
    }
  | { readonly kind: 'permission'; readonly permission: CataloguePermission };

export interface RowFilter {
  readonly search: string;
  readonly onlyGranted: boolean;
  readonly onlyDifferent: boolean;
}

interface RowSource extends RowFilter {
  readonly permissions: readonly CataloguePermission[];
  /** The columns. */
  readonly roles: readonly Role[];
  readonly stage: Stage;
  readonly folded: ReadonlySet<string>;
}

/** Permissions that search and filters leave, in the order of the catalogue. */
export function permissionsLeft({
  permissions,
  roles,
  stage,
  search,
  onlyGranted,
  onlyDifferent,
}: Omit<RowSource, 'folded'>) {
  const wanted = search.toLowerCase();
  return permissions.filter(({ id, description, group }) => {
    if (wanted !== '' && ![id, description, group].some((text) => text.toLowerCase().includes(wanted))) return false;
    if (!onlyGranted && !onlyDifferent) return true;
    const granted = roles.filter((role) => isWanted(role, id, stage)).length;
    return (!onlyGranted || granted > 0) && (!onlyDifferent || (granted > 0 && granted < roles.length));
  });
}

/** A search unfolds what it finds. */
export function rowsOf(source: RowSource): MatrixRow[] {
  const groups = new Map<string, CataloguePermission[]>();
  for (const permission of permissionsLeft(source)) {
    const members = groups.get(permission.group);
    if (members === undefined) groups.set(permission.group, [permission]);
    else members.push(permission);
  }
  return [...groups].flatMap(([group, members]): MatrixRow[] => {
    const isFolded = source.folded.has(group) && source.search === '';
    const all = source.permissions.filter((permission) => permission.group === group);
    const head: MatrixRow = { kind: 'group', group, permissionIds: idsOf(all), shownIds: idsOf(members), isFolded };
    return isFolded ? [head] : [head, ...members.map((permission) => ({ kind: 'permission', permission }) as const)];
  });
}

const idsOf = (permissions: readonly CataloguePermission[]): string[] => permissions.map(({ id }) => id);

/** `fee_schedules` → `Fee schedules` */
export function groupName(group: string): string {
  const words = group.replaceAll('_', ' ');
  return words.slice(0, 1).toUpperCase() + words.slice(1);
}
