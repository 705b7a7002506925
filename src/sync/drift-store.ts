/**
 * SQL behind comparing: what is under way or parked for a key, and how far a rebuild has come. Runs as `bailiwick_sync`, or
 * as `bailiwick_operator` behind a command.
 */
import type { Tx } from '../platform/postgres.js';
import type { Entry } from './outbox-store.js';
import { keyText } from './projection.js';
import type { Key } from './projection.js';

/** Which of the keys have entries that are not in force yet, parked ones not counted; as `keyText` names them. */
export async function pendingKeys(tx: Tx, keys: readonly Key[]): Promise<Set<string>> {
  return await keysWith(tx, keys, 'pending');
}

/** Which of the keys have parked entries; as `keyText` names them. */
export async function parkedKeys(tx: Tx, keys: readonly Key[]): Promise<Set<string>> {
  return await keysWith(tx, keys, 'parked');
}

async function keysWith(tx: Tx, keys: readonly Key[], state: 'pending' | 'parked'): Promise<Set<string>> {
  const { rows } = await tx.query<Pick<Entry, 'kind' | 'tenantId' | 'a' | 'b'>>({
    name: `${state}-keys`,
    text: `
      select distinct o.kind, o.tenant_id as "tenantId", o.a, o.b
      from unnest($1::text[], $2::text[], $3::text[], $4::text[]) as k (tenant_id, kind, a, b)
        join sync.outbox o on o.tenant_id = k.tenant_id and o.kind = k.kind and o.a = k.a and o.b = k.b
      where o.parked_at is ${state === 'parked' ? 'not null' : 'null'}`,
    values: [
      keys.map((key) => key.tenantId),
      keys.map((key) => key.kind),
      keys.map((key) => key.a),
      keys.map((key) => key.b),
    ],
  });
  return new Set(rows.map(keyText));
}

/** How often each tenant has had something applied. */
export async function appliedVersions(tx: Tx): Promise<Map<string, string>> {
  const { rows } = await tx.query<{ tenantId: string; version: string }>({
    name: 'applied-versions',
    text: `select tenant_id as "tenantId", version::text as version from sync.applied`,
  });
  return new Map(rows.map(({ tenantId, version }) => [tenantId, version]));
}

/** The id of the newest entry; '0' where there is none. */
export async function newestEntry(tx: Tx): Promise<string> {
  const { rows } = await tx.query<{ id: string }>({
    text: `select coalesce(max(id), 0)::text as id from sync.outbox`,
  });
  return rows[0]?.id ?? '0';
}

/** Marks a rebuild as scanned: what it found is queued, under ids up to the newest one now. */
export async function markScanned(tx: Tx, rebuildId: string): Promise<void> {
  await tx.query({
    text: `update sync.outbox set b = (select max(o.id)::text from sync.outbox o) where id = $1::bigint`,
    values: [rebuildId],
  });
}

/** Whether nothing of these kinds (undefined: of any) that was queued up to the mark is left, parked entries not counted. */
export async function isRebuilt(tx: Tx, kinds: readonly string[] | undefined, mark: string): Promise<boolean> {
  const { rows } = await tx.query<{ rebuilt: boolean }>({
    text: `
      select not exists (select from sync.outbox o
        where ($1::text[] is null or o.kind = any($1::text[])) and o.id <= $2::bigint and o.parked_at is null) as rebuilt`,
    values: [kinds ?? null, mark],
  });
  return rows[0]?.rebuilt ?? false;
}
