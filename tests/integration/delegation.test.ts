/** A role or a team handed on for a time: not more than one has, not for longer, and gone with what it came from. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import type { DelegationPage, DelegationReceipt } from '../../src/contract/api.js';
import { sweepRequests } from '../../src/requests/sweeper.js';
import { ADA, ODA, openOffice } from '../support/office.js';
import type { Office } from '../support/office.js';
import { roleId } from '../support/world.js';

const HOUR = 3_600_000;
const VIEWER = roleId('acme', 'EMR_CLIENT_VIEWER');
let office: Office;
let leader: string;
let metrics: string;
let n = 0;
/** Of this test alone: a leader, two below them, and one who stands in. */
let lead: string;
let deputy: string;
let reps: [string, string];

beforeAll(async () => {
  office = await openOffice();
  leader = (await office.addRole('LEADER', ['team.read', 'reports.read'])).id;
  metrics = (await office.addRole('VIEWS_TEAMS', ['team.read'])).id;
});
afterAll(() => office.end());
beforeEach(async () => {
  n += 1;
  [lead, deputy] = [`lead${String(n)}`, `deputy${String(n)}`];
  reps = [`rep${String(n)}a`, `rep${String(n)}b`];
  const { world } = office;
  for (const user of [lead, deputy, ...reps]) await world.addUser('acme', user);
  await world.sql(`insert into security.user_role (user_id, role_id) values ($1, $2)`, [lead, leader]);
  await world.sql(
    `insert into security.user_assignment (tenant_id, user_id, assigned_user_id) select 'acme', $1::text, unnest($2::text[])`,
    [lead, reps],
  );
});

const by = (user: string, tenant = 'acme') => ({ as: { user, tenant } });
const inHours = (hours: number): string => new Date(Date.now() + hours * HOUR).toISOString();
const handOn = (body: object = {}, user = lead) =>
  office.service.post<DelegationReceipt>(
    '/delegations',
    { delegateUserId: deputy, roleId: leader, expiresAt: inHours(24), reason: 'Away', ...body },
    by(user),
  );
async function handed(body: object = {}, user = lead) {
  const answer = await handOn(body, user);
  expect(answer.status, answer.text).toBe(201);
  return { id: answer.body.delegation?.id ?? '', syncToken: answer.body.syncToken ?? '' };
}
const isAllowed = async (user: string, permission: string, more: object = {}) =>
  (await office.service.check({ user, permission, tenant: 'acme', ...more })).body.allowed;
/** What the deputy may do by what was handed on, after all that was written. */
async function deputyMay(): Promise<{ role: boolean | undefined; team: (boolean | undefined)[] }> {
  await office.service.settle();
  const profile = (rep: string) => isAllowed(deputy, 'profile.read', { object: `profile:${rep}` });
  return { role: await isAllowed(deputy, 'reports.read'), team: [await profile(reps[0]), await profile(reps[1])] };
}
const BOTH = { role: true, team: [true, true] };
const NOTHING = { role: false, team: [false, false] };
const statusOf = async (id: string) =>
  (
    await office.world.sql<{ status: string; expires_at: Date }>(
      `select status, expires_at from security.delegation where id = $1`,
      [id],
    )
  )[0];
const sql = (text: string, values: readonly unknown[] = []) => office.world.sql(text, values);

test('two checks a millisecond apart, on either side of the end, and a clock that jumps', async () => {
  const expiresAt = new Date(Date.now() + 24 * HOUR + 123);
  const { syncToken } = await handed({ team: true, expiresAt: expiresAt.toISOString() });
  const { service } = office;
  const asked = async (at: Date) => {
    service.setNow(at);
    const role = await service.check({ user: deputy, permission: 'reports.read', tenant: 'acme', syncToken });
    const object = `profile:${reps[0]}`;
    const team = await service.check({ user: deputy, permission: 'profile.read', tenant: 'acme', object, syncToken });
    expect([role.body.evaluatedAt, team.body.evaluatedAt]).toEqual([at.toISOString(), at.toISOString()]);
    return [role.body.allowed, team.body.allowed];
  };
  try {
    expect(await asked(new Date(expiresAt.getTime() - 1))).toEqual([true, true]);
    expect(await asked(expiresAt)).toEqual([false, false]);
    // back, far ahead, and back again: the clock as it stands decides, whatever was answered before
    expect(await asked(new Date(expiresAt.getTime() - HOUR))).toEqual([true, true]);
    expect(await asked(new Date(expiresAt.getTime() + 365 * 24 * HOUR))).toEqual([false, false]);
    expect(await asked(new Date(expiresAt.getTime() - 1))).toEqual([true, true]);
  } finally {
    service.setNow(undefined);
  }
});

test('one that begins later is not in force before', async () => {
  await handed({ team: true, validFrom: inHours(1) });
  expect(await deputyMay()).toEqual(NOTHING);
  office.service.setNow(new Date(Date.now() + 2 * HOUR));
  expect(await deputyMay()).toEqual(BOTH);
  office.service.setNow(undefined);
});

test('is shown to both, and taken back early by whoever gave it, with an entry for each thing', async () => {
  const { id } = await handed({ team: true });
  for (const user of [lead, deputy]) {
    const { body } = await office.service.get<DelegationPage>('/delegations?status=active', by(user));
    expect(body.items).toMatchObject([{ id, team: true, teamSize: 2, status: 'active', roleId: leader }]);
  }
  expect((await office.service.get<DelegationPage>('/delegations', ODA)).body.items).toEqual([]);
  expect((await office.service.delete(`/delegations/${id}`, by(deputy))).status).toBe(404);
  expect((await office.service.delete(`/admin/delegations/${id}`, ODA)).status).toBe(404);
  const since = await office.lastEntryId();
  const ended = await office.service.delete<DelegationReceipt>(`/delegations/${id}`, by(lead));
  expect(ended.body.delegation).toMatchObject({ status: 'ended', endedByUserId: lead });
  const purposes = (await office.entriesSince(since)).map(({ purpose }) => purpose);
  expect(purposes.sort()).toEqual(
    [...reps.map((rep) => `assignment.delete:${rep}`), 'delegation.end', `role.revoke:${leader}`].sort(),
  );
  expect(await deputyMay()).toEqual(NOTHING);
  const again = await office.service.delete(`/delegations/${id}`, by(lead));
  expect([again.status, again.body.code]).toEqual([409, 'REQUEST_CLOSED']);
});

test('an administrator ends it', async () => {
  const { id } = await handed();
  const ended = await office.service.delete<DelegationReceipt>(`/admin/delegations/${id}?reason=No`, ADA);
  expect(ended.body.delegation).toMatchObject({ status: 'ended', endedByUserId: 'ada' });
  expect(await deputyMay()).toEqual(NOTHING);
});

describe('ends with what it came from', () => {
  test.each<[string, () => Promise<unknown>, object?]>([
    ['the role', () => office.service.delete(`/admin/users/${lead}/roles/${leader}`, ADA)],
    ['the role, by SQL', () => sql(`delete from security.user_role where user_id = $1`, [lead])],
    ['who gave it', () => office.service.patch(`/admin/users/${lead}`, { status: 'disabled' }, ADA)],
    ['who gave it, removed', () => office.service.delete(`/admin/users/${lead}`, ADA)],
    [
      'one of the people',
      () => sql(`delete from security.user_assignment where assigned_user_id = $1 and user_id = $2`, [reps[1], lead]),
      { role: true, team: [true, false] },
    ],
    [
      'nothing, where the role is another one’s',
      () => office.service.delete(`/admin/users/${reps[0]}/roles/${leader}`, ADA),
      BOTH,
    ],
  ])('%s', async (_name, lose, left = NOTHING) => {
    await handed({ team: true });
    expect(await deputyMay()).toEqual(BOTH);
    await lose();
    expect(await deputyMay()).toEqual(left);
  });

  test('and what was handed on from there goes too', async () => {
    await handed({ team: true });
    const third = `third${String(n)}`;
    await office.world.addUser('acme', third);
    const further = await handed({ delegateUserId: third, team: true, expiresAt: inHours(23) }, deputy);
    await office.service.settle();
    expect(await isAllowed(third, 'profile.read', { object: `profile:${reps[0]}` })).toBe(true);
    await office.service.delete(`/admin/users/${lead}/roles/${leader}`, ADA);
    await office.service.settle();
    expect(await isAllowed(third, 'profile.read', { object: `profile:${reps[0]}` })).toBe(false);
    expect(await isAllowed(third, 'reports.read')).toBe(false);
    expect((await statusOf(further.id))?.status).toBe('ended');
  });

  test('and is shortened with it', async () => {
    const { id } = await handed({ team: true });
    const sooner = inHours(2);
    const body = { roleId: leader, expiresAt: sooner };
    expect((await office.service.post(`/admin/users/${lead}/roles`, body, ADA)).status).toBe(200);
    expect((await statusOf(id))?.expires_at.toISOString()).toBe(sooner);
    const [row] = await office.world.sql<{ roles: number; edges: number }>(
      `select (select count(*)::int from security.user_role where user_id = $1 and expires_at = $2) as roles,
              (select count(*)::int from security.user_assignment where user_id = $1 and expires_at = $2) as edges`,
      [deputy, sooner],
    );
    expect(row).toEqual({ roles: 1, edges: 2 });
  });

  test('and with the role that let one see the team, turned into another or not', async () => {
    const { id } = await handed({ roleId: undefined, team: true });
    const body = { fromRoleId: leader, toRoleId: metrics };
    await office.service.post(`/admin/users/${lead}/roles/transition`, body, ADA);
    expect((await statusOf(id))?.status).toBe('ended');
  });
});

test('whoever moves to another tenant has nothing there, and leaves nothing', async () => {
  const { id } = await handed({ team: true });
  await office.world.pool('bailiwick_operator').transaction(async (tx) => {
    for (const text of [
      `delete from security.user_role where user_id = '${deputy}'`,
      `delete from security.user_assignment where user_id = '${deputy}'`,
      `update security.app_user set tenant_id = 'other' where id = '${deputy}'`,
    ]) {
      await tx.query({ text });
    }
  });
  expect(await deputyMay()).toEqual(NOTHING);
  expect((await statusOf(id))?.status).toBe('ended');
  expect((await office.service.get<DelegationPage>('/delegations', by(deputy, 'other'))).body.items).toEqual([]);
  expect((await office.service.check({ user: deputy, permission: 'reports.read', tenant: 'other' })).body.allowed).toBe(
    false,
  );
  // and a rep who moves is below nobody there
  const next = await handed({ delegateUserId: reps[1], team: true });
  await office.world.pool('bailiwick_operator').transaction(async (tx) => {
    for (const text of [
      `delete from security.user_assignment where assigned_user_id = '${reps[0]}'`,
      `update security.app_user set tenant_id = 'other' where id = '${reps[0]}'`,
    ]) {
      await tx.query({ text });
    }
  });
  await office.service.settle();
  for (const tenant of ['acme', 'other']) {
    const question = { user: reps[1], permission: 'profile.read', tenant, object: `profile:${reps[0]}` };
    expect((await office.service.check(question)).body.allowed, tenant).toBe(false);
  }
  expect((await statusOf(next.id))?.status).toBe('active');
});

describe('is refused', () => {
  test.each<[string, () => Promise<{ status: number; body: { code?: string } }>, string]>([
    ['of a role that one does not hold', () => handOn({ roleId: metrics }), '403 FORBIDDEN'],
    ['of a role of another tenant', () => handOn({ roleId: roleId('other', 'CONFIG_MANAGER') }), '404 NOT_FOUND'],
    ['to somebody of another tenant', () => handOn({ delegateUserId: 'oda' }), '404 NOT_FOUND'],
    ['to oneself', () => handOn({ delegateUserId: lead }), '400 INVALID_REQUEST'],
    ['of nothing', () => handOn({ roleId: undefined }), '400 INVALID_REQUEST'],
    ['for longer than the tenant permits', () => handOn({ expiresAt: inHours(24 * 32) }), '400 INVALID_REQUEST'],
    ['until yesterday', () => handOn({ expiresAt: inHours(-24) }), '400 INVALID_REQUEST'],
    ['to whoever has the role', async () => (await handOn(), handOn()), '409 ALREADY_ASSIGNED'],
    ['of a team that one has not', () => handOn({ roleId: undefined, team: true }, 'ada'), '403 FORBIDDEN'],
    ['by whoever is not in the tenant', () => handOn({}, 'oda'), '403 FORBIDDEN'],
    [
      'for longer than one holds it',
      async () => {
        await sql(`update security.user_role set expires_at = now() + interval '1 hour' where user_id = $1`, [lead]);
        return await handOn();
      },
      '403 ESCALATION',
    ],
    [
      'where it would put somebody below themselves',
      async () => {
        await sql(
          `insert into security.user_assignment (tenant_id, user_id, assigned_user_id) values ('acme', $1, $2)`,
          [reps[0], deputy],
        );
        return await handOn({ team: true });
      },
      '409 ASSIGNMENT_CYCLE',
    ],
  ])('%s', async (_name, refuseIt, refusal) => {
    const { status, body } = await refuseIt();
    expect(`${String(status)} ${body.code ?? ''}`).toBe(refusal);
  });

  test('where SQL says that somebody else hands it on', async () => {
    const insert = `insert into security.delegation (tenant_id, delegator_user_id, delegate_user_id, role_id, reason, expires_at)
      values ('acme', $1, $2, $3, 'x', now() + interval '1 hour')`;
    const settings = { 'bailiwick.actor_user_id': 'ada' };
    await expect(office.world.sql(insert, [lead, deputy, leader], settings)).rejects.toThrow('somebody else');
  });
});

test('a revocation that meets a delegation leaves nobody with what is gone', async () => {
  for (let round = 0; round < 5; round += 1) {
    const [from, to] = [`from${String(n)}x${String(round)}`, `to${String(n)}x${String(round)}`];
    await office.world.addUser('acme', from);
    await office.world.addUser('acme', to);
    await sql(`insert into security.user_role (user_id, role_id) values ($1, $2)`, [from, leader]);
    const [made, revoked] = await Promise.all([
      handOn({ delegateUserId: to }, from),
      office.service.delete(`/admin/users/${from}/roles/${leader}`, ADA),
    ]);
    expect([201, 403]).toContain(made.status);
    expect(revoked.status).toBe(200);
    const [left] = await office.world.sql<{ n: number }>(
      `select count(*)::int as n from security.user_role where user_id = $1 and revoked_at is null`,
      [to],
    );
    expect(left?.n).toBe(0);
  }
});

test('nothing comes back to who has it in all tenants: the two would keep it by each other', async () => {
  await sql(`insert into security.user_role (user_id, role_name) values ($1, 'EMR_CLIENT_VIEWER')`, [lead]);
  await handed({ roleId: VIEWER });
  const back = await handOn({ roleId: VIEWER, delegateUserId: lead }, deputy);
  expect([back.status, back.body]).toMatchObject([409, { code: 'ALREADY_ASSIGNED' }]);
  await sql(`update security.user_role set revoked_at = now() where user_id = $1 and role_id is null`, [lead]);
  expect(
    await sql(`select from security.user_role where user_id = any ($1) and role_id = $2 and revoked_at is null`, [
      [lead, deputy],
      VIEWER,
    ]),
  ).toEqual([]);
});

test('a team goes with `team.read`, also where another permission takes its row of the role', async () => {
  const { id } = await handed({ roleId: undefined, team: true }, lead);
  const change = (from: string, to: string) =>
    sql(`update security.role_permission set permission_id = $3 where role_id = $1 and permission_id = $2`, [
      leader,
      from,
      to,
    ]);
  await change('team.read', 'claims.read');
  const status = await statusOf(id);
  await change('claims.read', 'team.read');
  expect(status).toMatchObject({ status: 'ended' });
});

test('its end by itself is written down once', async () => {
  const { id } = await handed();
  // From before it is over: the service sweeps, too.
  const since = await office.lastEntryId();
  await office.world.migrationSql(
    `alter table security.delegation disable trigger user`,
    `update security.delegation set expires_at = now() - interval '1 minute' where id = '${id}'`,
    `alter table security.delegation enable trigger user`,
  );
  const pool = office.world.pool('bailiwick_service');
  await Promise.all([sweepRequests(pool), sweepRequests(pool)]);
  expect((await office.entriesSince(since)).map(({ purpose }) => purpose)).toEqual(['delegation.expire']);
});
