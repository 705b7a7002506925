/**
 * `bailiwick restore adopt`: takes up a database that was restored from a backup.
 *
 * Where its cluster is younger than its rows (fewer transaction ids were given out than they bear), ids are used up until
 * it no longer is: positions and the order of sealing go by them. Then the rows are the truth anew: sync tokens of before
 * are refused, and everything is compared with the store before an allow is given. tests/integration/restore.test.ts.
 */
import { runSql } from '../platform/admin-sql.js';
import type { Pool } from '../platform/postgres.js';

export interface RestoreContext {
  /** As `bailiwick_operator`. */
  readonly pool: Pool;
  /** Undefined: as libpq's environment variables say. */
  readonly databaseUrl: string | undefined;
  readonly print: (line: string) => void;
  /** Where what takes long says how far it is. */
  readonly progress: (line: string) => void;
  readonly json: boolean;
}

interface Position {
  /** Transaction ids that the cluster has to give out before it is older than the rows; 0: none. */
  readonly missing: number;
  /** The id that `pg_resetwal -x` would have to set. */
  readonly next: string;
}

/** Some 20 minutes on a small machine; past it a cluster that is not running is told its next id at once. */
export const MISSING_MAX = 50_000_000;
const AT_A_TIME = 50_000;

/** Exit code 0: taken up, or nothing would have to be done first; 3: the dry run found ids missing; 1: too many are. */
export async function adoptRestore(context: RestoreContext, { dryRun }: { dryRun: boolean }): Promise<number> {
  const { pool, json, print } = context;
  const { missing, next } = await selectPosition(pool);
  const say = (text: string, facts: object): void => print(json ? JSON.stringify({ missing, ...facts }) : text);
  if (missing > MISSING_MAX) {
    const cure = `stop the cluster, run \`pg_resetwal -x ${next}\` on it, start it, and run this again`;
    say(`the cluster is ${String(missing)} transaction ids younger than the rows: ${cure}`, { next, adopted: false });
    return 1;
  }
  if (dryRun) {
    const would = missing === 0 ? '' : `use up ${String(missing)} transaction ids, `;
    say(`would ${would}refuse the sync tokens of before, and compare all rows with the store`, { adopted: false });
    return missing === 0 ? 0 : 3;
  }
  await useUp(context, missing);
  const epoch = await pool.transaction(async (tx) => {
    const { rows } = await tx.query<{ epoch: string }>({ text: `select sync.adopt() as epoch` });
    return rows[0]?.epoch;
  });
  say('taken up: `serve` compares all rows with the store before it allows anything', { adopted: true, epoch });
  return 0;
}

/** Whether the database bears newer transaction ids than its cluster has given out. */
export async function isForeign(pool: Pool): Promise<boolean> {
  const { rows } = await pool.statement((tx) =>
    tx.query<{ isForeign: boolean }>({ name: 'is-foreign', text: `select sync.is_foreign() as "isForeign"` }),
  );
  return rows[0]?.isForeign ?? true;
}

async function selectPosition(pool: Pool): Promise<Position> {
  const { rows } = await pool.transaction((tx) =>
    tx.query<Position>({
      text: `
        select greatest(newest - given + 1, 0)::float8 as missing, (newest + 1)::text as next
        from (select sync.newest_xid()::text::numeric as newest,
                     pg_snapshot_xmax(pg_current_snapshot())::text::numeric as given) as positions`,
    }),
  );
  const [{ missing, next } = { missing: null, next: '' }] = rows;
  return { missing: missing ?? 0, next };
}

/** A transaction each: an id is given out to one that asks for it. */
async function useUp({ databaseUrl, progress }: RestoreContext, missing: number): Promise<void> {
  for (let used = 0; used < missing; used += AT_A_TIME) {
    const count = Math.min(AT_A_TIME, missing - used);
    await runSql(databaseUrl, [
      `set synchronous_commit = off`,
      `do $$ begin for turn in 1..${String(count)} loop perform pg_current_xact_id(); commit; end loop; end $$`,
    ]);
    progress(`used up ${String(used + count)} of ${String(missing)} transaction ids`);
  }
}
