/** Sync tokens: what they cover, what they wait for, and what they refuse. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { Deadline } from '../../src/shared/operation.js';
import { Problem } from '../../src/shared/problem.js';
import { createSyncGate } from '../../src/sync/gate.js';
import { decodeSyncToken } from '../../src/sync/token.js';
import type { Projector } from '../../src/sync/projector.js';
import { readsUsers, until } from '../support/played-engine.js';
import { createWorld, quiet, roleId } from '../support/world.js';
import type { World } from '../support/world.js';

/** What is expected to be met has time, on a busy machine too; what is expected not to be is given up soon. */
const PATIENCE_MS = 10_000;
const WAIT_MS = 150;

let world: World;
let projector: Projector;
let gate: ReturnType<typeof createSyncGate>;
let hasty: ReturnType<typeof createSyncGate>;
beforeAll(async () => {
  world = await createWorld();
  projector = world.projector();
  const options = {
    pool: world.pool('bailiwick_sync'),
    asidePool: world.pool('bailiwick_service'),
    log: quiet,
    feedMs: 10,
  };
  gate = createSyncGate({ ...options, tokenWaitMs: PATIENCE_MS });
  hasty = createSyncGate({ ...options, tokenWaitMs: WAIT_MS });
  for (const tenant of ['t1', 't2']) {
    await world.addTenant(tenant, 'emr');
    await world.addUser(tenant, `${tenant}-anne`);
  }
  await projector.start();
  await world.applied();
  await gate.start();
  await hasty.start();
});
afterAll(async () => {
  await gate.stop();
  await hasty.stop();
  await projector.stop();
  await world.end();
});

function deadline(ms = 10_000): Deadline {
  const end = performance.now() + ms;
  return { remainingMs: () => Math.max(0, end - performance.now()), signal: AbortSignal.timeout(ms) };
}
/** `in force`, or the code of what the token met. */
async function outcomeOf(token: string, by = gate, ms = 2 * PATIENCE_MS): Promise<string> {
  try {
    await by.awaitToken(token, deadline(ms));
    return 'in force';
  } catch (error) {
    if (error instanceof Problem) return error.code;
    throw error;
  }
}
async function tokenOf(tenant: string | null): Promise<string> {
  const [row] = await world.sql<{ token: string }>(`select sync.token($1::text) as token`, [tenant]);
  return row?.token ?? '';
}
/** Grants or takes a role in one transaction, asking for the token inside it, as a writer in SQL would. */
async function write(tenant: string, statement: string): Promise<string> {
  return await world.pool('bailiwick_operator').transaction(
    async (tx) => {
      await tx.query({ text: statement });
      const { rows } = await tx.query<{ token: string }>({ text: `select sync.token() as token` });
      return rows[0]?.token ?? '';
    },
    { settings: { 'bailiwick.tenant_id': tenant } },
  );
}
const grant = (tenant: string): string =>
  `insert into security.user_role (user_id, role_id) values ('${tenant}-anne', '${roleId(tenant, 'EMR_CLIENT_VIEWER')}')`;
const revoke = (tenant: string): string =>
  `update security.user_role set revoked_at = now() where user_id = '${tenant}-anne' and revoked_at is null`;
const forged = (content: unknown): string => Buffer.from(JSON.stringify(content)).toString('base64url');

async function whileStopped(work: () => Promise<void>): Promise<void> {
  await projector.stop();
  try {
    await work();
  } finally {
    await projector.start();
    await world.applied();
  }
}

describe('a token', () => {
  test('names the tenant that the transaction is about, or the one asked for, or all', async () => {
    expect(decodeSyncToken(await write('t1', grant('t1')))).toMatchObject({ tenantId: 't1' });
    expect(decodeSyncToken(await tokenOf('t2'))).toMatchObject({ tenantId: 't2' });
    expect(decodeSyncToken(await tokenOf(null)).tenantId).toBeUndefined();
    await write('t1', revoke('t1'));
    await world.applied();
  });

  test('is met at once where nothing is under way, and costs no wait', async () => {
    await world.applied();
    expect(await outcomeOf(await tokenOf('t1'), gate, 1)).toBe('in force');
    expect(await outcomeOf(await tokenOf(null), gate, 1)).toBe('in force');
  });

  test('is met only when its change is in force: the answer after it is never the old one', async () => {
    for (let turn = 0; turn < 15; turn += 1) {
      expect(await outcomeOf(await write('t1', grant('t1')))).toBe('in force');
      expect(await readsUsers(world, 't1-anne', 't1')).toBe(true);
      expect(await outcomeOf(await write('t1', revoke('t1')))).toBe('in force');
      expect(await readsUsers(world, 't1-anne', 't1')).toBe(false);
    }
  });

  test('asked for after the commit covers it too, whoever wrote', async () => {
    for (let turn = 0; turn < 5; turn += 1) {
      await world.sql(grant('t1'));
      expect(await outcomeOf(await tokenOf('t1'))).toBe('in force');
      expect(await readsUsers(world, 't1-anne', 't1')).toBe(true);
      await world.sql(revoke('t1'));
      expect(await outcomeOf(await tokenOf('t1'))).toBe('in force');
      expect(await readsUsers(world, 't1-anne', 't1')).toBe(false);
    }
  });

  test('waits its time and then says that sync lags, where nobody projects', async () => {
    await whileStopped(async () => {
      const token = await write('t1', grant('t1'));
      const from = performance.now();
      expect(await outcomeOf(token, hasty)).toBe('SYNC_LAG');
      expect(performance.now() - from).toBeGreaterThan(WAIT_MS - 10);
      expect(performance.now() - from).toBeLessThan(WAIT_MS + 3_000);
      expect(await outcomeOf(await tokenOf(null), hasty)).toBe('SYNC_LAG');
    });
  });

  test('waits no longer than the request has time', async () => {
    await whileStopped(async () => {
      const token = await write('t1', revoke('t1'));
      const from = performance.now();
      expect(await outcomeOf(token, gate, 20)).toBe('SYNC_LAG');
      expect(performance.now() - from).toBeLessThan(PATIENCE_MS / 2);
    });
  });

  test('of another tenant, or from before the change, waits for nobody else’s', async () => {
    const before = await tokenOf('t1');
    await whileStopped(async () => {
      await write('t1', grant('t1'));
      expect(await outcomeOf(await tokenOf('t2'))).toBe('in force');
      expect(await outcomeOf(before)).toBe('in force');
      expect(await outcomeOf(await tokenOf('t1'), hasty)).toBe('SYNC_LAG');
    });
  });

  test('of any tenant waits for what concerns the platform', async () => {
    await whileStopped(async () => {
      await world.sql(`insert into security.app_user (id, email) values ('root', 'root@x') on conflict do nothing`);
      await world.sql(`insert into identity.platform_admin (user_id) values ('root')`);
      expect(await outcomeOf(await tokenOf('t1'), hasty)).toBe('SYNC_LAG');
      expect(await outcomeOf(await tokenOf('t2'), hasty)).toBe('SYNC_LAG');
    });
  });

  test('does not wait for a transaction that is under way, but does once that one has committed', async () => {
    const pool = world.pool('bailiwick_operator');
    let commit = (): void => undefined;
    const mayCommit = new Promise<void>((resolve) => (commit = resolve));
    let hasWritten = false;
    const slow = pool.transaction(async (tx) => {
      await tx.query({ text: grant('t2') });
      hasWritten = true;
      await mayCommit;
    });
    await until(() => hasWritten);
    // Somebody commits after it has begun, so that it lies before what the token names.
    await world.sql(`select pg_current_xact_id()`);
    const token = await tokenOf('t2');
    expect(await outcomeOf(token)).toBe('in force');
    await whileStopped(async () => {
      commit();
      await slow;
      // An earlier position, and no longer nothing before it: never stale, at the price of a wait.
      expect(await outcomeOf(token, hasty)).toBe('SYNC_LAG');
    });
    expect(await outcomeOf(token)).toBe('in force');
  });

  test('goes through unharmed where its transaction was rolled back', async () => {
    let token = '';
    await world
      .pool('bailiwick_operator')
      .transaction(async (tx) => {
        await tx.query({ text: revoke('t2') });
        ({ token = '' } =
          (await tx.query<{ token: string }>({ text: `select sync.token('t2') as token` })).rows[0] ?? {});
        throw new Error('rolled back');
      })
      .catch(() => undefined);
    expect(await outcomeOf(token)).toBe('in force');
  });

  test.each(['bailiwick_service', 'bailiwick_operator', 'bailiwick_sync'] as const)(
    'can be had by %s',
    async (role) => {
      const { rows } = await world
        .pool(role)
        .transaction((tx) => tx.query<{ token: string }>({ text: `select sync.token('t1') as token` }));
      expect(decodeSyncToken(rows[0]?.token ?? '')).toMatchObject({ tenantId: 't1' });
    },
  );
});

describe('what is no token of ours', () => {
  test.each([
    ['nothing', ''],
    ['garbage', 'garbage'],
    ['white space', ' '],
    ['no object', forged('x')],
    ['a list', forged([])],
    ['null', forged(null)],
    ['a part missing', forged({ t: 't1', x: '1' })],
    ['a part too many', forged({ t: 't1', x: '1', e: 'e', y: 1 })],
    ['a number for a position', forged({ t: 't1', x: 1, e: 'e' })],
    ['a negative position', forged({ t: 't1', x: '-1', e: 'e' })],
    ['a position with SQL in it', forged({ t: 't1', x: `1'; select 1`, e: 'e' })],
    ['a position beyond every counter', forged({ t: 't1', x: '9'.repeat(30), e: 'e' })],
    ['a malformed tenant', forged({ t: '*', x: '1', e: 'e' })],
    ['an empty tenant: the platform itself', forged({ t: '', x: '1', e: 'e' })],
    ['a prototype', Buffer.from('{"__proto__":{"t":"t1"},"x":"1","e":"e"}').toString('base64url')],
    ['a megabyte', 'A'.repeat(1_000_000)],
    ['bytes that are no text', Buffer.from([0xff, 0xfe, 0]).toString('base64url')],
    ['the token of another epoch', forged({ t: 't1', x: '1', e: 'another' })],
  ])('%s is refused as such', async (_, token) => {
    expect(await outcomeOf(token)).toBe('SYNC_TOKEN_INVALID');
  });

  test('a position that lies in the future is as good as one that is now', async () => {
    const [epoch] = await world.sql<{ epoch: string }>(`select epoch from sync.epoch`);
    for (const x of ['9'.repeat(19), '0', '00']) {
      expect(await outcomeOf(forged({ t: 't1', x, e: epoch?.epoch }))).toBe('in force');
    }
  });

  test('a token from before a restore is refused once the epoch has moved', async () => {
    const token = await tokenOf('t1');
    await world.superSql(`update sync.epoch set epoch = 'later'`);
    await until(async () => (await outcomeOf(token)) === 'SYNC_TOKEN_INVALID');
    expect(await outcomeOf(await tokenOf('t1'))).toBe('in force');
  });
});
