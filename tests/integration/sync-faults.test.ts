/**
 * Writes that come late, and Writes of which nobody knows what became of them: a projector that slept, an engine that
 * did not answer. However it goes, in the end the tuples are what the rows say.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import type { Pool } from '../../src/platform/postgres.js';
import { EngineError } from '../../src/shared/tuple.js';
import { driftLines, readsUsers, until } from '../support/played-engine.js';
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

describe('a projector that sleeps between its read and its write', () => {
  test('while another one revokes: when it wakes, the answer ends up no', async () => {
    const first = stage.actor();
    const sleep = stage.gate();
    await first.lead();
    await world.applied();
    first.engine.play = async (change, forward) => {
      if (grantsAnne(change)) await sleep.pass();
      await forward();
    };
    await stage.grant();
    await sleep.reached;
    await first.cutOff();
    const second = stage.actor();
    await second.lead();
    await stage.revoke();
    // The second one has had its say, past every fence, before the first one wakes.
    await world.applied();
    expect(await stage.anneIsIn()).toBe(false);
    sleep.open();
    await until(() => first.engine.writes.some(grantsAnne));
    await pause(2 * FENCE_MS);
    await world.applied();
    expect(await stage.anneIsIn()).toBe(false);
    expect(await driftLines(world)).toEqual([]);
  });

  test('and whose late Write gets no answer at all: the answer ends up no', async () => {
    const first = stage.actor();
    const sleep = stage.gate();
    await first.lead();
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
    await stage.grant();
    await sleep.reached;
    await first.cutOff();
    await stage.actor().lead();
    await stage.revoke();
    await world.applied();
    sleep.open();
    await until(() => late.length > 0);
    await Promise.all(late);
    await until(async () => !(await stage.anneIsIn()), 3 * FENCE_MS);
    await pause(FENCE_MS);
    await world.applied();
    expect(await stage.anneIsIn()).toBe(false);
    expect(await driftLines(world)).toEqual([]);
  });

  test('and wakes before it has written anything: it sees that it was replaced and writes nothing', async () => {
    const first = stage.actor();
    await first.lead();
    await world.applied();
    const slowPool = first.pool;
    const sleep = stage.gate();
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
    await stage.grant();
    await sleep.reached;
    await first.cutOff();
    const second = stage.actor();
    await second.lead();
    await stage.revoke();
    await world.applied();
    isAsleep = false;
    sleep.open();
    await pause(200);
    expect(first.engine.writes.length).toBe(before);
    expect(await stage.anneIsIn()).toBe(false);
  });
});

describe('a Write of unknown outcome', () => {
  test('that commits after its time-out, with a revocation in between: the answer ends up no', async () => {
    const only = stage.actor(LONG);
    await only.lead();
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
    await stage.grant();
    await until(() => late.length > 0);
    await stage.revoke();
    await Promise.all(late);
    // The late Write is in force now, and no projector has been told: nobody may believe that all is applied.
    expect(await stage.anneIsIn()).toBe(true);
    const [pending] = await world.sql<{ n: number }>(`select count(*)::int as n from sync.outbox`);
    expect(pending?.n).toBe(2);
    await world.applied();
    expect(await stage.anneIsIn()).toBe(false);
    expect(await driftLines(world)).toEqual([]);
  });

  test('holds back its own key, and nobody else’s', async () => {
    const only = stage.actor(LONG);
    await world.addUser('t1', 'bob');
    await only.lead();
    await world.applied();
    let isLost = true;
    only.engine.play = async (change, forward) => {
      if (isLost && grantsAnne(change)) throw new EngineError('lost', { kind: 'timeout', applied: 'unknown' });
      await forward();
    };
    await stage.grant();
    await until(async () => (await world.sql(`select from sync.outbox where not_before is not null`)).length > 0);
    isLost = false;
    const from = performance.now();
    await world.sql(`insert into security.user_role (user_id, role_id) values ('bob', $1)`, [VIEWER]);
    await until(async () => await readsUsers(world, 'bob', 't1'));
    expect(performance.now() - from).toBeLessThan(2_500);
    expect(await stage.anneIsIn()).toBe(false);
    await world.applied();
    expect(await stage.anneIsIn()).toBe(true);
  });

  test('that had happened is found applied, once', async () => {
    const only = stage.actor();
    await only.lead();
    await world.applied();
    let lost = 0;
    only.engine.play = async (change, forward) => {
      await forward();
      if (grantsAnne(change) && (lost += 1) === 1) {
        throw new EngineError('answer lost', { kind: 'unavailable', applied: 'unknown' });
      }
    };
    await stage.grant();
    await world.applied();
    expect(await stage.anneIsIn()).toBe(true);
    expect(await driftLines(world)).toEqual([]);
  });
});
