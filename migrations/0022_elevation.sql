-- Rights for a time, asked for: somebody asks for a role, somebody else who may assign it says yes or no.
--
-- Approval    is one update. The row's own trigger assigns the role, in the name of whoever approves, so that the guards
--             of 0008 judge them, and what is approved is granted or the approval does not happen.
-- Nobody      decides about themselves, whoever writes: `chk_elevation_decider`.
-- Race        Whoever comes second finds the row as the first has left it, and is refused.
-- End         The assignment's window ends it, to the millisecond, in every answer. That it has ended is written down by
--             whoever sweeps (src/requests/sweeper.ts); a role that is revoked before ends the request with it.
-- Clock       Moments are the database's, to the millisecond: one clock for all who serve.
set local role bailiwick_owner;

-- What a tenant permits; without a row, the defaults.
create table security.access_policy (
  tenant_id              text not null,
  elevation_max_minutes  int not null default 480,
  elevation_answer_hours int not null default 72,
  delegation_max_days    int not null default 31,
  updated_at             timestamptz not null default now(),
  constraint pk_access_policy primary key (tenant_id),
  constraint fk_access_policy_tenant foreign key (tenant_id) references identity.tenant (id) on delete cascade,
  constraint chk_access_policy_elevation check (elevation_max_minutes between 1 and 10080),
  constraint chk_access_policy_answer check (elevation_answer_hours between 1 and 720),
  constraint chk_access_policy_delegation check (delegation_max_days between 1 and 365)
);

create function security.access_policy_of(tenant_id text) returns security.access_policy
  language sql stable security definer set search_path = pg_catalog, pg_temp
  return (select coalesce(p, row(access_policy_of.tenant_id, 480, 72, 31, now())::security.access_policy)
          from (select 1) one left join security.access_policy p on p.tenant_id = access_policy_of.tenant_id);

create table security.elevation (
  id                 text not null default gen_random_uuid()::text,
  tenant_id          text not null,
  user_id            text not null,
  role_id            text not null,
  reason             text not null,
  ticket             text,
  duration_minutes   int not null,
  status             text not null default 'pending',
  requested_at       timestamptz not null default now(),
  -- unanswered until then, it lapses
  answer_by          timestamptz not null,
  decided_at         timestamptz,
  decided_by_user_id text,
  decision_reason    text,
  assignment_id      text,
  expires_at         timestamptz,
  ended_at           timestamptz,
  constraint pk_elevation primary key (id),
  constraint fk_elevation_tenant foreign key (tenant_id) references identity.tenant (id) on delete cascade,
  constraint fk_elevation_user foreign key (user_id) references security.app_user (id) on delete cascade,
  constraint fk_elevation_role foreign key (role_id, tenant_id) references security.role (id, tenant_id) on delete cascade,
  constraint chk_elevation_reason check (char_length(reason) between 1 and 500),
  constraint chk_elevation_ticket check (char_length(ticket) between 1 and 200),
  constraint chk_elevation_decision_reason check (char_length(decision_reason) between 1 and 500),
  constraint chk_elevation_duration check (duration_minutes between 1 and 10080),
  constraint chk_elevation_status check (status in ('pending', 'approved', 'denied', 'cancelled', 'lapsed', 'ended', 'expired')),
  constraint chk_elevation_decider check (decided_by_user_id <> user_id),
  constraint chk_elevation_decided check (status not in ('approved', 'denied', 'ended', 'expired') or decided_by_user_id is not null),
  constraint chk_elevation_granted check (status not in ('approved', 'ended', 'expired')
    or expires_at is not null and assignment_id is not null)
);
create unique index uq_elevation_open on security.elevation (user_id, role_id) where status = 'pending';
create index ix_elevation_tenant on security.elevation (tenant_id, requested_at desc, id desc);
create index ix_elevation_user on security.elevation (user_id, requested_at desc, id desc);
create index ix_elevation_role on security.elevation (role_id, tenant_id);
create index ix_elevation_assignment on security.elevation (assignment_id) where status = 'approved';
create index ix_elevation_unanswered on security.elevation (answer_by) where status = 'pending';
create index ix_elevation_running on security.elevation (expires_at) where status = 'approved';

-- ---------------------------------------------------------------------------------------------------------------------
-- What the three ways to a role for a time have in common.

create function security.moment() returns timestamptz
  language sql volatile
  return date_trunc('milliseconds', clock_timestamp());

-- Refuses for whoever is no enabled user of the tenant; holds that they are one until the transaction ends.
create function security.require_member(user_id text, tenant_id text) returns void
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform from security.app_user u
    where u.id = require_member.user_id and u.tenant_id = require_member.tenant_id and u.status = 'active' for share;
  if not found then
    perform security.refuse('FORBIDDEN', format('`%s` is no enabled user of the tenant', require_member.user_id));
  end if;
end $$;

-- Refuses where the user has the role, now or in a time to come.
create function security.refuse_holder(user_id text, role_id text) returns void
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  if exists (select from security.user_role ur where ur.user_id = refuse_holder.user_id and ur.role_id = refuse_holder.role_id
             and ur.revoked_at is null and (ur.expires_at is null or ur.expires_at > clock_timestamp())) then
    perform security.refuse('ALREADY_ASSIGNED', format('`%s` has the role already', refuse_holder.user_id));
  end if;
end $$;

-- Assigns the role until then; resolves to the assignment. One that has run out is used again.
create function security.assign_for_a_time(holder text, role text, tenant text, starts timestamptz, ends timestamptz)
  returns text
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  assignment text;
begin
  insert into security.user_role as ur (user_id, role_id, tenant_id, valid_from, expires_at)
    values (holder, role, tenant, starts, ends)
    on conflict (user_id, role_id) where revoked_at is null
      do update set valid_from = excluded.valid_from, expires_at = excluded.expires_at, assigned_at = now()
      where ur.expires_at <= clock_timestamp()
    returning ur.id into assignment;
  if assignment is null then
    perform security.refuse('ALREADY_ASSIGNED', format('`%s` has the role already', holder));
  end if;
  return assignment;
end $$;

-- Takes back what was assigned so; what somebody has changed since is theirs.
create function security.take_back(assignment_id text, expires_at timestamptz) returns void
  language sql volatile security definer set search_path = pg_catalog, pg_temp
begin atomic
  update security.user_role ur set revoked_at = clock_timestamp()
    where ur.id = take_back.assignment_id and ur.revoked_at is null and ur.expires_at = take_back.expires_at;
end;

-- The entry of what happened to a request, and its line in the tenant's history.
create function audit.write_request(tenant_id text, entity_type text, entity_id text, verb text, details jsonb) returns void
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  actor constant text := audit.setting('actor_user_id');
  told constant jsonb := jsonb_strip_nulls(details || jsonb_build_object('reason',
    coalesce(details->>'reason', audit.setting('reason'))));
begin
  insert into audit.access_log (tenant_id, actor_user_id, actor_role, impersonation_id, request_id, change_id,
                                accessed_entity_type, accessed_entity_id, access_action, purpose, details)
    values (write_request.tenant_id, actor, case when actor is null then session_user end,
            audit.setting('impersonation_id'), audit.setting('request_id'), audit.setting('change_id'),
            write_request.entity_type, write_request.entity_id,
            case when verb in ('end', 'expire') then 'DELETE' else 'WRITE' end, entity_type || '.' || verb, told);
  insert into identity.tenant_audit (tenant_id, event_type, actor_user_id, details)
    values (write_request.tenant_id,
            upper(entity_type) || '_' || case verb
              when 'request' then 'REQUESTED' when 'deny' then 'DENIED' when 'cancel' then 'CANCELLED'
              when 'take' then 'TAKEN' else upper(rtrim(verb, 'e')) || 'ED' end,
            actor,
            jsonb_strip_nulls(told || jsonb_build_object('id', entity_id, 'impersonationId', audit.setting('impersonation_id'))));
end $$;

-- ---------------------------------------------------------------------------------------------------------------------
-- Elevation.

create function security.open_elevation() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  policy constant security.access_policy := security.access_policy_of(new.tenant_id);
begin
  if security.actor() <> new.user_id then
    perform security.refuse('FORBIDDEN', 'nobody asks for somebody else');
  end if;
  perform security.require_member(new.user_id, new.tenant_id);
  if new.duration_minutes > policy.elevation_max_minutes then
    perform security.refuse('INVALID_REQUEST',
      format('`durationMinutes` is more than the %s that the tenant permits', policy.elevation_max_minutes));
  end if;
  perform security.refuse_holder(new.user_id, new.role_id);
  -- one that nobody has answered in time is not in the way
  update security.elevation e set status = 'lapsed'
    where e.user_id = new.user_id and e.role_id = new.role_id and e.status = 'pending' and e.answer_by <= clock_timestamp();
  new.status := 'pending';
  new.requested_at := security.moment();
  new.answer_by := new.requested_at + policy.elevation_answer_hours * interval '1 hour';
  return new;
end $$;
create trigger trg_elevation_opened before insert on security.elevation
  for each row execute function security.open_elevation();

create function security.move_elevation() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  at constant timestamptz := security.moment();
  actor constant text := security.actor();
begin
  if (new.id, new.tenant_id, new.user_id, new.role_id, new.reason, new.ticket, new.duration_minutes, new.answer_by)
     is distinct from
     (old.id, old.tenant_id, old.user_id, old.role_id, old.reason, old.ticket, old.duration_minutes, old.answer_by) then
    raise exception 'what was asked for is not changed' using errcode = 'check_violation';
  end if;
  if old.status = 'pending' and new.status in ('approved', 'denied') then
    if old.answer_by <= at then
      perform security.refuse('REQUEST_CLOSED', 'the request was not answered in time');
    elsif actor is null then
      perform security.refuse('FORBIDDEN', 'a decision names who makes it');
    elsif actor = old.user_id then
      perform security.refuse('SELF_APPROVAL', 'nobody decides about their own request');
    end if;
    new.decided_by_user_id := actor;
    new.decided_at := at;
    if new.status = 'approved' then
      perform security.require_member(old.user_id, old.tenant_id);
      new.expires_at := at + old.duration_minutes * interval '1 minute';
      new.assignment_id := security.assign_for_a_time(old.user_id, old.role_id, old.tenant_id, null, new.expires_at);
    end if;
  elsif old.status = 'pending' and new.status = 'cancelled' or old.status = 'approved' and new.status = 'ended' then
    new.ended_at := at;
  elsif old.status = 'pending' and new.status = 'lapsed' and old.answer_by <= at then
    new.ended_at := old.answer_by;
  elsif old.status = 'approved' and new.status = 'expired' and old.expires_at <= at then
    new.ended_at := old.expires_at;
  else
    perform security.refuse('REQUEST_CLOSED', format('the request is %s', old.status));
  end if;
  return new;
end $$;
create trigger trg_elevation_moved before update on security.elevation
  for each row execute function security.move_elevation();

create function security.follow_elevation() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if new.status = 'ended' then
    perform security.take_back(new.assignment_id, new.expires_at);
  end if;
  perform audit.write_request(new.tenant_id, 'elevation', new.id,
    case new.status when 'pending' then 'request' when 'approved' then 'approve' when 'denied' then 'deny'
      when 'cancelled' then 'cancel' when 'lapsed' then 'lapse' when 'ended' then 'end' else 'expire' end,
    jsonb_build_object('userId', new.user_id, 'roleId', new.role_id,
      'roleName', (select r.name from security.role r where r.id = new.role_id),
      'durationMinutes', new.duration_minutes, 'ticket', new.ticket, 'expiresAt', new.expires_at,
      'assignmentId', new.assignment_id, 'requestReason', case when new.status <> 'pending' then new.reason end,
      'reason', case when new.status = 'pending' then new.reason
                     when new.status in ('approved', 'denied') then new.decision_reason end));
  return null;
end $$;
create trigger trg_elevation_followed after insert or update on security.elevation
  for each row execute function security.follow_elevation();

-- Whoever revokes the role, or gives it another time, ends the elevation that it came from.
create function security.end_elevations() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if tg_op = 'DELETE' then
    update security.elevation e
      set status = case when e.expires_at <= security.moment() then 'expired' else 'ended' end
      from old_rows o where e.assignment_id = o.id and e.status = 'approved';
  else
    update security.elevation e
      set status = case when e.expires_at <= security.moment() then 'expired' else 'ended' end
      from new_rows n where e.assignment_id = n.id and e.status = 'approved'
        and (n.revoked_at is not null or n.expires_at is distinct from e.expires_at);
  end if;
  return null;
end $$;
create trigger trg_elevation_update after update on security.user_role referencing new table as new_rows
  for each statement execute function security.end_elevations();
create trigger trg_elevation_delete after delete on security.user_role referencing old table as old_rows
  for each statement execute function security.end_elevations();

-- Whoever leaves the tenant, or is disabled, asks for nothing any longer.
create function security.cancel_elevations() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  update security.elevation e set status = 'cancelled' where e.user_id = old.id and e.status = 'pending';
  return null;
end $$;
create trigger trg_elevation_left after update of status, tenant_id on security.app_user
  for each row when (old.status = 'active' and new.status <> 'active' or old.tenant_id is distinct from new.tenant_id)
  execute function security.cancel_elevations();

create function audit.capture_access_policy() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if to_jsonb(new) - 'updated_at' is distinct from to_jsonb(old) - 'updated_at' then
    perform audit.write_request(new.tenant_id, 'access_policy', new.tenant_id, 'update', jsonb_build_object(
      'elevationMaxMinutes', new.elevation_max_minutes, 'elevationAnswerHours', new.elevation_answer_hours,
      'delegationMaxDays', new.delegation_max_days));
  end if;
  return null;
end $$;
create trigger trg_audit after insert or update on security.access_policy
  for each row execute function audit.capture_access_policy();

-- ---------------------------------------------------------------------------------------------------------------------

do $$
declare
  name text;
begin
  foreach name in array array['security.access_policy', 'security.elevation'] loop
    execute format('alter table %s enable row level security', name);
    execute format('alter table %s force row level security', name);
    execute format('create policy p_owner on %s to bailiwick_owner using (true) with check (true)', name);
    execute format('create policy p_operator on %s to bailiwick_operator using (true) with check (true)', name);
    execute format('create policy p_service on %s to bailiwick_service using (security.in_scope(tenant_id))', name);
  end loop;
end $$;
grant select, insert, update on security.access_policy to bailiwick_service, bailiwick_operator;
grant select, insert (tenant_id, user_id, role_id, reason, ticket, duration_minutes), update (status, decision_reason)
  on security.elevation to bailiwick_service, bailiwick_operator;
revoke execute on function security.require_member, security.refuse_holder, security.assign_for_a_time, security.take_back,
  audit.write_request, security.open_elevation, security.move_elevation, security.follow_elevation,
  security.end_elevations, security.cancel_elevations, audit.capture_access_policy, security.access_policy_of from public;
grant execute on function security.access_policy_of to bailiwick_service, bailiwick_operator;

reset role;
