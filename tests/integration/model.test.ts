/**
 * The authorization model against the real engine: tests/model/*.fga.yaml, and every permission of the catalogue in
 * every status of a tenant. Where the `fga` command is found (`FGA_BIN`, or on the `PATH`), it runs the files too.
 */
import { execFile } from 'node:child_process';
import { access, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { authorizationModel, catalogue } from '../../src/contract/model.js';
import { createModelStore, runStoreTest, type ModelStore } from '../support/fga-yaml.js';

const FOLDER = fileURLToPath(new URL('../model', import.meta.url));
const MODEL_FILE = fileURLToPath(new URL('../../model.fga', import.meta.url));
const files = (await readdir(FOLDER)).filter((file) => file.endsWith('.fga.yaml'));
const fga = await findFga();

function apiUrl(): string {
  return inject('stack').engineUrl;
}

async function findFga(): Promise<string | undefined> {
  const named = process.env['FGA_BIN'];
  const onPath = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'fga'));
  for (const candidate of named === undefined ? onPath : [named]) {
    const found = await access(candidate).then(
      () => true,
      () => false,
    );
    if (found) return candidate;
  }
  return undefined;
}

describe('store tests', () => {
  test('there are some', () => {
    expect(files).not.toEqual([]);
  });

  test.each(files)('the engine meets %s', async (file) => {
    const { compared, unmet } = await runStoreTest(join(FOLDER, file), apiUrl());
    expect(unmet).toEqual([]);
    expect(compared).toBeGreaterThan(0);
  });

  if (fga !== undefined) {
    test.each(files)('`fga model test` meets %s', async (file) => {
      await promisify(execFile)(fga, ['model', 'test', '--tests', join(FOLDER, file)]);
    });
  }
});

describe('a false expectation', () => {
  const falsehoods = `
name: falsehoods
model_file: ${JSON.stringify(MODEL_FILE)}
tuples:
  - { user: 'tenant:acme', relation: readable, object: 'tenant:acme' }
  - { user: 'role:acme/r#assignee', relation: grant.claims.read, object: 'tenant:acme' }
  - { user: 'user:ann', relation: a, object: 'role:acme/r' }
  - user: user:bob
    relation: a
    object: role:acme/r
    condition:
      name: in_force
      context: { valid_from: '2026-05-01T00:00:00Z', expires_at: '2026-05-02T00:00:00Z' }
tests:
  - name: holds
    check:
      - { user: 'user:ann', object: 'tenant:acme', assertions: { claims.read: true } }
  - name: does not hold
    check:
      - { user: 'user:ann', object: 'tenant:acme', assertions: { claims.read: false, claims.update: true } }
      - { user: 'user:bob', object: 'tenant:acme', assertions: { claims.read: false } }
    list_objects:
      - { user: 'user:ann', type: tenant, assertions: { claims.read: [], claims.update: [tenant:acme] } }
`;
  let folder = '';
  let file = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bailiwick-model-'));
    file = join(folder, 'falsehoods.fga.yaml');
    await writeFile(file, falsehoods);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('is reported, and so is an error where an answer was expected', async () => {
    const { compared, unmet } = await runStoreTest(file, apiUrl());
    expect(compared).toBe(6);
    expect(unmet.map(({ test: name, expected, actual }) => ({ name, expected, actual }))).toEqual([
      { name: 'does not hold', expected: 'false', actual: 'true' },
      { name: 'does not hold', expected: 'true', actual: 'false' },
      // bob's window cannot be judged without `current_time`: that is no denial.
      { name: 'does not hold', expected: 'false', actual: expect.stringMatching(/^error 400/) as unknown },
      { name: 'does not hold', expected: '', actual: 'tenant:acme' },
      { name: 'does not hold', expected: 'tenant:acme', actual: '' },
    ]);
  });

  test('is not read where the form is unknown', async () => {
    await writeFile(join(folder, 'form.fga.yaml'), falsehoods.replace('    check:', '    checks:'));
    await expect(runStoreTest(join(folder, 'form.fga.yaml'), apiUrl())).rejects.toThrow(/checks/);
  });

  if (fga !== undefined) {
    test('ends `fga model test` with an error', async () => {
      await expect(promisify(execFile)(fga, ['model', 'test', '--tests', file])).rejects.toThrow();
    });
  }
});

describe('every permission of the catalogue', () => {
  const tenantPermissions = catalogue.filter(({ objectType }) => objectType === 'tenant');
  const statuses = { active: ['readable', 'writable'], 'read-only': ['readable'], suspended: [] } as const;
  let store: ModelStore;

  beforeAll(async () => {
    store = await createModelStore(apiUrl(), authorizationModel);
    await store.write([
      { user: 'user:root', relation: 'super_admin', object: 'platform:main' },
      { user: 'user:guest', relation: 'a', object: 'role:guest' },
      ...tenantPermissions.map(({ id }) => ({ user: `user:${id}`, relation: 'a', object: `role:${id}` })),
      ...Object.entries(statuses).flatMap(([status, relations]) => [
        { user: 'platform:main', relation: 'platform', object: `tenant:${status}` },
        { user: 'role:guest#assignee', relation: 'member', object: `tenant:${status}` },
        ...relations.map((relation) => ({ user: `tenant:${status}`, relation, object: `tenant:${status}` })),
        ...tenantPermissions.map(({ id }) => ({
          user: `role:${id}#assignee`,
          relation: `grant.${id}`,
          object: `tenant:${status}`,
        })),
      ]),
    ]);
  });
  afterAll(() => store.remove());

  const allowed = (user: string, relation: string, status: string): Promise<string> =>
    store.check({ tuple_key: { user: `user:${user}`, relation, object: `tenant:${status}` } });

  test.each(tenantPermissions)('`$id` ($kind) follows grant, status and override', async ({ id, kind }) => {
    const another = tenantPermissions.find((other) => other.id !== id)?.id ?? '';
    for (const status of ['active', 'read-only', 'suspended']) {
      const writable = status === 'active';
      const holder = writable || (kind === 'read' && status === 'read-only');
      expect.soft(await allowed(id, id, status), `the holder, ${status}`).toBe(String(holder));
      expect
        .soft(await allowed('root', id, status), `a platform admin, ${status}`)
        .toBe(String(writable || kind === 'read'));
      expect.soft(await allowed('guest', id, status), `a member without it, ${status}`).toBe('false');
      expect.soft(await allowed(another, id, status), `a holder of another, ${status}`).toBe('false');
    }
  });
});
