/** Callers who are slow, on purpose or not: each is cut off in the end, and none keeps another waiting. */
import { connect, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';

import type { HttpServerLimits } from '../../src/http/server.js';
import { AS_ADA, QUESTION, readOpenapi, type RunningApp, startApp, stubOperations } from '../support/http-app.js';
import { rawCheck } from '../support/raw-http.js';

const COUNT = 200;
/** Of those who do not read: the system buffers megabytes for each. */
const READERS = 40;
const BODY = JSON.stringify(QUESTION);

let app: RunningApp;
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await app.server.stop();
});

/** That many connections, with the bytes sent on each. */
async function flood(count: number, bytes: string): Promise<void> {
  await Promise.all(
    Array.from({ length: count }, () => {
      const socket = connect(app.port, '127.0.0.1');
      socket.on('error', () => undefined);
      sockets.push(socket);
      return new Promise<void>((resolve) => socket.write(bytes, () => resolve()));
    }),
  );
}

const ask = (): Promise<Response> =>
  fetch(`${app.base}/check`, {
    method: 'POST',
    headers: { ...AS_ADA, 'content-type': 'application/json' },
    body: BODY,
  });

async function expectOthersAreAnswered(): Promise<void> {
  const startedAt = performance.now();
  expect((await ask()).status).toBe(200);
  expect(performance.now() - startedAt).toBeLessThan(500);
}

/** Longer than any limit of these tests, and far shorter than Node's own, which would be 60 and 300 s. */
const SOON = { timeout: 20_000, interval: 50 };
const ofThemOpen = (): number => sockets.filter(({ closed }) => !closed).length;

test.each<{ what: string; bytes: string; limits: Partial<HttpServerLimits>; drop?: string }>([
  { what: 'callers who say nothing', bytes: '', limits: { headersTimeoutMs: 1_000 } },
  {
    what: 'heads that never end',
    bytes: 'POST /api/v1/check HTTP/1.1\r\nx-slow: ',
    limits: { headersTimeoutMs: 1_000 },
    drop: 'x',
  },
  {
    what: 'bodies that never end',
    bytes: rawCheck(BODY, { 'content-length': '5000' }),
    limits: { headersTimeoutMs: 500, requestTimeoutMs: 1_000 },
    drop: ' ',
  },
])('$what, 200 of them: cut off, and nobody else waits', async ({ bytes, limits, drop }) => {
  app = await startApp({ limits });
  await ask();
  await flood(COUNT, bytes);
  for (const socket of sockets) socket.resume();
  const dropping = setInterval(() => {
    if (drop !== undefined) for (const socket of sockets) if (socket.writable) socket.write(drop);
  }, 100);
  try {
    await expectOthersAreAnswered();
    await expect.poll(ofThemOpen, SOON).toBe(0);
  } finally {
    clearInterval(dropping);
  }
});

test('answers that nobody reads: their source is held up, let go of, and nobody else waits', async () => {
  const made = { chunks: 0, isLetGo: 0 };
  async function* endless(): AsyncGenerator<string> {
    try {
      for (;;) {
        made.chunks += 1;
        yield await Promise.resolve('x'.repeat(64 * 1024));
      }
    } finally {
      made.isLetGo += 1;
    }
  }
  const { operations } = stubOperations(readOpenapi());
  const exportRoleMatrix = () => Promise.resolve({ status: 200, body: '', stream: endless() });
  app = await startApp({
    operations: { ...operations, exportRoleMatrix },
    limits: { silenceMs: 1_000 },
    validateResponses: false,
  });
  await ask();
  const head = Object.entries({ host: '127.0.0.1', ...AS_ADA }).map(([name, value]) => `${name}: ${value}`);
  await flood(READERS, `GET /api/v1/admin/role-matrix HTTP/1.1\r\n${head.join('\r\n')}\r\n\r\n`);
  await expect.poll(() => made.chunks, SOON).toBeGreaterThan(READERS);
  await expectOthersAreAnswered();
  // What is made is what the buffers of both ends take, and no more.
  await expect.poll(() => made.isLetGo, SOON).toBe(READERS);
  expect(made.chunks / READERS).toBeLessThan(200);
});
