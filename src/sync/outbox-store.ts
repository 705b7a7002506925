/**
 * SQL of `sync.outbox` and `sync.claim`: what waits to be applied, and what is being applied. The format, its writers
 * and what a crash leaves behind stand at the head of migrations/0003_sync.sql. Runs as `bailiwick_sync`.
 */
import type { Tx } from '../platform/postgres.js';
import type { Key, Prior } from './projection.js';

/** Where it is said that something has been applied. */
export const APPLIED_CHANNEL = 'bailiwick_applied';

export const RANKS = [0, 1, 2] as const;
export type Rank = (typeof RANKS)[number];

/** An entry as read: ids and positions are decimal text, wider than a JavaScript number. */
export interface Entry {
  readonly id: string;
  readonly xid: string;
  readonly kind: Key['kind'] | 'stray' | 'rebuild';
  readonly tenantId: string;
  readonly a: string;
  readonly b: string;
  /** Null: the key was new, nothing can stand in the engine from before. */
  readonly prior: Prior | null;
  /** 0 small, 1 large and may take away, 2 large and only adds. */
  readonly rank: Rank;
  /** Whether an earlier write of it may still be under way in the engine; a parked entry may be held as well. */
  readonly held: boolean;
}

const ENTRY = `o.id::text as id, o.xid::text as xid, o.kind, o.tenant_id as "tenantId", o.a, o.b, o.prior, o.rank,
  coalesce(o.not_before > clock_timestamp(), false) as held`;

const READY = `o.parked_at is null and (o.not_before is null or o.not_before <= clock_timestamp())`;

/**
 * The next entries that may be applied: tenants take turns from after `afterTenant` on, each with at most `perTenant`
 * entries, oldest first. Only entries of one rank are looked at.
 */
export async function nextEntries(
  tx: Tx,
  turn: { rank: Rank; afterTenant: string; tenants: number; perTenant: number },
): Promise<Entry[]> {
  const { rows } = await tx.query<Entry>({
    name: 'next-entries',
    text: `
      with recursive later as (
        (select o.tenant_id, 1 as place from sync.outbox o
           where o.rank = $1 and o.tenant_id > $2 and ${READY} order by o.tenant_id limit 1)
        union all
        (select n.tenant_id, l.place + 1 from later l cross join lateral (
           select o.tenant_id from sync.outbox o
             where o.rank = $1 and o.tenant_id > l.tenant_id and ${READY} order by o.tenant_id limit 1) n
         where l.place < $3)
      ), earlier as (
        (select o.tenant_id, 1 as place from sync.outbox o
           where o.rank = $1 and o.tenant_id <= $2 and ${READY} order by o.tenant_id limit 1)
        union all
        (select n.tenant_id, e.place + 1 from earlier e cross join lateral (
           select o.tenant_id from sync.outbox o
             where o.rank = $1 and o.tenant_id > e.tenant_id and o.tenant_id <= $2 and ${READY}
             order by o.tenant_id limit 1) n
         where e.place < $3)
      ), turns as (
        (select tenant_id, place from later) union all (select tenant_id, place + $3 from earlier) order by 2 limit $3
      )
      select ${ENTRY.replaceAll('o.', 'e.')} from turns t cross join lateral (
        select o.* from sync.outbox o where o.rank = $1 and o.tenant_id = t.tenant_id and ${READY}
          order by o.id limit $4) e
      order by t.place, e.id`,
    values: [turn.rank, turn.afterTenant, turn.tenants, turn.perTenant],
  });
  return rows;
}

/** All entries of these transactions (large ones left out) and of these keys, parked and held ones included. */
export async function relatedEntries(
  tx: Tx,
  of: { xids: readonly string[]; keys: readonly Pick<Entry, 'kind' | 'tenantId' | 'a' | 'b'>[] },
): Promise<Entry[]> {
  const { rows } = await tx.query<Entry>({
    name: 'related-entries',
    text: `
      select ${ENTRY} from sync.outbox o where o.xid = any($1::xid8[]) and o.rank = 0
      union
      select ${ENTRY} from unnest($2::text[], $3::text[], $4::text[], $5::text[]) as k (tenant_id, kind, a, b)
        join sync.outbox o on o.tenant_id = k.tenant_id and o.kind = k.kind and o.a = k.a and o.b = k.b`,
    values: [
      of.xids,
      of.keys.map((key) => key.tenantId),
      of.keys.map((key) => key.kind),
      of.keys.map((key) => key.a),
      of.keys.map((key) => key.b),
    ],
  });
  return rows;
}

/** Opens the claim of a new leadership. Returns its id. */
export async function insertClaim(tx: Tx): Promise<string> {
  const { rows } = await tx.query<{ id: string }>({
    text: `insert into sync.claim default values returning id::text as id`,
  });
  return rows[0]?.id ?? '';
}

/** Writes down, before the engine is touched, what is about to be applied. False: another projector has taken over. */
export async function updateClaim(tx: Tx, claimId: string, entryIds: readonly string[]): Promise<boolean> {
  const { rowCount } = await tx.query({
    name: 'update-claim',
    text: `update sync.claim set entry_ids = $2::bigint[], claimed_at = clock_timestamp() where id = $1::bigint`,
    values: [claimId, entryIds],
  });
  return rowCount === 1;
}

/** Locks entries against a second projector. Fails where one of them is gone since the transaction's snapshot. */
export async function lockEntries(tx: Tx, entryIds: readonly string[]): Promise<void> {
  await tx.query({
    name: 'lock-entries',
    text: `select from sync.outbox o where o.id = any($1::bigint[]) order by o.id for update`,
    values: [entryIds],
  });
}

/** Removes applied entries and moves their tenants' applied version on. */
export async function finishEntries(
  tx: Tx,
  done: { entryIds: readonly string[]; tenantIds: readonly string[] },
): Promise<void> {
  await tx.query({
    name: 'delete-entries',
    text: `delete from sync.outbox where id = any($1::bigint[])`,
    values: [done.entryIds],
  });
  await tx.query({
    name: 'advance-applied',
    text: `
      insert into sync.applied as s (tenant_id, version) select t, 1 from unnest($1::text[]) t order by t
      on conflict (tenant_id) do update
        set version = s.version + 1, applied_at = clock_timestamp(), xid = pg_current_xact_id()`,
    values: [done.tenantIds],
  });
  // Wakes the feeds of src/sync/gate.ts at the commit. They look by themselves too: a wake-up that is lost costs time.
  await tx.query({ name: 'notify-applied', text: `select pg_notify('${APPLIED_CHANNEL}', '')` });
}

/** Holds entries back for `ms`: an earlier write of their keys may still be under way in the engine. */
export async function holdEntries(tx: Tx, entryIds: readonly string[], ms: number): Promise<void> {
  await tx.query({
    name: 'hold-entries',
    text: `
      update sync.outbox set not_before = clock_timestamp() + $2::float8 * interval '1 millisecond'
      where id = any($1::bigint[])`,
    values: [entryIds, ms],
  });
}

/** Makes entries wait as long as the longest held among them: they stand or fall together. */
export async function holdTogether(tx: Tx, entryIds: readonly string[]): Promise<void> {
  await tx.query({
    name: 'hold-together',
    text: `
      update sync.outbox set not_before = (select max(o.not_before) from sync.outbox o where o.id = any($1::bigint[]))
      where id = any($1::bigint[])`,
    values: [entryIds],
  });
}

/** Which ranks have entries to apply now, and whether a parked one is due for another try. */
export async function glance(tx: Tx): Promise<{ ranks: Rank[]; unpark: boolean }> {
  const { rows } = await tx.query<{ ranks: Rank[]; unpark: boolean }>({
    name: 'glance',
    text: `
      select array(select r from generate_series(0, 2) r
                   -- in the order of turns, and so by their index: where a rank has none, nothing else is read
                   where (select o.id from sync.outbox o where o.rank = r and ${READY}
                          order by o.tenant_id, o.id limit 1) is not null) as ranks,
             exists (select from sync.outbox o
                     where o.parked_at is not null and o.retry_at <= statement_timestamp()) as unpark`,
  });
  return rows[0] ?? { ranks: [], unpark: false };
}

/** Gives up one's own claim, once none of its writes is under way but what is held for that. */
export async function releaseClaim(tx: Tx, claimId: string): Promise<void> {
  await tx.query({ text: `delete from sync.claim where id = $1::bigint`, values: [claimId] });
}

/**
 * Takes over from a projector that ended without finishing: what it had claimed waits until no write of its can still
 * be under way, `fenceMs` after the claim. Resolves to how many entries wait.
 */
export async function inheritClaims(tx: Tx, fenceMs: number): Promise<number> {
  const { rows } = await tx.query<{ held: string }>({
    text: `
      with inherited as (delete from sync.claim returning entry_ids, claimed_at),
      held as (
        update sync.outbox o
        set not_before = greatest(o.not_before, i.claimed_at + $1::float8 * interval '1 millisecond')
        from inherited i where o.id = any(i.entry_ids) returning o.id)
      select count(*)::text as held from held`,
    values: [fenceMs],
  });
  return Number(rows[0]?.held ?? 0);
}

/**
 * Sets entries aside: they are tried again after `retryMs`, and meanwhile hold back nobody else. `isHarmless`: the key
 * can never have had a tuple, so there is nothing that they could take away.
 */
export async function parkEntries(
  tx: Tx,
  entryIds: readonly string[],
  why: { error: string; retryMs: number; isHarmless: boolean },
): Promise<void> {
  await tx.query({
    name: 'park-entries',
    text: `
      update sync.outbox set parked_at = coalesce(parked_at, clock_timestamp()), last_error = $2::text,
        retry_at = clock_timestamp() + $3::float8 * interval '1 millisecond',
        prior = case when $4::boolean then null else prior end
      where id = any($1::bigint[])`,
    values: [entryIds, why.error.slice(0, 500), why.retryMs, why.isHarmless],
  });
}

/** Parked entries whose time has come, at most 100: they are tried again without ceasing to be parked. */
export async function dueParked(tx: Tx): Promise<Entry[]> {
  const { rows } = await tx.query<Entry>({
    name: 'due-parked',
    text: `select ${ENTRY} from sync.outbox o
      where o.parked_at is not null and o.retry_at <= statement_timestamp() order by o.retry_at, o.id limit 100`,
  });
  return rows;
}

/** Makes every parked entry due: a new projector may be able to do what its predecessor was not. */
export async function retryParked(tx: Tx): Promise<void> {
  await tx.query({
    text: `update sync.outbox set retry_at = clock_timestamp() where parked_at is not null`,
  });
}

/** Queues keys for another look, after `holdMs`; `prior.tuples` are deleted unless the rows want them. */
export async function touchKeys(
  tx: Tx,
  touched: readonly (Pick<Entry, 'kind' | 'tenantId' | 'a' | 'b'> & { prior: Prior })[],
  holdMs = 0,
): Promise<void> {
  if (touched.length === 0) return;
  await tx.query({
    name: 'touch-keys',
    text: `
      with counted as (select sync.count_captured(cardinality($1::text[])) as captured)
      insert into sync.outbox (tenant_id, kind, a, b, prior, rank, not_before)
      select k.tenant_id, k.kind, k.a, k.b, k.prior::jsonb, case when counted.captured <= 200 then 0 else 1 end,
             case when $6::float8 > 0 then clock_timestamp() + $6::float8 * interval '1 millisecond' end
      from counted, unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) as k (tenant_id, kind, a, b, prior)`,
    values: [
      touched.map((key) => key.tenantId),
      touched.map((key) => key.kind),
      touched.map((key) => key.a),
      touched.map((key) => key.b),
      touched.map((key) => JSON.stringify(key.prior)),
      holdMs,
    ],
  });
}
