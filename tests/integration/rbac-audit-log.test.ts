/**
 * The audit log over HTTP: filtered by both names of each column, paged while entries arrive, exported as a file of any
 * size; every reading of it is an entry itself.
 */
import { request as httpRequest } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { AuditEntry, AuditPage, RoleReceipt } from '../../src/contract/api.js';
import { ADA, CONNY, ODA, openOffice, VIC } from '../support/office.js';
import type { Office } from '../support/office.js';
import { until } from '../support/outage.js';
import type { RequestMore } from '../support/service.js';

const ENTRIES = 20_000;

/** What the heap holds when everything that is garbage is gone. */
function liveBytes(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc()');
  return process.memoryUsage().heapUsed;
}

let office: Office;
let role: string;
beforeAll(async () => {
  office = await openOffice();
  const made = await office.service.post<RoleReceipt>(
    '/admin/roles',
    { roleName: 'WATCHED', description: '=1+1' },
    ADA,
  );
  role = made.body.id ?? '';
  await office.service.put(`/admin/roles/${role}/permissions`, { permissionIds: ['claims.read'] }, ADA);
  await office.service.post('/admin/users/vic/roles', { roleId: role }, ADA);
  await office.service.delete(`/admin/users/vic/roles/${role}`, ADA);
});
afterAll(() => office.end());

async function read(query: string, more: RequestMore = CONNY): Promise<AuditEntry[]> {
  const { status, body } = await office.service.get<AuditPage>(`/admin/audit-log${query}`, more);
  expect(status, JSON.stringify(body)).toBe(200);
  return body.items ?? [];
}

const purposes = (items: readonly AuditEntry[]): string[] => items.map(({ purpose }) => purpose);

describe('the audit log', () => {
  test('is newest first, with the columns of the table', async () => {
    const items = await read(`?entityId=${role}`);
    expect(purposes(items)).toEqual(['role.set_permissions', 'role.create']);
    expect(items[1]).toMatchObject({
      tenantId: 'acme',
      actorUserId: 'ada',
      actorRole: null,
      accessedEntityType: 'role',
      accessedEntityId: role,
      accessAction: 'WRITE',
      impersonationId: null,
    });
    expect(items[1]?.accessedAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });

  test.each([
    ['entityType', 'accessed_entity_type', 'role_permission', ['role.set_permissions']],
    ['entityId', 'accessed_entity_id', '$ROLE', ['role.set_permissions', 'role.create']],
    [
      'actorUserId',
      'actor_user_id',
      'ada',
      ['role.revoke:$ROLE', 'role.assign:$ROLE', 'role.set_permissions', 'role.create'],
    ],
    ['action', 'access_action', 'DELETE', ['role.revoke:$ROLE']],
  ])('is filtered by `%s`, which is also `%s`', async (...[name, column, value, expected]) => {
    const asked = `${value.replace('$ROLE', role)}${name === 'entityType' ? `&entityId=${role}` : ''}`;
    const wanted = expected.map((purpose) => purpose.replace('$ROLE', role));
    expect(purposes(await read(`?${name}=${asked}`))).toEqual(wanted);
    expect(purposes(await read(`?${column}=${asked}`))).toEqual(wanted);
    const twice = `${name}=${asked}&${column}=${value.replace('$ROLE', role)}`;
    expect(purposes(await read(`?${twice}`))).toEqual(wanted);
    const other = name === 'action' ? 'PRINT' : 'other';
    const both = await office.service.get(`/admin/audit-log?${name}=${asked}&${column}=${other}`, CONNY);
    expect([both.status, both.body.errors?.[0]?.field]).toEqual([400, column]);
  });

  test('is filtered by purpose, whole or up to its colon, and by time', async () => {
    expect(purposes(await read('?purpose=role.create&actorUserId=ada'))).toEqual(['role.create']);
    expect(purposes(await read('?purpose=role.assign:&actorUserId=ada'))).toEqual([`role.assign:${role}`]);
    expect(purposes(await read(`?purpose=role.assign:${role}`))).toEqual([`role.assign:${role}`]);
    expect(purposes(await read('?purpose=role.assign'))).toEqual([]);
    // no pattern of SQL
    expect(purposes(await read('?purpose=role.%25:'))).toEqual([]);
    const [create] = await read('?purpose=role.create&actorUserId=ada');
    const at = create?.accessedAt ?? '';
    const after = new Date(Date.parse(at) + 1).toISOString();
    expect(purposes(await read(`?entityId=${role}&from=${at}&to=${after}`))).toEqual(['role.create']);
    expect(purposes(await read(`?entityId=${role}&from=${after}`))).toEqual(['role.set_permissions']);
    expect(purposes(await read(`?entityId=${role}&to=${at}`))).toEqual([]);
    expect(purposes(await read(`?entityId=${role}&entityType=role&action=WRITE&actorUserId=ada`))).toEqual([
      'role.create',
    ]);
  });

  test.each([
    'from=2026-06-30T23:59:60Z',
    'to=0000-01-01T00:00:00Z',
    'from=2026-02-30T00:00:00Z',
    'from=yesterday',
    'from=infinity',
    'action=SHOUT',
    'entityType=Role',
    'entityId=',
    'purpose=%00',
    'limit=0',
    'limit=501',
    'limit=ten',
    'cursor=bm90aGluZw',
    `cursor=${Buffer.from('["infinity","1"]').toString('base64url')}`,
    `cursor=${Buffer.from('["99999999999999999","1"]').toString('base64url')}`,
    `cursor=${Buffer.from('["1","9999999999999999999"]').toString('base64url')}`,
    'entity=role',
    'action=READ&action=WRITE',
  ])('is not asked for by %s', async (query) => {
    const { status, body } = await office.service.get(`/admin/audit-log?${query}`, CONNY);
    expect([status, body.code], JSON.stringify(body)).toEqual([400, 'INVALID_REQUEST']);
  });

  test('comes in pages of 50 that stay as they were while entries arrive', async () => {
    await office.world.sql(
      `insert into security.user_assignment (tenant_id, user_id, assigned_user_id) values ('acme', 'vic', 'conny')`,
    );
    for (let at = 0; at < 60; at += 1) {
      await office.world.sql(
        `update security.user_assignment set expires_at = now() + make_interval(days => $1::int) where user_id = 'vic'`,
        [at + 1],
      );
    }
    const expected = await read('?entityType=user_assignment&limit=500');
    expect(expected).toHaveLength(61);
    const found: AuditEntry[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const more: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const page = await office.service.get<AuditPage>(`/admin/audit-log?entityType=user_assignment${more}`, CONNY);
      expect(page.body.items?.length).toBe(cursor === '' ? 50 : 11);
      found.push(...(page.body.items ?? []));
      cursor = page.body.nextCursor ?? null;
      await office.world.sql(
        `update security.user_assignment set expires_at = expires_at + interval '1 hour' where user_id = 'vic'`,
      );
    }
    expect(found).toEqual(expected);
  });

  test('keeps apart the entries of one transaction, which share their moment', async () => {
    await office.world.sql(
      `insert into security.role (tenant_id, name) select 'acme', 'SAME_' || n from generate_series(1, 7) n`,
    );
    const whole = await read('?purpose=role.create&limit=7');
    const found: AuditEntry[] = [];
    let cursor: string | null = '';
    while (cursor !== null && found.length < 7) {
      const more: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const page = await office.service.get<AuditPage>(`/admin/audit-log?purpose=role.create&limit=2${more}`, CONNY);
      found.push(...(page.body.items ?? []));
      cursor = page.body.nextCursor ?? null;
    }
    expect(new Set(whole.map(({ accessedAt }) => accessedAt)).size).toBe(1);
    expect(found.slice(0, 7)).toEqual(whole);
  });

  test('is an entry each time it is read, and holds nothing of another tenant', async () => {
    const since = await office.lastEntryId();
    await read('?entityType=role');
    expect(await office.entriesSince(since)).toMatchObject([
      {
        actorUserId: 'conny',
        action: 'READ',
        entityType: 'access_log',
        entityId: '*',
        purpose: 'audit.read',
        details: { filter: { entityType: 'role' } },
      },
    ]);
    expect(await read(`?entityId=${role}`, ODA)).toEqual([]);
    const tenants = new Set((await read('?limit=500', ODA)).map(({ tenantId }) => tenantId));
    expect([...tenants]).toEqual(['other']);
    const refused = await office.service.get('/admin/audit-log', VIC);
    expect([refused.status, refused.body.code]).toEqual([403, 'FORBIDDEN']);
  });
});

describe('an export', () => {
  test('as NDJSON is one entry a line, as the log shows it; it is an entry itself', async () => {
    const since = await office.lastEntryId();
    const { status, text, headers } = await office.service.get(`/admin/audit-log/export?entityId=${role}`, CONNY);
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('application/x-ndjson');
    expect(headers['content-disposition']).toBe('attachment; filename="audit-log.ndjson"');
    expect(await office.entriesSince(since)).toMatchObject([
      { action: 'EXPORT', purpose: 'audit.export', details: { format: 'ndjson', filter: { entityId: role } } },
    ]);
    const lines: unknown[] = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
    expect(lines).toEqual(await read(`?entityId=${role}`));
  });

  test('as CSV is safe to open in a spreadsheet', async () => {
    const evil = '=HYPERLINK("http://evil.example","x")';
    await office.world.sql(
      `insert into security.user_assignment (tenant_id, user_id, assigned_user_id) values ('acme', 'ada', 'vic')`,
      [],
      { 'bailiwick.request_id': evil, 'bailiwick.reason': 'a, "b"\nc;=1+1' },
    );
    const { status, text, headers } = await office.service.get(
      '/admin/audit-log/export?format=csv&entityType=user_assignment&entityId=ada',
      CONNY,
    );
    expect(status).toBe(200);
    expect(headers['content-type']).toMatch(/^text\/csv; *charset=utf-8; *header=present$/);
    const [head, line, end] = text.split('\r\n');
    expect(head).toBe(
      'id,accessedAt,tenantId,actorUserId,actorRole,accessedEntityType,accessedEntityId,accessAction,purpose,' +
        'impersonationId,requestId,details',
    );
    expect(line).toContain(`"'=HYPERLINK(""http://evil.example"",""x"")"`);
    expect(line).toContain(String.raw`""reason"":""a, \""b\""\nc\u003b=1+1""`);
    expect(end).toBe('');
  });

  test('is not asked for in another form', async () => {
    const { status, body } = await office.service.get('/admin/audit-log/export?format=pdf', CONNY);
    expect([status, body.errors?.[0]?.field]).toEqual([400, 'format']);
  });

  test(
    `of ${String(ENTRIES)} entries is sent as it is read, in flat memory, each entry once`,
    { timeout: 120_000 },
    async () => {
      await office.world.superSql(
        `insert into audit.access_log (tenant_id, accessed_entity_type, accessed_entity_id, access_action, purpose, details)
       select 'acme', 'bulk', n::text, 'WRITE', 'bulk.write', jsonb_build_object('filler', repeat('x', 1000))
       from generate_series(1, ${String(ENTRIES)}) n`,
      );
      const before = liveBytes();
      let peak = 0;
      let bytes = 0;
      const ids = new Set<string>();
      const url = `${office.service.base}/admin/audit-log/export?entityType=bulk`;
      const response = await fetch(url, { headers: { 'x-user-id': 'conny', 'x-tenant-id': 'acme' } });
      const chunks: AsyncIterable<Uint8Array> | Uint8Array[] = response.body ?? [];
      let rest = '';
      const decoder = new TextDecoder();
      for await (const chunk of chunks) {
        bytes += chunk.length;
        const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
        rest = lines.pop() ?? '';
        const seen = ids.size;
        for (const line of lines) ids.add((JSON.parse(line) as AuditEntry).accessedEntityId);
        if (Math.floor(seen / 1_000) < Math.floor(ids.size / 1_000)) peak = Math.max(peak, liveBytes());
      }
      expect(ids.size).toBe(ENTRIES);
      process.stdout.write(
        `export: ${String(ENTRIES)} entries, ${(bytes / 1e6).toFixed(0)} MB, heap +${((peak - before) / 1e6).toFixed(0)} MB\n`,
      );
      // Reader and service share the heap: a page or two on both sides, and the ids here. Kept whole, parsed, it would be
      // several times its size.
      expect(peak - before).toBeLessThan(bytes);
    },
  );

  test('whose reader hangs up is given up: no connection stays open, and others are answered', async () => {
    await new Promise<void>((resolve, reject) => {
      const sending = httpRequest(
        `${office.service.base}/admin/audit-log/export?entityType=bulk`,
        { headers: { 'x-user-id': 'conny', 'x-tenant-id': 'acme' } },
        (response) => {
          response.once('data', () => {
            response.destroy();
            resolve();
          });
        },
      );
      sending.on('error', reject);
      sending.end();
    });
    const busy = async (): Promise<number> => {
      const rows: { n: number }[] = await office.world.sql(
        `select count(*)::int as n from pg_stat_activity
         where datname = current_database() and application_name = 'bailiwick' and state <> 'idle'`,
      );
      return rows[0]?.n ?? 0;
    };
    await until(async () => (await busy()) === 0, 5_000);
    expect((await office.service.get('/admin/audit-log?limit=1', CONNY)).status).toBe(200);
  });
});
