/**
 * The row filter equals what `/check` allows, row by row: in random worlds, for everybody, each permission and type.
 *
 * A world is small and asked about exhaustively. `VERIFY=1` tries more of them; the seed is printed.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { RowFilter } from '../../src/contract/api.js';
import { PATIENT } from '../support/office.js';
import { startService } from '../support/service.js';
import type { Answered, RequestMore, RunningService } from '../support/service.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';

const USERS = ['u0', 'u1', 'u2', 'u3', 'u4', 'u5'] as const;
const RUNS = process.env['VERIFY'] === '1' ? 60 : 3;

let world: World;
let service: RunningService;
beforeAll(async () => {
  world = await createWorld();
  await world.addTenant('t', 'sales');
  await world.sql(
    `insert into security.role (id, tenant_id, name) values ('reader', 't', 'READER'), ('records', 't', 'RECORDS')`,
  );
  await world.sql(
    `insert into security.role_permission (role_id, permission_id) values ('reader', 'users.read'), ('records', 'records.read')`,
  );
  await world.addUser(null, 'root');
  await world.sql(`insert into identity.platform_admin (user_id) values ('root')`);
  service = await startService(world, PATIENT);
});
afterAll(async () => {
  await service.stop();
  await world.end();
});

const filter = (body: object, more?: RequestMore): Promise<Answered<RowFilter>> =>
  patiently(() => service.post('/row-filter', body, more));

/** Asks again where nobody could answer: a machine under load must not change an answer. */
async function patiently<Body>(ask: () => Promise<Answered<Body>>): Promise<Answered<Body>> {
  for (let tried = 1; ; tried += 1) {
    const answer = await ask();
    if (answer.status !== 503 || tried === 10) return answer;
    await new Promise((resolve) => setTimeout(resolve, 50 * tried));
  }
}

interface Asked {
  readonly permission: string;
  readonly type: string;
  /** Owners by the id of what they own. */
  readonly rows: ReadonlyMap<string, string>;
}

/** The rows that the condition leaves, by every page of it. */
async function left(user: string, { permission, type, rows }: Asked): Promise<string[]> {
  const owners = new Set<string>();
  let cursor: string | null = null;
  do {
    const more: object = cursor === null ? {} : { cursor };
    const { status, body } = await filter({ user, permission, tenant: 't', type, limit: 2, ...more });
    expect(status, body.detail).toBe(200);
    if (body.scope === 'tenant') return [...rows.keys()].sort();
    for (const owner of body.ownerUserIds ?? []) owners.add(owner);
    expect(body.complete).toBe(body.nextCursor === null);
    cursor = body.nextCursor ?? null;
  } while (cursor !== null);
  return [...rows]
    .filter(([, owner]) => owners.has(owner))
    .map(([id]) => id)
    .sort();
}

async function allowed(user: string, { permission, type, rows }: Asked): Promise<string[]> {
  const ids: string[] = [];
  for (const id of rows.keys()) {
    const object = `${type}:${id}`;
    const { status, body } = await patiently(() => service.check({ user, permission, tenant: 't', object }));
    expect(status, body.detail).toBe(200);
    if (body.allowed === true) ids.push(id);
  }
  return ids.sort();
}

interface Shape {
  readonly roles: readonly (string | null)[];
  readonly disabled: readonly boolean[];
  readonly edges: readonly (readonly [number, number, boolean])[];
  readonly owners: readonly number[];
  readonly status: string;
}

const index = fc.integer({ min: 0, max: USERS.length - 1 });
const shape: fc.Arbitrary<Shape> = fc.record({
  roles: fc.array(fc.constantFrom(null, 't.admin', 't.manager', 't.manager', 't.rep', 't.rep', 'reader', 'records'), {
    minLength: USERS.length,
    maxLength: USERS.length,
  }),
  disabled: fc.array(fc.constantFrom(false, false, false, true), { minLength: USERS.length, maxLength: USERS.length }),
  edges: fc.uniqueArray(fc.tuple(index, index, fc.boolean()), {
    maxLength: 8,
    selector: ([m, r]) => `${String(m)}-${String(r)}`,
  }),
  owners: fc.array(index, { minLength: 3, maxLength: 8 }),
  status: fc.constantFrom('active', 'active', 'read_only', 'suspended'),
});

async function build({ roles, disabled, edges, owners, status }: Shape): Promise<Map<string, string>> {
  await world.migrationSql(
    `delete from security.record`,
    `delete from security.user_assignment`,
    `delete from security.user_role`,
    `delete from security.app_user where tenant_id is not null`,
    `update identity.tenant set status = '${status}'`,
  );
  const records = new Map(owners.map((owner, n) => [`r${String(n)}`, USERS[owner] ?? 'u0']));
  for (const [n, user] of USERS.entries()) {
    await world.sql(
      `insert into security.app_user (id, tenant_id, email, status) values ($1::text, 't', $1::text || '@example.com', $2)`,
      [user, disabled[n] === true ? 'disabled' : 'active'],
    );
    const role = roles[n] ?? null;
    if (role !== null)
      await world.sql(`insert into security.user_role (user_id, role_id) values ($1, $2)`, [user, role]);
  }
  for (const [manager, rep, hasEnded] of edges) {
    // only downwards, so that there is no ring
    if (manager >= rep) continue;
    await world.sql(
      `insert into security.user_assignment (tenant_id, user_id, assigned_user_id, expires_at) values ('t', $1, $2, $3::timestamptz)`,
      [USERS[manager], USERS[rep], hasEnded ? '2020-01-01' : null],
    );
  }
  for (const [id, owner] of records) {
    await world.sql(`insert into security.record (tenant_id, id, owner_user_id) values ('t', $1, $2)`, [id, owner]);
  }
  await service.settle();
  return records;
}

test('it leaves what is allowed, in random worlds', async () => {
  const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
  process.stdout.write(`row filter: ${String(RUNS)} worlds, seed ${String(seed)}\n`);
  await fc.assert(
    fc.asyncProperty(shape, async (made) => {
      const records = await build(made);
      const profiles = new Map(USERS.map((user) => [user, user]));
      for (const user of [...USERS, 'root', 'nobody']) {
        for (const asked of [
          { permission: 'record.read', type: 'record', rows: records },
          { permission: 'record.update', type: 'record', rows: records },
          { permission: 'profile.read', type: 'profile', rows: profiles },
          { permission: 'profile.update', type: 'profile', rows: profiles },
        ]) {
          expect(await left(user, asked), `${user} ${asked.permission}`).toEqual(await allowed(user, asked));
        }
      }
    }),
    { numRuns: RUNS, seed, endOnFailure: true },
  );
}, 600_000);

describe('who may ask, and what', () => {
  test('as of a list: oneself, others with `users.read`, a permission of its type', async () => {
    await build({
      roles: ['t.admin', 't.rep', null, null, null, null],
      disabled: [],
      edges: [],
      owners: [1, 1, 1],
      status: 'active',
    });
    const body = { permission: 'record.read', tenant: 't', type: 'record' };
    const as = (user: string): RequestMore => ({ as: { user, tenant: 't' } });
    expect((await filter({ user: 'u1', ...body }, as('u1'))).body).toEqual({
      scope: 'owners',
      ownerUserIds: ['u1'],
      nextCursor: null,
      complete: true,
    });
    expect((await filter({ user: 'u0', ...body }, as('u1'))).status).toBe(403);
    expect((await filter({ user: 'u1', ...body }, as('u0'))).status).toBe(200);
    expect((await filter({ user: 'u0', ...body }, as('u0'))).body).toMatchObject({
      scope: 'tenant',
      ownerUserIds: [],
      complete: true,
    });
    expect((await filter({ user: 'u1', permission: 'users.read', tenant: 't', type: 'record' })).status).toBe(400);
    expect((await filter({ user: 'u1', ...body, cursor: 'x' })).body.code).toBe('INVALID_REQUEST');
  });
});
