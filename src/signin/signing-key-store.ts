/** SQL of `identity.signing_key`. Every function runs in the transaction it is handed, which acts for the platform. */
import type { SealedKey } from '../platform/signing-key.js';
import type { Tx } from '../platform/postgres.js';

export interface StoredKey extends SealedKey {
  readonly signsFrom: Date;
}

/** Until the transaction ends nobody else changes the keys. */
export async function lockSigningKeys(tx: Tx): Promise<void> {
  await tx.query({ text: `select pg_advisory_xact_lock(hashtext('bailiwick.signing_key'))` });
}

/** Every key that is published, the one that signs last first. */
export async function listSigningKeys(tx: Tx): Promise<StoredKey[]> {
  const { rows } = await tx.query<StoredKey>({
    name: 'list-signing-keys',
    text: `
      select kid, public_jwk as "publicJwk", private_key as "privateKey", signs_from as "signsFrom"
      from identity.signing_key order by signs_from desc, kid limit 100`,
  });
  return rows;
}

export async function insertSigningKey(tx: Tx, key: StoredKey & { readonly algorithm: string }): Promise<void> {
  await tx.query({
    text: `
      insert into identity.signing_key (kid, algorithm, public_jwk, private_key, signs_from)
      values ($1::text, $2::text, $3::jsonb, $4::bytea, $5::timestamptz)`,
    values: [key.kid, key.algorithm, JSON.stringify(key.publicJwk), key.privateKey, key.signsFrom],
  });
}

/** Removes the keys that have not signed since `before`: each is followed by one that signed from then on. */
export async function deleteKeysFollowedBefore(tx: Tx, before: Date): Promise<number> {
  const { rowCount } = await tx.query({
    text: `
      delete from identity.signing_key where signs_from < (
        select max(signs_from) from identity.signing_key where signs_from <= $1::timestamptz)`,
    values: [before],
  });
  return rowCount;
}

/** Removes every key but this one. */
export async function deleteOtherKeys(tx: Tx, kid: string): Promise<number> {
  const { rowCount } = await tx.query({
    text: `delete from identity.signing_key where kid <> $1::text`,
    values: [kid],
  });
  return rowCount;
}
