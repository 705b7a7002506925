/** The matrix by keyboard alone: one tab stop, arrows, and Space for a cell, a row or a column. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { findBrowser } from '../support/browser.js';
import { axeFaults, openConsole } from '../support/console.js';
import type { ConsoleStage } from '../support/console.js';

const cell = (page: Page, role: string, permission: string) =>
  page.getByRole('checkbox', { name: new RegExp(`^${role}, ${permission.replaceAll('.', '\\.')}:`) });

describe.skipIf(findBrowser() === undefined)('the matrix', () => {
  let stage: ConsoleStage;
  beforeAll(async () => {
    stage = await openConsole();
  });
  afterAll(async () => {
    await stage.end();
  });

  test('the keyboard alone is enough', async () => {
    await stage.world.sql(`insert into security.role (id, tenant_id, name) values ('acme.a_keys', 'acme', 'A_KEYS')`);
    const { page, context, complaints } = await stage.signedIn('ada', '/admin/rbac');
    const grid = page.getByRole('grid');
    await grid.waitFor();
    const focused = (): Promise<string> =>
      page.evaluate('document.activeElement.getAttribute("aria-label") ?? document.activeElement.textContent');
    await page.getByRole('button', { name: 'Export CSV' }).focus();
    // One tab stop before the grid is the role bar's, where a role is selected; here there is none.
    await page.keyboard.press('Tab');
    await page.keyboard.press('Control+Home');
    expect(await focused()).toBe('Permission');
    await page.keyboard.press('End');
    const columns = Number(await grid.getAttribute('aria-colcount'));
    expect(await page.evaluate('document.activeElement.dataset.column')).toBe(String(columns - 1));
    await page.keyboard.press('Home');
    for (const key of ['ArrowDown', 'ArrowDown']) await page.keyboard.press(key);
    // From the first permission's row to the column of A_KEYS.
    const index = await page.getByRole('columnheader', { name: /A_KEYS/ }).getAttribute('aria-colindex');
    for (let step = 1; step < Number(index); step += 1) await page.keyboard.press('ArrowRight');
    expect(await focused()).toMatch(/^A_KEYS, .*: not granted$/);
    await page.keyboard.press('Space');
    expect(await focused()).toMatch(/^A_KEYS, .*: not saved yet, will be granted$/);
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    expect(await focused()).toBe('Review');
    await page.keyboard.press('Enter');
    await page.getByText('Nobody gains or loses anything by it now.').waitFor();
    await page.getByRole('dialog').getByRole('button', { name: 'Save' }).press('Enter');
    await page.getByText(/A_KEYS: Saved; in force./).waitFor();
    const grants = await stage.world.sql(`select from security.role_permission where role_id = 'acme.a_keys'`);
    expect(grants).toHaveLength(1);
    // Not in the way of the next one.
    await stage.world.sql(`delete from security.role_permission where role_id = 'acme.a_keys'`);
    expect(complaints).toEqual([]);
    await context.close();
  });

  test('a whole row and a whole column are staged by keys, said, and undone by the same', async () => {
    await stage.world.sql(`insert into security.role (id, tenant_id, name) values
      ('acme.a_bulk', 'acme', 'A_BULK'), ('acme.b_bulk', 'acme', 'B_BULK')`);
    const { page, context, complaints } = await stage.signedIn('ada', '/admin/rbac?q=claims');
    const told = page.locator('.matrix').getByRole('status');
    await cell(page, 'A_BULK', 'claims.read').focus();
    await page.keyboard.press('Control+Space');
    expect(await told.textContent()).toBe('A_BULK: 2 cells will be granted.');
    await page.getByText('2 changes are not saved').waitFor();
    for (const permission of ['claims.read', 'claims.update']) {
      expect(await cell(page, 'A_BULK', permission).getAttribute('aria-checked')).toBe('true');
      expect(await cell(page, 'B_BULK', permission).getAttribute('aria-checked')).toBe('false');
    }
    // What is revoked by the same key is what was granted by it; the focus stays.
    await page.keyboard.press('Control+Space');
    expect(await told.textContent()).toBe('A_BULK: 2 cells will not be granted.');
    await page.getByText('changes are not saved').waitFor({ state: 'detached' });
    await page.keyboard.press('Shift+Space');
    expect(await told.textContent()).toMatch(/^claims.read: \d cells will be granted. Locked roles stay as they are.$/);
    for (const role of ['A_BULK', 'B_BULK']) {
      expect(await cell(page, role, 'claims.read').getAttribute('aria-checked')).toBe('true');
      expect(await cell(page, role, 'claims.update').getAttribute('aria-checked')).toBe('false');
    }
    await page.keyboard.press('Shift+Space');
    expect(await told.textContent()).toMatch(/^claims.read: \d cells will not be granted./);
    await page.getByText('changes are not saved').waitFor({ state: 'detached' });
    // From its head too, which Space alone selects; of a locked role nothing is changed.
    await page.getByRole('button', { name: /^A_BULK/ }).focus();
    await page.keyboard.press('Control+Space');
    await page.getByText('2 changes are not saved').waitFor();
    expect(page.url()).not.toContain('role=');
    await page.getByRole('button', { name: 'Discard' }).click();
    await cell(page, 'BILLER', 'claims.read').focus();
    await page.keyboard.press('Control+Space');
    expect(await told.textContent()).toBe('BILLER: nothing of it can be changed.');
    expect(await page.getByText('changes are not saved').count()).toBe(0);
    expect(await page.getByRole('grid').getAttribute('aria-description')).toContain('Shift+Space a row');
    expect(await axeFaults(page)).toEqual([]);
    expect(complaints).toEqual([]);
    await context.close();
  });
});
