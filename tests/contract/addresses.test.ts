import { afterAll, beforeAll, expect, test, vi } from 'vitest';

import { type RunningApp, startApp } from '../support/http-app.js';
import { parseProblem } from '../support/problem-schema.js';
import { sendRaw } from '../support/raw-http.js';

let app: RunningApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.server.stop());

test.each([
  '/check/',
  '//check',
  '/CHECK',
  '/%63heck',
  '/check%00',
  '/check/../check',
  '/',
  '',
  '/nothing',
  '/check;x=1',
  '/constructor',
  '/__proto__',
])('%j is not there', async (path) => {
  const request = `POST /api/v1${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`;
  const answer = await sendRaw(app.port, request);
  expect(parseProblem(answer.body)).toMatchObject({ code: 'NOT_FOUND', status: 404 });
});

test('an absolute address is not ours', async () => {
  const request = `POST http://elsewhere/api/v1/check HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`;
  expect(parseProblem((await sendRaw(app.port, request)).body).code).toBe('NOT_FOUND');
});

test.each(['GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE'])('%s /check says what there is', async (method) => {
  const request = `${method} /api/v1/check HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`;
  const answer = await sendRaw(app.port, request);
  expect(parseProblem(answer.body)).toMatchObject({ code: 'METHOD_NOT_ALLOWED', status: 405 });
  expect(answer.head.toLowerCase()).toContain('\r\nallow: post\r\n');
});

test('no query is no parameter, in versions of Node too that read null as a name', async () => {
  class Literal extends URLSearchParams {
    constructor(init?: ConstructorParameters<typeof URLSearchParams>[0] | null) {
      super(init === null ? 'null' : init);
    }
  }
  vi.stubGlobal('URLSearchParams', Literal);
  try {
    const answer = await sendRaw(app.port, 'GET /api/v1/openapi.json HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
    expect(answer.head).toMatch(/^HTTP\/1\.1 200 /);
  } finally {
    vi.unstubAllGlobals();
  }
});
