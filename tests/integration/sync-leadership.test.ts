/** Leaders that die, in the middle of whatever it is; who follows them, and that there is never more than one. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { EngineError } from '../../src/shared/tuple.js';
import { driftLines, readsUsers, storedLines, until } from '../support/played-engine.js';
import { createStage, fenceMs, grantsAnne, LONG, pause, TIMES, VIEWER } from '../support/stage.js';
import type { Stage } from '../support/stage.js';
import type { World } from '../support/world.js';

const FENCE_MS = fenceMs(TIMES);

let stage: Stage;
let world: World;
beforeEach(async () => {
  stage = await createStage();
  ({ world } = stage);
});
afterEach(async () => {
  await stage.end();
});

describe('a leader that dies', () => {
  test('with its Postgres session in the middle of a Write: another goes on, and the answer is right', async () => {
    const first = stage.actor();
    const second = stage.actor();
    await first.lead();
    await second.projector.start();
    await world.applied();
    await stage.grant();
    await world.applied();
    const sleep = stage.gate();
    first.engine.play = async (_, forward) => {
      await sleep.pass();
      await forward();
    };
    await stage.revoke();
    await sleep.reached;
    await first.cutOff();
    sleep.open();
    await world.applied();
    await until(() => first.projector.isLeader() || second.projector.isLeader());
    expect(await stage.anneIsIn()).toBe(false);
    await pause(FENCE_MS);
    await world.applied();
    expect(await driftLines(world)).toEqual([]);
  });

  test('between the engine’s commit and its own: the next one waits out the fence, then confirms', async () => {
    const first = stage.actor(LONG);
    await first.lead();
    await world.applied();
    const sleep = stage.gate();
    first.engine.play = async (change, forward) => {
      await forward();
      if (grantsAnne(change)) await sleep.pass();
    };
    await stage.grant();
    await sleep.reached;
    const claimedAt = performance.now();
    await first.cutOff();
    const second = stage.actor(LONG);
    await second.lead();
    await stage.revoke();
    // Entries of a dead leader's claim, and what hangs on them, wait; others do not.
    await world.addUser('t1', 'bob', ['EMR_CLIENT_VIEWER']);
    await until(async () => await readsUsers(world, 'bob', 't1'));
    expect(performance.now() - claimedAt).toBeLessThan(fenceMs(LONG));
    expect(await stage.anneIsIn()).toBe(true);
    expect(second.engine.writes.some(({ deletes }) => deletes.some(({ user }) => user === 'user:anne'))).toBe(false);
    await world.applied();
    expect(performance.now() - claimedAt).toBeGreaterThan(fenceMs(LONG) - 250);
    expect(await stage.anneIsIn()).toBe(false);
    sleep.open();
    await pause(200);
    await world.applied();
    expect(await driftLines(world)).toEqual([]);
  });

  test('with its session alone, its Write answered: it goes on at once, and waits for no fence of its own', async () => {
    const only = stage.actor(LONG);
    await only.lead();
    await world.applied();
    const sleep = stage.gate();
    only.engine.play = async (change, forward) => {
      await forward();
      if (grantsAnne(change)) await sleep.pass();
    };
    await stage.grant();
    await sleep.reached;
    await only.cutOff();
    await stage.revoke();
    sleep.open();
    const from = performance.now();
    await world.applied();
    expect(performance.now() - from).toBeLessThan(fenceMs(LONG) - 1_000);
    expect(await stage.anneIsIn()).toBe(false);
    expect(await driftLines(world)).toEqual([]);
  });

  test('is not what a slow engine makes of one: a change of several Writes goes on past its lease', async () => {
    const names = Array.from({ length: 150 }, (_, n) => `many-${String(n)}`);
    await world.sql(
      `insert into security.app_user (id, tenant_id, email) select n, 't1', n || '@example.com' from unnest($1::text[]) n`,
      [names],
    );
    const only = stage.actor();
    await only.lead();
    await world.applied();
    only.engine.play = async (_, forward) => {
      await forward();
      await pause(TIMES.leaseMs * 1.2);
    };
    await world.sql(`insert into security.user_role (user_id, role_id) select unnest($1::text[]), $2`, [names, VIEWER]);
    await world.applied(10_000);
    expect(await driftLines(world)).toEqual([]);
  });

  test('nor of many changes: what is written by then is in force, and the rest is for the next batch', async () => {
    const tenants = Array.from({ length: 12 }, (_, n) => `wide-${String(n)}`);
    for (const tenant of tenants) await world.addTenant(tenant, 'emr');
    const only = stage.actor({ ...TIMES, leaseMs: 5_000, writeTimeoutMs: 5_000, batchMs: 300 });
    await only.lead();
    await world.applied();
    only.engine.play = async (_, forward) => {
      await forward();
      await pause(400);
    };
    await Promise.all(
      tenants.map((tenant) =>
        world.sql(
          `insert into security.app_user (id, tenant_id, email)
             select $1::text || '-' || n, $1::text, n || '@example.com' from generate_series(1, 60) n`,
          [tenant],
        ),
      ),
    );
    const waiting = async (): Promise<number> =>
      (await world.sql<{ n: number }>(`select count(*)::int as n from sync.outbox`))[0]?.n ?? 0;
    const seen = new Set<number>();
    await until(async () => {
      const left = await waiting();
      seen.add(left);
      return left === 0;
    }, 60_000);
    expect([...seen].filter((left) => left > 0).length).toBeGreaterThan(2);
    expect(await driftLines(world)).toEqual([]);
  });

  test('is followed by the one on stand-by, in a moment', async () => {
    const first = stage.actor();
    const second = stage.actor();
    await first.lead();
    await second.projector.start();
    await world.applied();
    await first.cutOff();
    const from = performance.now();
    await stage.grant();
    await until(() => stage.anneIsIn());
    expect(performance.now() - from).toBeLessThan(5_000);
  });

  test('while it is being stopped leaves nothing undone', async () => {
    const first = stage.actor();
    await first.lead();
    await world.applied();
    const sleep = stage.gate();
    first.engine.play = async (_, forward) => {
      await sleep.pass();
      await forward();
    };
    await stage.grant();
    await sleep.reached;
    const stopped = first.projector.stop();
    await first.cutOff();
    sleep.open();
    await stopped;
    await stage.revoke();
    await stage.actor().lead();
    await world.applied();
    expect(await stage.anneIsIn()).toBe(false);
    expect(await driftLines(world)).toEqual([]);
  });

  test('again and again under load ends in tuples that equal rows', async () => {
    const both = [stage.actor(), stage.actor()];
    for (const { projector } of both) await projector.start();
    for (let turn = 0; turn < 6; turn += 1) {
      await world.addUser('t1', `u${String(turn)}`, ['EMR_CLIENT_VIEWER']);
      await stage.grant();
      await Promise.all(both.map((each) => each.cutOff()));
      await stage.revoke();
    }
    await world.applied();
    await pause(FENCE_MS);
    await world.applied();
    expect(await driftLines(world)).toEqual([]);
  });
});

test('two projectors never both lead, however often leadership changes', async () => {
  const three = [stage.actor(), stage.actor(), stage.actor()];
  for (const { projector } of three) await projector.start();
  let most = 0;
  const leading = new Set<number>();
  for (let turn = 0; turn < 8; turn += 1) {
    await until(() => three.some(({ projector }) => projector.isLeader()));
    const [holders] = await world.sql<{ n: number }>(
      `select count(*)::int as n from pg_locks l where l.locktype = 'advisory' and l.granted
         and l.database = (select oid from pg_database where datname = current_database())`,
    );
    most = Math.max(most, holders?.n ?? 0);
    three.forEach(({ projector }, at) => projector.isLeader() && leading.add(at));
    await Promise.all(three.map((each) => each.cutOff()));
    await pause(30);
  }
  expect(most).toBe(1);
  expect(leading.size).toBeGreaterThan(0);
  await world.applied();
  expect(await world.sql(`select from sync.claim`)).toHaveLength(1);
});

describe('an engine in trouble', () => {
  test('that answers 409 is asked again until it takes the Write', async () => {
    const only = stage.actor();
    await only.lead();
    await world.applied();
    let conflicts = 0;
    only.engine.play = async (change, forward) => {
      if (grantsAnne(change) && (conflicts += 1) <= 5) {
        throw new EngineError('conflict', { kind: 'conflict', applied: 'no' });
      }
      await forward();
    };
    await stage.grant();
    await world.applied();
    expect(conflicts).toBeGreaterThan(5);
    expect(await stage.anneIsIn()).toBe(true);
  });

  test('that holds a tuple under another condition than anybody knows of ends with ours', async () => {
    const only = stage.actor();
    await only.lead();
    await world.applied();
    const condition = { validFrom: '2020-01-01T00:00:00Z', expiresAt: '2021-01-01T00:00:00Z' };
    const foreign = { user: 'user:anne', relation: 'a', object: `role:t1/${VIEWER}`, condition };
    await world.tuples.write({ deletes: [], writes: [foreign] }, { timeoutMs: 5_000 });
    await stage.grant();
    await world.applied();
    expect(await stage.anneIsIn()).toBe(true);
    expect(await driftLines(world)).toEqual([]);
  });

  test('that is away loses nothing, and everything is there soon after it is back', async () => {
    const only = stage.actor();
    await only.lead();
    await world.applied();
    only.engine.play = () => Promise.reject(new EngineError('refused', { kind: 'unavailable', applied: 'no' }));
    await stage.grant();
    await world.addUser('t1', 'bob', ['EMR_CLIENT_VIEWER']);
    await pause(500);
    expect(only.projector.isLeader()).toBe(true);
    only.engine.play = undefined;
    const from = performance.now();
    await world.applied();
    expect(performance.now() - from).toBeLessThan(5_000);
    expect(await driftLines(world)).toEqual([]);
    expect(await storedLines(world)).toContain(`user:bob a role:t1/${VIEWER}`);
  });

  test.each([
    ['refuses to connect', () => Promise.reject(new EngineError('refused', { kind: 'unavailable', applied: 'no' }))],
    ['never answers', () => Promise.reject(new EngineError('timed out', { kind: 'timeout', applied: 'unknown' }))],
  ] as const)('that %s from where the leader is, alone, is reached from elsewhere soon', async (_, play) => {
    const cutOff = stage.actor({ yieldMs: 500 });
    await cutOff.lead();
    await world.applied();
    const other = stage.actor();
    await other.projector.start();
    cutOff.engine.play = play;
    await stage.grant();
    // Its own changes wake it: it makes room all the same.
    const waking = setInterval(() => cutOff.projector.wake(), 1);
    await world.applied().finally(() => clearInterval(waking));
    expect([cutOff.projector.isLeader(), other.projector.isLeader()]).toEqual([false, true]);
    expect(await stage.anneIsIn()).toBe(true);
  });

  test('that takes nothing from the only process there is takes everything from it once it does', async () => {
    const only = stage.actor({ yieldMs: 100 });
    await only.lead();
    await world.applied();
    only.engine.play = () => Promise.reject(new EngineError('refused', { kind: 'unavailable', applied: 'no' }));
    await stage.grant();
    await until(() => !only.projector.isLeader());
    await until(only.projector.isLeader);
    only.engine.play = undefined;
    await world.applied();
    expect(await stage.anneIsIn()).toBe(true);
  });
});
