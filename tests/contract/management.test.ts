import { execFile } from 'node:child_process';

import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test, vi } from 'vitest';

import { createReadiness, type Readiness } from '../../src/http/health.js';
import { createManagementAnswers } from '../../src/http/management.js';
import { createManagementThread, type ManagementServer } from '../../src/http/management-thread.js';
import { createMetrics } from '../../src/platform/metrics.js';
import { Problem } from '../../src/shared/problem.js';
import { memoryLog } from '../support/http-app.js';
import { expectProblem } from '../support/problem-schema.js';

let server: ManagementServer;
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
  const answer = createManagementAnswers({
    readiness: { outcomes: () => readiness.outcomes(), drain: () => readiness.drain() },
    metrics,
    log,
  });
  server = createManagementThread({ host: '127.0.0.1', port: 0, answer, log });
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

/** Asks for `path` again and again from another process, whose own event loop is free. */
function askFromElsewhere(url: string, times: number): Promise<{ statuses: number[]; worstMs: number }> {
  const program = `
    const statuses = []; let worstMs = 0;
    for (let n = 0; n < ${String(times)}; n += 1) {
      const startedAt = performance.now();
      statuses.push((await fetch('${url}')).status);
      // The first one connects.
      if (n > 0) worstMs = Math.max(worstMs, performance.now() - startedAt);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    console.log(JSON.stringify({ statuses, worstMs }));`;
  return new Promise((resolve, reject) => {
    execFile(process.execPath, ['--input-type=module', '-e', program], (error, stdout) => {
      if (error === null) resolve(JSON.parse(stdout) as { statuses: number[]; worstMs: number });
      else reject(new Error(error.message));
    });
  });
}

function standStill(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

test('it lives, and says so soon, while the event loop has much to do', async () => {
  const told = askFromElsewhere(`${base}/livez`, 100);
  await new Promise((resolve) => setTimeout(resolve, 20));
  standStill(2_500);
  const { statuses, worstMs } = await told;
  expect(new Set(statuses)).toEqual(new Set([200]));
  expect(worstMs).toBeLessThan(500);
});

test('it does not live once the event loop has stood still for long, and does again', async () => {
  const { log } = memoryLog();
  const answer = createManagementAnswers({ readiness, metrics, log });
  const impatient = createManagementThread({ host: '127.0.0.1', port: 0, answer, log, deadAfterMs: 300 });
  await impatient.start();
  onTestFinished(() => impatient.stop());
  const url = `http://127.0.0.1:${impatient.address().port}/livez`;
  const told = askFromElsewhere(url, 100);
  await new Promise((resolve) => setTimeout(resolve, 20));
  standStill(2_500);
  expect(new Set((await told).statuses)).toContain(503);
  await expect.poll(async () => (await fetch(url)).status, { timeout: 3_000 }).toBe(200);
});

test('a port that is taken is Node’s own error', async () => {
  const { log } = memoryLog();
  const answer = createManagementAnswers({ readiness, metrics, log });
  const { port } = server.address();
  const second = createManagementThread({ host: '127.0.0.1', port, answer, log });
  await expect(second.start()).rejects.toMatchObject({ code: 'EADDRINUSE', port });
  await second.stop();
});

test('what the process preloads is not started a second time in its threads', async () => {
  const { log } = memoryLog();
  const answer = createManagementAnswers({ readiness, metrics, log });
  vi.stubEnv('NODE_OPTIONS', '--require /there/is/no/such.cjs');
  onTestFinished(() => void vi.unstubAllEnvs());
  const plain = createManagementThread({ host: '127.0.0.1', port: 0, answer, log });
  await plain.start();
  expect((await fetch(`http://127.0.0.1:${plain.address().port}/livez`)).status).toBe(200);
  await plain.stop();
});
