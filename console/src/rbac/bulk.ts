/**
 * A whole row or column at once, as a grid has it (APG): Shift+Space changes every cell of the row, Ctrl+Space every cell of
 * the column. What is locked stays as it is and is in nobody's way; what search and filters hide is not changed.
 */
import { type KeyboardEvent, useState } from 'react';

import type { Role } from '../../../src/contract/api.js';
import { t } from '../text/text.js';
import { lockOf } from './lock.js';
import type { GridPlace } from './grid-window.js';
import { groupName, type MatrixRow } from './rows.js';
import { isWanted, type Stage } from './staging.js';

type Axis = 'row' | 'column';

interface Grid {
  readonly rows: readonly MatrixRow[];
  readonly roles: readonly Role[];
  readonly stage: Stage;
  readonly mayAdmin: boolean;
}

interface Bulk {
  /** Empty where nothing of it can be changed. */
  readonly cells: readonly { readonly role: Role; readonly permissionIds: readonly string[] }[];
  /** Everything is granted, or, where it is already, revoked. */
  readonly granted: boolean;
  /** What was done, in words. */
  readonly told: string;
}

/** What the keys mean where they are pressed; undefined in the head for a row, and beside the roles for a column. */
export function bulkOf({ rows, roles, stage, mayAdmin }: Grid, axis: Axis, at: GridPlace): Bulk | undefined {
  const role = roles[at.column - 1];
  const row = rows[at.row - 1];
  if (axis === 'row' ? row === undefined : role === undefined) return undefined;
  const shown = axis === 'row' ? roles : roles.slice(at.column - 1, at.column);
  const permissionIds = axis === 'row' ? idsOf(row) : rows.flatMap((one) => (one.kind === 'group' ? one.shownIds : []));
  const cells = shown.filter((one) => lockOf(one, mayAdmin) === undefined).map((one) => ({ role: one, permissionIds }));
  const missing = cells.flatMap((one) => permissionIds.filter((id) => !isWanted(one.role, id, stage))).length;
  const granted = missing > 0;
  const name = axis === 'row' ? nameOf(row) : (role?.roleName ?? '');
  const count = granted ? missing : cells.length * permissionIds.length;
  if (count === 0) return { cells: [], granted, told: t('rbac.bulk.locked', { name }) };
  const done = t(granted ? 'rbac.bulk.granted' : 'rbac.bulk.revoked', { name, count });
  return { cells, granted, told: cells.length < shown.length ? `${done} ${t('rbac.bulk.rest')}` : done };
}

interface Toggling {
  readonly onToggle: (role: Role, permissionIds: readonly string[], granted: boolean) => void;
}

/** Stages a row or a column; whether a key asked for it, and what was done then. */
export function useBulk(grid: Grid & Toggling, active: GridPlace) {
  const [told, setTold] = useState('');
  const onBulk = (event: KeyboardEvent): boolean => {
    const axis = axisOf(event);
    if (axis === undefined) return false;
    event.preventDefault();
    const bulk = bulkOf(grid, axis, active);
    for (const { role, permissionIds } of bulk?.cells ?? []) grid.onToggle(role, permissionIds, bulk?.granted === true);
    setTold(bulk?.told ?? '');
    return true;
  };
  return { told, onBulk };
}

/** Which of them a key asks for. */
function axisOf({ key, shiftKey, ctrlKey }: Pick<KeyboardEvent, 'key' | 'shiftKey' | 'ctrlKey'>): Axis | undefined {
  if (key !== ' ' || shiftKey === ctrlKey) return undefined;
  return shiftKey ? 'row' : 'column';
}

const idsOf = (row: MatrixRow | undefined): readonly string[] =>
  row === undefined ? [] : row.kind === 'group' ? row.shownIds : [row.permission.id];
const nameOf = (row: MatrixRow | undefined): string =>
  row === undefined ? '' : row.kind === 'group' ? groupName(row.group) : row.permission.id;
