/** A platform admin who is a user of a tenant is above its administrators: nothing that they do leads to that seat. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import { ADA, openOffice } from '../support/office.js';
import type { Office } from '../support/office.js';

let office: Office;
beforeAll(async () => {
  office = await openOffice();
  await office.world.addUser('acme', 'inside');
  await office.world.sql(`insert into identity.platform_admin (user_id) values ('inside')`);
});
afterAll(() => office.end());

const refusal = ({ status, body }: { status: number; body: { code?: string } }) =>
  `${String(status)} ${body.code ?? ''}`;

test.each<[string, () => Promise<{ status: number; body: { code?: string } }>]>([
  ['gives them no password', () => office.service.post('/admin/users/inside/reset-password', undefined, ADA)],
  ['no other address', () => office.service.patch('/admin/users/inside', { email: 'mine@evil.example' }, ADA)],
  ['does not disable them', () => office.service.patch('/admin/users/inside', { status: 'disabled' }, ADA)],
  ['does not remove them', () => office.service.delete('/admin/users/inside', ADA)],
])('who administers the tenant %s', async (_name, attempt) => {
  expect(refusal(await attempt())).toBe('403 FORBIDDEN');
});

test('they themselves may do it, and another platform admin', async () => {
  const as = { as: { user: 'inside', tenant: 'acme' } };
  expect((await office.service.patch('/admin/users/inside', { email: 'other@acme.example' }, as)).status).toBe(200);
});

test('the last one stays, a user of a tenant or not', async () => {
  await expect(
    office.world.superSql(
      `delete from identity.platform_admin where user_id <> 'inside'`,
      `update security.app_user set status = 'disabled' where id = 'inside'`,
    ),
  ).rejects.toThrow('the last platform admin stays');
});
