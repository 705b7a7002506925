/** A caller's trace, from the request by every call to the engine into the log: without an SDK, and with one. */
import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { createTupleStore } from '../../src/platform/openfga.js';
import { createTracing } from '../../src/platform/tracing.js';
import type { RequestContext } from '../../src/shared/operation.js';
import { EngineError, type TupleStore } from '../../src/shared/tuple.js';
import { Problem } from '../../src/shared/problem.js';
import { AS_ADA, QUESTION, readOpenapi, type RunningApp, startApp, stubOperations } from '../support/http-app.js';
import { startToldEngine, type ToldEngine } from '../support/told-engine.js';
import { recordSpans, type Recording } from '../support/tracer.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';
const SAMPLED = { traceparent: `00-${TRACE}-${SPAN}-01`, tracestate: 'congo=t61rcWkgMzE' };
const STORE = '01HVMMBCMGZNT3SED4Z17ECXCA';

let engine: ToldEngine;
let tuples: TupleStore;
let app: RunningApp;
/** The same with handlers that answer by themselves; `check` goes the short road where that is on. */
let plain: RunningApp;
let active: unknown;

/** As a handler of ours does: the engine is asked with what the request's deadline brings along. */
async function checkByEngine(_input: unknown, { deadline }: RequestContext) {
  active = trace.getActiveSpan()?.spanContext();
  const limits = { timeoutMs: 10_000, signal: deadline.signal, trace: deadline.trace };
  const asked = { user: 'user:ada', relation: 'users.read', object: 'tenant:t1', at: new Date() };
  try {
    await tuples.check(asked, limits);
    await tuples.batchCheck([asked], limits);
    await tuples.listObjects({ ...asked, type: 'tenant' }, limits);
    await tuples.read({}, undefined, limits);
    await tuples.write({ deletes: [], writes: [asked] }, limits);
  } catch (error) {
    if (error instanceof EngineError) throw new Problem('ENGINE_UNAVAILABLE', 'the engine cannot answer');
    throw error;
  }
  const { decisionId, modelId } = { decisionId: crypto.randomUUID(), modelId: STORE };
  return { status: 200, body: { allowed: true, decisionId, modelId, evaluatedAt: new Date().toISOString() } };
}

async function start(): Promise<void> {
  engine = await startToldEngine();
  tuples = createTupleStore({ url: engine.url, storeId: STORE, modelId: () => STORE, tracing: createTracing() });
  app = await startApp({ operations: { ...stubOperations(readOpenapi()).operations, check: checkByEngine } });
  plain = await startApp();
}

async function stop(): Promise<void> {
  await app.server.stop();
  await plain.server.stop();
  await engine.stop();
}

beforeEach(() => {
  engine.status = 200;
  engine.told.splice(0);
});

/** Asks, and gives the request's line of the log. */
async function ask(of: RunningApp, headers: Record<string, string>, path = '/check') {
  of.lines.splice(0);
  const body = JSON.stringify(QUESTION);
  const sent = { 'content-type': 'application/json', 'timeout-ms': '10000', ...AS_ADA, ...headers };
  const answer = await fetch(of.base + path, { method: 'POST', headers: sent, body });
  await answer.text();
  await expect.poll(() => of.lines.some((line) => line.includes('"msg":"request"'))).toBe(true);
  const line = of.lines.find((text) => text.includes('"msg":"request"')) ?? '';
  return { status: answer.status, line: JSON.parse(line) as Record<string, unknown> };
}

const ASKED = ['check', 'batch-check', 'list-objects', 'read', 'write'];
const IN_ORDER = ASKED.map((method) => `/stores/${STORE}/${method}`);

const exemplars = async (): Promise<string[]> =>
  (await plain.metrics.render('OpenMetrics')).body.split('\n').filter((line) => line.includes(' # {'));

describe('without an SDK', () => {
  beforeAll(start);
  afterAll(stop);

  test('the caller’s trace is passed on to the engine as it came, by every call, and is in the log', async () => {
    const { status, line } = await ask(app, SAMPLED);
    expect(status).toBe(200);
    expect(line).toMatchObject({ traceId: TRACE, operationId: 'check' });
    expect(engine.told.map(({ path }) => path)).toEqual(IN_ORDER);
    for (const { headers } of engine.told) expect(headers).toMatchObject(SAMPLED);
  });

  test.each([
    { what: 'a malformed one', headers: { traceparent: `00-${TRACE}-${SPAN}-1`, tracestate: 'a=1' } },
    { what: 'none', headers: {} },
    { what: 'a tracestate alone', headers: { tracestate: 'a=1' } },
  ])('of $what nothing is passed on or written down', async ({ headers }) => {
    for (const of of [app, plain]) {
      const { status, line } = await ask(of, headers);
      expect(status).toBe(200);
      expect(line).not.toHaveProperty('traceId');
    }
    expect(engine.told).toHaveLength(5);
    for (const { headers: told } of engine.told) {
      expect(Object.keys(told).filter((name) => name.startsWith('trace'))).toEqual([]);
    }
  });

  test('a trace that is kept is named beside what took as long, and in plain text nothing changes', async () => {
    expect(await exemplars()).toEqual([]);
    await ask(plain, {});
    await ask(plain, { traceparent: `00-${'a'.repeat(32)}-${SPAN}-00` });
    expect(await exemplars()).toEqual([]);
    expect((await ask(plain, SAMPLED)).line).toMatchObject({ traceId: TRACE });
    const [found = '', ...more] = await exemplars();
    expect(more).toEqual([]);
    expect(found).toMatch(/^bailiwick_http_request_duration_seconds_bucket\{le="[\d.]+",operation="check",/);
    expect(found).toMatch(new RegExp(` # \\{trace_id="${TRACE}"\\} [\\d.e-]+ \\d{10}\\.\\d+$`));
    expect((await plain.metrics.render()).body).not.toMatch(/ # \{|trace_id|EOF/);
  });
});

describe('with an SDK', () => {
  let recording: Recording;
  beforeAll(async () => {
    recording = recordSpans();
    await start();
  });
  afterAll(async () => {
    await stop();
    recording.stop();
  });
  afterEach(() => recording.spans.splice(0));

  test('a request is a span of the caller’s trace, and each call to the engine one below it', async () => {
    const { line } = await ask(app, SAMPLED);
    const [server, ...calls] = recording.spans;
    expect(server).toMatchObject({ name: 'check', kind: SpanKind.SERVER, ended: 1, statusCode: SpanStatusCode.UNSET });
    expect(server?.parent).toMatchObject({ traceId: TRACE, spanId: SPAN, traceFlags: 1, isRemote: true });
    expect(active).toEqual(server?.context);
    expect(line).toMatchObject({ traceId: TRACE });
    expect(calls.map(({ name }) => name)).toEqual(ASKED.map((method) => `POST /stores/{store_id}/${method}`));
    for (const [at, { parent, kind, ended, statusCode, context: own }] of calls.entries()) {
      expect(parent).toEqual(server?.context);
      expect({ kind, ended, statusCode }).toEqual({ kind: SpanKind.CLIENT, ended: 1, statusCode: 0 });
      expect(engine.told[at]?.headers).toMatchObject({
        traceparent: `00-${TRACE}-${own.spanId}-01`,
        tracestate: SAMPLED.tracestate,
      });
    }
  });

  test('a span says what the access log says, by the conventions for HTTP, and nothing more', async () => {
    await ask(app, SAMPLED);
    const [server, call] = recording.spans;
    const { port, hostname } = new URL(engine.url);
    expect(server?.attributes).toEqual({
      'http.request.method': 'POST',
      'url.path': '/api/v1/check',
      'url.scheme': 'http',
      'http.route': '/api/v1/check',
      'http.response.status_code': 200,
    });
    expect(call?.attributes).toEqual({
      'http.request.method': 'POST',
      'server.address': hostname,
      'server.port': Number(port),
      'url.full': `${engine.url}/stores/${STORE}/check`,
      'http.response.status_code': 200,
    });
    await ask(app, SAMPLED, '/check?password=hunter2');
    expect(JSON.stringify(recording.spans)).not.toContain('hunter2');
  });

  test('of a route with ids the span has the names, and a request that leads nowhere is named by its method', async () => {
    await ask(app, {}, '/admin/users/user-vic/roles');
    await ask(app, {}, '/made-up');
    const [role, nowhere] = recording.spans;
    expect(role?.name).toBe('assignRole');
    expect(role?.attributes['http.route']).toBe('/api/v1/admin/users/{id}/roles');
    expect(nowhere).toMatchObject({ name: 'POST', statusCode: SpanStatusCode.UNSET, ended: 1 });
    expect(nowhere?.attributes).toMatchObject({ 'http.response.status_code': 404 });
    expect(nowhere?.attributes).not.toHaveProperty('http.route');
  });

  test('what the engine refuses is a failed call, and what we cannot answer a failed request', async () => {
    engine.status = 500;
    expect((await ask(app, SAMPLED)).status).toBe(503);
    const [server, ...tries] = recording.spans;
    const failed = { statusCode: SpanStatusCode.ERROR, ended: 1 };
    expect(server).toMatchObject({ ...failed, attributes: { 'error.type': '503', 'http.response.status_code': 503 } });
    expect(tries.length).toBeGreaterThan(0);
    for (const call of tries) {
      expect(call).toMatchObject({ ...failed, attributes: { 'error.type': '500', 'http.response.status_code': 500 } });
      expect(call.parent).toEqual(server?.context);
    }
  });

  test('an engine that does not answer is a failed call without a status', async () => {
    const gone = { url: 'http://127.0.0.1:1', storeId: STORE, modelId: () => STORE, tracing: createTracing() };
    const asked = { user: 'user:ada', relation: 'users.read', object: 'tenant:t1', at: new Date() };
    await expect(createTupleStore(gone).check(asked, { timeoutMs: 1_000 })).rejects.toThrow(EngineError);
    const [call] = recording.spans;
    expect(call).toMatchObject({ statusCode: SpanStatusCode.ERROR, ended: 1, parent: undefined });
    expect(call?.attributes).toMatchObject({ 'error.type': 'unavailable', 'server.port': 1 });
    expect(call?.attributes).not.toHaveProperty('http.response.status_code');
  });

  test('a request without a trace begins one, which is in the log and beside its measurement', async () => {
    const before = Date.now();
    const { line } = await ask(plain, {});
    const [server, ...more] = recording.spans;
    expect(more).toEqual([]);
    expect(server).toMatchObject({ name: 'check', kind: SpanKind.SERVER, parent: undefined, ended: 1 });
    expect(server?.attributes).toMatchObject({ 'http.route': '/api/v1/check', 'http.response.status_code': 200 });
    expect(line['traceId']).toBe(server?.context.traceId);
    expect((await exemplars()).join()).toContain(`trace_id="${server?.context.traceId ?? ''}"`);
    // What was answered before its span began says since when.
    if (server?.startTime !== undefined) {
      expect(Number(server.startTime)).toBeGreaterThan(before - 1);
      expect(Number(server.startTime)).toBeLessThanOrEqual(Date.now());
    }
  });

  test('where an SDK watches HTTP itself, its span is the one above', () => {
    const tracer = trace.getTracer('http');
    const around = tracer.startSpan('http');
    context.with(trace.setSpan(context.active(), around), () => {
      createTracing().startRequest(SAMPLED, { method: 'GET', path: '/' })?.end({ operationId: undefined, route: undefined, status: undefined });
    }); // prettier-ignore
    const [, server] = recording.spans;
    expect(server?.parent).toEqual(around.spanContext());
    // Whoever asked had gone.
    expect(server).toMatchObject({ name: 'GET', statusCode: SpanStatusCode.ERROR, attributes: { 'error.type': 'aborted' } });
  }); // prettier-ignore
});
