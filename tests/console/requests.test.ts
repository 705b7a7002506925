/**
 * `/requests` and `/admin/reviews` in a real browser: a role asked for by one and approved by another, handed on, taken in
 * an emergency and judged afterwards, and a review that keeps and revokes.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { findBrowser } from '../support/browser.js';
import { axeFaults, openConsole, shoot } from '../support/console.js';
import type { ConsoleStage } from '../support/console.js';

describe.skipIf(findBrowser() === undefined)('requests', () => {
  let stage: ConsoleStage;
  beforeAll(async () => {
    stage = await openConsole();
    await permit([]);
  });
  async function permit(emergency: readonly object[]): Promise<void> {
    const policy = { elevationMaxMinutes: 480, elevationAnswerHours: 24, delegationMaxDays: 30, emergency };
    const { status } = await stage.service.put('/admin/access-policy', policy, { as: { user: 'ada', tenant: 'acme' } });
    expect(status).toBe(200);
  }
  afterAll(async () => {
    await stage.end();
  });

  test('a role is asked for by one, denied and approved by another, and given back', async () => {
    const { page: noor, ...hers } = await stage.signedIn('noor', '/requests');
    await noor.getByText('Nobody has asked for a role').waitFor();
    expect(await axeFaults(noor)).toEqual([]);
    const ask = async (reason: string) => {
      await noor.getByRole('button', { name: 'Ask for a role' }).click();
      await noor.getByLabel('Role', { exact: true }).selectOption({ label: 'RCM_ANALYST' });
      await noor.getByLabel('Reason').fill(reason);
      if (reason === 'A mistake') expect(await axeFaults(noor)).toEqual([]);
      await noor.getByRole('button', { name: 'Send the request' }).click();
      const row = noor.getByRole('row', { name: new RegExp(reason) });
      await row.getByText('Waiting').waitFor();
      return row;
    };
    // One open request for each role.
    const mistake = await ask('A mistake');
    await mistake.getByRole('button', { name: 'Take back' }).click();
    await mistake.getByText('Taken back').waitFor();
    await ask('Out of curiosity');

    const { page: ada, ...others } = await stage.signedIn('ada', '/requests?status=pending');
    const row = ada.getByRole('row', { name: /Noor Rahman/ });
    await row.waitFor();
    expect(await axeFaults(ada)).toEqual([]);
    await shoot(ada, 'requests');
    await ada.getByRole('button', { name: 'Deny RCM_ANALYST to Noor Rahman' }).click();
    await ada.getByRole('dialog').getByLabel('Reason').fill('Ask your lead first');
    expect(await axeFaults(ada)).toEqual([]);
    await ada.getByRole('dialog').getByRole('button', { name: 'Deny' }).click();
    await row.waitFor({ state: 'detached' });
    await noor.reload();
    await noor
      .getByRole('row', { name: /Ask your lead first/ })
      .getByText('Denied')
      .waitFor();
    await ask('Month end');
    await ada.reload();
    await ada.getByRole('button', { name: 'Approve RCM_ANALYST for Noor Rahman' }).click();
    await ada.getByText('Noor Rahman holds RCM_ANALYST from now on, for 1 hour.').waitFor();
    expect(await axeFaults(ada)).toEqual([]);
    await shoot(ada, 'requests-approve');
    await ada.getByRole('dialog').getByRole('button', { name: 'Approve' }).click();
    await ada.getByText('Noor Rahman has RCM_ANALYST for 1 hour.').waitFor();
    await row.waitFor({ state: 'detached' });

    await noor.reload();
    const mine = noor.getByRole('row', { name: /Month end/ });
    await mine.getByText('Approved').waitFor();
    await mine.getByRole('button', { name: 'Give back' }).click();
    await mine.getByText('Ended early').waitFor();
    expect([...hers.complaints, ...others.complaints]).toEqual([]);
    await hers.context.close();
    await others.context.close();
  });

  test('a role is handed on until a day, and taken back', async () => {
    const { page, context, complaints } = await stage.signedIn('ada', '/requests?tab=delegations');
    await page.getByRole('button', { name: 'Hand on' }).click();
    await page.getByRole('combobox', { name: 'To whom' }).fill('moreno');
    await page.getByRole('option', { name: 'Vic Moreno' }).click();
    await page.getByLabel('Role', { exact: true }).selectOption({ label: 'TENANT_ADMIN' });
    await page.getByLabel('Until').fill(new Date(Date.now() + 86_400_000).toISOString().slice(0, 16));
    await page.getByLabel('Reason').fill('Away until tomorrow');
    expect(await axeFaults(page)).toEqual([]);
    await shoot(page, 'requests-hand-on');
    await page.getByRole('dialog').getByRole('button', { name: 'Hand on' }).click();
    const row = page.getByRole('row', { name: /Ada Lindqvist to Vic Moreno/ });
    await row.getByText('Active').waitFor();
    await row.getByRole('button', { name: 'End now' }).click();
    await row.getByText('Ended early').waitFor();
    expect(complaints).toEqual([]);
    await context.close();
  });

  test('whoever may not see people chooses a role and a person by name, by keyboard alone', async () => {
    const { page, context, complaints } = await stage.signedIn('noor', '/requests?tab=delegations');
    await page.getByRole('button', { name: 'Hand on' }).press('Enter');
    const dialog = page.getByRole('dialog');
    const whom = dialog.getByRole('combobox', { name: 'To whom' });
    const chosen = (): Promise<unknown> => page.evaluate('document.activeElement.validity.valid');
    await whom.focus();
    await page.keyboard.press('ArrowDown');
    // Everybody but herself; not their addresses.
    await dialog.getByText('7 fit.').waitFor();
    expect(await dialog.getByRole('listbox').innerText()).not.toContain('@');
    expect(await dialog.getByRole('option', { name: 'Noor Rahman' }).count()).toBe(0);
    expect(await axeFaults(page)).toEqual([]);
    await page.keyboard.type('nobody');
    await dialog.getByText('Nobody fits.').waitFor();
    // The list closes, and not the dialog.
    await page.keyboard.press('Escape');
    expect(await whom.getAttribute('aria-expanded')).toBe('false');
    await whom.fill('o');
    await dialog.getByText('2 fit.').waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    expect(await dialog.getByRole('listbox').getByRole('option', { selected: true }).textContent()).toContain(
      'Otto Weiss',
    );
    await shoot(page, 'requests-person');
    expect(await chosen()).toBe(false);
    await page.keyboard.press('Enter');
    expect(await whom.inputValue()).toBe('Otto Weiss');
    expect(await chosen()).toBe(true);
    // What is typed on is not who was chosen.
    await page.keyboard.press('Backspace');
    expect(await chosen()).toBe(false);
    await dialog.getByRole('option', { name: 'Otto Weiss' }).waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Tab');
    expect(await whom.inputValue()).toBe('Otto Weiss');
    const role = dialog.getByLabel('Role', { exact: true });
    expect(await page.evaluate('document.activeElement.labels[0].textContent')).toBe('Role');
    expect(await role.getByRole('option').allTextContents()).toEqual(['No role, the team alone', 'BILLER']);
    await page.keyboard.type('MEMB');
    await role.selectOption({ label: 'BILLER' });
    await dialog.getByLabel('Until').fill(new Date(Date.now() + 86_400_000).toISOString().slice(0, 16));
    await dialog.getByLabel('Reason').fill('Away until tomorrow');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    // Otto is a biller himself.
    await dialog.getByText('Whoever would get this role has it already.').waitFor();
    await whom.fill('sam');
    await dialog.getByRole('option', { name: 'Sam Park' }).click();
    await dialog.getByRole('button', { name: 'Hand on' }).click();
    const row = page.getByRole('row', { name: /Noor Rahman to sam/ });
    await row.getByRole('button', { name: 'End now' }).click();
    await row.getByText('Ended early').waitFor();
    expect(complaints).toEqual([]);
    await context.close();
  });

  test('a role is taken in an emergency, and somebody else says whether that was justified', async () => {
    // Not before: a role that opens another is not handed on by who holds it alone.
    await permit([{ holderRoleId: 'acme.biller', roleId: 'acme.billing_lead' }]);
    const { page: otto, ...his } = await stage.signedIn('otto', '/requests?tab=emergency');
    await otto.getByRole('button', { name: 'Take a role now' }).click();
    await otto.getByText('It raises an alarm').waitFor();
    await otto.getByLabel('Role', { exact: true }).selectOption({ label: 'BILLING_LEAD' });
    await otto.getByLabel('Reason').fill('Payroll is down');
    await otto.getByLabel('Ticket').fill('INC-42');
    expect(await axeFaults(otto)).toEqual([]);
    await shoot(otto, 'requests-emergency');
    await otto.getByRole('button', { name: 'Raise the alarm and take it' }).click();
    await otto
      .getByRole('row', { name: /Payroll is down/ })
      .getByText('To be reviewed')
      .waitFor();

    const { page: ben, ...others } = await stage.signedIn('ben', '/requests?tab=emergency');
    const row = ben.getByRole('row', { name: /Otto Weiss/ });
    await row.getByText('Active').waitFor();
    await row.getByRole('button', { name: 'Review' }).click();
    await ben.getByLabel('Verdict').selectOption('unjustified');
    await ben.getByLabel('Comment').fill('The lead was there');
    expect(await axeFaults(ben)).toEqual([]);
    await ben.getByRole('button', { name: 'Save' }).click();
    await row.getByText('Not justified').waitFor();
    await row.getByText('Ended early').waitFor();
    const filter = ben.getByLabel('Status');
    expect(await filter.getByRole('option').allTextContents()).toEqual(['Any status', 'Active', 'Ended early', 'Over']);
    await filter.selectOption({ label: 'Active' });
    await ben.getByText('none of it fits the filter').waitFor();
    expect(ben.url()).toContain('status=active');
    await filter.selectOption({ label: 'Ended early' });
    await row.getByText('Not justified').waitFor();
    expect(await axeFaults(ben)).toEqual([]);
    expect([...his.complaints, ...others.complaints]).toEqual([]);
    await his.context.close();
    await others.context.close();
  });

  test('a review keeps one assignment, revokes another, and says what nobody decided', async () => {
    const { page, context, complaints } = await stage.signedIn('ada', '/admin/reviews');
    await page.getByText('No review yet').waitFor();
    await page.getByRole('button', { name: 'Begin a review' }).click();
    await page.getByLabel('Name').fill('Third quarter');
    expect(await axeFaults(page)).toEqual([]);
    await page.getByRole('button', { name: 'Begin', exact: true }).click();
    await page.getByRole('heading', { name: 'Third quarter' }).waitFor();
    // A double click decides once, and nothing of the row that has come into the place of the one that was decided.
    await page.getByLabel('Decision').selectOption('undecided');
    const keep = page.getByRole('button', { name: 'Keep BILLER of Noor Rahman' });
    const box = await keep.boundingBox();
    let decided = 0;
    page.on('request', (request) => {
      if (request.method() === 'POST' && /\/reviews\/[^/]+\/items\//.test(request.url())) decided += 1;
    });
    await keep.dblclick();
    await keep.waitFor({ state: 'detached' });
    await page.mouse.move((box?.x ?? 0) + 5, (box?.y ?? 0) + 5);
    expect(await page.getByRole('button', { name: /^Keep/ }).and(page.locator(':hover')).count()).toBe(1);
    await page.mouse.down({ clickCount: 2 });
    await page.mouse.up({ clickCount: 2 });
    await page.getByText('Decided: BILLER of Noor Rahman.').waitFor();
    await page.getByLabel('Decision').selectOption('');
    // What is revoked is asked about, since it is for good.
    await page.getByRole('button', { name: 'Revoke RCM_ANALYST from Sam Park' }).click();
    const asked = page.getByRole('dialog', { name: 'Revoke RCM_ANALYST from Sam Park?' });
    await asked.waitFor();
    expect(await axeFaults(page)).toEqual([]);
    expect(decided).toBe(1);
    await asked.getByRole('button', { name: 'Revoke' }).click();
    const row = page.getByRole('row', { name: /Sam Park/ });
    await row.getByText('Revoked').waitFor();
    await shoot(page, 'review');
    expect(await axeFaults(page)).toEqual([]);
    // Nobody reviews what is theirs.
    expect(
      await page
        .getByRole('row', { name: /^Ada Lindqvist/ })
        .getByRole('button')
        .count(),
    ).toBe(0);
    await page.getByLabel('Decision').selectOption('keep');
    await page.getByRole('row', { name: /Noor Rahman/ }).waitFor();
    await row.waitFor({ state: 'detached' });
    const saved = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Evidence as CSV' }).click();
    expect((await saved).suggestedFilename()).toBe('access-review.csv');
    await page.getByRole('button', { name: 'Close the review' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Close the review' }).click();
    await page.getByText('The review Third quarter is closed.').waitFor();
    await page.getByRole('link', { name: 'All reviews' }).click();
    await page
      .getByRole('row', { name: /Third quarter/ })
      .getByText('Closed')
      .waitFor();
    const [held] = await stage.world.sql<{ n: number }>(
      `select count(*)::int as n from security.user_role where user_id = 'sam' and revoked_at is null`,
    );
    expect(held?.n).toBe(0);
    expect(complaints).toEqual([]);
    await context.close();
  });

  test('the audit log is filtered by every kind of thing that is written down', async () => {
    const { page, context, complaints } = await stage.signedIn('ada', '/admin/audit');
    const kind = page.getByLabel('Kind');
    await page.locator('.entry').first().waitFor();
    const offered = await kind.getByRole('option').allTextContents();
    const written = await stage.world.sql<{ kind: string }>(
      `select distinct accessed_entity_type as kind from audit.access_log where tenant_id = 'acme'`,
    );
    expect(written.map((one) => one.kind)).toEqual(expect.arrayContaining(['elevation', 'delegation', 'access_log']));
    expect(offered).toEqual(expect.arrayContaining(written.map((one) => one.kind)));
    await kind.selectOption('access_log');
    await page
      .getByRole('button', { name: /^Details of audit.read/ })
      .first()
      .waitFor();
    expect(complaints).toEqual([]);
    await context.close();
  });
});
