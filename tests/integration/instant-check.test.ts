/** The short road against the stack, in the composed service: the same answer in the same words, and written down alike. */
import { request as httpRequest } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { until } from '../support/outage.js';
import { startService, type RunningService } from '../support/service.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';

let world: World;
let service: RunningService;
let key: string;
const load = { waiting: 0, longLine: '' };
beforeAll(async () => {
  world = await createWorld();
  await world.addTenant('acme', 'rcm');
  await world.addUser('acme', 'ann', ['BILLER']);
  await world.settle();
  const patient = { requestTimeoutMs: 10_000, engineTimeoutMs: 5_000 };
  const busy = {
    waiting: () => load.waiting,
    lateMs: () => 0,
    isLineTooLong: (id: string) => id === load.longLine,
    isUnderWay: () => false,
  };
  service = await startService(world, { ...patient, decisionLog: 'async', load: busy });
  key = await service.addKey(undefined);
});
afterAll(async () => {
  await service.stop();
  await world.end();
});

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Record<string, unknown>;
}

function post(text: string, headers: Record<string, string>, pieces: readonly string[] = [text]): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const length = { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) };
    const sending = httpRequest(`${service.base}/check`, { method: 'POST', headers: { ...length, ...headers } }, (got) => {
      const chunks: Buffer[] = [];
      got.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => {
        const body = JSON.parse(Buffer.concat(chunks).toString()) as Answer['body'];
        resolve({ status: got.statusCode ?? 0, headers: got.headers, body });
      });
    });
    sending.on('error', reject);
    const send = (at: number): void => {
      if (at === pieces.length) sending.end();
      else sending.write(pieces[at] ?? '', () => setTimeout(() => send(at + 1), at === 0 ? 20 : 0));
    };
    send(0);
  });
} // prettier-ignore

const BY_KEY = (): Record<string, string> => ({ authorization: `Bearer ${key}` });
const BY_HEADERS = { 'x-user-id': 'ann', 'x-tenant-id': 'acme' };
const YES = JSON.stringify({ user: 'ann', permission: 'claims.read', tenant: 'acme' });
const NO = JSON.stringify({ user: 'ann', permission: 'users.update', tenant: 'acme' });

/** Counted by the histogram of the stack's own requests or of the short road's: both are `check`, `2xx`. */
async function sourceOf(decisionId: unknown): Promise<string | undefined> {
  let source: string | undefined;
  await until(async () => {
    const [row] = await world.sql<{ source: string }>(`select source from audit.decision where decision_id = $1::uuid`, [decisionId]);
    source = row?.source;
    return source !== undefined;
  }, 10_000);
  return source;
} // prettier-ignore

async function warm(text: string, headers: Record<string, string>): Promise<Answer> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const answer = await post(text, headers);
    expect(answer.status).toBe(200);
    if ((await sourceOf(answer.body['decisionId'])) === 'cache') return answer;
  }
  throw new Error('the answer is never kept');
}

/** What may differ between two answers to one question. */
function comparable({ status, headers, body }: Answer): object {
  return {
    status,
    headers: { ...headers, 'x-request-id': '', date: '' },
    body: { ...body, decisionId: '', evaluatedAt: '' },
  };
}

test.each([
  { who: 'a service key', headers: BY_KEY, text: YES, allowed: true },
  { who: 'a service key, told no,', headers: BY_KEY, text: NO, allowed: false },
  { who: 'a user in headers from a trusted caller', headers: () => BY_HEADERS, text: YES, allowed: true },
])('$who is answered in the stack’s own words', async ({ headers, text, allowed }) => {
  const short = await warm(text, headers());
  // An `x-` header that nobody knows sends it the long way.
  const long = await post(text, { ...headers(), 'x-unknown': '1' });
  expect(comparable(short)).toEqual(comparable(long));
  expect(short.body['allowed']).toBe(allowed);
  expect(Math.abs(Date.parse(String(short.body['evaluatedAt'])) - Date.now())).toBeLessThan(60_000);
  for (const answer of [short, long]) {
    await sourceOf(answer.body['decisionId']);
    const [row] = await world.sql(
      `select api, tenant_id, subject_user_id, permission, object, answer, source, problem, caller_kind
       from audit.decision where decision_id = $1::uuid and request_id = $2`,
      [answer.body['decisionId'], answer.headers['x-request-id']],
    );
    expect(row).toMatchObject({
      ...{ api: 'check', tenant_id: 'acme', subject_user_id: 'ann', object: 'tenant:acme', source: 'cache', problem: null },
      answer: allowed ? 'allowed' : 'denied',
    });
  }
}); // prettier-ignore

test('a body that comes in pieces, late, or wrong is answered all the same', async () => {
  await warm(YES, BY_KEY());
  expect((await post(YES, BY_KEY(), ['', YES])).body['allowed']).toBe(true);
  expect((await post(YES, BY_KEY(), [YES.slice(0, 9), YES.slice(9)])).body['allowed']).toBe(true);
  expect((await post('{', BY_KEY())).body['code']).toBe('INVALID_REQUEST');
  expect((await post(YES.replace('"user"', '"tenant":"acme","user"'), BY_KEY())).status).toBe(400);
  expect((await post(YES.replace('}', ',"nothing":1}'), BY_KEY())).status).toBe(400);
  expect((await post(YES, { authorization: 'Bearer bwk_0000' })).status).toBe(401);
  expect((await post(YES, { ...BY_KEY(), 'timeout-ms': '0' })).status).toBe(400);
  expect((await post(YES, { ...BY_KEY(), 'x-request-id': 'mine' })).headers['x-request-id']).toBe('mine');
});

test('who may not ask is refused, also about what is kept', async () => {
  await warm(YES, BY_KEY());
  await world.addUser('acme', 'eve');
  await world.settle();
  expect((await post(YES, { 'x-user-id': 'eve', 'x-tenant-id': 'acme' })).body['code']).toBe('FORBIDDEN');
  const other = await service.addKey('acme');
  const elsewhere = JSON.stringify({ user: 'ann', permission: 'claims.read', tenant: 'zeta' });
  expect((await post(elsewhere, { authorization: `Bearer ${other}` })).body['code']).toBe('FORBIDDEN');
});

test('a service key that is revoked is refused within half a second', async () => {
  const doomed = await service.addKey(undefined);
  await warm(YES, { authorization: `Bearer ${doomed}` });
  await world.sql(`update security.service_key set revoked_at = now() where id = $1`, [doomed.split('_')[1]]);
  await new Promise((resolve) => setTimeout(resolve, 500));
  for (let attempt = 0; attempt < 5; attempt += 1) {
    expect((await post(YES, { authorization: `Bearer ${doomed}` })).status).toBe(401);
  }
});

test('what there is no time for is refused in the stack’s own words; what is kept is answered all the same', async () => {
  const fresh = JSON.stringify({ ...(JSON.parse(YES) as object), consistency: 'full' });
  await warm(YES, BY_KEY());
  const counted = async () => /^bailiwick_shed_total\{class="check"\} (\d+)/m.exec(await metrics())?.[1];
  try {
    load.longLine = 'acme';
    const short = await post(fresh, BY_KEY());
    expect(await counted()).toBe('1');
    expect((await post(YES, BY_KEY())).status).toBe(200);
    expect((await post(fresh.replace('acme', 'zeta'), BY_KEY())).status).toBe(200);
    load.waiting = 1_000;
    const long = await post(fresh, { ...BY_KEY(), 'x-unknown': '1' });
    expect(refusal(short)).toEqual(refusal(long));
    expect(short).toMatchObject({ status: 503, headers: { 'retry-after': '1' }, body: { code: 'OVERLOADED' } });
    expect(short.body['requestId']).toBe(short.headers['x-request-id']);
    expect(await counted()).toBe('2');
    expect(await metrics()).toMatch(/http_request_duration_seconds_count\{operation="check",status_class="5xx"\} 2$/m);
    const rows = await world.sql(`select 1 from audit.decision where request_id = any($1)`, [
      [short, long].map(({ headers }) => headers['x-request-id']),
    ]);
    expect(rows).toEqual([]);
  } finally {
    Object.assign(load, { waiting: 0, longLine: '' });
  }
});

const metrics = async (): Promise<string> => await (await fetch(`${service.management}/metrics`)).text();

function refusal({ status, headers, body }: Answer): object {
  const { 'content-length': length, ...others } = headers;
  expect(length).toBeDefined();
  return { status, headers: { ...others, 'x-request-id': '', date: '' }, body: { ...body, requestId: '' } };
}
