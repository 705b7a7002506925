/**
 * SQL that reads, for keys, all rows that bear on them, and that lists the keys there are.
 *
 * Read-only and level-triggered: it says how things stand in the transaction's snapshot. What the rows mean is
 * src/sync/projection.ts's business. Runs as `bailiwick_sync` or `bailiwick_operator`.
 */
import type { Tx } from '../platform/postgres.js';
import { KEY_KINDS } from './projection.js';
import type { Key, KeyedRows, KeyKind } from './projection.js';

/** RFC 3339 with microseconds, held inside the years that the engine can compare; null stays null. */
const moment = (column: string): string =>
  `case when ${column} is not null then
     to_char(greatest(least(${column}, timestamptz '9999-12-31 23:59:59.999999+00'), timestamptz '0001-01-01 00:00:00+00')
       at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') end`;

interface KindSql {
  /** Joins the rows to `keys k`; `found` is not null exactly where there are any. */
  readonly from: string;
  readonly found: string;
  readonly rows: string;
  /** All keys of the kind: tenant_id, a, b. */
  readonly list: string;
}

const KINDS: Record<KeyKind, KindSql> = {
  tenant: {
    from: `left join identity.tenant t on t.id = k.tenant_id`,
    found: 't.id',
    rows: `json_build_object('status', t.status)`,
    list: `select id, '', '' from identity.tenant`,
  },
  platform_admin: {
    from: `left join (identity.platform_admin p join security.app_user u on u.id = p.user_id) on p.user_id = k.a`,
    found: 'p.user_id',
    rows: `json_build_object('userStatus', u.status)`,
    list: `select '', user_id, '' from identity.platform_admin`,
  },
  role: {
    from: `left join security.role r on r.id = k.a and r.tenant_id = k.tenant_id`,
    found: 'r.id',
    rows: `json_build_object('exists', true)`,
    list: `select tenant_id, id, '' from security.role`,
  },
  role_permission: {
    from: `left join security.role_permission g
             on g.role_id = k.a and g.permission_id = k.b and g.tenant_id = k.tenant_id`,
    found: 'g.role_id',
    rows: `json_build_object('exists', true)`,
    list: `select tenant_id, role_id, permission_id from security.role_permission`,
  },
  user_role: {
    from: `left join (security.app_user u cross join security.role r)
             on u.id = k.a and r.id = k.b and r.tenant_id = k.tenant_id`,
    found: 'u.id',
    rows: `json_build_object('userStatus', u.status, 'assignments', (
        select coalesce(json_agg(json_build_object('global', ur.tenant_id is null, 'slot', ur.slot,
          'validFrom', ${moment('ur.valid_from')}, 'expiresAt', ${moment('ur.expires_at')},
          'revoked', ur.revoked_at is not null) order by ur.ordinal), '[]')
        from (select o.* from security.user_role o where o.user_id = u.id and o.role_id = r.id
              union all
              select g.* from security.user_role g
                where g.user_id = u.id and g.role_name = r.name and g.tenant_id is null and r.is_system) ur))`,
    list: `select tenant_id, user_id, role_id from security.user_role where role_id is not null and revoked_at is null
      union
      select r.tenant_id, ur.user_id, r.id from security.user_role ur
        join security.role r on r.name = ur.role_name and r.is_system where ur.revoked_at is null`,
  },
  user_assignment: {
    from: `left join security.user_assignment ua
             on ua.tenant_id = k.tenant_id and ua.user_id = k.a and ua.assigned_user_id = k.b`,
    found: 'ua.user_id',
    rows: `json_build_object('validFrom', ${moment('ua.valid_from')}, 'expiresAt', ${moment('ua.expires_at')})`,
    list: `select tenant_id, user_id, assigned_user_id from security.user_assignment`,
  },
  profile: {
    from: `left join security.app_user u on u.id = k.a and u.tenant_id = k.tenant_id`,
    found: 'u.id',
    rows: `json_build_object('userStatus', u.status)`,
    list: `select tenant_id, id, '' from security.app_user where tenant_id is not null`,
  },
  record: {
    from: `left join security.record r on r.tenant_id = k.tenant_id and r.id = k.a`,
    found: 'r.id',
    rows: `json_build_object('ownerUserId', r.owner_user_id)`,
    list: `select tenant_id, id, '' from security.record`,
  },
};

/** The rows of each key, in the order of `KEY_KINDS` and, within a kind, of `keys`. */
export async function loadRows(tx: Tx, keys: readonly Key[]): Promise<KeyedRows[]> {
  const loaded: KeyedRows[] = [];
  for (const kind of KEY_KINDS) {
    const ofKind = keys.filter((key) => key.kind === kind);
    if (ofKind.length === 0) continue;
    const { from, found, rows } = KINDS[kind];
    const result = await tx.query<KeyedRows>({
      name: `load-rows-${kind}`,
      text: `
        select '${kind}' as kind,
               json_build_object('kind', '${kind}', 'tenantId', k.tenant_id, 'a', k.a, 'b', k.b) as key,
               case when ${found} is not null then ${rows} end as rows
        from unnest($1::text[], $2::text[], $3::text[]) with ordinality as k (tenant_id, a, b, ord) ${from}
        order by k.ord`,
      values: [ofKind.map((key) => key.tenantId), ofKind.map((key) => key.a), ofKind.map((key) => key.b)],
    });
    loaded.push(...result.rows);
  }
  return loaded;
}

/** Every key of the kind that may have tuples, in pages of at most `pageSize`, from one open cursor of `tx`. */
export async function* listKeys(tx: Tx, kind: KeyKind, pageSize: number): AsyncGenerator<Key[]> {
  await tx.query({
    text: `declare keys_${kind} no scroll cursor for
      select '${kind}' as kind, l.tenant_id as "tenantId", l.a, l.b from (${KINDS[kind].list}) as l (tenant_id, a, b)`,
  });
  for (;;) {
    const { rows } = await tx.query<Key>({
      text: `fetch ${String(pageSize)} from keys_${kind}`,
    });
    if (rows.length === 0) break;
    yield rows;
  }
  await tx.query({ text: `close keys_${kind}` });
}
