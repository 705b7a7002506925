/**
 * SQL of the doctor: reads alone, as the roles that the service itself takes on, so that what it finds is what the
 * service would meet.
 */
import type { Tx } from '../platform/postgres.js';

/** What the service's login sees of the server and of the truth; run with `bailiwick.platform` on. */
export interface ServerFacts {
  readonly version: number;
  readonly nowMs: number;
  readonly isSuperuser: boolean;
  readonly maxConnections: number;
  /** Settings of the server under which an acknowledged change may be lost. */
  readonly unsafe: readonly string[];
  /** Whether this connection is encrypted; null on a socket of this machine. */
  readonly isEncrypted: boolean | null;
  /** Whether OpenFGA's own tables are in this database. */
  readonly hasEngineTables: boolean;
  readonly isMigrated: boolean;
  /** Processes that have had a transaction open for a minute. */
  readonly longTransactions: readonly number[];
  readonly preparedTransactions: number;
}

const IS_ENCRYPTED = `(select case when a.client_addr is null then null else s.ssl end
         from pg_stat_ssl s join pg_stat_activity a on a.pid = s.pid where s.pid = pg_backend_pid())`;

export async function selectServer(tx: Tx): Promise<ServerFacts> {
  const { rows } = await tx.query<ServerFacts>({
    text: `
      select current_setting('server_version_num')::int as version,
        (extract(epoch from clock_timestamp()) * 1000)::float8 as "nowMs",
        (select rolsuper from pg_roles where rolname = session_user) as "isSuperuser",
        current_setting('max_connections')::int as "maxConnections",
        array(select s.name || ' = ' || s.setting from pg_settings s
              where s.name in ('fsync', 'full_page_writes', 'synchronous_commit') and s.setting = 'off'
              order by s.name) as unsafe,
        ${IS_ENCRYPTED} as "isEncrypted",
        to_regclass('public.authorization_model') is not null and to_regclass('public.tuple') is not null
          as "hasEngineTables",
        to_regclass('sync.outbox') is not null as "isMigrated",
        array(select a.pid from pg_stat_activity a
              where a.datname = current_database() and a.xact_start < clock_timestamp() - interval '1 minute'
                and a.pid <> pg_backend_pid() and a.backend_type = 'client backend'
              order by a.xact_start limit 5) as "longTransactions",
        (select count(*)::int from pg_prepared_xacts p where p.database = current_database()) as "preparedTransactions"`,
  });
  const [facts] = rows;
  if (facts === undefined) throw new Error('the server said nothing of itself');
  return facts;
}

/** Tables and functions, by name, that this database does not have. */
export async function listAbsent(tx: Tx, tables: readonly string[], functions: readonly string[]): Promise<string[]> {
  const { rows } = await tx.query<{ name: string }>({
    text: `
      select w.name from unnest($1::text[]) w (name) where to_regclass(w.name) is null
      union all
      select w.name from unnest($2::text[]) w (name)
      where not exists (select from pg_proc p join pg_namespace n on n.oid = p.pronamespace
                        where n.nspname || '.' || p.proname = w.name)
      order by 1 limit 20`,
    values: [tables, functions],
  });
  return rows.map(({ name }) => name);
}

/** Who there is to ask, to administer and to be told; run with `bailiwick.platform` on. */
export interface TruthFacts {
  readonly platformAdmins: number;
  readonly serviceKeys: number;
  readonly hasMailer: boolean;
}

export async function selectTruth(tx: Tx): Promise<TruthFacts> {
  const { rows } = await tx.query<TruthFacts>({
    text: `
      select (select count(*)::int from identity.platform_admin) as "platformAdmins",
        (select count(*)::int from security.service_key k
         where k.revoked_at is null and (k.expires_at is null or k.expires_at > now())) as "serviceKeys",
        exists (select from identity.mailer) as "hasMailer"`,
  });
  return rows[0] ?? { platformAdmins: 0, serviceKeys: 0, hasMailer: false };
}

/** What the sync login sees. */
export interface SyncFacts {
  readonly hasProjector: boolean;
  readonly hasSealer: boolean;
  readonly parked: number;
  readonly lagSeconds: number;
  /** Whether the store has been given the model of this build. */
  readonly hasModel: boolean;
  /** As the server's, of the sync login's connection. */
  readonly isEncrypted: boolean | null;
}

export async function selectSync(
  tx: Tx,
  of: {
    readonly projectorLock: number;
    readonly sealerLock: number;
    readonly storeId: string;
    readonly modelHash: string;
  },
): Promise<SyncFacts> {
  const { rows } = await tx.query<SyncFacts>({
    text: `
      with locked as (
        select (l.classid::bigint << 32) + l.objid::bigint as key from pg_locks l
        where l.locktype = 'advisory' and l.granted and l.objsubid = 1
          and l.database = (select d.oid from pg_database d where d.datname = current_database()))
      select exists (select from locked where key = $1::bigint) as "hasProjector",
        exists (select from locked where key = $2::bigint) as "hasSealer",
        (select count(*)::int from sync.outbox o where o.parked_at is not null) as parked,
        coalesce((select extract(epoch from clock_timestamp() - min(o.queued_at))::float8
                  from sync.outbox o where o.parked_at is null), 0) as "lagSeconds",
        exists (select from sync.model m where m.store_id = $3::text and m.hash = $4::text) as "hasModel",
        ${IS_ENCRYPTED} as "isEncrypted"`,
    values: [of.projectorLock, of.sealerLock, of.storeId, of.modelHash],
  });
  const [facts] = rows;
  if (facts === undefined) throw new Error('the server said nothing of sync');
  return facts;
}
