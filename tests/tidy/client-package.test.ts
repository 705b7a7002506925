/** The TypeScript client as it is published: what is in the package, and that a program of somebody else's can use it. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { readText } from './support/files.js';
import { packageSchema, pinBreaches } from './support/package-rules.js';
import { ROOT } from './support/planted-tree.js';

const run = promisify(execFile);
const FOLDER = join(ROOT, 'clients/typescript');
const NAMES = ['answers', 'client', 'error', 'express', 'fastify', 'guard', 'hono', 'transport'];

let home: string;
let contents: string[];

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'bailiwick-client-'));
  await rm(join(FOLDER, 'dist'), { recursive: true, force: true });
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', home], { cwd: FOLDER });
  const [packed] = JSON.parse(stdout) as [{ filename: string; files: { path: string }[] }];
  contents = packed.files.map(({ path }) => path).sort();
  await run('tar', ['-xzf', packed.filename], { cwd: home });
  await mkdir(join(home, 'node_modules/@bailiwick'), { recursive: true });
  await rename(join(home, 'package'), join(home, 'node_modules/@bailiwick/client'));
}, 120_000);
afterAll(() => rm(home, { recursive: true, force: true }));

test('the package holds the built client, its types, its README and its licence, and nothing else', () => {
  const built = [...NAMES, 'contract/api', 'contract/permissions'].flatMap((name) => [
    `dist/${name}.d.ts`,
    `dist/${name}.js`,
  ]);
  expect(contents).toEqual(['LICENSE', 'README.md', 'package.json', ...built].sort());
});

test('it depends on nothing, runs where the service runs, and has its version and licence', async () => {
  const manifest = await readFile(join(FOLDER, 'package.json'), 'utf8');
  const { dependencies, optionalDependencies, devDependencies } = packageSchema.parse(JSON.parse(manifest));
  expect({ ...dependencies, ...optionalDependencies, ...devDependencies }).toEqual({});
  expect(pinBreaches(manifest)).toEqual([]);
  const versionOf = (text: string): unknown => (JSON.parse(text) as { version: unknown }).version;
  expect(versionOf(manifest)).toBe(versionOf(readText('package.json')));
  expect(readText('clients/typescript/LICENSE')).toBe(readText('LICENSE'));
});

test('a program imports every entry, and can be typed against it', async () => {
  const program = `
    import { BailiwickError, createClient } from '@bailiwick/client';
    import { authOf, createRequires } from '@bailiwick/client/express';
    import * as fastify from '@bailiwick/client/fastify';
    import * as hono from '@bailiwick/client/hono';
    const client = createClient({ url: 'http://127.0.0.1:9', credential: 'none' });
    const asked = client.check({ user: 'ada', permission: 'users.read', tenant: 'acme' }, { timeoutMs: 500 });
    const outcome = await asked.catch((error) => (error instanceof BailiwickError ? error.code : 'another'));
    console.log(outcome, typeof createRequires({ client })('users.read'), typeof authOf);
    console.log(typeof fastify.createRequires, typeof hono.createRequires);
  `;
  await writeFile(join(home, 'program.mts'), program);
  await writeFile(join(home, 'program.mjs'), program);
  const { stdout } = await run(process.execPath, ['program.mjs'], { cwd: home });
  expect(stdout).toBe('UNREACHABLE function function\nfunction function\n');

  await mkdir(join(home, 'node_modules/@types'), { recursive: true });
  for (const name of ['@types/node', 'undici-types']) {
    await symlink(join(ROOT, 'node_modules', name), join(home, 'node_modules', name));
  }
  const options = ['--strict', '--noEmit', '--module', 'nodenext', '--target', 'es2023', '--types', 'node'];
  await run(join(ROOT, 'node_modules/.bin/tsc'), [...options, 'program.mts'], { cwd: home }).catch((error: unknown) => {
    throw new Error(error instanceof Error && 'stdout' in error ? String(error.stdout) : String(error));
  });
}, 120_000);
