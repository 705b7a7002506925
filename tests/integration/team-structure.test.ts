/**
 * Who manages whom: no rings and no chain of more than 20, whoever writes, however many write at once; and the engine
 * follows a chain of 20 to its end.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { ConstraintError } from '../../src/platform/postgres.js';
import { Problem } from '../../src/shared/problem.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';

let world: World;
beforeAll(async () => {
  world = await createWorld();
  await world.addTenant('t1', 'sales');
  await world.addTenant('t2', 'sales');
  await world.sql(`insert into security.app_user (id, tenant_id, email)
    select 'u' || n, 't1', 'u' || n || '@example.com' from generate_series(0, 40) n`);
  await world.sql(`insert into security.app_user (id, tenant_id, email)
    select 'far' || n, 't2', 'far' || n || '@example.com' from generate_series(0, 40) n`);
  await world.sql(`insert into security.user_role (user_id, role_id)
    values ('u0', 't1.manager'), ('u1', 't1.manager'), ('u2', 't1.rep'), ('u30', 't1.admin'), ('u31', 't1.manager'), ('u20', 't1.rep')`);
});
afterAll(() => world.end());

const edges = (tenant: string, ...pairs: readonly (readonly [string, string])[]): string =>
  `insert into security.user_assignment (tenant_id, user_id, assigned_user_id) values ` +
  pairs.map(([manager, rep]) => `('${tenant}', '${manager}', '${rep}')`).join(', ');
const chain = (from: number, to: number, name = 'u'): (readonly [string, string])[] =>
  Array.from(
    { length: to - from },
    (_, n) => [`${name}${String(from + n)}`, `${name}${String(from + n + 1)}`] as const,
  );

const isFine = 'is fine';

/** What becomes of the statements, in one transaction that is undone. */
async function tried(statements: readonly string[], actor?: string): Promise<string> {
  try {
    await world.pool('bailiwick_operator').transaction(
      async (tx) => {
        for (const text of statements) await tx.query({ text });
        throw new Error(isFine);
      },
      { settings: actor === undefined ? {} : { 'bailiwick.actor_user_id': actor } },
    );
  } catch (error) {
    if (error instanceof Problem) return error.code;
    if (error instanceof ConstraintError) return error.constraint;
    if (error instanceof Error) return error.message;
  }
  throw new Error('the transaction was committed');
}

describe('the form', () => {
  const CASES: Record<string, [readonly string[], string]> = {
    'two above each other': [[edges('t1', ['u1', 'u2']), edges('t1', ['u2', 'u1'])], 'ASSIGNMENT_CYCLE'],
    'two at once': [[edges('t1', ['u1', 'u2'], ['u2', 'u1'])], 'ASSIGNMENT_CYCLE'],
    'a ring of three': [[edges('t1', ...chain(1, 3)), edges('t1', ['u3', 'u1'])], 'ASSIGNMENT_CYCLE'],
    'a ring of twenty': [[edges('t1', ...chain(1, 20)), edges('t1', ['u20', 'u1'])], 'ASSIGNMENT_CYCLE'],
    'a chain of twenty': [[edges('t1', ...chain(0, 20))], isFine],
    'a chain of twenty-one': [[edges('t1', ...chain(0, 21))], 'ASSIGNMENT_TOO_DEEP'],
    'a chain that grows at its end': [
      [edges('t1', ...chain(0, 20)), edges('t1', ['u20', 'u21'])],
      'ASSIGNMENT_TOO_DEEP',
    ],
    'a chain that grows at its top': [[edges('t1', ...chain(1, 21)), edges('t1', ['u0', 'u1'])], 'ASSIGNMENT_TOO_DEEP'],
    'two chains that are joined': [
      [edges('t1', ...chain(0, 10)), edges('t1', ...chain(11, 21)), edges('t1', ['u10', 'u11'])],
      'ASSIGNMENT_TOO_DEEP',
    ],
    'two managers of one': [[edges('t1', ['u1', 'u3'], ['u2', 'u3'], ['u0', 'u1'], ['u0', 'u2'])], isFine],
    'a rep above a manager, by update': [
      [
        edges('t1', ...chain(1, 3)),
        `update security.user_assignment set user_id = 'u3', assigned_user_id = 'u1' where user_id = 'u2'`,
      ],
      isFine,
    ],
    'a ring, by update': [
      [
        edges('t1', ...chain(1, 3), ['u4', 'u5']),
        `update security.user_assignment set user_id = 'u3', assigned_user_id = 'u1' where user_id = 'u4'`,
      ],
      'ASSIGNMENT_CYCLE',
    ],
    'the other way round once it has ended': [
      [
        edges('t1', ['u1', 'u2']),
        `update security.user_assignment set valid_from = '2020-01-01', expires_at = '2020-02-01'`,
        edges('t1', ['u2', 'u1']),
      ],
      isFine,
    ],
    'what had ended is given more time': [
      [
        edges('t1', ['u1', 'u2']),
        `update security.user_assignment set valid_from = '2020-01-01', expires_at = '2020-02-01'`,
        edges('t1', ['u2', 'u1']),
        `update security.user_assignment set expires_at = null`,
      ],
      'ASSIGNMENT_CYCLE',
    ],
    'one who manages themselves': [[edges('t1', ['u1', 'u1'])], 'chk_user_assignment_pair'],
    'the same ids in another tenant': [[edges('t1', ...chain(0, 20)), edges('t2', ...chain(0, 20, 'far'))], isFine],
  };
  test.each(Object.entries(CASES))('%s', async (_name, [statements, expected]) => {
    expect(await tried(statements)).toBe(expected);
  });

  test('by the view, too', async () => {
    const viewed = (manager: string, rep: string): string =>
      `insert into user_assignments (user_id, assigned_user_id, tenant_id) values ('${manager}', '${rep}', 't1')`;
    expect(await tried([viewed('u1', 'u2'), viewed('u2', 'u1')])).toBe('ASSIGNMENT_CYCLE');
  });
});

describe('two who close a ring between them', () => {
  test.each(['read committed', 'repeatable read'] as const)('%s: one of them is refused', async (isolation) => {
    const pool = world.pool('bailiwick_operator');
    let bothIn = 0;
    const insert = (manager: string, rep: string): Promise<unknown> =>
      pool.transaction(
        async (tx) => {
          // both have a snapshot before either writes
          await tx.query({ text: 'select count(*) from security.user_assignment' });
          bothIn += 1;
          while (bothIn < 2) await new Promise((resolve) => setTimeout(resolve, 2));
          await tx.query({ text: edges('t1', [manager, rep]) });
          await new Promise((resolve) => setTimeout(resolve, 50));
        },
        { isolation },
      );
    const outcomes = await Promise.allSettled([insert('u1', 'u2'), insert('u2', 'u1')]);
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
    expect(refused).toHaveLength(1);
    expect(String(refused[0]?.reason)).toMatch(isolation === 'read committed' ? /is above/ : /could not serialize/);
    await world.sql('delete from security.user_assignment');
  });
});

describe('where an actor is named', () => {
  const soon = `'2098-01-01'`;
  const below = `insert into security.user_assignment (tenant_id, user_id, assigned_user_id, expires_at) values`;
  beforeAll(async () => {
    await world.sql(edges('t1', ['u0', 'u1'], ['u1', 'u2'], ['u20', 'u21']));
  });
  afterAll(() => world.sql('delete from security.user_assignment'));
  const CASES: Record<string, [string, string, string]> = {
    'an admin shapes teams': ['u30', edges('t1', ['u31', 'u2']), isFine],
    'a manager takes nobody': ['u31', edges('t1', ['u31', 'u2']), 'ESCALATION'],
    'a manager hands on whom they have, for a time': ['u1', `${below} ('t1', 'u31', 'u2', ${soon})`, isFine],
    'also who is further below': ['u0', `${below} ('t1', 'u31', 'u2', ${soon})`, isFine],
    'but not for good': ['u1', edges('t1', ['u31', 'u2']), 'ESCALATION'],
    'nor themselves': ['u1', `${below} ('t1', 'u31', 'u1', ${soon})`, 'ESCALATION'],
    'nor somebody else’s': ['u1', `${below} ('t1', 'u31', 'u21', ${soon})`, 'ESCALATION'],
    'one who may not read a team hands none on': ['u20', `${below} ('t1', 'u31', 'u21', ${soon})`, 'ESCALATION'],
    'one without a role does nothing': ['u40', edges('t1', ['u40', 'u2']), 'ESCALATION'],
  };
  test.each(Object.entries(CASES))('%s', async (_name, [actor, statement, expected]) => {
    expect(await tried([statement], actor)).toBe(expected);
  });
});

test('the engine follows a chain of twenty, to a profile and to a record', async () => {
  await world.sql(edges('t1', ...chain(0, 20)));
  await world.sql(`insert into security.record (tenant_id, id, owner_user_id) values ('t1', 'deal', 'u20')`);
  await world.settle(120_000);
  const ask = (user: string, relation: string, object: string): Promise<boolean> =>
    world.tuples.check({ user: `user:${user}`, relation, object, at: new Date() }, { timeoutMs: 10_000 });
  expect(await ask('u0', 'profile.read', 'profile:t1/u20')).toBe(true);
  expect(await ask('u0', 'record.read', 'record:t1/deal')).toBe(true);
  expect(await ask('u31', 'record.read', 'record:t1/deal')).toBe(false);
  expect(await ask('u20', 'profile.read', 'profile:t1/u0')).toBe(false);
  await world.sql('delete from security.user_assignment');
});

const MANY = process.env['VERIFY'] === '1' ? 10_000 : 2_000;

test('a large team is one look, flat or deep', async () => {
  await world.sql(
    `insert into security.app_user (id, tenant_id, email)
     select 'many' || n, 't1', 'many' || n || '@example.com' from generate_series(1, $1::int) n`,
    [MANY],
  );
  /** Time in the guard alone, as Postgres measures it. */
  async function guardMs(select: string): Promise<number> {
    const [row] = await world.sql<Record<string, unknown>>(
      `explain (analyze, format json) insert into security.user_assignment (tenant_id, user_id, assigned_user_id) ${select}`,
      [MANY],
    );
    await world.sql('delete from security.user_assignment');
    const guard = JSON.stringify(row).match(/"trg_team_structure_insert"[^}]*?"Time":\s*([\d.]+)/);
    return Number(guard?.[1]);
  }
  const flatMs = await guardMs(`select 't1', 'u0', 'many' || n from generate_series(1, $1::int) n`);
  // each has ten below them: four levels
  const treeMs = await guardMs(`select 't1', 'many' || (n + 8) / 10, 'many' || n from generate_series(2, $1::int) n`);
  process.stdout.write(
    `${String(MANY)} assignments: ${flatMs.toFixed(0)} ms in the guard, as a tree ${treeMs.toFixed(0)} ms\n`,
  );
  // as many looks as rows would take minutes
  expect(flatMs).toBeLessThan(10_000);
  expect(treeMs).toBeLessThan(10_000);
});
