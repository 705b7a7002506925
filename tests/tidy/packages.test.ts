/** Dependencies are pinned, and no file says which registry they come from: any mirror serves the same hashes. */
import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';

import { projectFiles, readText } from './support/files.js';
import { lockBreaches, pinBreaches, registryHosts } from './support/package-rules.js';
import { ROOT } from './support/planted-tree.js';

test('package.json pins every dependency to one version', () => {
  expect(pinBreaches(readText('package.json'))).toEqual([]);
});

test('the lockfile holds hashes and no addresses', () => {
  expect(lockBreaches(readText('package-lock.json'))).toEqual([]);
});

test('no file names a package registry', () => {
  const files = projectFiles();
  expect(files).toContain('package-lock.json');
  expect(files.flatMap((path) => registryHosts(readText(path)).map((host) => `${path}: ${host}`))).toEqual([]);
});

test('what runs in production is under licences that ask for nothing but to be named', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/sbom.mjs', 'check'], {
    cwd: ROOT,
    encoding: 'utf8',
    timeout: 60_000,
  });
  expect(stdout + stderr).toMatch(/^[1-9]\d+ packages, 0 under another licence\n$/);
  expect(status).toBe(0);
}, 70_000);

const packageJson = (versions: Record<string, string>, node = '>=20.19'): string =>
  JSON.stringify({ engines: { node }, scripts: {}, dependencies: versions });
const lock = (entry: object): string => JSON.stringify({ packages: { '': {}, 'node_modules/a': entry } });
/** Put together here, so that this file names no such host itself. */
const host = (name: string): string => `${name}.example.test`;

describe('a rule sees', () => {
  test.each(['^1.2.3', '~1.2.3', '1.2', '>=1.2.3', 'latest', '*', 'npm:b@^1.2.3', 'git+ssh://a/b'])(
    'the version %s',
    (version) => {
      expect(pinBreaches(packageJson({ a: version }))).toEqual([`a: \`${version}\` is not one version`]);
    },
  );

  test('another engine', () => {
    expect(pinBreaches(packageJson({ a: '1.2.3', b: 'npm:@c/d@1.2.3-beta.1' }, '>=22'))).toEqual([
      'engines: node is `>=22`',
    ]);
  });

  test('an address in the lockfile', () => {
    expect(lockBreaches(lock({ integrity: 'sha512-x', resolved: 'https://a.test/a' }))).toEqual([
      'node_modules/a: names an address',
    ]);
  });

  test('a package in the lockfile without a hash', () => {
    expect(lockBreaches(lock({}))).toEqual(['node_modules/a: has no hash']);
  });

  test.each([host('registry'), host('npm'), host('proxy'), ['https://a.test/x-1.0.0', 'tgz'].join('.')])(
    'the host %s',
    (address) => {
      expect(registryHosts(`see ${address}/x`)).toHaveLength(1);
    },
  );
});
