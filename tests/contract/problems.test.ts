import { afterAll, beforeAll, expect, test } from 'vitest';

import { Problem, PROBLEMS } from '../../src/shared/problem.js';
import { problemCodes } from '../../src/contract/operations.js';
import { AS_ADA, QUESTION, readOpenapi, type RunningApp, startApp, stubOperations } from '../support/http-app.js';
import { expectProblem } from '../support/problem-schema.js';

let app: RunningApp;
let outcome: () => Promise<{ status: number; body?: unknown }>;

beforeAll(async () => {
  const { operations } = stubOperations(readOpenapi());
  app = await startApp({ operations: { ...operations, check: () => outcome() } });
});
afterAll(() => app.server.stop());

const check = (headers: object = {}): Promise<Response> =>
  fetch(`${app.base}/check`, {
    method: 'POST',
    headers: { ...AS_ADA, 'content-type': 'application/json', ...headers },
    body: JSON.stringify(QUESTION),
  });

test.each(problemCodes)('%s has its status, title and type', async (code) => {
  outcome = () => Promise.reject(new Problem(code, 'what happened'));
  const problem = await expectProblem(await check(), PROBLEMS[code].status, code);
  expect(problem).toMatchObject({ detail: 'what happened', title: PROBLEMS[code].title, instance: '/api/v1/check' });
  expect(problem.type).toBe(`urn:bailiwick:problem:${code.toLowerCase().replaceAll('_', '-')}`);
});

test.each([
  new Error('password=hunter2 at /srv/app.ts'),
  'hunter2',
  undefined,
  Object.assign(new Error('hunter2'), { status: 400 }),
  Object.assign(new Error('hunter2'), { code: '42P01', detail: 'hunter2' }),
])('a bug (%s) says nothing but the request id, and is logged once', async (error) => {
  app.lines.splice(0);

  // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- anything can be thrown; this tests it
  outcome = () => Promise.reject(error);
  const problem = await expectProblem(await check(), 500, 'INTERNAL');
  expect(JSON.stringify(problem)).not.toContain('hunter2');
  const errors = app.lines.filter((line) => line.includes('"level":50'));
  expect(errors).toHaveLength(1);
  expect(errors[0]).toContain(problem.requestId);
});

test('a handler that throws before it has a promise is a bug like any other', async () => {
  outcome = () => {
    throw new Error('hunter2');
  };
  await expectProblem(await check(), 500, 'INTERNAL');
});

test('an answer that breaks the contract is not sent', async () => {
  outcome = () => Promise.resolve({ status: 200, body: { allowed: 'yes', secret: 'hunter2' } });
  const problem = await expectProblem(await check(), 500, 'INTERNAL');
  expect(JSON.stringify(problem)).not.toContain('hunter2');
  outcome = () => Promise.resolve({ status: 202, body: {} });
  await expectProblem(await check(), 500, 'INTERNAL');
});

test('Retry-After is what the problem says, and a second for any other 503', async () => {
  outcome = () => Promise.reject(new Problem('SYNC_LAG', 'soon', { retryAfterSeconds: 2.5 }));
  expect((await check()).headers.get('retry-after')).toBe('3');
  outcome = () => Promise.reject(new Problem('ENGINE_UNAVAILABLE', 'soon'));
  expect((await check()).headers.get('retry-after')).toBe('1');
});

test('a 401 says how to come back', async () => {
  const response = await check({ 'x-user-id': '' });
  expect(response.headers.get('www-authenticate')).toBe('Bearer realm="bailiwick"');
  await expectProblem(response, 401, 'UNAUTHENTICATED');
});

test('long details and many faults are cut to the bounds of the contract', async () => {
  const errors = Array.from({ length: 80 }, () => ({ field: 'f'.repeat(999), message: 'm'.repeat(999) }));
  outcome = () => Promise.reject(new Problem('INVALID_REQUEST', 'd'.repeat(9999), { errors }));
  expect((await expectProblem(await check(), 400, 'INVALID_REQUEST')).errors).toHaveLength(50);
});

test.each([
  ['abc-1', 'abc-1'],
  ['a'.repeat(129), undefined],
  ['a b', undefined],
  ['<script>', undefined],
  ['', undefined],
])('request id %j', async (sent, echoed) => {
  outcome = () => Promise.reject(new Problem('FORBIDDEN', 'no'));
  const { requestId } = await expectProblem(await check({ 'x-request-id': sent }), 403, 'FORBIDDEN');
  expect(requestId).toMatch(echoed === undefined ? /^[0-9a-f-]{36}$/ : new RegExp(`^${echoed}$`));
});

test('every answer carries the security headers and none that tells what we run', async () => {
  outcome = () => Promise.reject(new Problem('FORBIDDEN', 'no'));
  for (const response of [await check(), await fetch(`${app.base}/openapi.json`), await fetch(`${app.base}/nothing`)]) {
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(response.headers.get('x-powered-by')).toBeNull();
    expect(response.headers.get('access-control-allow-origin')).toBeNull();
    expect(response.headers.get('x-request-id')).not.toBeNull();
  }
  expect((await check()).headers.get('cache-control')).toBe('no-store');
});
