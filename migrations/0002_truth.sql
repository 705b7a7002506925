-- The truth: tenants, people, roles, who manages whom, what belongs to whom.
--
-- `tenant_id` stands on every tenant table, also where a join would find it: row security reads it, and composite
-- foreign keys make a row that mixes two tenants impossible.
set local role bailiwick_owner;

create table identity.tenant (
  id         text not null default gen_random_uuid()::text,
  slug       text not null,
  name       text not null,
  status     text not null default 'active',
  preset     text not null,
  created_at timestamptz not null default now(),
  constraint pk_tenant primary key (id),
  constraint uq_tenant_slug unique (slug),
  constraint uq_tenant_name unique (name),
  constraint chk_tenant_id check (security.valid_id(id)),
  -- `platform` is where platform users sign in.
  constraint chk_tenant_slug check (slug ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$' and slug <> 'platform'),
  constraint chk_tenant_name check (char_length(name) between 1 and 200),
  constraint chk_tenant_status check (status in ('active', 'read_only', 'suspended')),
  constraint chk_tenant_preset check (preset in ('rcm', 'emr', 'sales'))
);

-- Outlives what it speaks of: no foreign keys.
create table identity.tenant_audit (
  id            bigint generated always as identity,
  tenant_id     text not null,
  event_type    text not null,
  ts            timestamptz not null default now(),
  actor_user_id text,
  details       jsonb not null default '{}',
  constraint pk_tenant_audit primary key (id),
  constraint chk_tenant_audit_event_type check (event_type ~ '^[A-Z][A-Z0-9_]*$')
);
create index ix_tenant_audit_tenant on identity.tenant_audit (tenant_id, ts);

create table security.app_user (
  id                   text not null default gen_random_uuid()::text,
  -- null: a platform user, or somebody not yet placed in a tenant
  tenant_id            text,
  email                text not null,
  display_name         text not null default '',
  status               text not null default 'active',
  must_change_password boolean not null default false,
  created_at           timestamptz not null default now(),
  constraint pk_app_user primary key (id),
  constraint uq_app_user_tenant unique (id, tenant_id),
  constraint fk_app_user_tenant foreign key (tenant_id) references identity.tenant (id),
  constraint chk_app_user_id check (security.valid_id(id)),
  constraint chk_app_user_email check (email ~ '^[^@[:space:]]+@[^@[:space:]]+$' and char_length(email) <= 254),
  constraint chk_app_user_display_name check (char_length(display_name) <= 200),
  constraint chk_app_user_status check (status in ('active', 'disabled'))
);
create unique index uq_app_user_email on security.app_user (coalesce(tenant_id, ''), lower(email));
create index ix_app_user_tenant on security.app_user (tenant_id, id);

create table identity.platform_admin (
  user_id    text not null,
  granted_at timestamptz not null default now(),
  constraint pk_platform_admin primary key (user_id),
  constraint fk_platform_admin_user foreign key (user_id) references security.app_user (id)
);

create table identity.impersonation (
  id            text not null default gen_random_uuid()::text,
  actor_user_id text not null,
  tenant_id     text not null,
  reason        text not null,
  started_at    timestamptz not null default now(),
  expires_at    timestamptz not null default now() + interval '60 minutes',
  ended_at      timestamptz,
  constraint pk_impersonation primary key (id),
  constraint fk_impersonation_actor foreign key (actor_user_id) references security.app_user (id),
  constraint fk_impersonation_tenant foreign key (tenant_id) references identity.tenant (id),
  constraint chk_impersonation_reason check (char_length(reason) between 1 and 1000),
  constraint chk_impersonation_window check (expires_at > started_at and expires_at <= started_at + interval '60 minutes')
);
create index ix_impersonation_tenant on identity.impersonation (tenant_id, started_at);

-- Derived from model.fga when the service starts; never edited by hand.
create table security.permission (
  id          text not null,
  group_name  text not null,
  description text not null,
  kind        text not null,
  object_type text not null,
  constraint pk_permission primary key (id),
  -- `grant.` and the name together are a relation, and OpenFGA's relations end at 50 characters.
  constraint chk_permission_id check (id ~ '^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$' and char_length(id) <= 44),
  constraint chk_permission_kind check (kind in ('read', 'write')),
  constraint chk_permission_object_type check (object_type in ('tenant', 'profile', 'record'))
);

create table security.role (
  id          text not null default gen_random_uuid()::text,
  tenant_id   text not null,
  name        text not null,
  description text not null default '',
  is_system   boolean not null default false,
  created_at  timestamptz not null default now(),
  constraint pk_role primary key (id),
  constraint uq_role_tenant unique (id, tenant_id),
  constraint uq_role_name unique (tenant_id, name),
  constraint fk_role_tenant foreign key (tenant_id) references identity.tenant (id),
  constraint chk_role_id check (security.valid_id(id)),
  -- Preset roles stand as the presets print them, some in lower case.
  constraint chk_role_name check (char_length(name) <= 64 and name <> 'PLATFORM_ADMIN'
    and (name ~ '^[A-Z][A-Z0-9_]*$' or is_system and name ~ '^[a-z][a-z0-9_]*$')),
  constraint chk_role_description check (char_length(description) <= 1000)
);

create table security.role_permission (
  role_id       text not null,
  permission_id text not null,
  -- the role's; filled in where the writer leaves it out
  tenant_id     text not null,
  granted_at    timestamptz not null default now(),
  constraint pk_role_permission primary key (role_id, permission_id),
  constraint fk_role_permission_role foreign key (role_id, tenant_id) references security.role (id, tenant_id),
  constraint fk_role_permission_permission foreign key (permission_id) references security.permission (id)
);
create index ix_role_permission_permission on security.role_permission (permission_id);
create index ix_role_permission_tenant on security.role_permission (tenant_id, role_id);

-- A revoked row stays as a tombstone. A global assignment has no tenant and names its role: it counts in every tenant
-- whose preset brought a role of that name.
create table security.user_role (
  id          text not null default gen_random_uuid()::text,
  user_id     text not null,
  role_id     text,
  role_name   text,
  tenant_id   text,
  valid_from  timestamptz,
  expires_at  timestamptz,
  revoked_at  timestamptz,
  assigned_at timestamptz not null default now(),
  -- which of the role's two relations carries this row's tuple; set by trg_user_role_slot alone
  slot        text not null default 'a',
  ordinal     bigint generated always as identity,
  constraint pk_user_role primary key (id),
  constraint fk_user_role_user foreign key (user_id) references security.app_user (id),
  constraint fk_user_role_member foreign key (user_id, tenant_id) references security.app_user (id, tenant_id),
  constraint fk_user_role_role foreign key (role_id, tenant_id) references security.role (id, tenant_id),
  constraint chk_user_role_scope check ((role_id is null) = (tenant_id is null) and (role_id is null) <> (role_name is null)),
  constraint chk_user_role_window check (expires_at > valid_from),
  constraint chk_user_role_slot check (slot in ('a', 'b'))
);
create unique index uq_user_role_active on security.user_role (user_id, role_id) where revoked_at is null;
create unique index uq_user_role_active_global on security.user_role (user_id, role_name)
  where revoked_at is null and tenant_id is null;
create index ix_user_role_pair on security.user_role (user_id, role_id, ordinal);
create index ix_user_role_role on security.user_role (role_id, user_id);
create index ix_user_role_global on security.user_role (role_name, user_id) where tenant_id is null;
create index ix_user_role_tenant on security.user_role (tenant_id);

-- `user_id` manages `assigned_user_id`.
create table security.user_assignment (
  user_id          text not null,
  assigned_user_id text not null,
  tenant_id        text not null,
  valid_from       timestamptz,
  expires_at       timestamptz,
  assigned_at      timestamptz not null default now(),
  constraint pk_user_assignment primary key (tenant_id, user_id, assigned_user_id),
  constraint fk_user_assignment_manager foreign key (user_id, tenant_id) references security.app_user (id, tenant_id),
  constraint fk_user_assignment_rep foreign key (assigned_user_id, tenant_id) references security.app_user (id, tenant_id),
  constraint chk_user_assignment_pair check (user_id <> assigned_user_id),
  constraint chk_user_assignment_window check (expires_at > valid_from)
);
create index ix_user_assignment_rep on security.user_assignment (tenant_id, assigned_user_id);
create index ix_user_assignment_manager on security.user_assignment (user_id, tenant_id);

create table security.record (
  tenant_id     text not null,
  id            text not null,
  owner_user_id text not null,
  created_at    timestamptz not null default now(),
  constraint pk_record primary key (tenant_id, id),
  constraint fk_record_tenant foreign key (tenant_id) references identity.tenant (id),
  constraint fk_record_owner foreign key (owner_user_id, tenant_id) references security.app_user (id, tenant_id),
  constraint chk_record_id check (security.valid_id(id))
);
create index ix_record_owner on security.record (tenant_id, owner_user_id, id);

-- Keys of backends. Only the hash is kept; `tenant_id` null may ask about every tenant.
create table security.service_key (
  id         text not null,
  name       text not null,
  key_hash   bytea not null,
  tenant_id  text,
  scope      text not null default 'decide',
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  revoked_at timestamptz,
  constraint pk_service_key primary key (id),
  constraint fk_service_key_tenant foreign key (tenant_id) references identity.tenant (id),
  constraint chk_service_key_id check (id ~ '^[0-9a-f]{16,64}$'),
  constraint chk_service_key_name check (char_length(name) between 1 and 100),
  constraint chk_service_key_hash check (octet_length(key_hash) = 32),
  constraint chk_service_key_scope check (scope = 'decide')
);
create index ix_service_key_tenant on security.service_key (tenant_id);

-- The tenant of a role's grant or assignment is the role's: a writer may leave it out.
create function security.fill_role_tenant() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if new.tenant_id is null and new.role_id is not null then
    new.tenant_id := (select r.tenant_id from security.role r where r.id = new.role_id);
  end if;
  return new;
end $$;
create trigger trg_role_permission_tenant before insert on security.role_permission
  for each row execute function security.fill_role_tenant();
create trigger trg_user_role_tenant before insert on security.user_role
  for each row execute function security.fill_role_tenant();

-- OpenFGA cannot change a stored tuple's condition in one step, so a role has two relations, `a` and `b`, and a row
-- whose window changes, or a pair assigned anew, moves to the other one: write the new, delete the old, one Write.
create function security.set_slot() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  last_slot text;
begin
  if tg_op = 'INSERT'
     or (new.user_id, new.role_id, new.role_name) is distinct from (old.user_id, old.role_id, old.role_name) then
    select ur.slot into last_slot from security.user_role ur
      where ur.user_id = new.user_id and ur.role_id is not distinct from new.role_id
        and ur.role_name is not distinct from new.role_name and ur.id <> new.id
      order by ur.ordinal desc limit 1;
    new.slot := case last_slot when 'a' then 'b' else 'a' end;
  elsif (new.valid_from, new.expires_at) is distinct from (old.valid_from, old.expires_at)
     or old.revoked_at is not null and new.revoked_at is null then
    new.slot := case old.slot when 'a' then 'b' else 'a' end;
  else
    new.slot := old.slot;
  end if;
  return new;
end $$;
create trigger trg_user_role_slot before insert or update on security.user_role
  for each row execute function security.set_slot();

reset role;
