-- What the ledger needs of the tables that it seals: an order that commits cannot overtake, partitions that can leave
-- one day, and rows that nobody changes.
--
-- `xid` is the transaction that wrote the row. Everything below the oldest transaction still running
-- (`pg_snapshot_xmin`) is committed or will never be, so rows read below it in the order (xid, id) are read once and
-- for all; no writer waits for another. An index in that order is all that a writer pays.
set local role bailiwick_owner;

-- Refuses every change of what was written down, whoever asks. Only the owner can drop a whole partition.
create function audit.refuse_change() returns trigger
  language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  raise exception 'what was written down is not changed: % on %.% is refused', lower(tg_op), tg_table_schema, tg_table_name
    using errcode = 'insufficient_privilege';
end $$;

alter table audit.access_log rename to access_log_before;
alter table audit.access_log_before rename constraint pk_access_log to pk_access_log_before;
alter index audit.ix_access_log_tenant rename to ix_access_log_before_tenant;
alter index audit.ix_access_log_entity rename to ix_access_log_before_entity;

create table audit.access_log (
  id                   bigint generated always as identity,
  tenant_id            text not null,
  actor_user_id        text,
  accessed_entity_type text not null,
  accessed_entity_id   text not null,
  access_action        text not null,
  purpose              text not null,
  accessed_at          timestamptz not null default now(),
  details              jsonb not null default '{}',
  -- the database login, where no actor is named
  actor_role           text,
  impersonation_id     text,
  request_id           text,
  -- one logical change, which may be several rows
  change_id            text,
  xid                  xid8 not null default pg_current_xact_id(),
  -- the month decides the partition, so it is part of the key
  constraint pk_access_log primary key (id, accessed_at),
  constraint chk_access_action check (access_action in ('READ', 'WRITE', 'DELETE', 'EXPORT', 'PRINT')),
  constraint chk_access_log_accessed_at check (isfinite(accessed_at))
) partition by range (accessed_at);
create index ix_access_log_tenant on audit.access_log (tenant_id, accessed_at desc, id desc);
create index ix_access_log_entity on audit.access_log (accessed_entity_id, accessed_at desc);
create index ix_access_log_seal on audit.access_log (xid, id);
create table audit.access_log_other partition of audit.access_log default;

alter table audit.decision add column xid xid8 not null default pg_current_xact_id();
create index ix_decision_seal on audit.decision (xid, decision_id);

-- Makes a partition beside its table and attaches it then: writers go on meanwhile, which they could not if it were
-- made in its place. Where the default partition holds rows of that time already, they stay there.
create function audit.ensure_partition(parent text, suffix text, since timestamptz, until timestamptz) returns void
  language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  name constant text := parent || '_' || suffix;
begin
  if to_regclass('audit.' || name) is not null then
    return;
  end if;
  execute format('create table audit.%I (like audit.%I including all excluding identity)', name, parent);
  execute format('alter table audit.%I enable row level security, force row level security', name);
  execute format('alter table audit.%I attach partition audit.%I for values from (%L) to (%L)', parent, name, since, until);
  execute format('create trigger trg_append_only_truncate before truncate on audit.%I '
                 'for each statement execute function audit.refuse_change()', name);
exception when check_violation then
  null;
end $$;

-- Makes the partitions of this month and the months to come; safe to call at any time, by several at once.
create function audit.ensure_access_log_partitions(months_ahead int default 3) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '2s' as $$
declare
  month timestamp;
begin
  perform pg_advisory_xact_lock(hashtext('audit.ensure_access_log_partitions'));
  for month in select generate_series(0, months_ahead) * interval '1 month' + date_trunc('month', timezone('UTC', now())) loop
    perform audit.ensure_partition('access_log', to_char(month, 'YYYYMM'), timezone('UTC', month),
                                   timezone('UTC', month + interval '1 month'));
  end loop;
end $$;

-- Makes the partitions of today and the days to come; safe to call at any time, by several at once.
create or replace function audit.ensure_decision_partitions(days_ahead int default 7) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '2s' as $$
declare
  day timestamp;
begin
  perform pg_advisory_xact_lock(hashtext('audit.ensure_decision_partitions'));
  for day in select generate_series(0, days_ahead) * interval '1 day' + date_trunc('day', timezone('UTC', now())) loop
    perform audit.ensure_partition('decision', to_char(day, 'YYYYMMDD'), timezone('UTC', day),
                                   timezone('UTC', day + interval '1 day'));
  end loop;
end $$;

select audit.ensure_access_log_partitions();

do $$
declare
  name text;
begin
  foreach name in array array['audit.access_log', 'audit.access_log_other'] loop
    execute format('alter table %s enable row level security', name);
    execute format('alter table %s force row level security', name);
    execute format('create policy p_owner on %s to bailiwick_owner using (true) with check (true)', name);
    execute format('create policy p_operator on %s to bailiwick_operator using (true) with check (true)', name);
    execute format('create policy p_service on %s to bailiwick_service using (security.in_scope(tenant_id))', name);
  end loop;
  create policy p_auditor on audit.access_log for select to bailiwick_auditor using (true);
  -- whoever projects also seals: it reads what was written down and writes none of it
  create policy p_sync on audit.access_log for select to bailiwick_sync using (true);
  create policy p_sync on audit.decision for select to bailiwick_sync using (true);
end $$;

grant select on audit.access_log to bailiwick_service, bailiwick_operator, bailiwick_auditor, bailiwick_sync;
grant select on audit.decision to bailiwick_sync;
-- The order of rows and the moment of writing are not the writer's to choose.
grant insert (tenant_id, actor_user_id, accessed_entity_type, accessed_entity_id, access_action, purpose, details,
              actor_role, impersonation_id, request_id, change_id) on audit.access_log to bailiwick_service;
revoke insert on audit.decision from bailiwick_service;
grant insert (decision_id, decided_at, api, tenant_id, caller_kind, caller_id, subject_user_id, permission, object,
              answer, listed, source, problem, model_id, sync_position, latency_us, request_id)
  on audit.decision to bailiwick_service;

-- Rows of before keep their ids and count as written by this transaction.
insert into audit.access_log (id, tenant_id, actor_user_id, accessed_entity_type, accessed_entity_id, access_action,
                              purpose, accessed_at, details) overriding system value
  select id, tenant_id, actor_user_id, accessed_entity_type, accessed_entity_id, access_action, purpose, accessed_at, details
  from audit.access_log_before order by id;
select setval(pg_get_serial_sequence('audit.access_log', 'id'),
              coalesce((select max(id) from audit.access_log_before), 0) + 1, false);
drop table audit.access_log_before;

-- A trigger for each row also stands on every partition, those to come included; one for `truncate` does not, so
-- audit.ensure_partition puts it there.
do $$
declare
  name text;
begin
  foreach name in array array['audit.access_log', 'audit.decision', 'identity.tenant_audit'] loop
    execute format('create trigger trg_append_only before update or delete on %s '
                   'for each row execute function audit.refuse_change()', name);
  end loop;
  for name in
    select 'identity.tenant_audit' union all
    select t.relid::text from pg_partition_tree('audit.access_log') t union all
    select t.relid::text from pg_partition_tree('audit.decision') t
  loop
    -- the months' partitions have it already
    execute format('create or replace trigger trg_append_only_truncate before truncate on %s '
                   'for each statement execute function audit.refuse_change()', name);
  end loop;
end $$;

revoke execute on function audit.ensure_partition, audit.ensure_access_log_partitions from public;
grant execute on function audit.ensure_access_log_partitions to bailiwick_service, bailiwick_sync;

reset role;
