/**
 * A tenant with more people than one page, or ten, holds, in a real browser: whoever stands at the end of them is shown and
 * chosen as well as whoever stands at the beginning.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { findBrowser } from '../support/browser.js';
import { axeFaults, openConsole } from '../support/console.js';
import type { ConsoleStage } from '../support/console.js';

const MANY = 1_100;

describe.skipIf(findBrowser() === undefined)('many people', () => {
  let stage: ConsoleStage;
  beforeAll(async () => {
    stage = await openConsole();
    await stage.world.sql(
      `insert into security.app_user (id, tenant_id, email, display_name)
       select 'p' || to_char(n, 'FM0000'), 'acme', 'p' || to_char(n, 'FM0000') || '@example.com', 'Person ' || n
       from generate_series(1, ${String(MANY)}) n`,
    );
    await stage.world.sql(
      `insert into security.user_role (user_id, role_id)
       select 'p' || to_char(n, 'FM0000'), 'acme.readonly' from generate_series(1, 250) n`,
    );
  });
  afterAll(async () => {
    await stage.end();
  });

  test('whoever comes after the first thousand becomes a manager, and a successor', async () => {
    const { page, context, complaints } = await stage.signedIn('ada', '/admin/teams');
    await page.locator('main').getByRole('button', { name: 'Assign' }).first().click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('combobox', { name: 'Manager' }).fill('p1099@');
    await dialog.getByRole('option', { name: 'Person 1099' }).click();
    await dialog.getByRole('combobox', { name: 'Below them' }).fill('Person 109');
    await dialog.getByRole('option', { name: 'Person 1098' }).waitFor();
    // Nobody is put below themselves.
    expect(await dialog.getByRole('option', { name: 'Person 1099' }).count()).toBe(0);
    expect(await axeFaults(page)).toEqual([]);
    await dialog.getByRole('option', { name: 'Person 1098' }).click();
    await dialog.getByRole('button', { name: 'Assign' }).click();
    await page.getByText('Person 1098 is below Person 1099.').waitFor();

    await stage.world.sql(`insert into security.record (id, tenant_id, owner_user_id) values ('r1', 'acme', 'p0001')`);
    await page.goto(`${stage.url('acme')}/admin/users?user=p0001`);
    await page.getByRole('button', { name: 'More for Person 1', exact: true }).click();
    await page.locator('.menu-list').getByRole('button', { name: 'Remove' }).click();
    await dialog.getByRole('button', { name: 'Remove' }).click();
    await dialog.getByRole('combobox', { name: 'Who owns their records' }).fill('Person 1100');
    await dialog.getByRole('option', { name: 'Person 1100' }).click();
    await dialog.getByRole('button', { name: 'Remove' }).click();
    await page.getByText('Person 1 is removed.').waitFor();
    const owners = await stage.world.sql(`select owner_user_id as id from security.record where id = 'r1'`);
    expect(owners).toEqual([{ id: 'p1100' }]);
    expect(complaints.filter((complaint) => !complaint.includes('409'))).toEqual([]);
    await context.close();
  });

  test('all who have a role are listed, page by page', async () => {
    const { page, context, complaints } = await stage.signedIn('ada', '/admin/rbac');
    await page.getByRole('button', { name: /^READONLY/ }).click();
    await page
      .locator('.role-bar')
      .getByRole('button', { name: /users$/ })
      .click();
    const dialog = page.getByRole('dialog', { name: 'Who has READONLY' });
    await dialog.getByRole('link', { name: 'Person 2', exact: true }).waitFor();
    const more = dialog.getByRole('button', { name: 'Load more' });
    await more.click();
    await dialog.getByRole('link', { name: 'Person 250', exact: true }).waitFor();
    await more.waitFor({ state: 'detached' });
    expect(await axeFaults(page)).toEqual([]);
    expect(complaints).toEqual([]);
    await context.close();
  });
});
