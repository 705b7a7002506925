/** The ledger in the database and on the command line: hashes computed again in SQL, hands on rows, exports, proofs. */
import { appendFile, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { AUDIT_COMMANDS } from '../../src/audit/audit-commands.js';
import type { AuditOptions } from '../../src/audit/audit-commands.js';
import { createFileSink } from '../../src/audit/checkpoint-sinks.js';
import { publicBytes, readCheckpoints, signCheckpoint } from '../../src/audit/checkpoint.js';
import type { Lane } from '../../src/audit/ledger.js';
import type { InTransaction } from '../../src/audit/ledger-reader.js';
import { listOrigins } from '../../src/audit/seal-store.js';
import { verifyDatabase } from '../../src/audit/verify-ledger.js';
import type { LaneReport } from '../../src/audit/verify-ledger.js';
import { KEY as OTHER_PRIVATE_KEY, PUBLIC_KEY as OTHER_KEY } from '../support/made-log.js';
import { vectors } from '../support/ledger-vectors.js';
import { KEY, PUBLIC_KEY, sealingOf } from '../support/sealing.js';
import type { Sealing } from '../support/sealing.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';

const SAMPLE = process.env['VERIFY'] === undefined ? 40 : 400;
const ENTRIES = 60;

let world: World;
let sealing: Sealing;
beforeAll(async () => {
  world = await createWorld();
  sealing = await sealingOf(world);
  const { sealer } = await sealing.start();
  for (let turn = 1; turn <= 6; turn += 1) {
    await sealing.write(ENTRIES / 6);
    await sealing.writeDecisions(ENTRIES / 6);
    await sealing.untilSealed((turn * ENTRIES) / 6);
    await sealing.untilSealed((turn * ENTRIES) / 6, 'decision');
  }
  await sealing.untilCovered(ENTRIES);
  await sealing.untilCovered(ENTRIES, 'decision');
  await sealer.stop();
  // the tail that nothing covers yet
  await sealing.write(3);
});
afterAll(async () => {
  await sealing.end();
  await world.end();
});

const LANES = { admin: 'audit.access_log', decision: 'audit.decision' } as const;

async function judge(run: InTransaction, lane: Lane, outside = true): Promise<LaneReport> {
  const checkpoints = outside ? readCheckpoints(await readFile(sealing.file, 'utf8')) : undefined;
  const name = (await run(listOrigins)).find((each) => each.lane === lane);
  if (name === undefined) throw new Error('there is no such log');
  return await verifyDatabase(run, name, { from: undefined, to: undefined, checkpoints, key: PUBLIC_KEY });
}

/** What a verifier says after the superuser did this, all of which is undone afterwards. */
async function after(lane: Lane, ...statements: string[]): Promise<LaneReport> {
  let report: LaneReport | undefined;
  const undone = new Error('undone');
  await world
    .pool(undefined)
    .transaction(async (tx) => {
      for (const text of [`set local session_replication_role = replica`, ...statements]) await tx.query({ text });
      report = await judge((work) => work(tx), lane);
      throw undone;
    })
    .catch((error: unknown) => {
      if (error !== undone) throw error;
    });
  if (report === undefined) throw new Error('nothing was said');
  return report;
}

/** One chain, as SQL has it: `texts` are the entries in their order. */
const CHAIN = `
  with recursive chain (seq, hash) as (
    select 0::bigint, sha256(convert_to(E'bailiwick audit ledger v1\\n' || $1::text, 'utf8'))
    union all
    select c.seq + 1, sha256('\\x00'::bytea || c.hash || int8send(c.seq + 1)
                             || int4send(octet_length(convert_to(t.text, 'utf8'))) || convert_to(t.text, 'utf8'))
    from chain c join texts t on t.seq = c.seq + 1)
  select encode(hash, 'hex') as hash from chain where seq > 0 order by seq`;

describe('hashes', () => {
  test('are the golden ones when SQL computes them', async () => {
    const rows = await world.sql<{ hash: string }>(
      CHAIN.replace(
        'with recursive',
        `with recursive texts as (select * from unnest($2::text[]) with ordinality t (text, seq)),`,
      ),
      [vectors.origin, vectors.entries.map(({ text }) => text)],
    );
    expect(rows.map(({ hash }) => hash)).toEqual(vectors.entries.map(({ hash }) => hash));
  });

  test.each(['admin', 'decision'] as const)(
    'that were sealed are those that SQL computes from the rows, lane %s',
    async (lane) => {
      const id = lane === 'admin' ? 'id' : 'decision_id';
      const rows = await world.sql<{ hash: string }>(
        CHAIN.replace(
          'with recursive',
          `with recursive texts as (select audit.entry_text(e) as text, row_number() over (order by e.xid, e.${id}) as seq from ${LANES[lane]} e),`,
        ),
        [(await world.sql<{ origin: string }>(`select origin from audit.ledger where lane = $1`, [lane]))[0]?.origin],
      );
      const seals = await world.sql<{ leaves: Buffer }>(
        `select leaves from audit.seal where lane = $1 order by batch`,
        [lane],
      );
      const sealed = Buffer.concat(seals.map(({ leaves }) => leaves))
        .toString('hex')
        .match(/.{64}/g);
      expect(sealed).toEqual(rows.map(({ hash }) => hash).slice(0, ENTRIES));
    },
  );
});

describe('a hand on the database', () => {
  /** What a column may hold instead, where its type does not say. */
  const OTHER: Record<string, string> = {
    access_action: `'DELETE'`,
    answer: `'allowed'`,
    caller_kind: `'service'`,
    details: `'{"a": null}'`,
    explanation: `'{"paths": []}'`,
    xid: `(e.xid::text::bigint - 1)::text::xid8`,
  };
  const BY_TYPE: Record<string, (column: string) => string> = {
    text: (column) => `coalesce(e.${column}, '') || 'x'`,
    bigint: (column) => `coalesce(e.${column}, 0) + 1000000`,
    integer: (column) => `coalesce(e.${column}, 0) + 1`,
    uuid: () => `gen_random_uuid()`,
    'timestamp with time zone': (column) => `e.${column} + interval '1 microsecond'`,
  };

  test.each(['admin', 'decision'] as const)(
    'is found whatever column of a sealed row it changes, lane %s',
    async (lane) => {
      const table = LANES[lane];
      const id = lane === 'admin' ? 'id' : 'decision_id';
      const columns = await world.sql<{ name: string; type: string }>(
        `select attname as name, format_type(atttypid, null) as type from pg_attribute
       where attrelid = $1::regclass and attnum > 0 and not attisdropped`,
        [table],
      );
      expect(columns.length).toBeGreaterThan(10);
      for (const { name, type } of columns) {
        const value = OTHER[name] ?? BY_TYPE[type]?.(name) ?? 'no such type';
        const report = await after(
          lane,
          ...(name === 'id' ? [`alter table ${table} alter column id set generated by default`] : []),
          `update ${table} e set ${name} = ${value}
           where e.${id} = (select ${id} from ${table} order by xid, ${id} limit 1 offset 29)`,
        );
        expect(report.fault, name).toBeDefined();
        if (!['id', 'decision_id', 'xid'].includes(name)) expect(report.fault, name).toMatchObject({ seq: 30 });
      }
      expect((await after(lane, 'select 1')).fault).toBeUndefined();
    },
  );

  const row = (offset: number): string =>
    `(select id from audit.access_log order by xid, id limit 1 offset ${String(offset)})`;
  const copy = (where: string, change: string): string => `
    insert into audit.access_log (id, xid, tenant_id, accessed_entity_type, accessed_entity_id, access_action, purpose, accessed_at, details)
    overriding system value
    select ${change}, tenant_id, accessed_entity_type, accessed_entity_id, access_action, purpose, accessed_at, details
    from audit.access_log where id = ${where}`;
  const HANDS: Record<string, (at: number) => string[]> = {
    edit: (at) => [`update audit.access_log set purpose = purpose || 'x' where id = ${row(at)}`],
    remove: (at) => [`delete from audit.access_log where id = ${row(at)}`],
    'insert among them': (at) => [copy(row(at), `-id, xid`)],
    'replay at the beginning': (at) => [copy(row(at), `0, (xid::text::bigint - 100)::text::xid8`)],
    'insert before every row': (at) => [copy(row(at), `-${String(at)}, '0'::xid8`)],
    swap: (at) => [
      `update audit.access_log e set purpose = 'swap ' || o.purpose, accessed_entity_id = o.accessed_entity_id
         from audit.access_log o where (e.id, o.id) in ((${row(at)}, ${row(at + 1)}), (${row(at + 1)}, ${row(at)}))`,
    ],
    'cut the tail, seals too': (at) => [
      `delete from audit.seal where lane = 'admin' and last_seq > ${String(at)}`,
      `delete from audit.access_log where id >= ${row(at)}`,
      `delete from audit.checkpoint`,
    ],
    'truncate everything': () => ['truncate audit.access_log', 'truncate audit.seal', 'truncate audit.checkpoint'],
    'hide a removal behind a pruning': (at) => [
      `insert into audit.pruned (lane, partition, seqs, entry_id)
         values ('admin', 'access_log_202001', '{[${String(at + 1)},${String(at + 1)}]}', 1)`,
      `delete from audit.access_log where id = ${row(at)}`,
    ],
    'drop a seal': (at) => [`delete from audit.seal where lane = 'admin' and batch = ${String(1 + (at % 6))}`],
    'another origin': () => [`update audit.ledger set origin = 'bailiwick/other/admin' where lane = 'admin'`],
  };

  test(`${String(SAMPLE)} of them on covered rows are all found, given the checkpoints`, async () => {
    const names = Object.keys(HANDS);
    for (let turn = 0; turn < SAMPLE; turn += 1) {
      const name = names[turn % names.length] ?? '';
      const report = await after('admin', ...(HANDS[name]?.((turn * 7) % (ENTRIES - 2)) ?? []));
      expect(report.fault, `${name}, ${String(turn)}`).toBeDefined();
    }
  });

  test('a decision before every other one is found, too', async () => {
    const report = await after(
      'decision',
      `insert into audit.decision (decision_id, xid, decided_at, api, tenant_id, caller_kind, caller_id, subject_user_id,
         permission, object, answer, source, latency_us, request_id)
       select '00000000-0000-0000-0000-000000000000', '0', decided_at, api, tenant_id, caller_kind, caller_id,
              subject_user_id, permission, object, 'allowed', source, latency_us, request_id
       from audit.decision limit 1`,
    );
    expect(report.fault).toBeDefined();
  });

  test('that touches nothing leaves all as it was, and the tail is said', async () => {
    const report = await after('admin', 'select 1');
    expect(report).toMatchObject({ fault: undefined, verified: ENTRIES, covered: ENTRIES, uncovered: 0, unsealed: 3 });
    expect(report).toMatchObject({ signatures: 'checked', checkpointsFrom: 'outside' });
  });
});

async function command(name: string, options: Partial<AuditOptions> = {}): Promise<{ code: number; lines: string[] }> {
  const lines: string[] = [];
  const run = AUDIT_COMMANDS.get(`audit ${name}`);
  if (run === undefined) throw new Error(name);
  const code = await run({
    config: { key: undefined, publicKey: undefined, checkpointFile: sealing.file },
    options: {
      json: false,
      drop: false,
      'allow-pruned': false,
      'public-key': publicBytes(PUBLIC_KEY).toString('base64'),
      ...options,
    },
    print: (line) => lines.push(line),
    inDatabase: (work) => work((inner) => world.pool('bailiwick_operator').transaction(inner)),
  });
  return { code, lines };
}

async function inFile(name: string, lines: readonly string[]): Promise<string> {
  const path = join(sealing.file, '..', name);
  await writeFile(path, `${lines.join('\n')}\n`);
  return path;
}

describe('the commands', () => {
  test('verify everything, or a part, and say how far it is covered', async () => {
    const { code, lines } = await command('verify');
    expect(code).toBe(0);
    expect(lines.join('\n')).toContain(`admin: ${String(ENTRIES)} entries verified`);
    expect(lines.join('\n')).toContain(`uncovered tail: 0 sealed entries, 3 rows not sealed yet`);
    const part = await command('verify', { lane: 'admin', from: '15', to: '22', json: true });
    expect(part.code).toBe(0);
    // Whole batches, of ten, and their hashes as far as the next checkpoint, which is at one of the batches after.
    expect(part.lines[0]).toMatch(/"verified":20,.*"covered":[3-6]0,/);
    const now = await command('verify', { lane: 'admin', from: '2000-01-01', to: '2001-01-01', json: true });
    expect(JSON.parse(now.lines[0] ?? '')).toMatchObject({ verified: 0 });
    const all = await command('verify', { lane: 'decision', from: '2000-01-01', to: '2999-01-01', json: true });
    expect(JSON.parse(all.lines[0] ?? '')).toMatchObject({ verified: ENTRIES, covered: ENTRIES });
  });

  test.each(['admin', 'decision'] as const)('export a log that verifies elsewhere, lane %s', async (lane) => {
    const { code, lines } = await command('export', { lane });
    expect(code).toBe(0);
    const file = await inFile('export.ndjson', lines);
    expect(await command('verify', { file })).toMatchObject({ code: 0 });
    expect(await command('verify', { file, from: '11', to: '20', json: true })).toMatchObject({ code: 0 });
    const altered = await inFile(
      'altered.ndjson',
      lines.map((line) => line.replace('"t\\"', '"u\\"')),
    );
    const said = await command('verify', { file: altered });
    expect(said.code).toBe(3);
    expect(said.lines[0]).toContain('NOT WHAT IT WAS, from entry 1');
    const part = await inFile('part.ndjson', (await command('export', { lane, from: '21', to: '30' })).lines);
    expect(await command('verify', { file: part, from: '21', to: '30' })).toMatchObject({ code: 0 });
    expect(await command('verify', { file: part })).toMatchObject({ code: 3 });
    expect(await command('verify', { file: part, from: '21', to: '60' })).toMatchObject({ code: 3 });
  });

  test.each(['admin', 'decision'] as const)(
    'prove that an entry is in the log, to whoever has the key, lane %s',
    async (lane) => {
      const column = lane === 'admin' ? 'id' : 'decision_id';
      const ids = await world.sql<{ id: string }>(
        `select e.${column}::text as id from ${LANES[lane]} e order by e.xid, e.${column}`,
      );
      for (const at of [0, 9, 10, 33, ENTRIES - 1]) {
        const { lines } = await command('prove', { lane, entry: ids[at]?.id });
        const file = await inFile('proof.json', lines);
        expect(await command('verify-proof', { file })).toMatchObject({ code: 0 });
        expect(JSON.parse(lines[0] ?? '')).toMatchObject({ seq: at + 1 });
        const forged = await inFile('forged.json', [(lines[0] ?? '').replace('"t\\"', '"u\\"')]);
        expect(await command('verify-proof', { file: forged })).toMatchObject({ code: 3 });
      }
      const { lines } = await command('prove', { lane, entry: ids[0]?.id });
      const other = publicBytes(OTHER_KEY).toString('base64');
      const file = await inFile('proof.json', lines);
      expect(await command('verify-proof', { file, 'public-key': other })).toMatchObject({ code: 3 });
    },
  );

  test('say what cannot be proved yet, and how things stand', async () => {
    const [last] = await world.sql<{ id: string }>(`select max(id)::text as id from audit.access_log`);
    await expect(command('prove', { entry: last?.id })).rejects.toThrow(/not sealed yet/);
    await expect(command('prove', { entry: '999999999' })).rejects.toThrow(/no entry/);
    await expect(command('verify', { lane: 'x' })).rejects.toThrow(/--lane/);
    await expect(command('verify', { from: 'soon' })).rejects.toThrow(/--from/);
    expect((await command('status')).lines[0]).toMatch(
      new RegExp(`^admin: ${String(ENTRIES)} sealed, ${String(ENTRIES)} covered, 3 waiting`),
    );
  });
});

describe('a checkpoint file', () => {
  const MANY = 200_000;
  /** Longer than a string can be; what lies between the notes takes no room on the disk. */
  const LONG_BYTES = 600 << 20;
  const notes = async () => readCheckpoints(await readFile(sealing.file, 'utf8'));
  const stranger = { origin: 'bailiwick/other/admin', size: 3, root: Buffer.alloc(32, 1) };

  test(`of ${String(MANY)} notes is read by verify and prune`, async () => {
    const path = join(sealing.file, '..', 'many.txt');
    await writeFile(path, '');
    for (const { note } of await notes()) await appendFile(path, `\n${note}`.repeat(MANY / ENTRIES));
    const last = (await notes()).at(-1);
    await appendFile(path, `\n${last?.note ?? ''}`.repeat(MANY));
    const lane = last?.origin.endsWith('/admin') === true ? 'admin' : 'decision';
    const part = await command('verify', { checkpoints: path, lane, to: '20', json: true });
    expect(JSON.parse(part.lines[0] ?? '')).toMatchObject({ verified: 20, checkpointsFrom: 'outside' });
    expect((await command('prune', { checkpoints: path, before: '2999-01-01' })).code).toBe(3);
  });

  test('that is longer than a string can be is read, forwards and from its end', async () => {
    const path = join(sealing.file, '..', 'long.txt');
    await writeFile(path, await readFile(sealing.file));
    await truncate(path, LONG_BYTES);
    expect((await command('verify', { checkpoints: path, lane: 'admin' })).code).toBe(0);
    for (const { lane, origin } of await world.pool('bailiwick_operator').transaction(listOrigins))
      expect(await createFileSink(path).last?.({ lane, origin })).toMatchObject({ origin, size: ENTRIES });
  });

  test('with notes of the same lane under another name, of the same key, is of a log that was renamed', async () => {
    const path = await inFile('renamed.txt', [
      await readFile(sealing.file, 'utf8'),
      '',
      signCheckpoint(stranger, KEY).note,
    ]);
    const { code, lines } = await command('verify', { checkpoints: path, lane: 'admin' });
    expect(code).toBe(3);
    expect(lines[0]).toContain('NOT WHAT IT WAS, from entry 1: some of the checkpoints are of bailiwick/other/admin');
    expect((await command('verify', { checkpoints: path, lane: 'decision' })).code).toBe(0);
    const exported = await inFile('renamed.ndjson', (await command('export')).lines);
    expect((await command('verify', { checkpoints: path, file: exported })).code).toBe(3);
  });

  test("may hold another key's notes as well", async () => {
    const note = signCheckpoint(stranger, OTHER_PRIVATE_KEY).note;
    const path = await inFile('shared.txt', [await readFile(sealing.file, 'utf8'), '', note]);
    expect((await command('verify', { checkpoints: path })).code).toBe(0);
    const alone = await inFile('strange.txt', ['', note]);
    expect((await command('verify', { checkpoints: alone, lane: 'admin' })).code).toBe(3);
  });

  test('without a note of a log that is sealed is not as good as none', async () => {
    const path = await inFile('empty.txt', ['nothing']);
    const { code, lines } = await command('verify', { checkpoints: path });
    expect(code).toBe(3);
    expect(lines[0]).toContain('none of the checkpoints given is of it');
    const exported = await inFile('uncovered.ndjson', (await command('export')).lines);
    expect((await command('verify', { checkpoints: path, file: exported })).code).toBe(3);
  });

  test('is not asked about a log that is not there', async () => {
    await expect(
      AUDIT_COMMANDS.get('audit verify')?.({
        config: { key: undefined, publicKey: undefined, checkpointFile: sealing.file },
        options: { json: false, drop: false, 'allow-pruned': false },
        print: () => undefined,
        inDatabase: async (work) =>
          await world.pool(undefined).transaction(async (tx) => {
            await tx.query({ text: `set local session_replication_role = replica` });
            await tx.query({ text: `savepoint whole` });
            await tx.query({ text: `delete from audit.ledger where lane = 'admin'` });
            return await work((inner) => inner(tx)).finally(() => tx.query({ text: `rollback to whole` }));
          }),
      }),
    ).rejects.toThrow(/no log of lane admin/);
  });
});
