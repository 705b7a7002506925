/**
 * The grid: permissions down, roles across. Only what is in view is in the document, so that sixty roles by four hundred
 * permissions scroll as one by one would. One tab stop; arrows move it; Space stages a change, of a row with Shift and of a
 * column with Ctrl. Each state of a cell has a shape and words, never a colour alone.
 * INVARIANT: at most 2,000 cells are in the document. tests/console/matrix.test.ts.
 */
import { type KeyboardEvent, useLayoutEffect, useMemo, useRef, useState } from 'react';

import type { Role } from '../../../src/contract/api.js';
import { t } from '../text/text.js';
import { useBulk } from './bulk.js';
import { lockOf } from './lock.js';
import {
  COLUMN_PX,
  FIRST_PX,
  GroupCell,
  GroupHead,
  HeadCell,
  type Lock,
  PermissionCell,
  PermissionHead,
} from './matrix-cells.js';
import { type GridPlace, placeAfter, scrollFor, windowOf } from './grid-window.js';
import type { MatrixRow } from './rows.js';
import type { Stage } from './staging.js';

const ROW_PX = 34;
const HEAD_PX = 66;

export interface MatrixProps {
  readonly rows: readonly MatrixRow[];
  readonly roles: readonly Role[];
  readonly stage: Stage;
  readonly search: string;
  readonly selectedRoleId: string | undefined;
  readonly mayAdmin: boolean;
  readonly permissionCount: number;
  readonly onToggle: (role: Role, permissionIds: readonly string[], granted: boolean) => void;
  readonly onFold: (group: string) => void;
  readonly onSelect: (roleId: string) => void;
}

export function Matrix(props: MatrixProps) {
  const { rows, roles } = props;
  const frame = useRef<HTMLDivElement>(null);
  const { view, onScroll } = useView(frame);
  const { active, setActive, onKeyDown } = useRoving(frame, { rows: rows.length + 1, columns: roles.length + 1 });
  const { told, onBulk } = useBulk(props, active);
  const down = { scrolled: view.top, size: view.height - HEAD_PX, itemSize: ROW_PX };
  const across = { scrolled: view.left, size: view.width - FIRST_PX, itemSize: COLUMN_PX };
  const columnsShown = windowOf({ ...across, count: roles.length, active: active.column - 1 });
  const rowsShown = windowOf({ ...down, count: rows.length, active: active.row - 1 });
  const width = FIRST_PX + roles.length * COLUMN_PX;
  const facts = useMemo(() => roles.map((role) => factsOf(role, props.mayAdmin)), [roles, props.mayAdmin]);
  const shown = columnsShown.flatMap((index) => facts[index] ?? []);
  const shared = { ...props, active, width, columns: columnsShown, facts: shown };
  return (
    <div ref={frame} className="matrix" onScroll={onScroll}>
      <div
        role="grid"
        aria-label={t('rbac.grid')}
        aria-description={t('rbac.grid.keys')}
        aria-rowcount={rows.length + 1}
        aria-colcount={roles.length + 1}
        className="matrix-sheet"
        style={{ width, height: HEAD_PX + rows.length * ROW_PX }}
        onKeyDown={(event) => {
          if (!onBulk(event)) onKeyDown(event);
        }}
        onFocus={({ target }) => setActive(placeOf(target))}
      >
        <HeadRow {...shared} />
        {rowsShown.map((index) => {
          const row = rows[index];
          if (row === undefined) return null;
          return (
            <Row
              key={row.kind === 'group' ? `group ${row.group}` : row.permission.id}
              {...shared}
              row={row}
              index={index}
            />
          );
        })}
      </div>
      <p className="unseen" role="status">
        {told}
      </p>
    </div>
  );
}

/** A role with what every cell of its column asks. */
interface ColumnFacts {
  readonly role: Role;
  readonly has: ReadonlySet<string>;
  readonly lock: Lock;
}

const factsOf = (role: Role, mayAdmin: boolean): ColumnFacts => ({
  role,
  has: new Set(role.permissionIds),
  lock: lockOf(role, mayAdmin),
});

interface SharedProps extends MatrixProps {
  readonly active: GridPlace;
  readonly width: number;
  /** Indices of the columns that are drawn, and their facts. */
  readonly columns: readonly number[];
  readonly facts: readonly ColumnFacts[];
}

const placed = (active: GridPlace, row: number, column: number) => ({
  ...{ row, column },
  isActive: active.row === row && active.column === column,
});

function HeadRow({ active, width, columns, facts, stage, permissionCount, selectedRoleId, onSelect }: SharedProps) {
  const corner = placed(active, 0, 0);
  return (
    <div role="row" aria-rowindex={1} className="matrix-head" style={{ width, height: HEAD_PX }}>
      <div
        role="columnheader"
        aria-colindex={1}
        className="matrix-corner"
        style={{ width: FIRST_PX }}
        data-row={0}
        data-column={0}
        tabIndex={corner.isActive ? 0 : -1}
      >
        {t('rbac.permission')}
      </div>
      {facts.map(({ role, has, lock }, at) => {
        const staged = Object.values(stage[role.id] ?? {});
        const granted = has.size + staged.filter((on) => on).length - staged.filter((on) => !on).length;
        const isSelected = role.id === selectedRoleId;
        const place = placed(active, 0, (columns[at] ?? 0) + 1);
        return (
          <HeadCell
            key={role.id}
            {...{ role, granted, lock, isSelected, onSelect }}
            total={permissionCount}
            {...place}
          />
        );
      })}
    </div>
  );
}

function Row({
  row,
  index,
  active,
  width,
  columns,
  facts,
  stage,
  search,
  onFold,
  onToggle,
}: SharedProps & { row: MatrixRow; index: number }) {
  const style = { top: HEAD_PX + index * ROW_PX, width, height: ROW_PX };
  const head = placed(active, index + 1, 0);
  return (
    <div role="row" aria-rowindex={index + 2} className={`matrix-row matrix-${row.kind}`} style={style}>
      {row.kind === 'group' ? (
        <GroupHead
          group={row.group}
          count={row.permissionIds.length}
          isFolded={row.isFolded}
          onFold={onFold}
          {...head}
        />
      ) : (
        <PermissionHead permission={row.permission} search={search} {...head} />
      )}
      {facts.map(({ role, has, lock }, at) => {
        const place = placed(active, index + 1, (columns[at] ?? 0) + 1);
        const staged = stage[role.id] ?? NOTHING;
        const isWanted = (id: string): boolean => staged[id] ?? has.has(id);
        if (row.kind === 'permission') {
          const { id } = row.permission;
          const isStaged = staged[id] !== undefined;
          return (
            <PermissionCell
              key={role.id}
              {...{ role, lock, onToggle, isStaged }}
              permissionId={id}
              wanted={isWanted(id)}
              {...place}
            />
          );
        }
        const { group, permissionIds, shownIds } = row;
        const granted = permissionIds.filter(isWanted).length;
        const isStaged = permissionIds.some((id) => staged[id] !== undefined);
        return (
          <GroupCell
            key={role.id}
            {...{ role, group, shownIds, lock, onToggle, isStaged, granted }}
            total={permissionIds.length}
            {...place}
          />
        );
      })}
    </div>
  );
}

const NOTHING: Readonly<Record<string, boolean>> = {};

/** What of the sheet is in view. */
function useView(frame: React.RefObject<HTMLDivElement | null>) {
  const [view, setView] = useState({ top: 0, left: 0, width: 1200, height: 700 });
  const read = useMemo(
    () => (): void => {
      const shown = frame.current;
      if (shown === null) return;
      const { scrollTop: top, scrollLeft: left, clientWidth: width, clientHeight: height } = shown;
      setView({ top, left, width, height });
    },
    [frame],
  );
  useLayoutEffect(() => {
    read();
    const observer = new ResizeObserver(read);
    if (frame.current !== null) observer.observe(frame.current);
    return () => observer.disconnect();
  }, [frame, read]);
  return { view, onScroll: read };
}

function placeOf(target: EventTarget): GridPlace | undefined {
  if (!(target instanceof HTMLElement)) return undefined;
  const { row, column } = target.dataset;
  return row === undefined || column === undefined ? undefined : { row: Number(row), column: Number(column) };
}

/** The one tab stop of the grid, and the keys that move it. */
function useRoving(frame: React.RefObject<HTMLDivElement | null>, size: { rows: number; columns: number }) {
  const [chosen, setChosen] = useState<GridPlace>({ row: 1, column: 1 });
  const moved = useRef(false);
  const active = { row: Math.min(chosen.row, size.rows - 1), column: Math.min(chosen.column, size.columns - 1) };
  useLayoutEffect(() => {
    if (!moved.current) return;
    moved.current = false;
    const cell = frame.current?.querySelector<HTMLElement>(
      `[data-row="${String(active.row)}"][data-column="${String(active.column)}"]`,
    );
    cell?.focus({ preventScroll: true });
  });
  const onKeyDown = (event: KeyboardEvent): void => {
    const shown = frame.current;
    if (event.altKey || event.metaKey || shown === null) return;
    const page = Math.max(1, Math.floor((shown.clientHeight - HEAD_PX) / ROW_PX) - 1);
    const next = placeAfter(event, active, { ...size, page });
    if (next === undefined) return;
    event.preventDefault();
    moved.current = true;
    setChosen(next);
    bringIntoView(shown, next);
  };
  const setActive = (place: GridPlace | undefined): void => {
    if (place !== undefined) setChosen(place);
  };
  return { active, setActive, onKeyDown };
}

/** The sticky head and first column must not hide what has the focus. */
function bringIntoView(shown: HTMLElement, { row, column }: GridPlace): void {
  if (row === 0) shown.scrollTop = 0;
  else {
    shown.scrollTop = scrollFor(
      { scrolled: shown.scrollTop, size: shown.clientHeight - HEAD_PX, itemSize: ROW_PX },
      row - 1,
    );
  }
  if (column === 0) shown.scrollLeft = 0;
  else {
    const view = { scrolled: shown.scrollLeft, size: shown.clientWidth - FIRST_PX, itemSize: COLUMN_PX };
    shown.scrollLeft = scrollFor(view, column - 1);
  }
}
