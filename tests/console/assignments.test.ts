/**
 * Assignments that begin later, and those that somebody else changes meanwhile, in a real browser: what is not edited here
 * stays as it is. A window that is widened without a word, or a role that comes back by a retry, is access that nobody gave.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { findBrowser } from '../support/browser.js';
import { openConsole } from '../support/console.js';
import type { ConsoleStage } from '../support/console.js';

const LATER = '2031-01-01T12:00:00.000Z';
const BEN = { as: { user: 'ben', tenant: 'acme' } } as const;

describe.skipIf(findBrowser() === undefined)('assignments', () => {
  let stage: ConsoleStage;
  beforeAll(async () => {
    stage = await openConsole();
  });
  afterAll(async () => {
    await stage.end();
  });

  test('another expiry leaves the beginning of an assignment as it is', async () => {
    const given = { roleId: 'acme.rcm_analyst', validFrom: LATER };
    expect((await stage.service.post('/admin/users/noor/roles', given, BEN)).status).toBe(200);
    const { page, context, complaints } = await stage.signedIn('ada', '/admin/users?user=noor');
    await page.getByRole('button', { name: 'Roles of Noor Rahman' }).click();
    const dialog = page.getByRole('dialog', { name: 'Roles of Noor Rahman' });
    const role = dialog.getByRole('listitem').filter({ hasText: 'RCM_ANALYST' }).first();
    await role.getByText(/^from .*2031/).waitFor();
    await dialog.getByLabel('When RCM_ANALYST expires').fill('2032-01-01T12:00');
    const done = dialog.getByRole('region', { name: 'What will be done' });
    await done.getByText(/from .*2031.* until .*2032/).waitFor();
    await dialog.getByRole('button', { name: 'Preview effective permissions' }).click();
    const drawer = page.getByRole('dialog', { name: 'Effective permissions' });
    await drawer.getByText('reports.run', { exact: true }).waitFor();
    expect(await drawer.getByText('would be gained').count()).toBe(0);
    await page.keyboard.press('Escape');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.waitFor({ state: 'detached' });
    const [held] = await stage.world.sql<{ from: Date; until: Date | null }>(
      `select valid_from as "from", expires_at as until from security.user_role
       where user_id = 'noor' and role_id = 'acme.rcm_analyst' and revoked_at is null`,
    );
    expect(held?.from).toEqual(new Date(LATER));
    expect(held?.until?.getUTCFullYear()).toBe(2032);
    expect(complaints).toEqual([]);
    await context.close();
  });

  test('another expiry revives nothing that somebody has revoked while the dialog stood open', async () => {
    const { page, context, complaints } = await stage.signedIn('ada', '/admin/users?user=noor');
    await page.getByRole('button', { name: 'Roles of Noor Rahman' }).click();
    const dialog = page.getByRole('dialog', { name: 'Roles of Noor Rahman' });
    await dialog.getByLabel('When RCM_ANALYST expires').fill('2033-01-01T12:00');
    expect((await stage.service.delete('/admin/users/noor/roles/acme.rcm_analyst', BEN)).status).toBe(200);
    await dialog.getByRole('button', { name: 'Save' }).click();
    await page.getByText(/^Somebody has revoked RCM_ANALYST meanwhile/).waitFor();
    await dialog.waitFor({ state: 'detached' });
    const held = `select from security.user_role
      where user_id = 'noor' and role_id = 'acme.rcm_analyst' and revoked_at is null`;
    expect(await stage.world.sql(held)).toEqual([]);
    // Of the browser: the answer 412.
    expect(complaints.filter((complaint) => !complaint.includes('412'))).toEqual([]);
    await context.close();
  });

  test('somebody who is put back below a manager begins when they would have begun', async () => {
    const pair = { managerId: 'ben', userId: 'otto', validFrom: LATER };
    expect((await stage.service.post('/admin/assignments', pair, BEN)).status).toBe(200);
    const { page, context, complaints } = await stage.signedIn('ada', '/admin/teams');
    await page.getByText(/^from .*2031/).waitFor();
    await page.getByRole('button', { name: 'Remove Otto Weiss from Ben Osei' }).click();
    await page.getByText('Nobody manages anybody yet').waitFor();
    await page.getByRole('button', { name: 'Undo' }).click();
    await page.getByText('Otto Weiss is below Ben Osei.').waitFor();
    const pairs = await stage.world.sql<{ from: Date | null }>(
      `select valid_from as "from" from security.user_assignment where assigned_user_id = 'otto'`,
    );
    expect(pairs).toEqual([{ from: new Date(LATER) }]);
    expect(complaints).toEqual([]);
    await context.close();
  });

  test('what failed is tried again alone, and what somebody else has revoked meanwhile stays revoked', async () => {
    const { page, context, complaints } = await stage.signedIn('ada', '/admin/users?user=rosa');
    await page.getByRole('button', { name: 'Roles of Rosa Marino' }).click();
    const dialog = page.getByRole('dialog', { name: 'Roles of Rosa Marino' });
    await dialog.getByRole('checkbox', { name: /^RCM_ANALYST/ }).check();
    await dialog.getByRole('checkbox', { name: /^MEMBER_SERVICES/ }).uncheck();
    expect((await stage.service.delete('/admin/users/rosa/roles/acme.biller', BEN)).status).toBe(200);
    const address = '**/api/v1/admin/users/rosa/roles';
    await page.route(address, (route) => (route.request().method() === 'POST' ? route.abort() : route.continue()));
    await dialog.getByRole('button', { name: 'Save' }).click();
    const retry = dialog.getByRole('button', { name: 'Try the failed ones again' });
    await retry.waitFor();
    await page.unroute(address);
    const biller = dialog.getByRole('checkbox', { name: /^BILLER/ }).first();
    await expect.poll(() => biller.isChecked()).toBe(false);
    const left = dialog.getByRole('region', { name: 'What will be done' }).getByRole('listitem');
    expect(await left.count()).toBe(1);
    await left.getByText('RCM_ANALYST').waitFor();
    await retry.click();
    await dialog.waitFor({ state: 'detached' });
    const held = await stage.world.sql<{ roleId: string }>(
      `select role_id as "roleId" from security.user_role where user_id = 'rosa' and revoked_at is null`,
    );
    expect(held).toEqual([{ roleId: 'acme.rcm_analyst' }]);
    // Of the browser: the call that did not get through.
    expect(complaints.filter((complaint) => !complaint.includes('ERR_FAILED'))).toEqual([]);
    await context.close();
  });
});
