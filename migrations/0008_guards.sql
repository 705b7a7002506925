-- What no writer may do to rights, whoever it is: the service, an operator's psql, a migration.
--
-- Protected   A system role is its preset's. It is changed by the owner alone: by `security.apply_presets`, or by a
--             migration that acts as the owner.
-- Escalation  Where an actor is named (`bailiwick.actor_user_id`), nobody hands out what they neither hold nor may
--             delegate, and nobody raises their own rights. Platform admins may, and so may SQL without an actor.
-- Last admin  A tenant that has had an enabled user with an unending path to `users.admin` is never left without one,
--             but by a platform admin. Held at commit, so a transaction may swap one for another.
--
-- A refusal has SQLSTATE BW001, the message `CODE: sentence`, and what is missing as JSON in its detail.
set local role bailiwick_owner;

create function security.refuse(code text, sentence text, facts jsonb default null) returns void
  language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
begin
  if facts is null then
    raise exception '%: %', code, sentence using errcode = 'BW001';
  end if;
  raise exception '%: %', code, sentence using errcode = 'BW001', detail = facts::text;
end $$;

-- Who acts, as far as the writer says; null: nobody is named.
create function security.actor() returns text
  language sql stable parallel safe
  return nullif(current_setting('bailiwick.actor_user_id', true), '');

create function security.is_platform_admin(user_id text) returns boolean
  language sql stable security definer set search_path = pg_catalog, pg_temp
  return exists (select from identity.platform_admin p join security.app_user u on u.id = p.user_id
                 where p.user_id = is_platform_admin.user_id and u.status = 'active');

-- Whether rules that bind everybody else are set aside: for a migration, which acts as the owner.
create function security.is_migration() returns boolean
  language sql stable parallel safe
  return current_setting('role') = 'bailiwick_owner';

-- ---------------------------------------------------------------------------------------------------------------------
-- Protected. These triggers run with the writer's rights: inside the owner's functions the writer is the owner.

create function security.protect_role() returns trigger
  language plpgsql security invoker set search_path = pg_catalog, pg_temp as $$
declare
  named text := case tg_op when 'INSERT' then new.name else old.name end;
begin
  if current_user <> 'bailiwick_owner'
     and (tg_op <> 'INSERT' and old.is_system or tg_op <> 'DELETE' and new.is_system) then
    perform security.refuse('SYSTEM_ROLE_PROTECTED', format('`%s` is a system role', named));
  end if;
  return case tg_op when 'DELETE' then old else new end;
end $$;
create trigger trg_role_protected before insert or update or delete on security.role
  for each row execute function security.protect_role();

create function security.protect_permission_set() returns trigger
  language plpgsql security invoker set search_path = pg_catalog, pg_temp as $$
declare
  named text;
begin
  if current_user = 'bailiwick_owner' then
    return null;
  elsif tg_op = 'TRUNCATE' then
    select r.name into named from security.role r where r.is_system limit 1;
  elsif tg_op = 'INSERT' then
    select r.name into named from new_rows c join security.role r on r.id = c.role_id where r.is_system limit 1;
  elsif tg_op = 'DELETE' then
    select r.name into named from old_rows c join security.role r on r.id = c.role_id where r.is_system limit 1;
  else
    select r.name into named
      from (select o.role_id from old_rows o union all select n.role_id from new_rows n) c
      join security.role r on r.id = c.role_id where r.is_system limit 1;
  end if;
  if named is not null then
    perform security.refuse('SYSTEM_ROLE_PROTECTED', format('`%s` is a system role: its permission set is its preset''s', named));
  end if;
  return null;
end $$;
create trigger trg_protected_insert after insert on security.role_permission referencing new table as new_rows
  for each statement execute function security.protect_permission_set();
create trigger trg_protected_update after update on security.role_permission
  referencing old table as old_rows new table as new_rows
  for each statement execute function security.protect_permission_set();
create trigger trg_protected_delete after delete on security.role_permission referencing old table as old_rows
  for each statement execute function security.protect_permission_set();
create trigger trg_protected_truncate before truncate on security.role_permission
  for each statement execute function security.protect_permission_set();

-- ---------------------------------------------------------------------------------------------------------------------
-- Escalation.

-- The transaction that wrote the row as it stands: what a transaction writes does not speak for what it hands out.
alter table security.user_role add column xid xid8 not null default pg_current_xact_id();
alter table security.role_permission add column xid xid8 not null default pg_current_xact_id();

create function security.set_xid() returns trigger
  language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  new.xid := pg_current_xact_id();
  return new;
end $$;
create trigger trg_xid before insert or update on security.user_role
  for each row execute function security.set_xid();
create trigger trg_xid before insert or update on security.role_permission
  for each row execute function security.set_xid();

-- These run once a row and keep their plans: one that was made while the table was small would read all of it for each row
-- of a bulk load.
alter function security.set_slot() set enable_seqscan = off;
alter function security.fill_role_tenant() set enable_seqscan = off;

-- The permissions that a user holds in a tenant now, and until when; 'infinity' is unending. What this transaction has
-- written is left out of account. The rows that say so are held until the transaction ends, so that none of them can be
-- revoked between this look and the commit of what it permits.
create function security.held_permissions(user_id text, tenant_id text)
  returns table (permission_id text, held_until timestamptz)
  language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  with held as materialized (
    select g.permission_id, coalesce(ur.expires_at, 'infinity') as until
    from security.user_role ur
      join security.app_user u on u.id = ur.user_id
      join security.role r on r.tenant_id = held_permissions.tenant_id
        and (r.id = ur.role_id or ur.role_id is null and r.name = ur.role_name and r.is_system)
      join security.role_permission g on g.role_id = r.id
    where ur.user_id = held_permissions.user_id and u.status = 'active' and ur.revoked_at is null
      and (ur.valid_from is null or ur.valid_from <= clock_timestamp())
      and (ur.expires_at is null or ur.expires_at > clock_timestamp())
      and ur.xid <> pg_current_xact_id() and g.xid <> pg_current_xact_id()
    for share of ur, u, g)
  select h.permission_id, max(h.until) from held h group by h.permission_id
$$;

-- What a user may hand out in a tenant without holding it, and until when: what the presets let the holders of their
-- roles delegate. Looked at as above.
create function security.delegable_permissions(user_id text, tenant_id text)
  returns table (permission_id text, held_until timestamptz)
  language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  with held as materialized (
    select p.delegates, coalesce(ur.expires_at, 'infinity') as until
    from security.user_role ur
      join security.app_user u on u.id = ur.user_id
      join identity.tenant t on t.id = delegable_permissions.tenant_id
      join security.role r on r.tenant_id = t.id and r.is_system
        and (r.id = ur.role_id or ur.role_id is null and r.name = ur.role_name)
      join security.preset_role p on p.preset = t.preset and p.name = r.name
    where ur.user_id = delegable_permissions.user_id and u.status = 'active' and ur.revoked_at is null
      and (ur.valid_from is null or ur.valid_from <= clock_timestamp())
      and (ur.expires_at is null or ur.expires_at > clock_timestamp())
      and ur.xid <> pg_current_xact_id()
    for share of ur, u)
  select d, max(h.until) from held h cross join lateral unnest(h.delegates) as d group by d
$$;
revoke execute on function security.held_permissions, security.delegable_permissions from public;
grant execute on function security.held_permissions, security.delegable_permissions, security.is_platform_admin
  to bailiwick_service;

-- Refuses what the actor may not hand out: permissions, and the right to delegate others that comes with a system role.
-- `own_until`: they would have it themselves until then, so only what they have elsewhere, and at least as long, may be
-- given; null: others would have it.
create function security.require_may_hand_out(actor text, tenant_id text, permissions text[], delegates text[],
    own_until timestamptz) returns void
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  for_self constant boolean := own_until is not null;
  missing text[];
begin
  with held as materialized (
    select h.* from security.held_permissions(actor, require_may_hand_out.tenant_id) h
    where h.held_until >= own_until or not for_self),
  delegable as materialized (
    select d.* from security.delegable_permissions(actor, require_may_hand_out.tenant_id) d
    where d.held_until >= own_until or not for_self)
  select array_agg(distinct w.permission_id) into missing
    from (select p as permission_id, not for_self as may_be_delegated from unnest(permissions) p
          union all select d, true from unnest(delegates) d) w
    where not exists (select from held h where h.permission_id = w.permission_id)
      and not (w.may_be_delegated and exists (select from delegable d where d.permission_id = w.permission_id));
  if missing is not null then
    perform security.refuse('ESCALATION',
      case when for_self then format('`%s` may not raise their own rights', actor)
        else format('`%s` neither holds nor may delegate what would be handed out', actor) end,
      jsonb_build_object('missing', missing));
  end if;
end $$;

create function security.guard_assignment() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  actor constant text := security.actor();
  handed constant text := case tg_op
    when 'INSERT' then 'select n.* from new_rows n where n.revoked_at is null'
    -- what only shrinks gives nothing
    else $q$ select n.* from new_rows n
      where n.revoked_at is null and not exists (
        select from old_rows o where o.id = n.id and o.revoked_at is null
          and (o.user_id, o.role_id, o.role_name) is not distinct from (n.user_id, n.role_id, n.role_name)
          and coalesce(n.valid_from, '-infinity') >= coalesce(o.valid_from, '-infinity')
          and coalesce(n.expires_at, 'infinity') <= coalesce(o.expires_at, 'infinity')) $q$
  end;
  one record;
begin
  if actor is null or security.is_platform_admin(actor) then
    return null;
  end if;
  -- a role that is assigned is not widened meanwhile: guard_grant holds it too, and looks at who has it
  execute format('select from security.role r where r.id in (select h.role_id from (%s) h) order by r.id for share', handed);
  for one in execute format($q$
      select distinct h.tenant_id, h.role_id,
             case when h.user_id = $1 then coalesce(h.expires_at, 'infinity') end as own_until
      from (%s) h $q$, handed) using actor
  loop
    if one.tenant_id is null then
      perform security.refuse('FORBIDDEN', 'only a platform admin assigns a role in all tenants');
    end if;
    perform security.require_may_hand_out(actor, one.tenant_id,
      array(select g.permission_id from security.role_permission g where g.role_id = one.role_id),
      (select p.delegates from security.role r join identity.tenant t on t.id = r.tenant_id
         join security.preset_role p on p.preset = t.preset and p.name = r.name
       where r.id = one.role_id and r.is_system),
      one.own_until);
  end loop;
  return null;
end $$;
create trigger trg_escalation_insert after insert on security.user_role referencing new table as new_rows
  for each statement execute function security.guard_assignment();

create trigger trg_escalation_update after update on security.user_role
  referencing old table as old_rows new table as new_rows
  for each statement execute function security.guard_assignment();

create function security.guard_grant() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  actor constant text := security.actor();
  handed record;
begin
  if actor is null or security.is_platform_admin(actor) then
    return null;
  end if;
  -- nobody is assigned the role meanwhile
  perform from security.role r where r.id in (select n.role_id from new_rows n) order by r.id for no key update;
  for handed in
    -- a system role takes its permissions from its preset, and nobody hands them out
    select n.role_id, n.tenant_id, array_agg(n.permission_id) as permissions,
           (select max(coalesce(ur.expires_at, 'infinity')) from security.user_role ur
            where ur.user_id = actor and ur.role_id = n.role_id and ur.revoked_at is null
              and (ur.expires_at is null or ur.expires_at > clock_timestamp())) as own_until
    from new_rows n join security.role r on r.id = n.role_id and not r.is_system
    group by n.role_id, n.tenant_id
  loop
    perform security.require_may_hand_out(actor, handed.tenant_id, handed.permissions, '{}', handed.own_until);
  end loop;
  return null;
end $$;
create trigger trg_escalation_insert after insert on security.role_permission referencing new table as new_rows
  for each statement execute function security.guard_grant();
create trigger trg_escalation_update after update on security.role_permission referencing new table as new_rows
  for each statement execute function security.guard_grant();

create function security.guard_platform_seat() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if security.actor() is not null and not security.is_platform_admin(security.actor()) then
    perform security.refuse('FORBIDDEN', 'only a platform admin makes another one');
  end if;
  return new;
end $$;
create trigger trg_escalation before insert or update on identity.platform_admin
  for each row execute function security.guard_platform_seat();

-- ---------------------------------------------------------------------------------------------------------------------
-- Last admin. A tenant has a row here once it has had an admin. Whatever breaks a path to `users.admin` locks the row, so
-- that two who remove each other take turns, and the look at what is left is taken at commit. Whatever completes a path
-- holds the rows that it is made of, so that nobody breaks it without seeing it; under `read committed`, that is, which
-- is what everybody here uses, and under `serializable`.

create table security.tenant_admin (
  tenant_id  text not null,
  checked_at timestamptz not null default now(),
  constraint pk_tenant_admin primary key (tenant_id),
  constraint fk_tenant_admin_tenant foreign key (tenant_id) references identity.tenant (id) on delete cascade
);
alter table security.tenant_admin enable row level security;
alter table security.tenant_admin force row level security;
create policy p_owner on security.tenant_admin to bailiwick_owner using (true) with check (true);

-- The unending ways from a user to `users.admin`, those that start later included; a global assignment leads into every
-- tenant that has the role.
create view security.admin_way with (security_invoker = true) as
  select r.tenant_id, r.id as role_id, ur.user_id, ur.id as user_role_id, ur.valid_from
  from security.role r
    join security.role_permission g on g.role_id = r.id and g.permission_id = 'users.admin'
    join security.user_role ur on ur.role_id = r.id and ur.revoked_at is null and ur.expires_at is null
    join security.app_user u on u.id = ur.user_id and u.status = 'active'
  union all
  select r.tenant_id, r.id, ur.user_id, ur.id, ur.valid_from
  from security.role r
    join security.role_permission g on g.role_id = r.id and g.permission_id = 'users.admin'
    join security.user_role ur on ur.tenant_id is null and ur.role_name = r.name
      and ur.revoked_at is null and ur.expires_at is null
    join security.app_user u on u.id = ur.user_id and u.status = 'active'
  where r.is_system;

-- Those that stand now.
create view security.admin_path with (security_invoker = true) as
  select w.tenant_id, w.role_id, w.user_id, w.user_role_id from security.admin_way w
  where w.valid_from is null or w.valid_from <= statement_timestamp();

-- Remembers tenants that have an admin, or had one a moment ago.
create function security.note_admins(tenant_ids text[]) returns void
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  insert into security.tenant_admin (tenant_id)
    select distinct t from unnest(tenant_ids) t
    where not exists (select from security.tenant_admin k where k.tenant_id = t)
    order by t
    on conflict (tenant_id) do nothing;
end $$;

-- Has the tenants looked at when the transaction commits, one transaction at a time; one that never had an admin is free.
create function security.look_at_admins(tenant_ids text[]) returns void
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  if security.is_migration() then
    return;
  end if;
  perform from security.tenant_admin a where a.tenant_id = any (tenant_ids) order by a.tenant_id for update;
  update security.tenant_admin a set checked_at = clock_timestamp() where a.tenant_id = any (tenant_ids);
end $$;

-- The tenants of ways that the rows before a change were part of, and those of them that stood already.
create function security.broken_ways(table_name text) returns text
  language sql immutable parallel safe
  return case table_name
    when 'user_role' then $q$
      select c.tenant_id, c.valid_from
      from (select o.tenant_id, o.role_id, o.user_id, o.valid_from from old_rows o
            where o.role_id is not null and o.revoked_at is null and o.expires_at is null
            union all
            select r.tenant_id, r.id, o.user_id, o.valid_from
            from old_rows o join security.role r on r.name = o.role_name and r.is_system
            where o.role_id is null and o.revoked_at is null and o.expires_at is null) c
        join security.role_permission g on g.role_id = c.role_id and g.permission_id = 'users.admin'
        join security.app_user u on u.id = c.user_id and u.status = 'active' $q$
    when 'role_permission' then $q$
      select o.tenant_id, h.valid_from
      from old_rows o join security.role r on r.id = o.role_id
        cross join lateral (
          select ur.valid_from, ur.user_id from security.user_role ur
          where ur.role_id = r.id and ur.revoked_at is null and ur.expires_at is null
          union all
          select ur.valid_from, ur.user_id from security.user_role ur
          where ur.tenant_id is null and ur.role_name = r.name and r.is_system
            and ur.revoked_at is null and ur.expires_at is null) h
        join security.app_user u on u.id = h.user_id and u.status = 'active'
      where o.permission_id = 'users.admin' $q$
    when 'app_user' then $q$
      select r.tenant_id, h.valid_from
      from old_rows o
        cross join lateral (
          select ur.role_id, ur.valid_from from security.user_role ur
          where ur.user_id = o.id and ur.role_id is not null and ur.revoked_at is null and ur.expires_at is null
          union all
          select r.id, ur.valid_from
          from security.user_role ur join security.role r on r.name = ur.role_name and r.is_system
          where ur.user_id = o.id and ur.tenant_id is null and ur.revoked_at is null and ur.expires_at is null) h
        join security.role r on r.id = h.role_id
        join security.role_permission g on g.role_id = r.id and g.permission_id = 'users.admin'
      -- whoever was enabled, and is not any longer
      where o.status = 'active'
        and not exists (select from security.app_user u where u.id = o.id and u.status = 'active') $q$
  end;

create function security.watch_admins() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  gained text[];
  broken text[];
  stood text[];
begin
  if tg_op = 'TRUNCATE' then
    perform security.look_at_admins(array(select a.tenant_id from security.tenant_admin a));
    return null;
  end if;
  if tg_op <> 'INSERT' then
    execute format($q$
        select array_agg(distinct b.tenant_id),
               array_agg(distinct b.tenant_id) filter (where b.valid_from is null or b.valid_from <= clock_timestamp())
        from (%s) b $q$, security.broken_ways(tg_table_name)) into broken, stood;
  end if;
  if tg_op <> 'DELETE' then
    case tg_table_name
      when 'user_role' then
        perform from new_rows n
          join security.role_permission g on g.role_id = n.role_id and g.permission_id = 'users.admin'
          join security.app_user u on u.id = n.user_id and u.status = 'active'
          where n.revoked_at is null and n.expires_at is null
          order by u.id for share of g, u;
        perform from new_rows n
          join security.role r on r.name = n.role_name and r.is_system
          join security.role_permission g on g.role_id = r.id and g.permission_id = 'users.admin'
          join security.app_user u on u.id = n.user_id and u.status = 'active'
          where n.role_id is null and n.revoked_at is null and n.expires_at is null
          order by u.id for share of g, u;
        gained := array(
          select c.tenant_id
          from (select n.tenant_id from new_rows n where n.tenant_id is not null
                union select r.tenant_id from new_rows n join security.role r on r.name = n.role_name and r.is_system) c
          where not exists (select from security.tenant_admin a where a.tenant_id = c.tenant_id)
            and exists (select from security.admin_path p where p.tenant_id = c.tenant_id));
      when 'role_permission' then
        perform from new_rows n
          join security.user_role ur on ur.role_id = n.role_id and ur.revoked_at is null and ur.expires_at is null
          join security.app_user u on u.id = ur.user_id and u.status = 'active'
          where n.permission_id = 'users.admin'
          order by ur.id for share of ur, u;
        perform from new_rows n
          join security.role r on r.id = n.role_id and r.is_system
          join security.user_role ur on ur.tenant_id is null and ur.role_name = r.name
            and ur.revoked_at is null and ur.expires_at is null
          join security.app_user u on u.id = ur.user_id and u.status = 'active'
          where n.permission_id = 'users.admin'
          order by ur.id for share of ur, u;
        gained := array(select distinct p.tenant_id from security.admin_path p
          where p.role_id in (select n.role_id from new_rows n where n.permission_id = 'users.admin'));
      when 'app_user' then
        if tg_op = 'UPDATE' then
          perform from new_rows n join old_rows o on o.id = n.id and o.status <> 'active'
            join security.user_role ur on ur.user_id = n.id and ur.revoked_at is null and ur.expires_at is null
            join security.role_permission g on g.role_id = ur.role_id and g.permission_id = 'users.admin'
            where n.status = 'active'
            order by ur.id for share of ur, g;
          perform from new_rows n join old_rows o on o.id = n.id and o.status <> 'active'
            join security.user_role ur on ur.user_id = n.id and ur.tenant_id is null
              and ur.revoked_at is null and ur.expires_at is null
            join security.role r on r.name = ur.role_name and r.is_system
            join security.role_permission g on g.role_id = r.id and g.permission_id = 'users.admin'
            where n.status = 'active'
            order by ur.id for share of ur, g;
          gained := array(select distinct p.tenant_id from security.admin_path p
            where p.user_id in (select n.id from new_rows n join old_rows o on o.id = n.id
                                where n.status = 'active' and o.status <> 'active'));
        end if;
    end case;
  end if;
  if cardinality(broken) > 0 then
    perform security.note_admins(stood);
    perform security.look_at_admins(broken);
  end if;
  if cardinality(gained) > 0 then
    perform security.note_admins(gained);
  end if;
  return null;
end $$;

do $$
declare
  watched text;
begin
  foreach watched in array array['security.user_role', 'security.role_permission', 'security.app_user'] loop
    execute format('create trigger trg_last_admin_insert after insert on %s referencing new table as new_rows '
                   'for each statement execute function security.watch_admins()', watched);
    execute format('create trigger trg_last_admin_update after update on %s '
                   'referencing old table as old_rows new table as new_rows '
                   'for each statement execute function security.watch_admins()', watched);
    execute format('create trigger trg_last_admin_delete after delete on %s referencing old table as old_rows '
                   'for each statement execute function security.watch_admins()', watched);
  end loop;
  foreach watched in array array['security.user_role', 'security.role_permission'] loop
    execute format('create trigger trg_last_admin_truncate after truncate on %s '
                   'for each statement execute function security.watch_admins()', watched);
  end loop;
end $$;

create function security.require_admin() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if exists (select from security.admin_path p where p.tenant_id = new.tenant_id) then
    return null;
  end if;
  if exists (select from identity.tenant t where t.id = new.tenant_id)
     and not (security.actor() is not null and security.is_platform_admin(security.actor())) then
    perform security.refuse('LAST_ADMIN',
      format('tenant `%s` would be left without an enabled user who may administer it for good', new.tenant_id));
  end if;
  delete from security.tenant_admin a where a.tenant_id = new.tenant_id;
  return null;
end $$;
create constraint trigger trg_last_admin after update on security.tenant_admin
  deferrable initially deferred for each row execute function security.require_admin();

insert into security.tenant_admin (tenant_id) select distinct p.tenant_id from security.admin_path p;

revoke execute on function security.is_platform_admin, security.note_admins, security.look_at_admins,
  security.require_may_hand_out, security.set_xid, security.guard_assignment, security.guard_grant,
  security.guard_platform_seat, security.watch_admins, security.require_admin, security.apply_presets_to_new,
  security.touch_roles, security.describe_role from public;

reset role;
