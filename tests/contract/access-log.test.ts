import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { newServiceKey } from '../../src/platform/service-key.js';
import { createAuthentication } from '../../src/http/authentication.js';
import { AS_ADA, QUESTION, readOpenapi, type RunningApp, startApp, stubOperations } from '../support/http-app.js';
import { sendRaw } from '../support/raw-http.js';

const { key, keyId, keyHash } = newServiceKey();
const TOKEN = 'eyJhbGciOiJFUzI1NiJ9.c2VjcmV0LWNhbmFyeQ.c2ln';

let app: RunningApp;
beforeAll(async () => {
  app = await startApp({
    authenticate: createAuthentication({
      trusted: { loopback: true, gatewaySecretSha256: undefined },
      verifyToken: () => Promise.resolve({ subject: 'eve', tenantId: 't2', acceptedUntil: 0, keysStand: () => true }),
      findServiceKey: () =>
        Promise.resolve({ id: keyId, keyHash, tenantId: 't1', scope: 'decide', expiresAt: null, revokedAt: null }),
    }),
  });
});
afterAll(() => app.server.stop());
beforeEach(() => app.lines.splice(0));

async function lineFor(headers: Record<string, string>, path = '/check', body = JSON.stringify(QUESTION)) {
  const response = await fetch(app.base + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-request-id': 'req-1', ...headers },
    body,
  });
  await response.text();
  await expect.poll(() => app.lines.length).toBe(1);
  return JSON.parse(app.lines[0] ?? '') as Record<string, unknown>;
}

test('a request is one line that says who asked what', async () => {
  const line = await lineFor(AS_ADA);
  expect(line).toMatchObject({
    level: 30,
    requestId: 'req-1',
    operationId: 'check',
    method: 'POST',
    path: '/api/v1/check',
    status: 200,
    caller: 'user',
    via: 'headers',
    actor: 'ada',
    tenant: 't1',
    msg: 'request',
  });
  expect(line['time']).toBeTypeOf('number');
  expect(line['durationMs']).toBeTypeOf('number');
  expect(line).not.toHaveProperty('code');
});

test('a service is named by the id of its key', async () => {
  expect(await lineFor({ authorization: `Bearer ${key}` })).toMatchObject({
    caller: 'service',
    actor: keyId,
    tenant: 't1',
  });
});

test('a problem is a line with its code', async () => {
  expect(await lineFor(AS_ADA, '/check', '{}')).toMatchObject({
    status: 400,
    code: 'INVALID_REQUEST',
    operationId: 'check',
  });
  app.lines.splice(0);
  expect(await lineFor({}, '/nothing')).toMatchObject({ status: 404, code: 'NOT_FOUND' });
});

test.each([
  { authorization: `Bearer ${key}` },
  { authorization: `Bearer ${key}x` },
  { authorization: `Bearer ${TOKEN}` },
])('credentials, queries and bodies are not written down', async (headers) => {
  await lineFor(headers, '/check?password=hunter2', JSON.stringify({ ...QUESTION, secret: 'hunter3' }));
  const text = app.lines.join('');
  for (const secret of [key, key.slice(-43), TOKEN, 'hunter2', 'hunter3', 'users.read'])
    expect(text).not.toContain(secret);
});

test('a path of odd bytes stays one line', async () => {
  const path = '/\u001b[31m\u2028';
  await sendRaw(app.port, Buffer.from(`GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`, 'utf8'), 500);
  await fetch(`${app.base}/a%0d%0ab`);
  await expect.poll(() => app.lines.length).toBeGreaterThan(0);
  for (const line of app.lines) expect(line.trimEnd()).not.toMatch(/[\n\r\u001b\u2028]/);
});

test('requests are measured by operation and class, made-up paths and ids as none', async () => {
  await lineFor(AS_ADA);
  app.lines.splice(0);
  await lineFor(AS_ADA, `/made-up-${Math.random()}`);
  const { body } = await app.metrics.render();
  const series = [...body.matchAll(/http_request_duration_seconds_count\{([^}]*)\}/g)].map(([, labels]) => labels);
  expect(series).toContain('operation="check",status_class="2xx"');
  expect(series).toContain('operation="none",status_class="4xx"');
  expect(body).not.toContain('made-up');
});

test('a caller who leaves in the middle of an export is no fault of ours', async () => {
  async function* endless() {
    for (;;) yield await new Promise<string>((resolve) => setTimeout(resolve, 1, '{}\n'));
  }
  const { operations } = stubOperations(readOpenapi());
  const exporting = await startApp({
    operations: { ...operations, exportAuditLog: () => Promise.resolve({ status: 200, stream: endless() }) },
    validateResponses: false,
  });
  const leaving = new AbortController();
  const answer = await fetch(`${exporting.base}/admin/audit-log/export`, { headers: AS_ADA, signal: leaving.signal });
  expect(answer.status).toBe(200);
  leaving.abort();
  await expect.poll(() => exporting.lines.join('')).toContain('"msg":"request"');
  await exporting.server.stop();
  expect(exporting.lines.join('')).not.toContain('INTERNAL');
});
