import { afterEach, beforeEach, expect, test } from 'vitest';

import type { RequestContext } from '../../src/shared/operation.js';
import { Problem } from '../../src/shared/problem.js';
import { AS_ADA, QUESTION, readOpenapi, type RunningApp, startApp, stubOperations } from '../support/http-app.js';
import { expectProblem } from '../support/problem-schema.js';

let app: RunningApp;
let asked: [string, RequestContext][];
let isAllowed: boolean;

beforeEach(async () => {
  asked = [];
  isAllowed = false;
  const document = structuredClone(readOpenapi());
  Object.assign(document.paths['/check']?.['post'] ?? {}, { 'x-permission': 'users.read' });
  const { operations, seen } = stubOperations(document);
  app = await startApp({
    document,
    operations,
    authorize: (permission, context) => {
      asked.push([permission, context]);
      return isAllowed ? Promise.resolve() : Promise.reject(new Problem('FORBIDDEN', '`users.read` is needed'));
    },
  });
  app.seen.push(...seen);
});
afterEach(() => app.server.stop());

function post(
  path: string,
  { body = JSON.stringify(QUESTION), headers = {} }: { body?: string; headers?: object } = {},
) {
  const all = { 'content-type': 'application/json', ...headers };
  return fetch(app.base + path, { method: 'POST', headers: all, body });
}

test('what is not there is not there for strangers either', async () => {
  await expectProblem(await post('/nothing'), 404, 'NOT_FOUND');
  await expectProblem(await fetch(`${app.base}/check`), 405, 'METHOD_NOT_ALLOWED');
});

test('strangers learn nothing of what is valid', async () => {
  await expectProblem(await post('/check', { body: '{' }), 401, 'UNAUTHENTICATED');
  await expectProblem(await post('/check', { body: ' '.repeat(70_000) }), 401, 'UNAUTHENTICATED');
  await expectProblem(await post('/check?a=1&a=2', { headers: { 'timeout-ms': 'x' } }), 401, 'UNAUTHENTICATED');
  expect(asked).toEqual([]);
});

test('what is not valid is not put to the engine', async () => {
  await expectProblem(await post('/check', { body: '{}', headers: AS_ADA }), 400, 'INVALID_REQUEST');
  expect(asked).toEqual([]);
});

test('who may not is turned away before the handler', async () => {
  await expectProblem(await post('/check', { headers: AS_ADA }), 403, 'FORBIDDEN');
  expect(asked).toMatchObject([['users.read', { caller: { actorUserId: 'ada', tenantId: 't1' } }]]);
});

test('who may is let through', async () => {
  isAllowed = true;
  expect((await post('/check', { headers: AS_ADA })).status).toBe(200);
});

test('`decide` needs a caller and asks nobody else', async () => {
  const body = JSON.stringify({ ...QUESTION, type: 'record' });
  await expectProblem(await post('/list-objects', { body }), 401, 'UNAUTHENTICATED');
  expect((await post('/list-objects', { body, headers: AS_ADA })).status).toBe(200);
  expect(asked).toEqual([]);
});

test('`public` needs nobody', async () => {
  expect((await fetch(`${app.base}/openapi.json`, { headers: { authorization: 'Bearer x' } })).status).toBe(200);
  expect(asked).toEqual([]);
});
