import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { operationsOf } from '../../src/http/contract.js';
import { AS_ADA, QUESTION, readOpenapi, type RunningApp, startApp } from '../support/http-app.js';
import { expectProblem, parseProblem } from '../support/problem-schema.js';
import { rawCheck, sendRaw } from '../support/raw-http.js';

let app: RunningApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.server.stop());
beforeEach(() => app.seen.splice(0));

function check(body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}, path = '/check') {
  return fetch(app.base + path, {
    method: 'POST',
    headers: { ...AS_ADA, 'content-type': 'application/json', ...headers },
    body,
  });
}

const question = (change: object): string => JSON.stringify({ ...QUESTION, ...change });

test('the valid question that the others are made of is answered', async () => {
  const response = await check(question({}));
  expect(response.status).toBe(200);
  expect(app.seen).toHaveLength(1);
});

describe('a field that is wrong is named, and nothing is asked', () => {
  const ids: unknown[] = [
    '', '*', 'a#member', 'a:b', 'role:x#assignee', 'a b', 'a\n', 'a\u0000', '\u202ea', '%00', '..', '/', 'a/b', '-a',
    '\u00e9', 'e\u0301', '\u0131', '\uff41', '\u0430', '\ud83d\ude00', 'x'.repeat(121), '\ud83d\ude00'.repeat(120), '\ud800',
    null, true, 7, 1e300, [], ['ada'], {}, { toString: 'ada' },
  ]; // prettier-ignore
  const fields = ['user', 'tenant'].flatMap((field) => ids.map((id): [string, unknown] => [field, id]));
  const cases: [string, unknown][] = [
    ...fields,
    ...['', 'Users.read', 'users read', 'users.read\n', 'users:read', 'users#read', '*', 'x'.repeat(45), 7, null].map(
      (permission): [string, unknown] => ['permission', permission],
    ),
    ...[
      '',
      'record',
      'record:',
      'record:*',
      'record:a#b',
      'record:a:b',
      'tenant:t1',
      'user:ada',
      'profile:t1/ada',
      'Record:a',
      null,
      7,
    ].map((object): [string, unknown] => ['object', object]),
    ...['', 'x'.repeat(513), 'a b', 'a\nb', 'é', 7, null].map((token): [string, unknown] => ['syncToken', token]),
  ];

  test.each(cases)('%s = %j', async (field, value) => {
    const { errors } = await expectProblem(await check(question({ [field]: value })), 400, 'INVALID_REQUEST');
    expect(errors?.map((error) => error.field)).toContain(field);
    expect(app.seen).toEqual([]);
  });

  test.each(['user', 'permission', 'tenant'])('%s is missing', async (field) => {
    const { errors } = await expectProblem(await check(question({ [field]: undefined })), 400, 'INVALID_REQUEST');
    expect(errors?.map((error) => error.field)).toContain(field);
  });

  test.each(['extra', 'constructor', 'prototype', 'toString', 'current_time', 'context', 'tenant_id', 'Explain'])(
    '%s is not a field',
    async (field) => {
      const { errors } = await expectProblem(await check(question({ [field]: {} })), 400, 'INVALID_REQUEST');
      expect(errors?.map((error) => error.field)).toContain(field);
    },
  );

  test.each([
    ['limit', 0],
    ['limit', 1001],
    ['limit', 1.5],
    ['limit', '10'],
    ['limit', null],
    ['type', 'tenant'],
    ['type', null],
    ['cursor', ''],
    ['cursor', 'x'.repeat(1025)],
  ])('list-objects: %s = %j', async (field, value) => {
    const body = question({ type: 'record', [field]: value });
    const { errors } = await expectProblem(await check(body, {}, '/list-objects'), 400, 'INVALID_REQUEST');
    expect(errors?.map((error) => error.field)).toContain(field);
  });
});

describe('the other operations', () => {
  const checks = [QUESTION];
  const impact = { impact: {} };
  test.each<[string, object, string]>([
    ['/batch-check', {}, 'checks'],
    ['/batch-check', { checks: QUESTION }, 'checks'],
    ['/batch-check', { checks: [[]] }, 'checks/0'],
    ['/what-if', { tenant: 't1', changes: [[1]], ask: impact }, 'changes/0'],
    ['/batch-check', { checks: [{ ...QUESTION, user: '*' }] }, 'checks/0/user'],
    ['/batch-check', { checks: [QUESTION, { ...QUESTION, syncToken: 'x' }] }, 'checks/1/syncToken'],
    ['/batch-check', { checks, consistency: 'none' }, 'consistency'],
    ['/check', { ...QUESTION, explain: 'yes' }, 'explain'],
    ['/list-users', { tenant: 't1' }, 'permission'],
    ['/list-users', { permission: 'users.read', tenant: 't1', user: 'ada' }, 'user'],
    ['/list-users', { permission: 'users.read', tenant: 't1', limit: 1001 }, 'limit'],
    ['/list-permissions', { user: 'ada' }, 'tenant'],
    ['/list-permissions', { user: 'ada', tenant: 't1', object: 'tenant:t1' }, 'object'],
    ['/list-permissions', { user: 'ada', tenant: 't1', permission: 'users.read' }, 'permission'],
    ['/explain', { ...QUESTION, user: '' }, 'user'],
    ['/what-if', { tenant: 't1', changes: [] }, 'ask'],
    ['/what-if', { tenant: 't1', changes: [], ask: {} }, 'ask'],
    ['/what-if', { tenant: 't1', changes: [], ask: { ...impact, effectivePermissions: { user: 'ada' } } }, 'ask'],
    ['/what-if', { tenant: 't1', changes: [{}], ask: impact }, 'changes/0'],
    [
      '/what-if',
      { tenant: 't1', changes: [{ setTenantStatus: { status: 'gone' } }], ask: impact },
      'changes/0/setTenantStatus/status',
    ],
    [
      '/what-if',
      { tenant: 't1', changes: [{ assignRole: { user: 'ada' } }], ask: impact },
      'changes/0/assignRole/roleId',
    ],
    ['/what-if', { tenant: 't1', changes: [{ becomeAdmin: {} }], ask: impact }, 'changes/0/becomeAdmin'],
    ['/what-if', { tenant: 't1', changes: [], ask: { checks: [] } }, 'ask/checks'],
  ])('%s of %j is refused, naming %s', async (path, body, field) => {
    const { errors } = await expectProblem(await check(JSON.stringify(body), {}, path), 400, 'INVALID_REQUEST');
    expect(errors?.map((error) => error.field)).toContain(field);
    expect(app.seen).toEqual([]);
  });

  test('a thousand questions with all their fields are read, one more is not', async () => {
    const many = (count: number) =>
      JSON.stringify({ checks: Array.from({ length: count }, () => ({ ...QUESTION, object: 'record:r1' })) });
    expect((await check(many(1_000), {}, '/batch-check')).status).toBe(200);
    const { errors } = await expectProblem(await check(many(1_001), {}, '/batch-check'), 400, 'INVALID_REQUEST');
    expect(errors).toEqual([{ field: 'checks', message: 'must NOT have more than 1000 items' }]);
  });

  test('512 KiB are read where the contract says so', async () => {
    const padded = (size: number) => JSON.stringify({ checks }).padEnd(size);
    expect((await check(padded(512 * 1024), {}, '/batch-check')).status).toBe(200);
    await expectProblem(await check(padded(512 * 1024 + 1), {}, '/batch-check'), 413, 'PAYLOAD_TOO_LARGE');
    await expectProblem(await check(padded(64 * 1024 + 1), {}, '/explain'), 413, 'PAYLOAD_TOO_LARGE');
  });
});

describe('JSON that is none, or too much of it', () => {
  const deep = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
  const keys = (count: number): string =>
    JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, at) => [`k${at}`, 1])));
  const bodies: [string, string | Uint8Array<ArrayBuffer>][] = [
    ['text', 'ada'],
    ['half an object', '{"user":"ada"'],
    ['half a string', '{"user":"ada'],
    ['two values', '{}{}'],
    ['a comment', '{/**/}'],
    ['single quotes', "{'user':'ada'}"],
    ['a trailing comma', '{"user":"ada",}'],
    ['NaN', '{"user":NaN}'],
    ['null', 'null'],
    ['a list', '[]'],
    ['a string', '"x"'],
    ['1e400', '{"user":1e400}'],
    ['a huge integer', `{"user":${'9'.repeat(10_000)}}`],
    ['49,000 open lists', '['.repeat(49_000)],
    ['24,000 nested lists', deep(24_000)],
    ['33 nested lists', deep(33)],
    ['10,000 nested objects', '{"a":'.repeat(10_000) + '1' + '}'.repeat(10_000)],
    ['3,000 keys', keys(3_000)],
    ['201 keys', keys(201)],
    ['a key given twice', '{"user":"ada","user":"eve","permission":"users.read","tenant":"t1"}'],
    ['a key given twice, once escaped', '{"user":"ada","\\u0075ser":"eve","permission":"users.read","tenant":"t1"}'],
    ['a deep key given twice', '{"user":{"a":1,"a":2}}'],
    ['`__proto__`', '{"__proto__":{"user":"ada"},"permission":"users.read","tenant":"t1"}'],
    ['`__proto__`, escaped', '{"\\u005f_proto__":{"user":"ada"},"permission":"users.read","tenant":"t1"}'],
    ['a byte order mark', '\uFEFF' + question({})],
    ['UTF-16', new Uint8Array(Buffer.from(question({}), 'utf16le'))],
    ['broken UTF-8', new Uint8Array([...Buffer.from('{"user":"'), 0xc3, 0x28, ...Buffer.from('"}')])],
    ['an overlong encoding', new Uint8Array([...Buffer.from('{"user":"'), 0xc0, 0xaf, ...Buffer.from('"}')])],
  ]; // prettier-ignore

  test.each(bodies)('%s', async (_name, body) => {
    const startedAt = process.cpuUsage();
    await expectProblem(await check(body), 400, 'INVALID_REQUEST');
    const { user, system } = process.cpuUsage(startedAt);
    expect(app.seen).toEqual([]);
    expect((user + system) / 1000).toBeLessThan(500);
    expect(Object.prototype).not.toHaveProperty('user');
  });

  test('200 keys and 32 levels are read, and judged by the contract', async () => {
    const { errors } = await expectProblem(await check(keys(200)), 400, 'INVALID_REQUEST');
    expect(errors).toHaveLength(50);
    const { errors: nested } = await expectProblem(await check(deep(32)), 400, 'INVALID_REQUEST');
    expect(nested?.[0]?.field).toBe('body');
  });

  test('no body is a body that is missing', async () => {
    const { errors } = await expectProblem(await check(''), 400, 'INVALID_REQUEST');
    expect(errors?.map(({ field }) => field)).toEqual(['body']);
  });

  // Also where its schema asks for no field: the fuzzer found two of them answering 500.
  test.each(operationsOf(readOpenapi()).filter(({ takesBody }) => takesBody))(
    'no body is a body that is missing, says $id',
    async ({ method, path, basePath }) => {
      const origin = basePath === undefined ? app.base : new URL(app.base).origin + basePath;
      const headers = { ...AS_ADA, 'content-type': 'application/json' };
      const response = await fetch(origin + path.replace(/\{\w+\}/g, 'x'), { method, headers, body: '' });
      const { errors } = await expectProblem(response, 400, 'INVALID_REQUEST');
      expect(errors).toEqual([{ field: 'body', message: 'is missing' }]);
      expect(app.seen).toEqual([]);
    },
  );
});

describe('size', () => {
  test('64 KiB are read', async () => {
    const body = question({}).padEnd(64 * 1024);
    expect((await check(body)).status).toBe(200);
  });

  test.each([64 * 1024 + 1, 900_000])('%i bytes are refused', async (size) => {
    await expectProblem(await check(question({}).padEnd(size)), 413, 'PAYLOAD_TOO_LARGE');
    expect(app.seen).toEqual([]);
  });

  test('a chunked body without an end is refused and cut off', async () => {
    const chunk = `10000\r\n${' '.repeat(0x10000)}\r\n`;
    const chunked = { 'transfer-encoding': 'chunked', connection: 'keep-alive' };
    const head = rawCheck('', chunked).replace('content-length: 0\r\n', '');
    const [little, much] = await Promise.all(
      [4, 64].map((count) => sendRaw(app.port, head + chunk.repeat(count), 1_000)),
    );
    expect(little).toMatchObject({ status: 413, isClosed: false });
    expect(much).toMatchObject({ isClosed: true });
  });

  test('a body that is announced and does not come is given up', async () => {
    const request = rawCheck('{', { 'content-length': '500', 'timeout-ms': '100' });
    const answer = await sendRaw(app.port, request);
    expect(parseProblem(answer.body)).toMatchObject({ code: 'INVALID_REQUEST', status: 400 });
  });

  test('`content-length` and `transfer-encoding` together are refused', async () => {
    const answer = await sendRaw(app.port, rawCheck('0\r\n\r\n', { 'transfer-encoding': 'chunked' }));
    expect(parseProblem(answer.body)).toMatchObject({ code: 'INVALID_REQUEST', status: 400 });
    expect(answer.status).toBe(400);
  });
});

describe('media types', () => {
  test.each([
    'text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/jsonx',
    'application/json, text/plain', 'application/problem+json', 'application/*', '*/*', 'json', ';', '__proto__',
    'application/json; charset=utf-16', 'application/json; charset=latin1', 'application/json;charset="utf-16"',
    'application/json; charset = utf-16', 'application/json; charset',
  ])('%s is refused', async (type) => {
    await expectProblem(await check(question({}), { 'content-type': type }), 415, 'UNSUPPORTED_MEDIA_TYPE');
    expect(app.seen).toEqual([]);
  }); // prettier-ignore

  test.each([
    'application/json', 'Application/JSON', 'application/json;charset=utf-8', 'application/json; charset=UTF-8',
    'application/json; charset="utf-8"', 'application/json; profile=x',
  ])('%s is read', async (type) => {
    expect((await check(question({}), { 'content-type': type })).status).toBe(200);
  }); // prettier-ignore

  test('a body without a type is refused', async () => {
    const answer = await sendRaw(app.port, rawCheck(question({})).replace('content-type: application/json\r\n', ''));
    expect(parseProblem(answer.body).code).toBe('UNSUPPORTED_MEDIA_TYPE');
  });

  test.each(['gzip', 'br', 'deflate', 'x-made-up'])('content-encoding %s is refused', async (encoding) => {
    const bomb = new Uint8Array(gzipSync(question({}).padEnd(10_000_000)));
    const response = await check(bomb, { 'content-encoding': encoding });
    await expectProblem(response, 415, 'UNSUPPORTED_MEDIA_TYPE');
  });
});

describe('parameters', () => {
  test.each(['?a=1', '?a=1&a=2', '?a[b]=1', '?__proto__=1', '?user=ada', '?%61=1', '?=1'])(
    'query %s is refused',
    async (query) => {
      await expectProblem(await check(question({}), {}, `/check${query}`), 400, 'INVALID_REQUEST');
      expect(app.seen).toEqual([]);
    },
  );

  test('a parameter that is given twice is named', async () => {
    const response = await check(question({}), {}, '/check?tenant=a&tenant=b');
    const { errors } = await expectProblem(response, 400, 'INVALID_REQUEST');
    expect(errors).toEqual([{ field: 'tenant', message: 'must not be given twice' }]);
  });

  test.each(['0', '-1', '10001', '1.5', '1e3', '0x10', ' ', 'abc', '1, 2', '9'.repeat(400)])(
    'timeout-ms %j is refused',
    async (timeout) => {
      const { errors } = await expectProblem(
        await check(question({}), { 'timeout-ms': timeout }),
        400,
        'INVALID_REQUEST',
      );
      expect(errors?.[0]?.field).toBe('timeout-ms');
    },
  );

  test.each(['a b', 'x'.repeat(513), 'a, b'])('x-sync-token %j is refused', async (token) => {
    const { errors } = await expectProblem(
      await check(question({}), { 'x-sync-token': token }),
      400,
      'INVALID_REQUEST',
    );
    expect(errors?.[0]?.field).toBe('x-sync-token');
  });

  test('the sync token and the time allowed reach the handler', async () => {
    expect((await check(question({}), { 'x-sync-token': 'tok', 'timeout-ms': '5000' })).status).toBe(200);
    const [{ context }] = app.seen as [{ context: { syncToken: string; deadline: { remainingMs: () => number } } }];
    expect(context.syncToken).toBe('tok');
    expect(context.deadline.remainingMs()).toBeGreaterThan(3000);
  });

  test('defaults of the contract are filled in', async () => {
    expect((await check(question({ type: 'record' }), {}, '/list-objects')).status).toBe(200);
    expect(app.seen).toMatchObject([{ input: { body: { limit: 100 } } }]);
  });

  test('an operation without a body takes none', async () => {
    const request = `GET /api/v1/openapi.json HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}`;
    expect(parseProblem((await sendRaw(app.port, request)).body).code).toBe('INVALID_REQUEST');
  });
});
