/** Who sees and does what in the database. Tenant tables are found in the catalog, so a new one cannot be forgotten. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { DatabaseRole, TxSettings } from '../../src/platform/postgres.js';
import { createWorld, roleId } from '../support/world.js';
import type { World } from '../support/world.js';

let world: World;
beforeAll(async () => {
  world = await createWorld();
  for (const tenant of ['t1', 't2']) await fill(tenant);
  await world.sql(`insert into security.app_user (id, email) values ('root', 'root@example.com')`);
  await world.sql(`insert into identity.platform_admin (user_id) values ('root')`);
  await world.sql(`insert into security.user_role (user_id, role_name) values ('root', 'BILLER')`);
});
afterAll(async () => {
  await world.end();
});

/** One row at least in every tenant table. */
async function fill(tenant: string): Promise<void> {
  await world.addTenant(tenant, 'rcm');
  await world.addUser(tenant, `${tenant}-anne`, ['BILLER']);
  await world.addUser(tenant, `${tenant}-bob`);
  await world.addUser(tenant, `${tenant}-lead`, ['TENANT_ADMIN']);
  await world.addUser(tenant, `${tenant}-eve`);
  await as('bailiwick_service', { 'bailiwick.platform': 'on' }, [
    `insert into security.user_assignment (tenant_id, user_id, assigned_user_id) values
       ('${tenant}', '${tenant}-anne', '${tenant}-bob'), ('${tenant}', '${tenant}-lead', '${tenant}-anne')`,
    `insert into security.record (tenant_id, id, owner_user_id) values ('${tenant}', 'd', '${tenant}-bob')`,
    `insert into security.access_policy (tenant_id) values ('${tenant}')`,
    `insert into security.elevation (tenant_id, user_id, role_id, reason, duration_minutes)
       select '${tenant}', '${tenant}-bob', id, 'x', 5 from security.role where tenant_id = '${tenant}' limit 1`,
    `insert into security.delegation (tenant_id, delegator_user_id, delegate_user_id, with_team, reason, expires_at)
       values ('${tenant}', '${tenant}-lead', '${tenant}-eve', true, 'x', now() + interval '1 hour')`,
    `insert into security.emergency_role (tenant_id, holder_role_id, role_id)
       values ('${tenant}', '${tenant}.tenant_admin', '${tenant}.readonly')`,
    `insert into security.emergency_access (tenant_id, user_id, role_id, reason, ticket)
       values ('${tenant}', '${tenant}-lead', '${tenant}.readonly', 'x', 'y')`,
    `insert into security.access_review (tenant_id, name) values ('${tenant}', 'x')`,
    `insert into identity.impersonation (actor_user_id, tenant_id, reason) values ('${tenant}-anne', '${tenant}', 'x')`,
    `insert into identity.tenant_audit (tenant_id, event_type) values ('${tenant}', 'CREATED')`,
    `insert into security.service_key (id, name, key_hash, tenant_id)
       values (md5('${tenant}'), 'x', sha256('${tenant}'), '${tenant}')`,
    `insert into security.sign_in_failure (tenant_id, email_key, failures, failed_at)
       values ('${tenant}', security.email_key('x@y'), 1, now())`,
    `insert into identity.session (user_id, tenant_id, expires_at)
       values ('${tenant}-anne', '${tenant}', now() + interval '1 hour')`,
    `insert into audit.access_log (tenant_id, accessed_entity_type, accessed_entity_id, access_action, purpose)
       values ('${tenant}', 'role', 'r', 'READ', 'x')`,
    `insert into audit.idempotency_claim (tenant_id, caller_id, operation_id, key, fingerprint)
       values ('${tenant}', 'u', 'o', 'k', sha256('x'))`,
    `select audit.ensure_decision_partitions(1)`,
    `insert into audit.decision (decision_id, decided_at, api, tenant_id, caller_kind, caller_id, subject_user_id,
         permission, object, answer, source, latency_us, request_id)
       select gen_random_uuid(), at, 'check', '${tenant}', 'user', 'u', 'u', 'claims.read', 'tenant:${tenant}', 'denied',
         'engine', 1, 'r' from unnest(array[now(), timestamptz '2000-01-01 00:00:00+00']) at`,
  ]);
}

/** Runs statements as the role, all in one transaction; resolves to the last one's rows. */
async function as<Row>(role: DatabaseRole, settings: TxSettings, statements: readonly string[]): Promise<Row[]> {
  return await world.pool(role).transaction(
    async (tx) => {
      let rows: Row[] = [];
      for (const text of statements) ({ rows } = await tx.query<Row>({ text }));
      return rows;
    },
    { settings },
  );
}

interface TenantTable {
  readonly name: string;
  readonly column: string;
  readonly secured: boolean;
  readonly forced: boolean;
  readonly isPartition: boolean;
}

/** Every table that says of what tenant a row is: by a column `tenant_id`, or as the tenant's own. */
async function tenantTables(): Promise<TenantTable[]> {
  const { rows } = await world.pool(undefined).transaction((tx) =>
    tx.query<TenantTable>({
      text: `
        select n.nspname || '.' || c.relname as name, a.attname as column, c.relrowsecurity as secured,
               c.relforcerowsecurity as forced, c.relispartition as "isPartition"
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
          join pg_attribute a on a.attrelid = c.oid and not a.attisdropped
            and (a.attname = 'tenant_id' or n.nspname || '.' || c.relname = 'identity.tenant' and a.attname = 'id')
        where c.relkind in ('r', 'p') and n.nspname not in ('sync', 'migration', 'pg_catalog', 'information_schema')
        order by 1`,
    }),
  );
  return rows;
}

async function mayService(table: string): Promise<boolean> {
  const [row] = await world.sql<{ may: boolean }>(
    `select has_table_privilege('bailiwick_service', $1, 'select') as may`,
    [table],
  );
  return row?.may ?? false;
}

async function seenTenants({ name, column }: TenantTable, settings: TxSettings): Promise<(string | null)[]> {
  const rows = await as<{ tenant: string | null }>('bailiwick_service', settings, [
    `select distinct ${column} as tenant from ${name} order by 1 nulls last`,
  ]);
  return rows.map(({ tenant }) => tenant);
}

describe('row security', () => {
  test('is on and forced on every table that belongs to tenants', async () => {
    const unguarded = async (): Promise<string[]> =>
      (await tenantTables()).filter(({ secured, forced }) => !secured || !forced).map(({ name }) => name);
    expect((await tenantTables()).length).toBeGreaterThanOrEqual(12);
    expect(await unguarded()).toEqual([]);
    await world.superSql('create table security.forgotten (tenant_id text)');
    expect(await unguarded()).toEqual(['security.forgotten']);
    await world.superSql('drop table security.forgotten');
  });

  test('shows the service the one tenant that it has named, whatever table it asks without a filter', async () => {
    const asked: string[] = [];
    for (const table of await tenantTables()) {
      if (!(await mayService(table.name))) continue;
      asked.push(table.name);
      expect(await seenTenants(table, { 'bailiwick.tenant_id': 't1' }), table.name).toEqual(['t1']);
      expect(await seenTenants(table, { 'bailiwick.tenant_id': 't2' }), table.name).toEqual(['t2']);
    }
    expect(asked).toEqual([
      'audit.access_log',
      'audit.decision',
      'audit.idempotency_claim',
      'identity.impersonation',
      'identity.session',
      'identity.tenant',
      'identity.tenant_audit',
      'security.access_policy',
      'security.access_review',
      'security.app_user',
      'security.delegated_member',
      'security.delegation',
      'security.elevation',
      'security.emergency_access',
      'security.emergency_role',
      'security.record',
      'security.review_item',
      'security.role',
      'security.role_permission',
      'security.service_key',
      'security.sign_in_failure',
      'security.user_assignment',
      'security.user_role',
    ]);
  });

  test.each([
    ['nothing named', {}],
    ['an empty name', { 'bailiwick.tenant_id': '' }],
    ['another tenant’s name with a blank', { 'bailiwick.tenant_id': 't1 ' }],
    ['a pattern', { 'bailiwick.tenant_id': '%' }],
    ['a flag that is not quite the flag', { 'bailiwick.platform': 'ON' }],
  ])('shows the service nothing with %s', async (_, settings) => {
    for (const table of await tenantTables()) {
      if (await mayService(table.name)) expect(await seenTenants(table, settings), table.name).toEqual([]);
    }
  });

  test('shows the service everything while it says that it acts for the platform', async () => {
    for (const table of await tenantTables()) {
      if (!(await mayService(table.name))) continue;
      const seen = (await seenTenants(table, { 'bailiwick.platform': 'on' })).filter((tenant) => tenant !== null);
      expect(seen, table.name).toEqual(isWrittenDown(table.name) ? ['platform', 't1', 't2'] : ['t1', 't2']);
    }
  });

  test('does not outlast the transaction that named the tenant', async () => {
    const table = { name: 'security.role', column: 'tenant_id', secured: true, forced: true, isPartition: false };
    for (let turn = 0; turn < 5; turn += 1) {
      expect(await seenTenants(table, { 'bailiwick.tenant_id': 't1' })).toEqual(['t1']);
      expect(await seenTenants(table, {})).toEqual([]);
    }
  });

  test('holds for writing too: the service cannot write into, or move a row to, another tenant', async () => {
    const mine = { 'bailiwick.tenant_id': 't1' };
    const refused = async (statement: string): Promise<void> =>
      expect(as('bailiwick_service', mine, [statement])).rejects.toThrow(/row-level security/);
    await refused(`insert into security.role (tenant_id, name) values ('t2', 'INTRUDER')`);
    await refused(`insert into security.record (tenant_id, id, owner_user_id) values ('t2', 'e', 't2-bob')`);
    await refused(`insert into security.user_role (user_id, role_name) values ('t1-anne', 'BILLER')`);
    await refused(`insert into identity.platform_admin (user_id) values ('t1-anne')`);
    await refused(`insert into audit.access_log (tenant_id, accessed_entity_type, accessed_entity_id, access_action, purpose)
      values ('t2', 'role', 'r', 'READ', 'x')`);
    const gone = await as('bailiwick_service', mine, [
      `delete from security.record where tenant_id = 't2' returning id`,
    ]);
    expect(gone).toEqual([]);
    const changed = await as('bailiwick_service', mine, [
      `update security.role set description = 'x' where tenant_id = 't2' returning id`,
    ]);
    expect(changed).toEqual([]);
  });

  test('cannot be passed by a role of another tenant in a grant or an assignment', async () => {
    const mine = { 'bailiwick.tenant_id': 't1' };
    const foreign = roleId('t2', 'BILLER');
    for (const statement of [
      `insert into security.user_role (user_id, role_id) values ('t1-anne', '${foreign}')`,
      `insert into security.user_role (user_id, role_id, tenant_id) values ('t1-anne', '${foreign}', 't1')`,
      `insert into security.role_permission (role_id, permission_id) values ('${foreign}', 'claims.read')`,
      `insert into security.role_permission (role_id, permission_id, tenant_id) values ('${foreign}', 'reports.read', 't1')`,
    ]) {
      await expect(as('bailiwick_service', mine, [statement]), statement).rejects.toThrow(/security|foreign key/);
    }
  });
});

/** What was done above all tenants is written down for none of them. */
const isWrittenDown = (table: string): boolean => ['audit.access_log', 'identity.tenant_audit'].includes(table);
const tenantsOf = (table: string): string =>
  `select distinct tenant_id from ${table} where tenant_id <> 'platform' order by 1`;

async function denied(role: DatabaseRole, statement: string): Promise<void> {
  await expect(as(role, { 'bailiwick.platform': 'on' }, [statement]), `${role}: ${statement}`).rejects.toThrow(
    /permission denied|must be owner/,
  );
}

describe('the service', () => {
  test('has no hand on what is to be projected, nor on the catalogue', async () => {
    for (const statement of [
      `select from sync.outbox`,
      `insert into sync.outbox (tenant_id, kind) values ('t1', 'tenant')`,
      `update sync.outbox set parked_at = now()`,
      `delete from sync.outbox`,
      `truncate sync.outbox`,
      `select from sync.claim`,
      `update sync.applied set version = 0`,
      `update sync.epoch set epoch = 'x'`,
      `select sync.touch('t1', 'tenant', '', '')`,
      `update security.permission set kind = 'read'`,
    ]) {
      await denied('bailiwick_service', statement);
    }
    const [token] = await as<{ token: string }>('bailiwick_service', {}, [`select sync.token('t1') as token`]);
    expect(token?.token).toMatch(/^[\w-]+$/);
  });

  test('adds to what was written down and changes none of it', async () => {
    for (const table of ['audit.access_log', 'audit.decision', 'identity.tenant_audit']) {
      await denied('bailiwick_service', `delete from ${table}`);
      await denied('bailiwick_service', `update ${table} set tenant_id = 't1'`);
      await denied('bailiwick_service', `truncate ${table}`);
    }
  });

  test('writes down what it has shown, and no change: the triggers do that', async () => {
    const entry = (action: string): string => `insert into audit.access_log
      (tenant_id, accessed_entity_type, accessed_entity_id, access_action, purpose) values ('t1', 'role', 'r', '${action}', 'x')`;
    for (const action of ['READ', 'EXPORT', 'PRINT']) {
      await as('bailiwick_service', { 'bailiwick.tenant_id': 't1' }, [entry(action)]);
    }
    for (const action of ['WRITE', 'DELETE']) {
      for (const settings of [{ 'bailiwick.tenant_id': 't1' }, { 'bailiwick.platform': 'on' }]) {
        await expect(as('bailiwick_service', settings, [entry(action)])).rejects.toThrow(/row-level security/);
      }
    }
  });

  test('cannot choose when an entry was written, nor its place in the order', async () => {
    for (const [column, value] of Object.entries({ xid: `'1'`, accessed_at: 'now()' })) {
      await denied(
        'bailiwick_service',
        `insert into audit.access_log (tenant_id, accessed_entity_type, accessed_entity_id, access_action, purpose, ${column})
           values ('t1', 'role', 'r', 'READ', 'x', ${value})`,
      );
    }
  });

  test('cannot reach a partition past its parent', async () => {
    for (const { name } of (await tenantTables()).filter(({ isPartition }) => isPartition)) {
      await denied('bailiwick_service', `select from ${name}`);
    }
  });
});

describe('an operator’s psql', () => {
  test('sees every tenant and changes the truth as it needs', async () => {
    const rows = await world.sql<{ n: number }>(`select count(distinct tenant_id)::int as n from security.role`);
    expect(rows).toEqual([{ n: 2 }]);
    await world.sql(`insert into security.app_user (id, tenant_id, email) values ('t1-op', 't1', 'op@example.com')`);
    await world.sql(`insert into security.user_role (user_id, role_id) values ('t1-op', $1)`, [roleId('t1', 'BILLER')]);
    await world.sql(`update security.user_role set revoked_at = now() where user_id = 't1-op'`);
    await world.sql(`update identity.tenant set status = 'read_only' where id = 't1'`);
    await world.sql(`update identity.tenant set status = 'active' where id = 't1'`);
    await world.sql(`delete from security.user_role where user_id = 't1-op'`);
    await world.sql(`delete from security.app_user where id = 't1-op'`);
    for (const table of ['user_role', 'role_permission', 'user_assignment', 'record']) {
      await expect(
        world.pool('bailiwick_operator').transaction(async (tx) => {
          await tx.query({ text: `truncate security.${table}` });
          throw new Error('rolled back');
        }),
        // it would take the system roles their permissions, which is nobody's to do
      ).rejects.toThrow(table === 'role_permission' ? 'is a system role' : 'rolled back');
    }
    await world.sql(`update sync.outbox set retry_at = now() where parked_at is not null`);
    await world.sql(`select sync.touch('t1', 'tenant', '', '')`);
  });

  test('is neither superuser nor owner, and has no hand on what was written down', async () => {
    const [role] = await world.sql<object>(
      `select rolsuper, rolbypassrls, rolcanlogin, rolcreaterole from pg_roles where rolname = 'bailiwick_operator'`,
    );
    expect(role).toEqual({ rolsuper: false, rolbypassrls: false, rolcanlogin: false, rolcreaterole: false });
    for (const table of ['audit.access_log', 'audit.decision', 'identity.tenant_audit']) {
      await world.sql(`select from ${table}`);
      await denied('bailiwick_operator', `insert into ${table} (tenant_id) values ('t1')`);
      await denied('bailiwick_operator', `update ${table} set tenant_id = 't1'`);
      await denied('bailiwick_operator', `delete from ${table}`);
      await denied('bailiwick_operator', `truncate ${table}`);
    }
    await denied('bailiwick_operator', `alter table security.role disable trigger all`);
    await denied('bailiwick_operator', `alter table security.role no force row level security`);
    await denied('bailiwick_operator', `drop table security.record`);
    await denied('bailiwick_operator', `delete from sync.outbox`);
    await denied('bailiwick_operator', `update sync.applied set version = 0`);
    await denied('bailiwick_operator', `set session_replication_role = replica`);
  });

  test('cannot choose the slot of an assignment', async () => {
    await world.sql(`update security.user_role set slot = 'b' where user_id = 't2-anne'`);
    expect(await world.sql(`select slot from security.user_role where user_id = 't2-anne'`)).toEqual([{ slot: 'a' }]);
  });
});

describe('sync', () => {
  test('reads the synced tables of every tenant and writes none of them', async () => {
    const synced = ['identity.tenant', 'identity.platform_admin', 'security.app_user', 'security.role'].concat(
      ['role_permission', 'user_role', 'user_assignment', 'record'].map((name) => `security.${name}`),
    );
    for (const table of synced) {
      expect((await as('bailiwick_sync', {}, [`select from ${table}`])).length, table).toBeGreaterThan(0);
      await denied('bailiwick_sync', `delete from ${table}`);
      await denied('bailiwick_sync', `truncate ${table}`);
      await denied('bailiwick_sync', `insert into ${table} default values`);
    }
    await denied('bailiwick_sync', `update identity.tenant set status = 'active'`);
    for (const table of ['identity.tenant_audit', 'security.service_key', 'identity.impersonation']) {
      await denied('bailiwick_sync', `select from ${table}`);
    }
  });

  test('reads what it seals, of every tenant, and has no hand on it', async () => {
    for (const table of ['audit.access_log', 'audit.decision']) {
      const rows = await as('bailiwick_sync', {}, [tenantsOf(table)]);
      expect(rows, table).toEqual([{ tenant_id: 't1' }, { tenant_id: 't2' }]);
      await denied('bailiwick_sync', `insert into ${table} (tenant_id) values ('t1')`);
      await denied('bailiwick_sync', `update ${table} set tenant_id = 't1'`);
      await denied('bailiwick_sync', `delete from ${table}`);
      await denied('bailiwick_sync', `truncate ${table}`);
    }
  });
});

describe('the auditor', () => {
  test('reads what was written down in every tenant, and nothing else', async () => {
    for (const table of ['audit.access_log', 'audit.decision', 'identity.tenant_audit']) {
      const rows = await as('bailiwick_auditor', {}, [tenantsOf(table)]);
      expect(rows, table).toEqual([{ tenant_id: 't1' }, { tenant_id: 't2' }]);
      await denied('bailiwick_auditor', `delete from ${table}`);
      await denied('bailiwick_auditor', `update ${table} set tenant_id = 't1'`);
    }
    for (const table of [
      'security.access_policy',
      'security.app_user',
      'security.elevation',
      'security.role',
      'identity.tenant',
      'sync.outbox',
      'security.service_key',
    ]) {
      await denied('bailiwick_auditor', `select from ${table}`);
    }
  });
});

describe('what the guards keep for themselves', () => {
  test('is nobody’s to see or to change', async () => {
    for (const role of ['bailiwick_service', 'bailiwick_operator', 'bailiwick_sync', 'bailiwick_auditor'] as const) {
      for (const table of ['security.tenant_admin', 'audit.pending_grant']) {
        await denied(role, `select from ${table}`);
        await denied(role, `insert into ${table} default values`);
        await denied(role, `update ${table} set tenant_id = 't1'`);
        await denied(role, `delete from ${table}`);
        await denied(role, `truncate ${table}`);
      }
      await denied(role, `select from security.admin_path`);
      await denied(role, `select from security.admin_way`);
    }
  });

  test('presets are the same for every tenant: all read them, sync alone writes them', async () => {
    for (const role of ['bailiwick_service', 'bailiwick_operator', 'bailiwick_sync'] as const) {
      expect((await as(role, {}, [`select from security.preset_role`])).length, role).toBeGreaterThan(10);
    }
    for (const role of ['bailiwick_service', 'bailiwick_operator', 'bailiwick_auditor'] as const) {
      await denied(role, `insert into security.preset_role default values`);
      await denied(role, `update security.preset_role set delegates = permissions`);
      await denied(role, `delete from security.preset_role`);
      await denied(role, `truncate security.preset_role`);
    }
  });
});

describe('the owner', () => {
  test('cannot log in, nor can any of the group roles, and none passes row security', async () => {
    const rows = await world.sql(
      `select rolname from pg_roles where rolname like 'bailiwick\\_%' and (rolcanlogin or rolsuper or rolbypassrls)`,
    );
    expect(rows).toEqual([]);
  });

  test('is nobody but whoever migrates', async () => {
    const members = await world.sql<{ member: string }>(
      `select pg_get_userbyid(m.member) as member from pg_auth_members m where m.roleid = 'bailiwick_owner'::regrole
         and not (select rolsuper from pg_roles where oid = m.member)`,
    );
    expect(members).toEqual([{ member: 'bailiwick_migrator' }]);
  });
});
