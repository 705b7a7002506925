/**
 * The composed service while the engine or Postgres is away: refused, reset or silent. Whatever happens, no answer is
 * made up: it is a 503, soon, and after the end of it the answers are right again.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { createPool } from '../../src/platform/postgres.js';
import { revokeRoles, until, withExposed } from '../support/outage.js';
import type { RunningService } from '../support/service.js';
import { startProxy, targetOf, through } from '../support/tcp-proxy.js';
import type { NetworkMode } from '../support/tcp-proxy.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';

const YES = { user: 'anne', permission: 'claims.read', tenant: 'acme' };
const NO = { user: 'anne', permission: 'users.read', tenant: 'acme' };
const LIST = { user: 'anne', permission: 'record.read', tenant: 'acme', type: 'record' } as const;
/** Somebody who asks about themselves: who they are is known without a look at Postgres. */
const ANNE = { as: { user: 'anne', tenant: 'acme' } };
/** What it may take at most from the end of an outage to right answers. */
const BACK_MS = 2_000;
/** A machine under load must not look like an outage; only one that hangs needs the time limits as they are. */
const PATIENT = { engineTimeoutMs: 5_000, requestTimeoutMs: 10_000 };

let world: World;
beforeAll(async () => {
  world = await createWorld();
  await world.addTenant('acme', 'rcm');
  await world.addUser('acme', 'anne', ['BILLER']);
  for (const user of ['refused', 'reset', 'hanging', 'refused-db', 'hanging-db']) {
    await world.addUser('acme', user, ['BILLER']);
  }
  await world.sql(`insert into security.record (tenant_id, id, owner_user_id) values ('acme', 'claim-1', 'anne')`);
});
afterAll(() => world.end());

async function isRight(service: RunningService): Promise<boolean> {
  const [yes, no, list] = [await service.check(YES), await service.check(NO), await service.listObjects(LIST)];
  if (yes.status === 200) expect(yes.body.allowed).toBe(true);
  if (no.status === 200) expect(no.body.allowed).toBe(false);
  if (list.status === 200) expect(list.body).toMatchObject({ items: ['record:claim-1'], complete: true });
  return [yes, no, list].every(({ status }) => status === 200);
}

/** What the service says of itself. */
async function readiness({ management }: RunningService): Promise<{ status: number; text: string }> {
  const response = await fetch(`${management}/readyz?verbose`);
  return { status: response.status, text: await response.text() };
}

const median = (numbers: readonly number[]): number => numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? NaN;

const inTurn = async <T>(count: number, work: () => Promise<T>): Promise<T[]> => {
  const done: T[] = [];
  for (let at = 0; at < count; at += 1) done.push(await work());
  return done;
};

describe('an engine', () => {
  // A silent engine costs every question its 250 ms; the others are found out at once.
  test.each<{ mode: Exclude<NetworkMode, 'pass'>; user: string; typicalMs: number }>([
    { mode: 'refuse', user: 'refused', typicalMs: 300 },
    { mode: 'reset', user: 'reset', typicalMs: 300 },
    { mode: 'hang', user: 'hanging', typicalMs: 450 },
  ])(
    'that is away ($mode) is a 503 at once, never a decision, and right again within 2 s of its return',
    async ({ mode, user, typicalMs }) => {
      // The first moments, in which what is kept may still be given, are the next test's concern.
      const over = { ...(mode === 'hang' ? {} : PATIENT), decisionCacheEntries: 0 };
      await withExposed(world, over, async ({ service, engine }) => {
        await service.settle();
        await until(() => isRight(service), 20_000);
        await engine.set(mode);

        const answers = [
          ...(await inTurn(5, () => service.check(YES))),
          ...(await inTurn(3, () => service.check(NO))),
          ...(await inTurn(2, () => service.listObjects(LIST))),
          ...(await Promise.all(Array.from({ length: 40 }, () => service.check(YES)))),
        ];
        for (const { status, body } of answers) {
          expect({ status, code: body.code }).toEqual({ status: 503, code: 'ENGINE_UNAVAILABLE' });
          expect(body).not.toHaveProperty('allowed');
        }
        expect(answers[0]?.headers['retry-after']).toBe('1');
        expect(median(answers.slice(0, 10).map(({ ms }) => ms))).toBeLessThan(typicalMs);
        expect(Math.max(...answers.slice(0, 10).map(({ ms }) => ms))).toBeLessThan(1_000);

        // Written down as what they are.
        const ids = answers.map(({ requestId }) => requestId);
        await expect
          .poll(() => undecided(ids), { timeout: 5_000 })
          .toEqual([{ answer: 'undecided', problem: 'ENGINE_UNAVAILABLE', n: answers.length }]);
        expect((await fetch(`${service.management}/livez`)).status).toBe(200);
        await expect
          .poll(() => readiness(service), { timeout: 5_000 })
          .toMatchObject({
            status: 503,
            text: expect.stringContaining('[-]engine') as string,
          });

        // What is revoked meanwhile is not answered before it is in force.
        const token = await revokeRoles(world, user, 'acme');
        const revoked = { user, permission: 'claims.read', tenant: 'acme', syncToken: token };
        expect(await service.check(revoked)).toMatchObject({ status: 503, body: { code: 'SYNC_LAG' } });

        await engine.set('pass');
        expect(await until(() => isRight(service), 10_000)).toBeLessThan(BACK_MS);
        await until(async () => {
          const { status, body } = await service.check(revoked);
          expect(body.allowed).not.toBe(true);
          return status === 200 && body.allowed === false;
        }, 15_000);
        await expect.poll(() => readiness(service), { timeout: 5_000 }).toMatchObject({ status: 200 });
      });
    },
  );
});

test.each<Exclude<NetworkMode, 'pass'>>(['refuse', 'hang'])(
  'what was answered a moment ago is no longer given once the engine is known to be away (%s)',
  async (mode) => {
    await withExposed(world, PATIENT, async ({ service, engine }) => {
      await service.settle();
      await until(() => isRight(service), 20_000);
      await engine.set(mode);
      await until(async () => (await service.check(YES, { timeoutMs: 300 })).status === 503, 5_000);
      const answers = await inTurn(20, () => service.check(YES, { timeoutMs: 300 }));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]));
      await engine.set('pass');
      await until(() => isRight(service), 10_000);
    });
  },
);

async function undecided(requestIds: readonly string[]): Promise<unknown[]> {
  return await world.sql(
    `select answer, problem, count(*)::int as n from audit.decision where request_id = any($1) group by 1, 2`,
    [requestIds],
  );
}

describe('a Postgres', () => {
  test.each<{ mode: Exclude<NetworkMode, 'pass'>; user: string; limitMs: number }>([
    { mode: 'refuse', user: 'refused-db', limitMs: 1_000 },
    // Nothing tells that nobody is there: the request's own time limit ends it.
    { mode: 'hang', user: 'hanging-db', limitMs: 1_500 },
  ])(
    'that is away ($mode) is a 503, never a decision that nobody writes down, and right again within 2 s of its return',
    async ({ mode, user, limitMs }) => {
      // What is kept needs no engine to be asked.
      // The engine is well here: however busy the machine, it is given the time to say so.
      const over = { ...(mode === 'hang' ? { engineTimeoutMs: 900 } : PATIENT), decisionCacheEntries: 0 };
      await withExposed(world, over, async ({ service, postgres }) => {
        await service.settle();
        await until(() => isRight(service), 20_000);
        // Several open connections: one that is silent is another fault than one that cannot be had.
        await Promise.all(Array.from({ length: 10 }, () => service.check(YES)));
        await postgres.set(mode);
        const answers = [
          ...(await inTurn(2, () => service.check(YES, ANNE))),
          ...(await inTurn(2, () => service.check(YES))),
          ...(await inTurn(1, () => service.listObjects(LIST, ANNE))),
          ...(await inTurn(1, () => service.check({ ...YES, syncToken: 'x' }, ANNE))),
          ...(await Promise.all(Array.from({ length: 20 }, () => service.check(YES, ANNE)))),
        ];
        for (const { status, body } of answers) {
          expect([400, 503]).toContain(status);
          if (status === 400) expect(body.code).toBe('SYNC_TOKEN_INVALID');
          else expect(body.code).toMatch(/^(DATABASE|AUDIT)_UNAVAILABLE$/);
          expect(body).not.toHaveProperty('allowed');
        }
        expect(Math.max(...answers.slice(0, 6).map(({ ms }) => ms))).toBeLessThan(limitMs);
        expect(median(answers.map(({ ms }) => ms))).toBeLessThan(limitMs);

        const token = await revokeRoles(world, user, 'acme');
        const revoked = { user, permission: 'claims.read', tenant: 'acme' };
        const stale = await service.check({ ...revoked, syncToken: token }, { as: { user, tenant: 'acme' } });
        expect(stale.status).toBe(503);

        await postgres.set('pass');
        expect(await until(() => isRight(service), 10_000)).toBeLessThan(BACK_MS);
        await until(async () => {
          const { status, body } = await service.check({ ...revoked, syncToken: token });
          expect(body.allowed).not.toBe(true);
          return status === 200 && body.allowed === false;
        }, 20_000);
        await expect.poll(() => readiness(service), { timeout: 5_000 }).toMatchObject({ status: 200 });
      });
    },
  );

  test('that never says anything again does not hold the pool: its connections are given up', async () => {
    const proxy = await startProxy(targetOf(world.databaseUrl));
    const url = through(world.databaseUrl, proxy);
    const options = { role: 'bailiwick_service', max: 1, applicationName: 'test', statementTimeoutMs: 100 } as const;
    const pool = createPool({ url, ...options }, () => undefined);
    const ask = (): Promise<unknown> => pool.transaction((tx) => tx.query({ text: 'select 1' }));
    await ask();
    await proxy.set('hang');
    const silent = ask();
    await expect(silent).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    await proxy.set('refuse');
    await proxy.set('pass');
    await ask();
    expect(pool.counts()).toEqual({ total: 1, idle: 1, waiting: 0 });
    await pool.end();
    await proxy.stop();
  });

  test('that is away keeps no answer back where the log may lag behind: it is written once it is there', async () => {
    await withExposed(world, { ...PATIENT, decisionLog: 'async' }, async ({ service, postgres }) => {
      await service.settle();
      await postgres.set('refuse');
      const answers = await inTurn(10, () => service.check(YES, ANNE));
      for (const { status, body } of answers) expect({ status, ...body }).toMatchObject({ status: 200, allowed: true });
      await postgres.set('pass');
      const ids = answers.map(({ requestId }) => requestId);
      await expect
        .poll(() => undecided(ids), { timeout: 5_000 })
        .toEqual([{ answer: 'allowed', problem: null, n: answers.length }]);
    });
  });
});
