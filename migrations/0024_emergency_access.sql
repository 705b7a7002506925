-- Emergency access: a role taken at once, by whoever the tenant lets take it, for an hour at most, and looked at afterwards.
--
-- Off        until an administrator names which role may be taken by the holders of which (`security.emergency_role`);
--            whoever names it must be able to hand out all that the role holds.
-- Taking     is one insert. Its trigger assigns the role, and the guard of 0008, which lets nobody raise their own rights,
--            lets through that one assignment, to the millisecond, and no other.
-- Afterwards Somebody else closes each one with a verdict; one that still runs ends with it.
set local role bailiwick_owner;

create table security.emergency_role (
  tenant_id      text not null,
  -- whoever holds this one may take the other
  holder_role_id text not null,
  role_id        text not null,
  constraint pk_emergency_role primary key (tenant_id, holder_role_id, role_id),
  constraint fk_emergency_role_holder foreign key (holder_role_id, tenant_id)
    references security.role (id, tenant_id) on delete cascade,
  constraint fk_emergency_role_role foreign key (role_id, tenant_id)
    references security.role (id, tenant_id) on delete cascade,
  constraint chk_emergency_role_pair check (holder_role_id <> role_id)
);
create index ix_emergency_role_role on security.emergency_role (role_id, tenant_id);
create index ix_emergency_role_holder on security.emergency_role (holder_role_id, tenant_id);

create table security.emergency_access (
  id                  text not null default gen_random_uuid()::text,
  tenant_id           text not null,
  user_id             text not null,
  role_id             text not null,
  reason              text not null,
  ticket              text not null,
  status              text not null default 'active',
  taken_at            timestamptz not null default now(),
  expires_at          timestamptz not null default now() + interval '60 minutes',
  ended_at            timestamptz,
  assignment_id       text,
  reviewed_at         timestamptz,
  reviewed_by_user_id text,
  verdict             text,
  review_comment      text,
  -- the transaction that took it: what it assigns is let through
  xid                 xid8 not null default pg_current_xact_id(),
  constraint pk_emergency_access primary key (id),
  constraint fk_emergency_access_tenant foreign key (tenant_id) references identity.tenant (id) on delete cascade,
  constraint fk_emergency_access_user foreign key (user_id) references security.app_user (id) on delete cascade,
  constraint fk_emergency_access_role foreign key (role_id, tenant_id)
    references security.role (id, tenant_id) on delete cascade,
  constraint chk_emergency_access_reason check (char_length(reason) between 1 and 500),
  constraint chk_emergency_access_ticket check (char_length(ticket) between 1 and 200),
  constraint chk_emergency_access_comment check (char_length(review_comment) between 1 and 500),
  constraint chk_emergency_access_status check (status in ('active', 'ended', 'expired')),
  constraint chk_emergency_access_window check (expires_at > taken_at and expires_at <= taken_at + interval '60 minutes'),
  constraint chk_emergency_access_verdict check (verdict in ('justified', 'unjustified')),
  constraint chk_emergency_access_reviewed check ((reviewed_at is null) = (verdict is null)
    and (reviewed_at is null) = (reviewed_by_user_id is null)),
  constraint chk_emergency_access_reviewer check (reviewed_by_user_id <> user_id)
);
create index ix_emergency_access_tenant on security.emergency_access (tenant_id, taken_at desc, id desc);
create index ix_emergency_access_user on security.emergency_access (user_id, taken_at desc, id desc);
create index ix_emergency_access_role on security.emergency_access (role_id, tenant_id);
create index ix_emergency_access_unreviewed on security.emergency_access (tenant_id, taken_at desc, id desc)
  where reviewed_at is null;
create index ix_emergency_access_assignment on security.emergency_access (assignment_id) where status = 'active';
create index ix_emergency_access_expiry on security.emergency_access (expires_at) where status = 'active';

create function security.guard_emergency_role() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  actor constant text := security.actor();
begin
  if actor is null or security.is_platform_admin(actor) then
    return new;
  end if;
  perform from security.role r where r.id = new.role_id for share;
  perform security.require_may_hand_out(actor, new.tenant_id,
    array(select g.permission_id from security.role_permission g where g.role_id = new.role_id),
    (select p.delegates from security.role r join identity.tenant t on t.id = r.tenant_id
       join security.preset_role p on p.preset = t.preset and p.name = r.name
     where r.id = new.role_id and r.is_system),
    -- whoever holds the first role themselves would be raised by it
    security.role_held_until(actor, new.holder_role_id));
  return new;
end $$;
create trigger trg_escalation before insert or update on security.emergency_role
  for each row execute function security.guard_emergency_role();

-- As before (0008), and what is taken in an emergency is let through.
create or replace function security.guard_assignment() returns trigger
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
  end || $q$ and not exists (
    select from security.emergency_access e
    where e.user_id = n.user_id and e.role_id = n.role_id and e.expires_at = n.expires_at
      and e.xid = pg_current_xact_id() and e.status = 'active' and n.valid_from is null) $q$;
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

create function security.open_emergency() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if security.actor() <> new.user_id then
    perform security.refuse('FORBIDDEN', 'nobody takes a role for somebody else');
  end if;
  perform security.require_member(new.user_id, new.tenant_id);
  if not exists (select from security.emergency_role e
                 where e.tenant_id = new.tenant_id and e.role_id = new.role_id
                   and security.role_held_until(new.user_id, e.holder_role_id) is not null) then
    perform security.refuse('FORBIDDEN', 'the tenant does not let you take this role in an emergency');
  end if;
  perform security.refuse_holder(new.user_id, new.role_id);
  new.status := 'active';
  new.taken_at := security.moment();
  new.expires_at := new.taken_at + interval '60 minutes';
  new.xid := pg_current_xact_id();
  return new;
end $$;
create trigger trg_emergency_opened before insert on security.emergency_access
  for each row execute function security.open_emergency();

create function security.move_emergency() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  at constant timestamptz := security.moment();
  actor constant text := security.actor();
  may_change constant text[] := array['status', 'ended_at', 'assignment_id', 'reviewed_at', 'reviewed_by_user_id',
                                      'verdict', 'review_comment'];
begin
  if to_jsonb(new) - may_change is distinct from to_jsonb(old) - may_change
     or old.assignment_id is not null and new.assignment_id is distinct from old.assignment_id then
    raise exception 'what was taken is not changed' using errcode = 'check_violation';
  end if;
  if new.verdict is distinct from old.verdict then
    if old.verdict is not null then
      perform security.refuse('REQUEST_CLOSED', 'it has been reviewed already');
    elsif actor is null then
      perform security.refuse('FORBIDDEN', 'a review names who makes it');
    elsif actor = old.user_id then
      perform security.refuse('SELF_APPROVAL', 'nobody reviews their own emergency');
    end if;
    new.reviewed_by_user_id := actor;
    new.reviewed_at := at;
    if old.status = 'active' then
      new.status := case when old.expires_at <= at then 'expired' else 'ended' end;
    end if;
  elsif old.status <> 'active' or new.review_comment is distinct from old.review_comment
     or new.status = 'expired' and old.expires_at > at then
    perform security.refuse('REQUEST_CLOSED', format('the emergency access is %s', old.status));
  end if;
  if new.status <> old.status then
    new.ended_at := case new.status when 'expired' then old.expires_at else least(at, old.expires_at) end;
  end if;
  return new;
end $$;
create trigger trg_emergency_moved before update on security.emergency_access
  for each row execute function security.move_emergency();

create function security.follow_emergency() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  verb text;
begin
  if tg_op = 'INSERT' then
    update security.emergency_access e
      set assignment_id = security.assign_for_a_time(new.user_id, new.role_id, new.tenant_id, null, new.expires_at)
      where e.id = new.id;
  elsif old.status = 'active' and new.status = 'ended' then
    perform security.take_back(new.assignment_id, new.expires_at);
  end if;
  foreach verb in array array_remove(array[
      case when tg_op = 'INSERT' then 'take' end,
      case when tg_op = 'UPDATE' and old.status = 'active' and new.status = 'ended' then 'end' end,
      case when tg_op = 'UPDATE' and old.status = 'active' and new.status = 'expired' then 'expire' end,
      case when tg_op = 'UPDATE' and old.verdict is null and new.verdict is not null then 'review' end], null)
  loop
    perform audit.write_request(new.tenant_id, 'emergency_access', new.id, verb, jsonb_build_object(
      'userId', new.user_id, 'roleId', new.role_id,
      'roleName', (select r.name from security.role r where r.id = new.role_id), 'ticket', new.ticket,
      'expiresAt', new.expires_at, 'verdict', case verb when 'review' then new.verdict end,
      'reason', case verb when 'take' then new.reason when 'review' then new.review_comment end));
  end loop;
  return null;
end $$;
create trigger trg_emergency_followed after insert or update on security.emergency_access
  for each row execute function security.follow_emergency();

-- Whoever revokes the role, or gives it another time, ends the emergency that it came from.
create function security.end_emergencies() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  update security.emergency_access e
    set status = case when e.expires_at <= security.moment() then 'expired' else 'ended' end
    from old_rows o where e.assignment_id = o.id and e.status = 'active'
      and not exists (select from security.user_role ur where ur.id = o.id and ur.revoked_at is null
                      and ur.expires_at = e.expires_at);
  return null;
end $$;
create trigger trg_emergency_update after update on security.user_role referencing old table as old_rows
  for each statement execute function security.end_emergencies();
create trigger trg_emergency_delete after delete on security.user_role referencing old table as old_rows
  for each statement execute function security.end_emergencies();

-- What was taken in an emergency is not handed on.
create function security.keep_emergency() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if exists (select from security.emergency_access e
             where e.user_id = new.delegator_user_id and e.role_id = new.role_id and e.status = 'active') then
    perform security.refuse('FORBIDDEN', 'a role that was taken in an emergency is not handed on');
  end if;
  return new;
end $$;
create trigger trg_delegation_kept before insert on security.delegation
  for each row execute function security.keep_emergency();

-- Which roles may be taken is written down with the policy that it is a part of.
create function audit.capture_emergency_role() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform audit.write_request(coalesce(new.tenant_id, old.tenant_id), 'access_policy', coalesce(new.tenant_id, old.tenant_id),
    'update', jsonb_build_object(case when new is null then 'emergencyRemoved' else 'emergencyAdded' end,
      jsonb_build_object('holderRoleId', coalesce(new.holder_role_id, old.holder_role_id),
                         'roleId', coalesce(new.role_id, old.role_id))));
  return null;
end $$;
create trigger trg_audit after insert or delete on security.emergency_role
  for each row execute function audit.capture_emergency_role();

do $$
declare
  name text;
begin
  foreach name in array array['security.emergency_role', 'security.emergency_access'] loop
    execute format('alter table %s enable row level security', name);
    execute format('alter table %s force row level security', name);
    execute format('create policy p_owner on %s to bailiwick_owner using (true) with check (true)', name);
    execute format('create policy p_operator on %s to bailiwick_operator using (true) with check (true)', name);
    execute format('create policy p_service on %s to bailiwick_service using (security.in_scope(tenant_id))', name);
  end loop;
end $$;
grant select, insert, delete on security.emergency_role to bailiwick_service, bailiwick_operator;
grant select, insert (tenant_id, user_id, role_id, reason, ticket), update (status, verdict, review_comment)
  on security.emergency_access to bailiwick_service, bailiwick_operator;
revoke execute on function security.guard_emergency_role, security.open_emergency, security.move_emergency,
  security.follow_emergency, security.end_emergencies, security.keep_emergency, audit.capture_emergency_role from public;

reset role;
