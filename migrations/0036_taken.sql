-- What was taken in an emergency asked nobody: whoever took it gives it on, to anybody and by whatever way, for no longer
-- than they have it themselves. And an emergency, or a team that was handed on, ends with what it came from, whichever
-- row or statement that was. tests/integration/emergency-worth.test.ts, tests/integration/delegation.test.ts.
set local role bailiwick_owner;

-- What a user holds in a tenant now, or may delegate without holding it (not `is_held`), until when, and whether they took
-- it in an emergency. What this transaction has written is left out of account, and the rows that say so are held until
-- it ends, as before (0008).
create function security.rights_of(user_id text, tenant_id text)
  returns table (permission_id text, is_held boolean, held_until timestamptz, is_taken boolean)
  language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  with held as materialized (
    select ur.id, g.permission_id, coalesce(ur.expires_at, 'infinity') as until
    from security.user_role ur
      join security.app_user u on u.id = ur.user_id
      join security.role r on r.tenant_id = rights_of.tenant_id
        and (r.id = ur.role_id or ur.role_id is null and r.name = ur.role_name and r.is_system)
      join security.role_permission g on g.role_id = r.id
    where ur.user_id = rights_of.user_id and u.status = 'active' and ur.revoked_at is null
      and (ur.valid_from is null or ur.valid_from <= clock_timestamp())
      and (ur.expires_at is null or ur.expires_at > clock_timestamp())
      and ur.xid <> pg_current_xact_id() and g.xid <> pg_current_xact_id()
    for share of ur, u, g),
  delegable as materialized (
    select ur.id, p.delegates, coalesce(ur.expires_at, 'infinity') as until
    from security.user_role ur
      join security.app_user u on u.id = ur.user_id
      join identity.tenant t on t.id = rights_of.tenant_id
      join security.role r on r.tenant_id = t.id and r.is_system
        and (r.id = ur.role_id or ur.role_id is null and r.name = ur.role_name)
      join security.preset_role p on p.preset = t.preset and p.name = r.name
    where ur.user_id = rights_of.user_id and u.status = 'active' and ur.revoked_at is null
      and (ur.valid_from is null or ur.valid_from <= clock_timestamp())
      and (ur.expires_at is null or ur.expires_at > clock_timestamp())
      and ur.xid <> pg_current_xact_id()
    for share of ur, u)
  select x.permission_id, x.is_held, x.until,
         exists (select from security.emergency_access e where e.assignment_id = x.id and e.status = 'active')
  from (select h.id, h.permission_id, true as is_held, h.until from held h
        union all
        select d.id, p, false, d.until from delegable d cross join lateral unnest(d.delegates) p) x
$$;
revoke execute on function security.rights_of from public;

create or replace function security.held_permissions(user_id text, tenant_id text)
  returns table (permission_id text, held_until timestamptz)
  language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  select r.permission_id, max(r.held_until)
    from security.rights_of(held_permissions.user_id, held_permissions.tenant_id) r where r.is_held group by 1
$$;
drop function security.delegable_permissions;

-- As before (0008), and what the actor took in an emergency counts only for what ends with it. `given_until`: until when
-- they, or others, would have it.
create function security.require_may_hand_out(actor text, tenant_id text, permissions text[], delegates text[],
    own_until timestamptz, given_until timestamptz) returns void
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  for_self constant boolean := own_until is not null;
  missing text[];
  taken_until timestamptz;
begin
  with rights as materialized (
    select r.* from security.rights_of(actor, require_may_hand_out.tenant_id) r
    where r.held_until >= own_until or not for_self),
  missed as (
    select distinct w.permission_id, w.may_be_delegated
      from (select p as permission_id, not for_self as may_be_delegated from unnest(permissions) p
            union all select d, true from unnest(delegates) d) w
      where not exists (select from rights r where r.permission_id = w.permission_id
                        and (r.is_held or w.may_be_delegated) and (r.held_until >= given_until or not r.is_taken)))
  select array_agg(distinct m.permission_id), case when bool_and(t.until is not null) then min(t.until) end
    into missing, taken_until
    from missed m cross join lateral (
      select max(r.held_until) from rights r
      where r.permission_id = m.permission_id and (r.is_held or m.may_be_delegated)) t (until);
  if missing is not null then
    perform security.refuse('ESCALATION',
      case when for_self then format('`%s` may not raise their own rights', actor)
        when taken_until is not null then format('`%s` took this in an emergency, and gives it on until %s at most', actor,
          to_char(taken_until at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
        else format('`%s` neither holds nor may delegate what would be handed out', actor) end,
      jsonb_build_object('missing', missing));
  end if;
end $$;
revoke execute on function security.require_may_hand_out(text, text, text[], text[], timestamptz, timestamptz) from public;

-- As before (0033).
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
      select h.tenant_id, h.role_id, h.user_id = $1 as is_own, max(coalesce(h.expires_at, 'infinity')) as until
      from (%s) h group by 1, 2, 3 $q$, handed) using actor
  loop
    if one.tenant_id is null then
      perform security.refuse('FORBIDDEN', 'only a platform admin assigns a role in all tenants');
    end if;
    worth := security.worth_of(one.role_id);
    perform security.require_may_hand_out(actor, one.tenant_id, worth.permissions, worth.delegates,
      case when one.is_own then one.until end, one.until);
  end loop;
  return null;
end $$;

-- As before (0033).
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
    perform security.require_may_hand_out(actor, handed.tenant_id, handed.permissions, '{}', handed.own_until, 'infinity');
  end loop;
  return null;
end $$;

-- As before (0033).
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
    security.reaches_until(actor, new.holder_role_id), 'infinity');
  return new;
end $$;

-- As before (0033), for as long as they may do it: a password outlives what its holder took for an hour.
create or replace function security.require_may_stand_in(user_id text) returns void
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  actor constant text := security.actor();
  tenant constant text := (select u.tenant_id from security.app_user u where u.id = require_may_stand_in.user_id);
  one record;
begin
  if actor is null or actor = require_may_stand_in.user_id or security.is_platform_admin(actor) then
    return;
  elsif tenant is null then
    perform security.refuse('FORBIDDEN', 'only a platform admin does this to a platform user');
  end if;
  perform security.require_no_platform_seat(require_may_stand_in.user_id);
  for one in
    -- what they will be given at a later time counts, too
    select coalesce(ur.expires_at, 'infinity') as until,
           array_agg(distinct x.permission_id) filter (where x.held) as permissions,
           array_agg(distinct x.permission_id) filter (where not x.held) as delegates
      from security.user_role ur
        join security.role r on r.tenant_id = tenant
          and (r.id = ur.role_id or ur.role_id is null and r.name = ur.role_name and r.is_system)
        cross join lateral security.worth_of(r.id) worth
        cross join lateral (
          select p, true from unnest(worth.permissions) p union all select d, false from unnest(worth.delegates) d
        ) x (permission_id, held)
      where ur.user_id = require_may_stand_in.user_id and ur.revoked_at is null
        and (ur.expires_at is null or ur.expires_at > clock_timestamp())
      group by 1
  loop
    perform security.require_may_hand_out(actor, tenant, one.permissions, one.delegates, null, one.until);
  end loop;
end $$;
drop function security.require_may_hand_out(text, text, text[], text[], timestamptz);

-- As before (0033), whether what opened it was held in this tenant or in all.
create or replace function security.end_emergencies() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  update security.emergency_access e
    set status = case when e.expires_at <= security.moment() then 'expired' else 'ended' end
    from old_rows o where e.assignment_id = o.id and e.status = 'active'
      and not exists (select from security.user_role ur where ur.id = o.id and ur.revoked_at is null
                      and ur.expires_at = e.expires_at);
  update security.emergency_access e set status = 'ended'
    from security.emergency_role p join security.role r on r.id = p.holder_role_id
    where e.status = 'active' and e.role_id = p.role_id and e.expires_at > security.moment()
      and exists (select from old_rows o where o.user_id = e.user_id
                  and (o.role_id = r.id or o.role_id is null and o.role_name = r.name and r.is_system))
      and security.may_take_until(e.user_id, e.role_id) is null;
  return null;
end $$;

-- As for what is deleted (0023): a key that is changed takes `team.read` from the role, too.
create trigger trg_delegation_update after update on security.role_permission referencing old table as old_rows
  for each statement execute function security.settle_delegations_of_role();

reset role;
