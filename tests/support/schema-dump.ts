/**
 * The schema as text, from the catalog: everything that a migration can change and a reader should see change in a
 * review. Not meant to be run; functions are named by the hash of their body.
 */
import type { Pool } from '../../src/platform/postgres.js';

const OURS = `n.nspname in ('identity', 'security', 'audit', 'sync', 'public')`;
/** Partitions by day and by month depend on the day. */
const LASTING = `c.relname !~ '^(decision_[0-9]{8}|access_log_[0-9]{6})$'`;

/** Each gives one column `line`, ordered. Before Postgres 17 a partition does not say that its column is an identity. */
const SECTIONS: Record<string, string> = {
  roles: `
    select format('%s%s%s%s', r.rolname, case when r.rolcanlogin then ' LOGIN' end,
                  case when r.rolsuper then ' SUPERUSER' end, case when r.rolbypassrls then ' BYPASSRLS' end) as line
    from pg_roles r where r.rolname like 'bailiwick\\_%' order by r.rolname`,
  schemas: `
    select format('%s owner=%s %s', n.nspname, pg_get_userbyid(n.nspowner),
                  array_to_string(array(select a::text from unnest(n.nspacl) a order by a::text), ' ')) as line
    from pg_namespace n where ${OURS} order by n.nspname`,
  tables: `
    select format('%s.%s %s owner=%s%s%s%s', n.nspname, c.relname, case c.relkind when 'v' then 'view' else 'table' end,
                  pg_get_userbyid(c.relowner),
                  case when c.relrowsecurity then ' rls' end, case when c.relforcerowsecurity then ' forced' end,
                  case when c.reloptions is not null then ' with=' || array_to_string(c.reloptions, ',') end) as line
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where ${OURS} and c.relkind in ('r', 'p', 'v') and ${LASTING} order by 1`,
  columns: `
    select format('%s.%s.%s %s%s%s%s', n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
                  case when a.attnotnull then ' not null' end, case when a.attidentity <> '' and not c.relispartition then ' identity' end,
                  case when d.adbin is not null then ' default ' || pg_get_expr(d.adbin, d.adrelid) end) as line
    from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
      left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where ${OURS} and c.relkind in ('r', 'p', 'v') and a.attnum > 0 and not a.attisdropped and ${LASTING}
    order by n.nspname, c.relname, a.attnum`,
  constraints: `
    select format('%s.%s %s %s', n.nspname, c.relname, o.conname, pg_get_constraintdef(o.oid)) as line
    from pg_constraint o join pg_class c on c.oid = o.conrelid join pg_namespace n on n.oid = c.relnamespace
    where ${OURS} and o.contype <> 'n' and ${LASTING} order by 1`,
  indexes: `
    select format('%s', pg_get_indexdef(i.indexrelid)) as line
    from pg_index i join pg_class c on c.oid = i.indrelid join pg_namespace n on n.oid = c.relnamespace
    where ${OURS} and ${LASTING} order by 1`,
  triggers: `
    select format('%s.%s %s%s', n.nspname, c.relname, pg_get_triggerdef(t.oid),
                  case when t.tgenabled <> 'O' then ' enabled=' || t.tgenabled::text end) as line
    from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace
    where ${OURS} and not t.tgisinternal and ${LASTING} order by 1`,
  policies: `
    select format('%s.%s %s for %s to %s%s%s', p.schemaname, p.tablename, p.policyname, p.cmd,
                  array_to_string(p.roles, ','), ' using ' || p.qual, ' check ' || p.with_check) as line
    from pg_policies p where p.schemaname in ('identity', 'security', 'audit', 'sync') order by 1`,
  grants: `
    select format('%s.%s %s: %s', n.nspname, c.relname, pg_get_userbyid(x.grantee),
                  string_agg(lower(x.privilege_type), ' ' order by x.privilege_type)) as line
    from pg_class c join pg_namespace n on n.oid = c.relnamespace cross join lateral aclexplode(c.relacl) x
    where ${OURS} and c.relkind in ('r', 'p', 'v') and x.grantee <> c.relowner and ${LASTING}
    group by n.nspname, c.relname, x.grantee order by 1`,
  'grants of columns': `
    select format('%s.%s %s: %s (%s)', n.nspname, c.relname, pg_get_userbyid(x.grantee), lower(x.privilege_type),
                  string_agg(a.attname, ' ' order by a.attnum)) as line
    from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
      cross join lateral aclexplode(a.attacl) x
    where ${OURS} and ${LASTING} group by n.nspname, c.relname, x.grantee, x.privilege_type order by 1`,
  functions: `
    select format('%s.%s(%s) %s%s%s owner=%s%s %s', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid),
                  case p.provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end,
                  case when p.prosecdef then ' definer' end,
                  case when p.proconfig is not null then ' set ' || array_to_string(p.proconfig, ' ') end,
                  pg_get_userbyid(p.proowner),
                  case when p.proacl is not null then ' acl=' || array_to_string(
                    array(select a::text from unnest(p.proacl) a order by a::text), ',') end,
                  md5(pg_get_functiondef(p.oid))) as line
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace where ${OURS} order by 1`,
};

/** The whole schema as text, the same for the same migrations. The pool's role must see the catalog. */
export async function dumpSchema(pool: Pool): Promise<string> {
  const parts: string[] = ['-- Made by tests/support/schema-dump.ts; `UPDATE_GOLDEN=1 npm test` writes it anew.'];
  for (const [name, text] of Object.entries(SECTIONS)) {
    const { rows } = await pool.transaction((tx) => tx.query<{ line: string }>({ text }));
    parts.push(`-- ${name}`, ...rows.map(({ line }) => line.replaceAll(/\s+/g, ' ').trim()), '');
  }
  return parts.join('\n');
}
