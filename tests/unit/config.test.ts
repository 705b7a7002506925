/** Settings out of files: how secrets come into a container. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';

import { ConfigError, readAuditConfig, readConfig, readEngineAddress, readMigrationUrl } from '../../src/config.js';

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
