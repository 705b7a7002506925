/**
 * What a Postgres URL says of TLS, as `pg` reads it.
 *
 * In every mode but `disable` and `no-verify`, `pg` verifies the server in full, its authority and its name, and never
 * falls back to plain. What it does not know it passes over: a mistyped `sslMode` would be a connection in the clear,
 * and a list of revoked certificates would not be looked at. So whatever looks like TLS and is not known is a fault.
 */
import { accessSync, constants } from 'node:fs';

/** How a connection by a URL is made; `unverified` is encrypted to whoever answers. */
export type DatabaseTls = 'plain' | 'unverified' | 'verified';

const MODES = new Set(['disable', 'no-verify', 'prefer', 'require', 'verify-ca', 'verify-full']);
const FILES = ['sslrootcert', 'sslcert', 'sslkey'];
const KNOWN = new Set(['ssl', 'sslmode', 'sslnegotiation', ...FILES]);

/** How `pg` connects by the URL, which has no fault. */
export function tlsOf(url: string): DatabaseTls {
  const { searchParams } = new URL(url);
  const mode = searchParams.get('sslmode');
  if (mode === 'disable') return 'plain';
  if (mode === 'no-verify') return 'unverified';
  return [...KNOWN].some((name) => searchParams.has(name)) ? 'verified' : 'plain';
}

/** What is wrong with what the URL says of TLS; each says it of a setting whose name comes before it. */
export function tlsFaultsOf(url: string): string[] {
  const { searchParams } = new URL(url);
  const names = [...new Set(searchParams.keys())];
  const [mode, ssl] = [searchParams.get('sslmode'), searchParams.get('ssl')];
  return [
    ...names
      .filter((name) => /^ssl/i.test(name) && !KNOWN.has(name))
      .map((name) => `has \`${name}\`, which is not known`),
    ...names
      .filter((name) => KNOWN.has(name) && searchParams.getAll(name).length > 1)
      .map((name) => `has \`${name}\` more than once`),
    ...(searchParams.has('uselibpqcompat') ? ['has `uselibpqcompat`, which takes the meaning of `sslmode` away'] : []),
    ...(mode === null || MODES.has(mode) ? [] : [`has an \`sslmode\` that is none of ${[...MODES].join(', ')}`]),
    ...(ssl === null || ssl === 'true' ? [] : ['has an `ssl` that is not `true`: say it by `sslmode`']),
    ...FILES.map((name) => fileFault(name, searchParams.get(name))).filter((fault) => fault !== undefined),
  ];
}

function fileFault(name: string, path: string | null): string | undefined {
  if (path === null) return undefined;
  try {
    accessSync(path, constants.R_OK);
    return undefined;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
    return `names a file as \`${name}\` that cannot be read${code}`;
  }
}
