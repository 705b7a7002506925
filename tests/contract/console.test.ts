/** How the console's pages are served: what may run in them, what is kept, and that no address falls into a hole. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { loadConsole } from '../../src/http/console.js';
import { startApp } from '../support/http-app.js';
import type { RunningApp } from '../support/http-app.js';
import { sendRaw } from '../support/raw-http.js';

let folder: string;
let app: RunningApp;
const PAGE = '<!doctype html><meta name="tenant" content="" /><meta name="domain" content="" />';
const SCRIPT = 'void 0;'.repeat(200);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bailiwick console '));
  await mkdir(join(folder, 'assets'));
  await writeFile(join(folder, 'index.html'), PAGE);
  await writeFile(join(folder, 'assets', 'a-1.js'), SCRIPT);
  await writeFile(join(folder, '.sources'), 'a hash');
  app = await startApp({ pages: loadConsole(pathToFileURL(`${folder}/`), 'rcm.example') });
});
afterAll(async () => {
  await app.server.stop();
  await rm(folder, { recursive: true });
});

const get = (path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`http://127.0.0.1:${String(app.port)}${path}`, { redirect: 'manual', ...init });

test.each([
  '/console/',
  '/console/admin/rbac',
  '/console/sign-in/acme',
  '/console/admin/..%2f..%2fetc',
  '/console/.sources',
])('%s is the page, asked anew each time', async (path) => {
  const answer = await get(path);
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
  expect(answer.headers.get('cache-control')).toBe('no-cache');
  expect(await answer.text()).toContain('name="domain" content="rcm.example"');
});

test('nothing runs in the page but what is served here, and nobody frames it', async () => {
  const answer = await get('/console/');
  const policy = answer.headers.get('content-security-policy') ?? '';
  expect(policy).not.toMatch(/unsafe|\*|https?:|data:|blob:/);
  for (const directive of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"]) {
    expect(policy.split(';')).toContain(directive);
  }
  expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
  expect(answer.headers.get('referrer-policy')).toBe('no-referrer');
});

test('what has a hash in its name is kept for ever, and is sent smaller', async () => {
  const answer = await get('/console/assets/a-1.js', { headers: { 'accept-encoding': 'gzip' } });
  expect(answer.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
  expect(answer.headers.get('content-encoding')).toBe('gzip');
  expect(Number(answer.headers.get('content-length'))).toBeLessThan(SCRIPT.length / 10);
  expect(await answer.text()).toBe(SCRIPT);
  const etag = answer.headers.get('etag') ?? '';
  expect((await get('/console/assets/a-1.js', { headers: { 'if-none-match': etag } })).status).toBe(304);
  const head = await get('/console/assets/a-1.js', { method: 'HEAD' });
  expect([head.status, await head.text()]).toEqual([200, '']);
});

test('a file that was never there is not the page', async () => {
  const answer = await get('/console/assets/old-2.js');
  expect([answer.status, await answer.text()]).toEqual([404, '']);
});

test.each([
  ['/admin/rbac', '/console/admin/rbac'],
  ['/admin/users?q=ada', '/console/admin/users?q=ada'],
  ['/console', '/console/'],
  ['/', '/console/'],
])('%s leads to %s', async (from, to) => {
  const answer = await get(from);
  expect([answer.status, answer.headers.get('location')]).toEqual([302, to]);
});

describe('the page is told whose address it was asked at', () => {
  const askedAt = async (host: string): Promise<string> => {
    const request = `GET /console/ HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`;
    return /name="tenant" content="([^"]*)"/.exec((await sendRaw(app.port, request)).body)?.[1] ?? 'none';
  };
  test.each([
    ['acme.rcm.example', 'acme'],
    ['ACME.rcm.example:8443', 'acme'],
    ['rcm.example', ''],
    ['acme.other.example', ''],
    ['"><script>.rcm.example', ''],
  ])('%s: %j', async (host, slug) => {
    expect(await askedAt(host)).toBe(slug);
  });
});

test('what is no page goes on to the contract; nothing is changed at a page', async () => {
  expect((await get('/admin/roles')).status).toBe(404);
  expect((await get('/console/', { method: 'POST' })).status).toBe(404);
  expect((await get('/api/v1/openapi.json')).status).toBe(200);
});

test('a service whose console was not built decides all the same', () => {
  expect(loadConsole(pathToFileURL(`${folder}/nothing/`), undefined)).toBeUndefined();
});
