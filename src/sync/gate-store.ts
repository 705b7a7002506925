/**
 * SQL behind src/sync/gate.ts: what is applied, what menaces an allow, what moves, and when a window opens or closes.
 *
 * Runs as `bailiwick_sync`. A menace is looked at row by row only in a tenant that has one, which is rare.
 */
import type { Pool, Tx } from '../platform/postgres.js';
import type { Allow } from '../shared/sync-gate.js';
import type { TenantState } from './footings.js';
import type { SyncPosition } from './token.js';

/** Past it, what is not in force holds back: RELIABILITY's hard bound of lag, at which somebody is paged. */
export const LAG_HARD_SECONDS = 10;
/** From it on callers are told how far answers may be behind. */
const LAG_SOFT_SECONDS = 1;

/** By the statement's own moment: `clock_timestamp()` goes on while it runs, and no index can be asked for it. */
const HARD_BOUND = `statement_timestamp() - interval '${LAG_HARD_SECONDS} seconds'`;
const LATE = `o.parked_at is null and o.queued_at < ${HARD_BOUND}`;

/**
 * What may take access away and is not about to: a key with something behind it that is parked or has waited past the
 * hard bound, a table being rebuilt.
 */
const MENACE = `(o.kind = 'rebuild' or o.prior is not null and (o.parked_at is not null or ${LATE}))`;

/** What a look at a position finds, all in one snapshot. */
export interface PositionSeen {
  /** Whether everything up to the position is in force or parked. */
  readonly isApplied: boolean;
  /** Whether anything that is parked menaces an allow. */
  readonly isMenaced: boolean;
  readonly epoch: string;
  /** The applied versions of the position's tenant and of the platform. */
  readonly version: number;
  readonly platformVersion: number;
}

export async function lookAtPosition(pool: Pool, { tenantId, xid }: SyncPosition): Promise<PositionSeen> {
  const { rows } = await pool.statement((tx) =>
    tx.query<PositionSeen>({
      name: 'look-at-position',
      text: `
        select sync.is_applied($1::text, $2::xid8) as "isApplied",
               exists (select from sync.outbox o where o.parked_at is not null and ${MENACE}) as "isMenaced",
               (select epoch from sync.epoch) as epoch,
               ${versionOf('$1::text')} as version, ${versionOf("''")} as "platformVersion"`,
      values: [tenantId ?? null, xid],
    }),
  );
  return rows[0] ?? { isApplied: false, isMenaced: true, epoch: '', version: 0, platformVersion: 0 };
}

const versionOf = (tenant: string): string =>
  `coalesce((select a.version from sync.applied a where a.tenant_id = ${tenant}), 0)::float8`;

/** One look at the feed, all in one snapshot. */
export interface Feed {
  readonly epoch: string;
  /** Where the next look goes on: what this one did not see has a transaction id at or above it. */
  readonly horizon: string;
  /** The tenants ('' all) in which something menaces an allow. */
  readonly menaced: readonly string[];
  /** Those of which keys are being written to the engine, or may be. */
  readonly moving: readonly string[];
  /** The applied versions that moved at or after the horizon asked for. */
  readonly applied: readonly { readonly tenantId: string; readonly version: number }[];
  /** The tenants ('' all) of which a small change has waited past the soft bound, and how long, in milliseconds. */
  readonly lagging: ReadonlyMap<string, number>;
}

/**
 * The tenants of entries that take something away, and since when the oldest waits; each is found by a look past the one
 * before it, because a backlog may be long.
 */
const WAITING = `with recursive waiting (tenant_id, queued_at) as (
  (select o.tenant_id, o.queued_at from sync.outbox o where o.prior is not null and o.parked_at is null
   order by o.tenant_id, o.queued_at limit 1)
  union all
  select n.tenant_id, n.queued_at from waiting w cross join lateral (
    select o.tenant_id, o.queued_at from sync.outbox o
    where o.prior is not null and o.parked_at is null and o.tenant_id > w.tenant_id
    order by o.tenant_id, o.queued_at limit 1) n)`;

/** What has happened since an earlier look; undefined asks for everything. */
export async function selectFeed(tx: Tx, horizon: string | undefined): Promise<Feed> {
  const { rows } = await tx.query<{ what: string; of: string; value: number }>({
    name: 'sync-feed',
    text: `
      select 'epoch' as what, e.epoch as of, 0::float8 as value from sync.epoch e
      union all
      select 'horizon', pg_snapshot_xmin(pg_current_snapshot())::text, 0
      union all
      select distinct 'menaced', o.tenant_id, 0::float8 from sync.outbox o where o.parked_at is not null and ${MENACE}
      union all
      select 'menaced', o.tenant_id, 0 from sync.outbox o where o.tenant_id = '' and o.kind = 'rebuild'
      union all
      (${WAITING} select 'menaced', w.tenant_id, 0::float8 from waiting w where w.queued_at < ${HARD_BOUND})
      union all
      select 'lagging', o.tenant_id, extract(epoch from statement_timestamp() - min(o.queued_at))::float8 * 1000
        from sync.outbox o where o.rank = 0 and o.parked_at is null
        group by o.tenant_id having min(o.queued_at) < statement_timestamp() - interval '${LAG_SOFT_SECONDS} second'
      union all
      select 'moving', o.tenant_id, 0 from sync.claim c join sync.outbox o on o.id = any(c.entry_ids)
      union all
      (select distinct 'moving', o.tenant_id, 0::float8 from sync.outbox o where o.not_before is not null)
      union all
      select 'applied', a.tenant_id, a.version from sync.applied a where a.xid >= $1::xid8`,
    values: [horizon ?? '0'],
  });
  const told = (what: string) => rows.filter((row) => row.what === what);
  const of = (what: string): string[] => told(what).map((row) => row.of);
  return {
    epoch: of('epoch')[0] ?? '',
    horizon: of('horizon')[0] ?? '0',
    menaced: of('menaced'),
    moving: of('moving'),
    applied: told('applied').map((row) => ({ tenantId: row.of, version: row.value })),
    lagging: new Map(told('lagging').map((row) => [row.of, Math.round(row.value)])),
  };
}

/** The edges of windows: every column of the synced tables that a condition of the projection is made of. */
export const WINDOW_EDGES = [
  { table: 'security.user_role', column: 'valid_from', live: 'and w.revoked_at is null' },
  { table: 'security.user_role', column: 'expires_at', live: 'and w.revoked_at is null' },
  { table: 'security.user_assignment', column: 'valid_from', live: '' },
  { table: 'security.user_assignment', column: 'expires_at', live: '' },
] as const;

const nextEdges = WINDOW_EDGES.flatMap(({ table, column, live }) =>
  ['w.tenant_id = t.id', 'w.tenant_id is null'].map(
    (scope) => `(select min(w.${column}) from ${table} w where ${scope} and w.${column} > $2::timestamptz ${live})`,
  ),
).join(', ');

/**
 * Tenants as one snapshot has them; the edges are those after `from`, rounded down to the millisecond. Global
 * assignments have no tenant and count in all.
 */
export async function selectTenantStates(tx: Tx, tenantIds: readonly string[], from: Date): Promise<TenantState[]> {
  const { rows } = await tx.query<TenantState>({
    name: 'tenant-states',
    text: `
      select t.id as "tenantId", ${versionOf('t.id')} as version, ${versionOf("''")} as "platformVersion",
             exists (select from sync.outbox o where o.tenant_id in (t.id, '')) as "isPending",
             floor(extract(epoch from least(${nextEdges})) * 1000)::float8 as until
      from unnest($1::text[]) as t (id)`,
    values: [tenantIds, from.toISOString()],
  });
  return rows;
}

/** A role key's role is one that the subject has, or had, a row for. */
const HOLDS = `select from security.user_role ur left join security.role r on r.id = o.a
  where ur.user_id = $2::text and (ur.role_id = o.a or ur.role_name = r.name)`;

/**
 * Whether something that is not in force yet could take this very allow away: a key of that user, of a role that they
 * hold or held, of somebody whom they manage, of that object, or of the tenant.
 */
export async function isMenaced(tx: Tx, allow: Allow): Promise<boolean> {
  const { rows } = await tx.query<{ menaced: boolean }>({
    name: 'is-menaced',
    text: `
      with recursive below (user_id) as (
        select $2::text
        union
        select ua.assigned_user_id from security.user_assignment ua join below b on b.user_id = ua.user_id
        where ua.tenant_id = $1::text
      )
      select exists (
        select from sync.outbox o
        where o.tenant_id in ($1::text, '') and ${MENACE} and case o.kind
          when 'role' then exists (${HOLDS})
          when 'role_permission' then exists (${HOLDS})
          when 'user_role' then o.a = $2::text
          when 'platform_admin' then o.a = $2::text
          when 'profile' then o.a = $2::text or $3::text = 'profile:' || o.a or $3::text like 'record:%'
          when 'user_assignment' then exists (select from below b where b.user_id = o.a)
          when 'record' then $3::text = 'record:' || o.a
          else true end) as menaced`,
    values: [allow.tenantId, allow.subjectUserId, allow.object],
  });
  return rows[0]?.menaced ?? true;
}

/** Whether anything could take access away in the tenant. Of the service's role, and coarser than `isMenaced`. */
export async function isTenantMenaced(tx: Tx, tenantId: string): Promise<boolean> {
  const { rows } = await tx.query<{ menaced: boolean }>({
    name: 'is-tenant-menaced',
    text: `select sync.is_menaced($1::text) as menaced`,
    values: [tenantId],
  });
  return rows[0]?.menaced ?? true;
}
