/** `Idempotency-Key`: one key, one effect, whatever is sent twice, at once, to whichever replica, or dies half-way. */
import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

import type { RoleReceipt } from '../../src/contract/api.js';
import { createClaimSweeper } from '../../src/audit/claim-sweeper.js';
import { createOncePerKey } from '../../src/http/idempotency.js';
import type { Answer, KeyedRequest } from '../../src/http/idempotency.js';
import { markEffect } from '../../src/audit/claim-store.js';
import { ADA, ODA, openOffice, PATIENT } from '../support/office.js';
import type { Office } from '../support/office.js';
import { startService } from '../support/service.js';
import type { Answered, RequestMore, RunningService } from '../support/service.js';
import { quiet } from '../support/world.js';

const PARALLEL = 50;

let office: Office;
let replica: RunningService;
beforeAll(async () => {
  office = await openOffice();
  replica = await startService(office.world, PATIENT);
});
afterAll(async () => {
  await replica.stop();
  await office.end();
});

const withKey = (key: string, more: RequestMore = ADA): RequestMore => ({
  ...more,
  headers: { 'idempotency-key': key },
});
const aName = (): string => `R_${randomUUID().replaceAll('-', '_').toUpperCase()}`;

function create(roleName: string, more: RequestMore, service = office.service): Promise<Answered<RoleReceipt>> {
  return service.post<RoleReceipt>('/admin/roles', { roleName }, more);
}

async function rolesNamed(roleName: string): Promise<number> {
  const rows: { n: number }[] = await office.world.sql(`select count(*)::int as n from security.role where name = $1`, [
    roleName,
  ]);
  return rows[0]?.n ?? 0;
}

/** Makes the claims of the key older, as if so much time had passed. */
async function age(key: string, interval: string): Promise<void> {
  await office.world.superSql(
    `update audit.idempotency_claim set claimed_at = claimed_at - interval '${interval}' where key = '${key}'`,
  );
}

describe('a key', () => {
  test('is answered the second time as the first, on any replica, and has one effect', async () => {
    const [key, roleName] = [randomUUID(), aName()];
    const first = await create(roleName, withKey(key));
    expect(first.status).toBe(201);
    const since = await office.lastEntryId();
    for (const service of [office.service, replica]) {
      const again = await create(roleName, withKey(key), service);
      expect([again.status, again.body]).toEqual([201, first.body]);
      expect(again.headers['idempotent-replayed']).toBe('true');
    }
    expect(first.headers['idempotent-replayed']).toBeUndefined();
    expect(await office.entriesSince(since)).toEqual([]);
  });

  test('with another body, or for another thing, is 422', async () => {
    const key = randomUUID();
    const { id } = await office.addRole('KEYED');
    await create('KEYED_FIRST', withKey(key));
    const other = await create('KEYED_SECOND', withKey(key));
    expect([other.status, other.body.code]).toEqual([422, 'IDEMPOTENCY_KEY_REUSED']);
    expect(await rolesNamed('KEYED_SECOND')).toBe(0);
    const clone = { roleName: aName() };
    const cloneKey = randomUUID();
    expect((await office.service.post(`/admin/roles/${id}/clone`, clone, withKey(cloneKey))).status).toBe(201);
    const elsewhere = await office.service.post('/admin/roles/acme.other/clone', clone, withKey(cloneKey));
    expect([elsewhere.status, elsewhere.body.code]).toEqual([422, 'IDEMPOTENCY_KEY_REUSED']);
  });

  test('of another caller, tenant or operation is another key', async () => {
    const key = randomUUID();
    const { id } = await office.addRole('KEY_SOURCE');
    const statuses = [
      await create(aName(), withKey(key)),
      await create(aName(), withKey(key, { as: { user: 'abe', tenant: 'acme' } })),
      await create(aName(), withKey(key, ODA)),
      await office.service.post(`/admin/roles/${id}/clone`, { roleName: aName() }, withKey(key)),
    ].map(({ status }) => status);
    expect(statuses).toEqual([201, 201, 201, 201]);
  });

  test('of a request that was refused may be sent again, corrected or not', async () => {
    const [key, roleName] = [randomUUID(), aName()];
    await create(roleName, ADA);
    const taken = await create(roleName, withKey(key));
    expect([taken.status, taken.body.code]).toEqual([409, 'ROLE_NAME_TAKEN']);
    expect((await create(roleName, withKey(key))).body.code).toBe('ROLE_NAME_TAKEN');
    expect((await create(aName(), withKey(key))).status).toBe(201);
  });

  test('does not help whoever lost the permission', async () => {
    const [key, roleName] = [randomUUID(), aName()];
    const { id } = await office.addRole('PASSING', ['users.admin']);
    await office.addHolder('passer', [id]);
    const as = { as: { user: 'passer', tenant: 'acme' } };
    expect((await create(roleName, withKey(key, as))).status).toBe(201);
    await office.world.sql(`update security.user_role set revoked_at = now() where user_id = 'passer'`);
    await office.service.settle();
    expect((await create(roleName, withKey(key, as))).status).toBe(403);
  });

  test('is forgotten after a day', async () => {
    const [key, roleName] = [randomUUID(), aName()];
    await create(roleName, withKey(key));
    await age(key, '25 hours');
    const anew = await create(aName(), withKey(key));
    expect([anew.status, anew.headers['idempotent-replayed']]).toEqual([201, undefined]);
  });

  test('is deleted after a day with its answer, of a tenant too where nothing is written any more', async () => {
    const old = randomUUID();
    const keys = [old, randomUUID(), randomUUID()];
    await create(aName(), withKey(old, ODA));
    await create(aName(), withKey(old));
    await age(old, '25 hours');
    for (const key of keys.slice(1)) await create(aName(), withKey(key, key === keys[1] ? ADA : ODA));
    const keptOf = async (): Promise<string[]> => {
      const { rows } = await office.world.pool(undefined).transaction((tx) =>
        tx.query<{ key: string }>({
          text: `select key from audit.idempotency_claim where key = any ($1::text[])`,
          values: [keys],
        }),
      );
      return rows.map(({ key }) => key).sort();
    };
    expect(await keptOf()).toHaveLength(4);
    const pool = office.world.pool('bailiwick_service');
    const sweepers = [1, 2].map(() => createClaimSweeper({ pool, log: quiet, everyMs: 20 }));
    for (const sweeper of sweepers) await sweeper.start();
    await vi.waitFor(async () => expect(await keptOf()).toHaveLength(2), { timeout: 5_000 });
    for (const sweeper of sweepers) await sweeper.stop();
    expect(await keptOf()).toEqual(keys.slice(1).sort());
  });

  test.each(['', 'a b', 'ä', 'x'.repeat(256)])('is not %j', async (key) => {
    const { status, body } = await office.service.post(
      '/admin/roles',
      { roleName: aName() },
      withKey(Buffer.from(key).toString('latin1')),
    );
    expect([status, body.code, body.errors?.[0]?.field]).toEqual([400, 'INVALID_REQUEST', 'idempotency-key']);
  });

  test(`sent ${String(PARALLEL)} times at once, to two replicas, has one effect; each is given the answer or told to wait`, async () => {
    const [key, roleName] = [randomUUID(), aName()];
    const since = await office.lastEntryId();
    const sent = await Promise.all(
      Array.from({ length: PARALLEL }, (_, at) =>
        create(roleName, withKey(key), at % 2 === 0 ? office.service : replica),
      ),
    );
    const ids = new Set(sent.filter(({ status }) => status === 201).map(({ body }) => body.id));
    expect(ids.size).toBe(1);
    const others = sent.filter(({ status }) => status !== 201);
    expect(others.filter(({ status, body }) => status !== 409 || body.code !== 'IDEMPOTENCY_IN_PROGRESS')).toEqual([]);
    expect(others.every(({ headers }) => headers['retry-after'] === '1')).toBe(true);
    expect((await office.entriesSince(since)).map(({ purpose }) => purpose)).toEqual(['role.create']);
    const after = await create(roleName, withKey(key));
    expect([after.status, ids.has(after.body.id)]).toEqual([201, true]);
  });
});

describe('what dies half-way', () => {
  /** The machinery itself, so that it can be stopped at each point. */
  function request(key: string, body: unknown = {}, isSecret = false): KeyedRequest {
    const caller = { kind: 'user', actorUserId: 'ada', tenantId: 'acme', via: 'headers' } as const;
    return { key, caller, operationId: 'createRole', path: '/x', body, isSecret };
  }
  const pool = () => office.world.pool('bailiwick_service');
  const once = () => createOncePerKey(pool(), quiet);
  const inTenant = { settings: { 'bailiwick.tenant_id': 'acme' } };
  const effect = (claimId: string): Promise<void> => pool().transaction((tx) => markEffect(tx, claimId), inTenant);
  const never = (): Promise<Answer> => Promise.reject(new Error('it was carried out twice'));
  const code = (work: Promise<unknown>): Promise<unknown> =>
    work.then(
      () => 'done',
      (error: unknown) => (error instanceof Error && 'code' in error ? error.code : String(error)),
    );

  test('after its effect is never carried out again: in progress while it may still answer, then spent', async () => {
    const key = randomUUID();
    // killed between the commit and the answer: what would keep the answer, or give the key back, never runs
    const hung = new Promise<Answer>(() => undefined);
    await new Promise<void>((resolve) => {
      void once()(request(key), async (claimId) => {
        await effect(claimId);
        resolve();
        return await hung;
      });
    });
    expect(await code(once()(request(key), never))).toBe('IDEMPOTENCY_IN_PROGRESS');
    await age(key, '61 seconds');
    expect(await code(once()(request(key), never))).toBe('IDEMPOTENCY_KEY_SPENT');
    expect(await code(once()(request(key, { other: true }), never))).toBe('IDEMPOTENCY_KEY_REUSED');
  });

  test('after its effect and with an error is not carried out again either', async () => {
    const key = randomUUID();
    const failing = once()(request(key), async (claimId) => {
      await effect(claimId);
      throw new Error('the answer is lost');
    });
    await expect(failing).rejects.toThrow('the answer is lost');
    await age(key, '61 seconds');
    expect(await code(once()(request(key), never))).toBe('IDEMPOTENCY_KEY_SPENT');
  });

  test('before its effect is taken over by the next; and if it lives after all, it has no effect', async () => {
    const key = randomUUID();
    let goOn: (() => void) | undefined;
    let hasStarted: (() => void) | undefined;
    const started = new Promise<void>((resolve) => (hasStarted = resolve));
    const paused = new Promise<void>((resolve) => (goOn = resolve));
    const slow = code(
      once()(request(key), async (claimId) => {
        hasStarted?.();
        await paused;
        await effect(claimId);
        return { status: 200, body: 'slow' };
      }),
    );
    await started;
    expect(await code(once()(request(key), never))).toBe('IDEMPOTENCY_IN_PROGRESS');
    await age(key, '61 seconds');
    const taken = await once()(request(key), async (claimId) => {
      await effect(claimId);
      return { status: 200, body: 'taken over' };
    });
    expect(taken.body).toBe('taken over');
    goOn?.();
    expect(await slow).toBe('IDEMPOTENCY_IN_PROGRESS');
    expect((await once()(request(key), never)).body).toBe('taken over');
  });

  test('a secret answer is kept nowhere, and its key is spent at once', async () => {
    const key = randomUUID();
    const secret = `secret-${randomUUID()}`;
    const first = await once()(request(key, {}, true), async (claimId) => {
      await effect(claimId);
      return { status: 200, body: { secret } };
    });
    expect(first.body).toEqual({ secret });
    expect(await code(once()(request(key, {}, true), never))).toBe('IDEMPOTENCY_KEY_SPENT');
    const rows = await office.world
      .pool(undefined)
      .transaction((tx) => tx.query<{ row: string }>({ text: `select c::text as row from audit.idempotency_claim c` }));
    expect(rows.rows.length).toBeGreaterThan(0);
    expect(rows.rows.filter(({ row }) => row.includes(secret))).toEqual([]);
  });

  test('an answer without a body is kept as one', async () => {
    const key = randomUUID();
    await once()(request(key), async (claimId) => (await effect(claimId), { status: 204 }));
    expect(await once()(request(key), never)).toMatchObject({ status: 204, body: undefined });
  });
});
