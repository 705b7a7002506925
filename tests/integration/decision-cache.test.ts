/**
 * The decision cache on the real engine and the real feed: each hole that it must not have, and a random history on two
 * replicas. The long suite (`VERIFY=1`) prints its seed and size.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { createDecisionCache } from '../../src/decisions/cache.js';
import { toQuestion } from '../../src/decisions/question.js';
import { createMetrics } from '../../src/platform/metrics.js';
import { Problem } from '../../src/shared/problem.js';
import { createSyncGate, type GateOptions } from '../../src/sync/gate.js';
import { WINDOW_EDGES } from '../../src/sync/gate-store.js';
import { revokeRoles, until } from '../support/outage.js';
import { startService, type RunningService } from '../support/service.js';
import { startProxy, targetOf, through } from '../support/tcp-proxy.js';
import { createWorld, quiet, roleId } from '../support/world.js';
import type { World } from '../support/world.js';

const PATIENT = { requestTimeoutMs: 10_000, engineTimeoutMs: 5_000, syncWaitMs: 5_000 };
const LIMITS = { timeoutMs: 5_000 };

let world: World;
beforeAll(async () => {
  world = await createWorld();
  for (const tenant of ['acme', 'zeta']) await world.addTenant(tenant, 'rcm');
  await world.settle();
});
afterAll(() => world.end());

interface Kept {
  readonly gate: ReturnType<typeof createSyncGate>;
  /** The answer now, and whether it was kept. */
  readonly ask: (user: string, meanwhile?: () => Promise<void>) => Promise<{ isAllowed: boolean; isKept: boolean }>;
  /** Asks until the answer is kept. */
  readonly warm: (user: string) => Promise<boolean>;
}

const asked = (user: string) => toQuestion({ user, permission: 'claims.read', tenant: 'acme' });
const engineSays = (user: string, at: Date) => world.tuples.check({ ...asked(user).tuple, at }, LIMITS);

/** A gate and a cache on the world, without a service around them. */
async function withCache(over: Partial<GateOptions>, work: (kept: Kept) => Promise<void>): Promise<void> {
  const now = over.now ?? (() => new Date());
  const pool = world.pool('bailiwick_sync');
  const gate = createSyncGate({
    pool,
    asidePool: world.pool('bailiwick_service'),
    log: quiet,
    tokenWaitMs: 10_000,
    feedMs: 5,
    ...over,
  });
  const cache = createDecisionCache({ gate, metrics: createMetrics(), entries: 1_000, now, isEngineUp: () => true });
  const ask: Kept['ask'] = async (user, meanwhile = () => Promise.resolve()) => {
    const at = now();
    const kept = cache.look(asked(user), at);
    const ofEngine = async (): Promise<boolean> => {
      const answer = await engineSays(user, at);
      await meanwhile();
      return answer;
    };
    return { isAllowed: kept ?? (await cache.ask(asked(user), at, ofEngine)), isKept: kept !== undefined };
  };
  await gate.start();
  try {
    await work({
      gate,
      ask,
      async warm(user) {
        let answer = await ask(user);
        for (const end = Date.now() + 20_000; !answer.isKept; answer = await ask(user)) {
          if (Date.now() > end) throw new Error('the answer is never kept');
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
        return answer.isAllowed;
      },
    });
  } finally {
    await gate.stop();
  }
}

/** A biller of acme, in force. */
async function addBiller(user: string, window: { from?: string; until?: string } = {}): Promise<void> {
  await world.addUser('acme', user);
  await world.sql(`insert into security.user_role (user_id, role_id, valid_from, expires_at) values ($1, $2, $3, $4)`, [
    user, roleId('acme', 'BILLER'), window.from ?? null, window.until ?? null,
  ]); // prettier-ignore
  await world.settle();
}

test('an answer is kept, and a change that is heard of ends it', async () => {
  await withCache({}, async ({ warm, ask }) => {
    await addBiller('heard');
    expect(await warm('heard')).toBe(true);
    await revokeRoles(world, 'heard', 'acme');
    await world.settle();
    await until(async () => !(await ask('heard')).isAllowed, 5_000);
  });
});

test('the fill race: an answer that a revocation overtakes on its way is not kept', async () => {
  await withCache({}, async ({ gate, warm, ask }) => {
    await addBiller('raced');
    await addBiller('other');
    await warm('other');
    const raced = await ask('raced', async () => {
      const token = await revokeRoles(world, 'raced', 'acme');
      await world.settle();
      await gate.awaitToken(token, { remainingMs: () => 10_000, signal: new AbortController().signal });
      // Something to stand on there is again, but not for this answer.
      await until(() => Promise.resolve(gate.footing('acme', Date.now()) !== undefined), 5_000);
    });
    expect(raced).toEqual({ isAllowed: true, isKept: false });
    for (let look = 0; look < 20; look += 1) expect((await ask('raced')).isAllowed).toBe(false);
  });
});

test('the token: a question that has waited for it does not take what the feed has not ended yet', async () => {
  await withCache({ feedMs: 3_600_000, silenceMs: Infinity }, async ({ gate, warm, ask }) => {
    await addBiller('token');
    const [row] = await world.sql<{ token: string }>(`select sync.token('acme') as token`);
    const deadline = { remainingMs: () => 10_000, signal: new AbortController().signal };
    await gate.awaitToken(row?.token ?? '', deadline);
    expect(await warm('token')).toBe(true);
    const token = await revokeRoles(world, 'token', 'acme');
    await world.settle();
    expect(await ask('token')).toEqual({ isAllowed: true, isKept: true });
    await gate.awaitToken(token, deadline);
    expect(await ask('token')).toEqual({ isAllowed: false, isKept: false });
  });
});

test('the token of all tenants ends what is kept in each', async () => {
  await withCache({ feedMs: 3_600_000, silenceMs: Infinity }, async ({ gate, warm, ask }) => {
    await addBiller('everywhere');
    await gate.stop();
    await gate.start();
    expect(await warm('everywhere')).toBe(true);
    await revokeRoles(world, 'everywhere', 'acme');
    const [row] = await world.sql<{ token: string }>(`select sync.token(null) as token`);
    await gate.awaitToken(row?.token ?? '', { remainingMs: () => 10_000, signal: new AbortController().signal });
    expect((await ask('everywhere')).isAllowed).toBe(false);
  });
});

describe('the edges of windows, to the millisecond', () => {
  const BASE = Date.parse('2031-05-05T10:00:00.000Z');
  const iso = (micros: number): string =>
    new Date(BASE + Math.floor(micros / 1000)).toISOString().replace('Z', `${String(micros % 1000).padStart(3, '0')}Z`);

  test.each<{ name: string; micros: number }>([
    { name: 'on a millisecond', micros: 5_000 },
    { name: 'just after one', micros: 5_001 },
    { name: 'just before one', micros: 5_999 },
  ])('$name, an answer is what the engine says at that moment', async ({ micros }) => {
    let now = BASE;
    await withCache({ now: () => new Date(now) }, async ({ warm, ask, gate }) => {
      await addBiller(`closes-${micros}`, { until: iso(micros) });
      await addBiller(`opens-${micros}`, { from: iso(micros) });
      for (const user of [`closes-${micros}`, `opens-${micros}`]) {
        now = BASE;
        await gate.stop();
        await gate.start();
        await warm(user);
        let kept = 0;
        for (now = BASE; now <= BASE + 9; now += 1) {
          const answer = await ask(user);
          kept += answer.isKept ? 1 : 0;
          expect({ at: now, isAllowed: answer.isAllowed }).toEqual({
            at: now,
            isAllowed: await engineSays(user, new Date(now)),
          });
        }
        expect(kept).toBeGreaterThan(3);
      }
    });
  });

  test('a global assignment and a manager’s hold have edges too', async () => {
    let now = BASE;
    await world.addUser(null, 'global');
    await world.sql(`insert into security.user_role (user_id, role_name, expires_at) values ('global', 'BILLER', $1)`, [
      iso(2_000),
    ]);
    await world.settle();
    await withCache({ now: () => new Date(now) }, async ({ warm, ask }) => {
      expect(await warm('global')).toBe(true);
      now = BASE + 2;
      expect(await ask('global')).toEqual({ isAllowed: false, isKept: false });
    });
    await world.addUser('acme', 'boss', ['BILLER']);
    await world.addUser('acme', 'rep', ['BILLER']);
    await world.sql(
      `insert into security.user_assignment (user_id, assigned_user_id, tenant_id, expires_at) values ('boss', 'rep', 'acme', $1)`,
      [iso(3_000)],
    );
    await world.settle();
    await withCache({ now: () => new Date(now) }, async ({ gate }) => {
      gate.footing('acme', now);
      await until(() => Promise.resolve(gate.footing('acme', now) !== undefined), 5_000);
      expect(gate.footing('acme', now)?.until).toBe(BASE + 3);
    });
  });

  test('every window of a synced table is among those that are looked at', async () => {
    const columns = await world.pool(undefined).transaction((tx) =>
      tx.query<{ edge: string }>({
        text: `
          select c.table_schema || '.' || c.table_name || '.' || c.column_name as edge from information_schema.columns c
          where c.column_name in ('valid_from', 'expires_at') and exists (
            select from information_schema.triggers t where t.event_object_schema = c.table_schema
              and t.event_object_table = c.table_name and t.trigger_name like 'trg_capture_%') order by 1`,
      }),
    );
    expect(columns.rows.map(({ edge }) => edge)).toEqual(
      WINDOW_EDGES.map(({ table, column }) => `${table}.${column}`).sort(),
    );
  });
});

test('while keys of a tenant are being written, whatever comes of it, nothing of it is kept', async () => {
  await withCache({}, async ({ gate, warm, ask }) => {
    await addBiller('claimed');
    await warm('claimed');
    // What a projector leaves that dies between its Write and the end of its transaction.
    await world.superSql(
      `with entry as (insert into sync.outbox (tenant_id, kind, a, b, prior, not_before)
         values ('acme', 'user_role', 'nobody', 'no-role', '{}', now() + interval '1 hour') returning id)
       insert into sync.claim (entry_ids) select array[id] from entry`,
    );
    await until(() => Promise.resolve(gate.footing('acme', Date.now()) === undefined), 5_000);
    expect((await ask('claimed')).isKept).toBe(false);
    await world.superSql(
      `with gone as (delete from sync.outbox where a = 'nobody' returning id)
       delete from sync.claim c using gone where c.entry_ids = array[gone.id]`,
    );
    expect(await warm('claimed')).toBe(true);
  });
});

test('a replica that is cut off from the feed gives nothing out for longer than half a second', async () => {
  const postgres = await startProxy(targetOf(world.databaseUrl));
  const syncDatabaseUrl = through(world.databaseUrl, postgres);
  await addBiller('cut-off');
  const service = await startService(world, { ...PATIENT, syncDatabaseUrl });
  const question = { user: 'cut-off', permission: 'claims.read', tenant: 'acme' };
  try {
    await until(async () => (await service.check(question), await sourceOf(question)) === 'cache', 20_000);
    await postgres.set('hang');
    const cutAt = performance.now();
    await revokeRoles(world, 'cut-off', 'acme');
    await world.settle();
    expect(await engineSays('cut-off', new Date())).toBe(false);
    await until(() => Promise.resolve(performance.now() - cutAt > 600), 5_000);
    for (let look = 0; look < 10; look += 1) expect((await service.check(question)).body.allowed).toBe(false);
  } finally {
    await postgres.set('pass');
    await service.stop();
    await postgres.stop();
  }
});

/** Where the last answer to the question came from, as the log has it. */
async function sourceOf({ user }: { user: string }): Promise<string | undefined> {
  const [row] = await world.sql<{ source: string }>(
    `select source from audit.decision where subject_user_id = $1 order by decided_at desc, latency_us limit 1`,
    [user],
  );
  return row?.source;
}

const CHECKS = process.env['VERIFY'] === '1' ? 40_000 : 1_200;

describe('on two replicas, while rows change', () => {
  const users = Array.from({ length: 6 }, (_, index) => `u${index}`);
  const tenants = ['one', 'two', 'three'];
  const permissions = ['claims.read', 'users.read', 'users.update', 'profile.read', 'profile.update'];
  const ROLES = ['TENANT_ADMIN', 'BILLER', 'BILLING_LEAD', 'READONLY'];
  const soon = fc.option(fc.integer({ min: -20, max: 120 }), { nil: undefined });
  const pick = fc.record({
    tenant: fc.constantFrom(...tenants), user: fc.nat(users.length - 1), other: fc.nat(users.length - 1),
    role: fc.constantFrom(...ROLES), soon, what: fc.nat(9),
  }); // prettier-ignore
  type Pick = typeof pick extends fc.Arbitrary<infer T> ? T : never;
  const userOf = (tenant: string, index: number): string => `${tenant}-${users[index] ?? ''}`;

  /** One change, most often to one assignment. */
  function statement({ tenant, user, other, role, soon: ms, what }: Pick): [string, unknown[]] {
    const subject = userOf(tenant, user);
    const edge = ms === undefined ? null : new Date(Date.now() + ms).toISOString();
    if (what === 0) return [`update identity.tenant set status = case status when 'active' then 'suspended' else 'active' end where id = $1`, [tenant]];
    if (what === 1) return [`update security.app_user set status = case status when 'active' then 'disabled' else 'active' end where id = $1`, [subject]];
    if (what === 2) return [`insert into identity.platform_admin (user_id) values ($1) on conflict do nothing`, [subject]];
    if (what === 3) return [`delete from identity.platform_admin where user_id like $1 || '-%'`, [tenant]];
    if (what === 4 && user !== other) {
      return [
        `insert into security.user_assignment (user_id, assigned_user_id, tenant_id, expires_at) values ($1, $2, $3, $4)
         on conflict (tenant_id, user_id, assigned_user_id) do update set expires_at = excluded.expires_at`,
        [subject, userOf(tenant, other), tenant, edge],
      ];
    }
    if (what <= 6) return [`update security.user_role set revoked_at = now() where user_id = $1 and revoked_at is null`, [subject]];
    return [
      `insert into security.user_role (user_id, role_id, ${what === 7 ? 'valid_from' : 'expires_at'}) values ($1, $2, $3)
       on conflict (user_id, role_id) where revoked_at is null do update set valid_from = null, expires_at = excluded.expires_at`,
      [subject, roleId(tenant, role), edge],
    ];
  } // prettier-ignore

  test('every answer is what the engine says of its moment', { timeout: 1_800_000 }, async () => {
    for (const tenant of tenants) {
      await world.addTenant(tenant, 'rcm');
      for (const user of users) await world.addUser(tenant, `${tenant}-${user}`, ['BILLER']);
      // Without somebody who stays, the last of the others could not be revoked.
      await world.addUser(tenant, `${tenant}-keeper`, ['TENANT_ADMIN']);
    }
    const replicas = [await startService(world, PATIENT), await startService(world, PATIENT)];
    const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));
    process.stderr.write(`decision cache: seed ${seed}, ${CHECKS} checks\n`);
    const picks = fc.sample(pick, { seed, numRuns: CHECKS / 10 });
    const random = fc.sample(fc.nat(1_000_000), { seed, numRuns: CHECKS * 4 });
    try {
      let allowed = 0;
      for (const [turn, change] of picks.entries()) {
        const [text, values] = statement(change);
        // A change that a guard refuses, such as a ring of managers, is none.
        await world.sql(text, values).catch((error: unknown) => {
          if (!(error instanceof Problem)) throw error;
        });
        // Some writes come in pairs, and some checks come without a token, between the write and its being in force.
        if (turn % 3 === 0) await askWithoutToken(replicas, random.slice(turn, turn + 4));
        const [row] = await world.sql<{ token: string }>(`select sync.token(null) as token`);
        const token = row?.token ?? '';
        const draws = random.slice(turn * 40, turn * 40 + 40);
        for (const [index, replica] of replicas.entries()) {
          await replica.check(questionOf(draws, 0), { syncToken: token });
          for (let check = 0; check < 5; check += 1) {
            allowed += (await compare(replica, draws.slice(index * 20 + check * 4))) ? 1 : 0;
          }
        }
      }
      expect(allowed).toBeGreaterThan(CHECKS / 50);
      const hits = await Promise.all(replicas.map((replica) => hitsOf(replica)));
      for (const hit of hits) expect(hit).toBeGreaterThan(CHECKS / 40);
    } finally {
      for (const replica of replicas) await replica.stop();
    }
  });

  function questionOf(draws: readonly number[], from: number) {
    const [a = 0, b = 0, c = 0, d = 0] = draws.slice(from, from + 4);
    const tenant = tenants[a % tenants.length] ?? '';
    // A few questions come again and again, so that answers are kept and met again.
    const user = userOf(tenant, b % 3);
    const permission = permissions[c % permissions.length] ?? '';
    const object = permission.startsWith('profile.') ? { object: `profile:${userOf(tenant, d % 3)}` } : {};
    return { user, permission, tenant, ...object };
  }

  async function compare(replica: RunningService, draws: readonly number[]): Promise<boolean> {
    const question = questionOf(draws, 0);
    const { status, body } = await replica.check(question);
    expect(status).toBe(200);
    const at = new Date(body.evaluatedAt ?? '');
    const truth = await world.tuples.check({ ...toQuestion(question).tuple, at }, LIMITS);
    expect({ question, at, allowed: body.allowed }).toEqual({ question, at, allowed: truth });
    return body.allowed === true;
  }

  async function askWithoutToken(replicas: readonly RunningService[], draws: readonly number[]): Promise<void> {
    await Promise.all(replicas.flatMap((replica) => [replica.check(questionOf(draws, 0)), replica.check(questionOf(draws, 0))]));
  } // prettier-ignore
});

async function hitsOf({ management }: RunningService): Promise<number> {
  const text = await (await fetch(`${management}/metrics`)).text();
  return Number(/decision_cache_lookups_total\{result="hit"\} (\d+)/.exec(text)?.[1] ?? '0');
}
