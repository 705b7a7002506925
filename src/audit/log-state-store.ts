import type { Tx } from '../platform/postgres.js';

/** How far the audit log of the platform is sealed and signed: when those last entries were written, UTC. */
export interface LogState {
  readonly sealedUntil: Date | null;
  readonly signedUntil: Date | null;
}

/** As any process sees it. Runs as `bailiwick_sync`. */
export async function selectLogState(tx: Tx): Promise<LogState> {
  const { rows } = await tx.query<LogState>({
    name: 'audit-log-state',
    text: `
      select (select s.last_at from audit.seal s where s.lane = 'admin' order by s.batch desc limit 1) as "sealedUntil",
             (select s.last_at from audit.seal s
              where s.lane = 'admin'
                and s.last_seq <= (select max(c.size) from audit.checkpoint c where c.lane = 'admin')
              order by s.last_seq desc limit 1) as "signedUntil"`,
  });
  return rows[0] ?? { sealedUntil: null, signedUntil: null };
}
