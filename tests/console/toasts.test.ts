/**
 * The short messages: for ten seconds they say what was saved, and meanwhile they lie on nothing that can be used, wide
 * window or narrow; and what has the focus stays in view (WCAG 2.2, 2.4.11).
 */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { findBrowser } from '../support/browser.js';
import { axeFaults, openConsole } from '../support/console.js';
import type { ConsoleStage } from '../support/console.js';

/** What a click or a glance would reach below a message, whatever lies on top; and what has the focus and is covered. */
const COVERED = `(() => {
  const controls = 'a, button, input, select, textarea, summary, [tabindex], [role=checkbox]';
  const found = new Set();
  const nameOf = (one) => one.getAttribute('aria-label') ?? one.textContent.trim().slice(0, 40);
  for (const toast of document.querySelectorAll('.toast')) {
    const { left, right, top, bottom } = toast.getBoundingClientRect();
    for (let x = left + 1; x < right; x += 6) {
      for (let y = top + 1; y < bottom; y += 6) {
        for (const one of document.elementsFromPoint(x, y)) {
          const control = one.closest(controls);
          if (control !== null && control.id !== 'content' && !toast.contains(control)) found.add(nameOf(control));
        }
      }
    }
  }
  const focused = document.activeElement;
  const { left, top, width, height } = focused.getBoundingClientRect();
  const seen = document.elementFromPoint(left + width / 2, top + height / 2);
  if (focused !== document.body && !focused.contains(seen)) found.add('focused: ' + nameOf(focused));
  return { toasts: document.querySelectorAll('.toast').length, covered: [...found] };
})()`;
const covered = (page: Page) => page.evaluate<{ toasts: number; covered: string[] }>(COVERED);

describe.skipIf(findBrowser() === undefined)('messages', () => {
  let stage: ConsoleStage;
  beforeAll(async () => {
    stage = await openConsole();
    await stage.world.sql(`insert into security.app_user (id, tenant_id, email, display_name)
      select 'many' || n, 'acme', 'many' || n || '@example.com', 'Many ' || n from generate_series(1, 40) n`);
    await stage.world.sql(`insert into security.role (id, tenant_id, name) values ('acme.a_role', 'acme', 'A_ROLE')`);
    await stage.service.settle();
  });
  afterAll(async () => {
    await stage.end();
  });

  test.each([
    { width: 1360, height: 860 },
    { width: 700, height: 560 },
  ])('lie on no control of the matrix, saved, staged anew and scrolled ($width × $height)', async (size) => {
    const { page, context, complaints } = await stage.signedIn('ada', '/admin/rbac?q=claims', size);
    const cell = (permission: string) => page.getByRole('checkbox', { name: new RegExp(`^A_ROLE, ${permission}:`) });
    await cell('claims.read').click();
    await page.getByRole('button', { name: 'Review' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
    await page.getByText(/A_ROLE: Saved; in force./).waitFor();
    // With what is staged next, its bar stands at the foot as well.
    await cell('claims.update').click();
    await page.getByRole('button', { name: 'Discard' }).focus();
    expect(await covered(page)).toEqual({ toasts: 1, covered: [] });
    expect(await axeFaults(page)).toEqual([]);
    await page.locator('.matrix').evaluate('document.querySelector(".matrix").scrollTop = 400');
    await page.locator('.shell-scroll').evaluate('document.querySelector(".shell-scroll").scrollTop = 9999');
    expect(await covered(page)).toEqual({ toasts: 1, covered: [] });
    await page.getByRole('button', { name: 'Undo' }).click();
    await page.getByText(/A_ROLE, undone: Saved; in force./).waitFor();
    await page.getByRole('button', { name: 'Discard' }).click();
    expect((await covered(page)).covered).toEqual([]);
    expect(complaints).toEqual([]);
    await context.close();
  });

  test('lie on no row of a long list, and leave what has the focus in view', async () => {
    const { page, context, complaints } = await stage.signedIn('ada', '/admin/users?q=many');
    await page.getByRole('row', { name: /Many 1 / }).waitFor();
    // The row that stands lowest in the window is the one that a message at the foot would cover.
    const opened = await page.evaluate<string>(`(() => {
      const floor = document.querySelector('.shell-scroll').getBoundingClientRect().bottom;
      const lowest = [...document.querySelectorAll('button[aria-label^="More for"]')]
        .filter((one) => one.getBoundingClientRect().bottom < floor).at(-1);
      return lowest.getAttribute('aria-label');
    })()`);
    await page.getByRole('button', { name: opened, exact: true }).press('Enter');
    await page.locator('.menu-list').getByRole('button', { name: 'Disable' }).press('Enter');
    await page.getByRole('dialog').getByRole('button', { name: 'Disable' }).press('Enter');
    await page.locator('.toast').waitFor();
    // The dialog gives the focus back.
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(await page.evaluate('document.activeElement.getAttribute("aria-label")')).toBe(opened);
    expect(await covered(page)).toEqual({ toasts: 1, covered: [] });
    expect(complaints).toEqual([]);
    await context.close();
  });
});
