/**
 * A copy of a database in another cluster, as `pg_dump` and `psql` would make it: the schema by its migrations, every row of
 * every table as it stands, transaction ids among them, and the sequences where they were.
 */
import { fileURLToPath } from 'node:url';

import { runSql } from '../../src/platform/admin-sql.js';
import { migrate } from '../../src/platform/migrate.js';
import { createPool } from '../../src/platform/postgres.js';
import type { Pool } from '../../src/platform/postgres.js';
import { quiet } from './world.js';

const MIGRATIONS = fileURLToPath(new URL('../../migrations', import.meta.url));

interface Table {
  readonly name: string;
  readonly columns: string;
}

/** Tables that hold rows of their own or of their partitions, with the columns that may be written. */
async function tablesOf(pool: Pool): Promise<Table[]> {
  const { rows } = await pool.transaction((tx) =>
    tx.query<Table>({
      text: `
        select c.oid::regclass::text as name,
               (select string_agg(quote_ident(a.attname), ', ' order by a.attnum) from pg_attribute a
                where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '') as columns
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname in ('identity', 'security', 'audit', 'sync') and c.relkind in ('r', 'p') and not c.relispartition
        order by 1`,
    }),
  );
  return rows;
}

/** Both URLs are the superuser's; `to` is migrated and filled. */
export async function copyDatabase(from: string, to: string): Promise<void> {
  await migrate(to, MIGRATIONS, quiet);
  const open = (url: string): Pool =>
    createPool({ url, role: undefined, max: 1, applicationName: 'copy', statementTimeoutMs: 0 }, () => undefined);
  const [source, target] = [open(from), open(to)];
  try {
    const tables = await tablesOf(source);
    await target.transaction(async (tx) => {
      // No trigger fires and no constraint is looked at, as in a restore.
      await tx.query({ text: `set local session_replication_role = replica` });
      for (const { name } of tables) await tx.query({ text: `delete from ${name}` });
      for (const { name, columns } of tables) {
        const { rows } = await source.transaction((inner) =>
          inner.query<{ all: string | null }>({ text: `select json_agg(t)::text as all from ${name} t` }),
        );
        const values = [rows[0]?.all ?? '[]'];
        const text = `insert into ${name} (${columns}) overriding system value
                      select ${columns} from json_populate_recordset(null::${name}, $1::json)`;
        await tx.query({ text, values });
      }
    });
    const { rows: sequences } = await source.transaction((tx) =>
      tx.query<{ name: string; last: string }>({
        text: `select format('%I.%I', schemaname, sequencename) as name, last_value::text as last
               from pg_sequences where last_value is not null`,
      }),
    );
    await runSql(
      to,
      sequences.map(({ name, last }) => `select setval('${name}', ${last})`),
    );
  } finally {
    await Promise.all([source.end(), target.end()]);
  }
}
