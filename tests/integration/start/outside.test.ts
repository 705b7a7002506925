/** `npm start` on a Postgres and an engine of somebody else's: those of the tests. */
import { randomBytes } from 'node:crypto';
import { readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, inject, test } from 'vitest';

import { shellExports } from '../../../src/embedded/exports.js';
import { isServing } from '../../../src/embedded/engine.js';
import { runSql } from '../../../src/platform/admin-sql.js';
import { urlOf } from '../../support/global-stack.js';
import { buildOnce, environmentOf, makeScratch, readExports, runToEnd, startDevelopment } from './development.js';
import type { Development } from './development.js';

const scratch = makeScratch();
const database = `start_${randomBytes(6).toString('hex')}`;
const { engineUrl, ...stack } = inject('stack');
const started: Development[] = [];
const outside = { DATABASE_URL: urlOf({ ...stack, engineUrl }, database), BAILIWICK_OPENFGA_URL: engineUrl };

beforeAll(async () => {
  buildOnce();
  await runSql(urlOf({ ...stack, engineUrl }, 'postgres'), [`create database ${database}`]);
}, 120_000);

afterAll(async () => {
  for (const development of started) development.signal('SIGTERM');
  await Promise.all(started.map(({ ended }) => ended));
  await runSql(urlOf({ ...stack, engineUrl }, 'postgres'), [`drop database ${database} with (force)`]);
  rmSync(scratch, { recursive: true, force: true });
});

test('starts nothing where both stores are outside, and leaves them running', async () => {
  const dataDir = join(scratch, 'outside');
  const env = environmentOf(dataDir, outside);
  const running = startDevelopment(env);
  started.push(running);
  await running.ready();
  expect(running.output()).toMatch(/assign roles\? Allowed:[^]*May a viewer\? Denied:/);
  const variables = readExports(env);
  expect(variables).toMatchObject({ OPENFGA_API_URL: engineUrl, PGDATABASE: database });
  // The first checkpoint of the audit log may be there already, or not yet.
  const kept = readdirSync(dataDir).filter((name) => name !== 'checkpoints.txt');
  expect(kept.sort()).toEqual(['lock', 'running.json', 'service.json', 'service.log']);
  running.signal('SIGTERM');
  expect(await running.ended, running.output()).toBe(0);
  expect(await isServing(engineUrl)).toBe(true);
});

test('refuses a port that is named and taken', async () => {
  const blocker = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => blocker.once('listening', resolve));
  const port = String((blocker.address() as AddressInfo).port);
  try {
    const { code, stderr } = runToEnd(
      ['start'],
      environmentOf(join(scratch, 'taken'), { ...outside, BAILIWICK_PORT: port }),
    );
    expect(stderr).toBe(
      `bailiwick: port ${port}, which \`BAILIWICK_PORT\` names, is taken: name another one, or none\n`,
    );
    expect(code).toBe(1);
  } finally {
    blocker.close();
  }
});

test.each([
  {
    what: 'a database that does not answer',
    over: { DATABASE_URL: 'postgres://a:b@127.0.0.1:1/c' },
    says: /`DATABASE_URL`/,
  },
  { what: 'a database that is none', over: { DATABASE_URL: 'mysql://a/b' }, says: /DATABASE_URL is not a postgres/ },
  { what: 'a bad setting', over: { BAILIWICK_DECISION_LOG: 'never' }, says: /BAILIWICK_DECISION_LOG is neither/ },
])('ends in a sentence for $what', ({ over, says }) => {
  const { code, stderr } = runToEnd(['start'], environmentOf(join(scratch, 'bad'), { ...outside, ...over }));
  expect(stderr).toMatch(says);
  expect(stderr).not.toMatch(/\n {4}at /);
  expect(code).toBe(1);
});

test('quotes for a shell whatever a value holds', () => {
  const engine = { url: 'http://127.0.0.1:1', storeId: 's', modelId: 'm' };
  const lines = shellExports({
    ...{ pid: 1, began: '', service: 'a', management: 'b', engine },
    operatorUrl: `postgres://o:${encodeURIComponent(`p'w $(id) "\\`)}@localhost/d`,
    serviceKey: 'k',
    audit: { checkpointFile: '/x/checkpoints.txt', publicKey: 'p' },
  });
  expect(lines).toContain(String.raw`export PGPASSWORD='p'\''w $(id) "\'`);
  expect(lines).toContain(`export PGPORT='5432'`);
});
