/**
 * Which of many equal items are drawn, and where the keys of a grid lead: the arithmetic of the matrix, without a screen.
 */

/** The indices to draw: those in view and a few beside them, and the one that has the focus wherever it is. */
export function windowOf(view: {
  readonly scrolled: number;
  readonly size: number;
  readonly itemSize: number;
  readonly count: number;
  readonly active: number;
}): number[] {
  const beside = 3;
  const first = Math.max(0, Math.floor(view.scrolled / view.itemSize) - beside);
  const last = Math.min(view.count - 1, Math.ceil((view.scrolled + view.size) / view.itemSize) + beside);
  const indices = Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
  const { active } = view;
  if (active < 0 || active >= view.count || (active >= first && active <= last)) return indices;
  return active < first ? [active, ...indices] : [...indices, active];
}

/** Row 0 is the head with the roles' names, column 0 the names of the permissions. */
export interface GridPlace {
  readonly row: number;
  readonly column: number;
}

interface GridSize {
  readonly rows: number;
  readonly columns: number;
  /** Rows of a page. */
  readonly page: number;
}

interface Key {
  readonly key: string;
  readonly ctrlKey: boolean;
}

/** Where a key leads; undefined where it leads nowhere. At the edges one stays. */
export function placeAfter(
  { key, ctrlKey }: Key,
  at: GridPlace,
  { rows, columns, page }: GridSize,
): GridPlace | undefined {
  const to = (row: number, column: number): GridPlace => ({
    row: Math.min(Math.max(row, 0), rows - 1),
    column: Math.min(Math.max(column, 0), columns - 1),
  });
  switch (key) {
    case 'ArrowUp':
      return to(at.row - 1, at.column);
    case 'ArrowDown':
      return to(at.row + 1, at.column);
    case 'ArrowLeft':
      return to(at.row, at.column - 1);
    case 'ArrowRight':
      return to(at.row, at.column + 1);
    case 'Home':
      return to(ctrlKey ? 0 : at.row, 0);
    case 'End':
      return to(ctrlKey ? rows - 1 : at.row, columns - 1);
    case 'PageUp':
      return to(at.row - page, at.column);
    case 'PageDown':
      return to(at.row + page, at.column);
    default:
      return undefined;
  }
}

/** How far to scroll so that an item is in view: the smallest move, or none. */
export function scrollFor(view: { scrolled: number; size: number; itemSize: number }, index: number): number {
  const from = index * view.itemSize;
  if (from < view.scrolled) return from;
  return Math.max(view.scrolled, from + view.itemSize - view.size);
}
