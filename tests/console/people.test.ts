/**
 * `/admin/users` and what belongs to the platform, in a real browser: the steps of the first-tenant-admin and the users
 * documents clicked as they are written, the effective scope of somebody before and after, teams, mail and the audit log.
 */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { findBrowser, openTab } from '../support/browser.js';
import { axeFaults, openConsole, shoot } from '../support/console.js';
import type { ConsoleStage } from '../support/console.js';
import { ANOTHER, eventsOf } from '../support/sign-in-world.js';

describe.skipIf(findBrowser() === undefined)('people', () => {
  let stage: ConsoleStage;
  beforeAll(async () => {
    stage = await openConsole();
  });
  afterAll(async () => {
    await stage.end();
  });

  test('the first admin of a tenant: switch, add, hand over, sign in, stop', async () => {
    const { page, context, complaints } = await stage.signedIn('root', '/admin/tenants');
    await page.getByRole('row', { name: /Acme Behavioral Health/ }).waitFor();
    expect(await axeFaults(page)).toEqual([]);
    await shoot(page, 'tenants');
    await page.getByRole('button', { name: 'New tenant' }).click();
    await page.getByLabel('Name', { exact: true }).fill('Lakeside Billing');
    await page.getByLabel('Short name', { exact: true }).fill('lakeside');
    expect(await axeFaults(page)).toEqual([]);
    await page.getByRole('button', { name: 'Create the tenant' }).click();
    await page.getByText('Lakeside Billing is created.').waitFor();
    await page.getByRole('button', { name: 'Switch to tenant Lakeside Billing' }).click();
    await page.getByText('Every action will be audited under your platform user ID: root.').waitFor();
    await page.getByRole('textbox', { name: 'Reason' }).fill('short');
    await page.getByText('Say a little more').waitFor();
    await page.getByRole('textbox', { name: 'Reason' }).fill('first tenant admin');
    expect(await axeFaults(page)).toEqual([]);
    await shoot(page, 'switch-to-tenant');
    await page.getByRole('dialog').getByRole('button', { name: 'Switch to tenant' }).click();
    await page.getByText('Acting in Lakeside Billing as platform admin').waitFor();
    expect(await page.title()).toBe('[Lakeside Billing] Users · Bailiwick');
    await page.getByText('Nobody is here yet').waitFor();

    const password = await addUser(page, { email: 'ida@lakeside.example', name: 'Ida Lead', role: 'TENANT_ADMIN' });
    await page
      .getByRole('row', { name: /Ida Lead/ })
      .getByText('Never signed in')
      .waitFor();
    await shoot(page, 'impersonating');
    expect(await axeFaults(page)).toEqual([]);
    const stored = await page.evaluate<string>(
      'JSON.stringify([{ ...localStorage }, { ...sessionStorage }, location.href])',
    );
    expect(stored).not.toContain(password);
    await page.reload();
    expect(await page.content()).not.toContain(password);

    const theirs = await openTab(stage.browser);
    await theirs.page.goto(stage.url('lakeside'));
    await theirs.page.getByLabel('E-mail').fill('ida@lakeside.example');
    await theirs.page.getByLabel('Password', { exact: true }).fill(` ${password}\n`);
    await theirs.page.getByRole('button', { name: 'Sign in' }).click();
    await theirs.page.getByLabel('One-time password').fill(password);
    await theirs.page.getByLabel('New password', { exact: true }).fill(ANOTHER);
    await theirs.page.getByLabel('New password, again').fill(ANOTHER);
    await theirs.page.getByRole('button', { name: 'Change the password' }).click();
    await theirs.page.getByRole('row', { name: /Ida Lead/ }).waitFor();
    await theirs.context.close();

    await page.getByRole('button', { name: 'Stop impersonating' }).click();
    await page.getByRole('heading', { name: 'Tenants' }).waitFor();
    expect(await page.getByText('Acting in').count()).toBe(0);
    const [tenant] = await stage.world.sql<{ id: string }>(`select id from identity.tenant where slug = 'lakeside'`);
    const types = (await eventsOf(stage.world, tenant?.id ?? '')).map(({ type }) => type);
    expect(types).toEqual(expect.arrayContaining(['IMPERSONATION_STARTED', 'USER_CREATED', 'IMPERSONATION_ENDED']));
    expect([...complaints, ...theirs.complaints]).toEqual([]);
    await context.close();
  });

  test('what a closed tab left active is stopped where it is in the way', async () => {
    const begun = await stage.signedIn('root', '/admin/tenants');
    const wanted = async (page: Page, tenant: string): Promise<void> => {
      await page.getByRole('button', { name: `Switch to tenant ${tenant}` }).click();
      await page.getByRole('textbox', { name: 'Reason' }).fill('looking at the teams');
      await page.getByRole('dialog').getByRole('button', { name: 'Switch to tenant' }).click();
    };
    await wanted(begun.page, 'Acme Behavioral Health');
    await begun.page.getByText('Acting in Acme Behavioral Health as platform admin').waitFor();
    await begun.context.close();

    const { page, context } = await stage.signedIn('root', '/admin/tenants');
    await wanted(page, 'Lakeside Billing');
    await page.getByText('You are acting in another tenant already.').waitFor();
    expect(await axeFaults(page)).toEqual([]);
    await page.getByRole('button', { name: 'Stop acting in Acme Behavioral Health' }).click();
    await page.getByText('You are acting in another tenant already.').waitFor({ state: 'detached' });
    await page.getByRole('dialog').getByRole('button', { name: 'Switch to tenant' }).click();
    await page.getByText('Acting in Lakeside Billing as platform admin').waitFor();
    await page.getByRole('button', { name: 'Stop impersonating' }).click();
    await page.getByRole('heading', { name: 'Tenants' }).waitFor();
    await context.close();
  });

  test('acting in a tenant ends by itself, and says so', async () => {
    const { page, context, complaints } = await stage.signedIn('root', '/admin/tenants');
    await page.getByRole('button', { name: 'Switch to tenant Acme Behavioral Health' }).click();
    await page.getByRole('textbox', { name: 'Reason' }).fill('looking at the teams');
    await page.getByRole('dialog').getByRole('button', { name: 'Switch to tenant' }).click();
    await page.getByText('Acting in Acme Behavioral Health as platform admin').waitFor();
    await page.clock.install();
    await page.clock.fastForward('01:01:00');
    await page.getByText('Your time in Acme Behavioral Health is over').waitFor();
    await page.getByRole('heading', { name: 'Tenants' }).waitFor();
    expect(await page.getByText('Acting in').count()).toBe(0);
    expect(complaints).toEqual([]);
    await context.close();
  });

  test('a customer’s admin adds, unlocks, resets, disables and removes people', async () => {
    const { page, context, complaints } = await stage.signedIn('ada', '/admin/users');
    await page.getByRole('row', { name: /Noor Rahman/ }).waitFor();
    expect(await axeFaults(page)).toEqual([]);
    await shoot(page, 'users');
    await addUser(page, { email: 'tess@acme.example', name: 'Tess Nilsson', role: 'READONLY' });
    await page.getByLabel('Search by name or e-mail').fill('tess n');
    const row = page.getByRole('row', { name: /Tess Nilsson/ });
    await row.getByText('Must change password').waitFor();
    await more(page, 'Tess Nilsson', 'Reset password');
    await page.getByRole('dialog').getByRole('button', { name: 'Reset password' }).click();
    await acknowledge(page);
    await more(page, 'Tess Nilsson', 'Disable');
    await page.getByRole('dialog').getByRole('button', { name: 'Disable' }).click();
    await row.getByText('Disabled').waitFor();
    await page.getByRole('button', { name: 'Undo' }).click();
    await row.getByText('Disabled').waitFor({ state: 'detached' });
    await more(page, 'Tess Nilsson', 'Remove');
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
    await page.getByText('Nobody fits').waitFor();
    await page.getByRole('button', { name: 'Clear the filters' }).click();
    await page.getByLabel('State').selectOption('no_role');
    await page.getByRole('row', { name: /Ada Lindqvist/ }).waitFor({ state: 'detached' });
    await page.getByRole('row', { name: /Jon Eriksen/ }).waitFor();
    expect(await page.getByRole('row').count()).toBe(2);
    expect(complaints).toEqual([]);
    await context.close();
  });

  test('roles of a user: a difference, one call each, seen before it is saved', async () => {
    const { page, context, complaints } = await stage.signedIn('ada', '/admin/users?user=rosa');
    await page.getByRole('button', { name: 'Roles of Rosa Marino' }).click();
    const dialog = page.getByRole('dialog', { name: 'Roles of Rosa Marino' });
    await dialog.getByRole('checkbox', { name: /^RCM_ANALYST/ }).check();
    await dialog.getByRole('checkbox', { name: /^BILLER/ }).uncheck();
    await dialog.getByLabel('When MEMBER_SERVICES expires').fill('2030-01-01T12:00');
    expect(await dialog.getByRole('region', { name: 'What will be done' }).getByRole('listitem').count()).toBe(3);
    expect(await axeFaults(page)).toEqual([]);
    await shoot(page, 'user-roles');
    await dialog.getByRole('button', { name: 'Preview effective permissions' }).click();
    const drawer = page.getByRole('dialog', { name: 'Effective permissions' });
    await drawer.getByRole('listitem').filter({ hasText: 'reports.run' }).getByText('would be gained').waitFor();
    await drawer.getByRole('listitem').filter({ hasText: 'claims.update' }).getByText('would be lost').waitFor();
    await shoot(page, 'effective-preview');
    expect(await axeFaults(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.waitFor({ state: 'detached' });
    const entries = await stage.world.sql<{ purpose: string }>(
      `select purpose from audit.access_log where accessed_entity_type = 'user_role' and accessed_entity_id = 'rosa'
       and actor_user_id = 'ada' order by purpose`,
    );
    expect(entries.map(({ purpose }) => purpose)).toEqual([
      'role.assign:acme.member_services',
      'role.assign:acme.rcm_analyst',
      'role.revoke:acme.biller',
    ]);

    await page.getByRole('button', { name: 'Effective permissions of Rosa Marino' }).click();
    const item = drawer.getByRole('listitem').filter({ hasText: 'reports.run' });
    await item.getByText('RCM_ANALYST').waitFor();
    await drawer.getByLabel('Search permissions').fill('claims.update');
    await drawer.getByRole('button', { name: 'Why, for claims.update?' }).click();
    await drawer.getByText('Not allowed').waitFor();
    await drawer.getByText('BILLER, with 5 permissions').waitFor();
    await drawer.getByText(/curl -sS http/).waitFor();
    await shoot(page, 'effective-permissions');
    expect(await axeFaults(page)).toEqual([]);
    expect(complaints).toEqual([]);
    await context.close();
  });

  test('what may not be done is not offered, or says why', async () => {
    const { page, context, complaints } = await stage.signedIn('vic', '/admin/users');
    await page.getByRole('row', { name: /Noor Rahman/ }).waitFor();
    expect(await page.getByRole('button', { name: 'Add user' }).getAttribute('aria-disabled')).toBe('true');
    expect(await page.getByRole('link', { name: 'Tenants' }).count()).toBe(0);
    await page.getByRole('button', { name: 'Roles of Noor Rahman' }).click();
    await page.getByText('Changing users needs users.update.').waitFor();
    expect(
      await page
        .getByRole('dialog')
        .getByRole('checkbox', { name: /^BILLER/ })
        .first()
        .isDisabled(),
    ).toBe(true);
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
    await page.goto(`${stage.url('acme')}/admin/tenants`);
    await page.getByText('This screen needs the permission PLATFORM_ADMIN').waitFor();
    expect(await axeFaults(page)).toEqual([]);
    await page.route('**/api/v1/admin/users?*', (route) => route.abort());
    await page.getByRole('link', { name: 'Users' }).click();
    await page.getByText('The service cannot be reached.').waitFor();
    expect(await axeFaults(page)).toEqual([]);
    await page.unroute('**/api/v1/admin/users?*');
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByRole('row', { name: /Noor Rahman/ }).waitFor();
    complaints.length = 0;
    await page.goto(`${stage.url('acme')}/nowhere`);
    await page.getByText('There is no such screen').waitFor();
    expect(complaints).toEqual([]);
    await context.close();
  });

  test('teams are built and taken apart, and the audit log tells of it', async () => {
    const { page, context, complaints } = await stage.signedIn('ada', '/admin/teams');
    await page.getByText('Nobody manages anybody yet').waitFor();
    for (const name of ['Noor Rahman', 'Otto Weiss']) {
      await page.locator('main').getByRole('button', { name: 'Assign' }).first().click();
      for (const [label, person] of [
        ['Manager', 'Ben Osei'],
        ['Below them', name],
      ] as const) {
        await page.getByRole('combobox', { name: label }).fill(person);
        await page.getByRole('option', { name: person }).click();
      }
      await page.getByRole('dialog').getByRole('button', { name: 'Assign' }).click();
      await page.getByText(`${name} is below Ben Osei. Saved; in force.`).waitFor();
    }
    await page.getByText('2 below').waitFor();
    expect(await axeFaults(page)).toEqual([]);
    await shoot(page, 'teams');
    await page.getByRole('button', { name: 'Remove Otto Weiss from Ben Osei' }).click();
    await page.getByText('1 below').waitFor();
    await page.getByRole('link', { name: 'Audit log' }).click();
    await page.getByLabel('Purpose').fill('assignment.delete:');
    await page
      .getByRole('button', { name: /^Details of assignment.create/ })
      .first()
      .waitFor({ state: 'detached' });
    await page.getByRole('button', { name: /^Details of assignment.delete/ }).click();
    expect(page.url()).toContain('purpose=assignment.delete%3A');
    await page.getByRole('button', { name: 'Raw' }).click();
    await page.getByText(/"accessedEntityType": "/).waitFor();
    expect(await axeFaults(page)).toEqual([]);
    await page.getByLabel('Purpose').fill('');
    await page
      .getByRole('button', { name: /^Details of assignment.create/ })
      .first()
      .waitFor();
    await page.getByText('Sealed and signed to').waitFor();
    await shoot(page, 'audit');
    // Where the engine has refused a change, every page says so.
    await stage.world.superSql(`insert into sync.outbox (tenant_id, kind, a, parked_at, retry_at)
      values ('acme', 'role', 'acme.refused', now(), now() + interval '1 hour')`);
    await page.reload();
    await page.getByText('The decision engine has refused one change; an operator has to look at it.').waitFor();
    expect(await axeFaults(page)).toEqual([]);
    await stage.world.superSql(`delete from sync.outbox where a = 'acme.refused'`);
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Export CSV' }).click();
    expect((await download).suggestedFilename()).toBe('audit.csv');
    expect(complaints).toEqual([]);
    await context.close();
  });

  test('the mailer is set, and a test says what the server answered', async () => {
    const { page, context, complaints } = await stage.signedIn('root', '/admin/system/notifications', {
      colorScheme: 'dark',
    });
    await page.getByText('No mail is sent').waitFor();
    expect(await axeFaults(page)).toEqual([]);
    await page.getByLabel('Server').fill('smtp.example.com');
    await page.getByLabel('From address').fill('access@example.com');
    await shoot(page, 'mailer-dark');
    await page.getByRole('button', { name: 'Send test' }).click();
    await page.getByText('Mail cannot be sent').waitFor();
    expect(complaints).toEqual([]);
    await context.close();
  });
});

/** Adds a user as it is written, and takes the one-time password; nothing else closes its dialog. */
async function addUser(
  page: Page,
  { email, name, role }: { email: string; name: string; role: string },
): Promise<string> {
  await page.getByRole('button', { name: 'Add user' }).click();
  const dialog = page.getByRole('dialog', { name: 'Add user' });
  await dialog.getByLabel('Email').fill(email);
  await dialog.getByLabel('Display name').fill(name);
  await dialog.getByRole('checkbox', { name: new RegExp(`^${role}`) }).check();
  expect(await dialog.getByRole('checkbox', { name: /Force password change on first login/ }).isChecked()).toBe(true);
  await dialog.getByRole('button', { name: 'Add user' }).click();
  return await acknowledge(page);
}

async function acknowledge(page: Page): Promise<string> {
  const dialog = page.getByRole('dialog', { name: /^One-time password for/ });
  await dialog.waitFor();
  await page.keyboard.press('Escape');
  await page.keyboard.press('Escape');
  await page.mouse.click(5, 5);
  expect(await dialog.getByRole('button', { name: 'Done' }).isDisabled()).toBe(true);
  expect(await axeFaults(page)).toEqual([]);
  await shoot(page, 'one-time-password');
  await dialog.getByRole('button', { name: 'Show' }).click();
  const password = (await dialog.getByLabel('One-time password', { exact: true }).textContent()) ?? '';
  expect(password).toMatch(/^[a-z0-9-]{20,}$/);
  await dialog.getByLabel('I have copied it').check();
  await dialog.getByRole('button', { name: 'Done' }).click();
  return password;
}

async function more(page: Page, name: string, what: string): Promise<void> {
  await page.getByRole('button', { name: `More for ${name}` }).click();
  await page.locator('.menu-list').getByRole('button', { name: what }).click();
}
