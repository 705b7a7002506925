/** The console's arithmetic, without a screen: staged edits, rows, the window of the matrix, trees. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { bulkOf } from '../../console/src/rbac/bulk.js';
import { placeAfter, scrollFor, windowOf } from '../../console/src/rbac/grid-window.js';
import { permissionsLeft, rowsOf } from '../../console/src/rbac/rows.js';
import { changesOf, countChanges, isWanted, withCells } from '../../console/src/rbac/staging.js';
import { treeOf } from '../../console/src/teams/tree.js';
import { assignmentChanges, editOf, ownOf, type Stage, withEdit } from '../../console/src/users/assignment-changes.js';
import type { Assignment, CataloguePermission, Role, TeamAssignment } from '../../src/contract/api.js';

const role = (id: string, permissionIds: string[] = []): Role => ({
  ...{ id, roleName: id, description: '', isSystem: false, permissionIds, activeUserCount: 0, version: 1 },
});
const permission = (id: string): CataloguePermission => ({
  ...{ id, group: id.split('.')[0] ?? '', description: `May ${id}`, kind: 'read', inPreset: true },
});

describe('staged edits', () => {
  const had = role('r', ['a', 'b']);

  test('are what differs from what is, and nothing when one thinks better of it', () => {
    const once = withCells({}, had, { permissionIds: ['a', 'c'], granted: true });
    expect(once).toEqual({ r: { c: true } });
    expect(withCells(once, had, { permissionIds: ['c'], granted: false })).toEqual({});
  });

  test('stay on what somebody else has made of the role, without what has come about', () => {
    const stage = { r: { b: false, c: true, d: true } };
    const now = role('r', ['a', 'b', 'c']);
    expect(changesOf([now], stage)).toEqual([
      { role: now, added: ['d'], removed: ['b'], permissionIds: ['a', 'c', 'd'] },
    ]);
  });

  test('whatever is clicked, the set that is saved is the one that is shown', () => {
    const ids = ['a', 'b', 'c', 'd'];
    const clicks = fc.array(fc.record({ permissionIds: fc.subarray(ids), granted: fc.boolean() }));
    fc.assert(
      fc.property(fc.subarray(ids), clicks, (has, all) => {
        const one = role('r', has);
        const stage = all.reduce((before, click) => withCells(before, one, click), {});
        const shown = ids.filter((id) => isWanted(one, id, stage));
        const changes = changesOf([one], stage);
        expect(changes[0]?.permissionIds ?? has).toEqual(shown);
        expect(countChanges(changes)).toBe(ids.filter((id) => has.includes(id) !== shown.includes(id)).length);
      }),
    );
  });
});

describe('rows', () => {
  const permissions = ['claims.read', 'claims.update', 'users.read'].map(permission);
  const source = {
    ...{ permissions, roles: [role('r', ['claims.read']), role('s', ['claims.read', 'users.read'])], stage: {} },
    ...{ search: '', onlyGranted: false, onlyDifferent: false, folded: new Set(['claims']) },
  };
  const left = (over: object): string[] => permissionsLeft({ ...source, ...over }).map(({ id }) => id);

  test('a folded group keeps its head; a search unfolds what it finds', () => {
    expect(rowsOf(source).map(({ kind }) => kind)).toEqual(['group', 'group', 'permission']);
    const found = rowsOf({ ...source, search: 'update' });
    expect(found).toHaveLength(2);
    expect(found[0]).toMatchObject({ permissionIds: ['claims.read', 'claims.update'], shownIds: ['claims.update'] });
  });

  test('filters count what is staged', () => {
    expect(left({ onlyGranted: true })).toEqual(['claims.read', 'users.read']);
    expect(left({ onlyDifferent: true })).toEqual(['users.read']);
    expect(left({ onlyDifferent: true, stage: { r: { 'users.read': true } } })).toEqual([]);
  });
});

describe('a row or a column at once', () => {
  const permissions = ['claims.read', 'claims.update', 'users.read'].map(permission);
  const roles = [role('r', ['claims.read']), { ...role('locked'), isSystem: true }, role('s')];
  const filter = { search: '', onlyGranted: false, onlyDifferent: false, folded: new Set(['claims']) };
  const grid = { roles, stage: {}, mayAdmin: true, rows: rowsOf({ ...filter, permissions, roles, stage: {} }) };
  const cellsOf = (bulk: ReturnType<typeof bulkOf>): string[] | undefined =>
    bulk?.cells.map((cell) => `${bulk.granted ? '+' : '-'} ${cell.role.id}: ${cell.permissionIds.join(' ')}`);

  const cases = [
    // Of a folded group all of it, as of its own cell.
    {
      axis: 'column',
      at: { row: 0, column: 1 },
      cells: ['+ r: claims.read claims.update users.read'],
      told: 'r: 2 cells will be granted.',
    },
    { axis: 'column', at: { row: 1, column: 2 }, cells: [], told: 'locked: nothing of it can be changed.' },
    {
      axis: 'row',
      at: { row: 1, column: 0 },
      cells: ['+ r: claims.read claims.update', '+ s: claims.read claims.update'],
      told: 'Claims: 3 cells will be granted. Locked roles stay as they are.',
    },
    {
      axis: 'row',
      at: { row: 3, column: 2 },
      cells: ['+ r: users.read', '+ s: users.read'],
      told: 'users.read: 2 cells will be granted. Locked roles stay as they are.',
    },
  ] as const;
  test.each(cases)('the $axis at $at', ({ axis, at, cells, told }) => {
    const bulk = bulkOf(grid, axis, at);
    expect(cellsOf(bulk)).toEqual(cells);
    expect(bulk?.told).toBe(told);
  });

  test('is revoked where all of it is granted, what is staged counted', () => {
    const stage = { r: { 'users.read': true }, s: { 'users.read': true } };
    expect(cellsOf(bulkOf({ ...grid, stage }, 'row', { row: 3, column: 1 }))).toEqual([
      '- r: users.read',
      '- s: users.read',
    ]);
  });

  test('is none in the head, nor beside the roles; and nothing of whoever may not', () => {
    expect(bulkOf(grid, 'row', { row: 0, column: 1 })).toBeUndefined();
    expect(bulkOf(grid, 'column', { row: 1, column: 0 })).toBeUndefined();
    expect(bulkOf({ ...grid, mayAdmin: false }, 'row', { row: 1, column: 1 })?.cells).toEqual([]);
  });
});

describe('the window', () => {
  test('holds what is in view and what has the focus, each once, in order', () => {
    const view = fc.record({
      ...{ scrolled: fc.nat(20_000), size: fc.nat(1_000), itemSize: fc.integer({ min: 20, max: 140 }) },
      ...{ count: fc.nat(500), active: fc.integer({ min: -1, max: 520 }) },
    });
    fc.assert(
      fc.property(view, (one) => {
        const indices = windowOf(one);
        expect(indices).toEqual([...new Set(indices)].sort((a, b) => a - b));
        expect(indices.every((index) => index >= 0 && index < one.count)).toBe(true);
        expect(indices.length).toBeLessThanOrEqual(one.size / one.itemSize + 10);
        if (one.active >= 0 && one.active < one.count) expect(indices).toContain(one.active);
      }),
    );
  });

  test.each([
    [
      { key: 'ArrowUp', ctrlKey: false },
      { row: 0, column: 2 },
    ],
    [
      { key: 'ArrowRight', ctrlKey: false },
      { row: 0, column: 3 },
    ],
    [
      { key: 'Home', ctrlKey: false },
      { row: 0, column: 0 },
    ],
    [
      { key: 'End', ctrlKey: true },
      { row: 9, column: 4 },
    ],
    [
      { key: 'PageDown', ctrlKey: false },
      { row: 6, column: 2 },
    ],
    [{ key: 'x', ctrlKey: false }, undefined],
  ])('%j leads to %j', (key, to) => {
    expect(placeAfter(key, { row: 0, column: 2 }, { rows: 10, columns: 5, page: 6 })).toEqual(to);
  });

  test('scrolls by the least that shows an item', () => {
    const view = { scrolled: 100, size: 100, itemSize: 20 };
    expect([2, 5, 9, 10].map((index) => scrollFor(view, index))).toEqual([40, 100, 100, 120]);
  });
});

describe('roles of a user', () => {
  const [soon, later] = ['2029-01-01T00:00:00Z', '2030-01-01T00:00:00Z'];
  const roles = ['kept', 'gone', 'moved', 'new', 'global'].map((id) => role(id));
  const held = (roleId: string, over: Partial<Assignment> = {}): Assignment => ({
    ...{ assignmentId: `a-${roleId}`, roleId, roleName: roleId, isGlobal: false, validFrom: null, expiresAt: null },
    ...{ assignedAt: '2026-01-01T00:00:00Z', ...over },
  });
  const now = [
    held('kept', { expiresAt: '2030-01-01T01:00:00+01:00' }),
    held('gone'),
    held('moved', { validFrom: soon }),
    held('global', { isGlobal: true }),
  ];
  const wanted = { kept: later, gone: undefined, moved: later, new: null };
  const stage: Stage = Object.entries(wanted).reduce<Stage>(
    (before, [id, until]) => withEdit(before, id, editOf(ownOf(now, id), until)),
    new Map(),
  );

  test('one change for each difference, and each keeps its beginning; global ones are left', () => {
    expect([...stage.keys()]).toEqual(['gone', 'moved', 'new']);
    const name = (id: string) => ({ roleId: id, roleName: id });
    expect(assignmentChanges({ roles, held: now, stage })).toEqual([
      { kind: 'removed', ...name('gone'), validFrom: null, expiresAt: null },
      { kind: 'moved', assignmentId: 'a-moved', ...name('moved'), validFrom: soon, expiresAt: later },
      { kind: 'added', ...name('new'), validFrom: null, expiresAt: null },
    ]);
    expect(withEdit(stage, 'gone', editOf(ownOf(now, 'gone'), null)).has('gone')).toBe(false);
  });

  test('what somebody else has assigned or revoked meanwhile is not done over', () => {
    const theirs = [held('new', { expiresAt: soon }), held('global', { isGlobal: true })];
    expect(assignmentChanges({ roles, held: theirs, stage })).toEqual([]);
  });
});

test('a tree has each manager of nobody’s at the top, and whoever has two managers below both', () => {
  const pair = (managerId: string, userId: string): TeamAssignment => ({
    ...{ managerId, userId, validFrom: null, expiresAt: null, assignedAt: '2026-01-01T00:00:00Z' },
  });
  const tree = treeOf([pair('top', 'mid'), pair('mid', 'rep'), pair('other', 'rep')]);
  expect(tree.map(({ userId }) => userId)).toEqual(['top', 'other']);
  expect(tree[0]?.below[0]?.below[0]?.userId).toBe('rep');
  expect(tree[1]?.below[0]?.userId).toBe('rep');
});
