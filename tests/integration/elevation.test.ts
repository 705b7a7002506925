/** A role asked for, granted by somebody else, and over by itself; who may not; and what is written down of it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type {
  AccessPolicy,
  AccessPolicyReceipt,
  Elevation,
  ElevationPage,
  ElevationReceipt,
} from '../../src/contract/api.js';
import { sweepRequests } from '../../src/requests/sweeper.js';
import { ADA, ODA, openOffice, VIC } from '../support/office.js';
import type { Office } from '../support/office.js';
import { roleId } from '../support/world.js';

let office: Office;
let wanted: string;
beforeAll(async () => {
  office = await openOffice();
  wanted = (await office.addRole('WANTED', ['config.update'])).id;
});
afterAll(() => office.end());

const by = (user: string, tenant = 'acme') => ({ as: { user, tenant } });
const ask = (user: string, over: object = {}, more: Parameters<Office['service']['post']>[2] = by(user)) =>
  office.service.post<ElevationReceipt>(
    '/elevations',
    { roleId: wanted, durationMinutes: 60, reason: 'Month end', ...over },
    more,
  );
const decide = (id: string, how: 'approve' | 'deny', more = ADA) =>
  office.service.post<ElevationReceipt>(`/admin/elevations/${id}/${how}`, { reason: 'Agreed' }, more);
const close = (id: string, how: 'cancel' | 'end', user: string) =>
  office.service.post<ElevationReceipt>(`/elevations/${id}/${how}`, undefined, by(user));
const isAllowed = async (user: string, permission: string, syncToken?: string) =>
  (await office.service.check({ user, permission, tenant: 'acme', ...(syncToken === undefined ? {} : { syncToken }) }))
    .body.allowed;
async function asked(user: string, over: object = {}): Promise<string> {
  const answer = await ask(user, over);
  expect(answer.status, answer.text).toBe(201);
  return answer.body.elevation?.id ?? '';
}
async function granted(user: string) {
  const answer = await decide(await asked(user), 'approve');
  expect(answer.status, answer.text).toBe(200);
  const { elevation, syncToken } = answer.body;
  return { id: elevation?.id ?? '', expiresAt: new Date(elevation?.expiresAt ?? ''), syncToken: syncToken ?? '' };
}
const purposes = async (since: string) =>
  (await office.entriesSince(since)).map(({ purpose }) => purpose).filter((purpose) => purpose !== 'user.create');

/** As if the time had passed: the rows say that everything began so much earlier. */
async function letPass(id: string): Promise<void> {
  await office.world.migrationSql(
    `alter table security.elevation disable trigger trg_elevation_moved`,
    `alter table security.elevation disable trigger trg_elevation_followed`,
    `alter table security.user_role disable trigger trg_elevation_update`,
    `update security.user_role set expires_at = expires_at - interval '2 hours'
       where id = (select assignment_id from security.elevation where id = '${id}')`,
    `update security.elevation set answer_by = answer_by - interval '90 days', expires_at = expires_at - interval '2 hours'
       where id = '${id}'`,
    `alter table security.elevation enable trigger trg_elevation_moved`,
    `alter table security.elevation enable trigger trg_elevation_followed`,
    `alter table security.user_role enable trigger trg_elevation_update`,
  );
}

test('asked for, granted by somebody else, and over to the millisecond', async () => {
  await office.addHolder('una', []);
  const since = await office.lastEntryId();
  const id = await asked('una', { ticket: 'FIN-7' });
  expect(await isAllowed('una', 'config.update')).toBe(false);
  const { expiresAt, body } = await decide(id, 'approve').then((answer) => ({
    body: answer.body,
    expiresAt: new Date(answer.body.elevation?.expiresAt ?? ''),
  }));
  expect(body.elevation).toMatchObject({ status: 'approved', decidedByUserId: 'ada', decisionReason: 'Agreed' });
  expect(expiresAt.getTime() - Date.parse(body.elevation?.decidedAt ?? '')).toBe(60 * 60_000);
  expect(await isAllowed('una', 'config.update', body.syncToken)).toBe(true);
  expect(await purposes(since)).toEqual(['elevation.request', `role.assign:${wanted}`, 'elevation.approve']);

  const { service } = office;
  service.setNow(new Date(expiresAt.getTime() - 1));
  expect(await isAllowed('una', 'config.update')).toBe(true);
  service.setNow(expiresAt);
  expect(await isAllowed('una', 'config.update')).toBe(false);
  service.setNow(new Date(expiresAt.getTime() + 90 * 86_400_000));
  expect(await isAllowed('una', 'config.update')).toBe(false);
  service.setNow(undefined);
  expect(await isAllowed('una', 'config.update')).toBe(true);
});

test('its end is written down once, however many sweep, and leaves room to ask again', async () => {
  await office.addHolder('uri', []);
  const { id } = await granted('uri');
  // From before it is over: the service sweeps, too.
  const since = await office.lastEntryId();
  await letPass(id);
  const pool = office.world.pool('bailiwick_service');
  await Promise.all([sweepRequests(pool), sweepRequests(pool), sweepRequests(pool)]);
  expect((await purposes(since)).filter((purpose) => purpose.endsWith('.expire'))).toEqual(['elevation.expire']);
  const [event] = await office.world.sql<{ event_type: string }>(
    `select event_type from identity.tenant_audit where details->>'id' = $1 order by id desc limit 1`,
    [id],
  );
  expect(event?.event_type).toBe('ELEVATION_EXPIRED');
  const { status, endedAt, expiresAt } = (await office.service.get<Elevation>(`/elevations/${id}`, by('uri'))).body;
  expect([status, endedAt]).toEqual(['expired', expiresAt]);
  expect((await granted('uri')).id).not.toBe(id);
});

test('unanswered, it lapses, and is in nobody’s way', async () => {
  await office.addHolder('udo', []);
  const id = await asked('udo');
  await letPass(id);
  expect((await decide(id, 'approve')).body.code).toBe('REQUEST_CLOSED');
  const since = await office.lastEntryId();
  const again = await asked('udo');
  expect(await purposes(since)).toEqual(['elevation.lapse', 'elevation.request']);
  expect(
    (await office.service.get<ElevationPage>('/elevations', by('udo'))).body.items?.map((one) => one.status),
  ).toEqual(['pending', 'lapsed']);
  await close(again, 'cancel', 'udo');
});

describe('who may not', () => {
  beforeAll(() => office.addHolder('uma', []));
  test('grant what they asked for, by any way', async () => {
    const since = await office.lastEntryId();
    const answer = await ask('ada', {}, ADA);
    const id = answer.body.elevation?.id ?? '';
    const own = await decide(id, 'approve');
    expect([own.status, own.body.code]).toEqual([403, 'SELF_APPROVAL']);
    expect((await decide(id, 'deny')).body.code).toBe('SELF_APPROVAL');
    const settings = { 'bailiwick.actor_user_id': 'ada' };
    const bySql = `update security.elevation set status = 'approved' where id = $1`;
    await expect(office.world.sql(bySql, [id], settings)).rejects.toThrow('nobody decides about their own request');
    await expect(office.world.sql(bySql, [id])).rejects.toThrow('a decision names who makes it');
    await expect(
      office.world.migrationSql(
        `alter table security.elevation disable trigger trg_elevation_moved`,
        `update security.elevation set status = 'denied', decided_by_user_id = 'ada' where id = '${id}'`,
      ),
    ).rejects.toMatchObject({ constraint: 'chk_elevation_decider' });
    await expect(
      office.world.sql(`update security.elevation set user_id = 'vic' where id = $1`, [id], settings),
    ).rejects.toThrow();
    await close(id, 'cancel', 'ada');
    expect(await purposes(since)).toEqual(['elevation.request', 'elevation.cancel']);
  });

  test('grant what they could not assign, nor decide without the permission, nor in another tenant', async () => {
    await office.addHolder('ula', []);
    const strange = (await office.addRole('STRANGE', ['team_metrics.read'])).id;
    const id = await asked('ula', { roleId: strange });
    const answer = await decide(id, 'approve');
    expect([answer.status, answer.body.code, answer.body.missing]).toEqual([403, 'ESCALATION', ['team_metrics.read']]);
    expect((await decide(id, 'approve', VIC)).body.code).toBe('FORBIDDEN');
    expect((await decide(id, 'approve', ODA)).body.code).toBe('NOT_FOUND');
    expect((await decide(id, 'deny')).body.elevation).toMatchObject({ status: 'denied' });
    expect(await isAllowed('ula', 'team_metrics.read')).toBe(false);
  });

  test.each<[string, () => Promise<{ status: number; body: { code?: string } }>, string]>([
    ['for a role of another tenant', () => ask('uma', { roleId: roleId('other', 'CONFIG_MANAGER') }), '404 NOT_FOUND'],
    ['for longer than the tenant permits', () => ask('uma', { durationMinutes: 481 }), '400 INVALID_REQUEST'],
    ['twice', async () => (await ask('uma'), ask('uma')), '409 REQUEST_OPEN'],
    ['for what one has', () => ask('vic', { roleId: roleId('acme', 'EMR_CLIENT_VIEWER') }), '409 ALREADY_ASSIGNED'],
    ['in a tenant that one is not in', () => ask('oda', {}, by('oda', 'acme')), '403 FORBIDDEN'],
    ['from above', () => ask('root', {}, by('root')), '403 IMPERSONATION_REQUIRED'],
    ['without a reason', () => ask('uma', { reason: '' }), '400 INVALID_REQUEST'],
  ])('ask %s', async (_name, askIt, refusal) => {
    const { status, body } = await askIt();
    expect(`${String(status)} ${body.code ?? ''}`).toBe(refusal);
  });

  test('see, take back or end somebody else’s', async () => {
    await office.addHolder('una2', []);
    const { id } = await granted('una2');
    expect((await office.service.get(`/elevations/${id}`, VIC)).status).toBe(404);
    expect((await office.service.get<ElevationPage>('/elevations', VIC)).body.items).toEqual([]);
    expect((await close(id, 'end', 'vic')).status).toBe(404);
    expect((await office.service.get<ElevationPage>('/elevations', ODA)).body.items).toEqual([]);
    expect((await office.service.get<ElevationPage>('/admin/elevations?status=approved', ODA)).body.items).toEqual([]);
  });
});

test('given back, or revoked, it ends at once and says so', async () => {
  await office.addHolder('ugo', []);
  const back = await granted('ugo');
  const since = await office.lastEntryId();
  const ended = await close(back.id, 'end', 'ugo');
  expect(await isAllowed('ugo', 'config.update', ended.body.syncToken)).toBe(false);
  expect(await purposes(since)).toEqual([`role.revoke:${wanted}`, 'elevation.end']);
  expect((await close(back.id, 'end', 'ugo')).body.code).toBe('REQUEST_CLOSED');

  const revoked = await granted('ugo');
  await office.service.delete(`/admin/users/ugo/roles/${wanted}`, ADA);
  const { body } = await office.service.get<Elevation>(`/admin/elevations/${revoked.id}`, ADA);
  expect(body.status).toBe('ended');
});

test('what a tenant permits can be set, and is written down', async () => {
  const since = await office.lastEntryId();
  const policy = { elevationMaxMinutes: 5, elevationAnswerHours: 1, delegationMaxDays: 2, emergency: [] };
  const set = await office.service.put<AccessPolicyReceipt>('/admin/access-policy', policy, ADA);
  expect(set.body.policy).toEqual(policy);
  expect((await office.service.get('/admin/access-policy', VIC)).body).toEqual(policy);
  expect((await office.service.get<AccessPolicy>('/admin/access-policy', ODA)).body.elevationMaxMinutes).toBe(480);
  await office.addHolder('uwe', []);
  expect((await ask('uwe', { durationMinutes: 6 })).body.code).toBe('INVALID_REQUEST');
  expect(await purposes(since)).toEqual(['access_policy.update']);
  await office.world.sql(`update security.access_policy set elevation_max_minutes = 480 where tenant_id = 'acme'`);
});

test('of an approval, a refusal and a withdrawal at once, exactly one wins', async () => {
  for (let round = 0; round < 6; round += 1) {
    const user = `racer-${String(round)}`;
    await office.addHolder(user, []);
    const id = await asked(user);
    const answers = await Promise.all([
      decide(id, 'approve'),
      decide(id, 'deny', { as: { user: 'abe', tenant: 'acme' } }),
      close(id, 'cancel', user),
    ]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409]);
    const won = answers.find(({ status }) => status === 200)?.body.elevation;
    const now = await office.service.get<Elevation>(`/admin/elevations/${id}`, ADA);
    expect(now.body.status).toBe(won?.status);
    const [held] = await office.world.sql<{ n: number }>(
      `select count(*)::int as n from security.user_role where user_id = $1 and revoked_at is null`,
      [user],
    );
    expect(held?.n).toBe(won?.status === 'approved' ? 1 : 0);
  }
});

test('whoever moves to another tenant takes nothing with them', async () => {
  await office.addHolder('nomad', []);
  const pending = await asked('nomad');
  await office.world.sql(`update security.app_user set tenant_id = 'other' where id = 'nomad'`);
  await office.service.settle();
  expect((await decide(pending, 'approve')).body.code).toBe('REQUEST_CLOSED');
  expect((await office.service.get<ElevationPage>('/elevations', by('nomad', 'other'))).body.items).toEqual([]);
  expect((await office.service.get<ElevationPage>('/admin/elevations', ODA)).body.items).toEqual([]);
  expect(await isAllowed('nomad', 'config.update')).toBe(false);
});

test('one key, one request', async () => {
  await office.addHolder('ivy', []);
  const once = { ...by('ivy'), headers: { 'idempotency-key': 'the-same' } };
  const [first, second] = [await ask('ivy', {}, once), await ask('ivy', {}, once)];
  expect([first.status, second.status, second.body.elevation?.id]).toEqual([201, 201, first.body.elevation?.id]);
});
