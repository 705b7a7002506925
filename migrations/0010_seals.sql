-- The ledger over audit.access_log (lane `admin`) and audit.decision (lane `decision`): src/audit/ledger.ts says how it
-- is hashed.
--
-- A seal covers one batch of rows, in the order (xid, id). It holds the hash of each of them, so that a row needs no
-- second row beside it, and the first row that differs is known. The unique keys make a fork impossible: no two batches
-- begin at one place, and none continue from one hash. Seals stay when the rows that they cover leave.
set local role bailiwick_owner;

create table audit.ledger (
  lane   text not null,
  -- names this log and no other, wherever the database is copied to; signed with every checkpoint
  origin text not null,
  constraint pk_ledger primary key (lane),
  constraint uq_ledger_origin unique (origin),
  constraint chk_ledger_lane check (lane in ('admin', 'decision'))
);
insert into audit.ledger (lane, origin)
  select lane, 'bailiwick/' || id || '/' || lane
  from unnest(array['admin', 'decision']) lane, (select gen_random_uuid()::text as id) log;

create table audit.seal (
  lane      text not null,
  batch     bigint not null,
  -- the first entry of a lane is 1
  first_seq bigint not null,
  last_seq  bigint not null,
  -- the place of its last row in the order of rows
  last_xid  xid8 not null,
  last_id   text not null,
  -- the hash of the entry before, and that of its last entry
  prev      bytea not null,
  head      bytea not null,
  -- of all entries up to its last (RFC 6962), and the subtrees that it is made of
  root      bytea not null,
  frontier  bytea not null,
  -- the hash of each entry, 32 bytes after 32 bytes
  leaves    bytea not null,
  first_at  timestamptz not null,
  last_at   timestamptz not null,
  sealed_at timestamptz not null default clock_timestamp(),
  constraint pk_seal primary key (lane, batch),
  constraint uq_seal_first_seq unique (lane, first_seq),
  constraint uq_seal_prev unique (lane, prev),
  constraint fk_seal_ledger foreign key (lane) references audit.ledger (lane),
  constraint chk_seal_range check (batch >= 1 and first_seq >= 1 and last_seq >= first_seq),
  constraint chk_seal_hashes check (octet_length(prev) = 32 and octet_length(head) = 32 and octet_length(root) = 32
    and octet_length(leaves) = 32 * (last_seq - first_seq + 1))
);
create index ix_seal_last_seq on audit.seal (lane, last_seq);
create index ix_seal_last_xid on audit.seal (lane, last_xid);
create index ix_seal_last_at on audit.seal (lane, last_at);
-- hashes do not compress
alter table audit.seal alter column leaves set storage external;

create table audit.checkpoint (
  lane      text not null,
  -- how many entries it covers
  size      bigint not null,
  -- a signed note (C2SP tlog-checkpoint)
  note      text not null,
  signed_at timestamptz not null default clock_timestamp(),
  constraint pk_checkpoint primary key (lane, size),
  constraint fk_checkpoint_ledger foreign key (lane) references audit.ledger (lane)
);

-- Which entries left with which partition; the entry of the access log that says so is sealed like any other.
create table audit.pruned (
  lane      text not null,
  partition text not null,
  seqs      int8multirange not null,
  entry_id  bigint not null,
  pruned_at timestamptz not null default clock_timestamp(),
  constraint pk_pruned primary key (lane, partition, pruned_at),
  constraint fk_pruned_ledger foreign key (lane) references audit.ledger (lane)
);

do $$
declare
  name text;
begin
  foreach name in array array['audit.ledger', 'audit.seal', 'audit.checkpoint', 'audit.pruned'] loop
    execute format('alter table %s enable row level security', name);
    execute format('alter table %s force row level security', name);
    execute format('create policy p_owner on %s to bailiwick_owner using (true) with check (true)', name);
    execute format('create policy p_reader on %s for select to bailiwick_operator, bailiwick_auditor using (true)', name);
    execute format('create policy p_sync on %s to bailiwick_sync using (true) with check (true)', name);
    execute format('create trigger trg_append_only before update or delete on %s '
                   'for each row execute function audit.refuse_change()', name);
    execute format('create trigger trg_append_only_truncate before truncate on %s '
                   'for each statement execute function audit.refuse_change()', name);
    execute format('grant select on %s to bailiwick_sync, bailiwick_operator, bailiwick_auditor', name);
  end loop;
end $$;
grant insert (lane, batch, first_seq, last_seq, last_xid, last_id, prev, head, root, frontier, leaves, first_at, last_at)
  on audit.seal to bailiwick_sync;
grant insert (lane, size, note) on audit.checkpoint to bailiwick_sync;

-- An entry's text, the bytes of which are hashed. It is made of the stored columns, by Postgres alone, so it says what
-- is stored whatever the writer meant, and there is no second copy that could differ. Every column is in it. A column
-- that is null is left out: one that a later migration adds, at the end, leaves the text of older rows as it was.
create function audit.entry_text(e audit.access_log) returns text
  language sql stable parallel safe
  return '{"v":1,"id":' || (e).id || ',"xid":' || (e).xid::text
      || ',"at":' || to_json(timezone('UTC', (e).accessed_at))
      || ',"tenant":' || to_json((e).tenant_id)
      || coalesce(',"actor":' || to_json((e).actor_user_id), '')
      || ',"entityType":' || to_json((e).accessed_entity_type)
      || ',"entityId":' || to_json((e).accessed_entity_id)
      || ',"action":' || to_json((e).access_action)
      || ',"purpose":' || to_json((e).purpose)
      || ',"details":' || (e).details::text
      || coalesce(',"role":' || to_json((e).actor_role), '')
      || coalesce(',"impersonation":' || to_json((e).impersonation_id), '')
      || coalesce(',"request":' || to_json((e).request_id), '')
      || coalesce(',"change":' || to_json((e).change_id), '')
      || '}';

create function audit.entry_text(e audit.decision) returns text
  language sql stable parallel safe
  return '{"v":1,"id":"' || (e).decision_id || '","xid":' || (e).xid::text
      || ',"at":' || to_json(timezone('UTC', (e).decided_at))
      || ',"api":' || to_json((e).api)
      || ',"tenant":' || to_json((e).tenant_id)
      || ',"callerKind":' || to_json((e).caller_kind)
      || ',"caller":' || to_json((e).caller_id)
      || ',"subject":' || to_json((e).subject_user_id)
      || ',"permission":' || to_json((e).permission)
      || ',"object":' || to_json((e).object)
      || ',"answer":' || to_json((e).answer)
      || coalesce(',"listed":' || (e).listed, '')
      || ',"source":' || to_json((e).source)
      || coalesce(',"problem":' || to_json((e).problem), '')
      || coalesce(',"model":' || to_json((e).model_id), '')
      || coalesce(',"syncPosition":' || (e).sync_position, '')
      || ',"latencyUs":' || (e).latency_us
      || ',"request":' || to_json((e).request_id)
      || '}';

-- Drops a partition whose rows the caller has verified to be the entries `seqs`. Refused unless each of them is sealed
-- below a checkpoint. What is dropped, and by whom, is an entry of the access log and stays.
create function audit.prune_partition(lane text, partition text, seqs int8multirange) returns bigint
  language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '2s' as $$
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
  execute format('alter table audit.%I detach partition audit.%I', parent, partition);
  execute format('alter table audit.%I no force row level security', partition);
  select s.* into covered from audit.seal s
    where s.lane = prune_partition.lane
      and s.last_seq <= (select max(c.size) from audit.checkpoint c where c.lane = prune_partition.lane)
    order by s.last_seq desc limit 1;
  execute format('select count(*), count(*) filter (where ($1 is null) or (e.xid, e.%1$I) > ($1, $2::%2$s)) from audit.%3$I e',
                 case lane when 'admin' then 'id' else 'decision_id' end,
                 case lane when 'admin' then 'bigint' else 'uuid' end, partition)
    into rows_there, rows_uncovered using covered.last_xid, covered.last_id;
  if rows_uncovered > 0 then
    raise exception '% holds % rows that no checkpoint covers', partition, rows_uncovered;
  end if;
  if rows_there <> expected then
    raise exception '% holds % rows, not the % that were verified', partition, rows_there, expected;
  end if;
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
revoke execute on function audit.prune_partition from public;
grant execute on function audit.prune_partition to bailiwick_operator;

reset role;
