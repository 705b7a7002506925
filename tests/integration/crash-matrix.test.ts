/**
 * SIGKILL at every labelled point (tests/support/crash-points.ts), of the service, of OpenFGA and of Postgres: afterwards
 * every acknowledged write is in the rows, tuples = rows (so nobody has more than the rows say), the audit log verifies, and
 * all of that soon. Here a few of the cells, drawn by a seed; `npm run crash-matrix` goes through all, twenty times each.
 */
import { randomInt } from 'node:crypto';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { findAuditCommand } from '../../src/commands.js';
import { insertTenant } from '../../src/directory/tenant-store.js';
import { openCrashStack } from '../support/crash-stack.js';
import type { CrashStack } from '../support/crash-stack.js';
import { POINTS, ROLE } from '../support/crash-points.js';
import type { Acknowledged } from '../support/crash-points.js';

const isWhole = process.env['VERIFY'] !== undefined;
const SEED = Number(process.env['CRASH_SEED'] ?? randomInt(2 ** 31));
const ROUNDS = isWhole ? Number(process.env['CRASH_ROUNDS'] ?? 20) : 1;
const SHORT = 4;
/** Enough for changes of several Writes. */
const USERS = 150;
/** The bound is 5 s; a machine that runs the rest of the suite beside it is given more. */
const CONVERGED_MS = isWhole ? 5_000 : 30_000;

const TARGETS = ['service', 'engine', 'postgres'] as const;
const cells = Object.keys(POINTS).flatMap((point) => TARGETS.map((target) => ({ point, target })));
/** The same seed draws the same cells. */
const drawn = isWhole
  ? cells
  : cells
      .map((cell, at) => ({ cell, key: Math.imul(SEED ^ (at * 2_654_435_761), 1_597_334_677) >>> 0 }))
      .sort((a, b) => a.key - b.key)
      .slice(0, SHORT)
      .map(({ cell }) => cell);

let crash: CrashStack;
let next = 0;
const took: number[] = [];

beforeAll(async () => {
  crash = await openCrashStack();
  await crash.startService();
  await crash.operator.transaction((tx) => insertTenant(tx, { id: 't', slug: 't', name: 't', preset: 'rcm' }));
  await crash.sql(`insert into security.app_user (id, tenant_id, email) values ('boss', 't', 'boss@example.com')`);
  await crash.sql(`insert into security.user_role (user_id, role_id) values ('boss', 't.tenant_admin')`);
  await crash.settled();
}, 120_000);

afterAll(async () => {
  const sorted = took.toSorted((a, b) => a - b);
  const at = (share: number): string => (sorted[Math.ceil(sorted.length * share) - 1] ?? NaN).toFixed(0);
  process.stdout.write(
    `crash matrix: seed ${String(SEED)}, ${String(took.length)} kills at ${String(Object.keys(POINTS).length)} points, ` +
      `converged after p50 ${at(0.5)} ms, worst ${at(1)} ms\n`,
  );
  await crash.end();
});

/** New users, the first of whom has the role. */
async function newUsers(): Promise<[string, string, ...string[]]> {
  next += 1;
  const names = Array.from({ length: USERS }, (_, at) => `u${String(next)}-${String(at)}`);
  await crash.sql(
    `insert into security.app_user (id, tenant_id, email) select n, 't', n || '@example.com' from unnest($1::text[]) n`,
    [names],
  );
  await crash.sql(`insert into security.user_role (user_id, role_id) values ($1, '${ROLE}')`, [names[0]]);
  await crash.settled();
  const [first = '', second = '', ...more] = names;
  return [first, second, ...more];
}

const kill = {
  service: () => crash.killService(),
  engine: () => crash.stack.killEngine('SIGKILL'),
  postgres: () => crash.stack.killPostgres('SIGKILL'),
};
const restart = {
  service: () => crash.startService(),
  engine: () => crash.stack.restartEngine(),
  postgres: () => crash.stack.restartPostgres(),
};

async function missing(acknowledged: readonly Acknowledged[]): Promise<string[]> {
  const { rows } = await crash.operator.transaction((tx) =>
    tx.query<{ userId: string }>({
      text: `select user_id as "userId" from security.user_role where revoked_at is null and user_id = any($1)`,
      values: [acknowledged.map(({ userId }) => userId)],
    }),
  );
  const assigned = new Set(rows.map(({ userId }) => userId));
  return acknowledged
    .filter(({ userId, isAssigned }) => assigned.has(userId) !== isAssigned)
    .map(({ userId }) => userId);
}

async function isVerified(): Promise<boolean> {
  const command = findAuditCommand('audit verify');
  const config = { databaseUrl: crash.databaseUrl, key: undefined, checkpointFile: undefined, publicKey: undefined };
  const options = { json: true, 'allow-pruned': false, drop: false };
  return (await command?.(config, options, () => undefined)) === 0;
}

test.each(drawn)(
  '$target killed while $point',
  async ({ point, target }) => {
    const late: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const acknowledged: Acknowledged[] = [];
      const users = await newUsers();
      const thaw = await POINTS[point]?.({ crash, users, acknowledged });
      await kill[target]();
      await thaw?.();
      await restart[target]();
      const ms = await crash.settled();
      took.push(ms);
      expect(await missing(acknowledged)).toEqual([]);
      expect(await crash.drift()).toEqual({ missing: 0, extra: 0, altered: 0 });
      if (ms > CONVERGED_MS) late.push(ms);
    }
    // Last, so that a late one does not hide what the rounds after it would show.
    expect(late).toEqual([]);
    expect(await isVerified()).toBe(true);
  },
  isWhole ? 1_800_000 : 120_000,
);
