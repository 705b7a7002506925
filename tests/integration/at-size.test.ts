/**
 * Statements read as much as they find: what other tenants, people and entries there are does not make them slower.
 *
 * Rows that a plan touches are counted, as `explain (analyze)` tells them, and never time: a table that is read whole
 * would show in any run.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';

import type { Tx } from '../../src/platform/postgres.js';
import { listOrigins } from '../../src/rbac/effective-store.js';
import { listAffected } from '../../src/rbac/permission-set-store.js';
import { findRole, listHolders } from '../../src/rbac/role-store.js';
import { listAssignments } from '../../src/rbac/user-role-store.js';
import { selectFeed } from '../../src/sync/gate-store.js';
import { glance } from '../../src/sync/outbox-store.js';
import { createWorld, roleId } from '../support/world.js';
import type { World } from '../support/world.js';

const TENANTS = 20;
const PEOPLE = 20_000;
const ENTRIES = 60_000;
/** What a look of one tenant may touch: its own people, a few times at most, and no table whole. */
const LOOK_MAX = (5 * PEOPLE) / TENANTS;
/** Of `t1`: the custom role that three have, by one of them alone. */
const RARE = 't1.rare';

let world: World;
beforeAll(async () => {
  world = await createWorld();
  for (let n = 1; n <= TENANTS; n += 1) await world.addTenant(`t${String(n)}`, 'rcm');
  // As many rows come by a restore, without the triggers that would project them.
  await world.superSql(
    `set local session_replication_role = replica`,
    `insert into security.role (id, tenant_id, name) values ('${RARE}', 't1', 'RARE')`,
    `insert into security.role_permission (role_id, permission_id, tenant_id) values ('${RARE}', 'claims.read', 't1')`,
    `insert into security.app_user (id, tenant_id, email)
       select 'u' || n, 't' || 1 + n % ${String(TENANTS)}, 'u' || n || '@example.com'
       from generate_series(1, ${String(PEOPLE)}) n`,
    `insert into security.user_role (id, user_id, role_id, tenant_id)
       select 'a' || u.id, u.id, u.tenant_id || '.biller', u.tenant_id from security.app_user u`,
    `insert into security.user_role (id, user_id, role_id, tenant_id)
       select 'r' || u.id, u.id, '${RARE}', 't1' from security.app_user u where u.id in ('u20', 'u40', 'u60')`,
    `insert into security.user_role (id, user_id, role_name) values ('g', 'u80', 'RCM_ANALYST')`,
    `insert into sync.outbox (tenant_id, kind, a, b, prior, rank, queued_at)
       select 't' || 1 + n % ${String(TENANTS)}, 'user_role', 'u' || n, 'x', '{}', 2, now() - interval '1 hour'
       from generate_series(1, ${String(ENTRIES)}) n`,
  );
  await world.superSql('analyze');
});
afterAll(() => world.end());

interface Plan {
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Rows Removed by Join Filter'?: number;
  readonly 'Rows Removed by Index Recheck'?: number;
  readonly Plans?: readonly Plan[];
}

function touched(plan: Plan): number {
  const rows =
    plan['Actual Rows'] +
    (plan['Rows Removed by Filter'] ?? 0) +
    (plan['Rows Removed by Join Filter'] ?? 0) +
    (plan['Rows Removed by Index Recheck'] ?? 0);
  return (plan.Plans ?? []).reduce((sum, part) => sum + touched(part), rows * plan['Actual Loops']);
}

/** Runs statements of a store as they are, and counts the rows that their plans touch. */
async function rowsTouched(
  role: 'bailiwick_service' | 'bailiwick_sync',
  run: (tx: Tx) => Promise<unknown>,
): Promise<number> {
  let sum = 0;
  await world.pool(role).transaction(
    async (tx) => {
      const explained = {
        async query(statement: { text: string; values?: readonly unknown[] }) {
          const { text, values } = statement;
          const { rows } = await tx.query<{ 'QUERY PLAN': readonly [{ Plan: Plan }] }>({
            text: `explain (analyze, format json) ${text}`,
            ...(values === undefined ? {} : { values }),
          });
          sum += touched(rows[0]?.['QUERY PLAN'][0].Plan ?? { 'Actual Rows': Infinity, 'Actual Loops': 1 });
          return await tx.query(statement);
        },
      };
      // A transaction is made by a pool alone, and this one hands all on to it.
      await run(explained as unknown as Tx);
    },
    { settings: { 'bailiwick.tenant_id': 't1' } },
  );
  return sum;
}

const at = new Date();
const set = { tenantId: 't1', added: ['denials.read'], removed: ['claims.read'] };
test.each<[string, (tx: Tx) => Promise<unknown>]>([
  ['a custom role', (tx) => findRole(tx, 't1', RARE)],
  ['a preset’s role that few have', (tx) => findRole(tx, 't1', roleId('t1', 'RCM_ANALYST'))],
  ['who has a custom role', (tx) => listHolders(tx, { tenantId: 't1', roleId: RARE, after: '', limit: 51 })],
  [
    'who has a preset’s role',
    (tx) => listHolders(tx, { tenantId: 't1', roleId: roleId('t1', 'RCM_ANALYST'), after: '', limit: 51 }),
  ],
  ['what somebody has', (tx) => listAssignments(tx, { tenantId: 't1', userId: 'u80', limit: 500 })],
  ['why they may', (tx) => listOrigins(tx, { tenantId: 't1', userId: 'u80', at })],
  ['whom a permission set concerns', (tx) => listAffected(tx, { ...set, roleId: RARE, limit: 100 })],
])('%s', async (_name, run) => {
  expect(await rowsTouched('bailiwick_service', run)).toBeLessThan(LOOK_MAX);
});

test('a permission set that concerns everybody is read once for each of them', async () => {
  const all = { ...set, roleId: roleId('t1', 'BILLER'), limit: 100 };
  const mine = PEOPLE / TENANTS;
  expect(await rowsTouched('bailiwick_service', (tx) => listAffected(tx, all))).toBeLessThan(mine * 50);
});

test('what waits past the bound, among very many', async () => {
  expect(await rowsTouched('bailiwick_sync', (tx) => selectFeed(tx, '0'))).toBeLessThan(LOOK_MAX);
  expect(await rowsTouched('bailiwick_sync', (tx) => glance(tx))).toBeLessThan(LOOK_MAX);
});

test('what a row takes with it is found by an index, whatever else is in the table', async () => {
  const bare = await world.sql<{ key: string }>(
    `select c.conname || ' of ' || c.conrelid::regclass as key from pg_constraint c
     where c.contype = 'f' and c.conparentid = 0 and not exists (
       select from pg_index i
       where i.indrelid = c.conrelid and i.indkey[0] = any (c.conkey)
         and (i.indpred is null or pg_get_expr(i.indpred, i.indrelid) ~ '^\\(\\w+ IS NOT NULL\\)$'))
     order by 1`,
  );
  expect(bare).toEqual([]);
});
