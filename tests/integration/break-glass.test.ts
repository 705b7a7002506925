/**
 * The requirement's own words, run as they are printed: the two `curl`s of its break-glass section and the `psql` tail,
 * and its validation table row by row. Where `curl` or `psql` is not on the PATH, `fetch` and the pool stand in.
 */
import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type {
  AuditPage,
  EffectivePermissions,
  PermissionSetReceipt,
  RolePage,
  RoleReceipt,
} from '../../src/contract/api.js';
import { ADA, CONNY, openOffice, VIC } from '../support/office.js';
import type { Office } from '../support/office.js';

const run = promisify(execFile);
const has = (program: string): boolean => spawnSync(program, ['--version']).error === undefined;
const hasCurl = has('curl');
const hasPsql = has('psql');

let office: Office;
beforeAll(async () => {
  office = await openOffice();
});
afterAll(() => office.end());

interface Reply {
  readonly status: number;
  readonly body: Partial<RoleReceipt> & { readonly code?: string; readonly detail?: string };
}

/** What a shell makes of the printed text, its variables set. */
async function curl(printed: string, env: Readonly<Record<string, string>>): Promise<Reply> {
  if (hasCurl) {
    const { stdout } = await run('sh', ['-c', `${printed} -w '\\n%{http_code}'`], { env: { ...process.env, ...env } });
    const [body = '', status = ''] = stdout.split(/\n(?=\d{3}$)/);
    return { status: Number(status), body: JSON.parse(body) as Reply['body'] };
  }
  const text = printed.replaceAll(/\$(\w+)/g, (_, name: string) => env[name] ?? '');
  const headers = Object.fromEntries(
    [...text.matchAll(/-H ['"]([^:]+): ([^'"]+)['"]/g)].map(([, name = '', value = '']) => [name, value] as const),
  );
  const response = await fetch(/"(http[^"]+)"/.exec(text)?.[1] ?? '', {
    method: /-X (\w+)/.exec(text)?.[1] ?? 'GET',
    headers,
    body: /-d '([^']+)'/.exec(text)?.[1] ?? null,
  });
  return { status: response.status, body: (await response.json()) as Reply['body'] };
}

/** The rows of a statement as `psql` prints them for a program, one a line. */
async function psql(statement: string): Promise<string[]> {
  if (hasPsql) {
    const { stdout } = await run('psql', [office.world.databaseUrl, '-tA', '-F', '|', '-c', statement]);
    return stdout.trimEnd().split('\n');
  }
  const rows = await office.world.sql<Record<string, unknown>>(statement);
  return rows.map((row) => Object.values(row).map(String).join('|'));
}

const CREATE = `curl -sS -X POST "$BASE/api/v1/admin/roles" \\
-H 'content-type: application/json' \\
-H "x-user-id: $ACTOR" -H "x-tenant-id: $TENANT_ID" \\
-d '{"roleName":"DENIALS_ANALYST","description":"Denials only"}'`;
const REPLACE = `curl -sS -X PUT "$BASE/api/v1/admin/roles/$ROLE_ID/permissions" \\
-H 'content-type: application/json' \\
-d '{"permissionIds":["..."]}'`;
const TAIL = `SELECT actor_user_id, access_action, purpose, accessed_at
FROM audit.access_log
WHERE accessed_entity_id = '$ROLE_ID'
ORDER BY accessed_at DESC LIMIT 50;`;

describe('break-glass', () => {
  test('the printed commands do what the console does, and the tail prints the entries', async () => {
    const BASE = office.service.base.replace('/api/v1', '');
    const env = { BASE, ACTOR: 'ada', TENANT_ID: 'acme', ROLE_ID: '' };
    const made = await curl(CREATE, env);
    expect([made.status, made.body.roleName, made.body.isSystem]).toEqual([201, 'DENIALS_ANALYST', false]);
    const withRole = { ...env, ROLE_ID: made.body.id ?? '' };

    const printed = await curl(REPLACE, withRole);
    expect([printed.status, printed.body.code]).toEqual([401, 'UNAUTHENTICATED']);
    expect(printed.body.detail).toContain('missing: `x-user-id` and `x-tenant-id`');

    const identified = REPLACE.replace(
      ' \\\n',
      ` \\\n-H "x-user-id: $ACTOR" -H "x-tenant-id: $TENANT_ID" \\\n`,
    ).replace('["..."]', '["denials.read","denials.update"]');
    const replaced = await curl(identified, withRole);
    expect([replaced.status, replaced.body.permissionIds], replaced.body.detail).toEqual([
      200,
      ['denials.read', 'denials.update'],
    ]);

    const rows = await psql(TAIL.replace('$ROLE_ID', withRole.ROLE_ID));
    expect(rows.map((row) => row.split('|').slice(0, 3))).toEqual([
      ['ada', 'WRITE', 'role.set_permissions'],
      ['ada', 'WRITE', 'role.create'],
    ]);
    // the same rows that the audit drawer shows
    const shown = await office.service.get<AuditPage>(`/admin/audit-log?accessed_entity_id=${withRole.ROLE_ID}`, CONNY);
    expect(
      shown.body.items?.map(({ actorUserId, accessAction, purpose }) => [actorUserId, accessAction, purpose]),
    ).toEqual(rows.map((row) => row.split('|').slice(0, 3)));
  });
});

describe('the validation table', () => {
  let role: string;

  test('a custom role that is created is visible on the matrix, `is_system` false', async () => {
    const made = await office.service.post<RoleReceipt>('/admin/roles', { roleName: 'VALIDATED' }, ADA);
    role = made.body.id ?? '';
    const { body } = await office.service.get<RolePage>('/admin/roles', VIC);
    expect(body.items?.find(({ id }) => id === role)).toMatchObject({ roleName: 'VALIDATED', isSystem: false });
    expect(await psql(`select is_system from security.role where id = '${role}'`)).toEqual([hasPsql ? 'f' : 'false']);
  });

  test('a permission that is toggled writes an audit row', async () => {
    const path = `/admin/roles/${role}/permissions`;
    const since = await office.lastEntryId();
    for (const permissionIds of [['claims.read'], [], ['claims.read']]) {
      expect((await office.service.put<PermissionSetReceipt>(path, { permissionIds }, ADA)).status).toBe(200);
    }
    expect(
      (await office.entriesSince(since)).map(({ purpose, details }) => [purpose, details['added'], details['removed']]),
    ).toEqual([
      ['role.set_permissions', ['claims.read'], []],
      ['role.set_permissions', [], ['claims.read']],
      ['role.set_permissions', ['claims.read'], []],
    ]);
  });

  test('the drawer of effective scopes lists permissions with their origins', async () => {
    await office.addHolder('denise', []);
    expect((await office.service.post('/admin/users/denise/roles', { roleId: role }, ADA)).status).toBe(200);
    const { body } = await office.service.get<EffectivePermissions>('/admin/users/denise/effective-permissions', VIC);
    expect(body.items?.map(({ permission, origins }) => [permission, origins.map(({ roleName }) => roleName)])).toEqual(
      [['claims.read', ['VALIDATED']]],
    );
  });

  test('an attempt to delete it while it is assigned is 409 ROLE_IN_USE; then revoked, it goes', async () => {
    const refused = await office.service.delete(`/admin/roles/${role}`, ADA);
    expect([refused.status, refused.body.code, refused.body.holders?.items.map(({ userId }) => userId)]).toEqual([
      409,
      'ROLE_IN_USE',
      ['denise'],
    ]);
    expect((await office.service.delete(`/admin/users/denise/roles/${role}`, ADA)).status).toBe(200);
    expect((await office.service.delete(`/admin/roles/${role}`, ADA)).status).toBe(200);
  });
});
