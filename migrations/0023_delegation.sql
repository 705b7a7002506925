-- One's own handed on for a time: a role that one holds, the people below one, or both.
--
-- Truth     The delegate's role is a row of `security.user_role`, their team rows of `security.user_assignment`, each with
--           its window: what the engine is told comes from those, like any other, and their end is exact. A delegation
--           remembers which they are.
-- Not more  Nobody hands on what they do not hold at that moment, nor for longer; the rows that say so are held until the
--           commit. Those of 0008 and 0021 judge the delegator besides.
-- Not after Whoever loses the role, a person below them, or the right to see their team, is disabled or leaves, has it
--           taken from their delegates in the same transaction, whoever writes, and from theirs in turn.
--           A role that is turned into another is lost, too.
-- Theirs    What somebody else has changed since is theirs: it is left as it stands.
set local role bailiwick_owner;

create table security.delegation (
  id                text not null default gen_random_uuid()::text,
  tenant_id         text not null,
  delegator_user_id text not null,
  delegate_user_id  text not null,
  -- null: the team alone
  role_id           text,
  with_team         boolean not null default false,
  reason            text not null,
  valid_from        timestamptz,
  expires_at        timestamptz not null,
  status            text not null default 'active',
  created_at        timestamptz not null default now(),
  assignment_id     text,
  ended_at          timestamptz,
  -- null: it ended because the delegator lost what they handed on, or by itself
  ended_by_user_id  text,
  constraint pk_delegation primary key (id),
  constraint fk_delegation_tenant foreign key (tenant_id) references identity.tenant (id) on delete cascade,
  constraint fk_delegation_delegator foreign key (delegator_user_id) references security.app_user (id) on delete cascade,
  constraint fk_delegation_delegate foreign key (delegate_user_id) references security.app_user (id) on delete cascade,
  constraint fk_delegation_role foreign key (role_id, tenant_id) references security.role (id, tenant_id) on delete cascade,
  constraint chk_delegation_pair check (delegator_user_id <> delegate_user_id),
  constraint chk_delegation_what check (role_id is not null or with_team),
  constraint chk_delegation_reason check (char_length(reason) between 1 and 500),
  constraint chk_delegation_window check (expires_at > valid_from),
  constraint chk_delegation_status check (status in ('active', 'ended', 'expired'))
);
create index ix_delegation_tenant on security.delegation (tenant_id, created_at desc, id desc);
create index ix_delegation_delegator on security.delegation (delegator_user_id, created_at desc, id desc);
create index ix_delegation_delegate on security.delegation (delegate_user_id, created_at desc, id desc);
create index ix_delegation_role on security.delegation (role_id, tenant_id);
create index ix_delegation_active on security.delegation (delegator_user_id) where status = 'active';
create index ix_delegation_assignment on security.delegation (assignment_id) where status = 'active';
create index ix_delegation_expiry on security.delegation (expires_at) where status = 'active';

-- The people below the delegator who were put below the delegate, and until when.
create table security.delegated_member (
  delegation_id text not null,
  user_id       text not null,
  tenant_id     text not null,
  expires_at    timestamptz not null,
  constraint pk_delegated_member primary key (delegation_id, user_id),
  constraint fk_delegated_member_delegation foreign key (delegation_id) references security.delegation (id) on delete cascade
);

-- Until when a user has the role, and may see their team; 'infinity' is unending, null is not at all.
create function security.role_held_until(holder text, role text) returns timestamptz
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  held timestamptz;
begin
  with held_by as materialized (
    select coalesce(ur.expires_at, 'infinity') as until
    from security.role r join security.user_role ur on ur.user_id = holder and ur.revoked_at is null
      and (ur.role_id = r.id or ur.role_id is null and ur.role_name = r.name and r.is_system)
    where r.id = role and (ur.valid_from is null or ur.valid_from <= clock_timestamp())
      and (ur.expires_at is null or ur.expires_at > clock_timestamp())
    for share of ur)
  select max(h.until) into held from held_by h;
  return held;
end $$;

create function security.team_read_until(holder text, tenant text) returns timestamptz
  language sql volatile security definer set search_path = pg_catalog, pg_temp
begin atomic
  select max(security.role_held_until(holder, g.role_id))
    from security.role_permission g
    where g.tenant_id = tenant and g.permission_id = 'team.read' and exists (
      select from security.user_role ur join security.role r on r.id = g.role_id
      where ur.user_id = holder and ur.revoked_at is null
        and (ur.role_id = r.id or ur.role_id is null and ur.role_name = r.name and r.is_system));
end;

create function security.open_delegation() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  policy constant security.access_policy := security.access_policy_of(new.tenant_id);
  held timestamptz;
begin
  if security.actor() <> new.delegator_user_id then
    perform security.refuse('FORBIDDEN', 'nobody hands on what is somebody else''s');
  end if;
  perform security.require_member(new.delegator_user_id, new.tenant_id);
  perform security.require_member(new.delegate_user_id, new.tenant_id);
  new.created_at := security.moment();
  new.status := 'active';
  if new.expires_at > greatest(new.created_at, new.valid_from) + policy.delegation_max_days * interval '1 day' then
    perform security.refuse('INVALID_REQUEST',
      format('`expiresAt` is later than the %s days that the tenant permits', policy.delegation_max_days));
  end if;
  if new.role_id is not null then
    held := security.role_held_until(new.delegator_user_id, new.role_id);
    if held is null then
      perform security.refuse('FORBIDDEN', format('`%s` does not hold the role', new.delegator_user_id));
    elsif held < new.expires_at then
      perform security.refuse('ESCALATION', 'nobody hands a role on for longer than they hold it');
    end if;
    new.assignment_id := security.assign_for_a_time(new.delegate_user_id, new.role_id, new.tenant_id,
                                                    new.valid_from, new.expires_at);
  end if;
  return new;
end $$;
create trigger trg_delegation_opened before insert on security.delegation
  for each row execute function security.open_delegation();

-- Puts those below the delegator below the delegate; whom the delegate manages already is left as they are.
create function security.hand_on_team(d security.delegation) returns void
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  may_see constant timestamptz := security.team_read_until(d.delegator_user_id, d.tenant_id);
begin
  if may_see is null then
    perform security.refuse('FORBIDDEN', format('`%s` may not see a team', d.delegator_user_id));
  elsif may_see < d.expires_at then
    perform security.refuse('ESCALATION', 'nobody hands their team on for longer than they may see it');
  end if;
  perform from security.user_assignment e
    where e.tenant_id = d.tenant_id and e.user_id = d.delegator_user_id order by e.assigned_user_id for share;
  with handed as (
    insert into security.user_assignment as ua (tenant_id, user_id, assigned_user_id, valid_from, expires_at)
      select d.tenant_id, d.delegate_user_id, e.assigned_user_id, d.valid_from,
             least(d.expires_at, e.expires_at)
      from security.user_assignment e
      where e.tenant_id = d.tenant_id and e.user_id = d.delegator_user_id and e.assigned_user_id <> d.delegate_user_id
        and (e.valid_from is null or e.valid_from <= clock_timestamp())
        and (e.expires_at is null or e.expires_at > greatest(d.valid_from, clock_timestamp()))
      order by e.assigned_user_id
      on conflict (tenant_id, user_id, assigned_user_id) do update
        set valid_from = excluded.valid_from, expires_at = excluded.expires_at, assigned_at = now()
        where ua.expires_at <= clock_timestamp()
      returning ua.assigned_user_id, ua.expires_at)
  insert into security.delegated_member (delegation_id, user_id, tenant_id, expires_at)
    select d.id, h.assigned_user_id, d.tenant_id, h.expires_at from handed h;
  if not exists (select from security.user_assignment e
                 where e.tenant_id = d.tenant_id and e.user_id = d.delegator_user_id
                   and (e.expires_at is null or e.expires_at > clock_timestamp())) then
    perform security.refuse('FORBIDDEN', format('nobody is below `%s`', d.delegator_user_id));
  end if;
end $$;

create function security.move_delegation() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if (to_jsonb(new) - array['status', 'expires_at', 'ended_at', 'ended_by_user_id'])
     is distinct from (to_jsonb(old) - array['status', 'expires_at', 'ended_at', 'ended_by_user_id'])
     or new.expires_at > old.expires_at then
    raise exception 'what was handed on is not changed' using errcode = 'check_violation';
  end if;
  if old.status <> 'active' then
    perform security.refuse('REQUEST_CLOSED', format('the delegation has %s', old.status));
  elsif new.status = 'ended' then
    new.ended_at := least(security.moment(), old.expires_at);
    new.ended_by_user_id := case when new.ended_by_user_id is not null then security.actor() end;
  elsif new.status = 'expired' then
    if old.expires_at > clock_timestamp() then
      raise exception 'the delegation runs until %', old.expires_at using errcode = 'check_violation';
    end if;
    new.ended_at := old.expires_at;
  end if;
  return new;
end $$;
create trigger trg_delegation_moved before update on security.delegation
  for each row execute function security.move_delegation();

create function security.follow_delegation() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if tg_op = 'INSERT' and new.with_team then
    perform security.hand_on_team(new);
  elsif tg_op = 'UPDATE' and new.status = 'ended' then
    perform security.take_back(new.assignment_id, old.expires_at);
    delete from security.user_assignment ua using security.delegated_member m
      where m.delegation_id = new.id and ua.tenant_id = m.tenant_id and ua.user_id = new.delegate_user_id
        and ua.assigned_user_id = m.user_id and ua.expires_at = m.expires_at;
  elsif tg_op = 'UPDATE' and new.status = 'active' then
    update security.user_role ur set expires_at = new.expires_at
      where ur.id = new.assignment_id and ur.revoked_at is null and ur.expires_at = old.expires_at;
    update security.user_assignment ua set expires_at = new.expires_at
      from security.delegated_member m
      where m.delegation_id = new.id and m.expires_at > new.expires_at and ua.tenant_id = m.tenant_id
        and ua.user_id = new.delegate_user_id and ua.assigned_user_id = m.user_id and ua.expires_at = m.expires_at;
    update security.delegated_member m set expires_at = new.expires_at
      where m.delegation_id = new.id and m.expires_at > new.expires_at;
  end if;
  perform audit.write_request(new.tenant_id, 'delegation', new.id,
    case when tg_op = 'INSERT' then 'create' when new.status = 'ended' then 'end' when new.status = 'expired' then 'expire'
      else 'update' end,
    jsonb_build_object('delegatorUserId', new.delegator_user_id, 'delegateUserId', new.delegate_user_id,
      'roleId', new.role_id, 'roleName', (select r.name from security.role r where r.id = new.role_id),
      'withTeam', new.with_team, 'validFrom', new.valid_from, 'expiresAt', new.expires_at,
      'assignmentId', new.assignment_id,
      'teamSize', case when new.with_team then (select count(*) from security.delegated_member m
                                                where m.delegation_id = new.id) end,
      'reason', case when tg_op = 'INSERT' then new.reason end));
  return null;
end $$;
create trigger trg_delegation_followed after insert or update on security.delegation
  for each row execute function security.follow_delegation();

-- As before (0021), and what only shrinks gives nothing: whoever takes from a delegator need not be able to give.
create or replace function security.guard_team_change() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  actor constant text := security.actor();
  tenant text;
  may_read_until timestamptz;
  fault record;
begin
  if actor is null or security.is_platform_admin(actor) then
    return null;
  end if;
  if tg_op = 'UPDATE' then
    if not exists (
        select from new_rows n where not exists (
          select from old_rows o
          where (o.tenant_id, o.user_id, o.assigned_user_id) = (n.tenant_id, n.user_id, n.assigned_user_id)
            and coalesce(n.valid_from, '-infinity') >= coalesce(o.valid_from, '-infinity')
            and coalesce(n.expires_at, 'infinity') <= coalesce(o.expires_at, 'infinity'))) then
      return null;
    end if;
  end if;
  for tenant in select distinct n.tenant_id from new_rows n loop
    continue when exists (select from security.held_permissions(actor, tenant) h where h.permission_id = 'team.admin');
    may_read_until := (select h.held_until from security.held_permissions(actor, tenant) h where h.permission_id = 'team.read');
    select n.user_id, n.assigned_user_id into fault
      from new_rows n
      where n.tenant_id = tenant and not exists (
        select from security.people_below(tenant, actor, clock_timestamp()) b
        where b.below_user_id = n.assigned_user_id and b.below_user_id <> actor
          and may_read_until is not null and n.expires_at <= least(b.until, may_read_until))
      limit 1;
    if found then
      perform security.refuse('ESCALATION', format(
        '`%s` neither holds `team.admin` nor hands on for a time who is below them: `%s` above `%s`',
        actor, fault.user_id, fault.assigned_user_id), jsonb_build_object('missing', array['team.admin']));
    end if;
  end loop;
  return null;
end $$;
drop trigger trg_escalation_update on security.user_assignment;
create trigger trg_escalation_update after update on security.user_assignment
  referencing old table as old_rows new table as new_rows
  for each statement execute function security.guard_team_change();

-- ---------------------------------------------------------------------------------------------------------------------
-- What a delegator loses.

-- Ends, or shortens, the delegations of what the user no longer has.
create function security.settle_delegations_of(holder text) returns void
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  d security.delegation;
  until timestamptz;
begin
  for d in select x.* from security.delegation x
           where x.delegator_user_id = holder and x.status = 'active' and x.expires_at > clock_timestamp()
           order by x.id for update
  loop
    until := least(
      case when d.role_id is null then 'infinity' else coalesce(security.role_held_until(holder, d.role_id), '-infinity') end,
      case when d.with_team then coalesce(security.team_read_until(holder, d.tenant_id), '-infinity') else 'infinity' end);
    if until <= greatest(d.valid_from, clock_timestamp()) then
      update security.delegation x set status = 'ended' where x.id = d.id;
    elsif until < d.expires_at then
      update security.delegation x set expires_at = until where x.id = d.id;
    end if;
  end loop;
end $$;

create function security.settle_delegations() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  one record;
begin
  -- whoever was given the role has it no longer, or for another time
  for one in select d.id from old_rows o join security.delegation d on d.assignment_id = o.id and d.status = 'active'
             where not exists (select from security.user_role ur where ur.id = o.id and ur.revoked_at is null
                               and ur.expires_at = d.expires_at)
  loop
    update security.delegation d set status = case when d.expires_at <= clock_timestamp() then 'expired' else 'ended' end
      where d.id = one.id and d.status = 'active';
  end loop;
  for one in select distinct o.user_id from old_rows o
             where exists (select from security.delegation d where d.delegator_user_id = o.user_id and d.status = 'active')
  loop
    perform security.settle_delegations_of(one.user_id);
  end loop;
  return null;
end $$;
create trigger trg_delegation_update after update on security.user_role referencing old table as old_rows
  for each statement execute function security.settle_delegations();
create trigger trg_delegation_delete after delete on security.user_role referencing old table as old_rows
  for each statement execute function security.settle_delegations();

-- The role itself no longer lets its holders see their teams.
create function security.settle_delegations_of_role() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  one record;
begin
  for one in select distinct d.delegator_user_id
             from old_rows o join security.delegation d on d.tenant_id = o.tenant_id and d.status = 'active' and d.with_team
             where o.permission_id = 'team.read'
  loop
    perform security.settle_delegations_of(one.delegator_user_id);
  end loop;
  return null;
end $$;
create trigger trg_delegation_delete after delete on security.role_permission referencing old table as old_rows
  for each statement execute function security.settle_delegations_of_role();

-- Somebody is no longer below the delegator, or not for as long.
create function security.settle_team_delegations() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  one record;
begin
  for one in
    select m.delegation_id, m.user_id, m.expires_at, d.delegate_user_id, d.tenant_id,
           (select coalesce(e.expires_at, 'infinity') from security.user_assignment e
            where e.tenant_id = o.tenant_id and e.user_id = o.user_id and e.assigned_user_id = o.assigned_user_id
              and (e.valid_from is null or e.valid_from <= greatest(d.valid_from, clock_timestamp()))) as until
    from old_rows o
      join security.delegation d on d.delegator_user_id = o.user_id and d.tenant_id = o.tenant_id
        and d.status = 'active' and d.with_team
      join security.delegated_member m on m.delegation_id = d.id and m.user_id = o.assigned_user_id
  loop
    continue when one.until >= one.expires_at;
    if one.until is null or one.until <= clock_timestamp() then
      delete from security.delegated_member m where m.delegation_id = one.delegation_id and m.user_id = one.user_id;
      delete from security.user_assignment ua where ua.tenant_id = one.tenant_id and ua.user_id = one.delegate_user_id
        and ua.assigned_user_id = one.user_id and ua.expires_at = one.expires_at;
    else
      update security.delegated_member m set expires_at = one.until
        where m.delegation_id = one.delegation_id and m.user_id = one.user_id;
      update security.user_assignment ua set expires_at = one.until
        where ua.tenant_id = one.tenant_id and ua.user_id = one.delegate_user_id and ua.assigned_user_id = one.user_id
          and ua.expires_at = one.expires_at and (ua.valid_from is null or ua.valid_from < one.until);
    end if;
  end loop;
  return null;
end $$;
create trigger trg_delegation_update after update on security.user_assignment referencing old table as old_rows
  for each statement execute function security.settle_team_delegations();
create trigger trg_delegation_delete after delete on security.user_assignment referencing old table as old_rows
  for each statement execute function security.settle_team_delegations();

-- Whoever is disabled hands nothing on; whoever leaves the tenant neither gives nor keeps.
create function security.end_delegations() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  update security.delegation d set status = 'ended'
    where d.status = 'active' and (d.delegator_user_id = old.id
      or d.delegate_user_id = old.id and old.tenant_id is distinct from new.tenant_id);
  return null;
end $$;
create trigger trg_delegation_left after update of status, tenant_id on security.app_user
  for each row when (old.status = 'active' and new.status <> 'active' or old.tenant_id is distinct from new.tenant_id)
  execute function security.end_delegations();

do $$
declare
  name text;
begin
  foreach name in array array['security.delegation', 'security.delegated_member'] loop
    execute format('alter table %s enable row level security', name);
    execute format('alter table %s force row level security', name);
    execute format('create policy p_owner on %s to bailiwick_owner using (true) with check (true)', name);
    execute format('create policy p_operator on %s to bailiwick_operator using (true) with check (true)', name);
    execute format('create policy p_service on %s to bailiwick_service using (security.in_scope(tenant_id))', name);
  end loop;
end $$;
grant select, insert (tenant_id, delegator_user_id, delegate_user_id, role_id, with_team, reason, valid_from, expires_at),
  update (status, ended_by_user_id) on security.delegation to bailiwick_service, bailiwick_operator;
grant select on security.delegated_member to bailiwick_service, bailiwick_operator;
revoke execute on function security.role_held_until, security.team_read_until, security.open_delegation,
  security.hand_on_team, security.move_delegation, security.follow_delegation, security.settle_delegations_of,
  security.settle_delegations, security.settle_delegations_of_role, security.settle_team_delegations,
  security.end_delegations from public;

reset role;
