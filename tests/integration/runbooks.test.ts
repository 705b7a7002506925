/** The SQL of the runbooks runs against the real schema, as the role that an operator has. */
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';

import { runSql } from '../../src/platform/admin-sql.js';
import { blocksOf, runbooks } from '../support/runbooks.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';
import { readText } from '../tidy/support/files.js';

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(async () => {
  await world.end();
});

afterEach(() => void vi.unstubAllEnvs());

const statements = runbooks().flatMap(({ path, text }) => blocksOf(text, 'sql').map((sql) => ({ path, sql })));

test('every statement of a runbook runs, and every list of it is bounded', async () => {
  expect(statements.length).toBeGreaterThan(10);
  const failed: string[] = [];
  for (const { path, sql } of statements) {
    if (!/\blimit \d+\s*$/.test(sql)) failed.push(`${path}: no limit: ${sql}`);
    await world.sql(sql).catch((error: unknown) => failed.push(`${path}: ${String(error)}: ${sql}`));
  }
  expect(failed).toEqual([]);
});

test('psql runs as the operator, by what their list tells to export', async () => {
  const list = readText('docs/runbooks/README.md');
  const [, options = ''] = /^export PGOPTIONS='([^']+)'/m.exec(list) ?? [];
  // psql takes its server from nowhere else than its argument.
  const bare = [{ path: '', text: list }, ...runbooks()].filter(({ text }) => /psql (?!"\$DATABASE_URL")-/.test(text));
  expect(bare).toEqual([]);
  vi.stubEnv('PGOPTIONS', options);
  await runSql(world.databaseUrl, [`do $$ begin assert current_user = 'bailiwick_operator', current_user; end $$`]);
});

test('a statement that the operator may not run is seen', async () => {
  await expect(world.sql('select pepper from identity.signing_key')).rejects.toThrow();
});

test('the statements that change something do so', async () => {
  await world.addTenant('acme', 'rcm');
  const inline = runbooks().flatMap(({ path, text }) =>
    [...text.matchAll(/psql "\$DATABASE_URL" -c "([^"]+)"/g)].map(([, sql = '']) => ({
      path,
      sql: sql.replaceAll(/'USER'/g, "'user-nobody'"),
    })),
  );
  expect(inline.length).toBeGreaterThan(1);
  for (const { sql } of inline) await world.sql(sql);
});
