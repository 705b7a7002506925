/** Many questions at once, through the composed service: each answered at its place, each a decision of its own. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import type { BatchCheckRequest, BatchCheckResult } from '../../src/contract/api.js';
import { type Answered, type As, type RunningService, startService } from '../support/service.js';
import { PATIENCE } from '../support/scenario-runner.js';
import { createWorld, type World } from '../support/world.js';

let world: World;
let service: RunningService;

beforeAll(async () => {
  world = await createWorld();
  await world.addTenant('t1', 'sales');
  await world.addTenant('t2', 'sales');
  await world.addUser('t1', 'admin', ['admin']);
  await world.addUser('t1', 'rep', ['rep']);
  await world.addUser('t2', 'far', ['admin']);
  await world.sql(`insert into security.record (tenant_id, id, owner_user_id) values ('t1', 'deal', 'rep')`);
  await world.settle();
  service = await startService(world, PATIENCE);
});
afterAll(async () => {
  await service.stop();
  await world.end();
});

const reads = (user: string, tenant = 't1') => ({ user, permission: 'users.read', tenant });

type Batch = Partial<BatchCheckRequest> & Pick<BatchCheckRequest, 'checks'>;
function batch(body: Batch, as?: As): Promise<Answered<BatchCheckResult>> {
  return service.request<BatchCheckResult>('/batch-check', body, { timeoutMs: 10_000, ...(as && { as }) });
}

/** `true`, `false` or the code of the error. */
function brief({ body }: Answered<BatchCheckResult>): (boolean | string)[] {
  return (body.results ?? []).map((result) => ('error' in result ? result.error.code : result.allowed));
}

const logged = (requestId: string) =>
  world.sql<{ api: string; id: string; subject: string; answer: string; problem: string | null }>(
    `select api, decision_id as id, subject_user_id as subject, answer, problem from audit.decision
     where request_id = $1 order by decided_at, api`,
    [requestId],
  );

test('each is answered at its place, and written down', async () => {
  const checks = [reads('rep'), reads('admin'), reads('nobody'), reads('admin', 't2'), reads('far', 't2')];
  const answer = await batch({ checks });
  expect(brief(answer)).toEqual([false, true, false, false, true]);
  const ids = (answer.body.results ?? []).map((result) => ('error' in result ? '' : result.decisionId));
  await expect
    .poll(async () => (await logged(answer.requestId)).map(({ id }) => id).toSorted())
    .toEqual(ids.toSorted());
  expect((await logged(answer.requestId)).every(({ api }) => api === 'batch-check')).toBe(true);
});

test('one that cannot be read is an error at its place, and no fault of the others', async () => {
  const checks = [
    reads('admin'),
    { ...reads('admin'), permission: 'users.fly' },
    { ...reads('admin'), object: 'record:x' },
  ];
  const answer = await batch({ checks });
  expect(brief(answer)).toEqual([true, 'INVALID_REQUEST', 'INVALID_REQUEST']);
});

test('none are none', async () => {
  expect((await batch({ checks: [] })).body).toEqual({ results: [] });
});

test('a thousand are answered, the same ones alike, in any order', async () => {
  const kinds = [reads('rep'), reads('admin'), { ...reads('rep'), permission: 'record.read', object: 'record:deal' }];
  const checks = Array.from({ length: 1_000 }, (_, at) => kinds[(at * 7) % 3] ?? reads('rep'));
  const answer = await batch({ checks });
  expect(brief(answer)).toEqual(checks.map((check) => check !== kinds[0]));
  await expect.poll(async () => (await logged(answer.requestId)).length).toBe(1_000);
});

test('the same question costs the engine once', async () => {
  const before = await engineRequests();
  await batch({ checks: Array.from({ length: 1_000 }, () => reads('never-asked-about')) });
  expect((await engineRequests()) - before).toBe(1);
});

test('what is kept costs the engine nothing, stands at its place, and goes when it is taken away', async () => {
  await world.addUser('t1', 'kept', ['admin']);
  await world.settle();
  const known = [reads('kept'), { ...reads('kept'), permission: 'record.read', object: 'record:deal' }];
  const isKept = async (): Promise<boolean> => {
    const before = await engineRequests();
    expect(brief(await batch({ checks: known }))).toEqual([true, true]);
    return (await engineRequests()) === before;
  };
  await expect.poll(isKept, { timeout: 20_000 }).toBe(true);
  const mixed = await batch({ checks: [reads('new-1'), ...known, reads('new-2'), reads('kept', 't2')] });
  expect(brief(mixed)).toEqual([false, true, true, false, false]);
  const sources = (requestId: string) =>
    world.sql<{ source: string }>(`select source from audit.decision where request_id = $1 order by source`, [requestId]);
  await expect.poll(async () => (await sources(mixed.requestId)).map(({ source }) => source))
    .toEqual(['cache', 'cache', 'engine', 'engine', 'engine']);
  await world.sql(`delete from security.user_role where user_id = 'kept'`);
  const [row] = await world.sql<{ token: string }>(`select sync.token('t1') as token`);
  expect(brief(await batch({ checks: known, syncToken: row?.token ?? '' }))).toEqual([false, false]);
}); // prettier-ignore

async function engineRequests(): Promise<number> {
  const text = await (await fetch(`${service.management}/metrics`)).text();
  const lines = text.matchAll(/^bailiwick_engine_request_duration_seconds_count\{.*method="batch_check".*\} (\d+)$/gm);
  return [...lines].reduce((sum, [, count]) => sum + Number(count), 0);
}

test('a person is answered about themselves, and about others where they may ask', async () => {
  const checks = [reads('admin'), reads('rep'), reads('far', 't2'), reads('admin', 't2'), reads('rep', 'nowhere')];
  const admin = await batch({ checks }, { user: 'admin', tenant: 't1' });
  expect(brief(admin)).toEqual([true, false, 'FORBIDDEN', false, 'FORBIDDEN']);
  const rep = await batch({ checks }, { user: 'rep', tenant: 't1' });
  expect(brief(rep)).toEqual(['FORBIDDEN', false, 'FORBIDDEN', 'FORBIDDEN', false]);
});

test('the right to ask is decided once a tenant, however many are asked about', async () => {
  const checks = Array.from({ length: 50 }, (_, at) => reads(`user-${String(at)}`));
  const { requestId } = await batch({ checks }, { user: 'admin', tenant: 't1' });
  await expect.poll(async () => (await logged(requestId)).length).toBe(51);
  expect((await logged(requestId)).filter(({ api }) => api === 'authorize')).toMatchObject([{ subject: 'admin' }]);
});

test('a key of one tenant is answered about that one', async () => {
  const key = await service.addKey('t1');
  expect(brief(await batch({ checks: [reads('admin'), reads('far', 't2')] }, { key }))).toEqual([true, 'FORBIDDEN']);
});

test('a sync token holds for all', async () => {
  const [row] = await world.sql<{ token: string }>(`select sync.token('t1') as token`);
  const token = row?.token ?? '';
  expect(brief(await batch({ checks: [reads('admin')], syncToken: token }))).toEqual([true]);
  // Where no question can be read, too, nothing is left behind that nobody hears of: it would end the process.
  for (const permission of ['users.read', 'users.no-such']) {
    const answer = await batch({ checks: [{ ...reads('admin'), permission }], syncToken: 'nonsense' });
    expect(answer).toMatchObject({ status: 400, body: { code: 'SYNC_TOKEN_INVALID' } });
  }
});

test('512 KiB are read here, and nowhere else', async () => {
  const long = (at: number) => `${'x'.repeat(110)}${String(at)}`;
  const many = (count: number) => ({
    checks: Array.from({ length: count }, (_, at) => ({ user: long(at), permission: 'users.read', tenant: long(at) })),
  });
  const answer = await batch(many(1_000));
  expect(answer.status).toBe(200);
  expect(brief(answer)).toEqual(Array.from({ length: 1_000 }, () => false));
  expect((await batch(many(1_001))).status).toBe(400);
  expect((await batch(many(2_000))).body.code).toBe('PAYLOAD_TOO_LARGE');
});
