/**
 * The cells of the matrix. What a cell shows is what would be after saving; that it differs from what is saved is a mark of
 * its own (+ or −), and what cannot be changed says why. A cell is drawn anew only when something of its own has changed:
 * scrolling draws what comes into view and nothing else.
 */
import { Fragment, memo } from 'react';

import type { CataloguePermission, Role } from '../../../src/contract/api.js';
import { Icon } from '../parts/icon.js';
import { Highlight } from '../parts/states.js';
import { t } from '../text/text.js';
import { PLATFORM_ROLE_ID } from './lock.js';
import { groupName } from './rows.js';

export const COLUMN_PX = 132;
export const FIRST_PX = 300;

export type Lock = 'platform' | 'system' | 'may' | undefined;

interface Placed {
  /** Row 0 is the head. */
  readonly row: number;
  /** Column 0 holds the names. */
  readonly column: number;
  /** Whether it is the tab stop of the grid. */
  readonly isActive: boolean;
}

const focusOf = ({ row, column, isActive }: Placed) => ({
  'data-row': row,
  'data-column': column,
  tabIndex: isActive ? 0 : -1,
});
const placeOf = ({ column }: Placed) => ({ left: FIRST_PX + (column - 1) * COLUMN_PX, width: COLUMN_PX });

interface HeadProps extends Placed {
  readonly role: Role;
  readonly granted: number;
  readonly total: number;
  readonly lock: Lock;
  readonly isSelected: boolean;
  readonly onSelect: (roleId: string) => void;
}

export const HeadCell = memo(function HeadCell({
  role,
  granted,
  total,
  lock,
  isSelected,
  onSelect,
  ...placed
}: HeadProps) {
  const told = lock === undefined ? '' : t(`rbac.locked.${lock}`);
  return (
    <div
      role="columnheader"
      aria-colindex={placed.column + 1}
      className={isSelected ? 'matrix-role matrix-selected' : 'matrix-role'}
      style={placeOf(placed)}
    >
      <button
        {...focusOf(placed)}
        type="button"
        aria-pressed={isSelected}
        title={[role.description, told].filter((text) => text !== '').join('\n')}
        onClick={() => onSelect(role.id)}
      >
        <span className="unseen">{role.roleName}</span>
        <span className="matrix-role-name" aria-hidden="true">
          <Breakable name={role.roleName} />
        </span>
        <span className="matrix-role-told">
          {lock !== undefined && <Icon name="lock" size={13} />}
          <span aria-hidden="true">{`${String(granted)}/${String(total)}`}</span>
          <span className="unseen">
            {t('rbac.role.counts', { granted, total })}
            {told !== '' && `. ${told}`}
          </span>
          {role.id !== PLATFORM_ROLE_ID && (
            <span className="matrix-role-users">
              <Icon name="users" size={13} />
              <span aria-hidden="true">{role.activeUserCount}</span>
              <span className="unseen">{t('rbac.role.users', { count: role.activeUserCount })}</span>
            </span>
          )}
        </span>
      </button>
    </div>
  );
});

/** Long names break after an underscore and not inside a word. */
function Breakable({ name }: { name: string }) {
  const words = name.split('_');
  return words.map((word, index) => (
    <Fragment key={`${String(index)} ${word}`}>
      {index > 0 && (
        <>
          _<wbr />
        </>
      )}
      {word}
    </Fragment>
  ));
}

interface GroupHeadProps extends Placed {
  readonly group: string;
  readonly count: number;
  readonly isFolded: boolean;
  readonly onFold: (group: string) => void;
}

export const GroupHead = memo(function GroupHead({ group, count, isFolded, onFold, ...placed }: GroupHeadProps) {
  return (
    <div role="rowheader" aria-colindex={1} className="matrix-first" style={{ width: FIRST_PX }}>
      <button
        {...focusOf(placed)}
        type="button"
        className="matrix-fold"
        aria-expanded={!isFolded}
        onClick={() => onFold(group)}
      >
        <Icon name={isFolded ? 'right' : 'down'} size={15} />
        <span>{groupName(group)}</span>
        <span className="quiet small">{t('rbac.group.counts', { count })}</span>
      </button>
    </div>
  );
});

interface PermissionHeadProps extends Placed {
  readonly permission: CataloguePermission;
  readonly search: string;
}

export const PermissionHead = memo(function PermissionHead({ permission, search, ...placed }: PermissionHeadProps) {
  const { id, description, kind } = permission;
  return (
    <div
      role="rowheader"
      aria-colindex={1}
      className="matrix-first"
      style={{ width: FIRST_PX }}
      title={description}
      {...focusOf(placed)}
    >
      <span className="matrix-name mono">
        <Highlight text={id} search={search} />
      </span>
      <span className="unseen">{`, ${description}, ${t(kind === 'write' ? 'rbac.write' : 'rbac.read')}`}</span>
    </div>
  );
});

interface PermissionCellProps extends Placed {
  readonly role: Role;
  readonly permissionId: string;
  readonly wanted: boolean;
  readonly isStaged: boolean;
  readonly lock: Lock;
  readonly onToggle: (role: Role, permissionIds: readonly string[], granted: boolean) => void;
}

export const PermissionCell = memo(function PermissionCell(props: PermissionCellProps) {
  const { role, permissionId, wanted, isStaged, lock, onToggle, ...placed } = props;
  const state = isStaged ? (wanted ? 'adding' : 'removing') : wanted ? 'granted' : 'none';
  const words = t(`rbac.cell.${state}`);
  const told = lock === undefined ? words : t('rbac.cell.locked', { state: words, reason: t(`rbac.locked.${lock}`) });
  const toggle = (): void => {
    if (lock === undefined) onToggle(role, [permissionId], !wanted);
  };
  return (
    <div
      role="gridcell"
      aria-colindex={placed.column + 1}
      className={`matrix-cell cell-${state}`}
      style={placeOf(placed)}
    >
      <span
        {...focusOf(placed)}
        role="checkbox"
        aria-checked={wanted}
        aria-disabled={lock !== undefined}
        aria-label={t('rbac.cell', { role: role.roleName, permission: permissionId, state: told })}
        className={lock === undefined ? 'cell-box' : 'cell-box cell-locked'}
        onClick={toggle}
        onKeyDown={onSpace(toggle)}
      >
        {wanted && <Icon name="check" size={15} />}
        {isStaged && <span className="cell-mark">{wanted ? '+' : '−'}</span>}
      </span>
    </div>
  );
});

interface GroupCellProps extends Placed {
  readonly role: Role;
  readonly group: string;
  readonly shownIds: readonly string[];
  readonly granted: number;
  readonly total: number;
  readonly isStaged: boolean;
  readonly lock: Lock;
  readonly onToggle: (role: Role, permissionIds: readonly string[], granted: boolean) => void;
}

/** Changes what of the group is shown, not what a filter hides. */
export const GroupCell = memo(function GroupCell(props: GroupCellProps) {
  const { role, group, shownIds, granted, total, isStaged, lock, onToggle, ...placed } = props;
  const counts = t('rbac.group.cell', { role: role.roleName, group: groupName(group), granted, total });
  const toggle = (): void => {
    if (lock === undefined) onToggle(role, shownIds, granted < total);
  };
  return (
    <div
      role="gridcell"
      aria-colindex={placed.column + 1}
      className={isStaged ? 'matrix-cell cell-changed' : 'matrix-cell'}
      style={placeOf(placed)}
    >
      <span
        {...focusOf(placed)}
        role="checkbox"
        aria-checked={granted === 0 ? false : granted === total ? true : 'mixed'}
        aria-disabled={lock !== undefined}
        aria-label={lock === undefined ? counts : `${counts}, ${t(`rbac.locked.${lock}`)}`}
        className={granted === 0 ? 'cell-count cell-zero' : 'cell-count'}
        onClick={toggle}
        onKeyDown={onSpace(toggle)}
      >
        {`${String(granted)}/${String(total)}`}
      </span>
    </div>
  );
});

const onSpace = (work: () => void) => (event: React.KeyboardEvent) => {
  if (event.key !== ' ' && event.key !== 'Enter') return;
  // Those are the grid's.
  if (event.shiftKey || event.ctrlKey) return;
  event.preventDefault();
  work();
};
