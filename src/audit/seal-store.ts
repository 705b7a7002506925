/**
 * SQL of the ledger: rows in the order in which they are sealed, seals, checkpoints, and who holds sealing up.
 *
 * Rows of the two tables are only ever read here. Lists are bounded; pages go by the row's key, (xid, id).
 */
import type { Tx } from '../platform/postgres.js';
import type { Entry, Lane, RowKey, Seal } from './ledger.js';

interface LaneTable {
  readonly name: string;
  readonly id: string;
  readonly idType: string;
  readonly at: string;
}

const TABLES: Record<Lane, LaneTable> = {
  admin: { name: 'audit.access_log', id: 'id', idType: 'bigint', at: 'accessed_at' },
  decision: { name: 'audit.decision', id: 'decision_id', idType: 'uuid', at: 'decided_at' },
};

/** What of a lane's rows a statement reads. */
const entryColumns = ({ id, at }: LaneTable): string => `
  e.xid::text as xid, e.${id}::text as id, audit.entry_text(e) as text,
  (extract(epoch from e.${at}) * 1000)::float8 as "atMs"`;

/**
 * The rows after a place as `$1` and `$2`, which stand there in any case. Nothing is before every row that somebody may
 * have written: without a place there is no bound, in a statement of its own, so that either goes by the index.
 */
function after({ id, idType }: LaneTable, key: RowKey | undefined): { name: string; condition: string } {
  const condition = `(e.xid, e.${id}) > ($1::text::xid8, $2::text::${idType})`;
  return key === undefined
    ? { name: 'from-first', condition: `$1::text is null and $2::text is null` }
    : { name: 'after', condition };
}
/** Whoever wrote below this is committed or will never be. */
const SETTLED = `e.xid < pg_snapshot_xmin(pg_current_snapshot())`;

export async function listOrigins(tx: Tx): Promise<{ lane: Lane; origin: string }[]> {
  const { rows } = await tx.query<{ lane: Lane; origin: string }>({
    text: `select lane, origin from audit.ledger order by lane`,
  });
  return rows;
}

/** Rows that are not sealed yet and that no commit can come before any more. */
export async function listSealable(
  tx: Tx,
  lane: Lane,
  page: { after: RowKey | undefined; limit: number },
): Promise<Entry[]> {
  const table = TABLES[lane];
  const { name, condition } = after(table, page.after);
  const { rows } = await tx.query<Entry>({
    name: `list-sealable-${lane}-${name}`,
    text: `
      select ${entryColumns(table)} from ${table.name} e
      where ${condition} and ${SETTLED}
      order by e.xid, e.${table.id} limit $3::int`,
    values: [page.after?.xid ?? null, page.after?.id ?? null, page.limit],
  });
  return rows;
}

/** Rows after a place in the order, up to another, or, where that is undefined, all of them. */
export async function listEntries(
  tx: Tx,
  lane: Lane,
  page: { after: RowKey | undefined; upTo?: RowKey | undefined; limit: number },
): Promise<Entry[]> {
  const table = TABLES[lane];
  const { name, condition } = after(table, page.after);
  const { rows } = await tx.query<Entry>({
    name: `list-entries-${lane}-${name}`,
    text: `
      select ${entryColumns(table)} from ${table.name} e
      where ${condition}
        and ($4::text is null or (e.xid, e.${table.id}) <= ($4::text::xid8, $5::text::${table.idType}))
      order by e.xid, e.${table.id} limit $3::int`,
    values: [
      page.after?.xid ?? null,
      page.after?.id ?? null,
      page.limit,
      page.upTo?.xid ?? null,
      page.upTo?.id ?? null,
    ],
  });
  return rows;
}

/** The row with this id: `prove` looks for it. */
export async function selectEntry(tx: Tx, lane: Lane, id: string): Promise<Entry | undefined> {
  const table = TABLES[lane];
  const { rows } = await tx.query<Entry>({
    text: `select ${entryColumns(table)} from ${table.name} e where e.${table.id} = $1::${table.idType} limit 1`,
    values: [id],
  });
  return rows[0];
}

const SEAL_COLUMNS = `
  s.batch::float8 as batch, s.first_seq::float8 as "firstSeq", s.last_seq::float8 as "lastSeq",
  s.last_xid::text as "lastXid", s.last_id as "lastId", s.prev, s.head, s.root, s.frontier, s.leaves,
  (extract(epoch from s.first_at) * 1000)::float8 as "firstAtMs", (extract(epoch from s.last_at) * 1000)::float8 as "lastAtMs"`;

export async function selectLastSeal(tx: Tx, lane: Lane): Promise<Seal | undefined> {
  const { rows } = await tx.query<Seal>({
    name: 'select-last-seal',
    text: `select ${SEAL_COLUMNS} from audit.seal s where s.lane = $1 order by s.batch desc limit 1`,
    values: [lane],
  });
  return rows[0];
}

/** The hash of the last entry that is sealed, without the seal's weight. */
export async function selectHead(tx: Tx, lane: Lane): Promise<{ size: number; head: Buffer } | undefined> {
  const { rows } = await tx.query<{ size: number; head: Buffer }>({
    name: 'select-head',
    text: `select s.last_seq::float8 as size, s.head from audit.seal s where s.lane = $1 order by s.batch desc limit 1`,
    values: [lane],
  });
  return rows[0];
}

/** The last seal that ends with this entry or before it. */
export async function selectSealUpTo(tx: Tx, lane: Lane, seq: number): Promise<Seal | undefined> {
  const { rows } = await tx.query<Seal>({
    text: `select ${SEAL_COLUMNS} from audit.seal s where s.lane = $1 and s.last_seq <= $2::bigint
           order by s.last_seq desc limit 1`,
    values: [lane, seq],
  });
  return rows[0];
}

export async function listSeals(tx: Tx, lane: Lane, page: { afterBatch: number; limit: number }): Promise<Seal[]> {
  const { rows } = await tx.query<Seal>({
    name: 'list-seals',
    text: `select ${SEAL_COLUMNS} from audit.seal s where s.lane = $1 and s.batch > $2::bigint order by s.batch limit $3::int`,
    values: [lane, page.afterBatch, page.limit],
  });
  return rows;
}

/** The next seal after a batch that may hold a row of this transaction. */
export async function selectSealOf(
  tx: Tx,
  lane: Lane,
  { xid, afterBatch }: { xid: string; afterBatch: number },
): Promise<Seal | undefined> {
  const { rows } = await tx.query<Seal>({
    text: `select ${SEAL_COLUMNS} from audit.seal s
           where s.lane = $1 and s.last_xid >= $2::text::xid8 and s.batch > $3::bigint order by s.last_xid, s.batch limit 1`,
    values: [lane, xid, afterBatch],
  });
  return rows[0];
}

/** The entries of which a row's time may lie in a range, undefined where there are none. */
export async function selectSeqsAt(
  tx: Tx,
  lane: Lane,
  range: { from: Date | undefined; to: Date | undefined },
): Promise<{ from: number; to: number } | undefined> {
  const { rows } = await tx.query<{ from: number | null; to: number | null }>({
    text: `select min(s.first_seq)::float8 as "from", max(s.last_seq)::float8 as "to" from audit.seal s
           where s.lane = $1 and ($2::timestamptz is null or s.last_at >= $2) and ($3::timestamptz is null or s.first_at <= $3)`,
    values: [lane, range.from ?? null, range.to ?? null],
  });
  const [{ from, to } = { from: null, to: null }] = rows;
  return from === null || to === null ? undefined : { from, to };
}

export async function insertSeal(tx: Tx, lane: Lane, seal: Seal): Promise<void> {
  await tx.query({
    name: 'insert-seal',
    text: `
      insert into audit.seal (lane, batch, first_seq, last_seq, last_xid, last_id, prev, head, root, frontier, leaves,
                              first_at, last_at)
      values ($1, $2::bigint, $3::bigint, $4::bigint, $5::text::xid8, $6, $7, $8, $9, $10, $11,
              to_timestamp($12::float8 / 1000), to_timestamp($13::float8 / 1000))`,
    values: [
      lane,
      seal.batch,
      seal.firstSeq,
      seal.lastSeq,
      seal.lastXid,
      seal.lastId,
      seal.prev,
      seal.head,
      seal.root,
      seal.frontier,
      seal.leaves,
      seal.firstAtMs,
      seal.lastAtMs,
    ],
  });
}

/** Keeps the note beside the log as well; one of that size stands already where another process signed it. */
export async function insertCheckpoint(tx: Tx, lane: Lane, checkpoint: { size: number; note: string }): Promise<void> {
  await tx.query({
    name: 'insert-checkpoint',
    text: `insert into audit.checkpoint (lane, size, note) values ($1, $2::bigint, $3) on conflict do nothing`,
    values: [lane, checkpoint.size, checkpoint.note],
  });
}

export async function selectLastCheckpoint(tx: Tx, lane: Lane): Promise<string | undefined> {
  const { rows } = await tx.query<{ note: string }>({
    text: `select note from audit.checkpoint where lane = $1 order by size desc limit 1`,
    values: [lane],
  });
  return rows[0]?.note;
}

/** The last notes of a lane. */
export async function listCheckpoints(tx: Tx, lane: Lane, limit: number): Promise<string[]> {
  const { rows } = await tx.query<{ note: string }>({
    text: `select note from audit.checkpoint where lane = $1 order by size desc limit $2::int`,
    values: [lane, limit],
  });
  return rows.map(({ note }) => note);
}
