/**
 * SQL around the ledger: what waits, who is waited for, what has left, and the partitions to come.
 *
 * Any process may ask: nothing here depends on which one seals.
 */
import type { Tx } from '../platform/postgres.js';
import type { Lane } from './ledger.js';
import type { SeqRange } from './verify.js';

export interface LaneState {
  readonly lane: Lane;
  readonly origin: string;
  /** Rows that wait to be sealed; at most `BACKLOG_MAX` are counted. */
  readonly unsealed: number;
  /** How long the first of them has waited. */
  readonly lagSeconds: number;
  readonly sealed: number;
  /** How many of those the last checkpoint covers, as the database remembers it. */
  readonly covered: number;
}

export const BACKLOG_MAX = 100_000;

const waiting = (lane: Lane): string => {
  const [table, id, idType, at] =
    lane === 'admin'
      ? ['audit.access_log', 'id', 'bigint', 'accessed_at']
      : ['audit.decision', 'decision_id', 'uuid', 'decided_at'];
  return `
    select count(*)::int as unsealed, min(w.at) as first_at
    from (select e.${at} as at from ${table} e
          where last.xid is null or (e.xid, e.${id}) > (last.xid, last.id::${idType})
          order by e.xid, e.${id} limit ${String(BACKLOG_MAX)}) w`;
};

/** What waits and what is done, as any process sees it. */
export async function listLaneStates(tx: Tx): Promise<LaneState[]> {
  const states: LaneState[] = [];
  for (const lane of ['admin', 'decision'] as const) {
    const { rows } = await tx.query<LaneState>({
      name: `lane-state-${lane}`,
      text: `
        select l.lane, l.origin, w.unsealed, coalesce(last.size, 0)::float8 as sealed,
               coalesce(greatest(extract(epoch from clock_timestamp() - w.first_at), 0), 0)::float8 as "lagSeconds",
               coalesce((select max(c.size) from audit.checkpoint c where c.lane = l.lane), 0)::float8 as covered
        from audit.ledger l
          left join lateral (select s.last_xid as xid, s.last_id as id, s.last_seq as size from audit.seal s
                             where s.lane = l.lane order by s.batch desc limit 1) last on true
          cross join lateral (${waiting(lane)}) w
        where l.lane = $1`,
      values: [lane],
    });
    states.push(...rows);
  }
  return states;
}

export interface HoldUp {
  /** Null for a prepared transaction, which no process holds. */
  readonly pid: number | null;
  readonly name: string;
}

/** The oldest transaction that has written and not ended: nothing that was written later can be sealed before. */
export async function selectHoldUp(tx: Tx): Promise<HoldUp | undefined> {
  const { rows } = await tx.query<HoldUp>({
    text: `
      with oldest as (select (pg_snapshot_xmin(pg_current_snapshot())::text::bigint & 4294967295)::text::xid as xid)
      select a.pid, coalesce(a.application_name, '') as name from pg_stat_activity a, oldest where a.backend_xid = oldest.xid
      union all
      select null, 'prepared transaction ' || p.gid from pg_prepared_xacts p, oldest where p.transaction = oldest.xid
      limit 1`,
  });
  return rows[0];
}

/** Entries that left with their partition. */
export async function listPruned(tx: Tx, lane: Lane): Promise<SeqRange[]> {
  const { rows } = await tx.query<SeqRange>({
    text: `
      select lower(s)::float8 as "from", upper(s)::float8 - 1 as "to"
      from audit.pruned p cross join lateral unnest(p.seqs) s where p.lane = $1 order by 1`,
    values: [lane],
  });
  return rows;
}

/**
 * Prunings of which the access log knows nothing: no entry names what they took. One that will never be sealed does not
 * count; the order of rows, in which it then stands too late, says so.
 */
export async function listUnprovedPrunings(tx: Tx, lane: Lane): Promise<{ partition: string; from: number }[]> {
  const { rows } = await tx.query<{ partition: string; from: number }>({
    text: `
      with sealed as (select s.last_xid as xid, s.last_id::bigint as id from audit.seal s
                      where s.lane = 'admin' order by s.batch desc limit 1),
        named as (
          select coalesce(range_agg(n.gone), '{}') as seqs
          from audit.access_log e cross join lateral audit.named_prunings(e.details) n
          -- the triggers of the log's writers never write such a one, and the service may write no DELETE
          where e.tenant_id = 'platform' and e.accessed_entity_type = 'audit_partition' and e.access_action = 'DELETE'
            and n.lane = $1
            and (e.xid < pg_snapshot_xmax(pg_current_snapshot()) or (e.xid, e.id) <= (select xid, id from sealed)))
      select p.partition, lower(p.seqs - named.seqs)::float8 as "from" from audit.pruned p, named
      where p.lane = $1 and not p.seqs <@ named.seqs
      order by 2 limit 10`,
    values: [lane],
  });
  return rows;
}

/** Makes the months to come. */
export async function ensureAccessLogPartitions(tx: Tx): Promise<void> {
  await tx.query({ text: `select audit.ensure_access_log_partitions()` });
}

/** Whether rows with this transaction id cannot have been written in this cluster: it is younger than they are. */
export async function isFromElsewhere(tx: Tx, xid: string): Promise<boolean> {
  const { rows } = await tx.query<{ elsewhere: boolean }>({
    text: `select $1::text::xid8 >= pg_snapshot_xmax(pg_current_snapshot()) as elsewhere`,
    values: [xid],
  });
  return rows[0]?.elsewhere ?? false;
}
