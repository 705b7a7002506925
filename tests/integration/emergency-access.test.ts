/** A role taken at once: by whom the tenant lets take it, for an hour, counted, told, and reviewed by somebody else. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import type { AccessPolicyReceipt, EmergencyAccess, EmergencyPage, EmergencyReceipt } from '../../src/contract/api.js';
import { sweepRequests } from '../../src/requests/sweeper.js';
import { ADA, ODA, openOffice, VIC } from '../support/office.js';
import type { Office } from '../support/office.js';
import { roleId } from '../support/world.js';

let office: Office;
let onCall: string;
let payroll: string;
let n = 0;
/** On call, in this test alone. */
let nurse: string;
const POLICY = { elevationMaxMinutes: 480, elevationAnswerHours: 72, delegationMaxDays: 31 };

beforeAll(async () => {
  office = await openOffice();
  onCall = (await office.addRole('ON_CALL', ['claims.read'])).id;
  payroll = (await office.addRole('PAYROLL', ['fee_schedules.update'])).id;
});
afterAll(() => office.end());
beforeEach(async () => {
  n += 1;
  nurse = `nurse${String(n)}`;
  await office.world.addUser('acme', nurse);
  await office.world.sql(`insert into security.user_role (user_id, role_id) values ($1, $2)`, [nurse, onCall]);
});

const by = (user: string, tenant = 'acme') => ({ as: { user, tenant } });
const permit = (pairs: readonly object[], more = ADA) =>
  office.service.put<AccessPolicyReceipt>('/admin/access-policy', { ...POLICY, emergency: pairs }, more);
const take = (user = nurse, over: object = {}, more = by(user)) =>
  office.service.post<EmergencyReceipt>(
    '/emergency-access',
    { roleId: payroll, reason: 'Payroll is down', ticket: 'INC-42', ...over },
    more,
  );
async function taken(user = nurse): Promise<EmergencyAccess & { syncToken: string }> {
  const answer = await take(user);
  expect(answer.status, answer.text).toBe(201);
  const { access, syncToken = '' } = answer.body;
  if (access === undefined) throw new Error('no access');
  return { ...access, syncToken };
}
const review = (id: string, verdict: string, more = ADA) =>
  office.service.post<EmergencyReceipt>(`/admin/emergency-access/${id}/review`, { verdict, comment: 'Seen' }, more);
const isAllowed = async (user: string, syncToken = '') =>
  (
    await office.service.check({
      user,
      permission: 'fee_schedules.update',
      tenant: 'acme',
      ...(syncToken === '' ? {} : { syncToken }),
    })
  ).body.allowed;
const purposes = async (since: string) => (await office.entriesSince(since)).map(({ purpose }) => purpose);
const ends = async (since: string) => (await purposes(since)).filter((purpose) => purpose.endsWith('.expire'));
const refusal = ({ status, body }: { status: number; body: { code?: string } }) =>
  `${String(status)} ${body.code ?? ''}`;

describe('until the tenant lets anybody', () => {
  test('nobody takes anything', async () => {
    expect(refusal(await take())).toBe('403 FORBIDDEN');
  });

  test.each<[string, () => Promise<{ status: number; body: { code?: string } }>, string]>([
    [
      'a role of another tenant',
      () => permit([{ holderRoleId: onCall, roleId: roleId('other', 'CONFIG_MANAGER') }]),
      '404 NOT_FOUND',
    ],
    ['a role by its own holders', () => permit([{ holderRoleId: onCall, roleId: onCall }]), '400 INVALID_REQUEST'],
    ['whoever may not', () => permit([{ holderRoleId: onCall, roleId: payroll }], VIC), '403 FORBIDDEN'],
    // who names it would be raised by it themselves
    [
      'their own rights',
      () => permit([{ holderRoleId: roleId('acme', 'EMR_CLIENT_ADMIN'), roleId: payroll }]),
      '403 ESCALATION',
    ],
  ])('the policy does not permit %s', async (_name, setIt, answer) => {
    expect(refusal(await setIt())).toBe(answer);
  });
});

describe('once it does', () => {
  beforeAll(async () => {
    const since = await office.lastEntryId();
    expect((await permit([{ holderRoleId: onCall, roleId: payroll }])).body.policy?.emergency).toEqual([
      { holderRoleId: onCall, roleId: payroll },
    ]);
    expect(new Set(await purposes(since))).toEqual(new Set(['access_policy.update']));
  });

  test('the role is there at once, for an hour to the millisecond, counted and told', async () => {
    const since = await office.lastEntryId();
    const counted = async () =>
      /^bailiwick_emergency_access_total (\d+)/m.exec(
        await (await fetch(`${office.service.management}/metrics`)).text(),
      )?.[1];
    const before = Number((await counted()) ?? 0);
    const { expiresAt, takenAt, syncToken, id } = await taken();
    const end = new Date(expiresAt);
    expect(end.getTime() - Date.parse(takenAt)).toBe(3_600_000);
    expect(await isAllowed(nurse, syncToken)).toBe(true);
    office.service.setNow(new Date(end.getTime() - 1));
    expect(await isAllowed(nurse)).toBe(true);
    office.service.setNow(end);
    expect(await isAllowed(nurse)).toBe(false);
    office.service.setNow(undefined);
    expect((await purposes(since)).sort()).toEqual(['emergency_access.take', `role.assign:${payroll}`]);
    const told = await office.world.sql<{ event_type: string; details: object }>(
      `select event_type, details from identity.tenant_audit where details->>'id' = $1`,
      [id],
    );
    expect(told).toMatchObject([
      { event_type: 'EMERGENCY_ACCESS_TAKEN', details: { reason: 'Payroll is down', ticket: 'INC-42', userId: nurse } },
    ]);
    expect(Number(await counted())).toBe(before + 1);
  });

  test.each<[string, () => Promise<{ status: number; body: { code?: string } }>, string]>([
    ['who is not on call', () => take('vic'), '403 FORBIDDEN'],
    ['who is of another tenant', () => take('oda'), '403 FORBIDDEN'],
    ['another role', () => take(nurse, { roleId: roleId('acme', 'CONFIG_MANAGER') }), '403 FORBIDDEN'],
    ['a role of another tenant', () => take(nurse, { roleId: roleId('other', 'CONFIG_MANAGER') }), '404 NOT_FOUND'],
    ['without a ticket', () => take(nurse, { ticket: undefined }), '400 INVALID_REQUEST'],
    ['twice', async () => (await take(), take()), '409 ALREADY_ASSIGNED'],
  ])('nobody takes it: %s', async (_name, takeIt, answer) => {
    expect(refusal(await takeIt())).toBe(answer);
  });

  test('and by SQL nobody raises themselves further than that', async () => {
    const settings = { 'bailiwick.actor_user_id': nurse };
    const raise = `insert into security.user_role (user_id, role_id, expires_at) values ($1, $2, now() + interval '1 hour')`;
    await expect(office.world.sql(raise, [nurse, payroll], settings)).rejects.toThrow('may not raise their own rights');
    const { id } = await taken();
    await expect(
      office.world.sql(
        `update security.user_role set expires_at = null where user_id = $1 and role_id = $2`,
        [nurse, payroll],
        settings,
      ),
    ).rejects.toThrow('may not raise their own rights');
    await expect(
      office.world.sql(`update security.emergency_access set expires_at = now() + interval '2 hours' where id = $1`, [
        id,
      ]),
    ).rejects.toThrow('permission denied');
    await expect(
      office.world.sql(
        `insert into security.emergency_access (tenant_id, user_id, role_id, reason, ticket) values ('acme', 'vic', $1, 'x', 'y')`,
        [payroll],
      ),
    ).rejects.toThrow('does not let you');
  });

  test('it is not handed on', async () => {
    const { expiresAt } = await taken();
    const body = { delegateUserId: 'vic', roleId: payroll, expiresAt, reason: 'Busy' };
    expect(refusal(await office.service.post('/delegations', body, by(nurse)))).toBe('403 FORBIDDEN');
  });

  test('somebody else closes it, once, and an active one ends with it', async () => {
    const { id, syncToken } = await taken();
    expect(await isAllowed(nurse, syncToken)).toBe(true);
    const open = await office.service.get<EmergencyPage>(`/admin/emergency-access?reviewed=false&userId=${nurse}`, ADA);
    expect(open.body.items).toMatchObject([{ id, reviewedAt: null, verdict: null }]);
    await office.world.sql(`insert into security.user_role (user_id, role_id) values ($1, $2)`, [
      nurse,
      roleId('acme', 'EMR_CLIENT_ADMIN'),
    ]);
    await office.service.settle();
    expect(refusal(await review(id, 'justified', by(nurse)))).toBe('403 SELF_APPROVAL');
    expect(refusal(await review(id, 'justified', ODA))).toBe('404 NOT_FOUND');
    expect(refusal(await review(id, 'justified', VIC))).toBe('403 FORBIDDEN');
    const since = await office.lastEntryId();
    const closed = await review(id, 'unjustified');
    expect(closed.body.access).toMatchObject({ status: 'ended', verdict: 'unjustified', reviewedByUserId: 'ada' });
    expect((await purposes(since)).sort()).toEqual([
      'emergency_access.end',
      'emergency_access.review',
      `role.revoke:${payroll}`,
    ]);
    expect(await isAllowed(nurse, closed.body.syncToken)).toBe(false);
    expect(refusal(await review(id, 'justified'))).toBe('409 REQUEST_CLOSED');
    expect(refusal(await review(id, 'unjustified'))).toBe('409 REQUEST_CLOSED');
    const left = await office.service.get<EmergencyPage>(`/admin/emergency-access?reviewed=false&userId=${nurse}`, ADA);
    expect(left.body.items).toEqual([]);
  });

  test('of two reviewers at once, one closes it', async () => {
    const { id } = await taken();
    const answers = await Promise.all([review(id, 'justified'), review(id, 'unjustified', by('abe'))]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
  });

  test('whoever took it gives it back, and still it waits for its review', async () => {
    const { id } = await taken();
    expect((await office.service.post(`/emergency-access/${id}/end`, undefined, VIC)).status).toBe(404);
    const ended = await office.service.post<EmergencyReceipt>(`/emergency-access/${id}/end`, undefined, by(nurse));
    expect(ended.body.access).toMatchObject({ status: 'ended', verdict: null });
    expect(await isAllowed(nurse, ended.body.syncToken)).toBe(false);
    expect(refusal(await office.service.post(`/emergency-access/${id}/end`, undefined, by(nurse)))).toBe(
      '409 REQUEST_CLOSED',
    );
    const again = await taken();
    expect(again.id).not.toBe(id);
    const active = await office.service.get<EmergencyPage>('/emergency-access?status=active', by(nurse));
    expect(active.body.items).toMatchObject([{ id: again.id }]);
    expect((await office.service.get<EmergencyPage>('/emergency-access', by(nurse))).body.items).toHaveLength(2);
    expect((await office.service.get<EmergencyPage>('/emergency-access', ODA)).body.items).toEqual([]);
  });

  test('its end by itself is written down once, and can be reviewed', async () => {
    const { id } = await taken();
    const since = await office.lastEntryId();
    await office.world.migrationSql(
      `alter table security.emergency_access disable trigger user`,
      `alter table security.user_role disable trigger trg_emergency_update`,
      `update security.user_role set expires_at = expires_at - interval '2 hours'
         where id = (select assignment_id from security.emergency_access where id = '${id}')`,
      `update security.emergency_access set taken_at = taken_at - interval '2 hours',
         expires_at = expires_at - interval '2 hours' where id = '${id}'`,
      `alter table security.user_role enable trigger trg_emergency_update`,
      `alter table security.emergency_access enable trigger user`,
    );
    // What is over and not yet swept is over.
    const listed = async (path: string, more: Parameters<Office['service']['get']>[1]) =>
      (await office.service.get<EmergencyPage>(path, more)).body.items?.map((item) => item.id);
    for (const [status, ids] of Object.entries({ active: [], ended: [], expired: [id] })) {
      expect(await listed(`/emergency-access?status=${status}`, by(nurse))).toEqual(ids);
      expect(await listed(`/admin/emergency-access?status=${status}&userId=${nurse}`, ADA)).toEqual(ids);
    }
    const pool = office.world.pool('bailiwick_service');
    await Promise.all([sweepRequests(pool), sweepRequests(pool)]);
    // From before it was over: the service sweeps, too.
    expect(await ends(since)).toEqual(['emergency_access.expire']);
    expect((await review(id, 'justified')).body.access).toMatchObject({ status: 'expired', verdict: 'justified' });
    // and what has run out is in nobody's way
    expect((await taken()).id).not.toBe(id);
  });
});
