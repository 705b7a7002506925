/** The TypeScript client against a played network: what is an answer, what is asked again, and when it ends. */
import { describe, expect, test, vi } from 'vitest';

import { createClient } from '../../clients/typescript/src/client.js';
import type { CallOptions, Client } from '../../clients/typescript/src/client.js';
import { createGuard } from '../../clients/typescript/src/guard.js';
import type { Auth } from '../../clients/typescript/src/guard.js';

const QUESTION = { user: 'ada', permission: 'users.read', tenant: 'acme' } as const;
const ALLOWED = { allowed: true, decisionId: 'd', modelId: 'm', evaluatedAt: '2030-01-01T00:00:00Z' };

type Played = (init: RequestInit, attempt: number) => Promise<Response> | Response;

/** A client whose requests are answered by `answer`, and what it sent. */
function playing(answer: Played): { client: Client; sent: { url: string; headers: Headers; body: unknown }[] } {
  const sent: { url: string; headers: Headers; body: unknown }[] = [];
  const played = (url: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const body = typeof init.body === 'string' ? init.body : '';
    sent.push({
      url: url instanceof Request ? url.url : String(url),
      headers: new Headers(init.headers),
      body: JSON.parse(body),
    });
    return Promise.resolve(answer(init, sent.length));
  };
  const client = createClient({ url: 'http://127.0.0.1:7080/', credential: 'bwk_key', fetch: played });
  return { client, sent };
}

const json = (body: unknown, status = 200, headers: Record<string, string> = {}): Response =>
  new Response(typeof body === 'string' ? body : JSON.stringify(body), { status, headers });
const problem = (status: number, code: string, headers: Record<string, string> = {}): Response =>
  json({ status, code, detail: 'as the service says' }, status, headers);
const lost: Played = () => Promise.reject(new TypeError('fetch failed'));
/** Ends with its signal, as fetch does. */
const hanging: Played = ({ signal }) =>
  new Promise((_, reject) => signal?.addEventListener('abort', () => reject(new Error('aborted'))));
const codeOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => 'an answer',
    (error: unknown) => (error instanceof Error && 'code' in error ? error.code : error),
  );

describe('what is sent', () => {
  test('the question, the key, the time that is left, and the sync token where there is one', async () => {
    const { client, sent } = playing(() => json(ALLOWED));
    expect(await client.check(QUESTION, { syncToken: 'token', timeoutMs: 400 })).toEqual(ALLOWED);
    expect(await client.check(QUESTION)).toEqual(ALLOWED);
    expect(sent[0]).toMatchObject({ url: 'http://127.0.0.1:7080/api/v1/check', body: QUESTION });
    expect(sent[0]?.headers.get('authorization')).toBe('Bearer bwk_key');
    expect(sent[0]?.headers.get('x-sync-token')).toBe('token');
    expect(Number(sent[0]?.headers.get('timeout-ms'))).toBeGreaterThan(300);
    expect(Number(sent[0]?.headers.get('timeout-ms'))).toBeLessThanOrEqual(400);
    expect(sent[1]?.headers.has('x-sync-token')).toBe(false);
  });

  test.each(['ftp://a', 'http://user:secret@a', 'http://a/?b=c', 'nothing'])('nothing, to `%s`', (url) => {
    expect(() => createClient({ url, credential: 'k' })).toThrow(TypeError);
  });
});

describe('what is no answer', () => {
  const check = (body: unknown) => codeOf(playing(() => json(body)).client.check(QUESTION));
  test.each<[string, unknown]>([
    ['a page', '<html>welcome</html>'],
    ['nothing', ''],
    ['a bare true', true],
    ['null', null],
    ['a text', { ...ALLOWED, allowed: 'true' }],
    ['a number', { ...ALLOWED, allowed: 1 }],
    ['no decision', { allowed: true }],
    ['a list', [ALLOWED]],
  ])('%s to a check', async (_, body) => {
    expect(await check(body)).toBe('BAD_ANSWER');
  });

  test('a decision under any status but 200', async () => {
    for (const status of [201, 202, 206, 299, 404]) {
      const { client } = playing(() => json(ALLOWED, status));
      expect(await codeOf(client.check(QUESTION)), String(status)).toBe('BAD_ANSWER');
    }
  });

  test('a batch of another length, or one with an allow beside its error', async () => {
    const answer = (results: unknown) =>
      codeOf(playing(() => json({ results })).client.batchCheck([QUESTION, QUESTION]));
    const one = { allowed: true, decisionId: 'd' };
    expect(await answer([one])).toBe('BAD_ANSWER');
    expect(await answer([one, one, one])).toBe('BAD_ANSWER');
    expect(await answer([one, { ...one, error: { code: 'X' } }])).toBe('BAD_ANSWER');
    expect(await answer([one, { error: { code: 'ENGINE_UNAVAILABLE' } }])).toBe('an answer');
  });

  test('a list that is cut and does not say so', async () => {
    const list = (page: object) =>
      codeOf(playing(() => json(page)).client.listObjects({ ...QUESTION, permission: 'record.read', type: 'record' }));
    expect(await list({ items: ['record:a'], nextCursor: null, complete: false })).toBe('BAD_ANSWER');
    expect(await list({ items: ['record:a'] })).toBe('BAD_ANSWER');
    expect(await list({ items: ['record:a'], nextCursor: null, complete: true })).toBe('an answer');
  });

  test('an introspection that names nobody', async () => {
    const introspect = (body: object) => codeOf(playing(() => json(body)).client.introspect('token'));
    expect(await introspect({ active: true })).toBe('BAD_ANSWER');
    expect(await introspect({ active: 'true', sub: 'ada' })).toBe('BAD_ANSWER');
    expect(await introspect({ active: true, sub: 'ada', roles: 'admin' })).toBe('BAD_ANSWER');
    expect(await introspect({ active: false })).toBe('an answer');
  });
});

describe('what is asked again', () => {
  test.each<[string, Played]>([
    ['a connection that broke', lost],
    ['a 503', () => problem(503, 'ENGINE_UNAVAILABLE')],
    ['a proxy’s 502', () => json('bad gateway', 502)],
  ])('%s, once', async (_, first) => {
    const { client, sent } = playing((init, attempt) => (attempt === 1 ? first(init, attempt) : json(ALLOWED)));
    expect(await client.check(QUESTION)).toEqual(ALLOWED);
    expect(sent).toHaveLength(2);
    const always = playing(first);
    expect(await codeOf(always.client.check(QUESTION))).not.toBe('an answer');
    expect(always.sent).toHaveLength(2);
  });

  test.each<[string, Played, string]>([
    ['a refusal', () => problem(403, 'FORBIDDEN'), 'FORBIDDEN'],
    ['a fault of the question', () => problem(400, 'INVALID_REQUEST'), 'INVALID_REQUEST'],
    ['a fault of the service', () => problem(500, 'INTERNAL'), 'INTERNAL'],
    [
      'a 503 that asks for more patience than there is',
      () => problem(503, 'OVERLOADED', { 'retry-after': '2' }),
      'OVERLOADED',
    ],
    ['a wrong answer', () => json({}), 'BAD_ANSWER'],
  ])('%s never', async (_, answer, code) => {
    const { client, sent } = playing(answer);
    expect(await codeOf(client.check(QUESTION))).toBe(code);
    expect(sent).toHaveLength(1);
  });
});

describe('when it ends', () => {
  test('at its deadline, which is not asked again', async () => {
    const { client, sent } = playing(hanging);
    expect(await codeOf(client.check(QUESTION, { timeoutMs: 30 }))).toBe('TIMED_OUT');
    expect(sent).toHaveLength(1);
  });

  test('at the deadline of the whole, where the first try took part of it', async () => {
    const { client, sent } = playing((init, attempt) => (attempt === 1 ? lost(init, 1) : hanging(init, 2)));
    expect(await codeOf(client.check(QUESTION, { timeoutMs: 200 }))).toBe('TIMED_OUT');
    expect(sent).toHaveLength(2);
    expect(Number(sent[1]?.headers.get('timeout-ms'))).toBeLessThan(190);
  });

  test('with the caller, before, while and between tries', async () => {
    const { client, sent } = playing(hanging);
    expect(await codeOf(client.check(QUESTION, { signal: AbortSignal.abort() }))).toBe('ABORTED');
    expect(sent).toHaveLength(0);
    const controller = new AbortController();
    const call = codeOf(client.check(QUESTION, { signal: controller.signal }));
    controller.abort();
    expect(await call).toBe('ABORTED');
    const between = new AbortController();
    const broken = playing((init, attempt) => {
      queueMicrotask(() => between.abort());
      return lost(init, attempt);
    });
    expect(await codeOf(broken.client.check(QUESTION, { signal: between.signal }))).toBe('ABORTED');
    expect(broken.sent.length).toBeLessThan(2);
  });

  test('and leaves nothing on the caller’s signal', async () => {
    const { signal } = new AbortController();
    const add = vi.spyOn(signal, 'addEventListener');
    const remove = vi.spyOn(signal, 'removeEventListener');
    const { client } = playing(() => json(ALLOWED));
    await client.check(QUESTION, { signal });
    expect(remove.mock.calls.length).toBe(add.mock.calls.length);
  });
});

describe('a guard', () => {
  const AUTH: Auth = {
    userId: 'ada',
    tenantId: 'acme',
    roles: [],
    managedUserIds: [],
    impersonationId: undefined,
  };
  const facts = { authorization: 'Bearer t', syncToken: undefined, params: () => ({}) };

  /** The status that a request with these answers gets; 200 where it may go on. */
  async function statusFor(over: {
    check?: (call?: CallOptions) => unknown;
    authenticate?: () => Promise<Auth | undefined>;
    object?: () => string;
    authorization?: string;
  }): Promise<{ status: number; errors: number }> {
    let errors = 0;
    const { client } = playing(async () => {
      const answer = await over.check?.();
      return answer instanceof Response ? answer : json(answer ?? ALLOWED);
    });
    const guard = createGuard({
      client,
      authenticate: over.authenticate ?? (() => Promise.resolve(AUTH)),
      timeoutMs: 100,
      onError: () => (errors += 1),
    });
    const needed = { permission: 'users.read', object: over.object };
    const refusal = await guard.judge({}, needed, {
      ...facts,
      authorization: over.authorization ?? facts.authorization,
    });
    return { status: refusal?.status ?? 200, errors };
  }

  test('lets pass on `allowed: true`, and on nothing else', async () => {
    expect(await statusFor({})).toEqual({ status: 200, errors: 0 });
    expect(await statusFor({ check: () => ({ ...ALLOWED, allowed: false }) })).toEqual({ status: 403, errors: 0 });
    for (const answer of [{}, [], 'yes', 1, { allowed: 'true', decisionId: 'd' }, { decision: true }]) {
      expect(await statusFor({ check: () => answer })).toEqual({ status: 503, errors: 1 });
    }
    for (const [status, code] of [
      [400, 'INVALID_REQUEST'],
      [401, 'UNAUTHENTICATED'],
      [403, 'FORBIDDEN'],
      [500, 'INTERNAL'],
      [503, 'SYNC_LAG'],
    ] as const) {
      expect(await statusFor({ check: () => problem(status, code) })).toEqual({ status: 503, errors: 1 });
    }
  });

  test('refuses where anything throws, and who is nobody or in no tenant', async () => {
    const fail = (): never => {
      throw new Error('broken');
    };
    expect(await statusFor({ check: () => Promise.reject(new TypeError('lost')) })).toEqual({ status: 503, errors: 1 });
    expect(await statusFor({ authenticate: fail })).toEqual({ status: 503, errors: 1 });
    expect(await statusFor({ object: fail })).toEqual({ status: 503, errors: 1 });
    expect(await statusFor({ authenticate: () => Promise.resolve(undefined) })).toEqual({ status: 401, errors: 0 });
    const nowhere = () => Promise.resolve({ ...AUTH, tenantId: undefined });
    expect(await statusFor({ authenticate: nowhere })).toEqual({ status: 403, errors: 0 });
    for (const authorization of ['', 'Basic dTpw', 'Bearer', 'Bearer a b', 'Bearer é']) {
      expect((await statusFor({ authorization })).status).toBe(401);
    }
  });

  test('denies an object that can name nothing, and no other fault of the question', async () => {
    const faults =
      (...fields: string[]) =>
      () =>
        json({ code: 'INVALID_REQUEST', errors: fields.map((field) => ({ field, message: 'is wrong' })) }, 400);
    expect(await statusFor({ check: faults('object') })).toEqual({ status: 403, errors: 0 });
    expect(await statusFor({ check: faults('object', 'permission') })).toEqual({ status: 503, errors: 1 });
    expect(await statusFor({ check: faults('permission') })).toEqual({ status: 503, errors: 1 });
  });
});
