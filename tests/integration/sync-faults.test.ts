/**
 * What goes wrong between a commit and the engine: projectors that die, sleep or are replaced, Writes that come late or
 * whose outcome is not known. However it goes, in the end the tuples are what the rows say.
 */
import { randomUUID } from 'node:crypto';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { createPool } from '../../src/platform/postgres.js';
import type { Pool } from '../../src/platform/postgres.js';
import { EngineError } from '../../src/shared/tuple.js';
import type { Projector, ProjectorOptions } from '../../src/sync/projector.js';
import { driftLines, readsUsers, playedEngine, storedLines, until } from '../support/played-engine.js';
import type { Change, PlayedEngine } from '../support/played-engine.js';
import { createWorld, roleId } from '../support/world.js';
import type { World } from '../support/world.js';

/** Short times, so that a test can wait them out. */
const TIMES = { writeTimeoutMs: 150, leaseMs: 100, engineRequestTimeoutMs: 300, pollMs: 5, standbyMs: 20, parkMs: 300 };
/** The longest that a key may be held after its projector has died: lease, way, the engine's own time, margin. */
const fenceMs = (engineRequestTimeoutMs: number): number => 100 + 150 + engineRequestTimeoutMs + 250;
const FENCE_MS = fenceMs(TIMES.engineRequestTimeoutMs);
/** Long enough for a test to do something meanwhile, also on a busy machine. */
const LONG = { engineRequestTimeoutMs: 2_500 };

interface Actor {
  readonly projector: Projector;
  readonly engine: PlayedEngine;
  readonly pool: Pool;
  /** Ends the server side of its leadership, as a broken network or a failover would. */
  cutOff(): Promise<void>;
}

let world: World;
let actors: Actor[];
let gates: { open: () => void }[];
const viewer = roleId('t1', 'EMR_CLIENT_VIEWER');
beforeEach(async () => {
  world = await createWorld();
  actors = [];
  gates = [];
  await world.addTenant('t1', 'emr');
  await world.addUser('t1', 'anne');
});
afterEach(async () => {
  for (const { open } of gates) open();
  for (const { projector, pool, engine } of actors) {
    engine.play = undefined;
    await projector.stop();
    await pool.end();
  }
  await world.end();
});

/** A projector with its own connections and its own hand on the engine; not started. */
function actor(over: Partial<ProjectorOptions> = {}): Actor {
  const name = `projector-${randomUUID()}`;
  const options = { url: world.databaseUrl, role: 'bailiwick_sync', max: 4, applicationName: name } as const;
  const pool = createPool(options, () => undefined);
  const engine = playedEngine(world);
  const made: Actor = {
    projector: world.projector({ pool, tuples: engine.tuples, ...TIMES, ...over }),
    engine,
    pool,
    cutOff: () =>
      world.superSql(`select pg_terminate_backend(a.pid) from pg_stat_activity a join pg_locks l on l.pid = a.pid
        where a.application_name = '${name}' and l.locktype = 'advisory' and a.datname = current_database()`),
  };
  actors.push(made);
  return made;
}

const grant = (): Promise<unknown> =>
  world.sql(`insert into security.user_role (user_id, role_id) values ('anne', $1)`, [viewer]);
const revoke = (): Promise<unknown> =>
  world.sql(`update security.user_role set revoked_at = now() where user_id = 'anne' and revoked_at is null`);
const anneIsIn = (): Promise<boolean> => readsUsers(world, 'anne', 't1');
const grantsAnne = ({ writes }: Change): boolean => writes.some(({ user }) => user === 'user:anne');
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function leads({ projector }: Actor): Promise<void> {
  await projector.start();
  await until(projector.isLeader);
}

/** A gate that a Write waits at; open at the end of the test at the latest. */
function gate(): { reached: Promise<void>; open: () => void; pass: () => Promise<void> } {
  let arrive = (): void => undefined;
  let open = (): void => undefined;
  const reached = new Promise<void>((resolve) => (arrive = resolve));
  const opened = new Promise<void>((resolve) => (open = resolve));
  const made = {
    reached,
    open: () => open(),
    pass: async () => {
      arrive();
      await opened;
    },
  };
  gates.push(made);
  return made;
}

describe('a projector that sleeps between its read and its write', () => {
  test('while another one revokes: when it wakes, the answer ends up no', async () => {
    const first = actor();
    const sleep = gate();
    await leads(first);
    await world.applied();
    first.engine.play = async (change, forward) => {
      if (grantsAnne(change)) await sleep.pass();
      await forward();
    };
    await grant();
    await sleep.reached;
    await first.cutOff();
    const second = actor();
    await leads(second);
    await revoke();
    // The second one has had its say, past every fence, before the first one wakes.
    await world.applied();
    expect(await anneIsIn()).toBe(false);
    sleep.open();
    await until(() => first.engine.writes.some(grantsAnne));
    await pause(2 * FENCE_MS);
    await world.applied();
    expect(await anneIsIn()).toBe(false);
    expect(await driftLines(world)).toEqual([]);
  });

  test('and whose late Write gets no answer at all: the answer ends up no', async () => {
    const first = actor();
    const sleep = gate();
    await leads(first);
    await world.applied();
    const late: Promise<void>[] = [];
    first.engine.play = async (change, forward) => {
      if (!grantsAnne(change)) {
        await forward();
        return;
      }
      await sleep.pass();
      late.push(pause(250).then(forward));
      throw new EngineError('no answer', { kind: 'timeout', applied: 'unknown' });
    };
    await grant();
    await sleep.reached;
    await first.cutOff();
    await leads(actor());
    await revoke();
    await world.applied();
    sleep.open();
    await until(() => late.length > 0);
    await Promise.all(late);
    await until(async () => !(await anneIsIn()), 3 * FENCE_MS);
    await pause(FENCE_MS);
    await world.applied();
    expect(await anneIsIn()).toBe(false);
    expect(await driftLines(world)).toEqual([]);
  });

  test('and wakes before it has written anything: it sees that it was replaced and writes nothing', async () => {
    const first = actor();
    await leads(first);
    await world.applied();
    const slowPool = first.pool;
    const sleep = gate();
    // The claim goes over another connection than the leadership: it is held up there.
    const claimed = slowPool.transaction.bind(slowPool);
    let isAsleep = true;
    Object.assign(slowPool, {
      transaction: async (...given: Parameters<Pool['transaction']>) => {
        if (isAsleep) await sleep.pass();
        return await claimed(...given);
      },
    });
    const before = first.engine.writes.length;
    await grant();
    await sleep.reached;
    await first.cutOff();
    const second = actor();
    await leads(second);
    await revoke();
    await world.applied();
    isAsleep = false;
    sleep.open();
    await pause(200);
    expect(first.engine.writes.length).toBe(before);
    expect(await anneIsIn()).toBe(false);
  });
});

describe('a Write of unknown outcome', () => {
  test('that commits after its time-out, with a revocation in between: the answer ends up no', async () => {
    const only = actor(LONG);
    await leads(only);
    await world.applied();
    const late: Promise<void>[] = [];
    only.engine.play = async (change, forward) => {
      if (!grantsAnne(change) || late.length > 0) {
        await forward();
        return;
      }
      late.push(pause(100).then(forward));
      throw new EngineError('no answer', { kind: 'timeout', applied: 'unknown' });
    };
    await grant();
    await until(() => late.length > 0);
    await revoke();
    await Promise.all(late);
    // The late Write is in force now, and no projector has been told: nobody may believe that all is applied.
    expect(await anneIsIn()).toBe(true);
    const [pending] = await world.sql<{ n: number }>(`select count(*)::int as n from sync.outbox`);
    expect(pending?.n).toBe(2);
    await world.applied();
    expect(await anneIsIn()).toBe(false);
    expect(await driftLines(world)).toEqual([]);
  });

  test('holds back its own key, and nobody else’s', async () => {
    const only = actor(LONG);
    await world.addUser('t1', 'bob');
    await leads(only);
    await world.applied();
    let isLost = true;
    only.engine.play = async (change, forward) => {
      if (isLost && grantsAnne(change)) throw new EngineError('lost', { kind: 'timeout', applied: 'unknown' });
      await forward();
    };
    await grant();
    await until(async () => (await world.sql(`select from sync.outbox where not_before is not null`)).length > 0);
    isLost = false;
    const from = performance.now();
    await world.sql(`insert into security.user_role (user_id, role_id) values ('bob', $1)`, [viewer]);
    await until(async () => await readsUsers(world, 'bob', 't1'));
    expect(performance.now() - from).toBeLessThan(2_500);
    expect(await anneIsIn()).toBe(false);
    await world.applied();
    expect(await anneIsIn()).toBe(true);
  });

  test('that had happened is found applied, once', async () => {
    const only = actor();
    await leads(only);
    await world.applied();
    let lost = 0;
    only.engine.play = async (change, forward) => {
      await forward();
      if (grantsAnne(change) && (lost += 1) === 1) {
        throw new EngineError('answer lost', { kind: 'unavailable', applied: 'unknown' });
      }
    };
    await grant();
    await world.applied();
    expect(await anneIsIn()).toBe(true);
    expect(await driftLines(world)).toEqual([]);
  });
});

describe('a leader that dies', () => {
  test('with its Postgres session in the middle of a Write: another goes on, and the answer is right', async () => {
    const first = actor();
    const second = actor();
    await leads(first);
    await second.projector.start();
    await world.applied();
    await grant();
    await world.applied();
    const sleep = gate();
    first.engine.play = async (_, forward) => {
      await sleep.pass();
      await forward();
    };
    await revoke();
    await sleep.reached;
    await first.cutOff();
    sleep.open();
    await world.applied();
    await until(() => first.projector.isLeader() || second.projector.isLeader());
    expect(await anneIsIn()).toBe(false);
    await pause(FENCE_MS);
    await world.applied();
    expect(await driftLines(world)).toEqual([]);
  });

  test('between the engine’s commit and its own: the next one waits out the fence, then confirms', async () => {
    const first = actor(LONG);
    await leads(first);
    await world.applied();
    const sleep = gate();
    first.engine.play = async (change, forward) => {
      await forward();
      if (grantsAnne(change)) await sleep.pass();
    };
    await grant();
    await sleep.reached;
    const claimedAt = performance.now();
    await first.cutOff();
    const second = actor(LONG);
    await leads(second);
    await revoke();
    // Entries of a dead leader's claim, and what hangs on them, wait; others do not.
    await world.addUser('t1', 'bob', ['EMR_CLIENT_VIEWER']);
    await until(async () => await readsUsers(world, 'bob', 't1'));
    expect(performance.now() - claimedAt).toBeLessThan(fenceMs(2_500));
    expect(await anneIsIn()).toBe(true);
    expect(second.engine.writes.some(({ deletes }) => deletes.some(({ user }) => user === 'user:anne'))).toBe(false);
    await world.applied();
    expect(performance.now() - claimedAt).toBeGreaterThan(fenceMs(2_500) - 250);
    expect(await anneIsIn()).toBe(false);
    sleep.open();
    await pause(200);
    await world.applied();
    expect(await driftLines(world)).toEqual([]);
  });

  test('is followed by the one on stand-by, in a moment', async () => {
    const first = actor();
    const second = actor();
    await leads(first);
    await second.projector.start();
    await world.applied();
    await first.cutOff();
    const from = performance.now();
    await grant();
    await until(anneIsIn);
    expect(performance.now() - from).toBeLessThan(5_000);
  });

  test('while it is being stopped leaves nothing undone', async () => {
    const first = actor();
    await leads(first);
    await world.applied();
    const sleep = gate();
    first.engine.play = async (_, forward) => {
      await sleep.pass();
      await forward();
    };
    await grant();
    await sleep.reached;
    const stopped = first.projector.stop();
    await first.cutOff();
    sleep.open();
    await stopped;
    await revoke();
    await leads(actor());
    await world.applied();
    expect(await anneIsIn()).toBe(false);
    expect(await driftLines(world)).toEqual([]);
  });

  test('again and again under load ends in tuples that equal rows', async () => {
    const both = [actor(), actor()];
    for (const { projector } of both) await projector.start();
    for (let turn = 0; turn < 6; turn += 1) {
      await world.addUser('t1', `u${String(turn)}`, ['EMR_CLIENT_VIEWER']);
      await grant();
      await Promise.all(both.map((each) => each.cutOff()));
      await revoke();
    }
    await world.applied();
    await pause(FENCE_MS);
    await world.applied();
    expect(await driftLines(world)).toEqual([]);
  });
});

test('two projectors never both lead, however often leadership changes', async () => {
  const three = [actor(), actor(), actor()];
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
    const only = actor();
    await leads(only);
    await world.applied();
    let conflicts = 0;
    only.engine.play = async (change, forward) => {
      if (grantsAnne(change) && (conflicts += 1) <= 5) {
        throw new EngineError('conflict', { kind: 'conflict', applied: 'no' });
      }
      await forward();
    };
    await grant();
    await world.applied();
    expect(conflicts).toBeGreaterThan(5);
    expect(await anneIsIn()).toBe(true);
  });

  test('that holds a tuple under another condition than anybody knows of ends with ours', async () => {
    const only = actor();
    await leads(only);
    await world.applied();
    const condition = { validFrom: '2020-01-01T00:00:00Z', expiresAt: '2021-01-01T00:00:00Z' };
    const foreign = { user: 'user:anne', relation: 'a', object: `role:t1/${viewer}`, condition };
    await world.tuples.write({ deletes: [], writes: [foreign] }, { timeoutMs: 5_000 });
    await grant();
    await world.applied();
    expect(await anneIsIn()).toBe(true);
    expect(await driftLines(world)).toEqual([]);
  });

  test('that is away loses nothing, and everything is there soon after it is back', async () => {
    const only = actor();
    await leads(only);
    await world.applied();
    only.engine.play = () => Promise.reject(new EngineError('refused', { kind: 'unavailable', applied: 'no' }));
    await grant();
    await world.addUser('t1', 'bob', ['EMR_CLIENT_VIEWER']);
    await pause(500);
    expect(only.projector.isLeader()).toBe(true);
    only.engine.play = undefined;
    const from = performance.now();
    await world.applied();
    expect(performance.now() - from).toBeLessThan(5_000);
    expect(await driftLines(world)).toEqual([]);
    expect(await storedLines(world)).toContain(`user:bob a role:t1/${viewer}`);
  });
});
