/**
 * Every operation that needs a permission of the tenant, called by everybody: generated from the contract, so that a new
 * operation is held to it too. What each caller gets follows from `x-permission`, `x-audit` and the caller alone.
 *
 * A call of an operation begins with a fixture (tests/support/operation-fixtures.ts); one without fails here.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { catalogue } from '../../src/contract/model.js';
import { operationsOf } from '../../src/http/contract.js';
import type { ContractOperation } from '../../src/http/contract.js';
import { isPermission } from '../../src/decisions/question.js';
import { readOpenapi } from '../support/http-app.js';
import { openOffice, PATIENT } from '../support/office.js';
import type { Entry, Office } from '../support/office.js';
import { callOperation, fixtureOf, OPERATION_FIXTURES } from '../support/operation-fixtures.js';
import { startService } from '../support/service.js';
import type { Answered, As, RunningService } from '../support/service.js';

const all = operationsOf(readOpenapi());
const operations = all.filter(({ permission }) => isPermission(permission));
const kinds = new Map(catalogue.map(({ id, kind }) => [id as string, kind]));
const TENANTS = ['own', 'foreign', 'read-only', 'suspended'] as const;

let office: Office;
let keyOfOwn: string;
/** A second way in, whose calls are written down like any other. */
let service: RunningService;
beforeAll(async () => {
  for (const { id } of operations) fixtureOf(id);
  office = await openOffice();
  const { world } = office;
  ({ service } = office);
  for (const tenant of TENANTS) {
    await world.addTenant(tenant, 'emr');
    await world.addUser(tenant, `${tenant}-admin`, ['EMR_CLIENT_ADMIN']);
    await addCallers(tenant);
  }
  await world.sql(`update identity.tenant set status = 'read_only' where id = 'read-only'`);
  await world.sql(`update identity.tenant set status = 'suspended' where id = 'suspended'`);
  keyOfOwn = await service.addKey('own');
  await service.settle();
});
afterAll(() => office.end());

interface CallerRow {
  readonly id: string;
  readonly role_name: string;
  readonly status: string;
  readonly permissions: readonly string[];
}

/** For each operation one who holds exactly what it needs, one who holds everything else, and one who is disabled. */
async function addCallers(tenant: string): Promise<void> {
  const callers = operations.flatMap(({ id, permission }): CallerRow[] => {
    const exactly = [permission, ...(fixtureOf(id).alsoHolds ?? [])];
    const others = catalogue.filter((one) => one.objectType === 'tenant' && one.id !== permission).map((one) => one.id);
    const caller = (suffix: string, permissions: readonly string[], status = 'active'): CallerRow => ({
      id: `${tenant}-${id}-${suffix}`,
      role_name: `ROLE_${suffix}_${id}`.toUpperCase(),
      status,
      permissions,
    });
    return [caller('with', exactly), caller('without', others), caller('disabled', exactly, 'disabled')];
  });
  const { world } = office;
  for (const statement of [
    `insert into security.role (id, tenant_id, name) select 'role-' || c.id, $1, c.role_name from callers c`,
    `insert into security.role_permission (role_id, permission_id)
       select 'role-' || c.id, jsonb_array_elements_text(c.permissions) from callers c where $1 <> ''`,
    `insert into security.app_user (id, tenant_id, email, status)
       select c.id, $1, c.id || '@example.com', c.status from callers c`,
    `insert into security.user_role (user_id, role_id) select c.id, 'role-' || c.id from callers c where $1 <> ''`,
  ]) {
    await world.sql(
      statement.replaceAll(
        'callers c',
        `jsonb_to_recordset($2::jsonb) as c (id text, role_name text, status text, permissions jsonb)`,
      ),
      [tenant, JSON.stringify(callers)],
    );
  }
}

interface Expected {
  readonly status: number;
  readonly code?: string;
}

interface Cell {
  readonly name: string;
  /** Whose objects the call is about. */
  readonly about: (typeof TENANTS)[number];
  readonly as: (operation: ContractOperation) => As | Promise<As>;
  readonly expected: (operation: ContractOperation) => Expected;
}

const done = ({ id }: ContractOperation): Expected => ({ status: fixtureOf(id).status ?? 200 });
const refused = (status: number, code: string) => (): Expected => ({ status, code });
const member =
  (tenant: string, suffix: string) =>
  ({ id }: ContractOperation): As => ({ user: `${tenant}-${id}-${suffix}`, tenant });
/** Whether the tenant must be active: for every change, and for every permission that writes. */
const writes = ({ isChange, permission }: ContractOperation): boolean => isChange || kinds.get(permission) === 'write';

const CELLS: readonly Cell[] = [
  { name: 'its permission', about: 'own', as: member('own', 'with'), expected: done },
  { name: 'every other permission', about: 'own', as: member('own', 'without'), expected: refused(403, 'FORBIDDEN') },
  {
    name: 'its permission, disabled',
    about: 'own',
    as: member('own', 'disabled'),
    expected: refused(403, 'FORBIDDEN'),
  },
  {
    name: 'its permission in another tenant, which they name as theirs',
    about: 'own',
    as: ({ id }) => ({ user: `foreign-${id}-with`, tenant: 'own' }),
    expected: refused(403, 'FORBIDDEN'),
  },
  {
    name: 'its permission, in a read-only tenant',
    about: 'read-only',
    as: member('read-only', 'with'),
    expected: (operation) => (writes(operation) ? { status: 403, code: 'TENANT_READ_ONLY' } : done(operation)),
  },
  {
    name: 'its permission, in a suspended tenant',
    about: 'suspended',
    as: member('suspended', 'with'),
    expected: refused(403, 'TENANT_SUSPENDED'),
  },
  {
    name: 'a seat above, not impersonating',
    about: 'own',
    as: () => ({ user: 'root', tenant: 'own' }),
    expected: (operation) => (operation.isChange ? { status: 403, code: 'IMPERSONATION_REQUIRED' } : done(operation)),
  },
  {
    name: 'a seat above, impersonating another tenant',
    about: 'own',
    as: async () => ({ ...(await impersonating('foreign')), tenant: 'own' }),
    expected: (operation) => (operation.isChange ? { status: 403, code: 'IMPERSONATION_REQUIRED' } : done(operation)),
  },
  { name: 'a seat above, impersonating', about: 'own', as: () => impersonating('own'), expected: done },
  {
    name: 'a seat above, impersonating a read-only tenant',
    about: 'read-only',
    as: () => impersonating('read-only'),
    expected: (operation) => (writes(operation) ? { status: 403, code: 'TENANT_READ_ONLY' } : done(operation)),
  },
  {
    name: 'a seat above, in a suspended tenant',
    about: 'suspended',
    as: () => ({ user: 'root', tenant: 'suspended' }),
    expected: (operation) => (writes(operation) ? { status: 403, code: 'TENANT_SUSPENDED' } : done(operation)),
  },
  {
    name: 'a service key of the tenant',
    about: 'own',
    as: () => ({ key: keyOfOwn }),
    expected: refused(403, 'FORBIDDEN'),
  },
  { name: 'no identity', about: 'own', as: () => 'nobody', expected: refused(401, 'UNAUTHENTICATED') },
  {
    name: 'no such user',
    about: 'own',
    as: () => ({ user: 'never', tenant: 'own' }),
    expected: refused(403, 'FORBIDDEN'),
  },
];

async function impersonating(tenant: string): Promise<{ user: string; tenant: string; impersonation: string }> {
  const as = await office.impersonate(tenant);
  if (as === 'nobody' || !('impersonation' in as)) throw new Error('the office gave no impersonation');
  return { user: 'root', tenant, impersonation: as.impersonation ?? '' };
}

const purposesOf = (entries: readonly Entry[]): string[] =>
  [...new Set(entries.map(({ purpose }) => purpose.split(':', 1)[0] ?? ''))].sort();

describe.each(operations.map((operation) => ({ ...operation, operation })))('$id ($method $path)', ({ operation }) => {
  test.each(CELLS)('with $name', async ({ about, as, expected }) => {
    const prepared = await fixtureOf(operation.id).prepare(office.world, about);
    const caller = await as(operation);
    await service.settle();
    const since = await office.lastEntryId();
    const { status, body, requestId } = await callOperation(service, { operation, call: prepared, as: caller });
    const wanted = expected(operation);
    expect({ status, code: body.code }, body.detail).toEqual({ status: wanted.status, code: wanted.code });
    const entries = await office.entriesSince(since);
    const { writes = operation.audit } = fixtureOf(operation.id);
    expect(operation.audit).toEqual(expect.arrayContaining([...writes]));
    expect(purposesOf(entries)).toEqual(wanted.code === undefined ? writes.toSorted() : []);
    for (const entry of entries) {
      expect(entry).toMatchObject({
        tenantId: about,
        requestId,
        actorUserId: typeof caller === 'object' && 'user' in caller && caller.user,
      });
    }
  });

  test('about what is another tenant’s answers as about what never was: 404, word for word', async () => {
    const { path } = await fixtureOf(operation.id).prepare(office.world, 'own');
    const { path: own = {}, ...mine } = await fixtureOf(operation.id).prepare(office.world, 'foreign');
    await service.settle();
    // Ids of the catalogue are everybody's.
    const ids = Object.keys(path ?? {}).filter((name) => name !== 'permissionId');
    const since = await office.lastEntryId();
    for (const name of ids) {
      const as = { user: `foreign-${operation.id}-with`, tenant: 'foreign' };
      const [foreign, never] = await Promise.all(
        [path?.[name] ?? '', 'never-was'].map((id) =>
          callOperation(service, { operation, call: { ...mine, path: { ...own, [name]: id } }, as }),
        ),
      );
      expect([foreign?.status, foreign?.body.code], name).toEqual([404, 'NOT_FOUND']);
      expect(toldBy(foreign)).toEqual(toldBy(never));
    }
    expect(await office.entriesSince(since)).toEqual([]);
  });
});

/** All that an answer says, but for what names the request. */
function toldBy(answer: Answered<unknown> | undefined): Record<string, unknown> {
  return { ...answer?.body, instance: undefined, requestId: undefined };
}

describe('the matrix', () => {
  test('has a fixture for every operation that needs a permission, and none for what is gone', () => {
    expect(Object.keys(OPERATION_FIXTURES).sort()).toEqual(operations.map(({ id }) => id).sort());
    const cells = operations.length * (CELLS.length + 1);
    process.stdout.write(`matrix: ${String(operations.length)} operations, ${String(cells)} cells\n`);
  });

  test('fails for an operation without one, and says what to add', () => {
    expect(() => fixtureOf('inventRole')).toThrow(
      'operation `inventRole` has no fixture: add a line `inventRole: { prepare: … }` to OPERATION_FIXTURES in tests/support/operation-fixtures.ts',
    );
    const rest = Object.fromEntries(Object.entries(OPERATION_FIXTURES).filter(([id]) => id !== 'listRoles'));
    expect(() => fixtureOf('listRoles', rest)).toThrow('`listRoles` has no fixture');
  });

  test('knows of every other requirement why it is not in it', () => {
    const others = new Set(all.map(({ permission }) => permission).filter((permission) => !isPermission(permission)));
    expect([...others].filter((one) => !['public', 'decide', 'authenticated', 'platform'].includes(one))).toEqual([]);
  });

  test('is the same on another replica', async () => {
    const replica = await startService(office.world, PATIENT);
    try {
      const as = { user: 'own-listRoles-without', tenant: 'own' };
      expect((await replica.get('/admin/roles', { as })).status).toBe(403);
    } finally {
      await replica.stop();
    }
  });
});
