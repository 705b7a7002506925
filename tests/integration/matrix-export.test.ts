/** The matrix as a file: what is in it, by which filters, and who took it away is written down. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import { catalogue } from '../../src/contract/model.js';
import { ADA, ODA, openOffice, VIC } from '../support/office.js';
import type { Office } from '../support/office.js';

let office: Office;
let clerk: string;
beforeAll(async () => {
  office = await openOffice();
  clerk = (await office.addRole('A_CLERK', ['claims.read', 'denials.read'])).id;
  await office.addRole('B_CLERK', ['claims.read']);
});
afterAll(() => office.end());

const exported = (query = '', more = VIC) => office.service.get(`/admin/role-matrix${query}`, more);
const linesOf = async (query = '', more = VIC): Promise<string[]> =>
  (await exported(query, more)).text.split('\r\n').filter((line) => line !== '');
const namesOf = (lines: readonly string[]): string[] => lines.slice(1).map((line) => line.split(',')[0] ?? '');

test('has a line for each permission and a column for each role, custom ones first', async () => {
  const { status, text, headers } = await exported();
  expect(status).toBe(200);
  expect(headers['content-type']).toMatch(/^text\/csv; *charset=utf-8; *header=present$/);
  expect(headers['content-disposition']).toBe('attachment; filename="roles.csv"');
  const [head = '', ...lines] = text.split('\r\n');
  expect(head).toBe(
    'permission,group,description,A_CLERK,B_CLERK,CONFIG_MANAGER,EMR_CLIENT_ADMIN,EMR_CLIENT_VIEWER,PLATFORM_ADMIN',
  );
  expect(lines.at(-1)).toBe('');
  const permissions = catalogue.filter(({ objectType }) => objectType === 'tenant').map(({ id }) => id);
  expect(namesOf([head, ...lines.slice(0, -1)])).toEqual(permissions);
  const denials = lines.find((line) => line.startsWith('denials.read,'));
  expect(denials).toMatch(/,granted,,,(granted)?,(granted)?,granted$/);
});

test('leaves what the filters leave, of the roles that are named', async () => {
  const both = `roleIds=${encodeURIComponent(`${clerk},acme.b_clerk,other.emr_client_admin,never`)}`;
  const [head, ...lines] = await linesOf(`?${both}&onlyGranted=true`);
  expect(head).toBe('permission,group,description,A_CLERK,B_CLERK');
  expect(namesOf([head ?? '', ...lines])).toEqual(['claims.read', 'denials.read']);
  expect(namesOf(await linesOf(`?${both}&onlyDifferent=true`))).toEqual(['denials.read']);
  expect(namesOf(await linesOf(`?${both}&search=CLAIMS`))).toEqual(['claims.read', 'claims.update']);
});

test('holds nothing of another tenant', async () => {
  expect((await linesOf('', ODA))[0]).not.toContain('CLERK');
  expect((await linesOf(`?roleIds=${clerk}`, ODA))[0]).toBe('permission,group,description');
});

test('is an entry, and what is refused is none', async () => {
  const since = await office.lastEntryId();
  await exported('?search=claims&onlyGranted=true', ADA);
  expect(await office.entriesSince(since)).toMatchObject([
    {
      ...{ tenantId: 'acme', actorUserId: 'ada', entityType: 'role', entityId: '*' },
      ...{ action: 'EXPORT', purpose: 'role.export' },
      details: { filter: { search: 'claims', onlyGranted: true }, permissions: 2, roles: 6 },
    },
  ]);
  const after = await office.lastEntryId();
  await office.addHolder('nobody', []);
  const before = await office.lastEntryId();
  expect(before).not.toBe(after);
  expect((await exported('', { as: { user: 'nobody', tenant: 'acme' } })).status).toBe(403);
  expect((await exported('?onlyGranted=maybe')).status).toBe(400);
  expect(await office.entriesSince(before)).toEqual([]);
});
