/**
 * SQL for `security.record`: business objects and who owns them.
 *
 * Every statement runs in a transaction whose `bailiwick.tenant_id` is the tenant, as row security demands.
 */
import type { Tx } from '../platform/postgres.js';

export interface RecordRow {
  readonly id: string;
  readonly ownerUserId: string;
  readonly createdAt: Date;
}

interface Named {
  readonly tenantId: string;
  readonly id: string;
}

const COLUMNS = `id, owner_user_id as "ownerUserId", created_at as "createdAt"`;

/** Records by id, all or one owner's. */
export async function listRecords(
  tx: Tx,
  page: { tenantId: string; ownerUserId: string | undefined; after: string; limit: number },
): Promise<RecordRow[]> {
  const isOwned = page.ownerUserId !== undefined;
  const { rows } = await tx.query<RecordRow>({
    name: isOwned ? 'list-owned-records' : 'list-records',
    text: `
      select ${COLUMNS} from security.record
      where tenant_id = $1::text and id > $2::text ${isOwned ? 'and owner_user_id = $4::text' : ''}
      order by id limit $3::int`,
    values: [page.tenantId, page.after, page.limit, ...(isOwned ? [page.ownerUserId] : [])],
  });
  return rows;
}

export async function findRecord(tx: Tx, { tenantId, id }: Named): Promise<RecordRow | undefined> {
  const { rows } = await tx.query<RecordRow>({
    name: 'find-record',
    text: `select ${COLUMNS} from security.record where tenant_id = $1::text and id = $2::text`,
    values: [tenantId, id],
  });
  return rows[0];
}

/** Registers the record; undefined where the tenant has one of that id. */
export async function insertRecord(
  tx: Tx,
  { tenantId, id, ownerUserId }: Named & { ownerUserId: string },
): Promise<RecordRow | undefined> {
  const { rows } = await tx.query<RecordRow>({
    name: 'insert-record',
    text: `
      insert into security.record (tenant_id, id, owner_user_id) values ($1::text, $2::text, $3::text)
      on conflict (tenant_id, id) do nothing
      returning ${COLUMNS}`,
    values: [tenantId, id, ownerUserId],
  });
  return rows[0];
}

/** Gives the record another owner; undefined where there is none, or it is theirs already. */
export async function updateOwner(
  tx: Tx,
  { tenantId, id, ownerUserId }: Named & { ownerUserId: string },
): Promise<RecordRow | undefined> {
  const { rows } = await tx.query<RecordRow>({
    name: 'update-record-owner',
    text: `
      update security.record set owner_user_id = $3::text
      where tenant_id = $1::text and id = $2::text and owner_user_id <> $3::text
      returning ${COLUMNS}`,
    values: [tenantId, id, ownerUserId],
  });
  return rows[0];
}

/** Removes the record, where `ownerUserId` is given only theirs; resolves to whether there was one. */
export async function deleteRecord(
  tx: Tx,
  { tenantId, id, ownerUserId }: Named & { ownerUserId: string | undefined },
): Promise<boolean> {
  const { rowCount } = await tx.query({
    name: 'delete-record',
    text: `
      delete from security.record
      where tenant_id = $1::text and id = $2::text and ($3::text is null or owner_user_id = $3::text)`,
    values: [tenantId, id, ownerUserId ?? null],
  });
  return rowCount > 0;
}
