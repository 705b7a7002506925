/** The door of the console, in a real browser: whose address it is, what a refusal says, and one's own password. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { ResetPassword } from '../../src/contract/api.js';
import { findBrowser, openTab } from '../support/browser.js';
import { axeFaults, openConsole, shoot, signIn } from '../support/console.js';
import type { ConsoleStage } from '../support/console.js';
import { ANOTHER } from '../support/sign-in-world.js';

describe.skipIf(findBrowser() === undefined)('at the door', () => {
  let stage: ConsoleStage;
  beforeAll(async () => {
    stage = await openConsole();
  });
  afterAll(async () => {
    await stage.end();
  });

  test('an address that is nobody’s explains itself, and leads on', async () => {
    const { page, complaints } = await openTab(stage.browser);
    await page.goto(`${stage.url()}/admin/rbac`);
    await page.getByRole('heading', { name: 'Where do you sign in?' }).waitFor();
    const bytes = await page.evaluate<number>(
      `performance.getEntries().reduce((sum, { encodedBodySize = 0 }) => sum + encodedBodySize, 0)`,
    );
    process.stdout.write(`first load of the console: ${(bytes / 1024).toFixed(0)} KiB\n`);
    expect(bytes).toBeGreaterThan(50 * 1024);
    expect(bytes).toBeLessThanOrEqual(250 * 1024);
    expect(await page.textContent('main')).toContain('http://acme.localhost');
    expect(await axeFaults(page)).toEqual([]);
    await shoot(page, 'sign-in-where');
    await page.getByLabel('Short name of your organization').fill('Acme Corp');
    await page.getByText('Small letters, digits and hyphens; nothing else.').waitFor();
    await page.getByLabel('Short name of your organization').fill('acme');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Sign in to acme' }).waitFor();
    await page.reload();
    await page.getByRole('heading', { name: 'Sign in to acme' }).waitFor();
    expect(complaints).toEqual([]);
  });

  test('a tenant’s own address asks for no name, and brings one back to where one was going', async () => {
    const { page, context, complaints } = await openTab(stage.browser);
    await page.goto(`${stage.url('acme').replace('/console', '')}/admin/users?q=noor`);
    await page.getByRole('heading', { name: 'Sign in to acme' }).waitFor();
    expect(await axeFaults(page)).toEqual([]);
    await shoot(page, 'sign-in');
    await page.getByLabel('E-mail').fill('ada@example.com');
    await page.getByLabel('Password', { exact: true }).fill('not this one, surely');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').getByText('The address or the password is not right.').waitFor();
    await signIn(page, 'ada@example.com');
    expect(page.url()).toBe(`${stage.url('acme')}/admin/users?q=noor`);
    await page.getByRole('row', { name: /Noor Rahman/ }).waitFor();
    await page.reload();
    await page.getByRole('row', { name: /Noor Rahman/ }).waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByText('You have signed out.').waitFor();
    expect(await page.evaluate(`sessionStorage.getItem('bailiwick.session')`)).toBeNull();
    expect(complaints).toEqual([]);
    await context.close();
  });

  test('a lock says when it ends, a session that has ended says so', async () => {
    const { page, context } = await openTab(stage.browser);
    await page.goto(`${stage.url('acme')}/admin/users`);
    await page.getByLabel('E-mail').fill('jon@example.com');
    for (let tries = 0; tries < 6; tries += 1) {
      await page.getByLabel('Password', { exact: true }).fill(`a wrong guess ${tries}`);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByRole('alert').waitFor();
      await page.getByRole('button', { name: 'Sign in', disabled: false }).waitFor();
    }
    await page.getByText(/can sign in again in 15 minutes, at \d\d:\d\d/).waitFor();
    await shoot(page, 'sign-in-locked');
    await signIn(page, 'sam@example.com');
    await page.getByText('This screen needs the permission users.read').waitFor();
    await page.getByRole('link', { name: 'Bailiwick' }).click();
    await page.getByText('Nothing to administer').waitFor();
    await stage.world.superSql(`delete from identity.session`);
    await page.reload();
    await page.getByText('Your session has ended.').waitFor();
    await context.close();
  });

  test('who has a one-time password chooses their own first', async () => {
    await stage.world.addUser('acme', 'newcomer', ['TENANT_ADMIN']);
    const reset = await stage.service.post<ResetPassword>('/admin/users/newcomer/reset-password', undefined, {
      as: { user: 'ada', tenant: 'acme' },
    });
    const given = reset.body.oneTimePassword ?? '';
    const { page, context, complaints } = await openTab(stage.browser);
    await page.goto(`${stage.url('acme')}/admin/rbac`);
    await page.getByLabel('E-mail').fill('newcomer@example.com');
    await page.getByLabel('Password', { exact: true }).fill(`  ${given} `);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Choose your password' }).waitFor();
    expect(await axeFaults(page)).toEqual([]);
    await shoot(page, 'password');
    // Masked, and open to whatever keeps passwords for somebody.
    const kinds = `[...document.querySelectorAll('form input:not([type=checkbox])')].map(({ type, autocomplete }) => type + ' ' + autocomplete)`;
    expect(await page.evaluate(kinds)).toEqual([
      'password current-password',
      'password new-password',
      'password new-password',
    ]);
    await page.getByLabel('One-time password').fill(given);
    await page.getByLabel('New password', { exact: true }).fill('too short');
    await page.getByText('6 more characters.').waitFor();
    await page.getByLabel('New password', { exact: true }).fill(ANOTHER);
    await page.getByLabel('New password, again').fill(ANOTHER);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Roles' }).waitFor();
    expect(complaints).toEqual([]);
    await context.close();
  });
});
