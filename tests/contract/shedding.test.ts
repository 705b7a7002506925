import { afterEach, beforeEach, expect, test } from 'vitest';

import { createShedder, type Shed } from '../../src/http/shedding.js';
import { createMetrics } from '../../src/platform/metrics.js';
import { AS_ADA, QUESTION, type RunningApp, startApp } from '../support/http-app.js';
import { expectProblem } from '../support/problem-schema.js';

const load = { waiting: 0, lateMs: 0, longLine: '', underWay: '' };
let app: RunningApp;
let shed: Shed;
beforeEach(async () => {
  Object.assign(load, { waiting: 0, lateMs: 0, longLine: '', underWay: '' });
  shed = createShedder(
    {
      waiting: () => load.waiting,
      lateMs: () => load.lateMs,
      isLineTooLong: (tenantId) => tenantId === load.longLine,
      isUnderWay: (tenantId) => tenantId === load.underWay,
    },
    createMetrics(),
  );
  app = await startApp({ shed });
});
afterEach(() => app.server.stop());

const post = (path: string, more: object = {}) =>
  fetch(app.base + path, {
    method: 'POST',
    // A header of its own keeps it off the short road, which answers what it can whatever waits.
    headers: { ...AS_ADA, 'content-type': 'application/json', 'x-no-short-road': '1' },
    body: JSON.stringify({ ...QUESTION, ...more }),
  });

test.each([
  { what: 'nothing is refused', now: { waiting: 64, lateMs: 60 }, statuses: [200, 200] },
  { what: 'lists go first, for the engine’s sake', now: { waiting: 65 }, statuses: [503, 200] },
  { what: 'lists go first, for the event loop’s sake', now: { lateMs: 61 }, statuses: [503, 200] },
  { what: 'checks go last', now: { waiting: 513 }, statuses: [503, 503] },
])('$what', async ({ now, statuses }) => {
  Object.assign(load, now);
  const answers = [await post('/list-objects', { type: 'record' }), await post('/check')];
  expect(answers.map(({ status }) => status)).toEqual(statuses);
});

test('what is refused is told so, when to come again, and that soon', async () => {
  load.waiting = 1_000;
  const tries: number[] = [];
  for (let attempt = 0; attempt < 20; attempt += 1) {
    const startedAt = performance.now();
    const response = await post('/check');
    tries.push(performance.now() - startedAt);
    expect(response.headers.get('retry-after')).toBe('1');
    await expectProblem(response, 503, 'OVERLOADED');
  }
  // 5 ms on a quiet machine; a loaded one is not what is tested.
  expect(Math.min(...tries)).toBeLessThan(5);
});

test('introspection goes with the checks that it stands before, not with the lists', async () => {
  const token = { token: 'a' };
  const introspect = () =>
    fetch(`${app.base}/auth/introspect`, {
      method: 'POST',
      headers: { ...AS_ADA, 'content-type': 'application/json' },
      body: JSON.stringify(token),
    });
  load.waiting = 65;
  expect((await introspect()).status).toBe(200);
  load.waiting = 513;
  expect((await introspect()).status).toBe(503);
});

test('what is no decision is not refused', async () => {
  load.waiting = 1_000;
  expect((await fetch(`${app.base}/openapi.json`)).status).toBe(200);
});

test('a check about a tenant of whom too many wait goes, and one about another does not', () => {
  load.longLine = 'acme';
  const check = { id: 'check', permission: 'decide' } as const;
  expect([shed(check, 'acme'), shed(check, 'zeta'), shed(check)]).toEqual([true, false, false]);
});

test('for a late event loop those go who have something under way, and whoever is not known yet', () => {
  Object.assign(load, { lateMs: 201, underWay: 'acme' });
  const check = { id: 'check', permission: 'decide' } as const;
  expect([shed(check, 'acme'), shed(check, 'zeta'), shed(check)]).toEqual([true, false, true]);
});
