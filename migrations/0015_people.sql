-- People and those who act from above: what an administrator gives and takes, and what an impersonation may be.
--
-- Impersonation  One at a time for each platform admin, at most an hour, never longer: the service may end one and nothing
--                else. It ends with its actor's seat. An emergency names a ticket and stands out in the tenant's history.
-- Passwords      Whoever gives somebody a one-time password, or another address, could sign in as them: they must hold, or
--                be allowed to hand out, all that the person has.
-- Entries        A one-time password that is given, and a lock that is ended, change no row that is captured otherwise;
--                `user.reset_password` comes from a trigger, `user.unlock` from `audit.note_unlock`.
set local role bailiwick_owner;

-- Names under which others than tenants are reached, or would be taken to be.
alter table identity.tenant add constraint chk_tenant_slug_reserved check (slug not in (
  'platform', 'www', 'api', 'app', 'admin', 'console', 'auth', 'login', 'sso', 'account', 'mail', 'smtp', 'static',
  'assets', 'cdn', 'status', 'health', 'metrics', 'docs', 'help', 'support', 'localhost'));

-- With a mailer, an administrator need not see the passwords that they cause.
alter table identity.tenant add column show_one_time_passwords boolean not null default true;

-- ---------------------------------------------------------------------------------------------------------------------
-- Impersonation.

alter table identity.impersonation add column ticket text;
alter table identity.impersonation add column is_emergency boolean not null default false;
alter table identity.impersonation add constraint chk_impersonation_ticket
  check (char_length(ticket) between 1 and 200);
alter table identity.impersonation add constraint chk_impersonation_emergency
  check (not is_emergency or ticket is not null);
alter table identity.impersonation add constraint chk_impersonation_end check (ended_at >= started_at);

-- Until now there could be several: the newest stays.
update identity.impersonation i set ended_at = greatest(i.started_at, least(now(), i.expires_at))
  where i.ended_at is null and (i.expires_at <= now() or exists (
    select from identity.impersonation later where later.actor_user_id = i.actor_user_id and later.ended_at is null
      and (later.started_at, later.id) > (i.started_at, i.id)));
create unique index uq_impersonation_active on identity.impersonation (actor_user_id) where ended_at is null;
create index ix_impersonation_expiry on identity.impersonation (expires_at) where ended_at is null;

revoke update, delete on identity.impersonation from bailiwick_service;
grant update (ended_at) on identity.impersonation to bailiwick_service;

-- What has ended stays as it ended.
create function identity.keep_ended() returns trigger
  language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  raise exception 'an impersonation that has ended is not changed' using errcode = 'check_violation';
end $$;
create trigger trg_impersonation_ended before update on identity.impersonation
  for each row when (old.ended_at is not null and old is distinct from new) execute function identity.keep_ended();

-- Whoever loses their seat, or is disabled, no longer acts in any tenant.
create function identity.end_impersonations_of_actor() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  update identity.impersonation i set ended_at = greatest(i.started_at, least(now(), i.expires_at))
    where i.actor_user_id = case tg_table_name when 'platform_admin' then to_jsonb(old)->>'user_id' else to_jsonb(old)->>'id' end
      and i.ended_at is null;
  return null;
end $$;
create trigger trg_impersonation_seat after delete or update of user_id on identity.platform_admin
  for each row execute function identity.end_impersonations_of_actor();
create trigger trg_impersonation_actor after update of status on security.app_user
  for each row when (old.status = 'active' and new.status <> 'active')
  execute function identity.end_impersonations_of_actor();

create or replace function identity.capture_event() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  execute format($q$
      with changed (o, n) as (%s), events (tenant_id, event_type, details) as (%s)
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
        select n->>'tenant_id', e.event_type,
               jsonb_build_object('impersonationId', n->>'id', 'reason', n->>'reason', 'ticket', n->>'ticket',
                                  'actorUserId', n->>'actor_user_id')
        from changed
          cross join lateral (
            select 1 as place, 'IMPERSONATION_STARTED' as event_type where o is null
            union all select 2, 'IMPERSONATION_EMERGENCY' where o is null and (n->>'is_emergency')::boolean
            union all select 3, 'IMPERSONATION_ENDED' where o->>'ended_at' is null and n->>'ended_at' is not null) e
        where n is not null order by n->>'id', e.place $q$
    end);
  return null;
end $$;

-- As before (0012), and a migration may take every seat, as it may leave a tenant without an admin.
create or replace function identity.keep_last_platform_admin() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if security.is_migration() or current_setting('role') = 'bailiwick_operator' then
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

-- ---------------------------------------------------------------------------------------------------------------------
-- Whoever could sign in as somebody could do what they may.

create function security.require_may_stand_in(user_id text) returns void
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  actor constant text := security.actor();
  tenant constant text := (select u.tenant_id from security.app_user u where u.id = require_may_stand_in.user_id);
begin
  if actor is null or actor = require_may_stand_in.user_id or security.is_platform_admin(actor) then
    return;
  elsif tenant is null then
    perform security.refuse('FORBIDDEN', 'only a platform admin does this to a platform user');
  end if;
  -- what they will be given at a later time counts, too
  perform security.require_may_hand_out(actor, tenant, array_agg(distinct w.permission_id) filter (where w.held),
      array_agg(distinct w.permission_id) filter (where not w.held), null)
    from (
      select x.permission_id, x.held
      from security.user_role ur
        join security.role r on r.tenant_id = tenant
          and (r.id = ur.role_id or ur.role_id is null and r.name = ur.role_name and r.is_system)
        join identity.tenant t on t.id = tenant
        cross join lateral (
          select g.permission_id, true as held from security.role_permission g where g.role_id = r.id
          union all
          select d, false from security.preset_role p cross join lateral unnest(p.delegates) d
            where r.is_system and p.preset = t.preset and p.name = r.name) x
      where ur.user_id = require_may_stand_in.user_id and ur.revoked_at is null
        and (ur.expires_at is null or ur.expires_at > clock_timestamp())) w;
end $$;
revoke execute on function security.require_may_stand_in from public;

create function security.guard_credential() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform security.require_may_stand_in(case tg_table_name when 'credential' then to_jsonb(new)->>'user_id'
                                        else to_jsonb(new)->>'id' end);
  return new;
end $$;
create trigger trg_escalation before insert or update of password_hash on security.credential
  for each row execute function security.guard_credential();
create trigger trg_escalation before update of email on security.app_user
  for each row when (old.email <> new.email) execute function security.guard_credential();

-- ---------------------------------------------------------------------------------------------------------------------
-- Entries.

-- `user.reset_password` where somebody is given a one-time password, but for the one that they begin with.
create function audit.capture_credential() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if tg_op = 'UPDATE' and old.password_hash = new.password_hash then
    return null;
  end if;
  perform audit.note_account(new.user_id, 'user.reset_password', 'USER_PASSWORD_RESET')
    from security.app_user u where u.id = new.user_id and u.created_at <> now();
  return null;
end $$;

create function audit.note_account(user_id text, purpose text, event_type text) returns void
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  actor constant text := audit.setting('actor_user_id');
  reason constant text := audit.setting('reason');
  tenant constant text :=
    coalesce((select u.tenant_id from security.app_user u where u.id = note_account.user_id), 'platform');
begin
  insert into audit.access_log (tenant_id, actor_user_id, actor_role, impersonation_id, request_id, change_id,
                                accessed_entity_type, accessed_entity_id, access_action, purpose, details)
    values (tenant, actor, case when actor is null then session_user end, audit.setting('impersonation_id'),
            audit.setting('request_id'), audit.setting('change_id'), 'app_user', note_account.user_id, 'WRITE',
            note_account.purpose, jsonb_strip_nulls(jsonb_build_object('reason', reason)));
  insert into identity.tenant_audit (tenant_id, event_type, actor_user_id, details)
    values (tenant, note_account.event_type, actor, jsonb_strip_nulls(jsonb_build_object(
      'userId', note_account.user_id, 'impersonationId', audit.setting('impersonation_id'), 'reason', reason)));
end $$;
create trigger trg_audit after insert or update on security.credential
  for each row when (new.one_time) execute function audit.capture_credential();

-- What the failures of a user were is known by their digest alone: whoever ends the lock has it written down here.
create function audit.note_unlock(user_id text) returns void
  language sql volatile security definer set search_path = pg_catalog, pg_temp
begin atomic
  select audit.note_account(note_unlock.user_id, 'user.unlock', 'USER_UNLOCKED');
end;

revoke execute on function audit.capture_credential, audit.note_account, audit.note_unlock from public;
grant execute on function audit.note_unlock to bailiwick_service, bailiwick_operator;

-- ---------------------------------------------------------------------------------------------------------------------
-- As before, and whether the actor has been disabled since they were asked about.
drop function security.writer_standing;
create function security.writer_standing(actor_user_id text, tenant_id text, impersonation_id text)
  returns table (tenant_status text, is_outside_admin boolean, is_member boolean, is_disabled boolean,
                 active_impersonation_id text)
  language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  select (select t.status from identity.tenant t where t.id = writer_standing.tenant_id for share),
         security.is_platform_admin(writer_standing.actor_user_id) and u.tenant_id is distinct from writer_standing.tenant_id,
         coalesce(u.tenant_id = writer_standing.tenant_id, false),
         coalesce(u.status <> 'active', false),
         (select i.id from identity.impersonation i
          where i.id = writer_standing.impersonation_id and i.actor_user_id = writer_standing.actor_user_id
            and i.tenant_id = writer_standing.tenant_id and i.ended_at is null and i.expires_at > clock_timestamp()
          for share)
  from (select writer_standing.actor_user_id as id) a left join security.app_user u on u.id = a.id
$$;
revoke execute on function security.writer_standing from public;
grant execute on function security.writer_standing to bailiwick_service;

-- Removes a user of a tenant with all that hangs on them, global assignments included; their records must be others'
-- already. Resolves to whether there was one.
create function security.remove_user(tenant_id text, user_id text) returns boolean
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform from security.app_user u where u.id = remove_user.user_id and u.tenant_id = remove_user.tenant_id for update;
  if not found then
    return false;
  elsif exists (select from identity.platform_admin p where p.user_id = remove_user.user_id) then
    perform security.refuse('FORBIDDEN', 'a platform admin is not removed by a tenant');
  end if;
  delete from security.user_role ur where ur.user_id = remove_user.user_id;
  delete from security.user_assignment a where remove_user.user_id in (a.user_id, a.assigned_user_id);
  delete from identity.session s where s.user_id = remove_user.user_id;
  delete from identity.impersonation i where i.actor_user_id = remove_user.user_id;
  delete from security.sign_in_failure f using security.app_user u
    where u.id = remove_user.user_id and f.tenant_id = u.tenant_id and f.email_key = security.email_key(u.email);
  delete from security.app_user u where u.id = remove_user.user_id;
  return true;
end $$;
revoke execute on function security.remove_user from public;
grant execute on function security.remove_user to bailiwick_service, bailiwick_operator;

-- Ends a tenant: every row of it goes, and with the rows every tuple. What was written down about it stays.
create or replace function identity.end_tenant(tenant_id text) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  update identity.impersonation i set ended_at = greatest(i.started_at, least(now(), i.expires_at))
    where i.ended_at is null and (i.tenant_id = end_tenant.tenant_id
      or i.actor_user_id in (select u.id from security.app_user u where u.tenant_id = end_tenant.tenant_id));
  delete from identity.session s where s.tenant_id = end_tenant.tenant_id
    or s.user_id in (select u.id from security.app_user u where u.tenant_id = end_tenant.tenant_id);
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
  delete from security.sign_in_failure f where f.tenant_id = end_tenant.tenant_id;
  delete from identity.mail_outbox m where m.tenant_id = end_tenant.tenant_id;
  delete from audit.idempotency_claim c where c.tenant_id = end_tenant.tenant_id;
  -- with their passwords
  delete from security.app_user u where u.tenant_id = end_tenant.tenant_id;
  delete from identity.tenant t where t.id = end_tenant.tenant_id;
end $$;

reset role;
