/**
 * Settings out of files, which is how secrets come into a container, and what they say of TLS: whatever would have a
 * connection made in the clear, or unverified, by mistake is a fault that names its setting.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';

import {
  ConfigError,
  readAuditConfig,
  readConfig,
  readEngineAddress,
  readMigrationUrl,
  readOperatorConfig,
} from '../../src/config.js';
import { tlsOf } from '../../src/shared/database-url.js';
import { TEST_CERTIFICATE } from '../support/mail-certificate.js';

const folder = mkdtempSync(join(tmpdir(), 'bailiwick-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const REST = { BAILIWICK_OPENFGA_URL: 'http://127.0.0.1:8080', BAILIWICK_OPENFGA_STORE_ID: '0'.repeat(26) };
const faultsOf = (environment: Record<string, string>): readonly string[] => {
  try {
    readConfig(environment);
    return [];
  } catch (error) {
    return error instanceof ConfigError ? error.faults : [String(error)];
  }
};

test('a setting is the content of the file that NAME_FILE names, without the end of its line', () => {
  const DATABASE_URL_FILE = file('url', 'postgres://b:secret@127.0.0.1/b\n');
  const BAILIWICK_OPENFGA_TOKEN_FILE = file('token', 'preshared\r\n');
  const config = readConfig({ ...REST, DATABASE_URL_FILE, BAILIWICK_OPENFGA_TOKEN_FILE });
  expect(config.database.url).toBe('postgres://b:secret@127.0.0.1/b');
  expect(config.engine.token).toBe('preshared');
  expect(readMigrationUrl({ BAILIWICK_MIGRATION_DATABASE_URL_FILE: DATABASE_URL_FILE })).toBe(config.database.url);
  expect(readEngineAddress({ ...REST, BAILIWICK_OPENFGA_TOKEN_FILE })).toEqual({
    url: REST.BAILIWICK_OPENFGA_URL,
    apiToken: 'preshared',
  });
});

test('both at once, and a file that is not there, are faults that name the setting and not its value', () => {
  expect(
    faultsOf({
      ...REST,
      DATABASE_URL: 'postgres://b:secret@h/b',
      DATABASE_URL_FILE: file('other', 'postgres://x@h/b'),
    }),
  ).toEqual(['DATABASE_URL and DATABASE_URL_FILE are both set']);
  expect(faultsOf({ ...REST, DATABASE_URL_FILE: join(folder, 'absent') })).toEqual([
    'DATABASE_URL_FILE names a file that cannot be read (ENOENT)',
  ]);
});

test('a setting whose own name ends in _FILE is no pointer', () => {
  expect(readAuditConfig({ BAILIWICK_AUDIT_CHECKPOINT_FILE: '/nowhere' }).checkpointFile).toBe('/nowhere');
});

/** A self-signed certificate; what it vouches for does not matter here. */
const BAILIWICK_OPENFGA_CA_FILE = file('ca.crt', TEST_CERTIFICATE);
const SECURE = { BAILIWICK_OPENFGA_URL: 'https://fga.example', BAILIWICK_OPENFGA_STORE_ID: '0'.repeat(26) };
const DATABASE_URL = 'postgres://b:secret@db.example/b';

test('the authority of OpenFGA comes out of a file, for the service and for the commands', () => {
  const engine = { url: SECURE.BAILIWICK_OPENFGA_URL, ca: TEST_CERTIFICATE.trimEnd() };
  expect(readConfig({ ...SECURE, DATABASE_URL, BAILIWICK_OPENFGA_CA_FILE }).engine).toMatchObject(engine);
  expect(readOperatorConfig({ ...SECURE, DATABASE_URL, BAILIWICK_OPENFGA_CA_FILE }).engine).toMatchObject(engine);
  expect(readEngineAddress({ ...SECURE, BAILIWICK_OPENFGA_CA_FILE })).toMatchObject(engine);
});

test.each([
  { what: 'text that is no certificate', over: { BAILIWICK_OPENFGA_CA: 'trust me' }, fault: 'is no certificate' },
  {
    what: 'an authority beside plain http',
    over: { BAILIWICK_OPENFGA_CA_FILE, BAILIWICK_OPENFGA_URL: 'http://fga.example' },
    fault: 'BAILIWICK_OPENFGA_URL is not an https:// URL',
  },
  { what: 'leave to verify nothing', over: { NODE_TLS_REJECT_UNAUTHORIZED: '0' }, fault: 'no certificate is verified' },
])('$what is a fault', ({ over, fault }) => {
  expect(faultsOf({ ...SECURE, DATABASE_URL, ...over }).join()).toContain(fault);
});

describe('what a database URL says of TLS', () => {
  const absent = join(folder, 'absent.crt');
  test.each([
    ['sslMode=verify-full', 'has `sslMode`, which is not known'],
    ['ssl_mode=verify-full', 'has `ssl_mode`, which is not known'],
    ['sslmode=verify-full&sslcrl=/x', 'has `sslcrl`, which is not known'],
    ['sslmode=verify_full', 'has an `sslmode` that is none of'],
    ['sslmode=verify-full&sslmode=disable', 'has `sslmode` more than once'],
    ['sslmode=verify-full&uselibpqcompat=true', 'has `uselibpqcompat`'],
    ['ssl=0', 'has an `ssl` that is not `true`'],
    [`sslmode=verify-full&sslrootcert=${absent}`, 'names a file as `sslrootcert` that cannot be read (ENOENT)'],
  ])('`%s` is a fault of the setting, which is named, and not its value', (query, fault) => {
    const url = `${DATABASE_URL}?${query}`;
    for (const name of ['DATABASE_URL', 'BAILIWICK_SYNC_DATABASE_URL']) {
      const [found = '', ...others] = faultsOf({ ...REST, DATABASE_URL, [name]: url });
      expect(others).toEqual([]);
      expect(found.startsWith(`${name} ${fault}`), found).toBe(true);
      expect(found).not.toContain('secret');
    }
    expect(() => readMigrationUrl({ BAILIWICK_MIGRATION_DATABASE_URL: url })).toThrow(
      `BAILIWICK_MIGRATION_DATABASE_URL ${fault}`,
    );
  });

  test.each(['', '?sslmode=verify-full', '?sslmode=disable', '?sslmode=no-verify', '?ssl=true'])(
    '`%s` is none',
    (query) => {
      expect(faultsOf({ ...REST, DATABASE_URL: DATABASE_URL + query })).toEqual([]);
    },
  );

  test.each([
    ['', 'plain'],
    ['?sslmode=disable', 'plain'],
    ['?sslmode=no-verify', 'unverified'],
    ['?sslmode=require', 'verified'],
    ['?sslrootcert=/ca.crt', 'verified'],
    ['?ssl=true', 'verified'],
  ])('`%s` makes it %s', (query, tls) => {
    expect(tlsOf(DATABASE_URL + query)).toBe(tls);
  });

  test('libpq’s variables stand for it where there is no URL, and are held to the same', () => {
    expect(readAuditConfig({ PGSSLMODE: 'verify-full' }).databaseUrl).toBe('postgres:///?sslmode=verify-full');
    expect(readAuditConfig({}).databaseUrl).toBeUndefined();
    expect(() => readAuditConfig({ PGSSLMODE: 'verify-full', PGSSLROOTCERT: absent })).toThrow('`sslrootcert`');
  });
});
