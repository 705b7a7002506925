/** What a console may say of the two stores and of the ledger: how late, how far signed, and of no other tenant. */
import { generateKeyPairSync } from 'node:crypto';

import { afterAll, beforeAll, expect, test } from 'vitest';

import type { AuditLogState, SyncState } from '../../src/contract/api.js';
import { ADA, CONNY, ODA, openOffice, VIC } from '../support/office.js';
import type { Office } from '../support/office.js';

let office: Office;
beforeAll(async () => {
  const { privateKey } = generateKeyPairSync('ed25519');
  office = await openOffice({ auditKey: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString() });
});
afterAll(() => office.end());

const PARK = `insert into sync.outbox (tenant_id, kind, a, parked_at, retry_at)
  values ('acme', 'role', 'acme.refused', now(), now() + interval '1 hour')`;

test('the log is sealed, then signed for, up to the last entry', async () => {
  await office.addRole('SEALED');
  const [row] = await office.world.sql<{ at: Date }>(
    `select accessed_at as at from audit.access_log where accessed_entity_id = 'acme.sealed' limit 1`,
  );
  const readState = async () => (await office.service.get<AuditLogState>('/admin/audit-log/state', CONNY)).body;
  const writtenAt = row?.at.getTime() ?? Infinity;
  const isSigned = async () => Date.parse((await readState()).signedUntil ?? '') >= writtenAt;
  await expect.poll(isSigned, { timeout: 30_000 }).toBe(true);
  const { sealedUntil, signedUntil } = await readState();
  // What another tenant does shows in its own state alone.
  const before = (await office.service.get<AuditLogState>('/admin/audit-log/state', ODA)).body;
  await office.addRole('LATER');
  expect((await office.service.get<AuditLogState>('/admin/audit-log/state', ODA)).body.lastEntryAt).toBe(
    before.lastEntryAt,
  );
  expect((await readState()).lastEntryAt).not.toBe(sealedUntil);
  expect(Date.parse(sealedUntil ?? '')).toBeGreaterThanOrEqual(Date.parse(signedUntil ?? ''));
  expect((await office.service.get('/admin/audit-log/state', VIC)).status).toBe(403);
});

test('what the engine has refused is told to its own tenant alone', async () => {
  expect((await office.service.get<SyncState>('/sync-state', ADA)).body).toMatchObject({ parked: 0 });
  await office.world.superSql(PARK);
  expect((await office.service.get<SyncState>('/sync-state', ADA)).body).toMatchObject({ parked: 1 });
  expect((await office.service.get<SyncState>('/sync-state', ODA)).body).toMatchObject({ parked: 0 });
  expect((await office.service.get('/sync-state', { as: 'nobody' })).status).toBe(401);
  await office.world.superSql(`delete from sync.outbox where a = 'acme.refused'`);
});

test('how long the oldest change has waited is told in seconds', async () => {
  await office.world.superSql(
    `insert into sync.outbox (tenant_id, kind, a, queued_at, not_before)
     values ('acme', 'role', 'acme.late', now() - interval '42 seconds', now() + interval '1 hour')`,
  );
  const { body } = await office.service.get<SyncState>('/sync-state', ADA);
  expect(body.waitingSeconds).toBeGreaterThanOrEqual(42);
  expect(body.waitingSeconds).toBeLessThan(60);
  expect((await office.service.get<SyncState>('/sync-state', ODA)).body).toMatchObject({ waitingSeconds: 0 });
  await office.world.superSql(`delete from sync.outbox where a = 'acme.late'`);
});
