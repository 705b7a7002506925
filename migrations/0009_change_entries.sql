-- Every change to the truth writes its own entry, whoever makes it: triggers alone do, in the transaction of the change.
--
-- Actor     `bailiwick.actor_user_id`, and the database login in `actor_role` where nobody is named.
--           `bailiwick.impersonation_id`, `bailiwick.request_id`, `bailiwick.change_id` (one for each logical change) and
--           `bailiwick.reason` go in as they are.
-- Entity    The table and its id: a role for `role` and `role_permission`, the user for `user_role`, the manager for
--           `user_assignment`. The verb stands in `purpose`, never in `access_action`.
-- Privacy   Ids and names of roles, no e-mail address and no display name: those can be erased, an entry cannot.
-- One entry A permission set that is replaced is one entry a role and transaction, however many statements it took:
--           statements note what they did in `audit.pending_grant`, and the entry is made at commit.
set local role bailiwick_owner;

-- What concerns no tenant is written down under this name.
alter table identity.tenant add constraint chk_tenant_id_reserved check (id <> 'platform');

create function audit.setting(name text) returns text
  language sql stable parallel safe
  return nullif(current_setting('bailiwick.' || name, true), '');

-- What a transaction has done to permission sets so far; empty again when it commits.
create table audit.pending_grant (
  id        bigint generated always as identity,
  xid       xid8 not null default pg_current_xact_id(),
  tenant_id text not null,
  role_id   text not null,
  added     text[] not null,
  removed   text[] not null,
  constraint pk_pending_grant primary key (id)
);
create index ix_pending_grant_role on audit.pending_grant (xid, role_id);
alter table audit.pending_grant enable row level security;
alter table audit.pending_grant force row level security;
create policy p_owner on audit.pending_grant to bailiwick_owner using (true) with check (true);

-- Entries for the changed rows of a table, as a query over `changed (o, n)`: a row before and after, null where there is
-- none. What is no change of meaning (a new slot, a later sign-in) gives no entry.
create function audit.entries_query(table_name text) returns text
  language sql immutable parallel safe
  return case table_name
    when 'role' then $q$
      select c.tenant_id, c.id as entity_id, c.n is null as is_end,
             case when c.o is null then coalesce(audit.setting('purpose'), 'role.create')
                  when c.n is null then 'role.delete' else 'role.update' end as purpose,
             case when c.o is null then c.is_now
                  when c.n is null then c.was || jsonb_build_object('permissionIds',
                    (select coalesce(jsonb_agg(swept.p order by swept.p), '[]')
                     from (select p from audit.pending_grant g
                             cross join lateral (select unnest(g.removed) as p, 1 as sign
                                                 union all select unnest(g.added), -1) x
                           where g.xid = pg_current_xact_id() and g.role_id = c.id
                           group by p having sum(sign) > 0) swept))
                  else jsonb_build_object('before', c.was, 'after', c.is_now) end as details
      from (select o, n, coalesce(n, o)->>'tenant_id' as tenant_id, coalesce(n, o)->>'id' as id,
                   jsonb_build_object('roleName', o->'name', 'description', o->'description', 'isSystem', o->'is_system') as was,
                   jsonb_build_object('roleName', n->'name', 'description', n->'description', 'isSystem', n->'is_system') as is_now
            from changed) c
      where c.o is null or c.n is null or c.was <> c.is_now $q$
    when 'user_role' then $q$
      select c.it->>'tenant_id' as tenant_id, c.it->>'user_id' as entity_id, not c.stands as is_end,
             case when c.stands then 'role.assign:' else 'role.revoke:' end
               || coalesce(c.it->>'role_id', c.it->>'role_name') as purpose,
             jsonb_strip_nulls(jsonb_build_object('assignmentId', c.it->'id', 'roleId', c.it->'role_id',
               'roleName', coalesce(r.name, c.it->>'role_name'), 'validFrom', c.it->'valid_from',
               'expiresAt', c.it->'expires_at',
               'before', case when c.stood and c.stands then jsonb_build_object(
                 'validFrom', c.o->'valid_from', 'expiresAt', c.o->'expires_at') end)) as details
      from (select o, coalesce(n, o) as it,
                   o is not null and o->>'revoked_at' is null as stood,
                   n is not null and n->>'revoked_at' is null as stands from changed) c
        left join security.role r on r.id = c.it->>'role_id'
      where c.stood <> c.stands
         or c.stands and (c.o->>'valid_from', c.o->>'expires_at')
                           is distinct from (c.it->>'valid_from', c.it->>'expires_at') $q$
    when 'app_user' then $q$
      select t.tenant_id, coalesce(c.n, c.o)->>'id' as entity_id, c.n is null as is_end,
             case when c.o is null then 'user.create' when c.n is null then 'user.delete'
                  when c.o->'status' = c.n->'status' then 'user.update'
                  when c.n->>'status' = 'active' then 'user.enable' else 'user.disable' end as purpose,
             case when c.o is null or c.n is null then '{}'
                  else jsonb_build_object('changed', to_jsonb(c.fields)) end as details
      from (select o, n, array(select f from unnest(array['tenant_id', 'email', 'display_name', 'status']) f
                               where o->f is distinct from n->f) as fields from changed) c
        -- one who moves is seen to leave, too
        cross join lateral (select coalesce(c.n, c.o)->>'tenant_id' as tenant_id
                            union select c.o->>'tenant_id' where c.o->>'tenant_id' is not null) t
      where c.o is null or c.n is null or cardinality(c.fields) > 0 $q$
    when 'user_assignment' then $q$
      select c.it->>'tenant_id' as tenant_id, c.it->>'user_id' as entity_id, c.n is null as is_end,
             case when c.o is null then 'assignment.create:' when c.n is null then 'assignment.delete:'
                  else 'assignment.update:' end || (c.it->>'assigned_user_id') as purpose,
             jsonb_strip_nulls(jsonb_build_object('assignedUserId', c.it->'assigned_user_id',
               'validFrom', c.it->'valid_from', 'expiresAt', c.it->'expires_at')) as details
      from (select o, n, coalesce(n, o) as it from changed) c
      where c.o is null or c.n is null
         or (c.o->>'valid_from', c.o->>'expires_at') is distinct from (c.n->>'valid_from', c.n->>'expires_at') $q$
    when 'record' then $q$
      select c.it->>'tenant_id' as tenant_id, c.it->>'id' as entity_id, c.n is null as is_end,
             case when c.o is null then 'record.create' when c.n is null then 'record.delete'
                  else 'record.transfer' end as purpose,
             jsonb_build_object('ownerUserId', c.it->'owner_user_id')
               || case when c.o is not null and c.n is not null
                    then jsonb_build_object('before', jsonb_build_object('ownerUserId', c.o->'owner_user_id'))
                    else '{}' end as details
      from (select o, n, coalesce(n, o) as it from changed) c
      where c.o is null or c.n is null or c.o->'owner_user_id' <> c.n->'owner_user_id' $q$
    when 'tenant' then $q$
      select c.id as tenant_id, c.id as entity_id, c.n is null as is_end,
             case when c.o is null then 'tenant.create' when c.n is null then 'tenant.delete'
                  else 'tenant.update' end as purpose,
             case when c.o is null then c.is_now when c.n is null then c.was
                  else jsonb_build_object('before', c.was, 'after', c.is_now) end as details
      from (select o, n, coalesce(n, o)->>'id' as id,
                   o - array['id', 'created_at'] as was, n - array['id', 'created_at'] as is_now from changed) c
      where c.was is distinct from c.is_now $q$
    when 'platform_admin' then $q$
      select null as tenant_id, coalesce(c.n, c.o)->>'user_id' as entity_id, c.n is null as is_end,
             case when c.n is null then 'platform_admin.revoke' else 'platform_admin.grant' end as purpose,
             '{}'::jsonb as details
      from changed c where c.o is null or c.n is null $q$
    when 'service_key' then $q$
      select coalesce(c.n, c.o)->>'tenant_id' as tenant_id, coalesce(c.n, c.o)->>'id' as entity_id,
             c.n is null or c.n->>'revoked_at' is not null as is_end,
             case when c.o is null then 'service_key.create' when c.n is null then 'service_key.delete'
                  when c.n->>'revoked_at' is not null then 'service_key.revoke' else 'service_key.update' end as purpose,
             coalesce(c.n, c.o) - array['key_hash', 'id', 'tenant_id', 'created_at'] as details
      from changed c where c.o is distinct from c.n $q$
    when 'impersonation' then $q$
      select coalesce(c.n, c.o)->>'tenant_id' as tenant_id, coalesce(c.n, c.o)->>'id' as entity_id,
             c.is_ended as is_end,
             case when c.o is null then 'impersonation.start' when c.n is null then 'impersonation.delete'
                  when c.is_ended then 'impersonation.end' else 'impersonation.update' end as purpose,
             jsonb_build_object('actorUserId', coalesce(c.n, c.o)->'actor_user_id') as details
      from (select o, n, n is null or o is not null and o->>'ended_at' is null and n->>'ended_at' is not null as is_ended
            from changed) c
      where c.o is distinct from c.n $q$
  end;

create function audit.capture_change() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  actor constant text := audit.setting('actor_user_id');
  reason constant text := audit.setting('reason');
begin
  if tg_op = 'TRUNCATE' then
    insert into audit.access_log (tenant_id, actor_user_id, actor_role, impersonation_id, request_id,
                                  change_id, accessed_entity_type, accessed_entity_id, access_action, purpose, details)
      values ('platform', actor, case when actor is null then session_user end, audit.setting('impersonation_id'),
              audit.setting('request_id'), audit.setting('change_id'), tg_table_name, '*', 'DELETE',
              tg_table_name || '.truncate', jsonb_strip_nulls(jsonb_build_object('reason', reason)));
    return null;
  end if;
  execute format($q$
      with changed (o, n) as materialized (%s), entries as (%s)
      insert into audit.access_log (tenant_id, actor_user_id, actor_role, impersonation_id, request_id,
                                    change_id, accessed_entity_type, accessed_entity_id, access_action, purpose, details)
        select coalesce(e.tenant_id, 'platform'), $1, case when $1 is null then session_user end,
               audit.setting('impersonation_id'), audit.setting('request_id'),
               audit.setting('change_id'), %L, e.entity_id,
               case when e.is_end then 'DELETE' else 'WRITE' end, e.purpose,
               case when $2 is null then e.details else e.details || jsonb_build_object('reason', $2) end
        from entries e $q$,
    case tg_op
      when 'INSERT' then 'select null::jsonb, to_jsonb(n) from new_rows n'
      when 'DELETE' then 'select to_jsonb(o), null::jsonb from old_rows o'
      else format('select to_jsonb(o), to_jsonb(n) from old_rows o full join new_rows n on %s', tg_argv[0])
    end,
    audit.entries_query(tg_table_name), tg_table_name) using actor, reason;
  if tg_table_name = 'role' and tg_op = 'DELETE' then
    -- the entry of the role has told it
    delete from audit.pending_grant g using old_rows o where g.xid = pg_current_xact_id() and g.role_id = o.id;
  end if;
  return null;
end $$;

-- The condition that says which row before and after are the same one.
do $$
declare
  captured record;
begin
  for captured in
    select * from (values
      ('security.role', '(o.id, o.tenant_id) = (n.id, n.tenant_id)'),
      ('security.user_role',
       '(o.id, o.user_id, coalesce(o.role_id, o.role_name), o.tenant_id is null) = '
       '(n.id, n.user_id, coalesce(n.role_id, n.role_name), n.tenant_id is null)'),
      ('security.app_user', 'o.id = n.id'),
      ('security.user_assignment',
       '(o.tenant_id, o.user_id, o.assigned_user_id) = (n.tenant_id, n.user_id, n.assigned_user_id)'),
      ('security.record', '(o.tenant_id, o.id) = (n.tenant_id, n.id)'),
      ('security.service_key', 'o.id = n.id'),
      ('identity.tenant', 'o.id = n.id'),
      ('identity.platform_admin', 'o.user_id = n.user_id'),
      ('identity.impersonation', 'o.id = n.id')
    ) as c (name, same)
  loop
    execute format('create trigger trg_audit_insert after insert on %s referencing new table as new_rows '
                   'for each statement execute function audit.capture_change(%L)', captured.name, captured.same);
    execute format('create trigger trg_audit_update after update on %s '
                   'referencing old table as old_rows new table as new_rows '
                   'for each statement execute function audit.capture_change(%L)', captured.name, captured.same);
    execute format('create trigger trg_audit_delete after delete on %s referencing old table as old_rows '
                   'for each statement execute function audit.capture_change(%L)', captured.name, captured.same);
    execute format('create trigger trg_audit_truncate after truncate on %s '
                   'for each statement execute function audit.capture_change(%L)', captured.name, captured.same);
  end loop;
end $$;

create function audit.note_grants() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if tg_op <> 'INSERT' then
    insert into audit.pending_grant (tenant_id, role_id, added, removed)
      select o.tenant_id, o.role_id, '{}', array_agg(o.permission_id order by o.permission_id) from old_rows o
      group by o.tenant_id, o.role_id order by o.role_id;
  end if;
  if tg_op <> 'DELETE' then
    insert into audit.pending_grant (tenant_id, role_id, added, removed)
      select n.tenant_id, n.role_id, array_agg(n.permission_id order by n.permission_id), '{}' from new_rows n
      group by n.tenant_id, n.role_id order by n.role_id;
  end if;
  return null;
end $$;
create trigger trg_audit_insert after insert on security.role_permission referencing new table as new_rows
  for each statement execute function audit.note_grants();
create trigger trg_audit_update after update on security.role_permission
  referencing old table as old_rows new table as new_rows for each statement execute function audit.note_grants();
create trigger trg_audit_delete after delete on security.role_permission referencing old table as old_rows
  for each statement execute function audit.note_grants();
create trigger trg_audit_truncate after truncate on security.role_permission
  for each statement execute function audit.capture_change();

-- Makes the one entry of a role's new permission set out of all that was noted; what came to nothing is none. Of a role
-- that is gone something is left to tell only where one statement took both, the role first.
create function audit.write_grants() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  actor constant text := audit.setting('actor_user_id');
  reason constant text := audit.setting('reason');
begin
  if not exists (select from audit.pending_grant g where g.id = new.id) then
    return null;
  end if;
  with noted as (
    delete from audit.pending_grant g where g.xid = new.xid and g.role_id = new.role_id returning g.added, g.removed),
  net as (
    select c.permission_id, sum(c.sign) as sign
    from (select unnest(added) as permission_id, 1 as sign from noted
          union all select unnest(removed), -1 from noted) c
    group by c.permission_id),
  change as (
    select coalesce(array_agg(permission_id order by permission_id) filter (where sign > 0), '{}') as added,
           coalesce(array_agg(permission_id order by permission_id) filter (where sign < 0), '{}') as removed
    from net)
  insert into audit.access_log (tenant_id, actor_user_id, actor_role, impersonation_id, request_id,
                                change_id, accessed_entity_type, accessed_entity_id, access_action, purpose, details)
    select new.tenant_id, actor, case when actor is null then session_user end, audit.setting('impersonation_id'),
           audit.setting('request_id'), audit.setting('change_id'), 'role_permission', new.role_id, 'WRITE',
           'role.set_permissions',
           jsonb_strip_nulls(jsonb_build_object('roleName', r.name, 'added', to_jsonb(c.added),
                                                'removed', to_jsonb(c.removed), 'reason', reason))
    from change c left join security.role r on r.id = new.role_id
    where cardinality(c.added) + cardinality(c.removed) > 0;
  return null;
end $$;
create constraint trigger trg_grants_written after insert on audit.pending_grant
  deferrable initially deferred for each row execute function audit.write_grants();

-- What the tenant's own history shows: its life, its people, and who acted in it from above.
create function identity.capture_event() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  execute format($q$
      with changed (o, n) as materialized (%s), events (tenant_id, event_type, details) as (%s)
      insert into identity.tenant_audit (tenant_id, event_type, actor_user_id, details)
        select coalesce(e.tenant_id, 'platform'), e.event_type, audit.setting('actor_user_id'),
               jsonb_strip_nulls(e.details || jsonb_build_object('impersonationId', coalesce(
                 e.details->>'impersonationId', audit.setting('impersonation_id')),
                 'reason', coalesce(e.details->>'reason', audit.setting('reason'))))
        from events e where e.event_type is not null $q$,
    case tg_op
      when 'INSERT' then 'select null::jsonb, to_jsonb(n) from new_rows n'
      when 'DELETE' then 'select to_jsonb(o), null::jsonb from old_rows o'
      else 'select to_jsonb(o), to_jsonb(n) from old_rows o join new_rows n on n.id = o.id'
    end,
    case tg_table_name
      when 'app_user' then $q$
        select t.tenant_id,
               case when o is null then 'USER_CREATED' when n is null then 'USER_REMOVED'
                    when o->'status' <> n->'status' and n->>'status' = 'active' then 'USER_ENABLED'
                    when o->'status' <> n->'status' then 'USER_DISABLED'
                    when (o->'email', o->'display_name', o->'tenant_id')
                      is distinct from (n->'email', n->'display_name', n->'tenant_id') then 'USER_UPDATED' end,
               jsonb_build_object('userId', coalesce(n, o)->>'id')
        from changed c
          cross join lateral (select coalesce(c.n, c.o)->>'tenant_id' as tenant_id
                              union select c.o->>'tenant_id' where c.o->>'tenant_id' is not null) t $q$
      when 'tenant' then $q$
        select coalesce(n, o)->>'id',
               case when o is null then 'TENANT_CREATED' when n is null then 'TENANT_ENDED'
                    when o->'status' <> n->'status' then 'TENANT_STATUS_CHANGED' else 'TENANT_UPDATED' end,
               case when o is null then n - array['id', 'created_at'] when n is null then o - array['id', 'created_at']
                    else jsonb_build_object('from', o - array['id', 'created_at'], 'to', n - array['id', 'created_at']) end
        from changed where o is distinct from n $q$
      when 'impersonation' then $q$
        select coalesce(n, o)->>'tenant_id',
               case when o is null then 'IMPERSONATION_STARTED'
                    when o->>'ended_at' is null and n->>'ended_at' is not null then 'IMPERSONATION_ENDED' end,
               jsonb_build_object('impersonationId', n->>'id', 'reason', n->>'reason', 'actorUserId', n->>'actor_user_id')
        from changed where n is not null $q$
    end);
  return null;
end $$;

do $$
declare
  captured text;
begin
  foreach captured in array array['security.app_user', 'identity.tenant', 'identity.impersonation'] loop
    execute format('create trigger trg_event_insert after insert on %s referencing new table as new_rows '
                   'for each statement execute function identity.capture_event()', captured);
    execute format('create trigger trg_event_update after update on %s '
                   'referencing old table as old_rows new table as new_rows '
                   'for each statement execute function identity.capture_event()', captured);
    execute format('create trigger trg_event_delete after delete on %s referencing old table as old_rows '
                   'for each statement execute function identity.capture_event()', captured);
  end loop;
end $$;

-- The service adds what it has shown; what was changed is written by the triggers above, which act as the owner.
create policy p_service_shows on audit.access_log as restrictive for insert to bailiwick_service
  with check (access_action in ('READ', 'EXPORT', 'PRINT'));

-- What stands before every write of the service: the tenant's status, held until the write commits, and by what right a
-- platform admin acts in it. `impersonation_id` comes back where it names an active one of the actor in the tenant.
create function security.writer_standing(actor_user_id text, tenant_id text, impersonation_id text)
  returns table (tenant_status text, is_outside_admin boolean, is_member boolean, active_impersonation_id text)
  language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  select (select t.status from identity.tenant t where t.id = writer_standing.tenant_id for share),
         security.is_platform_admin(writer_standing.actor_user_id) and m.user_id is null,
         m.user_id is not null,
         (select i.id from identity.impersonation i
          where i.id = writer_standing.impersonation_id and i.actor_user_id = writer_standing.actor_user_id
            and i.tenant_id = writer_standing.tenant_id and i.ended_at is null and i.expires_at > clock_timestamp()
          for share)
  from (select writer_standing.actor_user_id) a
    left join lateral (select u.id as user_id from security.app_user u
                       where u.id = a.actor_user_id and u.tenant_id = writer_standing.tenant_id) m on true
$$;
revoke execute on function security.writer_standing, audit.capture_change, audit.note_grants, audit.write_grants,
  identity.capture_event from public;
grant execute on function security.writer_standing to bailiwick_service;

reset role;
