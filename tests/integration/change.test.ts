/**
 * `change`: by what right the service writes is looked at in the transaction of the change and held until it commits; a
 * lost race is run again; and what a transaction says of itself ends with it.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { createChange, createShow } from '../../src/audit/change.js';
import type { ChangeOrder } from '../../src/audit/change.js';
import type { Caller } from '../../src/shared/caller.js';
import type { RequestContext } from '../../src/shared/operation.js';
import { createPool } from '../../src/platform/postgres.js';
import type { Pool, Tx } from '../../src/platform/postgres.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';

const ORDER: ChangeOrder = { tenantId: 'acme' };
const nothing = (): Promise<undefined> => Promise.resolve(undefined);

let world: World;
/** One connection, so that whoever comes next is given the same. */
let pool: Pool;
beforeAll(async () => {
  world = await createWorld();
  await world.addTenant('acme', 'emr');
  await world.addTenant('other', 'emr');
  await world.addUser('acme', 'ada', ['EMR_CLIENT_ADMIN']);
  await world.addUser(null, 'root');
  await world.sql(`insert into identity.platform_admin (user_id) values ('root')`);
  pool = createPool(
    { url: world.databaseUrl, role: 'bailiwick_service', max: 1, applicationName: 'change' },
    () => undefined,
  );
});
afterAll(async () => {
  await pool.end();
  await world.end();
});

function as(user: string, impersonationId?: string): RequestContext {
  const caller: Caller = {
    kind: 'user',
    actorUserId: user,
    tenantId: 'acme',
    via: 'headers',
    ...(impersonationId === undefined ? {} : { impersonationId }),
  };
  return {
    caller,
    requestId: 'request-1',
    deadline: { remainingMs: () => 5_000, signal: new AbortController().signal },
    syncToken: undefined,
    ifMatch: undefined,
    isChange: true,
    idempotencyClaim: undefined,
  };
}

const changeOn = (on: Pool) => createChange({ pool: on, settle: () => Promise.resolve(true) });
const change = (context: RequestContext, order: ChangeOrder = ORDER) => changeOn(pool)(context, order, nothing);

const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'done',
    (error: unknown) => (error instanceof Error && 'code' in error ? error.code : error),
  );

/** One at a time: what the actor has begun before ends. */
async function impersonate(over: { actor?: string; tenant?: string } = {}): Promise<string> {
  await world.sql(`update identity.impersonation set ended_at = now() where actor_user_id = $1 and ended_at is null`, [
    over.actor ?? 'root',
  ]);
  const rows: { id: string }[] = await world.sql(
    `insert into identity.impersonation (actor_user_id, tenant_id, reason) values ($1, $2, 'a test') returning id`,
    [over.actor ?? 'root', over.tenant ?? 'acme'],
  );
  return rows[0]?.id ?? '';
}

const setStatus = (status: string) => world.sql(`update identity.tenant set status = $1 where id = 'acme'`, [status]);

describe('the right to write', () => {
  test.each([
    ['read_only', 'TENANT_READ_ONLY'],
    ['suspended', 'TENANT_SUSPENDED'],
  ])('ends where the tenant is %s, but for what ends something', async (status, code) => {
    await setStatus(status);
    expect(await codeOf(change(as('ada')))).toBe(code);
    expect(await codeOf(change(as('root', await impersonate())))).toBe(code);
    expect(await codeOf(change(as('ada'), { ...ORDER, isEnd: true }))).toBe('done');
    await setStatus('active');
    expect(await codeOf(change(as('ada')))).toBe('done');
  });

  test('of a platform admin from outside is an active impersonation of their own, of this tenant', async () => {
    await world.addUser(null, 'root-2');
    await world.sql(`insert into identity.platform_admin (user_id) values ('root-2')`);
    const refused = async (impersonationId: string | undefined): Promise<void> => {
      expect(await codeOf(change(as('root', impersonationId))), impersonationId).toBe('IMPERSONATION_REQUIRED');
    };
    await refused(undefined);
    await refused('no-such');
    const ended = await impersonate();
    await world.sql(`update identity.impersonation set ended_at = now() where id = $1`, [ended]);
    await refused(ended);
    const expired = await impersonate();
    await world.sql(
      `update identity.impersonation set started_at = now() - interval '50 minutes', expires_at = now() - interval '1 minute'
       where id = $1`,
      [expired],
    );
    await refused(expired);
    await refused(await impersonate({ tenant: 'other' }));
    await refused(await impersonate({ actor: 'root-2' }));
    expect(await codeOf(change(as('root', await impersonate())))).toBe('done');
  });

  test('needs no impersonation where the platform admin is a user of the tenant', async () => {
    await world.addUser('acme', 'inside');
    await world.sql(`insert into identity.platform_admin (user_id) values ('inside')`);
    expect(await codeOf(change(as('inside')))).toBe('done');
  });

  test('is none in a tenant that is not there, and for a service key', async () => {
    expect(await codeOf(change(as('ada'), { tenantId: 'never' }))).toBe('NOT_FOUND');
    const key = { ...as('ada'), caller: { kind: 'service', serviceKeyId: 'k', tenantId: 'acme' } } as const;
    expect(await codeOf(change(key))).toBe('FORBIDDEN');
  });

  test('is held until the change commits: who suspends the tenant, or ends the impersonation, waits', async () => {
    const impersonationId = await impersonate();
    const order: string[] = [];
    const waits = async (name: string, statement: string): Promise<void> => {
      await world.sql(statement);
      order.push(name);
    };
    let others: Promise<unknown> = Promise.resolve();
    await changeOn(pool)(as('root', impersonationId), ORDER, async (tx) => {
      others = Promise.all([
        waits('suspended', `update identity.tenant set status = 'suspended' where id = 'acme'`),
        waits('ended', `update identity.impersonation set ended_at = now() where id = '${impersonationId}'`),
      ]);
      // two others wait for locks of this transaction
      for (let waiting = 0; waiting < 2;) {
        const { rows } = await tx.query<{ n: number }>({
          text: `select count(*)::int as n from pg_locks l where not l.granted and l.locktype = 'transactionid'`,
        });
        waiting = rows[0]?.n ?? 0;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      order.push('changed');
    });
    await others;
    expect(order[0]).toBe('changed');
    expect(order.toSorted()).toEqual(['changed', 'ended', 'suspended']);
    await setStatus('active');
  });
});

describe('a transaction that loses a race', () => {
  /** Fails with the SQLSTATE the first `times` times. */
  function losing(state: string, times: number): { work: (tx: Tx) => Promise<number>; runs: () => number } {
    let runs = 0;
    const work = async (tx: Tx): Promise<number> => {
      runs += 1;
      if (runs <= times)
        await tx.query({ text: `do $$ begin raise exception 'lost' using errcode = '${state}'; end $$` });
      return runs;
    };
    return { work, runs: () => runs };
  }

  test.each(['40001', '40P01'])('by %s is run again, whole', async (state) => {
    const { work } = losing(state, 2);
    expect((await changeOn(pool)(as('ada'), ORDER, work)).result).toBe(3);
  });

  test('again and again is a 503 in the end, never a 500', async () => {
    const { work, runs } = losing('40P01', 100);
    expect(await codeOf(changeOn(pool)(as('ada'), ORDER, work))).toBe('DATABASE_UNAVAILABLE');
    expect(runs()).toBe(5);
  });

  test.each([
    ['a lock that is not to be had', '55P03'],
    ['a statement that takes too long', '57014'],
  ])('by %s is a 503 at once', async (_name, state) => {
    const { work, runs } = losing(state, 100);
    expect(await codeOf(changeOn(pool)(as('ada'), ORDER, work))).toBe('DATABASE_UNAVAILABLE');
    expect(runs()).toBe(1);
  });

  test('by another error is not run again, and what it wrote is gone', async () => {
    const { work, runs } = losing('22012', 1);
    const failing = changeOn(pool)(as('ada'), ORDER, async (tx) => {
      await tx.query({ text: `insert into security.role (id, tenant_id, name) values ('half', 'acme', 'HALF')` });
      return await work(tx);
    });
    await expect(failing).rejects.toThrow('lost');
    expect(runs()).toBe(1);
    expect(await world.sql(`select id from security.role where id = 'half'`)).toEqual([]);
    expect(await world.sql(`select id from audit.access_log where accessed_entity_id = 'half'`)).toEqual([]);
  });
});

test('what a transaction says of itself ends with it, on the connection that the next one is given', async () => {
  const settings = `
    select coalesce(string_agg(name || '=' || setting, ' ' order by name), '') as said
    from (select name, nullif(current_setting(name, true), '') as setting
          from unnest(array['bailiwick.tenant_id', 'bailiwick.platform', 'bailiwick.actor_user_id', 'bailiwick.request_id',
                            'bailiwick.change_id', 'bailiwick.reason', 'bailiwick.purpose',
                            'bailiwick.impersonation_id']) name) s
    where setting is not null`;
  const said = async (tx: Tx): Promise<string> =>
    (await tx.query<{ said: string }>({ text: settings })).rows[0]?.said ?? '';
  const order = { tenantId: 'acme', reason: 'a reason', purpose: 'role.clone:x' };
  const impersonationId = await impersonate();
  const { result } = await changeOn(pool)(as('root', impersonationId), order, said);
  expect(result.replace(/change_id=\S+/, 'change_id=…')).toBe(
    'bailiwick.actor_user_id=root bailiwick.change_id=… ' +
      `bailiwick.impersonation_id=${impersonationId} bailiwick.purpose=role.clone:x bailiwick.reason=a reason ` +
      'bailiwick.request_id=request-1 bailiwick.tenant_id=acme',
  );
  expect(await pool.transaction(said)).toBe('');
  const failing = changeOn(pool)(as('ada'), order, () => Promise.reject(new Error('no')));
  await expect(failing).rejects.toThrow('no');
  expect(await pool.transaction(said)).toBe('');
  expect(await createShow(pool)(as('ada'), 'acme', said)).toBe('bailiwick.tenant_id=acme');
  expect(await pool.transaction(said)).toBe('');
  expect((await changeOn(pool)(as('root'), { tenantId: undefined }, said)).result).toContain('bailiwick.platform=on');
});
