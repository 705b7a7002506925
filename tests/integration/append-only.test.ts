/** What was written down is changed by nobody, the superuser included, as long as the triggers stand. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';

let world: World;
beforeAll(async () => {
  world = await createWorld();
  await world.superSql(
    `insert into identity.tenant_audit (tenant_id, event_type) values ('t', 'CREATED')`,
    `insert into audit.access_log (tenant_id, accessed_entity_type, accessed_entity_id, access_action, purpose, accessed_at)
       select 't', 'role', 'r', 'WRITE', 'x', at from unnest(array[now(), timestamptz '2000-01-01 00:00:00+00']) at`,
    `select audit.ensure_decision_partitions(1)`,
    `insert into audit.decision (decision_id, decided_at, api, tenant_id, caller_kind, caller_id, subject_user_id,
         permission, object, answer, source, latency_us, request_id)
       select gen_random_uuid(), at, 'check', 't', 'user', 'u', 'u', 'claims.read', 'tenant:t', 'denied', 'engine', 1, 'r'
       from unnest(array[now(), timestamptz '2000-01-01 00:00:00+00']) at`,
  );
});
afterAll(() => world.end());

async function names(parent: string): Promise<string[]> {
  const { rows } = await world
    .pool(undefined)
    .transaction((tx) =>
      tx.query<{ name: string }>({ text: `select relid::text as name from pg_partition_tree('${parent}')` }),
    );
  return rows.map(({ name }) => name);
}

test('neither update, delete, truncate nor a merge passes, on the table or on a partition', async () => {
  const tables = [...(await names('audit.access_log')), ...(await names('audit.decision')), 'identity.tenant_audit'];
  expect(tables.length).toBeGreaterThanOrEqual(10);
  const filled: string[] = [];
  for (const table of tables) {
    await expect(world.superSql(`truncate ${table}`), `truncate ${table}`).rejects.toThrow(/is not changed: truncate/);
    const { rows } = await world
      .pool(undefined)
      .transaction((tx) => tx.query<{ n: number }>({ text: `select count(*)::int as n from ${table}` }));
    if (rows[0]?.n === 0) continue;
    filled.push(table);
    const refused = async (statement: string): Promise<void> =>
      expect(world.superSql(statement), statement).rejects.toThrow(/is not changed: (update|delete)/);
    await refused(`update ${table} set tenant_id = tenant_id`);
    await refused(`delete from ${table}`);
    await refused(`merge into ${table} t using (values (1)) v on true when matched then delete`);
  }
  expect(filled.filter((name) => name.endsWith('_other'))).toEqual(['audit.access_log_other', 'audit.decision_other']);
  expect(filled.length).toBe(7);
});

test('without the trigger it would: the guard is what refuses', async () => {
  const other = await createWorld();
  try {
    await other.superSql(`insert into identity.tenant_audit (tenant_id, event_type) values ('t', 'CREATED')`);
    await other.superSql('alter table identity.tenant_audit disable trigger all', 'truncate identity.tenant_audit');
  } finally {
    await other.end();
  }
});

test('partitions made later refuse too, and writers go on while they are made', async () => {
  const writing = world.pool('bailiwick_operator');
  const before = await names('audit.access_log');
  await writing.transaction(async (tx) => {
    await tx.query({ text: 'select 1' });
    await world.pool(undefined).transaction(async (writer) => {
      await writer.query({
        text: `insert into audit.access_log (tenant_id, accessed_entity_type, accessed_entity_id, access_action, purpose)
                 values ('t', 'role', 'r', 'WRITE', 'x')`,
      });
      // in another transaction, while this one has written and not committed
      await world.superSql('select audit.ensure_access_log_partitions(6)');
    });
  });
  const made = (await names('audit.access_log')).filter((name) => !before.includes(name));
  expect(made.length).toBe(3);
  for (const name of made) {
    await expect(world.superSql(`truncate ${name}`)).rejects.toThrow(/is not changed/);
    await world.superSql(`select audit.ensure_access_log_partitions(6)`);
  }
});

test('an entry keeps the seed’s columns, and gets its place in the order by itself', async () => {
  const [row] = await world.sql<object>(
    `select actor_user_id, access_action, purpose, accessed_at is not null as at, xid is not null as placed
     from audit.access_log where accessed_entity_id = 'r' order by accessed_at desc limit 50`,
  );
  expect(row).toEqual({ actor_user_id: null, access_action: 'WRITE', purpose: 'x', at: true, placed: true });
});
