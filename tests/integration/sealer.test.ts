/** The sealer on a real Postgres: order, forks, crashes, who is waited for, and what is never signed. */
import { randomUUID } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { createFileSink } from '../../src/audit/checkpoint-sinks.js';
import { isSignedBy, readCheckpoints } from '../../src/audit/checkpoint.js';
import { readBatches } from '../../src/audit/ledger-reader.js';
import { selectHoldUp } from '../../src/audit/ledger-state-store.js';
import { KnownRoots } from '../../src/audit/known-roots.js';
import { emptyLog } from '../../src/audit/ledger.js';
import type { Lane } from '../../src/audit/ledger.js';
import { verifyLog } from '../../src/audit/verify.js';
import type { Verdict } from '../../src/audit/verify.js';
import { PUBLIC_KEY, sealingOf, until } from '../support/sealing.js';
import type { Sealing } from '../support/sealing.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';

let world: World;
let sealing: Sealing;
beforeEach(async () => {
  world = await createWorld();
  sealing = await sealingOf(world);
});
afterEach(async () => {
  await sealing.end();
  await world.end();
});

const ENTRY = `insert into audit.access_log (tenant_id, accessed_entity_type, accessed_entity_id, access_action, purpose)`;
/** Who seals in this database. */
const SEALING_PID = `
  select l.pid from pg_locks l join pg_database d on d.oid = l.database
  where l.locktype = 'advisory' and d.datname = current_database() and l.granted
    and (l.classid::bigint << 32) + l.objid::bigint = 7091407303`;
/** Long enough for a sealer of these tests to do what it must not do. */
const AWHILE_MS = 300;

async function verify(lane: Lane = 'admin'): Promise<Verdict> {
  const [row] = await world.sql<{ origin: string }>(`select origin from audit.ledger where lane = $1`, [lane]);
  const origin = row?.origin ?? '';
  const text = await readFile(sealing.file, 'utf8').catch(() => '');
  const checkpoints = readCheckpoints(text).filter((each) => each.origin === origin);
  expect(checkpoints.filter((each) => !isSignedBy(each, PUBLIC_KEY))).toEqual([]);
  const batches = readBatches((work) => world.pool('bailiwick_operator').transaction(work), {
    lane,
    after: emptyLog(origin),
    withEntries: () => true,
  });
  return await verifyLog(batches, { origin, checkpoints: KnownRoots.of(checkpoints), pruned: [], toEnd: true });
}

describe('sealing', () => {
  test('takes every committed row once, in both lanes, and signs for it', async () => {
    await sealing.start();
    await sealing.write(2_500);
    await sealing.writeDecisions(700);
    await sealing.untilSealed(2_500);
    await sealing.untilSealed(700, 'decision');
    await until(async () => (await sealing.covered()) === 2_500);
    expect(await verify()).toMatchObject({ fault: undefined, verified: 2_500, covered: 2_500 });
    await until(async () => (await verify('decision')).covered === 700);
  });

  test('a checkpoint file on a disk that is full is counted, and holds up no sealing', async () => {
    const before = await sealing.sealed();
    const { metric, sealer } = await sealing.start({ sinks: [createFileSink('/dev/full')] });
    await sealing.write(3);
    await sealing.untilSealed(before + 3);
    await until(async () => (await metric('audit_checkpoint_failures_total{sink="file"}')) > 0);
    await sealer.stop();
  });

  test('a transaction that is rolled back leaves nothing', async () => {
    await sealing.start();
    await sealing.write(3);
    await expect(world.superSql(`${ENTRY} values ('t', 'role', 'gone', 'WRITE', 'p')`, 'select 1/0')).rejects.toThrow();
    await sealing.write(3);
    await sealing.untilSealed(6);
    expect(await sealing.sealed()).toBe(6);
    expect(await world.sql(`select from audit.access_log where accessed_entity_id = 'gone'`)).toEqual([]);
    expect(await verify()).toMatchObject({ fault: undefined, verified: 6 });
  });

  test('waits for a transaction that wrote first and commits last, and says which', async () => {
    const { metric } = await sealing.start();
    await world.pool('bailiwick_operator').transaction(async (tx) => {
      await tx.query({ text: `select pg_current_xact_id()` });
      const { rows } = await tx.query<{ pid: number }>({ text: `select pg_backend_pid() as pid` });
      await sealing.write(5);
      await until(async () => (await metric('audit_seal_lag_seconds{lane="admin"}')) > 0.5);
      expect(await metric('audit_unsealed_rows{lane="admin"}')).toBe(5);
      expect(await sealing.sealed()).toBe(0);
      expect(await world.pool('bailiwick_sync').transaction(selectHoldUp)).toEqual({ pid: rows[0]?.pid, name: 'test' });
    });
    await sealing.untilSealed(5);
    expect(await metric('audit_seal_lag_seconds{lane="admin"}')).toBe(0);
  });

  test('misses no row of a partition that was made by the transaction which wrote it', async () => {
    const { sealer } = await sealing.start({ pollMs: 1 });
    const dayOf = (day: number): string => new Date(Date.UTC(2020, 0, day)).toISOString();
    const days = 30;
    for (let day = 1; day <= days; day += 1) {
      const name = dayOf(day).slice(0, 10).replaceAll('-', '');
      await world.superSql(
        `set local role bailiwick_owner`,
        `select audit.ensure_partition('decision', '${name}', '${dayOf(day)}', '${dayOf(day + 1)}')`,
        `reset role`,
        // Each with rows of the day before, whose partition was there.
        `insert into audit.decision (decision_id, decided_at, api, tenant_id, caller_kind, caller_id, subject_user_id,
           permission, object, answer, source, latency_us, request_id)
         select gen_random_uuid(), greatest(timestamptz '${dayOf(1)}', timestamptz '${dayOf(day)}' - n % 2 * interval '1 day'),
           'check', 't', 'user', 'u', 'u', 'claims.read', 'tenant:t', 'denied', 'engine', n, 'r'
         from generate_series(1, 10) n`,
      );
    }
    await sealing.untilSealed(days * 10, 'decision');
    expect(await verify('decision')).toMatchObject({ fault: undefined, verified: days * 10 });
    expect(sealer.brokenLanes()).toEqual([]);
  });

  test('text that JSON, UTF-8 and Postgres see differently verifies as it is stored', async () => {
    await sealing.start();
    const texts = [
      '\ud800',
      'a\ud800b',
      '\u0001\u001f\u007f',
      '"\\/\b\f\n\r\t',
      '\u2028\ufeff',
      '😀é',
      '',
      '<&>\u00a0',
    ];
    for (const text of texts) {
      await world.pool(undefined).transaction((tx) =>
        tx.query({
          text: `${ENTRY.replace(')', ', details, actor_role)')} values ('t', 'role', $1, 'WRITE', $1, jsonb_build_object('a', $1::text, 'b', null), $1)`,
          values: [text],
        }),
      );
    }
    const refused = world
      .pool(undefined)
      .transaction((tx) => tx.query({ text: `${ENTRY} values ('t', 'role', $1, 'WRITE', 'p')`, values: ['\0'] }));
    await expect(refused).rejects.toThrow(/invalid byte/);
    await sealing.write(1);
    await sealing.untilSealed(texts.length + 1);
    expect(await verify()).toMatchObject({ fault: undefined, verified: texts.length + 1 });
  });
});

describe('several sealers', () => {
  test('never fork, whoever is active, while several writers write', async () => {
    const first = await sealing.start();
    const second = await sealing.start();
    await sealing.start();
    const writers = Array.from({ length: 8 }, async () => {
      for (let turn = 0; turn < 20; turn += 1) await sealing.write(1 + (turn % 7));
    });
    await until(async () => (await sealing.sealed()) > 50);
    await first.sealer.stop();
    await Promise.all(writers);
    await second.sealer.stop();
    const [row] = await world.sql<{ n: number }>(`select count(*)::int as n from audit.access_log`);
    await sealing.untilSealed(row?.n ?? 0);
    expect(await verify()).toMatchObject({ fault: undefined, verified: row?.n });
    const [dense] = await world.sql<object>(
      `select bool_and(s.first_seq = s.was + 1) as dense from
         (select first_seq, lag(last_seq, 1, 0) over (order by batch) as was from audit.seal where lane = 'admin') s`,
    );
    expect(dense).toEqual({ dense: true });
  });

  test('a fork is refused by the database', async () => {
    await sealing.start();
    await sealing.write(3);
    await sealing.untilSealed(3);
    const fork = (batch: number, firstSeq: number): Promise<void> =>
      world.superSql(`insert into audit.seal (lane, batch, first_seq, last_seq, last_xid, last_id, prev, head, root, frontier, leaves, first_at, last_at)
        select lane, ${String(batch)}, ${String(firstSeq)}, ${String(firstSeq)} + last_seq - first_seq, last_xid, last_id, prev, head, root, frontier, leaves, now(), now()
        from audit.seal where lane = 'admin' order by batch limit 1`);
    await expect(fork(1, 9)).rejects.toThrow(/pk_seal/);
    await expect(fork(9, 1)).rejects.toThrow(/uq_seal_first_seq/);
    await expect(fork(9, 9)).rejects.toThrow(/uq_seal_prev/);
  });
});

describe('what is never signed', () => {
  test.each([
    [
      'an altered row',
      [`update audit.access_log set purpose = 'q' where id = (select min(id) + 4 from audit.access_log)`],
    ],
    ['a row taken away', [`delete from audit.access_log where id = (select min(id) + 4 from audit.access_log)`]],
  ])('%s, found by the process that sealed it', async (_, statements) => {
    const { sealer, metric } = await sealing.start();
    await sealing.write(10);
    await until(async () => (await sealing.covered()) === 10);
    await sealing.tamper(...statements);
    await until(() => Promise.resolve(sealer.brokenLanes().includes('admin')));
    expect(await metric('audit_chain_broken{lane="admin"}')).toBe(1);
    await sealing.write(10);
    await until(async () => (await metric('audit_unsealed_rows{lane="admin"}')) === 0);
    await new Promise((resolve) => setTimeout(resolve, AWHILE_MS));
    expect(await sealing.covered()).toBe(10);
    expect((await verify()).fault).toBeDefined();
  });

  test('what was found broken, when the connection is lost and sealing is taken up again', async () => {
    // More than the rows that are compared when a log is taken up.
    const rows = 12_000;
    const { sealer, metric } = await sealing.start();
    await sealing.write(rows);
    await sealing.untilCovered(rows);
    await sealing.tamper(
      `update audit.access_log set purpose = 'q' where id = (select min(id) + 4 from audit.access_log)`,
    );
    await until(() => Promise.resolve(sealer.brokenLanes().includes('admin')));
    await sealing.write(1);
    await sealing.untilSealed(rows + 1);
    const sealingPid = async (): Promise<number | undefined> => (await world.sql<{ pid: number }>(SEALING_PID))[0]?.pid;
    const pid = await sealingPid();
    await world.superSql(`select pg_terminate_backend(${String(pid)})`);
    await until(async () => ![undefined, pid].includes(await sealingPid()));
    await sealing.write(1);
    await sealing.untilSealed(rows + 2);
    await new Promise((resolve) => setTimeout(resolve, AWHILE_MS));
    expect(await sealing.covered()).toBe(rows);
    expect(sealer.brokenLanes()).toEqual(['admin']);
    expect(await metric('audit_chain_broken{lane="admin"}')).toBe(1);
  });

  test('seals taken away: the rows are sealed again to the same root, which the next process signs', async () => {
    const { sealer } = await sealing.start();
    await sealing.write(10);
    await until(async () => (await sealing.covered()) === 10);
    await sealing.tamper(`delete from audit.seal where lane = 'admin'`);
    await until(() => Promise.resolve(sealer.brokenLanes().includes('admin')));
    await sealing.write(10);
    await sealing.untilSealed(20);
    expect(await sealing.covered()).toBe(10);
    await sealer.stop();
    expect(await verify()).toMatchObject({ fault: undefined, verified: 20, covered: 10 });
    await sealing.start();
    await until(async () => (await sealing.covered()) === 20);
  });

  test('a log rewritten with its hashes and its notes, found by the next process from the file outside', async () => {
    const { sealer } = await sealing.start();
    await sealing.write(10);
    await until(async () => (await sealing.covered()) === 10);
    await sealer.stop();
    const before = await readFile(sealing.file, 'utf8');
    await sealing.tamper(
      `update audit.access_log set purpose = 'q' where id = (select min(id) + 4 from audit.access_log)`,
      `delete from audit.seal`,
      `delete from audit.checkpoint`,
    );
    // Sealed again by a sealer that does not know the file: a log that is whole in itself.
    const forger = await sealing.start({ sinks: [], key: undefined });
    await sealing.untilSealed(10);
    await forger.sealer.stop();
    const next = await sealing.start();
    await until(() => Promise.resolve(next.sealer.brokenLanes().includes('admin')));
    await sealing.write(1);
    await sealing.untilSealed(11);
    await new Promise((resolve) => setTimeout(resolve, AWHILE_MS));
    expect(await readFile(sealing.file, 'utf8')).toBe(before);
    expect((await verify()).fault?.what).toMatch(/not those of the checkpoint at 10/);
    await writeFile(sealing.file, '');
    expect((await verify()).fault, 'without the checkpoint nothing shows').toBeUndefined();
  });

  test('a database of before the last checkpoint of the file, at every start until the file is put aside', async () => {
    const { sealer } = await sealing.start();
    await sealing.write(10);
    await until(async () => (await sealing.covered()) === 10);
    await sealer.stop();
    await sealing.tamper(
      `delete from audit.access_log where id > (select min(id) + 4 from audit.access_log)`,
      `delete from audit.seal`,
      `delete from audit.checkpoint`,
    );
    for (let turn = 0; turn < 2; turn += 1) {
      const again = await sealing.start();
      await until(() => Promise.resolve(again.sealer.brokenLanes().includes('admin')));
      await again.sealer.stop();
    }
    await rename(sealing.file, `${sealing.file}.before-restore`);
    const next = await sealing.start();
    await until(async () => (await sealing.covered()) === 5);
    expect(next.sealer.brokenLanes()).toEqual([]);
    expect(await verify()).toMatchObject({ fault: undefined, verified: 5, covered: 5 });
  });

  test('nothing is left out of a file that is new: it begins with what the database remembers', async () => {
    const { sealer } = await sealing.start();
    await sealing.write(10);
    await until(async () => (await sealing.covered()) === 10);
    await sealer.stop();
    await rename(sealing.file, `${sealing.file}.aside`);
    await sealing.start();
    await until(async () => (await verify()).covered === 10);
  });

  test('a checkpoint that a process kept outside, and ended before it was in the database, is in both', async () => {
    const { sealer } = await sealing.start();
    await sealing.write(10);
    await until(async () => (await sealing.covered()) === 10);
    await sealer.stop();
    await sealing.tamper(`delete from audit.checkpoint`);
    await sealing.start();
    await until(async () => (await sealing.covered()) === 10);
    expect(await verify()).toMatchObject({ covered: 10, fault: undefined });
  });

  test('a log sealed anew under another name, found by the next process from the file outside', async () => {
    const { sealer } = await sealing.start();
    await sealing.write(10);
    await until(async () => (await sealing.covered()) === 10);
    await sealer.stop();
    const before = await readFile(sealing.file, 'utf8');
    await sealing.tamper(
      `update audit.access_log set purpose = 'q' where id = (select min(id) + 4 from audit.access_log)`,
      `delete from audit.seal`,
      `delete from audit.checkpoint`,
      `update audit.ledger set origin = 'bailiwick/renamed/' || lane`,
    );
    const next = await sealing.start();
    await until(() => Promise.resolve(next.sealer.brokenLanes().includes('admin')));
    expect(await next.metric('audit_chain_broken{lane="admin"}')).toBe(1);
    await sealing.untilSealed(10);
    await new Promise((resolve) => setTimeout(resolve, AWHILE_MS));
    expect(await sealing.covered()).toBe(0);
    expect(await readFile(sealing.file, 'utf8')).toBe(before);
  });

  test('a log that was renamed and nothing else, by the note that the database remembers', async () => {
    const { sealer } = await sealing.start({ sinks: [] });
    await sealing.write(10);
    await until(async () => (await sealing.covered()) === 10);
    await sealer.stop();
    await sealing.tamper(`update audit.ledger set origin = 'bailiwick/renamed/' || lane`);
    await sealing.write(1);
    const next = await sealing.start({ sinks: [] });
    await until(() => Promise.resolve(next.sealer.brokenLanes().includes('admin')));
    await sealing.untilSealed(11);
    await new Promise((resolve) => setTimeout(resolve, AWHILE_MS));
    expect(await sealing.covered()).toBe(10);
  });

  test('rows of an older cluster: nothing is sealed before them', async () => {
    await world.superSql(
      `insert into audit.access_log (tenant_id, accessed_entity_type, accessed_entity_id, access_action, purpose)
         values ('${randomUUID()}', 'role', 'r', 'WRITE', 'p')`,
    );
    const first = await sealing.start();
    await sealing.untilSealed(1);
    await first.sealer.stop();
    await sealing.tamper(`update audit.seal set last_xid = '9000000000000'`);
    const { sealer } = await sealing.start();
    await until(() => Promise.resolve(sealer.brokenLanes().includes('admin')));
    await sealing.write(1);
    await new Promise((resolve) => setTimeout(resolve, AWHILE_MS));
    expect(await sealing.sealed()).toBe(1);
  });
});
