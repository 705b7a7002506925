/** The console on a real service: a tenant with people who can sign in, a platform admin, and hands to work a page. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import type { Browser, Page } from 'playwright-core';

import { hashPassword } from '../../src/platform/password-hash.js';
import { openBrowser, openTab } from './browser.js';
import type { Tab } from './browser.js';
import { startService } from './service.js';
import type { RunningService, ServiceOver } from './service.js';
import { PASSWORD, setHash } from './sign-in-world.js';
import { createWorld } from './world.js';
import type { World } from './world.js';

export interface ConsoleStage {
  readonly world: World;
  readonly service: RunningService;
  readonly browser: Browser;
  /** `http://acme.localhost:…/console`; without a slug the bare host's. */
  url(slug?: string): string;
  /** A window of its own in which somebody is signed in, at a path below `/console`. */
  signedIn(userId: string, path: string, look?: Parameters<typeof openTab>[1]): Promise<Tab>;
  end(): Promise<void>;
}

const PEOPLE: readonly (readonly [string, string, readonly string[]])[] = [
  ['ada', 'Ada Lindqvist', ['TENANT_ADMIN']],
  ['ben', 'Ben Osei', ['TENANT_ADMIN']],
  ['vic', 'Vic Moreno', ['READONLY']],
  ['noor', 'Noor Rahman', ['BILLER']],
  ['otto', 'Otto Weiss', ['BILLER']],
  ['rosa', 'Rosa Marino', ['BILLER', 'MEMBER_SERVICES']],
  ['sam', 'Sam Park', ['RCM_ANALYST']],
  ['jon', 'Jon Eriksen', []],
];

/** Tenant `acme` with the roles of revenue cycle management, and `root`, who stands above all tenants. */
export async function openConsole(over: ServiceOver = {}): Promise<ConsoleStage> {
  const world = await createWorld();
  await world.addTenant('acme', 'rcm');
  await world.sql(`update identity.tenant set name = 'Acme Behavioral Health' where id = 'acme'`);
  const hash = await hashPassword(PASSWORD);
  for (const [id, name, roles] of PEOPLE) {
    await world.addUser('acme', id, roles);
    await world.sql(`update security.app_user set display_name = $2 where id = $1`, [id, name]);
    await setHash(world, id, hash);
  }
  await world.addUser(null, 'root');
  await world.sql(`update security.app_user set display_name = 'Priya Raman' where id = 'root'`);
  await setHash(world, 'root', hash);
  await world.sql(`insert into identity.platform_admin (user_id) values ('root')`);
  const service = await startService(world, {
    signIn: { domain: 'localhost' },
    auditKey: generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
    requestTimeoutMs: 5_000,
    syncWaitMs: 3_000,
    ...over,
  });
  await service.settle();
  const browser = await openBrowser();
  const port = new URL(service.base).port;
  const url = (slug?: string): string => `http://${slug === undefined ? '' : `${slug}.`}localhost:${port}/console`;
  return {
    world,
    service,
    browser,
    url,
    async signedIn(userId, path, look) {
      const tab = await openTab(browser, look);
      const isPlatform = userId === 'root';
      await tab.page.goto(`${url(isPlatform ? undefined : 'acme')}${isPlatform ? '/sign-in/platform' : path}`);
      await signIn(tab.page, `${userId}@example.com`);
      if (isPlatform) await tab.page.goto(`${url()}${path}`);
      return tab;
    },
    async end() {
      await browser.close();
      await service.stop();
      await world.end();
    },
  };
}

/** Types an address and a password into the form that is shown, and waits until it is gone. */
export async function signIn(page: Page, email: string, password = PASSWORD): Promise<void> {
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('button', { name: 'Sign out' }).waitFor();
}

const AXE = readFileSync(fileURLToPath(import.meta.resolve('axe-core/axe.min.js')), 'utf8');

/** What axe finds wrong with what is shown, in both themes: none is the aim. */
export async function axeFaults(page: Page): Promise<string[]> {
  const faults: string[] = [];
  for (const theme of ['light', 'dark']) {
    await page.evaluate(
      `document.documentElement.dataset.theme = '${theme}';
       Promise.allSettled(document.getAnimations().map(({ finished }) => finished))`,
    );
    // Through the debugger: the page's own policy lets no script in.
    await page.evaluate(`globalThis.axe ?? (() => { ${AXE} })()`);
    // What lies behind a dialog is looked at where there is none; what a theme changes is its colours.
    const options = theme === 'dark' ? `{ runOnly: ['color-contrast'] }` : '{}';
    const found = await page.evaluate<AxeFault[]>(
      `axe.run([...document.querySelectorAll('dialog[open]')].at(-1) ?? document, ${options}).then((all) => all.violations)`,
    );
    for (const { id, nodes } of found) {
      faults.push(
        ...nodes
          .slice(0, 4)
          .map(({ target, failureSummary }) => `${theme} ${id} ${target.join(' ')}: ${failureSummary}`),
      );
    }
  }
  await page.evaluate(
    `delete document.documentElement.dataset.theme;
     Promise.allSettled(document.getAnimations().map(({ finished }) => finished))`,
  );
  return faults;
}

interface AxeFault {
  readonly id: string;
  readonly nodes: readonly { readonly target: readonly string[]; readonly failureSummary: string }[];
}

const SHOTS = fileURLToPath(new URL('../../docs/screenshots/', import.meta.url));

/** Makes the README's pictures anew where `UPDATE_SCREENSHOTS=1` asks for it. */
export async function shoot(page: Page, name: string): Promise<void> {
  if (process.env['UPDATE_SCREENSHOTS'] !== '1') return;
  mkdirSync(SHOTS, { recursive: true });
  // A message lies over what is to be seen, for ten seconds.
  await page.locator('.toast').first().waitFor({ state: 'detached', timeout: 15_000 });
  await page.screenshot({ path: `${SHOTS}${name}.png` });
}
