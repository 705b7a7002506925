/**
 * The console's pages, as `npm run build` left them in dist/console, served from memory.
 *
 * What has a hash in its name never changes and is kept for a year; every other address under `/console/` is the one page,
 * which finds its screen by itself. The page is told whose address it was asked at, so that a tenant's own host asks for
 * no name. Nothing but what we serve runs in it: the policy names no other source, and no inline script or style.
 * INVARIANT: no answer of these depends on who asks. tests/contract/console.test.ts.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import helmet from 'helmet';

import { slugOf } from '../shared/tenant-address.js';

/** What a page's request is answered with; undefined where the address is not the console's. */
export type ConsolePages = (request: IncomingMessage, path: string) => PageAnswer | undefined;

export interface PageAnswer {
  readonly status: 200 | 302 | 304 | 404;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
}

interface StoredFile {
  readonly plain: Buffer;
  readonly zipped: Buffer;
  readonly type: string;
}

const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
  json: 'application/json; charset=utf-8',
};
const BASE = '/console/';
/** Where the documents send people; each has its place in the console. */
const MOVED = new Map(['/', '/admin/rbac', '/admin/users'].map((path) => [path, `/console${path}`]));
const YEAR = 'public, max-age=31536000, immutable';

/** Undefined where the console was not built. `domain`: tenants sign in at `<slug>.<domain>`. */
export function loadConsole(folder: URL, domain: string | undefined): ConsolePages | undefined {
  const files = readFiles(fileURLToPath(folder), '');
  const page = files.get('index.html');
  if (page === undefined) return undefined;
  return (request, path) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return undefined;
    const moved = path === '/console' ? BASE : MOVED.get(path);
    if (moved !== undefined) return redirect(moved + (/\?.*$/.exec(request.url ?? '')?.[0] ?? ''));
    if (!path.startsWith(BASE)) return undefined;
    const name = path.slice(BASE.length);
    const file = files.get(name);
    if (file !== undefined && name !== 'index.html') {
      return send(request, file, name.startsWith('assets/') ? YEAR : 'public, max-age=3600');
    }
    if (name.startsWith('assets/')) return { status: 404, headers: { 'cache-control': 'no-store' }, body: undefined };
    return send(request, addressed(page, { slug: slugOf(request.headers.host, domain), domain }), 'no-cache');
  };
}

/** Writes the answer; HEAD gets its headers alone. */
export function sendPage({ status, headers, body }: PageAnswer, response: ServerResponse): void {
  response.writeHead(status, { ...headers, 'content-length': String(body?.length ?? 0) });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}

const self = ["'self'"];

/** Security headers of the page and of what it is made of. */
export const securePages = helmet({
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      'default-src': ["'none'"],
      'script-src': self,
      'style-src': self,
      'img-src': self,
      'connect-src': self,
      'base-uri': ["'none'"],
      'form-action': ["'none'"],
      'frame-ancestors': ["'none'"],
      'require-trusted-types-for': ["'script'"],
      'trusted-types': ["'none'"],
    },
  },
  referrerPolicy: { policy: 'no-referrer' },
  xXssProtection: false,
});

function readFiles(root: string, folder: string): Map<string, StoredFile> {
  const found = new Map<string, StoredFile>();
  for (const entry of entriesOf(join(root, folder))) {
    const name = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) for (const [path, file] of readFiles(root, name)) found.set(path, file);
    const type = TYPES[name.split('.').at(-1) ?? ''];
    if (entry.isFile() && type !== undefined && !entry.name.startsWith('.')) {
      found.set(name, stored(readFileSync(join(root, name)), type));
    }
  }
  return found;
}

function entriesOf(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    // Not built: a service without its console still decides.
    return [];
  }
}

function stored(plain: Buffer, type: string): StoredFile {
  return { plain, type, zipped: gzipSync(plain, { level: 9 }) };
}

/** The page with the address that it was asked at; slugs need no escaping, a domain does. */
function addressed(
  page: StoredFile,
  { slug = '', domain = '' }: { slug?: string | undefined; domain?: string | undefined },
): StoredFile {
  const safe = domain.replaceAll(/[^A-Za-z0-9.-]/g, '');
  const text = page.plain
    .toString()
    .replace('name="tenant" content=""', `name="tenant" content="${slug}"`)
    .replace('name="domain" content=""', `name="domain" content="${safe}"`);
  return stored(Buffer.from(text), page.type);
}

function send(request: IncomingMessage, { plain, zipped, type }: StoredFile, cacheControl: string): PageAnswer {
  const etag = `"${createHash('sha256').update(plain).digest('base64url').slice(0, 22)}"`;
  const headers = { 'content-type': type, 'cache-control': cacheControl, vary: 'accept-encoding, host', etag };
  if (request.headers['if-none-match'] === etag) return { status: 304, headers, body: undefined };
  const takesGzip = /\bgzip\b/.test(request.headers['accept-encoding'] ?? '');
  if (!takesGzip) return { status: 200, headers, body: plain };
  return { status: 200, headers: { ...headers, 'content-encoding': 'gzip' }, body: zipped };
}

function redirect(location: string): PageAnswer {
  return { status: 302, headers: { location, 'cache-control': 'no-cache' }, body: undefined };
}
