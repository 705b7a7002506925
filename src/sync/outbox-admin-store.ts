/**
 * SQL of the operator's look at `sync.outbox`; what the projector does with it is in outbox-store.ts.
 * Runs as `bailiwick_operator`, who passes row security and deletes nothing here.
 */
import type { Tx } from '../platform/postgres.js';

/** What a list of the outbox is narrowed to. */
export interface OutboxFilter {
  readonly tenantId: string | undefined;
  readonly parkedOnly: boolean;
}

export interface WaitingEntry {
  readonly id: string;
  readonly tenantId: string;
  readonly kind: string;
  readonly a: string;
  readonly b: string;
  readonly rank: number;
  readonly queuedAt: Date;
  readonly parkedAt: Date | null;
  readonly retryAt: Date | null;
  readonly lastError: string | null;
}

export interface OutboxCounts {
  readonly pending: number;
  readonly parked: number;
  readonly oldestSeconds: number;
}

/** The oldest entries, parked ones first; at most `limit`. */
export async function listWaiting(tx: Tx, filter: OutboxFilter, limit: number): Promise<WaitingEntry[]> {
  const { rows } = await tx.query<WaitingEntry>({
    text: `
      select o.id::text as id, o.tenant_id as "tenantId", o.kind, o.a, o.b, o.rank, o.queued_at as "queuedAt",
             o.parked_at as "parkedAt", o.retry_at as "retryAt", o.last_error as "lastError"
      from sync.outbox o
      where ($1::text is null or o.tenant_id = $1::text) and (not $2::boolean or o.parked_at is not null)
      order by o.parked_at is null, o.queued_at, o.id limit $3::int`,
    values: [filter.tenantId ?? null, filter.parkedOnly, limit],
  });
  return rows;
}

export async function countWaiting(tx: Tx, filter: OutboxFilter): Promise<OutboxCounts> {
  const { rows } = await tx.query<OutboxCounts>({
    text: `
      select count(*) filter (where o.parked_at is null)::int as pending,
             count(*) filter (where o.parked_at is not null)::int as parked,
             coalesce(extract(epoch from clock_timestamp() - min(o.queued_at)), 0)::float8 as "oldestSeconds"
      from sync.outbox o where ($1::text is null or o.tenant_id = $1::text)`,
    values: [filter.tenantId ?? null],
  });
  return rows[0] ?? { pending: 0, parked: 0, oldestSeconds: 0 };
}

/** Makes parked entries due now. Resolves to how many there are. */
export async function retryParkedOf(tx: Tx, tenantId: string | undefined): Promise<number> {
  const { rowCount } = await tx.query({
    text: `
      update sync.outbox set retry_at = clock_timestamp()
      where parked_at is not null and ($1::text is null or tenant_id = $1::text)`,
    values: [tenantId ?? null],
  });
  return rowCount;
}
