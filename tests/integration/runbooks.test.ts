/** The SQL of the runbooks runs against the real schema, as the role that an operator has. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import { blocksOf, runbooks } from '../support/runbooks.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(async () => {
  await world.end();
});

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

test('a statement that the operator may not run is seen', async () => {
  await expect(world.sql('select pepper from identity.signing_key')).rejects.toThrow();
});

test('the statements that change something do so', async () => {
  await world.addTenant('acme', 'rcm');
  const inline = runbooks().flatMap(({ path, text }) =>
    [...text.matchAll(/psql -c "([^"]+)"/g)].map(([, sql = '']) => ({
      path,
      sql: sql.replaceAll(/'USER'/g, "'user-nobody'"),
    })),
  );
  expect(inline.length).toBeGreaterThan(1);
  for (const { sql } of inline) await world.sql(sql);
});
