-- Presets in the database: a tenant comes into being with the system roles of its preset, whoever creates it.
--
-- The rows of `security.preset_role` follow presets/*.yaml when a service starts. System roles are made, and kept equal
-- to their preset, by the functions below alone; nobody else changes them (0008).
set local role bailiwick_owner;

create table security.preset_role (
  preset      text not null,
  name        text not null,
  description text not null,
  -- what the role holds, and what its holders may hand out without holding it
  permissions text[] not null,
  delegates   text[] not null,
  constraint pk_preset_role primary key (preset, name),
  constraint chk_preset_role_preset check (preset in ('rcm', 'emr', 'sales'))
);
grant select on security.preset_role to bailiwick_service, bailiwick_operator;
grant select, insert, update, delete on security.preset_role to bailiwick_sync;

-- Moves on with every change of description or permission set, whoever makes it: what an `If-Match` is held against.
alter table security.role add column version bigint not null default 1;
alter table security.role add column updated_at timestamptz not null default now();

-- `ADMIN` beside a preset's `admin` would be taken for it.
alter table security.role drop constraint uq_role_name;
create unique index uq_role_name on security.role (tenant_id, lower(name));

create or replace function sync.projected(table_name text, content jsonb) returns jsonb
  language sql immutable parallel safe
  return case table_name
    when 'tenant' then content - array['slug', 'name', 'preset', 'created_at']
    when 'platform_admin' then content - array['granted_at']
    when 'app_user' then jsonb_build_object('id', content->'id', 'tenant_id', content->'tenant_id', 'status', content->'status')
    when 'role' then content - array['description', 'created_at', 'version', 'updated_at']
    when 'role_permission' then content - array['granted_at', 'xid']
    when 'user_role' then content - array['assigned_at', 'ordinal', 'xid']
    when 'user_assignment' then content - array['assigned_at']
    when 'record' then content - array['created_at']
  end;

-- Gives the tenants the roles of their presets, and these the permissions that the presets state; a role that stands so
-- already is left alone. A role of a preset that the tenant no longer has stays as it is. Null: every tenant.
create function security.apply_presets(only_tenant_id text default null) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  -- a readable id where there is room for one
  insert into security.role (id, tenant_id, name, description, is_system)
    select case when security.valid_id(made.id) and not exists (select from security.role taken where taken.id = made.id)
             then made.id else gen_random_uuid()::text end,
           t.id, p.name, p.description, true
    from identity.tenant t
      join security.preset_role p on p.preset = t.preset
      cross join lateral (select t.id || '.' || lower(p.name) as id) made
    where (only_tenant_id is null or t.id = only_tenant_id)
      and not exists (select from security.role r where r.tenant_id = t.id and r.name = p.name)
    order by t.id, p.name;
  update security.role r set description = p.description
    from identity.tenant t join security.preset_role p on p.preset = t.preset
    where r.tenant_id = t.id and r.name = p.name and r.is_system and r.description <> p.description
      and (only_tenant_id is null or t.id = only_tenant_id);
  delete from security.role_permission g
    using security.role r, identity.tenant t, security.preset_role p
    where g.role_id = r.id and r.is_system and t.id = r.tenant_id and p.preset = t.preset and p.name = r.name
      and g.permission_id <> all (p.permissions)
      and (only_tenant_id is null or t.id = only_tenant_id);
  insert into security.role_permission (role_id, permission_id, tenant_id)
    select r.id, wanted.permission_id, r.tenant_id
    from security.role r
      join identity.tenant t on t.id = r.tenant_id
      join security.preset_role p on p.preset = t.preset and p.name = r.name
      cross join lateral unnest(p.permissions) as wanted (permission_id)
    where r.is_system and (only_tenant_id is null or t.id = only_tenant_id)
      and not exists (select from security.role_permission g
                      where g.role_id = r.id and g.permission_id = wanted.permission_id);
end $$;
revoke execute on function security.apply_presets from public;
grant execute on function security.apply_presets to bailiwick_sync;

create function security.apply_presets_to_new() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform security.apply_presets(new.id);
  return null;
end $$;
create trigger trg_preset_roles after insert or update of preset on identity.tenant
  for each row execute function security.apply_presets_to_new();

-- A role's version moves on with its permission set and its description, once a transaction: a row that this one has
-- made or moved already is left.
create function security.touch_roles() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  role_ids text[];
begin
  if tg_op = 'INSERT' then
    select array_agg(n.role_id) into role_ids from new_rows n;
  elsif tg_op = 'DELETE' then
    select array_agg(o.role_id) into role_ids from old_rows o;
  else
    select array_agg(c.role_id) into role_ids
      from (select o.role_id from old_rows o union all select n.role_id from new_rows n) c;
  end if;
  update security.role r set version = r.version + 1, updated_at = now()
    where r.id = any (role_ids) and r.xmin <> pg_current_xact_id()::xid;
  return null;
end $$;
create trigger trg_role_version_insert after insert on security.role_permission referencing new table as new_rows
  for each statement execute function security.touch_roles();
create trigger trg_role_version_update after update on security.role_permission
  referencing old table as old_rows new table as new_rows for each statement execute function security.touch_roles();
create trigger trg_role_version_delete after delete on security.role_permission referencing old table as old_rows
  for each statement execute function security.touch_roles();

create function security.describe_role() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  new.version := old.version + 1;
  new.updated_at := now();
  return new;
end $$;
create trigger trg_role_version before update of description, name on security.role
  for each row when ((new.description, new.name) is distinct from (old.description, old.name))
  execute function security.describe_role();

-- Ends a tenant: every row of it goes, and with the rows every tuple. What was written down about it stays.
create function identity.end_tenant(tenant_id text) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  delete from security.record r where r.tenant_id = end_tenant.tenant_id;
  delete from security.user_assignment a where a.tenant_id = end_tenant.tenant_id;
  delete from security.user_role ur where ur.tenant_id = end_tenant.tenant_id
    or ur.user_id in (select u.id from security.app_user u where u.tenant_id = end_tenant.tenant_id);
  delete from security.role_permission g where g.tenant_id = end_tenant.tenant_id;
  delete from security.role r where r.tenant_id = end_tenant.tenant_id;
  delete from security.service_key k where k.tenant_id = end_tenant.tenant_id;
  delete from identity.impersonation i where i.tenant_id = end_tenant.tenant_id
    or i.actor_user_id in (select u.id from security.app_user u where u.tenant_id = end_tenant.tenant_id);
  delete from identity.platform_admin p
    where p.user_id in (select u.id from security.app_user u where u.tenant_id = end_tenant.tenant_id);
  delete from security.app_user u where u.tenant_id = end_tenant.tenant_id;
  delete from identity.tenant t where t.id = end_tenant.tenant_id;
end $$;
revoke execute on function identity.end_tenant from public;
grant execute on function identity.end_tenant to bailiwick_operator;

-- A global assignment is a row of no tenant. What it gives a user of the tenant in scope is the tenant's to see; it stays
-- the platform's to change.
create policy p_service_global on security.user_role for select to bailiwick_service
  using (tenant_id is null and exists (select from security.app_user u where u.id = user_id));

reset role;
