/**
 * What `TupleStore` promises, held by the real engine and by its in-memory twin alike: a test that plays with the twin
 * says something about the engine only as long as these cases agree.
 */
import { randomUUID } from 'node:crypto';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, inject, onTestFinished, test } from 'vitest';

import { authorizationModel } from '../../src/contract/model.js';
import { createEngineLook, ensureStore, hasModel, writeModel } from '../../src/platform/openfga-admin.js';
import type { EngineRequest } from '../../src/platform/engine-call.js';
import { createTupleStore } from '../../src/platform/openfga.js';
import { EngineError, keyOf, TUPLES_PER_WRITE } from '../../src/shared/tuple.js';
import type { Tuple, TupleKey, TupleStore } from '../../src/shared/tuple.js';
import { createMemoryTupleStore } from '../support/memory-tuple-store.js';

const LIMITS = { timeoutMs: 5_000 };
const NOW = new Date('2026-03-01T12:00:00.000Z');
const NO_SUCH_ID = '01HVMMBCMGZNT3SED4Z17ECXCA';

const engineUrl = (): string => inject('stack').engineUrl;

async function createRealStore(): Promise<TupleStore> {
  const storeId = await ensureStore({ url: engineUrl() }, `conformance-${randomUUID()}`);
  const modelId = await writeModel({ url: engineUrl(), storeId }, authorizationModel);
  return createTupleStore({ url: engineUrl(), storeId, modelId: () => modelId });
}

const holder = (user: string, relation = 'a'): TupleKey => ({ user: `user:${user}`, relation, object: 'role:t1/r1' });
const window = (validFrom: string, expiresAt: string) => ({ condition: { validFrom, expiresAt } });
const someWindow = window('2026-01-01T00:00:00Z', '2027-01-01T00:00:00Z');

/** A tenant in which the role `r1` reads users. */
const TENANT: Tuple[] = [
  { user: 'tenant:t1', relation: 'readable', object: 'tenant:t1' },
  { user: 'role:t1/r1#assignee', relation: 'member', object: 'tenant:t1' },
  { user: 'role:t1/r1#assignee', relation: 'grant.users.read', object: 'tenant:t1' },
];

const readsUsers = (user: string, at = NOW) => ({
  user: `user:${user}`,
  relation: 'users.read',
  object: 'tenant:t1',
  at,
});

async function readAll(store: TupleStore): Promise<Tuple[]> {
  const all: Tuple[] = [];
  let continuation: string | undefined;
  do {
    const page = await store.read({}, continuation, LIMITS);
    all.push(...page.tuples);
    continuation = page.continuation;
  } while (continuation !== undefined);
  return all.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

/** What the promise was refused with. */
async function failureOf(work: Promise<unknown>): Promise<{ kind: string; applied: string }> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof EngineError)) throw new Error(`not an EngineError: ${String(error)}`);
  return { kind: error.kind, applied: error.applied };
}

const REFUSED = { kind: 'invalid', applied: 'no' };

describe.each([
  { name: 'the real engine', create: createRealStore },
  { name: 'the in-memory twin', create: () => Promise.resolve(createMemoryTupleStore(authorizationModel)) },
])('$name', ({ create }) => {
  test('writing what stands and deleting what does not are no errors', async () => {
    const store = await create();
    await store.write({ deletes: [holder('bob')], writes: [holder('ann'), ...TENANT] }, LIMITS);
    await store.write({ deletes: [holder('bob')], writes: [holder('ann'), ...TENANT] }, LIMITS);
    expect(await readAll(store)).toHaveLength(TENANT.length + 1);
    expect(await store.check(readsUsers('ann'), LIMITS)).toBe(true);
    await store.write({ deletes: [holder('ann')], writes: [] }, LIMITS);
    expect(await store.check(readsUsers('ann'), LIMITS)).toBe(false);
  });

  test('writing a key that stands with another condition is a conflict, and changes nothing', async () => {
    const store = await create();
    await store.write({ deletes: [], writes: [holder('ann')] }, LIMITS);
    const change = { deletes: [holder('ann')], writes: [holder('bob'), { ...holder('cat'), ...someWindow }] };
    await store.write({ deletes: [], writes: [holder('cat')] }, LIMITS);
    expect(await failureOf(store.write(change, LIMITS))).toEqual({ kind: 'conflict', applied: 'no' });
    expect(await readAll(store)).toEqual([holder('ann'), holder('cat')]);
    const narrowed = { ...holder('ann', 'b'), ...someWindow };
    await store.write({ deletes: [holder('ann')], writes: [narrowed] }, LIMITS);
    const other = { ...holder('ann', 'b'), ...window('2026-01-01T00:00:00Z', '2028-01-01T00:00:00Z') };
    expect(await failureOf(store.write({ deletes: [], writes: [other] }, LIMITS))).toMatchObject({ kind: 'conflict' });
  });

  test('100 changes are one write, and 101 are refused whole', async () => {
    const store = await create();
    const many = (count: number) => Array.from({ length: count }, (_, index) => holder(`u${index}`));
    expect(await failureOf(store.write({ deletes: [], writes: many(TUPLES_PER_WRITE + 1) }, LIMITS))).toEqual(REFUSED);
    const mixed = { deletes: many(60), writes: many(101).slice(60) };
    expect(await failureOf(store.write(mixed, LIMITS))).toEqual(REFUSED);
    expect(await readAll(store)).toEqual([]);
    await store.write({ deletes: [], writes: many(TUPLES_PER_WRITE) }, LIMITS);
    expect(await readAll(store)).toHaveLength(TUPLES_PER_WRITE);
  });

  test.each<{ what: string; change: { deletes: TupleKey[]; writes: Tuple[] } }>([
    { what: 'one key written and deleted', change: { deletes: [holder('ann')], writes: [holder('ann')] } },
    { what: 'one key written twice', change: { deletes: [], writes: [holder('ann'), holder('ann')] } },
    { what: 'one key deleted twice', change: { deletes: [holder('ann'), holder('ann')], writes: [] } },
    { what: 'nothing at all', change: { deletes: [], writes: [] } },
  ])('a write of $what is refused', async ({ change }) => {
    expect(await failureOf((await create()).write(change, LIMITS))).toEqual(REFUSED);
  });

  test.each<Tuple>([
    holder('*'),
    holder('a b'),
    holder('a#member'),
    holder(''),
    { ...holder('ann'), relation: 'assignee' },
    { ...holder('ann'), relation: 'nothing' },
    { ...holder('ann'), object: 'role' },
    { ...holder('ann'), object: 'role:t1/r1#assignee' },
    { ...holder('ann'), object: 'nothing:1' },
    { ...holder('ann'), user: 'tenant:t1' },
    { ...holder('ann'), object: `role:${'x'.repeat(252)}` },
    { user: 'tenant:t1', relation: 'readable', object: 'tenant:t1', ...someWindow },
  ])('a write of %j is refused', async (tuple) => {
    const store = await create();
    expect(await failureOf(store.write({ deletes: [], writes: [holder('bob'), tuple] }, LIMITS))).toEqual(REFUSED);
    expect(await readAll(store)).toEqual([]);
  });

  test('a window begins at its first moment and ends before its last, to the microsecond', async () => {
    const store = await create();
    const at = (ms: number) => new Date(NOW.getTime() + ms);
    const exact = { ...holder('ann'), ...window('2026-03-01T12:00:00Z', '2026-03-01T12:00:01Z') };
    const between = { ...holder('bob'), ...window('2026-03-01T12:00:00.000001Z', '2026-03-01T12:00:01.000001Z') };
    const open = { ...holder('cat'), ...window('0001-01-01T00:00:00Z', '9999-12-31T23:59:59.999999Z') };
    await store.write({ deletes: [], writes: [...TENANT, exact, between, open] }, LIMITS);
    const moments = [-1, 0, 1, 999, 1_000, 1_001];
    const answersOf = (user: string) =>
      store.batchCheck(
        moments.map((ms) => readsUsers(user, at(ms))),
        LIMITS,
      );
    expect(await answersOf('ann')).toEqual([false, true, true, true, false, false]);
    expect(await answersOf('bob')).toEqual([false, false, true, true, true, false]);
    expect(await answersOf('cat')).toEqual([true, true, true, true, true, true]);
    expect((await readAll(store)).find(({ user }) => user === 'user:bob')).toEqual(between);
  });

  test('the whole store is read page by page, and filters narrow it', async () => {
    const store = await create();
    const holders = Array.from({ length: 250 }, (_, index) => holder(`u${index}`));
    for (const start of [0, 100, 200]) {
      await store.write({ deletes: [], writes: holders.slice(start, start + 100) }, LIMITS);
    }
    await store.write({ deletes: [], writes: TENANT }, LIMITS);
    const first = await store.read({}, undefined, LIMITS);
    expect(first.tuples.length).toBeLessThan(253);
    expect(first.continuation).toBeDefined();
    expect(await readAll(store)).toEqual([...holders, ...TENANT].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1)));
    expect(await store.read(holder('u7'), undefined, LIMITS)).toEqual({
      tuples: [holder('u7')],
      continuation: undefined,
    });
    expect((await store.read({ object: 'tenant:t1' }, undefined, LIMITS)).tuples).toHaveLength(TENANT.length);
    const ofUser = await store.read({ object: 'role:', user: 'user:u7' }, undefined, LIMITS);
    expect(ofUser.tuples).toEqual([holder('u7')]);
    expect((await store.read(holder('nobody'), undefined, LIMITS)).tuples).toEqual([]);
    expect(await failureOf(store.read({ object: 'role:' }, undefined, LIMITS))).toEqual(REFUSED);
  });

  test('batch answers stand where their questions stood, duplicates and faults among them', async () => {
    const store = await create();
    await store.write({ deletes: [], writes: [...TENANT, holder('u0'), holder('u3')] }, LIMITS);
    const questions = Array.from({ length: 230 }, (_, index) => readsUsers(`u${index % 5}`));
    const expected = questions.map((_, index) => index % 5 === 0 || index % 5 === 3);
    expect(await store.batchCheck(questions, LIMITS)).toEqual(expected);
    expect(await store.batchCheck([], LIMITS)).toEqual([]);
    const odd = { ...readsUsers('u0'), relation: 'nothing' };
    const [before, fault, after] = await store.batchCheck([readsUsers('u0'), odd, readsUsers('u1')], LIMITS);
    expect([before, after]).toEqual([true, false]);
    expect(fault).toBeInstanceOf(EngineError);
    expect(fault).toMatchObject(REFUSED);
  });

  test('a question that makes no sense is an error and never a no', async () => {
    const store = await create();
    await store.write({ deletes: [], writes: TENANT }, LIMITS);
    for (const change of [{ relation: 'nothing' }, { object: 'nothing:1' }, { object: 'tenant' }, { user: 'user' }]) {
      expect(await failureOf(store.check({ ...readsUsers('ann'), ...change }, LIMITS))).toEqual(REFUSED);
    }
  });

  test('what does not exist is a plain no', async () => {
    const store = await create();
    expect(await store.check(readsUsers('nobody'), LIMITS)).toBe(false);
  });

  test('a call without time left, or given up by its caller, is not made', async () => {
    const store = await create();
    const gone = { ...LIMITS, signal: AbortSignal.abort() };
    for (const limits of [{ timeoutMs: 0 }, gone]) {
      const timeout = { kind: 'timeout', applied: 'no' };
      expect(await failureOf(store.check(readsUsers('ann'), limits))).toEqual(timeout);
      expect(await failureOf(store.write({ deletes: [], writes: TENANT }, limits))).toEqual(timeout);
    }
    expect(await readAll(store)).toEqual([]);
  });

  test('people who manage each other in a ring are nobody’s way around it', async () => {
    const store = await create();
    const manages = (above: string, below: string) => ({
      user: `profile:t1/${above}`,
      relation: 'manager',
      object: `profile:t1/${below}`,
    });
    const subject = { user: 'user:ann', relation: 'subject', object: 'profile:t1/ann' };
    const ring = [manages('ann', 'bob'), manages('bob', 'cat'), manages('cat', 'ann')];
    await store.write({ deletes: [], writes: [...ring, subject] }, LIMITS);
    const managed = (user: string, profile: string) =>
      store.check({ user: `user:${user}`, relation: 'managed_by', object: `profile:t1/${profile}`, at: NOW }, LIMITS);
    expect(await managed('ann', 'cat')).toBe(true);
    expect(await managed('dan', 'cat')).toBe(false);
  });

  test('the engine’s own list agrees with its checks', async () => {
    const store = await create();
    const profiles = ['ann', 'bob'].flatMap((user) => [
      { user: 'tenant:t1', relation: 'tenant', object: `profile:t1/${user}` },
      { user: `user:${user}`, relation: 'subject', object: `profile:t1/${user}` },
    ]);
    await store.write({ deletes: [], writes: [...TENANT, ...profiles, holder('ann')] }, LIMITS);
    const list = (user: string) =>
      store.listObjects({ user: `user:${user}`, relation: 'profile.read', type: 'profile', at: NOW }, LIMITS);
    expect((await list('ann')).sort()).toEqual(['profile:t1/ann', 'profile:t1/bob']);
    expect(await list('bob')).toEqual([]);
  });
});

describe('an engine that fails', () => {
  const WRITE = { deletes: [], writes: TENANT };

  function storeAt(url: string, observe?: (request: EngineRequest) => void): TupleStore {
    return createTupleStore({ url, storeId: NO_SUCH_ID, modelId: () => NO_SUCH_ID, ...(observe && { observe }) });
  }

  /** An HTTP server in the engine's place, and its address. */
  async function standIn(listener: RequestListener): Promise<string> {
    const server: Server = createServer(listener);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  test.each(['http://127.0.0.1:1', 'http://localhost:1', 'http://nowhere.invalid:1'])(
    'at %s nothing was written, and nothing is answered',
    async (url) => {
      const store = storeAt(url);
      const unreachable = { kind: 'unavailable', applied: 'no' };
      expect(await failureOf(store.check(readsUsers('ann'), LIMITS))).toEqual(unreachable);
      expect(await failureOf(store.write(WRITE, LIMITS))).toEqual(unreachable);
      expect(await failureOf(store.read({}, undefined, LIMITS))).toEqual(unreachable);
      const answers = await store.batchCheck([readsUsers('ann'), readsUsers('bob')], LIMITS);
      expect(answers).toEqual([expect.any(EngineError), expect.any(EngineError)]);
      expect(await createEngineLook({ url })(1_000)).toBe(false);
    },
  );

  test('one that hangs is given up in time, and may yet have written', async () => {
    const requests: EngineRequest[] = [];
    const store = storeAt(await standIn(() => undefined), (request) => requests.push(request));
    const startedAt = performance.now();
    expect(await failureOf(store.write(WRITE, { timeoutMs: 100 }))).toEqual({ kind: 'timeout', applied: 'unknown' });
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 50);
    const limits = { ...LIMITS, signal: abort.signal };
    expect(await failureOf(store.check(readsUsers('ann'), limits))).toEqual({ kind: 'timeout', applied: 'no' });
    expect(requests).toMatchObject([
      { method: 'write', outcome: 'timeout' },
      { method: 'check', outcome: 'timeout' },
    ]);
  });

  test('one that drips its answer is given up in time', async () => {
    const drip: RequestListener = (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const timer = setInterval(() => response.write(' '), 20);
      response.once('close', () => clearInterval(timer));
    };
    const startedAt = performance.now();
    const failure = await failureOf(storeAt(await standIn(drip)).check(readsUsers('ann'), { timeoutMs: 100 }));
    expect(failure.kind).toBe('timeout');
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });

  test('one that breaks the connection may have written, and is asked once', async () => {
    let asked = 0;
    const store = storeAt(
      await standIn((request) => {
        asked += 1;
        request.socket.destroy();
      }),
    );
    expect(await failureOf(store.write(WRITE, LIMITS))).toEqual({ kind: 'unavailable', applied: 'unknown' });
    expect(asked).toBe(1);
  });

  test.each([
    { status: 500, code: 'internal_error', failure: { kind: 'unavailable', applied: 'unknown' } },
    { status: 500, code: 'deadline_exceeded', failure: { kind: 'timeout', applied: 'unknown' } },
    { status: 503, code: 'unavailable', failure: { kind: 'unavailable', applied: 'unknown' } },
    { status: 409, code: 'Aborted', failure: { kind: 'conflict', applied: 'no' } },
    { status: 400, code: 'validation_error', failure: REFUSED },
    { status: 422, code: 'unprocessable', failure: REFUSED },
    { status: 422, code: 'throttled_timeout_error', failure: { kind: 'unavailable', applied: 'no' } },
    { status: 401, code: 'auth_failed', failure: { kind: 'unavailable', applied: 'no' } },
    { status: 404, code: 'undefined_endpoint', failure: { kind: 'unavailable', applied: 'no' } },
    // A store that is lost says nothing about the tuples: parking them all would be wrong.
    { status: 400, code: 'authorization_model_not_found', failure: { kind: 'unavailable', applied: 'no' } },
  ])('a write that $status `$code` answers ends as $failure', async ({ status, code, failure }) => {
    const url = await standIn((_request, response) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ code, message: 'no' }));
    });
    expect(await failureOf(storeAt(url).write(WRITE, LIMITS))).toEqual(failure);
    // A question is asked another way, and its failure means the same.
    expect((await failureOf(storeAt(url).check(readsUsers('ann'), LIMITS))).kind).toBe(failure.kind);
  });

  test('an answer that is none is an error: no JSON, no field, a batch with holes', async () => {
    let body = '';
    const url = await standIn((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(body);
    });
    for (body of ['', '<html>', '{}', '{"allowed":"true"}', '{"allowed":null}', 'null', '[]']) {
      expect((await failureOf(storeAt(url).check(readsUsers('ann'), LIMITS))).kind).toBe('unavailable');
    }
    body = '{"result":{"1":{"allowed":true},"2":{"allowed":false,"error":{"internal_error":"x","message":"y"}}}}';
    const questions = ['a', 'b', 'c'].map((user) => readsUsers(user));
    const answers = await storeAt(url).batchCheck(questions, LIMITS);
    expect(answers).toEqual([expect.any(EngineError), true, expect.any(EngineError)]);
  });

  test('a store or model that is gone is an engine that cannot answer', async () => {
    const lost = { kind: 'unavailable', applied: 'no' };
    expect(await failureOf(storeAt(engineUrl()).check(readsUsers('ann'), LIMITS))).toEqual(lost);
    expect(await failureOf(storeAt(engineUrl()).write(WRITE, LIMITS))).toEqual(lost);
    expect(await hasModel({ url: engineUrl(), storeId: NO_SUCH_ID }, NO_SUCH_ID)).toBe(false);
  });
});

test('a store is made once for a name, and knows its model', async () => {
  const engine = { url: engineUrl() };
  const name = `setup-${randomUUID()}`;
  const storeId = await ensureStore(engine, name);
  expect(await ensureStore(engine, name)).toBe(storeId);
  const modelId = await writeModel({ ...engine, storeId }, authorizationModel);
  expect(await hasModel({ ...engine, storeId }, modelId)).toBe(true);
  expect(await createEngineLook(engine)(1_000)).toBe(true);
});
