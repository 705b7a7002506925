-- The tables that teams on the sales template write their SQL against: `users`, `roles`, `tenants`, `user_roles` and
-- `user_assignments`, as views, so that the template's statements run as they are printed and reach the engine.
--
-- Names       `roles` shows each role name once, however many tenants have a role of that name, and the name is its id: with
--             a tenant beside it, it means that tenant's role. A real id of a role of the tenant is understood as well.
-- Placing     A user may be inserted with an address alone. The first `user_roles` or `user_assignments` row that names a
--             tenant places them there; platform admins stay outside.
-- Skipping    The template's inserts do not join the user to the tenant: a row whose user belongs to another tenant is
--             skipped with a NOTICE. So is a row that stands already.
-- Global      `user_roles.tenant_id` null assigns a preset's role in all tenants that have it.
-- on conflict `users` and `tenants` take it in every form. `user_roles`, `user_assignments` and `roles` take `on conflict do
--             nothing`; a target or `do update` Postgres refuses on views whose rows a trigger writes.
--
-- The triggers run with the writer's rights, so every guard, entry and policy of the tables holds here too.
set local role bailiwick_owner;

-- ---------------------------------------------------------------------------------------------------------------------
-- A tenant may be written with its name alone.

create function identity.fill_tenant_slug() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  made text := rtrim(left(btrim(regexp_replace(lower(new.name), '[^a-z0-9]+', '-', 'g'), '-'), 50), '-');
begin
  -- two that are made at the same moment take turns
  perform pg_advisory_xact_lock(hashtext('identity.fill_tenant_slug'));
  made := coalesce(nullif(made, ''), 'tenant');
  select c.slug into new.slug
    from (select 1 as n, made as slug
          -- what stands alone could be a name of the house
          where made not in (
            'platform', 'www', 'api', 'app', 'admin', 'console', 'auth', 'login', 'sso', 'account', 'mail', 'smtp',
            'static', 'assets', 'cdn', 'status', 'health', 'metrics', 'docs', 'help', 'support', 'localhost')
          union all
          select n, made || '-' || n from generate_series(2, 10000) n) c
    where not exists (select from identity.tenant t where t.slug = c.slug)
    order by c.n limit 1;
  return new;
end $$;
create trigger trg_tenant_slug before insert on identity.tenant
  for each row when (new.slug is null) execute function identity.fill_tenant_slug();
revoke execute on function identity.fill_tenant_slug from public;

-- ---------------------------------------------------------------------------------------------------------------------
-- The views; made here, since in `public` the owner may make nothing, and moved there at the end.

create view security.tenants with (security_invoker = true) as
  select t.id, t.name, t.slug, t.status, t.preset, t.created_at from identity.tenant t;
alter view security.tenants alter column preset set default 'sales';

create view security.users with (security_invoker = true) as
  select u.id, u.email, u.display_name, u.tenant_id, u.status, u.created_at from security.app_user u;

create view security.roles with (security_invoker = true) as
  select distinct on (r.name) r.name as id, r.name, r.description, r.is_system
  from (select p.name, p.description, true as is_system from security.preset_role p
        union all
        select r.name, r.description, r.is_system from security.role r) r
  order by r.name, r.is_system desc, r.description;

-- What has ended is left out, what begins later is not.
create view security.user_roles with (security_invoker = true) as
  select ur.id, ur.user_id, coalesce(ur.role_name, r.name) as role_id, ur.tenant_id, ur.valid_from, ur.expires_at,
         ur.assigned_at
  from security.user_role ur left join security.role r on r.id = ur.role_id
  where ur.revoked_at is null and (ur.expires_at is null or ur.expires_at > now());

create view security.user_assignments with (security_invoker = true) as
  select ua.user_id, ua.assigned_user_id, ua.tenant_id, ua.valid_from, ua.expires_at, ua.assigned_at
  from security.user_assignment ua
  where ua.expires_at is null or ua.expires_at > now();

grant select, insert, update, delete on
  security.tenants, security.users, security.roles, security.user_roles, security.user_assignments
  to bailiwick_operator;

-- ---------------------------------------------------------------------------------------------------------------------
-- Who is in which tenant.

-- Whether the user is in the tenant, where they are placed if they are in none.
create function security.place_user(user_id text, tenant_id text) returns boolean
  language plpgsql volatile security invoker set search_path = pg_catalog, pg_temp as $$
declare
  home text;
begin
  select u.tenant_id into home from security.app_user u where u.id = place_user.user_id;
  if not found then
    raise exception 'there is no user `%`', place_user.user_id using errcode = 'foreign_key_violation';
  elsif home = place_user.tenant_id then
    return true;
  elsif home is not null then
    raise notice 'user `%` belongs to another tenant than `%`: skipped', place_user.user_id, place_user.tenant_id;
    return false;
  elsif exists (select from identity.platform_admin p where p.user_id = place_user.user_id) then
    raise notice 'user `%` is a platform admin and belongs to no tenant: skipped', place_user.user_id;
    return false;
  end if;
  begin
    update security.app_user u set tenant_id = place_user.tenant_id where u.id = place_user.user_id and u.tenant_id is null;
  exception when unique_violation then
    raise notice 'tenant `%` has a user with the address of `%`: skipped', place_user.tenant_id, place_user.user_id;
    return false;
  end;
  -- whoever has placed them meanwhile was first
  return exists (select from security.app_user u where u.id = place_user.user_id and u.tenant_id = place_user.tenant_id);
end $$;

-- ---------------------------------------------------------------------------------------------------------------------
-- user_roles

-- Assigns the role; null where the row is skipped.
create function security.assign_named_role(wanted security.user_roles) returns security.user_roles
  language plpgsql volatile security invoker set search_path = pg_catalog, pg_temp as $$
declare
  own_role_id text;
  made record;
begin
  if wanted.user_id is null or wanted.role_id is null then
    raise exception 'a `user_roles` row has a user and a role' using errcode = 'not_null_violation';
  elsif wanted.tenant_id is null then
    if not exists (select from security.preset_role p where p.name = wanted.role_id) then
      raise exception 'no preset has a role `%`: without a tenant, only a preset''s role can be assigned', wanted.role_id
        using errcode = 'foreign_key_violation';
    end if;
    insert into security.user_role as ur (id, user_id, role_name, valid_from, expires_at)
      values (coalesce(wanted.id, gen_random_uuid()::text), wanted.user_id, wanted.role_id, wanted.valid_from, wanted.expires_at)
      on conflict (user_id, role_name) where revoked_at is null and tenant_id is null
        do update set valid_from = excluded.valid_from, expires_at = excluded.expires_at, assigned_at = now()
        where ur.expires_at <= now()
      returning ur.id, ur.assigned_at into made;
  elsif not security.place_user(wanted.user_id, wanted.tenant_id) then
    return null;
  else
    select r.id into own_role_id from security.role r
      where r.tenant_id = wanted.tenant_id and (r.name = wanted.role_id or r.id = wanted.role_id)
      order by r.name = wanted.role_id desc limit 1;
    if own_role_id is null then
      raise exception 'tenant `%` has no role `%`', wanted.tenant_id, wanted.role_id using errcode = 'foreign_key_violation';
    end if;
    insert into security.user_role as ur (id, user_id, role_id, tenant_id, valid_from, expires_at)
      values (coalesce(wanted.id, gen_random_uuid()::text), wanted.user_id, own_role_id, wanted.tenant_id, wanted.valid_from,
              wanted.expires_at)
      on conflict (user_id, role_id) where revoked_at is null
        do update set valid_from = excluded.valid_from, expires_at = excluded.expires_at, assigned_at = now()
        where ur.expires_at <= now()
      returning ur.id, ur.assigned_at into made;
  end if;
  if made is null then
    raise notice 'user `%` has role `%` there already: left as it is', wanted.user_id, wanted.role_id;
    return null;
  end if;
  wanted.id := made.id;
  wanted.assigned_at := made.assigned_at;
  return wanted;
end $$;

create function security.write_user_roles() returns trigger
  language plpgsql security invoker set search_path = pg_catalog, pg_temp as $$
declare
  written record;
begin
  if tg_op = 'INSERT' then
    written := security.assign_named_role(new);
    return written;
  elsif tg_op = 'UPDATE' and (new.user_id, new.role_id, new.tenant_id) is not distinct from
                             (old.user_id, old.role_id, old.tenant_id) then
    update security.user_role ur set valid_from = new.valid_from, expires_at = new.expires_at
      where ur.id = old.id and ur.revoked_at is null;
    return case when found then new end;
  end if;
  -- a row that is gone leaves a tombstone; one that turns into another is revoked and assigned in one transaction
  update security.user_role ur set revoked_at = now() where ur.id = old.id and ur.revoked_at is null;
  if not found then
    return null;
  elsif tg_op = 'DELETE' then
    return old;
  end if;
  new.id := null;
  written := security.assign_named_role(new);
  if written.id is null then
    raise exception 'user `%` cannot be given role `%` instead', new.user_id, new.role_id using errcode = 'check_violation';
  end if;
  return written;
end $$;
create trigger trg_write instead of insert or update or delete on security.user_roles
  for each row execute function security.write_user_roles();

-- ---------------------------------------------------------------------------------------------------------------------
-- user_assignments

create function security.write_user_assignments() returns trigger
  language plpgsql security invoker set search_path = pg_catalog, pg_temp as $$
begin
  -- the tenant may be left out: it is the manager's
  new.tenant_id := coalesce(new.tenant_id, (select u.tenant_id from security.app_user u where u.id = new.user_id));
  if new.user_id is null or new.assigned_user_id is null or new.tenant_id is null then
    raise exception 'a `user_assignments` row has a manager, a rep and a tenant' using errcode = 'not_null_violation';
  elsif exists (select from security.app_user u where u.id in (new.user_id, new.assigned_user_id)
                and u.tenant_id <> new.tenant_id) then
    raise notice 'manager `%` and rep `%` are not both of tenant `%`: skipped', new.user_id, new.assigned_user_id,
      new.tenant_id;
    return null;
  elsif not (security.place_user(new.user_id, new.tenant_id) and security.place_user(new.assigned_user_id, new.tenant_id)) then
    return null;
  end if;
  insert into security.user_assignment as ua (user_id, assigned_user_id, tenant_id, valid_from, expires_at)
    values (new.user_id, new.assigned_user_id, new.tenant_id, new.valid_from, new.expires_at)
    on conflict (tenant_id, user_id, assigned_user_id)
      do update set valid_from = excluded.valid_from, expires_at = excluded.expires_at, assigned_at = now()
      where ua.expires_at <= now()
    returning ua.assigned_at into new.assigned_at;
  if not found then
    raise notice 'rep `%` is assigned to manager `%` already: left as it is', new.assigned_user_id, new.user_id;
    return null;
  end if;
  return new;
end $$;
create trigger trg_write instead of insert on security.user_assignments
  for each row execute function security.write_user_assignments();

-- ---------------------------------------------------------------------------------------------------------------------
-- roles. A name that is there already is left; a new role belongs to one tenant, which `bailiwick.tenant_id` names, and so
-- does one that is changed or goes.

create function security.write_roles() returns trigger
  language plpgsql security invoker set search_path = pg_catalog, pg_temp as $$
declare
  tenant constant text := nullif(current_setting('bailiwick.tenant_id', true), '');
begin
  if tg_op = 'INSERT' and (exists (select from security.preset_role p where p.name = new.name)
     or exists (select from security.role r where r.name = new.name and (tenant is null or r.tenant_id = tenant))) then
    raise notice 'there is a role `%` already: left as it is', new.name;
    return null;
  elsif tenant is null then
    raise exception 'a role belongs to one tenant: name it with `set bailiwick.tenant_id = …`, or write to `security.role`'
      using errcode = 'object_not_in_prerequisite_state';
  end if;
  if tg_op = 'INSERT' then
    new.description := coalesce(new.description, '');
    new.is_system := false;
    insert into security.role (tenant_id, name, description) values (tenant, new.name, new.description);
  elsif tg_op = 'UPDATE' then
    update security.role r set name = new.name, description = new.description where r.tenant_id = tenant and r.name = old.name;
  else
    delete from security.role_permission g using security.role r
      where g.role_id = r.id and r.tenant_id = tenant and r.name = old.name;
    delete from security.role r where r.tenant_id = tenant and r.name = old.name;
  end if;
  if not found then
    raise notice 'tenant `%` has no role `%`: skipped', tenant, old.name;
    return null;
  elsif tg_op = 'DELETE' then
    return old;
  end if;
  new.id := new.name;
  return new;
end $$;
create trigger trg_write instead of insert or update or delete on security.roles
  for each row execute function security.write_roles();

-- ---------------------------------------------------------------------------------------------------------------------
-- What hangs on a user goes with them; a tenant with people in it is ended by `identity.end_tenant` alone.

create function security.delete_user() returns trigger
  language plpgsql security invoker set search_path = pg_catalog, pg_temp as $$
begin
  if old.tenant_id is not null then
    return case when security.remove_user(old.tenant_id, old.id) then old end;
  end if;
  delete from security.user_role ur where ur.user_id = old.id;
  delete from security.app_user u where u.id = old.id;
  return case when found then old end;
end $$;
create trigger trg_delete instead of delete on security.users
  for each row execute function security.delete_user();

create function security.delete_tenant() returns trigger
  language plpgsql security invoker set search_path = pg_catalog, pg_temp as $$
begin
  if exists (select from security.app_user u where u.tenant_id = old.id) then
    raise exception 'tenant `%` has people in it', old.name
      using errcode = 'foreign_key_violation', hint = 'Everything of it goes with `select identity.end_tenant(…)`.';
  end if;
  perform identity.end_tenant(old.id);
  return old;
end $$;
create trigger trg_delete instead of delete on security.tenants
  for each row execute function security.delete_tenant();

-- SQL that would leave records without an owner is told so in the words of the service.
create function security.require_no_records() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  owned constant bigint := (select count(*) from security.record o
    where o.tenant_id = old.tenant_id and o.owner_user_id = old.id);
begin
  if owned > 0 then
    perform security.refuse('OWNS_RECORDS', format('`%s` owns %s records: somebody must own them from then on', old.id, owned));
  end if;
  return old;
end $$;
create trigger trg_owns_records before delete on security.app_user
  for each row execute function security.require_no_records();

revoke execute on function security.require_no_records, security.place_user, security.assign_named_role,
  security.write_user_roles, security.write_user_assignments, security.write_roles, security.delete_user,
  security.delete_tenant from public;
grant execute on function security.place_user, security.assign_named_role to bailiwick_operator;

reset role;

do $$
declare
  moved text;
begin
  if not has_schema_privilege('public', 'create') then
    raise exception 'the views of the sales template go into schema `public`, where `%` may make nothing', current_user
      using hint = format('As the database''s owner: grant create on schema public to %I', current_user);
  end if;
  foreach moved in array array['tenants', 'users', 'roles', 'user_roles', 'user_assignments'] loop
    if to_regclass('public.' || moved) is not null then
      raise exception 'schema `public` has a `%` already: this database is another program''s too', moved;
    end if;
    execute format('alter view security.%I set schema public', moved);
  end loop;
end $$;
