-- Who acted, and what left the log.
--
-- Login    goes into the entry beside the actor, wherever somebody else than the service named one.
-- Truncate is told to every tenant that it takes rows of, not to the platform alone.
-- Pruning  counts before it takes the lock that every writer of the log waits for, and its entry says what was said by
--          the entries of prunings that leave with it: whatever left is named by an entry that is there.
set local role bailiwick_owner;

-- The database login, where it is not the service's: whoever may act as `bailiwick_service` names the actors. Anybody
-- else may name one, too, and their login stands beside it.
create function audit.login() returns text
  language sql stable
  return case when audit.setting('actor_user_id') is null or current_setting('role') <> 'bailiwick_service'
         then session_user::text end;

-- As before (0009).
create or replace function audit.capture_change() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  actor constant text := audit.setting('actor_user_id');
  reason constant text := audit.setting('reason');
begin
  if tg_op = 'TRUNCATE' then
    insert into audit.access_log (tenant_id, actor_user_id, actor_role, impersonation_id, request_id,
                                  change_id, accessed_entity_type, accessed_entity_id, access_action, purpose, details)
      values ('platform', actor, audit.login(), audit.setting('impersonation_id'),
              audit.setting('request_id'), audit.setting('change_id'), tg_table_name, '*', 'DELETE',
              tg_table_name || '.truncate', jsonb_strip_nulls(jsonb_build_object('reason', reason)));
    return null;
  end if;
  execute format($q$
      with changed (o, n) as materialized (%s), entries as (%s)
      insert into audit.access_log (tenant_id, actor_user_id, actor_role, impersonation_id, request_id,
                                    change_id, accessed_entity_type, accessed_entity_id, access_action, purpose, details)
        select coalesce(e.tenant_id, 'platform'), $1, audit.login(),
               audit.setting('impersonation_id'), audit.setting('request_id'),
               audit.setting('change_id'), %L, e.entity_id,
               case when e.is_end then 'DELETE' else 'WRITE' end, e.purpose,
               case when $2 is null then e.details else e.details || jsonb_build_object('reason', $2) end
        from entries e $q$,
    case tg_op
      when 'INSERT' then 'select null::jsonb, to_jsonb(n) from new_rows n'
      when 'DELETE' then 'select to_jsonb(o), null::jsonb from old_rows o'
      else format('select to_jsonb(o), to_jsonb(n) from old_rows o full join new_rows n on %s', tg_argv[0])
    end,
    audit.entries_query(tg_table_name), tg_table_name) using actor, reason;
  if tg_table_name = 'role' and tg_op = 'DELETE' then
    -- the entry of the role has told it
    delete from audit.pending_grant g using old_rows o where g.xid = pg_current_xact_id() and g.role_id = o.id;
  end if;
  return null;
end $$;

-- As before (0009).
create or replace function audit.write_grants() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  actor constant text := audit.setting('actor_user_id');
  reason constant text := audit.setting('reason');
begin
  if not exists (select from audit.pending_grant g where g.id = new.id) then
    return null;
  end if;
  with noted as (
    delete from audit.pending_grant g where g.xid = new.xid and g.role_id = new.role_id returning g.added, g.removed),
  net as (
    select c.permission_id, sum(c.sign) as sign
    from (select unnest(added) as permission_id, 1 as sign from noted
          union all select unnest(removed), -1 from noted) c
    group by c.permission_id),
  change as (
    select coalesce(array_agg(permission_id order by permission_id) filter (where sign > 0), '{}') as added,
           coalesce(array_agg(permission_id order by permission_id) filter (where sign < 0), '{}') as removed
    from net)
  insert into audit.access_log (tenant_id, actor_user_id, actor_role, impersonation_id, request_id,
                                change_id, accessed_entity_type, accessed_entity_id, access_action, purpose, details)
    select new.tenant_id, actor, audit.login(), audit.setting('impersonation_id'),
           audit.setting('request_id'), audit.setting('change_id'), 'role_permission', new.role_id, 'WRITE',
           'role.set_permissions',
           jsonb_strip_nulls(jsonb_build_object('roleName', r.name, 'added', to_jsonb(c.added),
                                                'removed', to_jsonb(c.removed), 'reason', reason))
    from change c left join security.role r on r.id = new.role_id
    where cardinality(c.added) + cardinality(c.removed) > 0;
  return null;
end $$;

-- As before (0015).
create or replace function audit.note_account(user_id text, purpose text, event_type text) returns void
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  actor constant text := audit.setting('actor_user_id');
  reason constant text := audit.setting('reason');
  tenant constant text :=
    coalesce((select u.tenant_id from security.app_user u where u.id = note_account.user_id), 'platform');
begin
  insert into audit.access_log (tenant_id, actor_user_id, actor_role, impersonation_id, request_id, change_id,
                                accessed_entity_type, accessed_entity_id, access_action, purpose, details)
    values (tenant, actor, audit.login(), audit.setting('impersonation_id'),
            audit.setting('request_id'), audit.setting('change_id'), 'app_user', note_account.user_id, 'WRITE',
            note_account.purpose, jsonb_strip_nulls(jsonb_build_object('reason', reason)));
  insert into identity.tenant_audit (tenant_id, event_type, actor_user_id, details)
    values (tenant, note_account.event_type, actor, jsonb_strip_nulls(jsonb_build_object(
      'userId', note_account.user_id, 'impersonationId', audit.setting('impersonation_id'), 'reason', reason)));
end $$;

-- As before (0022).
create or replace function audit.write_request(tenant_id text, entity_type text, entity_id text, verb text, details jsonb) returns void
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  actor constant text := audit.setting('actor_user_id');
  told constant jsonb := jsonb_strip_nulls(details || jsonb_build_object('reason',
    coalesce(details->>'reason', audit.setting('reason'))));
begin
  insert into audit.access_log (tenant_id, actor_user_id, actor_role, impersonation_id, request_id, change_id,
                                accessed_entity_type, accessed_entity_id, access_action, purpose, details)
    values (write_request.tenant_id, actor, audit.login(),
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

-- As before (0025).
create or replace function audit.capture_review_item() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  actor constant text := audit.setting('actor_user_id');
begin
  -- an entry, and no line in the tenant's history: there may be thousands
  insert into audit.access_log (tenant_id, actor_user_id, actor_role, impersonation_id, request_id, change_id,
                                accessed_entity_type, accessed_entity_id, access_action, purpose, details)
    values (new.tenant_id, actor, audit.login(), audit.setting('impersonation_id'),
            audit.setting('request_id'), audit.setting('change_id'), 'review', new.review_id, 'WRITE', 'review.decide',
            jsonb_strip_nulls(jsonb_build_object('itemId', new.id::text, 'userId', new.user_id, 'roleId', new.role_id,
              'roleName', new.role_name, 'assignmentId', new.assignment_id, 'decision', new.decision,
              'wasStanding', new.was_standing, 'reason', new.comment)));
  return null;
end $$;

-- As before (0032).
create or replace function audit.note_export(tenant_id text) returns void
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  actor constant text := audit.setting('actor_user_id');
begin
  insert into audit.access_log (tenant_id, actor_user_id, actor_role, request_id, accessed_entity_type, accessed_entity_id,
                                access_action, purpose, details)
    values (note_export.tenant_id, actor, audit.login(), audit.setting('request_id'),
            'tenant', note_export.tenant_id, 'EXPORT', 'access.export', '{}');
end $$;

-- Tells every tenant that a table is about to lose its rows; that the table is emptied is told by audit.capture_change.
create function audit.capture_truncate() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  execute format($q$
      insert into audit.access_log (tenant_id, actor_user_id, actor_role, impersonation_id, request_id, change_id,
                                    accessed_entity_type, accessed_entity_id, access_action, purpose, details)
        select t.id, audit.setting('actor_user_id'), audit.login(), audit.setting('impersonation_id'),
               audit.setting('request_id'), audit.setting('change_id'), %1$L, '*', 'DELETE', %1$L || '.truncate',
               jsonb_strip_nulls(jsonb_build_object('reason', audit.setting('reason')))
        from identity.tenant t where exists (select from %2$I.%1$I x where x.%3$I = t.id)
        order by t.id $q$,
    tg_table_name, tg_table_schema, tg_argv[0]);
  return null;
end $$;
revoke execute on function audit.capture_truncate from public;

do $$
declare
  captured record;
begin
  for captured in
    select * from (values
      ('security.role', 'tenant_id'), ('security.role_permission', 'tenant_id'), ('security.user_role', 'tenant_id'),
      ('security.app_user', 'tenant_id'), ('security.user_assignment', 'tenant_id'), ('security.record', 'tenant_id'),
      ('security.service_key', 'tenant_id'), ('identity.tenant', 'id'), ('identity.impersonation', 'tenant_id')
    ) as c (name, tenant_column)
  loop
    execute format('create trigger trg_audit_truncate_tenants before truncate on %s '
                   'for each statement execute function audit.capture_truncate(%L)', captured.name, captured.tenant_column);
  end loop;
end $$;

-- Which entries have left, as the details of a pruning's entry say it: those that it took, and those whose entry it took.
create function audit.named_prunings(details jsonb) returns table (lane text, gone int8range)
  language sql stable as $$
  select said.lane, gone
  from (select details->>'lane', (details->>'seqs')::int8multirange
        union all select c.key, c.value::int8multirange from jsonb_each_text(details->'carried') c) said (lane, seqs)
    cross join lateral unnest(said.seqs) gone
$$;

-- When it was does not say any more where its entry stands; it is the moment of the entry all the same.
alter table audit.pruned alter column pruned_at set default now();

-- Until now nothing said what an entry had said that left since, and what was pruned in its month needed none: it is
-- named here, at the database's word. An hour, because a pruning bore the time of its end, and its entry that of its start.
insert into audit.access_log (tenant_id, actor_role, accessed_entity_type, accessed_entity_id, access_action, purpose, details)
  select 'platform', session_user, 'audit_partition', '*', 'DELETE', 'audit.prune:*',
         jsonb_build_object('carried', jsonb_object_agg(lost.lane, lost.seqs))
  from (select p.lane, range_agg(gone)::text as seqs
        from audit.pruned p cross join lateral unnest(p.seqs) gone
        where not exists (select from audit.access_log e
                          where e.id = p.entry_id and e.purpose = 'audit.prune:' || p.partition
                            and e.details->>'lane' = p.lane and e.details->>'seqs' = p.seqs::text)
          and exists (select from audit.pruned later
                      where later.lane = 'admin' and later.pruned_at > p.pruned_at and later.partition in (
                        'access_log_' || to_char(timezone('UTC', p.pruned_at), 'YYYYMM'),
                        'access_log_' || to_char(timezone('UTC', p.pruned_at - interval '1 hour'), 'YYYYMM')))
        group by p.lane) lost
  having count(*) > 0;

-- As before (0010). The rows are counted while writers of the partition alone wait: the log's own lock is taken when
-- nothing is left to be refused. It is one pruning at a time, because two that count would wait for each other there. The
-- entry repeats what is said by those that leave.
create or replace function audit.prune_partition(lane text, partition text, seqs int8multirange) returns bigint
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp set lock_timeout = '2s' set datestyle = 'ISO' as $$
declare
  parent constant text := case lane when 'admin' then 'access_log' when 'decision' then 'decision' end;
  child constant regclass := to_regclass(format('audit.%I', partition));
  bounds constant text := pg_get_partition_constraintdef(child);
  covered audit.seal;
  carried jsonb;
  expected constant numeric := (select coalesce(sum(upper(s) - lower(s)), 0) from unnest(seqs) s);
  rows_there bigint;
  rows_uncovered bigint;
  pruning_entry bigint;
begin
  if parent is null or child is null or partition !~ ('^' || parent || '_[0-9]+$')
     or not exists (select from pg_inherits i where i.inhrelid = child and i.inhparent = format('audit.%I', parent)::regclass)
  then
    raise exception 'there is no partition % of lane %', partition, lane;
  end if;
  perform pg_advisory_xact_lock(hashtext('audit.prune_partition'));
  execute format('lock table audit.%I in share mode', partition);
  select s.* into covered from audit.seal s
    where s.lane = prune_partition.lane
      and s.last_seq <= (select max(c.size) from audit.checkpoint c where c.lane = prune_partition.lane)
    order by s.last_seq desc limit 1;
  -- through the log, whose policies let the owner see rows
  execute format('select count(*), count(*) filter (where ($1 is null) or (e.xid, e.%1$I) > ($1, $2::%2$s)) '
                 'from audit.%3$I e where %4$s',
                 case lane when 'admin' then 'id' else 'decision_id' end,
                 case lane when 'admin' then 'bigint' else 'uuid' end, parent, bounds)
    into rows_there, rows_uncovered using covered.last_xid, covered.last_id;
  if rows_uncovered > 0 then
    raise exception '% holds % rows that no checkpoint covers', partition, rows_uncovered;
  end if;
  if rows_there <> expected then
    raise exception '% holds % rows, not the % that were verified', partition, rows_there, expected;
  end if;
  if lane = 'admin' then
    execute format($q$ select jsonb_object_agg(c.lane, c.seqs)
                       from (select n.lane, range_agg(n.gone)::text as seqs
                             from audit.access_log e cross join lateral audit.named_prunings(e.details) n
                             where e.tenant_id = 'platform' and e.accessed_entity_type = 'audit_partition'
                               and e.access_action = 'DELETE' and %s group by n.lane) c $q$, bounds) into carried;
  end if;
  execute format('alter table audit.%I detach partition audit.%I', parent, partition);
  execute format('drop table audit.%I', partition);
  insert into audit.access_log (tenant_id, actor_role, accessed_entity_type, accessed_entity_id, access_action, purpose, details)
    values ('platform', session_user, 'audit_partition', partition, 'DELETE', 'audit.prune:' || partition,
            jsonb_strip_nulls(jsonb_build_object('lane', lane, 'seqs', seqs::text, 'rows', rows_there, 'carried', carried)))
    returning id into pruning_entry;
  if rows_there > 0 then
    insert into audit.pruned (lane, partition, seqs, entry_id) values (lane, partition, seqs, pruning_entry);
  end if;
  return rows_there;
end $$;

reset role;
