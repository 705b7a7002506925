/** SQL for `security.service_key`, and the look-up that authentication uses. */
import type { Pool, Tx } from '../platform/postgres.js';

export interface ServiceKey {
  readonly id: string;
  /** SHA-256 of the whole key. */
  readonly keyHash: Uint8Array;
  readonly tenantId: string | null;
  readonly scope: string;
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
}

/** Finds a key by the id inside it, revoked and expired ones too: the caller judges. */
export type FindServiceKey = (keyId: string) => Promise<ServiceKey | undefined>;

export async function findServiceKey(tx: Tx, keyId: string): Promise<ServiceKey | undefined> {
  const { rows } = await tx.query<ServiceKey>({
    name: 'find-service-key',
    text: `
      select id, key_hash as "keyHash", tenant_id as "tenantId", scope,
             expires_at as "expiresAt", revoked_at as "revokedAt"
      from security.service_key
      where id = $1::text`,
    values: [keyId],
  });
  return rows[0];
}

/** The look-up over a pool. Who is asking is not known yet, so neither is a tenant: it looks for the platform. */
export function createServiceKeyLookup(pool: Pool): FindServiceKey {
  const settings = { 'bailiwick.platform': 'on' };
  return (keyId) => pool.transaction((tx) => findServiceKey(tx, keyId), { settings });
}

/** Keeps a new key; `tenantId` undefined may ask about every tenant. */
export async function insertServiceKey(
  tx: Tx,
  key: {
    readonly keyId: string;
    readonly keyHash: Uint8Array;
    readonly name: string;
    readonly tenantId: string | undefined;
  },
): Promise<void> {
  await tx.query({
    text: `
      insert into security.service_key (id, name, key_hash, tenant_id)
      values ($1::text, $2::text, $3::bytea, $4::text)`,
    values: [key.keyId, key.name, key.keyHash, key.tenantId ?? null],
  });
}
