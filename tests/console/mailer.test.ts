/**
 * The mail settings in a real browser, with a real mail server behind them: what is set is what mail is sent with, and the
 * test arrives, or says why not.
 */
import { randomBytes } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { findBrowser } from '../support/browser.js';
import { axeFaults, openConsole } from '../support/console.js';
import type { ConsoleStage } from '../support/console.js';
import { headersOf, startMailServer } from '../support/mail-server.js';
import type { MailServer } from '../support/mail-server.js';

const ACCOUNT = { user: 'bailiwick', password: 'sw0rdfish-of-the-console' };

describe.skipIf(findBrowser() === undefined)('the mail settings', () => {
  let stage: ConsoleStage;
  let server: MailServer;
  beforeAll(async () => {
    server = await startMailServer({ account: ACCOUNT });
    stage = await openConsole({ mail: { secretKey: randomBytes(32), mailboxDir: undefined } });
  });
  afterAll(async () => {
    await stage.end();
    await server.down();
  });

  test('a test mail arrives at the server that is set, and what the server says is shown', async () => {
    const { page, context, complaints } = await stage.signedIn('root', '/admin/system/notifications');
    await page.getByLabel('Server').fill('127.0.0.1');
    await page.getByLabel('Port').fill(String(server.port));
    await page.getByLabel('Encryption').selectOption('none');
    await page.getByLabel('Username (optional)').fill(ACCOUNT.user);
    await page.getByLabel('Password', { exact: true }).fill('not it');
    await page.getByLabel('From address').fill('access@example.com');
    await page.getByLabel('From name').fill('Acme access');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('The mailer is set.').waitFor();
    await page.getByText('Mail is sent by SMTP').waitFor();

    const send = page.getByRole('button', { name: 'Send test' });
    await page.getByLabel('Send a test mail to').fill('operator@example.com');
    await send.click();
    await page.getByRole('alert').waitFor();
    expect(await page.getByRole('alert').textContent()).not.toContain('not it');
    expect(server.mails).toEqual([]);

    await page.getByLabel('Password', { exact: true }).fill(ACCOUNT.password);
    const saved = page.waitForResponse((response) => response.request().method() === 'PUT');
    await page.getByRole('button', { name: 'Save' }).click();
    expect((await saved).status()).toBe(200);
    await send.click();
    await page.getByText(/The mail server took it: 250 .*taken/).waitFor();
    expect(await page.getByRole('alert').count()).toBe(0);
    expect(await axeFaults(page)).toEqual([]);
    expect(server.mails).toMatchObject([
      { from: 'access@example.com', to: ['operator@example.com'], user: ACCOUNT.user },
    ]);
    const headers = headersOf(server.mails[0]?.raw ?? '');
    expect(headers.get('from')).toEqual(['Acme access <access@example.com>']);
    expect(headers.get('to')).toEqual(['operator@example.com']);
    // The password went to the server, and comes back to nobody.
    expect(await page.content()).not.toContain(ACCOUNT.password);
    expect(complaints).toEqual([]);
    await context.close();
  });
});
