/**
 * SQL of the demo world and of what `npm start` looks up.
 *
 * Every function runs in the transaction it is handed, which acts as `bailiwick_operator`: what an operator's psql may
 * do is enough for all of it. Rows go in a table at a time, by `unnest`.
 */
import type { Tx } from '../platform/postgres.js';
import type { DemoTenant, DemoUser } from './demo-world.js';

/** Whether the database has a tenant; until the transaction ends nobody else can ask the same. */
export async function lockAndLookForTenants(tx: Tx): Promise<boolean> {
  await tx.query({ text: `select pg_advisory_xact_lock(hashtext('bailiwick.demo'))` });
  const { rowCount } = await tx.query({ text: `select from identity.tenant limit 1` });
  return rowCount > 0;
}

export async function insertUsers(tx: Tx, tenantId: string | null, users: readonly DemoUser[]): Promise<void> {
  await tx.query({
    text: `
      insert into security.app_user (id, tenant_id, email, display_name, status)
      select u.id, $1::text, u.email, u.display_name, u.status
      from unnest($2::text[], $3::text[], $4::text[], $5::text[]) as u (id, email, display_name, status)`,
    values: [
      tenantId,
      users.map((user) => user.id),
      users.map((user) => user.email),
      users.map((user) => user.displayName),
      users.map((user) => user.status),
    ],
  });
}

export async function insertPlatformAdmin(tx: Tx, userId: string): Promise<void> {
  await tx.query({ text: `insert into identity.platform_admin (user_id) values ($1::text)`, values: [userId] });
}

export async function insertCustomRole(
  tx: Tx,
  role: DemoTenant['customRoles'][number] & { readonly id: string; readonly tenantId: string },
): Promise<void> {
  await tx.query({
    text: `insert into security.role (id, tenant_id, name, description) values ($1::text, $2::text, $3::text, $4::text)`,
    values: [role.id, role.tenantId, role.name, role.description],
  });
  await tx.query({
    text: `insert into security.role_permission (role_id, permission_id) select $1::text, unnest($2::text[])`,
    values: [role.id, role.permissions],
  });
}

/** Assigns roles by name; a name that the tenant does not have is a fault of the data. */
export async function insertUserRoles(
  tx: Tx,
  tenantId: string,
  assignments: readonly { userId: string; roleName: string; expiresAt: Date | undefined }[],
): Promise<void> {
  const { rowCount } = await tx.query({
    text: `
      insert into security.user_role (user_id, role_id, tenant_id, expires_at)
      select a.user_id, r.id, r.tenant_id, a.expires_at
      from unnest($2::text[], $3::text[], $4::timestamptz[]) as a (user_id, role_name, expires_at)
      join security.role r on r.tenant_id = $1::text and r.name = a.role_name`,
    values: [
      tenantId,
      assignments.map(({ userId }) => userId),
      assignments.map(({ roleName }) => roleName),
      assignments.map(({ expiresAt }) => expiresAt ?? null),
    ],
  });
  if (rowCount !== assignments.length) throw new Error(`a role of the demo world is not in \`${tenantId}\``);
}

/** A pair is a manager and somebody assigned to them. */
export async function insertTeams(tx: Tx, tenantId: string, pairs: readonly (readonly string[])[]): Promise<void> {
  await tx.query({
    text: `
      insert into security.user_assignment (user_id, assigned_user_id, tenant_id)
      select p.user_id, p.assigned_user_id, $1::text
      from unnest($2::text[], $3::text[]) as p (user_id, assigned_user_id)`,
    values: [tenantId, pairs.map(([manager]) => manager), pairs.map(([, member]) => member)],
  });
}

/** A pair is an owner and a record of theirs. */
export async function insertRecords(tx: Tx, tenantId: string, pairs: readonly (readonly string[])[]): Promise<void> {
  await tx.query({
    text: `
      insert into security.record (tenant_id, id, owner_user_id)
      select $1::text, p.id, p.owner_user_id
      from unnest($2::text[], $3::text[]) as p (owner_user_id, id)`,
    values: [tenantId, pairs.map(([owner]) => owner), pairs.map(([, recordId]) => recordId)],
  });
}

/** Whether these three of the demo world are still there. */
export async function hasUsers(tx: Tx, userIds: readonly string[]): Promise<boolean> {
  const { rowCount } = await tx.query({
    text: `select id from security.app_user where id = any ($1::text[]) limit 100`,
    values: [userIds],
  });
  return rowCount === userIds.length;
}

/** Gives somebody of the demo world the password that is printed, whatever they had. */
export async function setDemoPassword(tx: Tx, userId: string, passwordHash: string): Promise<void> {
  await tx.query({
    text: `update security.app_user set must_change_password = false where id = $1::text and must_change_password`,
    values: [userId],
  });
  await tx.query({
    text: `
      insert into security.credential (user_id, password_hash) values ($1::text, $2::text)
      on conflict (user_id) do update set
        password_hash = $2::text, one_time = false, one_time_expires_at = null, one_time_used_at = null`,
    values: [userId, passwordHash],
  });
}

/** Keeps the development key, which may ask about every tenant; one that is there already stays as it is. */
export async function ensureServiceKey(tx: Tx, key: { keyId: string; keyHash: Uint8Array }): Promise<void> {
  await tx.query({
    text: `
      insert into security.service_key (id, name, key_hash) values ($1::text, 'npm start', $2::bytea)
      on conflict (id) do nothing`,
    values: [key.keyId, key.keyHash],
  });
}

/** How many changes are not in force yet, parked ones left out. */
export async function countUnapplied(tx: Tx): Promise<number> {
  const { rows } = await tx.query<{ unapplied: number }>({
    text: `select count(*)::int as unapplied from sync.outbox where parked_at is null`,
  });
  return rows[0]?.unapplied ?? 0;
}

/** The id of the model with that hash in the store. */
export async function findModelId(tx: Tx, model: { storeId: string; hash: string }): Promise<string | undefined> {
  const { rows } = await tx.query<{ modelId: string }>({
    text: `select model_id as "modelId" from sync.model where store_id = $1::text and hash = $2::text`,
    values: [model.storeId, model.hash],
  });
  return rows[0]?.modelId;
}

/** What tells this database's history from any other's. */
export async function getEpoch(tx: Tx): Promise<string> {
  const { rows } = await tx.query<{ epoch: string }>({ text: `select epoch from sync.epoch` });
  if (rows[0] === undefined) throw new Error('the database has no epoch');
  return rows[0].epoch;
}
