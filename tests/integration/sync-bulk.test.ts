/** Large changes: bulk loads, bulk revocations, truncate. `VERIFY=1` takes the sizes of the requirement. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { createSyncGate } from '../../src/sync/gate.js';
import type { Projector } from '../../src/sync/projector.js';
import { driftLines, readsUsers, playedEngine, storedLines, until } from '../support/played-engine.js';
import type { PlayedEngine } from '../support/played-engine.js';
import { createWorld, quiet, roleId } from '../support/world.js';
import type { World } from '../support/world.js';

const LOAD = process.env['VERIFY'] === undefined ? 4_000 : 100_000;
const PATIENCE_MS = LOAD * 6 + 30_000;

let world: World;
let engine: PlayedEngine;
let projector: Projector;
beforeAll(async () => {
  world = await createWorld();
  engine = playedEngine(world);
  projector = world.projector({ tuples: engine.tuples });
  await projector.start();
  await world.addTenant('big', 'emr');
  await world.addTenant('small', 'emr');
  // keeps the tenant in hand when everybody else is taken the role back
  await world.addUser('big', 'chief', ['EMR_CLIENT_ADMIN']);
  await world.addUser('small', 'anne', ['EMR_CLIENT_VIEWER']);
  await world.applied();
});
afterAll(async () => {
  await projector.stop();
  await world.end();
});

async function inOne(...statements: string[]): Promise<void> {
  await world.pool('bailiwick_operator').transaction(async (tx) => {
    for (const text of [`set local statement_timeout = 0`, ...statements]) await tx.query({ text });
  });
}

/** The same as the owner, who alone may take every tenant its last admin. */
async function inOneAsOwner(...statements: string[]): Promise<void> {
  await world.migrationSql(`set local statement_timeout = 0`, ...statements);
}

const viewer = roleId('big', 'EMR_CLIENT_VIEWER');
const admin = roleId('big', 'EMR_CLIENT_ADMIN');
const assigneesOf = async (): Promise<string[]> =>
  (await storedLines(world)).filter((line) => /^user:big-\d+ [ab] role:/.test(line));

describe('a bulk load', () => {
  test(
    'of one statement arrives whole, and holds up nobody’s revocation',
    async () => {
      const users = `insert into security.app_user (id, tenant_id, email)
        select 'big-' || n, 'big', n || '@big' from generate_series(1, ${String(LOAD)}) n`;
      // Users are made without their profiles reaching the engine: this is about the assignments.
      await world.superSql(
        `set local statement_timeout = 0`,
        `alter table security.app_user disable trigger trg_capture_insert`,
        users,
        `alter table security.app_user enable trigger trg_capture_insert`,
      );
      await inOne(`insert into security.user_role (user_id, role_id)
        select 'big-' || n, '${viewer}' from generate_series(1, ${String(LOAD)}) n`);
      const from = performance.now();
      await world.sql(`update security.user_role set revoked_at = now() where user_id = 'anne'`);
      await until(async () => !(await readsUsers(world, 'anne', 'small')));
      const tookMs = performance.now() - from;
      const [left] = await world.sql<{ n: number }>(`select count(*)::int as n from sync.outbox where rank = 2`);
      // Else the revocation has overtaken nothing, and the test shows nothing.
      expect(left?.n).toBeGreaterThan(0);
      // The figure itself is the bench's; here only that it is no matter of the load's size.
      expect(tookMs).toBeLessThan(3_000);
      await world.applied(PATIENCE_MS);
      expect(await assigneesOf()).toHaveLength(LOAD);
    },
    PATIENCE_MS * 2,
  );

  test('fills its Writes', () => {
    const bulk = engine.writes.filter(({ writes }) => writes.some(({ object }) => object === `role:big/${viewer}`));
    expect(bulk.length).toBeLessThanOrEqual(LOAD / 100 + LOAD / 400 + 2);
  });

  test(
    'taken back in the middle leaves nothing',
    async () => {
      await inOne(`insert into security.user_role (user_id, role_id)
        select 'big-' || n, '${admin}' from generate_series(1, 1000) n`);
      const reached = (): boolean => engine.writes.some(({ writes }) => writes[0]?.object === `role:big/${admin}`);
      await until(reached);
      await inOne(
        `update security.user_role set revoked_at = now() where role_id = '${admin}' and user_id like 'big-%'`,
      );
      await world.applied(PATIENCE_MS);
      expect((await assigneesOf()).filter((line) => line.includes(admin))).toEqual([]);
    },
    PATIENCE_MS,
  );

  test(
    'of changed windows takes each assignment from slot to slot',
    async () => {
      await inOne(`update security.user_role set expires_at = '2099-01-01' where role_id = '${viewer}'
        and user_id in (select 'big-' || n from generate_series(1, 600) n)`);
      await world.applied(PATIENCE_MS);
      const lines = await assigneesOf();
      expect(lines).toHaveLength(LOAD);
      expect(lines.filter((line) => / b role:.* 2099-/.test(line))).toHaveLength(600);
    },
    PATIENCE_MS,
  );
});

test('a bulk load reads no table whole for each of its rows, however small the table was when it was last looked at', async () => {
  const other = await createWorld();
  try {
    await other.addTenant('t', 'emr');
    await other.addUser('t', 'first', ['EMR_CLIENT_ADMIN']);
    await other.superSql(
      `insert into security.app_user (id, tenant_id, email) select 'u' || n, 't', n || '@t' from generate_series(1, 1000) n`,
      'analyze security.user_role',
    );
    const read = await other.pool('bailiwick_operator').transaction(async (tx) => {
      await tx.query({
        text: `insert into security.user_role (user_id, role_id) select 'u' || n, 't.emr_client_viewer' from generate_series(1, 1000) n`,
      });
      const { rows } = await tx.query<{ n: number }>({
        text: `select seq_tup_read::int as n from pg_stat_xact_user_tables where relid = 'security.user_role'::regclass`,
      });
      return rows[0]?.n;
    });
    // read whole a few times at most, where it would be 500,000
    expect(read).toBeLessThan(20_000);
  } finally {
    await other.end();
  }
});

describe('a truncated table', () => {
  const question = { tenantId: 'small', subjectUserId: 'bob', object: 'tenant:small' };

  test(
    'is emptied in the engine too, and until then every allow is refused',
    async () => {
      await world.addUser('small', 'bob', ['EMR_CLIENT_VIEWER']);
      await world.applied();
      const gate = createSyncGate({
        pool: world.pool('bailiwick_sync'),
        asidePool: world.pool('bailiwick_service'),
        log: quiet,
        tokenWaitMs: 50,
        feedMs: 5,
      });
      await gate.start();
      await gate.guard(question);
      await projector.stop();
      await inOneAsOwner(`truncate security.user_role`);
      await until(async () => {
        const refused = await gate.guard(question).then(
          () => false,
          () => true,
        );
        return refused;
      });
      await projector.start();
      await until(
        async () => (await world.sql(`select from sync.outbox where kind = 'rebuild'`)).length === 0,
        PATIENCE_MS,
      );
      expect((await storedLines(world)).filter((line) => /^user:\S+ [ab] role:/.test(line))).toEqual([]);
      await until(async () => {
        const passed = await gate.guard(question).then(
          () => true,
          () => false,
        );
        return passed;
      });
      await gate.stop();
      expect(await driftLines(world, ['user_role'])).toEqual([]);
    },
    PATIENCE_MS,
  );

  test('and filled anew in one transaction ends as it was filled, in whatever slot it stood before', async () => {
    await world.sql(`insert into security.user_role (user_id, role_id) values ('bob', $1)`, [
      roleId('small', 'EMR_CLIENT_VIEWER'),
    ]);
    await world.sql(`update security.user_role set expires_at = '2099-01-01'`);
    await world.applied();
    expect((await storedLines(world)).filter((line) => line.startsWith('user:bob b role:'))).toHaveLength(1);
    await inOneAsOwner(
      `truncate security.user_role`,
      `insert into security.user_role (user_id, role_id) values ('bob', '${roleId('small', 'EMR_CLIENT_VIEWER')}')`,
    );
    await world.applied();
    expect((await storedLines(world)).filter((line) => /^user:bob [ab] role:/.test(line))).toEqual([
      `user:bob a role:small/${roleId('small', 'EMR_CLIENT_VIEWER')}`,
    ]);
    expect(await driftLines(world, ['user_role'])).toEqual([]);
  });

  test('is rebuilt also while others write all the time', async () => {
    const writing = { on: true };
    const writer = (async () => {
      for (let n = 0; writing.on; n += 1) {
        await world.sql(`update security.user_role set expires_at = $1::timestamptz where user_id = 'bob'`, [
          `2099-01-01 00:00:${String(n % 60)}`,
        ]);
      }
    })();
    await inOneAsOwner(
      `truncate security.user_role, security.user_assignment`,
      `insert into security.user_role (user_id, role_id) values ('bob', '${roleId('small', 'EMR_CLIENT_VIEWER')}')`,
    );
    const rebuilding = async (): Promise<boolean> =>
      (await world.sql(`select from sync.outbox where kind = 'rebuild'`)).length > 0;
    await until(async () => !(await rebuilding()));
    writing.on = false;
    await writer;
    await world.applied();
    expect(await driftLines(world, ['user_role'])).toEqual([]);
  });

  test('whose transaction was rolled back is not touched', async () => {
    await world.sql(`insert into security.record (tenant_id, id, owner_user_id) values ('small', 'd', 'bob')`);
    await world.applied();
    const before = await storedLines(world);
    await expect(inOne(`truncate security.record`, `select 1 / 0`)).rejects.toThrow('division');
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await storedLines(world)).toEqual(before);
  });
});
