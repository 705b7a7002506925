import { connect, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';

import type { HttpServerLimits } from '../../src/http/server.js';
import type { RequestContext } from '../../src/shared/operation.js';
import { AS_ADA, QUESTION, readOpenapi, type RunningApp, startApp, stubOperations } from '../support/http-app.js';
import { parseProblem } from '../support/problem-schema.js';
import { rawCheck, sendRaw } from '../support/raw-http.js';

let app: RunningApp;
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await app.server.stop();
});

const ANSWER = { allowed: true, decisionId: 'd1', modelId: 'm1', evaluatedAt: '2026-11-21T09:30:00Z' };

/** An app whose `check` waits until it is told to answer, or until its request is aborted. */
async function startSlow(limits?: Partial<HttpServerLimits>) {
  const contexts: RequestContext[] = [];
  let finish = (): void => undefined;
  const finished = new Promise<void>((resolve) => (finish = resolve));
  let arrived = (): void => undefined;
  const arrival = new Promise<void>((resolve) => (arrived = resolve));
  const { operations } = stubOperations(readOpenapi());
  app = await startApp({
    ...(limits === undefined ? {} : { limits }),
    operations: {
      ...operations,
      check: async (_input: unknown, context: RequestContext) => {
        contexts.push(context);
        arrived();
        await finished;
        return { status: 200, body: ANSWER };
      },
    },
  });
  return { contexts, finish: () => finish(), arrival };
}

const check = (headers: object = {}): Promise<Response> =>
  fetch(`${app.base}/check`, {
    method: 'POST',
    headers: { ...AS_ADA, 'content-type': 'application/json', ...headers },
    body: JSON.stringify(QUESTION),
  });

function open(text: string): Socket {
  const socket = connect(app.port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(text);
  sockets.push(socket);
  return socket;
}

const seconds = (count: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, count * 1000));

test('a port that is taken is an error of the start', async () => {
  app = await startApp();
  const { createHttpServer } = await import('../../src/http/server.js');
  const { memoryLog } = await import('../support/http-app.js');
  const other = createHttpServer({
    name: 'other',
    host: '127.0.0.1',
    port: app.port,
    app: () => undefined,
    log: memoryLog().log,
  });
  await expect(other.start()).rejects.toMatchObject({ code: 'EADDRINUSE' });
  await other.stop();
});

test('a head that comes too slowly is cut off, with a problem', async () => {
  app = await startApp({ limits: { headersTimeoutMs: 300 } });
  const startedAt = performance.now();
  const answer = await sendRaw(app.port, 'POST /api/v1/check HTTP/1.1\r\nhost: x\r\nx-slow: ', 5_000);
  expect(answer.status).toBe(408);
  expect(parseProblem(answer.body)).toMatchObject({ status: 408, code: 'INVALID_REQUEST' });
  expect(performance.now() - startedAt).toBeLessThan(2_500);
});

test.each([
  ['a head that is too large', `GET / HTTP/1.1\r\nhost: x\r\nx-large: ${'x'.repeat(17_000)}\r\n\r\n`, 431],
  ['what is not HTTP', 'hello\r\n\r\n', 400],
  ['a header with a NUL', 'GET / HTTP/1.1\r\nhost: x\r\nx-a: \0\r\n\r\n', 400],
  ['a length that is no number', 'GET / HTTP/1.1\r\nhost: x\r\ncontent-length: x\r\n\r\n', 400],
  ['a bare line feed before the length', 'GET / HTTP/1.1\r\nhost: x\ncontent-length: 1\r\n\r\n', 400],
])('%s is a problem', async (_name, bytes, status) => {
  app = await startApp();
  const answer = await sendRaw(app.port, bytes);
  expect(answer.status).toBe(status);
  expect(parseProblem(answer.body)).toMatchObject({ status, code: 'INVALID_REQUEST' });
});

test('the deadline of a request is what the caller allows', async () => {
  const { contexts, finish, arrival } = await startSlow();
  const answer = check({ 'timeout-ms': '150' });
  await arrival;
  expect(contexts[0]?.deadline.remainingMs()).toBeLessThanOrEqual(150);
  expect(contexts[0]?.deadline.signal.aborted).toBe(false);
  await seconds(0.2);
  expect(contexts[0]?.deadline.remainingMs()).toBe(0);
  expect(contexts[0]?.deadline.signal.reason).toMatchObject({ name: 'TimeoutError' });
  finish();
  await answer;
});

test('a caller who hangs up ends the work done for them', async () => {
  const { contexts, finish, arrival } = await startSlow();
  const socket = open(rawCheck(JSON.stringify(QUESTION), { 'timeout-ms': '9000' }));
  await arrival;
  socket.destroy();
  await expect.poll(() => contexts[0]?.deadline.signal.aborted).toBe(true);
  expect(contexts[0]?.deadline.signal.reason).toMatchObject({ name: 'AbortError' });
  finish();
  await expect.poll(() => app.lines.some((line) => line.includes('"aborted":true'))).toBe(true);
});

test('at the end what is under way is finished, and nothing new begins', async () => {
  const { finish, arrival } = await startSlow();
  const answer = check();
  await arrival;
  const idle = open('');
  await seconds(0.05);
  const idleClosed = new Promise((resolve) => idle.once('close', resolve));
  const stopped = app.server.stop();
  await idleClosed;
  await expect(check()).rejects.toThrow();
  finish();
  const response = await answer;
  expect(response.status).toBe(200);
  expect(response.headers.get('connection')).toBe('close');
  await stopped;
});

test('at the end what does not finish is cut off', async () => {
  const { finish, arrival } = await startSlow({ stopTimeoutMs: 200 });
  const answer = check({ 'timeout-ms': '9000' });
  answer.catch(() => undefined);
  await arrival;
  const startedAt = performance.now();
  await app.server.stop();
  expect(performance.now() - startedAt).toBeLessThan(1_000);
  await expect(answer).rejects.toThrow();
  finish();
});

test('a server that never started, or has stopped, can be stopped', async () => {
  app = await startApp();
  await app.server.stop();
  await app.server.stop();
  expect(() => app.server.address()).toThrow('does not listen');
});
