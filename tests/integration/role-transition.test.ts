/** A role turned into another: one transaction, one Write of the engine, two entries; and who may do it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { TransitionReceipt } from '../../src/contract/api.js';
import type { Tuple } from '../../src/shared/tuple.js';
import { ADA, openOffice, VIC } from '../support/office.js';
import type { Office } from '../support/office.js';
import { createWorld, roleId } from '../support/world.js';

let office: Office;
let before: string;
let after: string;
beforeAll(async () => {
  office = await openOffice();
  before = (await office.addRole('BEFORE', ['claims.read'])).id;
  after = (await office.addRole('AFTER', ['denials.read'])).id;
});
afterAll(() => office.end());

const turn = (userId: string, [fromRoleId, toRoleId]: readonly [string, string], more = ADA) =>
  office.service.post<TransitionReceipt>(
    `/admin/users/${userId}/roles/transition`,
    { fromRoleId, toRoleId, reason: 'Promoted' },
    more,
  );
const isAllowed = async (user: string, permission: string, syncToken?: string) =>
  (await office.service.check({ user, permission, tenant: 'acme', ...(syncToken === undefined ? {} : { syncToken }) }))
    .body.allowed;

test('the user has the other role, with an entry for each, and a second try changes nothing', async () => {
  await office.addHolder('kim', [before]);
  const since = await office.lastEntryId();
  const answer = await turn('kim', [before, after]);
  expect(answer.body).toMatchObject({ userId: 'kim', fromRoleId: before, toRoleId: after, changed: true });
  expect(await isAllowed('kim', 'claims.read', answer.body.syncToken)).toBe(false);
  expect(await isAllowed('kim', 'denials.read', answer.body.syncToken)).toBe(true);
  const entries = await office.entriesSince(since);
  expect(entries.map(({ purpose, details }) => [purpose, details['reason']])).toEqual([
    [`role.revoke:${before}`, 'Promoted'],
    [`role.assign:${after}`, 'Promoted'],
  ]);
  expect((await turn('kim', [before, after])).body).toMatchObject({ changed: false });
});

test('for the time that was left of the first', async () => {
  await office.addHolder('tia', [before]);
  await office.world.sql(`update security.user_role set expires_at = '2099-01-01Z' where user_id = 'tia'`);
  expect((await turn('tia', [before, after])).status).toBe(200);
  expect(
    await office.world.sql(
      `select role_id, expires_at from security.user_role where user_id = 'tia' and revoked_at is null`,
    ),
  ).toEqual([{ role_id: after, expires_at: new Date('2099-01-01T00:00:00Z') }]);
});

describe('is refused', () => {
  beforeAll(() => office.addHolder('lee', [before]));
  const CASES: Record<string, [() => readonly [string, string], number, string, typeof ADA?]> = {
    'for a role that the user does not have': [() => [roleId('acme', 'CONFIG_MANAGER'), after], 404, 'NOT_FOUND'],
    'for a role of another tenant': [() => [before, roleId('other', 'CONFIG_MANAGER')], 404, 'NOT_FOUND'],
    'for the same role': [() => [before, before], 400, 'INVALID_REQUEST'],
    'for one that the actor may not hand out': [() => [before, 'acme.strange'], 403, 'ESCALATION'],
    'to whoever may not assign': [() => [before, after], 403, 'FORBIDDEN', VIC],
  };
  beforeAll(async () => {
    await office.addRole('STRANGE', ['team_metrics.read']);
  });
  test.each(Object.entries(CASES))('%s', async (_name, [roles, status, code, as]) => {
    const answer = await turn('lee', roles(), as);
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    expect(await isAllowed('lee', 'claims.read')).toBe(true);
  });
});

test('the engine is told in one Write', async () => {
  const world = await createWorld();
  try {
    await world.addTenant('t', 'sales');
    await world.addUser('t', 'u', ['rep']);
    const writes: { writes: readonly Tuple[]; deletes: readonly unknown[] }[] = [];
    const projector = world.projector({
      tuples: {
        ...world.tuples,
        write: async (change, limits) => {
          writes.push(change);
          await world.tuples.write(change, limits);
        },
      },
    });
    await projector.start();
    await world.applied();
    writes.length = 0;
    await world.sql(`update user_roles set role_id = 'manager' where user_id = 'u'`);
    await world.applied();
    await projector.stop();
    const moved = writes.filter(({ writes: made, deletes }) => made.length + deletes.length > 0);
    expect(moved).toHaveLength(1);
    expect(moved[0]?.writes.map(({ object }) => object)).toEqual(['role:t/t.manager']);
    expect(moved[0]?.deletes).toContainEqual({ user: 'user:u', relation: 'a', object: 'role:t/t.rep' });
  } finally {
    await world.end();
  }
});
