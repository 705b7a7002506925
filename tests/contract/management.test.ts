import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { createReadiness, type Readiness } from '../../src/http/health.js';
import { createManagementApp } from '../../src/http/management.js';
import { createHttpServer, type HttpServer } from '../../src/http/server.js';
import { createMetrics } from '../../src/platform/metrics.js';
import { Problem } from '../../src/shared/problem.js';
import { memoryLog } from '../support/http-app.js';
import { expectProblem } from '../support/problem-schema.js';

let server: HttpServer;
let base: string;
let readiness: Readiness;
let runs: number;
let engine: () => Promise<void>;

const metrics = createMetrics();

beforeEach(() => {
  runs = 0;
  engine = () => Promise.resolve();
  readiness = createReadiness([
    { name: 'database', check: () => Promise.resolve() },
    {
      name: 'engine',
      check: () => {
        runs += 1;
        return engine();
      },
    },
  ]);
});
beforeAll(async () => {
  const { log } = memoryLog();
  const app = createManagementApp({
    readiness: { outcomes: () => readiness.outcomes(), drain: () => readiness.drain() },
    metrics,
    log,
  });
  server = createHttpServer({ name: 'management server', host: '127.0.0.1', port: 0, app, log });
  await server.start();
  base = `http://127.0.0.1:${server.address().port}`;
});
afterAll(() => server.stop());

async function get(path: string): Promise<[number, string]> {
  const response = await fetch(base + path);
  return [response.status, await response.text()];
}

test('it lives', async () => {
  expect(await get('/livez')).toEqual([200, 'ok\n']);
});

test('ready when every check passes, and it says which when asked', async () => {
  expect(await get('/readyz')).toEqual([200, 'ready\n']);
  expect(await get('/readyz?verbose')).toEqual([200, '[+]database ok\n[+]engine ok\nready\n']);
});

test('one check that fails makes it not ready, unless it is left out', async () => {
  engine = () => Promise.reject(new Error('secret address 10.0.0.1'));
  expect(await get('/readyz')).toEqual([503, 'not ready\n']);
  expect(await get('/readyz?verbose')).toEqual([503, '[+]database ok\n[-]engine failed\nnot ready\n']);
  expect(await get('/readyz?exclude=engine&verbose')).toEqual([200, '[+]database ok\n[+]engine excluded\nready\n']);
  expect(await get('/readyz?exclude=database')).toEqual([503, 'not ready\n']);
});

test('a problem is shown by its detail', async () => {
  engine = () => Promise.reject(new Problem('ENGINE_UNAVAILABLE', 'the engine does not answer'));
  expect((await get('/readyz?verbose'))[1]).toContain('[-]engine the engine does not answer\n');
});

test('a check that throws, or never answers, has failed', async () => {
  engine = () => {
    throw new Error('x');
  };
  expect((await get('/readyz'))[0]).toBe(503);
  readiness = createReadiness([{ name: 'stuck', check: () => new Promise(() => undefined) }]);
  expect(await get('/readyz?verbose')).toEqual([503, '[-]stuck no answer within 1000 ms\nnot ready\n']);
});

test('any number of probes run the checks once a second', async () => {
  await Promise.all(Array.from({ length: 50 }, () => get('/readyz')));
  expect(runs).toBe(1);
  await new Promise((resolve) => setTimeout(resolve, 1_050));
  await get('/readyz');
  expect(runs).toBe(2);
});

test('draining is not ready, and cannot be left out', async () => {
  readiness.drain();
  expect((await get('/readyz'))[0]).toBe(503);
  expect((await get('/readyz?exclude=drain'))[0]).toBe(503);
  expect((await get('/livez'))[0]).toBe(200);
});

/** What Prometheus 2.53 and 3 send, and others. */
test.each([
  { accept: undefined, form: 'text' },
  { accept: '*/*', form: 'text' },
  { accept: 'text/plain', form: 'text' },
  { accept: 'application/openmetrics-text', form: 'openmetrics' },
  { accept: 'application/openmetrics-text; version=1.0.0; charset=utf-8, text/plain', form: 'openmetrics' },
  { accept: 'application/openmetrics-text;version="1.0.0";q=0.5,text/plain;version=0.0.4;q=0.4', form: 'openmetrics' },
  {
    accept:
      'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;' +
      'q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1',
    form: 'openmetrics',
  },
  { accept: 'application/openmetrics-text;version=0.0.1,text/plain;q=0.5', form: 'text' },
  { accept: 'application/openmetrics-text;q=0.2,text/plain;q=0.5', form: 'text' },
  { accept: 'application/openmetrics-text;q=0', form: 'text' },
  { accept: 'application/openmetrics-textual', form: 'text' },
  { accept: ',;q=,application/openmetrics-text;q=x', form: 'text' },
])('to whoever accepts $accept metrics are $form', async ({ accept, form }) => {
  const response = await fetch(`${base}/metrics`, accept === undefined ? {} : { headers: { accept } });
  const body = await response.text();
  expect(response.headers.get('content-type')).toBe(
    form === 'text'
      ? 'text/plain; version=0.0.4; charset=utf-8'
      : 'application/openmetrics-text; version=1.0.0; charset=utf-8',
  );
  expect(body.endsWith('# EOF\n')).toBe(form === 'openmetrics');
});

test('metrics are served, without those that promtool refuses', async () => {
  metrics.counter({ name: 'things_total', help: 'Things.', labels: ['kind'] }).inc({ kind: 'good' }, 2);
  metrics.gauge({ name: 'depth', help: 'Depth.', collect: (gauge) => gauge.set({}, 7) });
  const [status, body] = await get('/metrics');
  expect(status).toBe(200);
  expect(body).toContain('bailiwick_things_total{kind="good"} 2');
  expect(body).toContain('bailiwick_depth 7');
  expect(body).toContain('process_cpu_seconds_total');
  expect(body).not.toMatch(/nodejs_active_\w+_total/);
});

test('nothing else is here', async () => {
  await expectProblem(await fetch(`${base}/api/v1/check`), 404, 'NOT_FOUND');
  await expectProblem(await fetch(`${base}/healthz`), 404, 'NOT_FOUND');
  const response = await fetch(`${base}/metrics`, { method: 'POST' });
  expect(response.headers.get('allow')).toBe('GET, HEAD');
  await expectProblem(response, 405, 'METHOD_NOT_ALLOWED');
});
