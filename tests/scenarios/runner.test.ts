/** The runner itself: what it refuses to read, and every kind of fault seen by it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { crossCheck } from '../support/scenario-cross-check.js';
import type { Stage } from '../support/scenario-cross-check.js';
import { runScenario, startPatientService } from '../support/scenario-runner.js';
import { parseScenario, tablesWritten } from '../support/scenario.js';
import { createWorld } from '../support/world.js';

const SCENARIO = `
name: one biller
tenants: [{ id: acme, preset: sales }]
users:
  - { id: own, tenant: acme, roles: [admin] }
  - { id: lead, tenant: acme, roles: [manager] }
  - { id: rep, tenant: acme, roles: [rep] }
sql: insert into security.record (tenant_id, id, owner_user_id) values ('acme', 'deal-1', 'rep')
steps:
  - name: first
    expect:
      check: [[rep, records.create, acme, allowed], [rep, users.read, acme, denied]]
      listObjects: [[rep, record.read, acme, [deal-1]]]
      tables: [{ tenant: acme, table: "permission rep lead\\nteam.read . yes" }]
      asks: [{ check: { user: rep }, answer: '400 permission,tenant' }]
      claims: [[rep, [rep], []]]
  - name: second
    sql: update security.user_role set revoked_at = now() where user_id = 'rep'
    expect:
      check: [[rep, records.create, acme, denied]]
`;

const changed = (from: string, to: string): string => {
  expect(SCENARIO).toContain(from);
  return SCENARIO.replace(from, to);
};

describe('a file is refused', () => {
  test.each<{ what: string; from: string; to: string; message: RegExp }>([
    { what: 'with a key that nobody knows', from: 'name: one', to: 'nmae: x\nname: one', message: /nmae/ },
    { what: 'whose tenant has one', from: 'preset: sales', to: 'preset: sales, plan: gold', message: /plan/ },
    { what: 'whose user has one', from: 'roles: [admin]', to: 'role: admin', message: /"role"/ },
    { what: 'whose step has one', from: '    sql: update', to: '    sqll: update', message: /sqll/ },
    { what: 'whose expectation has one', from: 'listObjects:', to: 'list:', message: /list/ },
    { what: 'whose ask has one', from: "answer: '400", to: "also: 1, answer: '400", message: /also/ },
    { what: 'that says a thing twice', from: 'name: one biller', to: 'name: a\nname: b', message: /unique/ },
    { what: 'with an answer that is none', from: 'acme, allowed', to: 'acme, yes', message: /check/ },
    { what: 'that names a preset that there is not', from: 'preset: sales', to: 'preset: crm', message: /preset/ },
    { what: 'that names a role that the tenant lacks', from: '[rep] }', to: '[BILLER] }', message: /BILLER/ },
    { what: 'with a table of uneven rows', from: 'team.read . yes', to: 'team.read .', message: /1 cells/ },
    { what: 'with a table of other marks', from: 'team.read . yes', to: 'team.read . no', message: /`no`/ },
    { what: 'with a table without a head', from: 'permission rep', to: 'rep', message: /first word/ },
    {
      what: 'whose step expects nothing',
      from: 'check: [[rep, records.create, acme, denied]]',
      to: 'check: []',
      message: /expects nothing/,
    },
    {
      what: 'with a clock that is no time',
      from: '- name: second',
      to: '- name: second\n    at: tomorrow',
      message: /at/,
    },
  ])('$what', ({ from, to, message }) => {
    expect(() => parseScenario(changed(from, to))).toThrow(message);
  });
});

test('a scenario that is right has no faults', async () => {
  expect(await runScenario(parseScenario(SCENARIO))).toEqual([]);
});

test('every expectation that is wrong is a fault, and says where', async () => {
  const wrong = [
    ['records.create, acme, allowed', 'records.create, acme, denied'],
    ['users.read, acme, denied', 'users.read, acme, 403 FORBIDDEN'],
    ['[deal-1]]]', '[deal-1, deal-2]]]'],
    ['team.read . yes', 'team.read yes .'],
    ["'400 permission,tenant'", 'allowed'],
    ['[[rep, [rep], []]]', '[[rep, [manager], [lead]]]'],
    ['[[rep, records.create, acme, denied]]', '[[rep, records.create, acme, allowed]]'],
  ] as const;
  const text = wrong.reduce((before, [from, to]) => {
    expect(before).toContain(from);
    return before.replace(from, to);
  }, SCENARIO);
  expect(await runScenario(parseScenario(text))).toEqual([
    'first: rep records.create acme should be `denied`, is `allowed`',
    'first: rep users.read acme should be `403 FORBIDDEN`, is `denied`',
    'first: rep record.read acme should be `record:deal-1 record:deal-2`, is `record:deal-1`',
    'first: rep team.read acme should be `allowed`, is `denied`',
    'first: lead team.read acme should be `denied`, is `allowed`',
    'first: {"check":{"user":"rep"}} should be `allowed`, is `400 permission,tenant`',
    ...['the token', 'its introspection', 'the introspection of the first token'].map(
      (what) =>
        `first: rep: ${what} should say {"roles":["manager"],"managed":["lead"]}, says {"roles":["rep"],"managed":[]}`,
    ),
    'second: rep records.create acme should be `allowed`, is `denied`',
  ]);
});

test('a table of a preset shows every role and every permission, as the preset has them', async () => {
  const table = '{ tenant: acme, preset: sales, table: "permission rep lead\\nteam.read . yes" }';
  const text = changed('{ tenant: acme, table: "permission rep lead\\nteam.read . yes" }', table);
  const faults = await runScenario(parseScenario(text));
  expect(faults).toContain('first: the table shows manager,rep and the preset has admin,manager,rep');
  expect(faults).toContain('first: rep records.create: the table leaves it out, the preset grants it');
  expect(faults).toContain('first: lead users.read: the table leaves it out, the preset does not');
  expect(faults.some((fault) => fault.startsWith('first: lead team.read'))).toBe(false);
});

describe('the surfaces against each other', () => {
  let stage: Stage;
  beforeAll(async () => {
    const world = await createWorld();
    stage = { world, service: await startPatientService(world) };
    await world.addTenant('acme', 'sales');
    await world.addUser('acme', 'rep', ['rep']);
    await world.sql(`insert into security.record (tenant_id, id, owner_user_id) values ('acme', 'deal-1', 'rep')`);
    await stage.service.settle();
  });
  afterAll(async () => {
    await stage.service.stop();
    await stage.world.end();
  });

  test('agree where all is well', async () => {
    expect(await crossCheck(stage)).toEqual([]);
  });

  /** The service, which says on one path what the function makes of it. */
  function telling(path: string, twist: (body: Record<string, unknown>) => object): Stage {
    const { service } = stage;
    return {
      ...stage,
      service: {
        ...service,
        async request<Body>(asked: string, body: unknown, more: Parameters<typeof service.request>[2]) {
          const answer = await service.request<Body>(asked, body, more);
          return asked === path ? { ...answer, body: { ...answer.body, ...twist(answer.body) } } : answer;
        },
      },
    };
  }

  test('a check that says no to what is allowed', async () => {
    const { service } = stage;
    const denying: Stage['service'] = {
      ...service,
      async check(body, more) {
        const answer = await service.check(body, more);
        return body.permission === 'record.read' ? { ...answer, body: { ...answer.body, allowed: false } } : answer;
      },
    };
    const faults = await crossCheck({ ...stage, service: denying });
    expect(faults.length).toBeGreaterThan(0);
    expect(faults.every((fault) => fault.startsWith('rep record.read acme record:deal-1: check says'))).toBe(true);
  });

  test.each<{ what: string; path: string; twist: (body: Record<string, unknown>) => object; fault: RegExp }>([
    {
      what: 'a batch that denies everything',
      path: '/batch-check',
      twist: ({ results }) => ({ results: (results as object[]).map(() => ({ allowed: false, decisionId: 'x' })) }),
      fault: /^rep record\.read acme: list-objects says \[record:deal-1\], batch-check \[\]$/,
    },
    {
      what: 'a batch that leaves an answer out',
      path: '/batch-check',
      twist: ({ results }) => ({ results: (results as object[]).slice(1) }),
      fault: /^acme: batch-check ended with 200/,
    },
    {
      what: 'an explanation that says no',
      path: '/explain',
      twist: () => ({ allowed: false }),
      fault: /^rep record\.\w+ acme record:deal-1: explain says/,
    },
    {
      what: 'an explanation without a reason',
      path: '/explain',
      twist: () => ({ paths: [], missing: [] }),
      fault: /: explain says/,
    },
    {
      what: 'a list of users that names nobody',
      path: '/list-users',
      twist: () => ({ items: [] }),
      fault: /: list-users says \[\], batch-check \[user:rep\]$/,
    },
    {
      what: 'a list of permissions that names none',
      path: '/list-permissions',
      twist: () => ({ items: [] }),
      fault: /: batch-check says true, list-permissions/,
    },
  ])('$what', async ({ path, twist, fault }) => {
    expect((await crossCheck(telling(path, twist))).join('\n')).toMatch(new RegExp(fault, 'm'));
  });

  test('a list that leaves something out, or does not end', async () => {
    const { service } = stage;
    const listing = (over: object): Stage => ({
      ...stage,
      service: {
        ...service,
        async listObjects(body, more) {
          const answer = await service.listObjects(body, more);
          return body.permission === 'record.read' ? { ...answer, body: { ...answer.body, ...over } } : answer;
        },
      },
    });
    expect(await crossCheck(listing({ items: [] }))).toEqual([
      'rep record.read acme: list-objects says [], batch-check [record:deal-1]',
      'rep record.read acme: list-objects says [], the engine [record:deal-1]',
    ]);
    expect(await crossCheck(listing({ complete: false }))).toEqual(['rep record.read acme: the list ended with 200 ']);
  });

  test('a tuple that no row explains', async () => {
    const ghost = 'record:acme/ghost';
    const writes = [
      { user: 'tenant:acme', relation: 'tenant', object: ghost },
      { user: 'profile:acme/rep', relation: 'owner', object: ghost },
    ];
    await stage.world.tuples.write({ deletes: [], writes }, { timeoutMs: 5_000 });
    const faults = await crossCheck(stage);
    expect(faults).toContain(
      'rep record.read acme: list-objects says [record:deal-1], the engine [record:deal-1 record:ghost]',
    );
    expect(faults.filter((fault) => fault.startsWith('drift: extra'))).toHaveLength(2);
  });
});

test('the tables that a scenario writes to are those of its steps', () => {
  const sql = 'delete from security.record; INSERT INTO identity.tenant (id) values (1); select 1 from security.role';
  const steps = [{ sql }, { sql: 'truncate security.user_role' }, {}].map((step) => ({
    name: 'x',
    expect: { check: [], listObjects: [], tables: [], claims: [], asks: [] },
    ...step,
  }));
  expect(tablesWritten({ steps })).toEqual(['identity.tenant', 'security.record', 'security.user_role']);
});
