/** SIGTERM under load: nobody is cut off, everything answered is written down, and the process is gone in time. */
import { Agent, request } from 'node:http';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { serve } from '../support/served.js';
import type { Served } from '../support/served.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';

let world: World;
const running: Served[] = [];
beforeAll(async () => {
  world = await createWorld();
  await world.addTenant('acme', 'emr');
  await world.addUser('acme', 'ada', ['EMR_CLIENT_ADMIN']);
  await world.settle();
});
afterAll(async () => {
  for (const served of running) await served.end('SIGKILL');
  await world.end();
});

async function start(): Promise<Served> {
  const served = await serve({ ...world, env: { BAILIWICK_ENGINE_TIMEOUT_MS: '5000' } });
  running.push(served);
  return served;
}

interface Answered {
  readonly status: number;
  readonly connection: string | undefined;
  readonly decisionId: string | undefined;
  /** Where it is a problem, which. */
  readonly code: string | undefined;
}

/** One question on a kept connection. Rejects where it is cut off or refused. */
function ask(base: string, agent: Agent): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const headers = {
      'content-type': 'application/json',
      'x-user-id': 'ada',
      'x-tenant-id': 'acme',
      'timeout-ms': '9000',
    };
    const asking = request(`${base}/check`, { method: 'POST', agent, headers }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString())).on('error', reject);
      response.on('end', () => {
        const { decisionId, code } = JSON.parse(text) as { decisionId?: string; code?: string };
        resolve({ status: response.statusCode ?? 0, connection: response.headers.connection, decisionId, code });
      });
    });
    asking.on('error', reject).end(JSON.stringify({ user: 'ada', permission: 'users.read', tenant: 'acme' }));
  });
}

test('answers go on while readiness is off, and end their connections; then it is over, with everything written down', async () => {
  const served = await start();
  const { base, management, child } = served;
  const agent = new Agent({ keepAlive: true });
  const answers: Answered[] = [];
  const failures: string[] = [];
  let isOver = false;
  const callers = Array.from({ length: 8 }, async () => {
    while (!isOver) {
      await ask(base, agent).then(
        (answer) => answers.push(answer),
        (error: unknown) => failures.push(String(error)),
      );
      // As a caller behind a balancer does that has heard of it: nothing more is sent once the door may be closed.
      if (performance.now() > endsAt) return;
    }
  });
  let endsAt = Infinity;
  await expect.poll(() => answers.length, { timeout: 10_000 }).toBeGreaterThan(100);
  expect(new Set(answers.map(({ connection }) => connection))).toEqual(new Set(['keep-alive']));
  const startedAt = performance.now();
  child.kill('SIGTERM');
  await expect.poll(async () => (await fetch(`${management}/readyz`)).status, { timeout: 2_000 }).toBe(503);
  const before = answers.length;
  endsAt = performance.now() + 3_000;
  await Promise.all(callers);
  isOver = true;
  expect(answers.length).toBeGreaterThan(before + 50);
  expect(new Set(answers.slice(before + 20).map(({ connection }) => connection))).toEqual(new Set(['close']));
  expect(failures).toEqual([]);
  // A machine that is busy with other tests may leave too little for all of them; that is said, and is no failure.
  const given = answers.filter(({ code }) => code !== 'OVERLOADED');
  expect(new Set(given.map(({ status }) => status))).toEqual(new Set([200]));
  expect(await served.end('SIGCONT')).toBe(0);
  expect(performance.now() - startedAt).toBeLessThan(20_000);
  const [written] = await world.sql<{ n: number }>(
    `select count(*)::int as n from audit.decision where decision_id = any($1::uuid[])`,
    [given.map(({ decisionId }) => decisionId)],
  );
  expect(written?.n).toBe(given.length);
});

test('a second signal ends it at once', async () => {
  const served = await start();
  const { child, lines } = served;
  child.kill('SIGTERM');
  await expect.poll(() => lines.some((line) => line.includes('"stopping"')), { timeout: 5_000 }).toBe(true);
  const startedAt = performance.now();
  expect(await served.end('SIGTERM')).toBe(1);
  expect(performance.now() - startedAt).toBeLessThan(2_000);
});
