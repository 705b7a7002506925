/** Decisions on rows in a real Postgres, through the real engine: who may ask, what is answered, what is written down. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { createDecisionLog, type DecisionLog } from '../../src/audit/decision-log.js';
import { authorizationModel, catalogue, type Permission } from '../../src/contract/model.js';
import { createChecker, ENGINE_TIMEOUT_MS } from '../../src/decisions/check.js';
import { createDecisions } from '../../src/decisions/decisions.js';
import { createJournal } from '../../src/decisions/journal.js';
import { startDeadline } from '../../src/http/deadline.js';
import { createMetrics } from '../../src/platform/metrics.js';
import { createTupleStore } from '../../src/platform/openfga.js';
import type { Caller } from '../../src/shared/caller.js';
import type { Deadline, RequestContext } from '../../src/shared/operation.js';
import { Problem } from '../../src/shared/problem.js';
import type { Allow, SyncGate } from '../../src/shared/sync-gate.js';
import { EngineError, type TupleStore } from '../../src/shared/tuple.js';
import { createMemoryTupleStore } from '../support/memory-tuple-store.js';
import { createWorld, quiet, roleId, type World } from '../support/world.js';

const BACKEND: Caller = { kind: 'service', serviceKeyId: 'key-1', tenantId: undefined };
const person = (actorUserId: string, tenantId = 't1'): Caller => ({
  kind: 'user',
  actorUserId,
  tenantId,
  via: 'token',
});

/** A gate that lets everything pass and remembers what it was asked. */
function openGate(over: Partial<SyncGate> = {}): SyncGate & { readonly tokens: string[]; readonly allows: Allow[] } {
  const tokens: string[] = [];
  const allows: Allow[] = [];
  return {
    tokens,
    allows,
    awaitToken: (token) => {
      tokens.push(token);
      return Promise.resolve();
    },
    guard: (allow) => {
      allows.push(allow);
      return Promise.resolve();
    },
    position: () => 7,
    isQuiet: () => true,
    lagMs: () => 0,
    isSettled: () => Promise.resolve(true),
    footing: () => undefined,
    ...over,
  };
}

interface Rig {
  readonly tuples?: TupleStore;
  readonly gate?: SyncGate;
  readonly decisionLog?: DecisionLog;
  readonly now?: () => Date;
  /** Generous, since a busy machine is no fault of a decision. */
  readonly engineTimeoutMs?: number;
}

let world: World;

function decide({
  tuples = world.tuples,
  gate = openGate(),
  decisionLog,
  now = () => new Date(),
  engineTimeoutMs = 5_000,
}: Rig = {}) {
  const metrics = createMetrics();
  const log =
    decisionLog ?? createDecisionLog({ pool: world.pool('bailiwick_service'), log: quiet, metrics, mode: 'strict' });
  const journal = createJournal({ decisionLog: log, gate, metrics, now, modelId: () => world.modelId });
  const pool = world.pool('bailiwick_service');
  const checker = createChecker({ tuples, gate, journal, engineTimeoutMs });
  const { operations, authorize } = createDecisions({ pool, tuples, gate, journal, checker, engineTimeoutMs, now });
  return {
    check: (...asked: Parameters<typeof operations.check>) => operations.check(...asked),
    listObjects: (...asked: Parameters<typeof operations.listObjects>) => operations.listObjects(...asked),
    operations,
    authorize,
    metrics,
  };
}

let requests = 0;
const as = (caller: Caller, more: { timeoutMs?: number; syncToken?: string } = {}): RequestContext => ({
  caller,
  requestId: `request-${(requests += 1)}`,
  deadline: startDeadline(more.timeoutMs ?? 5_000),
  syncToken: more.syncToken,
  ifMatch: undefined,
  isChange: false,
  idempotencyClaim: undefined,
});

type CheckBody = Parameters<ReturnType<typeof decide>['check']>[0]['body'];
type ListBody = Parameters<ReturnType<typeof decide>['listObjects']>[0]['body'];
const input = <B>(body: B) => ({ body, path: undefined, query: undefined });

async function isAllowed(body: CheckBody, caller = BACKEND, rig: Rig = {}): Promise<boolean> {
  return (await decide(rig).check(input(body), as(caller))).body.allowed;
}

async function problemOf(work: Promise<unknown>): Promise<Problem> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof Problem) return error;
  throw new Error('no Problem was thrown', { cause: error });
}

/** What was written down under the request id. */
async function logged(requestId: string): Promise<Record<string, unknown>[]> {
  return await world.sql(`select * from audit.decision where request_id = $1 order by decided_at, api desc`, [
    requestId,
  ]);
}

/** The world's tuples in the engine's twin, whose pace a test can set. */
async function twinOfWorld(): Promise<TupleStore> {
  const twin = createMemoryTupleStore(authorizationModel);
  for (const tuple of await world.storedTuples()) await twin.write({ deletes: [], writes: [tuple] }, { timeoutMs: 1 });
  return twin;
}

/** The engine, which answers as `over` says. */
const engineWith = (over: Partial<TupleStore>): TupleStore => ({ ...world.tuples, ...over });
const down = () => Promise.reject(new EngineError('down', { kind: 'unavailable', applied: 'no' }));

beforeAll(async () => {
  world = await createWorld();
  await world.addTenant('t1', 'sales');
  await world.addTenant('t2', 'emr');
  await world.addUser('t1', 'admin', ['admin']);
  for (const user of ['lead', 'under']) await world.addUser('t1', user, ['manager']);
  for (const user of ['rep1', 'rep2', 'rep3', 'apart']) await world.addUser('t1', user, ['rep']);
  await world.addUser('t1', 'roleless');
  await world.addUser('t2', 'far', ['EMR_CLIENT_ADMIN']);
  await world.addUser(null, 'root');
  await world.sql(`insert into identity.platform_admin (user_id) values ('root')`);
  await world.sql(`
    insert into security.user_assignment (user_id, assigned_user_id, tenant_id, valid_from, expires_at) values
      ('lead', 'under', 't1', null, null), ('under', 'rep1', 't1', null, null), ('under', 'rep2', 't1', null, null),
      ('rep1', 'rep3', 't1', null, null), ('lead', 'apart', 't1', null, '2020-01-01')`);
  // a ring from before there was a guard against it
  await world.superSql(
    `alter table security.user_assignment disable trigger trg_team_structure_insert`,
    `insert into security.user_assignment (user_id, assigned_user_id, tenant_id) values ('rep2', 'lead', 't1')`,
    `alter table security.user_assignment enable trigger trg_team_structure_insert`,
  );
  await world.sql(`
    insert into security.record (tenant_id, id, owner_user_id)
    select 't1', owner || '-' || n, owner from unnest(array['rep1', 'rep2', 'rep3', 'apart', 'lead']) owner,
      generate_series(1, 30) n`);
  await world.sql(`insert into security.record (tenant_id, id, owner_user_id) values ('t2', 'far-1', 'far')`);
  await world.settle();
});

afterAll(() => world.end());

describe('a check', () => {
  test('is answered by the engine and written down', async () => {
    const at = new Date('2026-05-05T05:05:05.005Z');
    const context = as(BACKEND);
    const body = { user: 'rep1', permission: 'record.read', tenant: 't1', object: 'record:rep3-1' };
    const answer = await decide({ now: () => at }).check(input(body), context);
    expect(answer).toEqual({
      status: 200,
      body: {
        allowed: false,
        decisionId: expect.any(String) as string,
        modelId: world.modelId,
        evaluatedAt: at.toISOString(),
      },
    });
    expect(await logged(context.requestId)).toMatchObject([
      {
        decision_id: answer.body.decisionId,
        decided_at: at,
        api: 'check',
        tenant_id: 't1',
        caller_kind: 'service',
        caller_id: 'key-1',
        subject_user_id: 'rep1',
        permission: 'record.read',
        object: 'record:rep3-1',
        answer: 'denied',
        listed: null,
        source: 'engine',
        problem: null,
        model_id: world.modelId,
        sync_position: '7',
      },
    ]);
  });

  test.each<{ user: string; permission: Permission; object?: string; allowed: boolean }>([
    { user: 'admin', permission: 'users.update', allowed: true },
    { user: 'rep1', permission: 'users.update', allowed: false },
    { user: 'root', permission: 'users.update', allowed: true },
    { user: 'root', permission: 'profile.update', object: 'profile:rep1', allowed: false },
    { user: 'rep1', permission: 'profile.update', object: 'profile:rep1', allowed: true },
    { user: 'roleless', permission: 'profile.read', object: 'profile:roleless', allowed: false },
    { user: 'lead', permission: 'record.read', object: 'record:rep1-1', allowed: true },
    { user: 'lead', permission: 'record.read', object: 'record:apart-1', allowed: false },
    { user: 'far', permission: 'users.read', allowed: false },
    { user: 'nobody', permission: 'users.read', allowed: false },
    { user: 'admin', permission: 'record.read', object: 'record:nothing', allowed: false },
    { user: 'admin', permission: 'record.read', object: 'record:far-1', allowed: false },
  ])('whether $user has $permission on $object is $allowed', async ({ allowed, ...asked }) => {
    expect(await isAllowed({ ...asked, tenant: 't1' })).toBe(allowed);
  });

  test('in a tenant that does not exist is a plain no', async () => {
    for (const user of ['admin', 'root']) {
      expect(await isAllowed({ user, permission: 'users.read', tenant: 'nowhere' })).toBe(false);
    }
  });

  test('of a permission that does not exist is refused, and not written down', async () => {
    const context = as(BACKEND);
    const ask = decide().check(input({ user: 'admin', permission: 'users.fly', tenant: 't1' }), context);
    expect(await problemOf(ask)).toMatchObject({ code: 'INVALID_REQUEST', errors: [{ field: 'permission' }] });
    expect(await logged(context.requestId)).toEqual([]);
  });
});

describe('who may ask', () => {
  const about = (user: string, tenant = 't1') => ({ user, permission: 'users.read', tenant });

  test.each<{ caller: Caller; user: string; tenant?: string; answer: boolean | 'FORBIDDEN' }>([
    { caller: person('rep1'), user: 'rep1', answer: false },
    { caller: person('roleless'), user: 'roleless', tenant: 't2', answer: false },
    { caller: person('admin'), user: 'rep1', answer: false },
    { caller: person('admin'), user: 'nobody', answer: false },
    { caller: person('root', 't2'), user: 'admin', answer: true },
    { caller: person('rep1'), user: 'rep2', answer: 'FORBIDDEN' },
    { caller: person('rep1'), user: 'nobody', answer: 'FORBIDDEN' },
    { caller: person('admin'), user: 'far', tenant: 't2', answer: 'FORBIDDEN' },
    { caller: person('admin'), user: 'far', tenant: 'nowhere', answer: 'FORBIDDEN' },
    { caller: { ...BACKEND, tenantId: 't1' }, user: 'admin', answer: true },
    { caller: { ...BACKEND, tenantId: 't2' }, user: 'admin', answer: 'FORBIDDEN' },
    { caller: { ...BACKEND, tenantId: 't2' }, user: 'admin', tenant: 'nowhere', answer: 'FORBIDDEN' },
  ])('$caller asks about $user in $tenant: $answer', async ({ caller, user, tenant, answer }) => {
    const ask = () => decide().check(input(about(user, tenant)), as(caller));
    const list = () =>
      decide().listObjects(input({ ...about(user, tenant), permission: 'record.read', type: 'record' }), as(caller));
    if (answer === 'FORBIDDEN') {
      expect(await problemOf(ask())).toMatchObject({ code: 'FORBIDDEN', detail: 'you may not ask this' });
      expect(await problemOf(list())).toMatchObject({ code: 'FORBIDDEN', detail: 'you may not ask this' });
    } else {
      expect((await ask()).body.allowed).toBe(answer);
      expect((await list()).status).toBe(200);
    }
  });

  test('whoever asks about another is written down with the right that they asked by', async () => {
    const context = as(person('admin'));
    await decide().check(input(about('rep1')), context);
    const rows = (await logged(context.requestId)).sort((a, b) => (String(a['api']) < String(b['api']) ? -1 : 1));
    expect(rows).toMatchObject([
      { api: 'authorize', caller_id: 'admin', subject_user_id: 'admin', permission: 'users.read', answer: 'allowed' },
      { api: 'check', caller_id: 'admin', subject_user_id: 'rep1', permission: 'users.read', answer: 'denied' },
    ]);
  });
});

describe('an operation of our own', () => {
  test.each<{ caller: Caller; requirement: string; ends: 'well' | 'FORBIDDEN' }>([
    { caller: person('admin'), requirement: 'users.read', ends: 'well' },
    { caller: person('rep1'), requirement: 'users.read', ends: 'FORBIDDEN' },
    { caller: person('admin', 't2'), requirement: 'users.read', ends: 'FORBIDDEN' },
    { caller: { ...person('admin'), tenantId: undefined }, requirement: 'users.read', ends: 'FORBIDDEN' },
    { caller: BACKEND, requirement: 'users.read', ends: 'FORBIDDEN' },
    { caller: BACKEND, requirement: 'decide', ends: 'well' },
  ])('that needs $requirement ends $ends for $caller', async ({ caller, requirement, ends }) => {
    const done = decide().authorize(requirement, as(caller));
    if (ends === 'well') await done;
    else expect((await problemOf(done)).code).toBe(ends);
  });

  test('is authorized by the engine alone: where it cannot answer, nobody may', async () => {
    const context = as(person('admin'));
    const done = decide({ tuples: engineWith({ check: down }) }).authorize('users.read', context);
    expect((await problemOf(done)).code).toBe('ENGINE_UNAVAILABLE');
  });
});

describe('an engine that does not answer', () => {
  const ask = { user: 'admin', permission: 'users.read', tenant: 't1' };

  test('makes no decision: 503 at once, written down as undecided', async () => {
    const context = as(BACKEND);
    const { check, metrics } = decide({ tuples: engineWith({ check: down }) });
    const problem = await problemOf(check(input(ask), context));
    expect(problem).toMatchObject({ code: 'ENGINE_UNAVAILABLE', retryAfterSeconds: 1 });
    await expect
      .poll(() => logged(context.requestId))
      .toMatchObject([{ answer: 'undecided', problem: 'ENGINE_UNAVAILABLE', subject_user_id: 'admin' }]);
    expect((await metrics.render()).body).toContain(
      'bailiwick_decisions_total{api="check",outcome="undecided",source="engine"} 1',
    );
  });

  test('that was not asked, because its tenant has too many waiting, is no fault of the engine: it may come again', async () => {
    const busy = () => Promise.reject(new EngineError('busy', { kind: 'busy', applied: 'no' }));
    const { check } = decide({ tuples: engineWith({ check: busy }) });
    const asked = check(input({ user: 'rep1', permission: 'team.read', tenant: 't1' }), as(BACKEND));
    expect(await problemOf(asked)).toMatchObject({ code: 'OVERLOADED', retryAfterSeconds: 1 });
  });

  test('is an error for each question of a batch, undecided, and never a denial', async () => {
    const context = as(BACKEND);
    const { operations } = decide({ tuples: engineWith({ batchCheck: down }) });
    const checks = [ask, { ...ask, user: 'rep1' }];
    const { results } = (await operations.batchCheck(input({ checks }), context)).body;
    expect(results).toMatchObject([
      { error: { code: 'ENGINE_UNAVAILABLE' } },
      { error: { code: 'ENGINE_UNAVAILABLE' } },
    ]);
    await expect.poll(() => logged(context.requestId)).toHaveLength(2);
    expect(await logged(context.requestId)).toMatchObject([{ answer: 'undecided' }, { answer: 'undecided' }]);
    const { user, permission, tenant } = ask;
    expect((await problemOf(operations.listPermissionsOf(input({ user, tenant }), as(BACKEND)))).code).toBe(
      'ENGINE_UNAVAILABLE',
    );
    expect((await problemOf(operations.listUsers(input({ permission, tenant }), as(BACKEND)))).code).toBe(
      'ENGINE_UNAVAILABLE',
    );
  });

  test('but hangs is given up soon', async () => {
    const { createServer } = await import('node:net');
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    const sockets = new Set<{ destroy: () => void }>();
    server.on('connection', (socket) => sockets.add(socket));
    const { storeId, modelId } = world;
    const tuples = createTupleStore({ url: `http://127.0.0.1:${port}`, storeId, modelId: () => modelId });
    const startedAt = performance.now();
    const list = { ...ask, permission: 'record.read', type: 'record' as const };
    const problems = await Promise.all([
      problemOf(decide({ tuples, engineTimeoutMs: ENGINE_TIMEOUT_MS }).check(input(ask), as(BACKEND))),
      problemOf(decide({ tuples, engineTimeoutMs: ENGINE_TIMEOUT_MS }).listObjects(input(list), as(BACKEND))),
    ]);
    expect(problems.map(({ code }) => code)).toEqual(['ENGINE_UNAVAILABLE', 'ENGINE_UNAVAILABLE']);
    expect(performance.now() - startedAt).toBeLessThan(600);
    for (const socket of sockets) socket.destroy();
    server.close();
  });

  test('is not asked once the deadline has passed', async () => {
    const context = as(BACKEND, { timeoutMs: 1 });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect((await problemOf(decide().check(input(ask), context))).code).toBe('ENGINE_UNAVAILABLE');
  });
});

describe('freshness', () => {
  const ask = { user: 'admin', permission: 'users.read', tenant: 't1' };
  const lag = () => Promise.reject(new Problem('SYNC_LAG', 'not yet'));

  test('the token of the body or of the header is waited for; two different ones are refused', async () => {
    const gate = openGate();
    const { check, listObjects } = decide({ gate });
    await check(input({ ...ask, syncToken: 'one' }), as(BACKEND));
    await check(input(ask), as(BACKEND, { syncToken: 'two' }));
    await check(input({ ...ask, syncToken: 'same' }), as(BACKEND, { syncToken: 'same' }));
    const list = { ...ask, permission: 'record.read', type: 'record' as const };
    await listObjects(input(list), as(BACKEND, { syncToken: 'four' }));
    const both = check(input({ ...ask, syncToken: 'one' }), as(BACKEND, { syncToken: 'two' }));
    expect(await problemOf(both)).toMatchObject({ code: 'INVALID_REQUEST', errors: [{ field: 'syncToken' }] });
    expect(gate.tokens).toEqual(['one', 'two', 'same', 'four']);
  });

  test('a change that is not in force in time is no answer, whoever asks', async () => {
    const tuples = engineWith({ check: () => Promise.reject(new Error('must not be asked')) });
    const { check } = decide({ tuples, gate: openGate({ awaitToken: lag }) });
    for (const caller of [BACKEND, person('admin'), person('rep1')]) {
      const context = as(caller);
      expect((await problemOf(check(input({ ...ask, syncToken: 'one' }), context))).code).toBe('SYNC_LAG');
      await expect.poll(() => logged(context.requestId)).toMatchObject([{ answer: 'undecided', problem: 'SYNC_LAG' }]);
    }
  });

  test('a gate that hangs ends with the deadline', async () => {
    const never = () => new Promise<never>(() => undefined);
    for (const gate of [openGate({ awaitToken: never }), openGate({ guard: never })]) {
      const context = as(BACKEND, { timeoutMs: 100, syncToken: 'one' });
      expect((await problemOf(decide({ gate }).check(input(ask), context))).code).toBe('SYNC_LAG');
    }
  });

  test('an allow that could be about to go is no answer; a denial stands', async () => {
    const gate = openGate({ guard: lag });
    const { check, listObjects } = decide({ gate });
    expect((await problemOf(check(input(ask), as(BACKEND)))).code).toBe('SYNC_LAG');
    expect((await check(input({ ...ask, user: 'rep1' }), as(BACKEND))).body.allowed).toBe(false);
    const list = (user: string) =>
      listObjects(input({ user, permission: 'record.read', tenant: 't1', type: 'record' }), as(BACKEND));
    expect((await problemOf(list('rep1'))).code).toBe('SYNC_LAG');
    expect((await list('roleless')).body).toEqual({ items: [], nextCursor: null, complete: true });
  });

  test('the gate hears what is allowed, as outsiders name it', async () => {
    const gate = openGate();
    await decide({ gate }).check(input(ask), as(BACKEND));
    expect(gate.allows).toEqual([{ tenantId: 't1', subjectUserId: 'admin', object: 'tenant:t1' }]);
  });
});

describe('a list', () => {
  type Ask = Omit<ListBody, 'limit' | 'cursor'>;

  /** All pages, one after the other. */
  async function listAll(ask: Ask, limit: number, rig: Rig & { deadline?: Deadline } = {}) {
    const items: string[] = [];
    const { listObjects } = decide(rig);
    let pages = 0;
    let cursor: string | null | undefined;
    do {
      const body = { ...ask, limit, ...(typeof cursor === 'string' && { cursor }) };
      const page = (await listObjects(input(body), { ...as(BACKEND), ...(rig.deadline && { deadline: rig.deadline }) }))
        .body;
      expect(page.items.length).toBeLessThanOrEqual(limit);
      expect(page.complete).toBe(page.nextCursor === null);
      items.push(...page.items);
      pages += 1;
      cursor = page.nextCursor;
    } while (cursor !== null && pages < 2_000);
    return { items, pages };
  }

  const users = ['admin', 'lead', 'under', 'rep1', 'rep3', 'apart', 'roleless', 'far', 'root', 'nobody'];
  const lists = catalogue.flatMap(({ id, objectType }) => (objectType === 'tenant' ? [] : { id, type: objectType }));

  test.each(lists)('of $id is what the engine lists, for everyone, whatever the page', async ({ id, type }) => {
    for (const user of users) {
      for (const tenant of ['t1', 't2', 'nowhere']) {
        const ask = { user, permission: id, tenant, type };
        const named = { user: `user:${user}`, relation: id, type, at: new Date() };
        const prefix = `${type}:${tenant}/`;
        const expected = (await world.tuples.listObjects(named, { timeoutMs: 5_000 }))
          .filter((name) => name.startsWith(prefix))
          .map((name) => `${type}:${name.slice(prefix.length)}`);
        const { items } = await listAll(ask, 1_000);
        expect(new Set(items).size).toBe(items.length);
        expect([...items].sort(), `${user} in ${tenant}`).toEqual(expected.sort());
      }
    }
  });

  test('is the same list in pages of any size, in the order of ids', async () => {
    const ask = { user: 'lead', permission: 'record.read', tenant: 't1', type: 'record' } as const;
    const whole = await listAll(ask, 1_000);
    expect(whole.items).toHaveLength(120);
    for (const limit of [17, 100, 119, 120]) {
      const { items, pages } = await listAll(ask, limit);
      expect(items).toEqual(whole.items);
      // More where the engine is slow, never fewer.
      expect(pages).toBeGreaterThanOrEqual(Math.ceil(120 / limit));
    }
    const order = await world.sql<{ name: string }>(
      `select 'record:' || id as name from security.record where tenant_id = 't1' and owner_user_id <> 'apart' order by id`,
    );
    expect(whole.items).toEqual(order.map(({ name }) => name));
  });

  test('is written down as a list, with how many it held', async () => {
    const context = as(BACKEND);
    await decide().listObjects(
      input({ user: 'rep1', permission: 'record.read', tenant: 't1', type: 'record', limit: 5 }),
      context,
    );
    expect(await logged(context.requestId)).toMatchObject([
      { api: 'list-objects', object: 'record', answer: 'listed', listed: 5 },
    ]);
  });

  test('does not go on with the cursor of another', async () => {
    const { listObjects } = decide();
    const body = { user: 'rep1', permission: 'record.read', tenant: 't1', type: 'record', limit: 5 } as const;
    const { nextCursor } = (await listObjects(input(body), as(BACKEND))).body;
    const other = listObjects(input({ ...body, user: 'rep2', cursor: nextCursor ?? '' }), as(BACKEND));
    expect(await problemOf(other)).toMatchObject({ code: 'INVALID_REQUEST', errors: [{ field: 'cursor' }] });
  });

  test('ends its page early where time runs out, and loses nothing', async () => {
    const tuples = await twinOfWorld();
    const ask = { user: 'admin', permission: 'record.read', tenant: 't1', type: 'record' } as const;
    const whole = await listAll(ask, 1_000, { tuples });
    const deadline: Deadline = { remainingMs: () => 100, signal: new AbortController().signal };
    const { items, pages } = await listAll(ask, 1_000, { tuples, deadline });
    expect(items).toEqual(whole.items);
    expect(pages).toBeGreaterThan(1);
  });

  test('ends its page where the engine fails, and is no answer where it has none at all', async () => {
    const twin = await twinOfWorld();
    const ask = { user: 'admin', permission: 'record.read', tenant: 't1', type: 'record' } as const;
    const whole = await listAll(ask, 1_000, { tuples: twin });
    let asked = 0;
    const flaky = engineWith({
      batchCheck: async (questions, limits) => {
        asked += 1;
        const answers = await twin.batchCheck(questions, limits);
        const failure = new EngineError('down', { kind: 'unavailable', applied: 'no' });
        return asked % 3 === 0 ? answers.map((answer, index) => (index < 10 ? answer : failure)) : answers;
      },
    });
    const { items, pages } = await listAll(ask, 1_000, { tuples: flaky });
    expect(items).toEqual(whole.items);
    expect(pages).toBeGreaterThan(1);
    const broken = decide({
      tuples: engineWith({
        batchCheck: async (questions) =>
          Promise.all(questions.map(() => down().catch((error: unknown) => error as EngineError))),
      }),
    });
    expect((await problemOf(broken.listObjects(input(ask), as(BACKEND)))).code).toBe('ENGINE_UNAVAILABLE');
  });

  test('follows an assignment from its first moment to its last', async () => {
    const at = (ms: number) => () => new Date(Date.parse('2030-01-01T00:00:00Z') + ms);
    await world.addUser('t1', 'boss', ['manager']);
    await world.sql(`insert into security.user_assignment (user_id, assigned_user_id, tenant_id, valid_from, expires_at)
      values ('boss', 'apart', 't1', '2030-01-01T00:00:00Z', '2030-01-01T00:00:01Z')`);
    await world.settle();
    const ask = { user: 'boss', permission: 'profile.read', tenant: 't1', type: 'profile' } as const;
    const alone = ['profile:boss'];
    const both = ['profile:apart', 'profile:boss'];
    for (const [ms, expected] of [
      [-1, alone],
      [0, both],
      [999, both],
      [1_000, alone],
    ] as const) {
      expect((await listAll(ask, 10, { now: at(ms) })).items).toEqual(expected);
      const object = 'profile:apart';
      const { user, permission, tenant } = ask;
      expect(await isAllowed({ user, permission, tenant, object }, BACKEND, { now: at(ms) })).toBe(expected === both);
    }
  });
});

describe('a revocation', () => {
  test('is followed by no, in checks and lists', async () => {
    const ask = { user: 'apart', permission: 'record.read', tenant: 't1' };
    expect(await isAllowed({ ...ask, object: 'record:apart-1' })).toBe(true);
    await world.sql(`update security.user_role set revoked_at = now() where user_id = 'apart' and role_id = $1`, [
      roleId('t1', 'rep'),
    ]);
    await world.settle();
    expect(await isAllowed({ ...ask, object: 'record:apart-1' })).toBe(false);
    const list = await decide().listObjects(input({ ...ask, type: 'record' }), as(BACKEND));
    expect(list.body).toEqual({ items: [], nextCursor: null, complete: true });
  });
});

describe('a decision log that fails', () => {
  test('keeps the answer back', async () => {
    const decisionLog = {
      recordAtOnce: () => false,
      record: () => Promise.reject(new Problem('AUDIT_UNAVAILABLE', 'full')),
    };
    const ask = decide({ decisionLog }).check(
      input({ user: 'admin', permission: 'users.read', tenant: 't1' }),
      as(BACKEND),
    );
    expect((await problemOf(ask)).code).toBe('AUDIT_UNAVAILABLE');
  });
});
