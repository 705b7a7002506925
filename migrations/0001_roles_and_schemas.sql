-- The house's own roles and schemas.
--
-- Roles carry rights and never log in; an operator makes logins and grants them one of these. Roles belong to the
-- cluster, so a second database of the same cluster finds them made already (and may race with this one).
do $$
declare
  wanted text;
begin
  foreach wanted in array array['bailiwick_owner', 'bailiwick_migrator', 'bailiwick_service', 'bailiwick_sync',
                                'bailiwick_auditor', 'bailiwick_operator'] loop
    begin
      if not exists (select from pg_roles where rolname = wanted) then
        execute format('create role %I nologin', wanted);
      end if;
    exception when duplicate_object or unique_violation then
      null; -- another database of this cluster was migrated at the same moment
    end;
  end loop;
  -- Whoever migrates acts as the owner; nobody else ever does.
  if not pg_has_role('bailiwick_migrator', 'bailiwick_owner', 'member') then
    grant bailiwick_owner to bailiwick_migrator;
  end if;
  -- `usage`, because whoever made a role is its member without being able to take it on (Postgres 16 and later).
  if not pg_has_role(current_user, 'bailiwick_owner', 'usage') then
    execute format('grant bailiwick_owner to %I', current_user);
  end if;
end $$;

revoke create on schema public from public;

create schema identity authorization bailiwick_owner;
create schema security authorization bailiwick_owner;
create schema audit authorization bailiwick_owner;
create schema sync authorization bailiwick_owner;

set local role bailiwick_owner;

grant usage on schema identity, security, audit, sync to bailiwick_service, bailiwick_sync, bailiwick_operator;
grant usage on schema identity, audit to bailiwick_auditor;

-- The grammar of ids, the same as in src/shared/ids.ts: what OpenFGA would read as structure is not an id.
create function security.valid_id(id text) returns boolean
  language sql immutable parallel safe
  return id ~ '^[A-Za-z0-9_][A-Za-z0-9_.@|+=~-]{0,119}$';

-- What the service may see: the one tenant it has named, or everything where it has said that it acts for the platform.
create function security.in_scope(tenant_id text) returns boolean
  language sql stable parallel safe
  return tenant_id = current_setting('bailiwick.tenant_id', true)
      or current_setting('bailiwick.platform', true) = 'on';

reset role;
