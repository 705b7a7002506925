-- Statements that read as much as they find, whatever else the tables hold. tests/integration/at-size.test.ts.
set local role bailiwick_owner;

-- As before (0003), and who has a role by its name is looked for among the global assignments, as the index has them.
create or replace function sync.keys_query(table_name text) returns text
  language sql immutable parallel safe
  return case table_name
    when 'tenant' then $q$
      select c.content->>'id' as tenant_id, 'tenant' as kind, '' as a, '' as b, c.was from changed c $q$
    when 'platform_admin' then $q$
      select '' as tenant_id, 'platform_admin' as kind, c.content->>'user_id' as a, '' as b, c.was from changed c $q$
    when 'app_user' then $q$
      select c.content->>'tenant_id' as tenant_id, 'profile' as kind, c.content->>'id' as a, '' as b, c.was
        from changed c where c.content->>'tenant_id' is not null
      union all
      select ur.tenant_id, 'user_role', ur.user_id, ur.role_id, c.was
        from changed c join security.user_role ur on ur.user_id = c.content->>'id' where ur.role_id is not null
      union all
      select r.tenant_id, 'user_role', ur.user_id, r.id, c.was
        from changed c join security.user_role ur on ur.user_id = c.content->>'id'
          join security.role r on r.name = ur.role_name and r.is_system
      union all
      select '', 'platform_admin', p.user_id, '', c.was
        from changed c join identity.platform_admin p on p.user_id = c.content->>'id' $q$
    when 'role' then $q$
      select c.content->>'tenant_id' as tenant_id, 'role' as kind, c.content->>'id' as a, '' as b, c.was from changed c
      union all
      select c.content->>'tenant_id', 'user_role', ur.user_id, c.content->>'id', c.was
        from changed c join security.user_role ur on ur.role_name = c.content->>'name' and ur.tenant_id is null $q$
    when 'role_permission' then $q$
      select c.content->>'tenant_id' as tenant_id, 'role_permission' as kind,
             c.content->>'role_id' as a, c.content->>'permission_id' as b, c.was from changed c $q$
    when 'user_role' then $q$
      select c.content->>'tenant_id' as tenant_id, 'user_role' as kind,
             c.content->>'user_id' as a, c.content->>'role_id' as b,
             c.was or exists (
               select from security.user_role ur
               where ur.user_id = c.content->>'user_id' and ur.id <> c.content->>'id'
                 and (ur.role_id = c.content->>'role_id' or ur.role_name is not null)) as was
        from changed c where c.content->>'role_id' is not null
      union all
      select r.tenant_id, 'user_role', c.content->>'user_id', r.id, true
        from changed c join security.role r on r.name = c.content->>'role_name' and r.is_system $q$
    when 'user_assignment' then $q$
      select c.content->>'tenant_id' as tenant_id, 'user_assignment' as kind,
             c.content->>'user_id' as a, c.content->>'assigned_user_id' as b, c.was from changed c $q$
    when 'record' then $q$
      select c.content->>'tenant_id' as tenant_id, 'record' as kind, c.content->>'id' as a, '' as b, c.was,
             c.content->>'owner_user_id' as owner from changed c $q$
  end;

-- As before (0030, 0035), by the statement's own moment, which an index can be asked for.
create or replace function sync.is_backlogged(tenant_id text) returns boolean
  language sql stable security definer set search_path = pg_catalog, pg_temp
  return (select count(*) > 0 and bool_and(o.prior is null and o.kind <> 'rebuild') from sync.outbox o
          where o.xid = pg_current_xact_id_if_assigned())
     and exists (select from sync.outbox o
                 where o.rank = 0 and o.parked_at is null and o.queued_at < statement_timestamp() - interval '10 seconds'
                   and (is_backlogged.tenant_id is null or o.tenant_id in (is_backlogged.tenant_id, '')));

create or replace function sync.is_menaced(tenant_id text) returns boolean
  language sql stable security definer set search_path = pg_catalog, pg_temp
  return exists (select from sync.outbox o
    where o.tenant_id in (is_menaced.tenant_id, '') and (o.kind = 'rebuild' or o.prior is not null
      and (o.parked_at is not null or o.queued_at < statement_timestamp() - interval '10 seconds')));

-- What a user's row takes with it is found by the user, ended or not.
drop index identity.ix_session_user;
create index ix_session_user on identity.session (user_id);
create index ix_impersonation_actor on identity.impersonation (actor_user_id);

reset role;
