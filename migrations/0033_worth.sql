-- What somebody has by holding a role, where that leads further: a role whose holders may take another in an emergency is
-- worth that other one too, to whoever judges who may hand it out; and a platform admin who is a user of a tenant is above
-- all who administer it. tests/integration/emergency-worth.test.ts, tests/integration/platform-seat.test.ts.
set local role bailiwick_owner;

-- The role, and all that its holders may take in an emergency, and what opens those in turn.
create function security.opened_by(role text) returns setof text
  language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  with recursive opened (role_id) as (
    select role
    union
    select e.role_id from opened o join security.emergency_role e on e.holder_role_id = o.role_id)
  select o.role_id from opened o
$$;

-- The permissions of a role and of what it opens, and what its holders may delegate by them.
create function security.worth_of(role text, out permissions text[], out delegates text[])
  language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select array(select distinct g.permission_id
               from security.opened_by(role) o join security.role_permission g on g.role_id = o),
         array(select distinct d
               from security.opened_by(role) o
                 join security.role r on r.id = o and r.is_system
                 join identity.tenant t on t.id = r.tenant_id
                 join security.preset_role p on p.preset = t.preset and p.name = r.name
                 cross join lateral unnest(p.delegates) d)
$$;

-- Until when a user has the role or one that opens it, those that begin later included; 'infinity' is unending, null not at all.
create function security.reaches_until(holder text, role text) returns timestamptz
  language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  with recursive openers (role_id) as (
    select role
    union
    select e.holder_role_id from openers l join security.emergency_role e on e.role_id = l.role_id)
  select max(coalesce(ur.expires_at, 'infinity'))
    from openers l
      join security.role r on r.id = l.role_id
      join security.user_role ur on ur.user_id = holder and ur.revoked_at is null
        and (ur.role_id = r.id or ur.role_id is null and ur.role_name = r.name and r.is_system)
    where ur.expires_at is null or ur.expires_at > clock_timestamp()
$$;
revoke execute on function security.opened_by, security.worth_of, security.reaches_until from public;

-- As before (0024), by what the role is worth.
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
  worth record;
begin
  if actor is null or security.is_platform_admin(actor) then
    return null;
  end if;
  -- A role that is assigned is not widened meanwhile, nor what it opens: guard_grant and guard_emergency_role hold them
  -- too, and look at who has them. What opens more by the time that it is held is caught by the look afterwards.
  execute format($q$ select from security.role r where r.id in (
      select security.opened_by(h.role_id) from (%s) h) order by r.id for share $q$, handed);
  for one in execute format($q$
      select distinct h.tenant_id, h.role_id,
             case when h.user_id = $1 then coalesce(h.expires_at, 'infinity') end as own_until
      from (%s) h $q$, handed) using actor
  loop
    if one.tenant_id is null then
      perform security.refuse('FORBIDDEN', 'only a platform admin assigns a role in all tenants');
    end if;
    worth := security.worth_of(one.role_id);
    perform security.require_may_hand_out(actor, one.tenant_id, worth.permissions, worth.delegates, one.own_until);
  end loop;
  return null;
end $$;

-- As before (0008), and whoever may take the role would be raised as its holders are.
create or replace function security.guard_grant() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  actor constant text := security.actor();
  handed record;
begin
  if actor is null or security.is_platform_admin(actor) then
    return null;
  end if;
  -- nobody is assigned the role, or one that opens it, meanwhile
  perform from security.role r where r.id in (select n.role_id from new_rows n) order by r.id for no key update;
  for handed in
    -- a system role takes its permissions from its preset, and nobody hands them out
    select n.role_id, n.tenant_id, array_agg(n.permission_id) as permissions,
           security.reaches_until(actor, n.role_id) as own_until
    from new_rows n join security.role r on r.id = n.role_id and not r.is_system
    group by n.role_id, n.tenant_id
  loop
    perform security.require_may_hand_out(actor, handed.tenant_id, handed.permissions, '{}', handed.own_until);
  end loop;
  return null;
end $$;

-- As before (0024), by what the role is worth, and by whom the first one leads to it.
create or replace function security.guard_emergency_role() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  actor constant text := security.actor();
  worth record;
begin
  if actor is null or security.is_platform_admin(actor) then
    return new;
  end if;
  -- neither is assigned or widened meanwhile
  perform from security.role r where r.id in (new.holder_role_id, new.role_id) order by r.id for no key update;
  worth := security.worth_of(new.role_id);
  perform security.require_may_hand_out(actor, new.tenant_id, worth.permissions, worth.delegates,
    -- whoever holds the first role themselves would be raised by it
    security.reaches_until(actor, new.holder_role_id));
  return new;
end $$;

-- Until when a user holds a role that lets them take this one now; null is not at all.
create function security.may_take_until(holder text, role text) returns timestamptz
  language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  select max(security.role_held_until(holder, e.holder_role_id)) from security.emergency_role e where e.role_id = role
$$;
revoke execute on function security.may_take_until from public;

-- As before (0024), and for no longer than what opens it is held.
create or replace function security.open_emergency() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  opener_until timestamptz;
begin
  if security.actor() <> new.user_id then
    perform security.refuse('FORBIDDEN', 'nobody takes a role for somebody else');
  end if;
  perform security.require_member(new.user_id, new.tenant_id);
  opener_until := security.may_take_until(new.user_id, new.role_id);
  if opener_until is null then
    perform security.refuse('FORBIDDEN', 'the tenant does not let you take this role in an emergency');
  end if;
  perform security.refuse_holder(new.user_id, new.role_id);
  new.status := 'active';
  new.taken_at := security.moment();
  new.expires_at := least(new.taken_at + interval '60 minutes', opener_until);
  new.xid := pg_current_xact_id();
  return new;
end $$;

-- As before (0024), and whoever loses what opened the role loses the role.
create or replace function security.end_emergencies() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  update security.emergency_access e
    set status = case when e.expires_at <= security.moment() then 'expired' else 'ended' end
    from old_rows o where e.assignment_id = o.id and e.status = 'active'
      and not exists (select from security.user_role ur where ur.id = o.id and ur.revoked_at is null
                      and ur.expires_at = e.expires_at);
  update security.emergency_access e set status = 'ended'
    from old_rows o join security.emergency_role p on p.holder_role_id = o.role_id
    where e.status = 'active' and e.user_id = o.user_id and e.role_id = p.role_id and e.expires_at > security.moment()
      and security.may_take_until(e.user_id, e.role_id) is null;
  return null;
end $$;

-- As before (0015), by what the roles are worth; and nobody but a platform admin stands in for one.
create or replace function security.require_may_stand_in(user_id text) returns void
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
  perform security.require_no_platform_seat(require_may_stand_in.user_id);
  -- what they will be given at a later time counts, too
  perform security.require_may_hand_out(actor, tenant, array_agg(distinct w.permission_id) filter (where w.held),
      array_agg(distinct w.permission_id) filter (where not w.held), null)
    from (
      select x.permission_id, x.held
      from security.user_role ur
        join security.role r on r.tenant_id = tenant
          and (r.id = ur.role_id or ur.role_id is null and r.name = ur.role_name and r.is_system)
        cross join lateral security.worth_of(r.id) worth
        cross join lateral (
          select p, true from unnest(worth.permissions) p union all select d, false from unnest(worth.delegates) d
        ) x (permission_id, held)
      where ur.user_id = require_may_stand_in.user_id and ur.revoked_at is null
        and (ur.expires_at is null or ur.expires_at > clock_timestamp())) w;
end $$;

create function security.require_no_platform_seat(user_id text) returns void
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  if exists (select from identity.platform_admin p where p.user_id = require_no_platform_seat.user_id) then
    perform security.refuse('FORBIDDEN', 'only a platform admin does this to a platform admin');
  end if;
end $$;
revoke execute on function security.require_no_platform_seat from public;

create function security.guard_platform_user() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if security.actor() is not null and not security.is_platform_admin(security.actor()) then
    perform security.require_no_platform_seat(new.id);
  end if;
  return new;
end $$;
create trigger trg_platform_seat before update of status, tenant_id on security.app_user
  for each row when (old.status <> new.status or old.tenant_id is distinct from new.tenant_id)
  execute function security.guard_platform_user();

-- As before (0012), whatever tenant they are of.
drop trigger trg_app_user_last_platform_admin on security.app_user;
create trigger trg_app_user_last_platform_admin after update of status on security.app_user
  for each row when (old.status = 'active' and new.status <> 'active')
  execute function identity.keep_last_platform_admin();

-- As before (0022), and whoever has the role in all tenants has it, too: what they gave would come back to them, and each
-- of the two would keep it by the other.
create or replace function security.refuse_holder(user_id text, role_id text) returns void
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  if exists (select from security.role r join security.user_role ur
               on ur.role_id = r.id or ur.role_id is null and ur.role_name = r.name and r.is_system
             where r.id = refuse_holder.role_id and ur.user_id = refuse_holder.user_id and ur.revoked_at is null
               and (ur.expires_at is null or ur.expires_at > clock_timestamp())) then
    perform security.refuse('ALREADY_ASSIGNED', format('`%s` has the role already', refuse_holder.user_id));
  end if;
end $$;
create function security.refuse_delegate() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform security.refuse_holder(new.delegate_user_id, new.role_id);
  return new;
end $$;
create trigger trg_delegation_held before insert on security.delegation
  for each row when (new.role_id is not null) execute function security.refuse_delegate();

reset role;
