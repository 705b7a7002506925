/** `doctor`, `outbox …`, `model status` and `store ensure`, on a real Postgres and a real OpenFGA. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { findKeyCommand, findSyncCommand, runDoctor, runStoreEnsure } from '../../src/commands.js';
import type { KeyOptions, SyncOptions } from '../../src/commands.js';
import { modelHash } from '../../src/contract/model.js';
import { runSql } from '../../src/platform/admin-sql.js';
import { createWorld, quiet } from '../support/world.js';
import type { World } from '../support/world.js';

let world: World;
let folder = '';
beforeAll(async () => {
  world = await createWorld();
  folder = await mkdtemp(join(tmpdir(), 'bailiwick-commands-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await world.end();
});

interface Printed {
  readonly code: number;
  readonly lines: string[];
}

async function sync(name: string, options: Partial<SyncOptions> = {}): Promise<Printed> {
  const lines: string[] = [];
  const config = {
    databaseUrl: world.databaseUrl,
    engine: { url: world.engineUrl, storeId: world.storeId, token: undefined, ca: undefined },
  };
  const command = findSyncCommand(name);
  if (command === undefined) throw new Error(`there is no command \`${name}\``);
  const code = await command(config, { json: false, parked: false, 'dry-run': false, ...options }, (line) =>
    lines.push(line),
  );
  return { code, lines };
}

async function doctor(over: Record<string, string> = {}): Promise<{ code: number; ids: string[]; text: string }> {
  const lines: string[] = [];
  const environment = {
    DATABASE_URL: world.databaseUrl,
    BAILIWICK_OPENFGA_URL: world.engineUrl,
    BAILIWICK_OPENFGA_STORE_ID: world.storeId,
    BAILIWICK_TRUST_LOOPBACK: 'yes',
    ...over,
  };
  const code = await runDoctor(environment, { json: true }, (line) => lines.push(line));
  const report = JSON.parse(lines.join('')) as { findings: { id: string; level: string }[] };
  return { code, ids: report.findings.map(({ id }) => id), text: lines.join('') };
}

test('the doctor finds in a sound installation what is true of the tests’ alone', async () => {
  const { code, ids } = await doctor();
  // Nothing serves here, nothing is signed, Postgres is the tests' fast one, and its superuser logs in.
  expect(code).toBe(3);
  const expected = ['audit-not-signed', 'login-is-superuser', 'postgres-may-lose-commits', 'model-not-written'];
  expect(ids.filter((id) => !['no-projector', 'no-sealer'].includes(id)).sort()).toEqual([...expected].sort());
});

test('the doctor sees who projects, and what is parked', async () => {
  await world.addTenant('acme', 'rcm');
  await world.settle();
  await world.sql(
    `insert into sync.outbox (tenant_id, kind, a, parked_at, retry_at, last_error)
     values ('acme', 'profile', 'somebody', now(), now() + interval '1 hour', 'refused by the test')`,
  );
  const { code, ids } = await doctor();
  expect(code).toBe(3);
  expect(ids).toContain('entries-parked');
  expect(ids).not.toContain('no-projector');
});

test('outbox list shows what is parked and why; retry makes it due, and a dry run does not', async () => {
  const listed = await sync('outbox list', { parked: true, tenant: 'acme' });
  expect(listed.code).toBe(3);
  expect(listed.lines.join('\n')).toContain('acme profile somebody  parked: refused by the test');
  const due = async (): Promise<boolean> => {
    const [row] = await world.sql<{ due: boolean }>(
      `select count(*) = 0 or bool_and(retry_at <= clock_timestamp()) as due from sync.outbox where parked_at is not null`,
    );
    return row?.due === true;
  };
  expect((await sync('outbox retry', { 'dry-run': true })).lines).toEqual(['1 parked entries would be tried again']);
  expect(await due()).toBe(false);
  expect((await sync('outbox retry', { tenant: 'another' })).lines).toEqual([
    '0 parked entries will be tried again now',
  ]);
  expect((await sync('outbox retry', { json: true })).lines).toEqual(['{"entries":1,"dryRun":false}']);
  expect(await due()).toBe(true);
  // The key is sound: the projector applies it, and nothing is parked any more.
  await expect.poll(async () => (await sync('outbox list')).code, { timeout: 15_000 }).toBe(0);
});

test('model status says whether the store has this version’s model', async () => {
  expect((await sync('model status')).code).toBe(3);
  await world.pool('bailiwick_sync').transaction((tx) =>
    tx.query({
      text: `insert into sync.model (store_id, model_id, hash) values ($1, $2, $3)`,
      values: [world.storeId, world.modelId, modelHash],
    }),
  );
  const { code, lines } = await sync('model status', { json: true });
  expect(code).toBe(0);
  expect(JSON.parse(lines.join(''))).toMatchObject({ modelId: world.modelId, status: 'in the store' });
  expect((await doctor()).ids).not.toContain('model-not-written');
});

test('store ensure finds the same store again, and writes its id down', async () => {
  const ids: string[] = [];
  const file = join(folder, 'store-id');
  const engine = { url: world.engineUrl };
  const name = `ensured-${world.storeId.slice(-8)}`;
  expect(await runStoreEnsure(engine, { name, file }, (line) => ids.push(line))).toBe(0);
  await runStoreEnsure(engine, { name, file: undefined }, (line) => ids.push(line));
  expect(new Set(ids).size).toBe(1);
  expect(await readFile(file, 'utf8')).toBe(`${String(ids[0])}\n`);
});

test('the doctor names what cannot be reached, is not there, or was never migrated', async () => {
  const other = `${new URL(world.databaseUrl).pathname.slice(1)}_empty`;
  const empty = world.databaseUrl.replace(/\/[^/?]+(\?|$)/, `/${other}$1`);
  await runSql(world.databaseUrl, [`create database ${other} template template0`]);
  try {
    expect(await doctor({ DATABASE_URL: empty })).toMatchObject({
      code: 3,
      ids: expect.arrayContaining(['schema-behind']) as string[],
    });
  } finally {
    await runSql(world.databaseUrl, [`drop database ${other} with (force)`]);
  }
  expect((await doctor({ DATABASE_URL: empty })).ids).toContain('database-absent');
  expect((await doctor({ DATABASE_URL: 'postgres://nobody:hunter2@127.0.0.1:1/none' })).ids).toContain(
    'database-unreachable',
  );
  expect((await doctor({ BAILIWICK_OPENFGA_URL: 'http://127.0.0.1:1' })).ids).toContain('engine-unreachable');
  expect((await doctor({ BAILIWICK_OPENFGA_STORE_ID: '0'.repeat(26) })).ids).toContain('store-absent');
  expect((await doctor({ BAILIWICK_AUDIT_CHECKPOINT_FILE: '/proc/nowhere/x' })).ids).toContain(
    'checkpoint-file-not-writable',
  );
  const incomplete = await doctor({ BAILIWICK_OPENFGA_URL: '', BAILIWICK_PORT: 'x' });
  expect(incomplete).toMatchObject({ code: 3, ids: ['settings-incomplete', 'settings-incomplete'] });
});

test('the doctor names a schema that lacks what a later migration makes, and a login that has no role', async () => {
  const login = `plain_${world.storeId.slice(-8).toLowerCase()}`;
  await world.superSql(
    `create role ${login} login password 'plain'`,
    'alter table identity.mailer rename to mailer_away',
  );
  try {
    const { text } = await doctor();
    expect(text).toContain('the database lacks identity.mailer');
    const url = new URL(world.databaseUrl);
    url.username = login;
    url.password = 'plain';
    expect((await doctor({ DATABASE_URL: url.href })).ids).toContain('role-not-granted');
  } finally {
    await world.superSql('alter table identity.mailer_away rename to mailer', `drop role ${login}`);
  }
});

test('`keys` says what signs, and makes the next one, with the service’s own secret', async () => {
  const run = async (name: string, options: Partial<KeyOptions> = {}): Promise<Printed> => {
    const lines: string[] = [];
    const config = { databaseUrl: world.databaseUrl, signingSecret: 's'.repeat(32) };
    const output = { print: (line: string) => void lines.push(line), log: quiet };
    const code = await findKeyCommand(name)?.(config, { json: true, now: false, 'dry-run': false, ...options }, output);
    return { code: code ?? -1, lines };
  };
  const list = async (): Promise<{ kid: string; state: string }[]> =>
    (JSON.parse((await run('keys list')).lines.join('')) as { keys: { kid: string; state: string }[] }).keys;
  expect(await list()).toEqual([]);
  expect((await run('keys rotate', { 'dry-run': true, json: false })).lines).toEqual([
    'would make a key that signs in an hour; tokens of the others count until they end',
  ]);
  expect(await list()).toEqual([]);
  await run('keys rotate', { now: true });
  await run('keys rotate');
  expect((await list()).map(({ state }) => state)).toEqual(['next', 'signs']);
  const { lines } = await run('keys rotate', { now: true, json: false });
  const left = await list();
  expect(left.map(({ state }) => state)).toEqual(['signs']);
  expect(lines.join('')).toMatch(new RegExp(`^${left[0]?.kid ?? ''} signs from .*Z$`));
  expect(findKeyCommand('keys eat')).toBeUndefined();
});
