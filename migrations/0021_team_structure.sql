-- Who manages whom has a form: no rings, and no chain of more than 20 assignments, which is as far as the engine follows.
--
-- Looked at a statement at a time, so that a team of 10,000 is one look. Writers of one tenant take turns from here to
-- their commit, so that two who close a ring between them are not both believed: under `read committed` the second sees
-- what the first has committed, under `repeatable read` and above it fails and tries again. What has ended does not
-- count; what begins later does.
--
-- Escalation  Where an actor is named, they hold `team.admin`, or hand on for a time what is below them already.
set local role bailiwick_owner;

create table security.team_structure (
  tenant_id text not null,
  -- the transaction that changed it last
  xid       xid8 not null default pg_current_xact_id(),
  constraint pk_team_structure primary key (tenant_id),
  constraint fk_team_structure_tenant foreign key (tenant_id) references identity.tenant (id) on delete cascade
);
alter table security.team_structure enable row level security;
alter table security.team_structure force row level security;
create policy p_owner on security.team_structure to bailiwick_owner using (true) with check (true);

create function security.guard_team_structure() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  at constant timestamptz := clock_timestamp();
  fault record;
begin
  insert into security.team_structure as s (tenant_id)
    select distinct n.tenant_id from new_rows n order by n.tenant_id
    on conflict (tenant_id) do update set xid = excluded.xid where s.xid <> excluded.xid;

  -- Above each manager who was given somebody, and below each of those: how far it goes, and who is there. A ring goes
  -- on until it is longer than any chain may be.
  with recursive added as materialized (
    select n.tenant_id, n.user_id, n.assigned_user_id from new_rows n where n.expires_at is null or n.expires_at > at),
  above (tenant_id, origin, user_id, steps) as (
    select distinct a.tenant_id, a.user_id, a.user_id, 0 from added a
    union
    select u.tenant_id, u.origin, ua.user_id, u.steps + 1
    from above u join security.user_assignment ua on ua.tenant_id = u.tenant_id and ua.assigned_user_id = u.user_id
    where u.steps < 20 and (ua.expires_at is null or ua.expires_at > at)),
  below (tenant_id, origin, user_id, steps) as (
    select distinct a.tenant_id, a.assigned_user_id, a.assigned_user_id, 0 from added a
    union
    select d.tenant_id, d.origin, ua.assigned_user_id, d.steps + 1
    from below d join security.user_assignment ua on ua.tenant_id = d.tenant_id and ua.user_id = d.user_id
    where d.steps < 20 and (ua.expires_at is null or ua.expires_at > at)),
  up as (select u.tenant_id, u.origin, max(u.steps) as steps from above u group by u.tenant_id, u.origin),
  down as (select d.tenant_id, d.origin, max(d.steps) as steps from below d group by d.tenant_id, d.origin)
  select a.user_id, a.assigned_user_id,
         exists (select from above u where u.tenant_id = a.tenant_id and u.origin = a.user_id
                 and u.user_id = a.assigned_user_id) as is_ring
    into fault
    from added a
      join up on up.tenant_id = a.tenant_id and up.origin = a.user_id
      join down on down.tenant_id = a.tenant_id and down.origin = a.assigned_user_id
    where up.steps + 1 + down.steps > 20
    order by 3 desc, 1, 2 limit 1;
  -- A ring makes the chain through it as long as one looks, so it is among those that are too long.
  if fault.is_ring then
    perform security.refuse('ASSIGNMENT_CYCLE',
      format('`%s` is above `%s` already, and cannot be below as well', fault.assigned_user_id, fault.user_id));
  elsif fault.user_id is not null then
    perform security.refuse('ASSIGNMENT_TOO_DEEP',
      format('with `%s` above `%s` a chain would have more than 20 assignments', fault.user_id, fault.assigned_user_id));
  end if;
  return null;
end $$;
create trigger trg_team_structure_insert after insert on security.user_assignment referencing new table as new_rows
  for each statement execute function security.guard_team_structure();
create trigger trg_team_structure_update after update on security.user_assignment referencing new table as new_rows
  for each statement execute function security.guard_team_structure();

-- Everyone below a user at a moment, and until when; 'infinity' is unending. `union` ends where nobody new is found.
create function security.people_below(tenant_id text, user_id text, at timestamptz)
  returns table (below_user_id text, until timestamptz)
  language sql stable security invoker set search_path = pg_catalog, pg_temp as $$
  with recursive below (user_id, until) as (
    select people_below.user_id, timestamptz 'infinity'
    union
    select ua.assigned_user_id, least(b.until, coalesce(ua.expires_at, 'infinity'))
    from below b join security.user_assignment ua on ua.user_id = b.user_id and ua.tenant_id = people_below.tenant_id
    where (ua.valid_from is null or ua.valid_from <= at) and (ua.expires_at is null or ua.expires_at > at))
  select b.user_id, max(b.until) from below b group by b.user_id
$$;
revoke execute on function security.people_below from public;
grant execute on function security.people_below to bailiwick_service, bailiwick_operator;

create function security.guard_team_change() returns trigger
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
create trigger trg_escalation_insert after insert on security.user_assignment referencing new table as new_rows
  for each statement execute function security.guard_team_change();
create trigger trg_escalation_update after update on security.user_assignment referencing new table as new_rows
  for each statement execute function security.guard_team_change();

revoke execute on function security.guard_team_structure, security.guard_team_change from public;

reset role;
