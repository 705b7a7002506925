/** SQL of retention: which partitions there are, what is in them, and their end. */
import type { Tx } from '../platform/postgres.js';
import type { Lane } from './ledger.js';
import type { SeqRange } from './verify.js';

export interface Partition {
  readonly name: string;
  readonly fromMs: number;
  readonly toMs: number;
}

/** Partitions of a lane that end at `before` or earlier, oldest first. The default partition never leaves. */
export async function listPartitions(tx: Tx, lane: Lane, before: Date): Promise<Partition[]> {
  const { rows } = await tx.query<Partition>({
    text: `
      select p.name, (extract(epoch from p.since) * 1000)::float8 as "fromMs", (extract(epoch from p.until) * 1000)::float8 as "toMs"
      from (select c.relname as name,
                   (regexp_match(pg_get_expr(c.relpartbound, c.oid), 'FROM \\(''([^'']+)''\\)'))[1]::timestamptz as since,
                   (regexp_match(pg_get_expr(c.relpartbound, c.oid), 'TO \\(''([^'']+)''\\)'))[1]::timestamptz as until
            from pg_inherits i join pg_class c on c.oid = i.inhrelid
            where i.inhparent = $1::text::regclass) p
      where p.until <= $2::timestamptz order by p.until limit 1000`,
    values: [lane === 'admin' ? 'audit.access_log' : 'audit.decision', before],
  });
  return rows;
}

/** The transactions that wrote a partition's first and last row in the order of sealing; undefined where it is empty. */
export async function selectEdges(
  tx: Tx,
  lane: Lane,
  { fromMs, toMs }: Partition,
): Promise<{ firstXid: string; lastXid: string } | undefined> {
  const [table, at] = lane === 'admin' ? ['audit.access_log', 'accessed_at'] : ['audit.decision', 'decided_at'];
  const edge = (direction: 'asc' | 'desc'): string => `
    (select e.xid from ${table} e
     where e.${at} >= to_timestamp($1::float8 / 1000) and e.${at} < to_timestamp($2::float8 / 1000)
     order by e.xid ${direction} limit 1)::text`;
  const { rows } = await tx.query<{ firstXid: string | null; lastXid: string | null }>({
    text: `select ${edge('asc')} as "firstXid", ${edge('desc')} as "lastXid"`,
    values: [fromMs, toMs],
  });
  const [{ firstXid, lastXid } = { firstXid: null, lastXid: null }] = rows;
  return firstXid === null || lastXid === null ? undefined : { firstXid, lastXid };
}

/** Drops it, if the database agrees that these entries are what it holds and that a checkpoint covers them. */
export async function prunePartition(
  tx: Tx,
  lane: Lane,
  { name, seqs }: { name: string; seqs: readonly SeqRange[] },
): Promise<void> {
  const ranges = seqs.map(({ from, to }) => `[${String(from)},${String(to)}]`).join(',');
  await tx.query({
    text: `select audit.prune_partition($1, $2, $3::text::int8multirange)`,
    values: [lane, name, `{${ranges}}`],
  });
}
