import type { Pool, Tx } from '../platform/postgres.js';
import type { Operations } from '../shared/operation.js';

interface SyncState {
  readonly waitingSeconds: number;
  readonly parked: number;
}

/** Whether what was changed is in force, as those are told who changed it. `pool` is of role `bailiwick_sync`. */
export function syncStateOperations({ pool }: { readonly pool: Pool }) {
  return {
    async getSyncState(_input, { caller }) {
      const tenantId = caller.tenantId ?? '';
      return { status: 200, body: await pool.statement((tx) => selectSyncState(tx, tenantId)) };
    },
  } satisfies Partial<Operations>;
}

/** Of one tenant and of the platform as a whole (`''`). */
async function selectSyncState(tx: Tx, tenantId: string): Promise<SyncState> {
  const { rows } = await tx.query<SyncState>({
    name: 'sync-state-of-tenant',
    text: `
      select coalesce(greatest(extract(epoch from clock_timestamp() - min(o.queued_at)
               filter (where o.parked_at is null)), 0), 0)::float8 as "waitingSeconds",
             count(*) filter (where o.parked_at is not null)::int as parked
      from sync.outbox o where o.tenant_id in ($1::text, '')`,
    values: [tenantId],
  });
  return rows[0] ?? { waitingSeconds: 0, parked: 0 };
}
