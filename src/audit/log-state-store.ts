import type { Tx } from '../platform/postgres.js';

/** How far a tenant's part of the audit log is sealed and signed: when its last entries of each kind were written. */
export interface LogState {
  readonly lastEntryAt: Date | null;
  readonly sealedUntil: Date | null;
  readonly signedUntil: Date | null;
}

/**
 * As any process sees it. Runs as `bailiwick_sync`, since seals belong to no tenant; what it tells is of the tenant's own
 * entries alone, so that nobody sees when another tenant was at work.
 */
export async function selectLogState(tx: Tx, tenantId: string): Promise<LogState> {
  const { rows } = await tx.query<LogState>({
    name: 'audit-log-state',
    text: `
      with sealed as (select s.last_xid, s.last_id::bigint from audit.seal s where s.lane = 'admin'
                      order by s.batch desc limit 1),
           signed as (select s.last_xid, s.last_id::bigint from audit.seal s
                      where s.lane = 'admin'
                        and s.last_seq <= (select max(c.size) from audit.checkpoint c where c.lane = 'admin')
                      order by s.last_seq desc limit 1)
      select (select e.accessed_at from audit.access_log e where e.tenant_id = $1::text
              order by e.accessed_at desc limit 1) as "lastEntryAt",
             (select e.accessed_at from sealed s cross join lateral (${UP_TO_THERE}) e) as "sealedUntil",
             (select e.accessed_at from signed s cross join lateral (${UP_TO_THERE}) e) as "signedUntil"`,
    values: [tenantId],
  });
  return rows[0] ?? { lastEntryAt: null, sealedUntil: null, signedUntil: null };
}

/** The tenant's newest entry that is not behind a seal's last; where there is no seal, no entry is looked at. */
const UP_TO_THERE = `
  select e.accessed_at from audit.access_log e
  where e.tenant_id = $1::text and (e.xid, e.id) <= (s.last_xid, s.last_id)
  order by e.accessed_at desc limit 1`;
