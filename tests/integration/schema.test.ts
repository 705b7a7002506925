/** The shape of the database: the golden dump, the house's names, and that triggers and projection speak of the same tables. */
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { isId } from '../../src/shared/ids.js';
import { KEY_KINDS } from '../../src/sync/projection.js';
import { dumpSchema } from '../support/schema-dump.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';

const GOLDEN = fileURLToPath(new URL('../support/schema.sql', import.meta.url));

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(async () => {
  await world.end();
});

async function rows<Row>(text: string): Promise<Row[]> {
  return (await world.pool(undefined).transaction((tx) => tx.query<Row>({ text }))).rows;
}

test('the schema is the golden dump', async () => {
  const dump = await dumpSchema(world.pool(undefined));
  if (process.env['UPDATE_GOLDEN'] !== undefined) await writeFile(GOLDEN, dump);
  expect(dump).toBe(await readFile(GOLDEN, 'utf8'));
});

test('the golden dump sees a change: a dropped constraint, a policy, a grant, a function body', async () => {
  const other = await createWorld();
  try {
    const before = await dumpSchema(other.pool(undefined));
    const changes = [
      'alter table security.role drop constraint chk_role_description',
      'drop policy p_sync on security.role',
      'grant update on sync.applied to bailiwick_service',
      `create or replace function security.in_scope(tenant_id text) returns boolean language sql stable parallel safe
         return tenant_id = current_setting('bailiwick.tenant_id', true)`,
      'alter table security.role no force row level security',
      'alter table security.role disable trigger trg_capture_update',
    ];
    let last = before;
    for (const change of changes) {
      await other.superSql(change);
      const next = await dumpSchema(other.pool(undefined));
      expect(next, change).not.toBe(last);
      last = next;
    }
  } finally {
    await other.end();
  }
});

const PREFIXES: Record<string, string> = { p: 'pk_', f: 'fk_', u: 'uq_', c: 'chk_' };

test('every constraint and index of ours has a name of the house', async () => {
  const misnamed = async (): Promise<string[]> => {
    const constraints = await rows<{ name: string; type: string }>(`
      select o.conname as name, o.contype as type from pg_constraint o
        join pg_class c on c.oid = o.conrelid join pg_namespace n on n.oid = c.relnamespace
      where n.nspname in ('identity', 'security', 'audit', 'sync') and not c.relispartition
        and o.contype in ('p', 'f', 'u', 'c')`);
    const indexes = await rows<{ name: string }>(`
      select i.relname as name from pg_index x join pg_class i on i.oid = x.indexrelid
        join pg_class c on c.oid = x.indrelid join pg_namespace n on n.oid = c.relnamespace
      where n.nspname in ('identity', 'security', 'audit', 'sync') and not c.relispartition
        and not exists (select from pg_constraint o where o.conindid = i.oid)`);
    expect(constraints.length).toBeGreaterThan(30);
    return [
      ...constraints.filter(({ name, type }) => !name.startsWith(PREFIXES[type] ?? '?')),
      ...indexes.filter(({ name }) => !/^(ix|uq)_/.test(name)),
    ].map(({ name }) => name);
  };
  expect(await misnamed()).toEqual([]);
  await world.superSql('create table sync.guard_of_names (id int primary key)');
  expect(await misnamed()).toEqual(['guard_of_names_pkey']);
  await world.superSql('drop table sync.guard_of_names');
});

test('the access action is checked as the requirement prints it', async () => {
  const [check] = await rows<{ definition: string }>(
    `select pg_get_constraintdef(oid) as definition from pg_constraint where conname = 'chk_access_action'`,
  );
  expect(check?.definition).toBe(
    `CHECK ((access_action = ANY (ARRAY['READ'::text, 'WRITE'::text, 'DELETE'::text, 'EXPORT'::text, 'PRINT'::text])))`,
  );
  const migration = await readFile(new URL('../../migrations/0004_audit.sql', import.meta.url), 'utf8');
  expect(migration).toContain(
    `constraint chk_access_action check (access_action in ('READ', 'WRITE', 'DELETE', 'EXPORT', 'PRINT'))`,
  );
});

describe('capture and projection speak of the same tables', () => {
  /** The table whose rows give a kind of key its name. */
  const TABLE_OF: Record<(typeof KEY_KINDS)[number], string> = {
    tenant: 'identity.tenant',
    platform_admin: 'identity.platform_admin',
    role: 'security.role',
    role_permission: 'security.role_permission',
    user_role: 'security.user_role',
    user_assignment: 'security.user_assignment',
    profile: 'security.app_user',
    record: 'security.record',
  };
  const captured = async (): Promise<string[]> =>
    (
      await rows<{ name: string }>(`
        select n.nspname || '.' || c.relname as name from pg_trigger t
          join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace
          join pg_proc p on p.oid = t.tgfoid
        where p.oid = 'sync.capture'::regproc and t.tgenabled = 'O'
        group by 1 having bit_or(t.tgtype) & 60 = 60 order by 1`)
    ).map(({ name }) => name);

  test('each synced table is captured on insert, update, delete and truncate, and no other table is', async () => {
    expect(await captured()).toEqual(Object.values(TABLE_OF).sort());
  });

  test('a synced table that loses a trigger is missed', async () => {
    const other = await createWorld();
    try {
      await other.superSql('drop trigger trg_capture_truncate on security.record');
      const { rows: left } = await other.pool(undefined).transaction((tx) =>
        tx.query<{ n: number }>({
          text: `select count(*)::int as n from (select tgrelid from pg_trigger where tgfoid = 'sync.capture'::regproc
                   group by tgrelid having bit_or(tgtype) & 60 = 60) t`,
        }),
      );
      expect(left[0]?.n).toBe(KEY_KINDS.length - 1);
    } finally {
      await other.end();
    }
  });

  test('the outbox admits exactly the kinds that the projector knows', async () => {
    const [check] = await rows<{ definition: string }>(
      `select pg_get_constraintdef(oid) as definition from pg_constraint where conname = 'chk_outbox_kind'`,
    );
    const kinds = [...(check?.definition ?? '').matchAll(/'([a-z_]+)'/g)].map(([, kind]) => kind);
    expect(kinds.sort()).toEqual([...KEY_KINDS, 'rebuild', 'stray'].sort());
  });

  test('the sync role reads every synced table', async () => {
    const readable = await rows<{ name: string }>(`
      select t as name from unnest(array['${Object.values(TABLE_OF).join(`','`)}']) t
      where not has_table_privilege('bailiwick_sync', t, 'select')`);
    expect(readable).toEqual([]);
  });
});

test('every trigger and definer function has a fixed search path', async () => {
  const loose = await rows<{ name: string }>(`
    select p.oid::regprocedure::text as name from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where n.nspname in ('identity', 'security', 'audit', 'sync') and p.prosecdef
      and not coalesce('search_path=pg_catalog, pg_temp' = any(p.proconfig), false)`);
  expect(loose).toEqual([]);
});

test('the database refuses the ids that the code refuses, and no others', async () => {
  const hostile = [
    '*',
    'a#member',
    'role:x#assignee',
    'a/b',
    'a b',
    'a\n',
    '',
    'é',
    '😀',
    'a'.repeat(121),
    '.a',
    'a\u202e',
  ];
  const good = ['a', '_', '0', 'a'.repeat(120), 'a@b.c', 'x|y+z=~-.'];
  const judged = await world.sql<{ id: string; valid: boolean }>(
    `select id, security.valid_id(id) as valid from unnest($1::text[]) id`,
    [[...hostile, ...good]],
  );
  expect(judged.filter(({ valid }) => valid).map(({ id }) => id)).toEqual(good);
  expect([...hostile, ...good].filter(isId)).toEqual(good);
});
