/** The composed service, end to end: what a sync token promises, what is written down, and how it ends. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { eachOf } from '../support/each-of.js';
import { revokeRoles, until, withExposed } from '../support/outage.js';
import { startService } from '../support/service.js';
import { createWorld, roleId } from '../support/world.js';
import type { World } from '../support/world.js';

const TRIES = 200;
const YES = { user: 'anne', permission: 'claims.read', tenant: 'acme' };
const NO = { user: 'anne', permission: 'users.read', tenant: 'acme' };
const LIST = { user: 'anne', permission: 'record.read', tenant: 'acme', type: 'record' } as const;
/** Enough for a machine under load: what is tested here is never how long it takes. */
const PATIENT = { requestTimeoutMs: 10_000, engineTimeoutMs: 5_000, syncWaitMs: 5_000 };

let world: World;
beforeAll(async () => {
  world = await createWorld();
  await world.addTenant('acme', 'rcm');
  await world.addUser('acme', 'anne', ['BILLER']);
  await world.sql(`insert into security.record (tenant_id, id, owner_user_id) values ('acme', 'claim-1', 'anne')`);
});
afterAll(() => world.end());

/** `count` billers, named `<prefix>-<n>`. */
async function addBillers(prefix: string, count: number): Promise<string[]> {
  const users = Array.from({ length: count }, (_, index) => `${prefix}-${index}`);
  await world.sql(
    `with added as (
       insert into security.app_user (id, tenant_id, email)
       select id, 'acme', id || '@example.com' from unnest($1::text[]) id returning id)
     select count(*) from added`,
    [users],
  );
  await world.sql(`insert into security.user_role (user_id, role_id) select id, $2 from unnest($1::text[]) id`, [
    users,
    roleId('acme', 'BILLER'),
  ]);
  return users;
}

describe('a sync token', () => {
  test(`of a revocation is followed by no, ${TRIES} times of ${TRIES}`, { timeout: 120_000 }, async () => {
    const users = await addBillers('revoked', TRIES);
    const service = await startService(world, PATIENT);
    try {
      await service.settle();
      let denied = 0;
      for (const [index, user] of users.entries()) {
        const question = { user, permission: 'claims.read', tenant: 'acme' };
        if (index % 20 === 0) expect((await service.check(question)).body.allowed).toBe(true);
        const syncToken = await revokeRoles(world, user, 'acme');
        const inHeader = index % 2 === 0;
        const answer = inHeader
          ? await service.check(question, { syncToken })
          : await service.check({ ...question, syncToken });
        expect(answer.status).toBe(200);
        if (answer.body.allowed === false) denied += 1;
      }
      expect(denied).toBe(TRIES);
    } finally {
      await service.stop();
    }
  });

  test('is what makes the difference: with slow projection and without it, there are stale answers', async () => {
    const users = await addBillers('slow', 20);
    await withExposed(world, PATIENT, async ({ service, engine }) => {
      await service.settle();
      engine.setDelay(60);
      let stale = 0;
      for (const user of users) {
        const question = { user, permission: 'claims.read', tenant: 'acme' };
        const syncToken = await revokeRoles(world, user, 'acme');
        if ((await service.check(question)).body.allowed === true) stale += 1;
        expect((await service.check(question, { syncToken })).body.allowed).toBe(false);
      }
      expect(stale).toBeGreaterThan(0);
    });
  });

  test('that cannot be honoured in time is a 503, and honoured once it can', async () => {
    const [user = ''] = await addBillers('blocked', 1);
    const question = { user, permission: 'claims.read', tenant: 'acme' };
    await withExposed(world, {}, async ({ service, engine }) => {
      await service.settle();
      await engine.set('hang');
      const syncToken = await revokeRoles(world, user, 'acme');
      const answer = await service.check({ ...question, syncToken });
      expect(answer).toMatchObject({ status: 503, body: { code: 'SYNC_LAG' }, headers: { 'retry-after': '1' } });
      expect(answer.ms).toBeGreaterThan(240);
      expect(answer.ms).toBeLessThan(1_000);
      await engine.set('pass');
      await until(async () => {
        const { status, body } = await service.check({ ...question, syncToken });
        expect(body.allowed).not.toBe(true);
        return status === 200;
      }, 15_000);
    });
  });

  test('that nobody gave is refused', async () => {
    const service = await startService(world);
    try {
      const answer = await service.check({ ...YES, syncToken: 'made-up' });
      expect(answer).toMatchObject({ status: 400, body: { code: 'SYNC_TOKEN_INVALID' } });
    } finally {
      await service.stop();
    }
  });
});

test('what is written down is what was answered, one entry an answer', async () => {
  const service = await startService(world, PATIENT);
  try {
    await service.settle();
    const answers = await eachOf([...Array(120).keys()], async (index) => {
      if (index % 3 === 2) return { ...(await service.listObjects(LIST)), expected: 'listed' };
      const { requestId, status, body } = await service.check(index % 3 === 0 ? YES : NO);
      return { requestId, status, expected: body.allowed === true ? 'allowed' : 'denied' };
    });
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    // `strict`: it is there before the answer is.
    const rows = await world.sql<{ requestId: string; answer: string }>(
      `select request_id as "requestId", answer from audit.decision where request_id = any($1)`,
      [answers.map(({ requestId }) => requestId)],
    );
    const byId = (a: { requestId: string }, b: { requestId: string }): number => (a.requestId < b.requestId ? -1 : 1);
    expect(rows.toSorted(byId)).toEqual(
      answers.map(({ requestId, expected }) => ({ requestId, answer: expected })).sort(byId),
    );
    expect(new Set(answers.map(({ expected }) => expected))).toEqual(new Set(['allowed', 'denied', 'listed']));
  } finally {
    await service.stop();
  }
});

test('at its end it finishes what is under way, writes it down, and takes nothing new', async () => {
  await withExposed(world, { ...PATIENT, decisionCacheEntries: 0 }, async ({ service, engine }) => {
    await service.settle();
    // Without connections from before, each question opens one: when there are ten, the engine has been asked ten times.
    await engine.set('refuse');
    await engine.set('hang');
    const underWay = Promise.all(Array.from({ length: 10 }, () => service.check(YES)));
    await until(() => Promise.resolve(engine.connections() >= 10), 10_000);
    const stopped = service.stop();
    await engine.set('pass');
    const answers = await underWay;
    for (const { status, body } of answers) expect({ status, ...body }).toMatchObject({ status: 200, allowed: true });
    await stopped;
    const [logged] = await world.sql<{ n: number }>(
      `select count(*)::int as n from audit.decision where request_id = any($1)`,
      [answers.map(({ requestId }) => requestId)],
    );
    expect(logged).toEqual({ n: 10 });
    await expect(service.check(YES)).rejects.toThrow(/ECONNREFUSED/);
    await expect(fetch(`${service.management}/livez`)).rejects.toThrow();
  });
});
