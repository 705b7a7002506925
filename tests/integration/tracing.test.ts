/** The composed service on the real engine: whatever a traced request asks of the engine says which trace it is for. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { memoryLog } from '../support/http-app.js';
import { until } from '../support/played-engine.js';
import { type RequestMore, type RunningService, startService } from '../support/service.js';
import { startToldEngine, type ToldEngine } from '../support/told-engine.js';
import { recordSpans, type Recording } from '../support/tracer.js';
import { createWorld, type World } from '../support/world.js';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';
const TRACED = { traceparent: `00-${TRACE}-${SPAN}-01`, tracestate: 'congo=t61' };
const PATIENT = { timeoutMs: 10_000 };
const QUESTION = { user: 'ann', permission: 'users.update', tenant: 'acme' } as const;

let world: World;
let engine: ToldEngine;
let service: RunningService;
let lines: string[];

async function start(): Promise<void> {
  const { log, lines: kept } = memoryLog();
  lines = kept;
  const settings = { requestTimeoutMs: 10_000, engineTimeoutMs: 5_000, decisionLog: 'async' } as const;
  service = await startService(world, { ...settings, log, engineUrl: engine.url });
  await service.settle();
}

beforeAll(async () => {
  world = await createWorld();
  await world.addTenant('acme', 'rcm');
  await world.addUser('acme', 'ann', ['TENANT_ADMIN']);
  engine = await startToldEngine(world.engineUrl);
});
afterAll(async () => {
  await engine.stop();
  await world.end();
});
beforeEach(() => {
  engine.told.splice(0);
  lines.splice(0);
});

/** Besides what the service asks of the engine by itself. */
const questions = () => engine.told.filter(({ path }) => /\/(check|batch-check|list-objects)$/.test(path));
const lineOf = async (): Promise<Record<string, unknown>> => {
  const isRequest = (line: string): boolean => line.includes('"msg":"request"');
  await until(() => lines.some(isRequest));
  return JSON.parse(lines.find(isRequest) ?? '') as Record<string, unknown>;
};

const ANN = { user: 'ann', tenant: 'acme' };
const FULL = { consistency: 'full' };
const PER_TENANT = { tenant: 'acme', permission: 'users.read' };

describe('without an SDK', () => {
  beforeAll(start);
  afterAll(() => service.stop());

  test.each<{ what: string; ask: (more: RequestMore) => Promise<{ status: number }> }>([
    { what: 'check', ask: (more) => service.request('/check', QUESTION, more) },
    { what: 'batch-check', ask: (more) => service.request('/batch-check', { checks: [QUESTION], ...FULL }, more) },
    {
      what: 'list-objects',
      ask: (more) => service.request('/list-objects', { user: 'ann', tenant: 'acme', permission: 'profile.read', type: 'profile', ...FULL }, more),
    },
    { what: 'list-users', ask: (more) => service.request('/list-users', { ...PER_TENANT, ...FULL }, more) },
    { what: 'list-permissions', ask: (more) => service.request('/list-permissions', { user: 'ann', tenant: 'acme' }, more) },
    {
      what: 'effective permissions',
      ask: (more) => service.get('/admin/users/ann/effective-permissions', { ...more, as: ANN }),
    },
  ])('what $what asks of the engine carries the caller’s trace, and so does its line', async ({ ask }) => {
    const { status } = await ask({ ...PATIENT, headers: TRACED });
    expect(status).toBe(200);
    expect(questions().length).toBeGreaterThan(0);
    for (const { headers } of questions()) expect(headers).toMatchObject(TRACED);
    expect(await lineOf()).toMatchObject({ traceId: TRACE, status: 200 });
  }); // prettier-ignore

  test('what is answered from memory is in the log with its trace, and beside its measurement', async () => {
    await until(async () => {
      engine.told.splice(0);
      lines.splice(0);
      expect((await service.check(QUESTION, { ...PATIENT, headers: TRACED })).status).toBe(200);
      return questions().length === 0;
    });
    expect(await lineOf()).toMatchObject({ traceId: TRACE, operationId: 'check' });
    const accept = { accept: 'application/openmetrics-text;version=1.0.0' };
    const scrape = await (await fetch(`${service.management}/metrics`, { headers: accept })).text();
    expect(scrape).toMatch(new RegExp(`operation="check".* # \\{trace_id="${TRACE}"\\}`));
    expect(await (await fetch(`${service.management}/metrics`)).text()).not.toContain(TRACE);
  });

  test('of a request without a trace the engine is told of none', async () => {
    const fresh = { ...QUESTION, ...FULL } as const;
    expect((await service.request('/check', fresh, PATIENT)).status).toBe(200);
    expect(questions()).toHaveLength(1);
    expect(questions()[0]?.headers).not.toHaveProperty('traceparent');
    expect(await lineOf()).not.toHaveProperty('traceId');
  });
});

describe('with an SDK', () => {
  let recording: Recording;
  beforeAll(async () => {
    recording = recordSpans();
    await start();
  });
  afterAll(async () => {
    await service.stop();
    recording.stop();
  });

  test('the engine is told of the span of the call, which is below that of the request', async () => {
    const { status } = await service.request('/check', { ...QUESTION, ...FULL }, { ...PATIENT, headers: TRACED });
    expect(status).toBe(200);
    await lineOf();
    const [server, call, ...more] = recording.spans.filter(({ context }) => context.traceId === TRACE);
    expect(more).toEqual([]);
    expect(server).toMatchObject({ name: 'check', ended: 1, parent: { spanId: SPAN } });
    expect(call).toMatchObject({ name: 'POST /stores/{store_id}/check', ended: 1, parent: server?.context });
    const traceparent = `00-${TRACE}-${call?.context.spanId ?? ''}-01`;
    expect(questions().map(({ headers }) => headers['traceparent'])).toEqual([traceparent]);
  });

  test('a write that is made for no request is a trace of its own', async () => {
    recording.spans.splice(0);
    await world.addUser('acme', 'bob', ['BILLER']);
    await service.settle(20_000);
    const write = recording.spans.find(({ name }) => name === 'POST /stores/{store_id}/write');
    expect(write).toMatchObject({ ended: 1, parent: undefined });
    const told = engine.told.find(({ path }) => path.endsWith('/write'));
    expect(told?.headers['traceparent']).toBe(`00-${write?.context.traceId ?? ''}-${write?.context.spanId ?? ''}-01`);
  });
});
