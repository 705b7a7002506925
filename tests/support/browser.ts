/**
 * A real browser for the tests of the console: the Chromium that `CONSOLE_BROWSER` names, or one of the system's.
 *
 * A machine without one leaves these tests out and says so where nobody overlooks it; continuous integration, which
 * installs one (scripts/install-browser.sh), fails instead.
 */
import { existsSync } from 'node:fs';

import { chromium } from 'playwright-core';
import type { Browser, BrowserContext, Page } from 'playwright-core';

const KNOWN = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome-stable',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];

/** Where a browser is; undefined where there is none. */
export function findBrowser(): string | undefined {
  const named = process.env['CONSOLE_BROWSER'];
  if (named !== undefined && !existsSync(named)) throw new Error(`\`CONSOLE_BROWSER\` names nothing: ${named}`);
  const found = named ?? KNOWN.find((path) => existsSync(path));
  if (found === undefined) complain();
  return found;
}

function complain(): void {
  const told =
    'THE CONSOLE IS NOT TESTED: no Chromium was found. Run scripts/install-browser.sh, or name one in CONSOLE_BROWSER.';
  if (process.env['CI'] !== undefined) throw new Error(told);
  process.stderr.write(`\n${'!'.repeat(told.length)}\n${told}\n${'!'.repeat(told.length)}\n\n`);
}

export async function openBrowser(): Promise<Browser> {
  const quiet = ['--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run'];
  const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  return await chromium.launch({
    executablePath: findBrowser() ?? '',
    args: [...sandbox, ...quiet, '--disable-gpu', '--disable-quic', '--disable-dev-shm-usage'],
  });
}

export interface Tab {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What the browser complained of: errors of the page, breaches of its policy; not the service's refusals. */
  readonly complaints: string[];
}

/** A window of its own, with nobody signed in. */
export async function openTab(
  browser: Browser,
  look: { colorScheme?: 'light' | 'dark'; width?: number; height?: number } = {},
): Promise<Tab> {
  const { colorScheme = 'light', width = 1360, height = 860 } = look;
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme,
    reducedMotion: 'reduce',
    locale: 'en-GB',
    timezoneId: 'Europe/Berlin',
  });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    const isRefusal = message.text().startsWith('Failed to load resource: the server responded with a status of');
    if (['error', 'warning'].includes(message.type()) && !isRefusal) complaints.push(message.text());
  });
  return { page, context, complaints };
}
