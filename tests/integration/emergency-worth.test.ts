/** A role whose holders may take another in an emergency is worth that other one, whoever hands it out and however. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import type { AccessPolicyReceipt, EmergencyReceipt } from '../../src/contract/api.js';
import { ADA, openOffice } from '../support/office.js';
import type { Office } from '../support/office.js';
import { roleId } from '../support/world.js';

let office: Office;
/** Holds nothing but `users.read`; whoever holds it may take PAYROLL. */
let marker: string;
let payroll: string;
let n = 0;
/** Holds the marker, in this test alone. */
let nurse: string;
const HELPER = { as: { user: 'helper', tenant: 'acme' } };
const POLICY = { elevationMaxMinutes: 480, elevationAnswerHours: 72, delegationMaxDays: 31 };

beforeAll(async () => {
  office = await openOffice();
  marker = (await office.addRole('MARKER', ['users.read'])).id;
  payroll = (await office.addRole('PAYROLL', ['fee_schedules.update'])).id;
  const helper = (await office.addRole('HELPER', ['users.read', 'users.update'])).id;
  await office.addHolder('helper', [helper]);
  await office.world.addUser('acme', 'plain');
  expect((await permit([{ holderRoleId: marker, roleId: payroll }])).status).toBe(200);
});
afterAll(() => office.end());
beforeEach(async () => {
  n += 1;
  nurse = `nurse${String(n)}`;
  await office.addHolder(nurse, [marker]);
});

const permit = (pairs: readonly object[]) =>
  office.service.put<AccessPolicyReceipt>('/admin/access-policy', { ...POLICY, emergency: pairs }, ADA);
const assign = (user: string, roleId: string, more: object = HELPER) =>
  office.service.post<{ code?: string }>(`/admin/users/${user}/roles`, { roleId }, more);
const take = (user: string) =>
  office.service.post<EmergencyReceipt>(
    '/emergency-access',
    { roleId: payroll, reason: 'Payroll is down', ticket: 'INC-42' },
    { as: { user, tenant: 'acme' } },
  );
const refusal = ({ status, body }: { status: number; body: { code?: string } }) =>
  `${String(status)} ${body.code ?? ''}`;
const holds = async (user: string): Promise<boolean> =>
  (
    await office.world.sql(
      `select from security.user_role where user_id = $1 and role_id = $2 and revoked_at is null
         and (expires_at is null or expires_at > now())`,
      [user, payroll],
    )
  ).length > 0;

describe('who could not hand out what it opens', () => {
  test.each<[string, () => Promise<{ status: number; body: { code?: string } }>]>([
    ['does not take it themselves', () => assign('helper', marker)],
    ['gives it to nobody', () => assign('plain', marker)],
    [
      'makes nobody with it',
      () =>
        office.service.post(
          '/admin/users',
          { email: 'new@acme.example', displayName: 'New', roleIds: [marker] },
          HELPER,
        ),
    ],
    [
      'does not sign in as its holder',
      () => office.service.post(`/admin/users/${nurse}/reset-password`, undefined, HELPER),
    ],
    [
      'does not hand it on',
      () =>
        office.service.post(
          '/delegations',
          {
            delegateUserId: 'plain',
            roleId: marker,
            expiresAt: new Date(Date.now() + 600_000).toISOString(),
            reason: 'Away',
          },
          { as: { user: nurse, tenant: 'acme' } },
        ),
    ],
  ])('%s', async (_name, attempt) => {
    expect(refusal(await attempt())).toBe('403 ESCALATION');
  });

  test('who could may do all of it', async () => {
    expect((await assign('plain', marker, ADA)).status).toBe(200);
    expect((await office.service.post('/admin/users/plain/reset-password', undefined, ADA)).status).toBe(200);
  });
});

describe('nobody raises their own rights by way of a policy', () => {
  let opened: string;
  let opener: string;
  beforeAll(async () => {
    opened = (await office.addRole('OPENED', [])).id;
    opener = (await office.addRole('OPENER', ['users.read'])).id;
    const pairs = [
      { holderRoleId: marker, roleId: payroll },
      { holderRoleId: opener, roleId: opened },
    ];
    expect((await permit(pairs)).status).toBe(200);
  });
  const widen = `insert into security.role_permission (role_id, permission_id) values ($1, 'fee_schedules.update')`;
  const asAda = { 'bailiwick.actor_user_id': 'ada' };

  test('by taking what opens more than they hold', async () => {
    expect(refusal(await assign('ada', marker, ADA))).toBe('403 ESCALATION');
  });

  test('by widening what they could take, who holds what opens it', async () => {
    expect((await assign('ada', opener, ADA)).status).toBe(200);
    await expect(office.world.sql(widen, [opened], asAda)).rejects.toThrow('may not raise their own rights');
    await office.world.sql(`delete from security.user_role where user_id = 'ada' and role_id = $1`, [opener]);
    await office.world.sql(widen, [opened], asAda);
    expect(refusal(await assign('ada', opener, ADA))).toBe('403 ESCALATION');
  });

  test('by both at the same moment: who widens waits for who assigns, and is refused', async () => {
    await office.world.sql(`delete from security.role_permission where role_id = $1`, [opened]);
    let widening: Promise<unknown> = Promise.resolve();
    let isOver = false;
    await office.world.pool('bailiwick_operator').transaction(
      async (tx) => {
        await tx.query({
          text: `insert into security.user_role (user_id, role_id) values ('ada', $1)`,
          values: [opener],
        });
        widening = office.world.sql(widen, [opened], asAda).finally(() => (isOver = true));
        widening.catch(() => undefined);
        await new Promise((resolve) => setTimeout(resolve, 500));
        expect(isOver).toBe(false);
      },
      { settings: asAda },
    );
    await expect(widening).rejects.toThrow('may not raise their own rights');
  });
});

describe('what was taken', () => {
  test('lasts no longer than what opened it', async () => {
    await office.world.sql(
      `update security.user_role set expires_at = now() + interval '10 minutes' where user_id = $1 and role_id = $2`,
      [nurse, marker],
    );
    const { access } = (await take(nurse)).body;
    expect(Date.parse(access?.expiresAt ?? '') - Date.now()).toBeLessThan(600_001);
  });

  test('ends when that is taken away', async () => {
    expect((await take(nurse)).status).toBe(201);
    expect(await holds(nurse)).toBe(true);
    await office.world.sql(`update security.user_role set revoked_at = now() where user_id = $1 and role_id = $2`, [
      nurse,
      marker,
    ]);
    expect(await holds(nurse)).toBe(false);
    expect(await office.world.sql(`select status from security.emergency_access where user_id = $1`, [nurse])).toEqual([
      { status: 'ended' },
    ]);
  });

  test('ends when that was held in all tenants, and is taken away', async () => {
    const opener = roleId('acme', 'CONFIG_MANAGER');
    expect((await permit([{ holderRoleId: opener, roleId: payroll }])).status).toBe(200);
    await office.world.sql(`delete from security.user_role where user_id = $1`, [nurse]);
    await office.world.sql(`insert into security.user_role (user_id, role_name) values ($1, 'CONFIG_MANAGER')`, [
      nurse,
    ]);
    expect((await take(nurse)).status).toBe(201);
    await office.world.sql(
      `update security.user_role set revoked_at = now() where user_id = $1 and tenant_id is null`,
      [nurse],
    );
    expect(await holds(nurse)).toBe(false);
  });
});

describe('what was taken is given on', () => {
  let chief: string;
  let custom: string;
  const CHIEF = ['users.read', 'users.update', 'fee_schedules.update'];
  const asNurse = () => ({ as: { user: nurse, tenant: 'acme' } });
  const until = (minutes: number) => new Date(Date.now() + minutes * 60_000).toISOString();
  const give = (user: string, expiresAt?: string) =>
    office.service.post<{ code?: string; detail?: string }>(
      `/admin/users/${user}/roles`,
      { roleId: payroll, ...(expiresAt === undefined ? {} : { expiresAt }) },
      asNurse(),
    );
  beforeAll(async () => {
    chief = (await office.addRole('CHIEF', CHIEF)).id;
    custom = (await office.addRole('CUSTOM', [])).id;
    expect((await permit([{ holderRoleId: marker, roleId: chief }])).status).toBe(200);
  });
  beforeEach(async () => {
    const body = { roleId: chief, reason: 'Nobody is there', ticket: 'INC-43' };
    expect((await office.service.post('/emergency-access', body, asNurse())).status).toBe(201);
    await office.addHolder(`${nurse}-mate`, []);
  });

  test('for no longer than it is held, which the answer names', async () => {
    const refused = await give(`${nurse}-mate`);
    expect(refusal(refused)).toBe('403 ESCALATION');
    expect(refused.body.detail).toMatch(
      /took this in an emergency, and gives it on until \d{4}-\d\d-\d\dT[\d:.]+Z at most/,
    );
    expect(refusal(await give(`${nurse}-mate`, until(61)))).toBe('403 ESCALATION');
    expect((await give(`${nurse}-mate`, until(30))).status).toBe(200);
    expect(refusal(await give(`${nurse}-mate`, until(90)))).toBe('403 ESCALATION');
  });

  test('to nobody who is made for it', async () => {
    const body = { email: `${nurse}-2@acme.example`, displayName: 'Second', roleIds: [payroll] };
    expect(refusal(await office.service.post('/admin/users', body, asNurse()))).toBe('403 ESCALATION');
    expect((await office.service.post('/admin/users', { ...body, roleIds: [custom] }, asNurse())).status).toBe(201);
  });

  test('not by the account of who has it for good, but by that of who has it as long', async () => {
    const reset = () => office.service.post(`/admin/users/${nurse}-mate/reset-password`, undefined, asNurse());
    expect((await reset()).status).toBe(200);
    await office.world.sql(
      `insert into security.user_role (user_id, role_id, expires_at) values ($1, $2, now() + interval '30 minutes')`,
      [`${nurse}-mate`, payroll],
    );
    expect((await reset()).status).toBe(200);
    await office.world.sql(`update security.user_role set expires_at = null where user_id = $1`, [`${nurse}-mate`]);
    expect(refusal(await reset())).toBe('403 ESCALATION');
  });

  test('not to all who hold a role', async () => {
    await expect(
      office.world.sql(
        `insert into security.role_permission (role_id, permission_id) values ($1, 'fee_schedules.update')`,
        [custom],
        { 'bailiwick.actor_user_id': nurse },
      ),
    ).rejects.toThrow('took this in an emergency');
  });

  test('as before by who holds it besides', async () => {
    await office.world.sql(`insert into security.user_role (user_id, role_id) values ($1, $2)`, [nurse, payroll]);
    expect((await give(`${nurse}-mate`)).status).toBe(200);
  });
});
