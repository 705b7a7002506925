/** Retention: what may leave, what stays, and what a verifier can still prove afterwards. */
import { randomBytes } from 'node:crypto';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, expect, inject, test } from 'vitest';

import { readCheckpoints } from '../../src/audit/checkpoint.js';
import type { Checkpoint } from '../../src/audit/checkpoint.js';
import { batchLines, logLine, openExport, prunedLine, tailLine } from '../../src/audit/ledger-file.js';
import { readBatches } from '../../src/audit/ledger-reader.js';
import { emptyLog } from '../../src/audit/ledger.js';
import type { Lane } from '../../src/audit/ledger.js';
import type { InTransaction } from '../../src/audit/ledger-reader.js';
import { listPruned, listUnprovedPrunings } from '../../src/audit/ledger-state-store.js';
import { pruneLane } from '../../src/audit/prune.js';
import type { PruneReport } from '../../src/audit/prune.js';
import { verifyDatabase, verifyExport } from '../../src/audit/verify-ledger.js';
import type { LaneReport } from '../../src/audit/verify-ledger.js';
import { runSql } from '../../src/platform/admin-sql.js';
import { migrate } from '../../src/platform/migrate.js';
import { createPool } from '../../src/platform/postgres.js';
import { urlOf } from '../support/global-stack.js';
import { ENTRY, PUBLIC_KEY, sealingOf, until } from '../support/sealing.js';
import type { Sealing, StartedSealer } from '../support/sealing.js';
import { createWorld, quiet } from '../support/world.js';
import type { World } from '../support/world.js';

let world: World;
let sealing: Sealing;
let started: StartedSealer;
const origins = new Map<Lane, string>();
const run: InTransaction = (work) => world.pool('bailiwick_operator').transaction(work);

const OLD = `timestamptz '2020-01-15 12:00:00+00'`;
const OLDER = `timestamptz '2019-12-31 23:59:59.999999+00'`;

beforeAll(async () => {
  world = await createWorld();
  sealing = await sealingOf(world);
  const months = [
    ['access_log', '201912', '2019-12-01 00:00:00+00', '2020-01-01 00:00:00+00'],
    ['access_log', '202001', '2020-01-01 00:00:00+00', '2020-02-01 00:00:00+00'],
    ['decision', '20200115', '2020-01-15 00:00:00+00', '2020-01-16 00:00:00+00'],
  ];
  await world.superSql(
    `set local role bailiwick_owner`,
    ...months.map((month) => `select audit.ensure_partition('${month.join(`', '`)}')`),
  );
  started = await sealing.start();
  for (const { lane, origin } of await world.sql<{ lane: Lane; origin: string }>(
    `select lane, origin from audit.ledger`,
  ))
    origins.set(lane, origin);
  // Old and new rows in one transaction and in one batch: what leaves is not one piece of the log.
  await sealing.write(7, { at: OLDER });
  await sealing.write(20, { at: `case when n % 3 = 0 then now() else ${OLD} end` });
  await sealing.write(2_100, { at: OLD });
  await sealing.write(5);
  await sealing.writeDecisions(30, `case when n % 2 = 0 then now() else ${OLD} end`);
  await sealing.untilCovered(7 + 20 + 2_100 + 5);
  await sealing.untilCovered(30, 'decision');
}, 60_000);
afterAll(async () => {
  await sealing.end();
  await world.end();
});

async function checkpoints(): Promise<Checkpoint[]> {
  return readCheckpoints(await readFile(sealing.file, 'utf8'));
}

const nameOf = (lane: Lane) => ({ lane, origin: origins.get(lane) ?? '' });

async function prune(lane: Lane, before: string, drop: boolean): Promise<PruneReport[]> {
  return await pruneLane(run, nameOf(lane), {
    before: new Date(before),
    drop,
    checkpoints: await checkpoints(),
    key: PUBLIC_KEY,
  });
}

async function verify(lane: Lane): Promise<LaneReport> {
  return await verifyDatabase(run, nameOf(lane), {
    from: undefined,
    to: undefined,
    checkpoints: await checkpoints(),
    key: PUBLIC_KEY,
  });
}

test('a look drops nothing, and says what could leave', async () => {
  expect(await prune('admin', '2020-02-01', false)).toEqual([
    { lane: 'admin', partition: 'access_log_201912', rows: 7, outcome: 'could be dropped' },
    { lane: 'admin', partition: 'access_log_202001', rows: 14 + 2_100, outcome: 'could be dropped' },
  ]);
  expect(await prune('admin', '2020-01-31', false)).toHaveLength(1);
  expect(await verify('admin')).toMatchObject({ fault: undefined, pruned: 0 });
});

test('the database itself refuses what is not covered, not whole, or not a partition', async () => {
  const call = (lane: string, partition: string, seqs: string): Promise<unknown[]> =>
    world.sql(`select audit.prune_partition($1, $2, $3::int8multirange)`, [lane, partition, seqs]);
  await expect(call('admin', 'access_log_201912', '{[1,6]}')).rejects.toThrow(/holds 7 rows, not the 6/);
  await expect(call('admin', 'access_log_other', '{}')).rejects.toThrow(/no partition/);
  await expect(call('admin', 'decision_20200115', '{}')).rejects.toThrow(/no partition/);
  await expect(call('admin', 'seal', '{}')).rejects.toThrow(/no partition/);
  await expect(
    world
      .pool('bailiwick_service')
      .transaction((tx) => tx.query({ text: `select audit.prune_partition('admin', 'x', '{}')` })),
  ).rejects.toThrow(/permission denied/);
});

test('a partition with a row that no checkpoint covers stays', async () => {
  await started.sealer.stop();
  await sealing.write(1, { at: OLD });
  expect(await prune('admin', '2020-02-01', true)).toMatchObject([
    { partition: 'access_log_201912', outcome: 'dropped', rows: 7 },
    { partition: 'access_log_202001', outcome: 'kept', why: 'it holds rows that are not sealed yet' },
  ]);
  const unsigned = await sealing.start({ key: undefined });
  await sealing.untilSealed(7 + 20 + 2_100 + 5 + 2);
  expect(await prune('admin', '2020-02-01', true)).toMatchObject([
    { outcome: 'kept', why: expect.stringMatching(/^no checkpoint covers/) as string },
  ]);
  await unsigned.sealer.stop();
  started = await sealing.start();
  await sealing.untilCovered(7 + 20 + 2_100 + 5 + 2);
});

test('what left is an entry, what stayed verifies, and an archive of what left still does', async () => {
  const path = `${sealing.file}.export`;
  const archive = [logLine(nameOf('admin'), emptyLog(nameOf('admin').origin))];
  for (const range of await run((tx) => listPruned(tx, 'admin'))) archive.push(prunedLine(range));
  const batches = readBatches(run, { lane: 'admin', after: emptyLog(nameOf('admin').origin), withEntries: () => true });
  for await (const batch of batches) archive.push(...batchLines(batch));
  await writeFile(path, [...archive, tailLine(0)].join('\n'));

  expect(await prune('admin', '2020-02-01', true)).toMatchObject([{ outcome: 'dropped', rows: 14 + 2_100 + 1 }]);
  expect(await prune('decision', '2020-02-01', true)).toMatchObject([{ outcome: 'dropped', rows: 15 }]);
  const entries = await world.sql<object>(
    `select accessed_entity_id as id, access_action as action, details->>'rows' as rows from audit.access_log
     where purpose like 'audit.prune:%' order by id`,
  );
  expect(entries).toEqual([
    { id: 'access_log_201912', action: 'DELETE', rows: '7' },
    { id: 'access_log_202001', action: 'DELETE', rows: String(14 + 2_100 + 1) },
    { id: 'decision_20200115', action: 'DELETE', rows: '15' },
  ]);
  await until(async () => (await verify('admin')).covered === 7 + 20 + 2_100 + 5 + 4);
  expect(await verify('admin')).toMatchObject({ fault: undefined, pruned: 7 + 14 + 2_100 + 1, verified: 6 + 5 + 3 });
  expect(await verify('decision')).toMatchObject({ fault: undefined, pruned: 15, verified: 15 });
  expect(started.sealer.brokenLanes()).toEqual([]);

  const wanted = { from: undefined, to: 7 + 20 + 2_100 + 5, checkpoints: await checkpoints(), key: PUBLIC_KEY };
  expect(await verifyExport(path, { ...wanted, allowPruned: true })).toMatchObject({ fault: undefined, pruned: 7 });
  expect((await openExport(path)).pruned).toMatchObject([{ from: 1, to: 7 }]);
});

const untilSettled = (): Promise<void> =>
  until(async () => {
    const { covered, size, unsealed } = await verify('admin');
    return covered === size && unsealed === 0;
  });

test('the entry of a pruning may leave, too: that of its own pruning says what it said', async () => {
  const thisMonth = `access_log_${new Date().toISOString().slice(0, 7).replace('-', '')}`;
  // As if it had gone on past the end of a month.
  await sealing.tamper(`update audit.pruned set pruned_at = pruned_at + interval '1 month' where lane = 'decision'`);
  await untilSettled();
  const left = await prune('admin', '2100-01-01', true);
  expect(left[0]).toMatchObject({ partition: thisMonth, outcome: 'dropped' });
  await untilSettled();
  expect(await verify('admin')).toMatchObject({ fault: undefined, pruned: 7 + 20 + 2_100 + 5 + 4 });
  expect(await verify('decision')).toMatchObject({ fault: undefined, pruned: 15 });
  const [said] = await world.sql<{ carried: object }>(
    `select details->'carried' as carried from audit.access_log where purpose = 'audit.prune:' || $1`,
    [thisMonth],
  );
  const [gone] = await world.sql<{ admin: string; decision: string }>(
    `select (select range_agg(s)::text from audit.pruned p cross join lateral unnest(p.seqs) s
             where p.lane = 'admin' and p.partition < $1) as admin,
            (select p.seqs::text from audit.pruned p where p.lane = 'decision') as decision`,
    [thisMonth],
  );
  expect(said?.carried).toEqual(gone);
});

test('a removal that poses as a pruning is found, whatever it says of when it was and of what names it', async () => {
  await sealing.write(1);
  await untilSettled();
  const last = await sealing.sealed();
  await sealing.tamper(
    `delete from audit.access_log where id = (select max(id) from audit.access_log where purpose = 'p')`,
    // in a month whose entries have left since
    `insert into audit.pruned (lane, partition, seqs, entry_id, pruned_at)
       values ('admin', 'access_log_202002', '{[${String(last)},${String(last)}]}', 1, date_trunc('month', now(), 'UTC'))`,
    // an entry that would never be sealed
    `insert into audit.access_log (xid, tenant_id, accessed_entity_type, accessed_entity_id, access_action, purpose, details)
       values ('${String(2n ** 62n)}', 'platform', 'audit_partition', 'access_log_202002', 'DELETE', 'audit.prune:access_log_202002',
               '{"lane": "admin", "seqs": "{[${String(last)},${String(last)}]}"}')`,
  );
  expect((await verify('admin')).fault?.what).toMatch(/access_log_202002, and no entry of the access log says so/);
});

test('writers and readers of the log go on while the rows of what leaves are counted', async () => {
  const month = 'access_log_201911';
  await world.migrationSql(
    `select audit.ensure_partition('access_log', '201911', '2019-11-01 00:00:00+00', '2019-12-01 00:00:00+00')`,
    `alter function audit.prune_partition set lock_timeout = '30s'`,
  );
  const superuser = world.pool(undefined);
  const waiting = async (): Promise<boolean> => {
    const { rows } = await superuser.transaction((tx) =>
      tx.query({
        text: `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
                 and query like 'select audit.prune_partition%'`,
      }),
    );
    return rows.length === 1;
  };
  let pruning: Promise<unknown> = Promise.resolve();
  await superuser.transaction(async (holder) => {
    // A lock on an index of it alone, which counting needs and nobody else.
    await holder.query({ text: `alter index audit.${month}_pkey set tablespace pg_default` });
    pruning = world.sql(`select audit.prune_partition('admin', $1, '{}')`, [month]);
    pruning.catch(() => undefined);
    await until(waiting);
    await world.superSql(
      `set local lock_timeout = '1s'`,
      `${ENTRY} select 't', 'role', 'r', 'WRITE', 'meanwhile', now()`,
      `select count(*) from audit.access_log where accessed_at > '2020-02-01'`,
    );
    expect(await waiting()).toBe(true);
  });
  await pruning;
  expect(await world.sql(`select to_regclass($1) as there`, [`audit.${month}`])).toEqual([{ there: null }]);
});

test('a log that was pruned before entries said so names once what has lost its entry', async () => {
  const migrations = fileURLToPath(new URL('../../migrations', import.meta.url));
  const older = await mkdtemp(join(tmpdir(), 'bailiwick-migrations-'));
  await cp(migrations, older, { recursive: true, filter: (path) => !/\/00(3[89]|[4-9]).*\.sql$/.test(path) });
  const stack = inject('stack');
  const name = `test_${randomBytes(6).toString('hex')}`;
  await runSql(urlOf(stack, 'postgres'), [`create database ${name}`]);
  const superuser = createPool(
    { url: urlOf(stack, name), role: undefined, max: 1, applicationName: 'test' },
    () => undefined,
  );
  try {
    await migrate(urlOf(stack, name), older, quiet);
    await superuser.transaction((tx) =>
      tx.query({
        text: `insert into audit.pruned (lane, partition, seqs, entry_id, pruned_at) values
          ('decision', 'decision_20190101', '{[1,3]}', 1, '2019-12-01 00:00:01+00'),
          ('decision', 'decision_20190102', '{[4,5],[7,8]}', 2, '2019-11-02 00:00:00+00'),
          ('admin', 'access_log_201911', '{[1,2]}', 3, '2020-12-01 00:00:00+00'),
          ('decision', 'decision_20200101', '{[6,6]}', 4, '2021-01-01 12:00:00+00')`,
      }),
    );
    await migrate(urlOf(stack, name), migrations, quiet);
    const { rows } = await superuser.transaction((tx) =>
      tx.query<{ details: object }>({
        text: `select details from audit.access_log where accessed_entity_type = 'audit_partition'`,
      }),
    );
    expect(rows).toEqual([{ details: { carried: { decision: '{[1,6),[7,9)}' } } }]);
    const unproved = async (lane: Lane): Promise<string[]> =>
      (await superuser.transaction((tx) => listUnprovedPrunings(tx, lane))).map(({ partition }) => partition);
    expect(await unproved('decision')).toEqual(['decision_20200101']);
    expect(await unproved('admin')).toEqual(['access_log_201911']);
  } finally {
    await superuser.end();
    await runSql(urlOf(stack, 'postgres'), [`drop database ${name} with (force)`]);
    await rm(older, { recursive: true });
  }
});
