/** SQL of the first platform admin. */
import type { Tx } from '../platform/postgres.js';

/** Whether there is a platform admin; until the transaction ends nobody else can ask the same. */
export async function lockPlatformAdmins(tx: Tx): Promise<boolean> {
  await tx.query({ text: `select pg_advisory_xact_lock(hashtext('bailiwick.platform_admin'))` });
  const { rowCount } = await tx.query({ text: `select from identity.platform_admin limit 1` });
  return rowCount > 0;
}

/** Makes a platform user with that address, or takes the one there is, and sets them above the tenants. */
export async function insertPlatformAdmin(
  tx: Tx,
  { email, displayName }: { email: string; displayName: string },
): Promise<string> {
  const values = [email, displayName];
  await tx.query({
    text: `
      insert into security.app_user (tenant_id, email, display_name)
      select null, normalize(btrim($1::text), nfc), $2::text
      on conflict do nothing`,
    values,
  });
  const { rows } = await tx.query<{ id: string }>({
    text: `
      update security.app_user set status = 'active'
      where tenant_id is null and lower(email) = security.normal_email($1::text)
      returning id`,
    values: [email],
  });
  if (rows[0] === undefined) throw new Error('the platform user was not made');
  await tx.query({
    text: `insert into identity.platform_admin (user_id) values ($1::text)`,
    values: [rows[0].id],
  });
  return rows[0].id;
}
