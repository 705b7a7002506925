/** What the triggers capture, some scenario changes and watches: a synced table without one would be synced on trust. */
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { parseScenario, tablesWritten } from '../support/scenario.js';
import type { Scenario } from '../support/scenario.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';

const FOLDER = new URL('../../scenarios/', import.meta.url);
const scenarios = readdirSync(FOLDER).map((file) => parseScenario(readFileSync(new URL(file, FOLDER), 'utf8')));

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.end());

async function syncedTables(): Promise<string[]> {
  const rows = await world.sql<{ name: string }>(`
    select distinct n.nspname || '.' || c.relname as name
    from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace
    where t.tgfoid = 'sync.capture'::regproc order by 1`);
  return rows.map(({ name }) => name);
}

const withoutScenario = (tables: readonly string[], all: readonly Scenario[]): string[] =>
  tables.filter((table) => !all.some((scenario) => tablesWritten(scenario).includes(table)));

test('every synced table has a scenario', async () => {
  const tables = await syncedTables();
  expect(tables).toHaveLength(8);
  expect(withoutScenario(tables, scenarios)).toEqual([]);
});

test('a table that no step writes to is missed', async () => {
  const others = scenarios.filter((scenario) => !tablesWritten(scenario).includes('identity.platform_admin'));
  expect(others.length).toBeLessThan(scenarios.length);
  expect(withoutScenario(await syncedTables(), others)).toContain('identity.platform_admin');
});
