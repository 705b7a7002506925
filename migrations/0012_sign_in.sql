-- Signing in: who has which password, what was tried, who is in, and what our tokens are signed with.
--
-- A failure is counted before a password is looked at, in one statement, so that however many guesses arrive at once, no
-- more are looked at than the lock allows. It is counted by tenant and address, whether or not somebody has that address:
-- a lock tells nobody who is there.
set local role bailiwick_owner;

alter table security.app_user add column last_sign_in_at timestamptz;

-- How an address is found, however it was typed; and its fingerprint, which is all that a failure keeps of it: people
-- type passwords into the wrong field.
create function security.normal_email(email text) returns text
  language sql immutable parallel safe
  return lower(normalize(btrim(email), nfc));
create function security.email_key(email text) returns bytea
  language sql immutable parallel safe
  return sha256(convert_to(security.normal_email(email), 'utf8'));

-- One password a user. Whoever sees the user sees the row; only the service reads the hash.
create table security.credential (
  user_id             text not null,
  -- argon2id, in PHC form: its parameters are in it
  password_hash       text not null,
  -- made by us, shown once, good for one sign-in
  one_time            boolean not null default false,
  one_time_expires_at timestamptz,
  one_time_used_at    timestamptz,
  changed_at          timestamptz not null default now(),
  constraint pk_credential primary key (user_id),
  constraint fk_credential_user foreign key (user_id) references security.app_user (id) on delete cascade,
  constraint chk_credential_hash check (password_hash like '$argon2id$%' and char_length(password_hash) <= 256),
  constraint chk_credential_one_time check (one_time = (one_time_expires_at is not null)),
  constraint chk_credential_lifetime check (one_time_expires_at <= changed_at + interval '24 hours')
);

-- Consecutive failures. `tenant_id` is ':platform' for platform users and 'slug:…' where there is no such tenant.
create table security.sign_in_failure (
  tenant_id    text not null,
  email_key    bytea not null,
  failures     int not null,
  failed_at    timestamptz not null,
  locked_until timestamptz,
  constraint pk_sign_in_failure primary key (tenant_id, email_key),
  constraint chk_sign_in_failure_key check (octet_length(email_key) = 32),
  constraint chk_sign_in_failure_failures check (failures >= 0)
);
create index ix_sign_in_failure_failed on security.sign_in_failure (failed_at);

-- Failures by where they came from (an address or its network), in windows of some minutes.
create table security.sign_in_source (
  source       text not null,
  window_start timestamptz not null,
  failures     int not null,
  constraint pk_sign_in_source primary key (source),
  constraint chk_sign_in_source_source check (char_length(source) <= 64)
);
create index ix_sign_in_source_window on security.sign_in_source (window_start);

-- Who is in. A token names its session, and a session that has ended ends its tokens at once.
create table identity.session (
  id               text not null default gen_random_uuid()::text,
  user_id          text not null,
  -- what its tokens speak for: the user's own tenant, null for a platform user, or the one impersonated
  tenant_id        text,
  impersonation_id text,
  created_at       timestamptz not null default now(),
  last_seen_at     timestamptz not null default now(),
  expires_at       timestamptz not null,
  revoked_at       timestamptz,
  constraint pk_session primary key (id),
  constraint fk_session_user foreign key (user_id) references security.app_user (id) on delete cascade,
  constraint fk_session_tenant foreign key (tenant_id) references identity.tenant (id) on delete cascade,
  constraint fk_session_impersonation foreign key (impersonation_id) references identity.impersonation (id) on delete cascade,
  constraint chk_session_impersonation check (impersonation_id is null or tenant_id is not null),
  constraint chk_session_lifetime check (expires_at > created_at and expires_at <= created_at + interval '24 hours')
);
create index ix_session_user on identity.session (user_id) where revoked_at is null;
create index ix_session_tenant on identity.session (tenant_id);
create index ix_session_impersonation on identity.session (impersonation_id) where impersonation_id is not null;
create index ix_session_expires on identity.session (expires_at);

-- Keys of our tokens. The next one is published before it signs, and an old one for as long as a token of it may live.
create table identity.signing_key (
  kid           text not null,
  algorithm     text not null,
  public_jwk    jsonb not null,
  -- sealed with the setting BAILIWICK_SIGNING_SECRET: the database alone cannot sign
  private_key   bytea not null,
  created_at    timestamptz not null default now(),
  signs_from    timestamptz not null,
  constraint pk_signing_key primary key (kid),
  constraint chk_signing_key_algorithm check (algorithm = 'ES256'),
  constraint chk_signing_key_kid check (kid ~ '^[A-Za-z0-9_-]{1,64}$'),
  constraint chk_signing_key_public check (not public_jwk ? 'd')
);
create index ix_signing_key_signs_from on identity.signing_key (signs_from);

-- There is always somebody above the tenants: the service removes or disables no last platform admin. An operator may,
-- by design. The lock comes before the rows are touched, so that two who remove each other wait for each other.
create function identity.lock_platform_admins() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform pg_advisory_xact_lock(hashtext('bailiwick.platform_admin'));
  return null;
end $$;
create function identity.keep_last_platform_admin() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if current_setting('role') = 'bailiwick_operator' then
    return null;
  end if;
  if tg_table_name = 'app_user' then
    if not exists (select from identity.platform_admin p where p.user_id = old.id) then
      return null;
    end if;
  end if;
  perform pg_advisory_xact_lock(hashtext('bailiwick.platform_admin'));
  if not exists (select from identity.platform_admin p join security.app_user u on u.id = p.user_id
                 where u.status = 'active') then
    perform security.refuse('LAST_PLATFORM_ADMIN', 'the last platform admin stays');
  end if;
  return null;
end $$;
create trigger trg_platform_admin_lock before delete or update on identity.platform_admin
  for each statement execute function identity.lock_platform_admins();
create trigger trg_platform_admin_last after delete or update on identity.platform_admin
  for each statement execute function identity.keep_last_platform_admin();
create trigger trg_app_user_last_platform_admin after update of status on security.app_user
  for each row when (new.tenant_id is null and old.status = 'active' and new.status <> 'active')
  execute function identity.keep_last_platform_admin();

-- Who came to stand above the tenants and who no longer does is written down, whoever wrote it.
create function identity.audit_platform_admin() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  insert into identity.tenant_audit (tenant_id, event_type, actor_user_id, details)
    values ('platform', case tg_op when 'INSERT' then 'PLATFORM_ADMIN_ADDED' else 'PLATFORM_ADMIN_REMOVED' end,
            coalesce(nullif(current_setting('bailiwick.actor_user_id', true), ''), session_user::text),
            jsonb_build_object('userId', case tg_op when 'INSERT' then new.user_id else old.user_id end));
  return null;
end $$;
create trigger trg_platform_admin_audit after insert or delete on identity.platform_admin
  for each row execute function identity.audit_platform_admin();

do $$
declare
  guarded record;
begin
  for guarded in
    select * from (values
      ('security.credential', 'exists (select from security.app_user u where u.id = user_id)'),
      ('security.sign_in_failure', 'security.in_scope(tenant_id)'), ('security.sign_in_source', 'security.in_scope(null)'),
      ('identity.session', 'security.in_scope(tenant_id)'), ('identity.signing_key', 'security.in_scope(null)')
    ) as t (name, in_scope)
  loop
    execute format('alter table %s enable row level security', guarded.name);
    execute format('alter table %s force row level security', guarded.name);
    execute format('create policy p_owner on %s to bailiwick_owner using (true) with check (true)', guarded.name);
    execute format('create policy p_operator on %s to bailiwick_operator using (true) with check (true)', guarded.name);
    execute format('create policy p_service on %s to bailiwick_service using (%s)', guarded.name, guarded.in_scope);
  end loop;
end $$;

grant select, insert, update, delete on
  security.credential, security.sign_in_failure, security.sign_in_source, identity.session, identity.signing_key
  to bailiwick_service;
-- An operator gives and takes passwords and ends sessions, and reads neither hashes nor keys.
grant select (user_id, one_time, one_time_expires_at, one_time_used_at, changed_at), insert, update, delete
  on security.credential to bailiwick_operator;
grant select, delete on security.sign_in_failure, security.sign_in_source to bailiwick_operator;
grant select, update, delete on identity.session to bailiwick_operator;
grant select (kid, algorithm, public_jwk, created_at, signs_from), delete on identity.signing_key to bailiwick_operator;

reset role;
