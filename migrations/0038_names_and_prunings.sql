-- Who acted, and what left the log.
--
-- Pruning  counts before it takes the lock that every writer of the log waits for.
set local role bailiwick_owner;

-- As before (0010). The rows are counted while writers of the partition alone wait: the log's own lock is taken when
-- nothing is left to be refused. It is one pruning at a time, because two that count would wait for each other there.
create or replace function audit.prune_partition(lane text, partition text, seqs int8multirange) returns bigint
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp set lock_timeout = '2s' set datestyle = 'ISO' as $$
declare
  parent constant text := case lane when 'admin' then 'access_log' when 'decision' then 'decision' end;
  child constant regclass := to_regclass(format('audit.%I', partition));
  covered audit.seal;
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
                 case lane when 'admin' then 'bigint' else 'uuid' end, parent, pg_get_partition_constraintdef(child))
    into rows_there, rows_uncovered using covered.last_xid, covered.last_id;
  if rows_uncovered > 0 then
    raise exception '% holds % rows that no checkpoint covers', partition, rows_uncovered;
  end if;
  if rows_there <> expected then
    raise exception '% holds % rows, not the % that were verified', partition, rows_there, expected;
  end if;
  execute format('alter table audit.%I detach partition audit.%I', parent, partition);
  execute format('drop table audit.%I', partition);
  insert into audit.access_log (tenant_id, actor_role, accessed_entity_type, accessed_entity_id, access_action, purpose, details)
    values ('platform', session_user, 'audit_partition', partition, 'DELETE', 'audit.prune:' || partition,
            jsonb_build_object('lane', lane, 'seqs', seqs::text, 'rows', rows_there))
    returning id into pruning_entry;
  if rows_there > 0 then
    insert into audit.pruned (lane, partition, seqs, entry_id) values (lane, partition, seqs, pruning_entry);
  end if;
  return rows_there;
end $$;

reset role;
