/**
 * The migration of the next version runs while this one serves: it adds (HOUSE STYLE: expand, then contract), and whoever
 * was written before must neither fail for it nor see it. Every operation is called before and after, so that what is
 * prepared on a connection was prepared for the older tables.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cp } from 'node:fs/promises';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { findAuditCommand } from '../../src/commands.js';
import { catalogue } from '../../src/contract/model.js';
import { isPermission } from '../../src/decisions/question.js';
import { operationsOf } from '../../src/http/contract.js';
import { migrate } from '../../src/platform/migrate.js';
import { readOpenapi } from '../support/http-app.js';
import { openOffice } from '../support/office.js';
import type { Office } from '../support/office.js';
import { callOperation, fixtureOf } from '../support/operation-fixtures.js';
import { driftLines } from '../support/played-engine.js';
import { quiet } from '../support/world.js';

const operations = operationsOf(readOpenapi()).filter(({ permission }) => isPermission(permission));
const ALL = { user: 'all', tenant: 'own' };

let office: Office;
let migrations: string;
beforeAll(async () => {
  office = await openOffice();
  await office.world.addTenant('own', 'emr');
  await office.world.addUser('own', 'all', ['EMR_CLIENT_ADMIN']);
  await office.world.sql(`insert into security.role (id, tenant_id, name) values ('all-of-it', 'own', 'ALL_OF_IT')`);
  const permissions = catalogue.filter(({ objectType }) => objectType === 'tenant').map(({ id }) => id);
  const grant = `insert into security.role_permission (role_id, permission_id) select 'all-of-it', unnest($1::text[])`;
  await office.world.sql(grant, [permissions]);
  await office.world.sql(`insert into security.user_role (user_id, role_id) values ('all', 'all-of-it')`);
  await office.service.settle();
  migrations = await mkdtemp(join(tmpdir(), 'bailiwick-migrations-'));
  await cp(fileURLToPath(new URL('../../migrations', import.meta.url)), migrations, { recursive: true });
});
afterAll(async () => {
  await rm(migrations, { recursive: true, force: true });
  await office.end();
});

/** A column more on every table, which may stay empty, and a table more. */
const NEXT_VERSION = `
  do $$
  declare t record;
  begin
    for t in select c.oid::regclass as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
             where n.nspname in ('identity', 'security', 'audit', 'sync') and c.relkind in ('r', 'p') and not c.relispartition
    loop
      execute format('alter table %s add column next_version text', t.name);
    end loop;
  end $$;
  create table sync.next_version (id bigint primary key);
`;

/** Adds a migration and runs it, as the next version's job would. */
async function migrateToNext(name: string, sql: string): Promise<string[]> {
  await writeFile(join(migrations, name), sql);
  return await migrate(office.world.databaseUrl, migrations, quiet);
}

/** What each operation answers to whoever may do everything. */
async function everything(): Promise<string[]> {
  const told: string[] = [];
  for (const operation of operations) {
    const call = await fixtureOf(operation.id).prepare(office.world, 'own');
    await office.service.settle();
    const { status, body } = await callOperation(office.service, { operation, call, as: ALL });
    told.push(`${operation.id} ${String(status)} ${body.code ?? ''} ${Object.keys(body).sort().join()}`);
  }
  return told;
}

test('nothing that is asked meanwhile or afterwards fails, or shows what has been added', async () => {
  const before = await everything();
  expect(before.filter((line) => / 5\d\d /.test(line))).toEqual([]);
  const asking = { isOver: false, statuses: [] as number[] };
  const asked = (async () => {
    while (!asking.isOver) {
      const question = { user: 'all', permission: 'users.read', tenant: 'own', consistency: 'full' } as const;
      asking.statuses.push((await office.service.check(question)).status);
    }
  })();
  expect(await migrateToNext('0900_next_version.sql', NEXT_VERSION)).toEqual(['0900_next_version']);
  const after = await everything();
  asking.isOver = true;
  await asked;
  expect(after).toEqual(before);
  expect(asking.statuses.filter((status) => status !== 200)).toEqual([]);
  expect(asking.statuses.length).toBeGreaterThan(100);
  await office.service.settle();
  expect(await driftLines(office.world)).toEqual([]);
  const context = { databaseUrl: office.world.databaseUrl, key: undefined, checkpointFile: undefined, publicKey: undefined };
  const options = { json: true, 'allow-pruned': false, drop: false };
  const lines: string[] = [];
  expect(await findAuditCommand('audit verify')?.(context, options, (line) => lines.push(line)), lines.join()).toBe(0);
}, 120_000); // prettier-ignore

test('a migration that must wait for somebody lets those behind it pass, and goes on when they are done', async () => {
  let letGo = (): void => undefined;
  const reading = new Promise<void>((resolve) => (letGo = resolve));
  let isRead = (): void => undefined;
  const read = new Promise<void>((resolve) => (isRead = resolve));
  // A dump, or a report.
  const long = office.world.pool(undefined).transaction(async (tx) => {
    await tx.query({ text: 'select from security.user_role limit 1' });
    isRead();
    await reading;
  });
  await read;
  const migrated = migrateToNext('0901_waits.sql', 'alter table security.user_role add column waits text;');
  let isMigrated = false;
  void migrated.then(() => (isMigrated = true));
  const times: number[] = [];
  for (let n = 0; n < 12; n += 1) {
    const startedAt = performance.now();
    await office.world.sql('select from security.user_role limit 1');
    times.push(performance.now() - startedAt);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  expect(isMigrated).toBe(false);
  expect(Math.max(...times)).toBeLessThan(2_500);
  letGo();
  await long;
  expect(await migrated).toEqual(['0901_waits']);
}, 60_000);
