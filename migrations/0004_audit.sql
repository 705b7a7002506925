-- What happened: changes and sensitive reads (access_log), and answers given (decision).
set local role bailiwick_owner;

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
  constraint pk_access_log primary key (id),
  constraint chk_access_action check (access_action in ('READ', 'WRITE', 'DELETE', 'EXPORT', 'PRINT'))
);
create index ix_access_log_tenant on audit.access_log (tenant_id, accessed_at desc, id desc);
create index ix_access_log_entity on audit.access_log (accessed_entity_id, accessed_at desc);

-- One row an answer. No foreign keys: it outlives what it speaks of, and a question may name what never existed.
create table audit.decision (
  decision_id     uuid not null,
  decided_at      timestamptz not null,
  api             text not null,
  tenant_id       text not null,
  -- who asked
  caller_kind     text not null,
  caller_id       text not null,
  -- whose rights were asked about
  subject_user_id text not null,
  permission      text not null,
  object          text not null,
  answer          text not null,
  -- for a list: how many objects the page held
  listed          int,
  source          text not null,
  -- why nothing was decided: a problem code
  problem         text,
  model_id        text,
  -- the tenant's applied version known when the engine was asked
  sync_position   bigint,
  latency_us      int not null,
  request_id      text not null,
  constraint pk_decision primary key (decided_at, decision_id),
  constraint chk_decision_answer check (answer in ('allowed', 'denied', 'listed', 'undecided')),
  constraint chk_decision_caller_kind check (caller_kind in ('user', 'service'))
) partition by range (decided_at);
create index ix_decision_subject on audit.decision (tenant_id, subject_user_id, decided_at);
create index ix_decision_id on audit.decision (decision_id);
create table audit.decision_other partition of audit.decision default;

-- Makes the partitions of today and the days to come; safe to call at any time, by several at once.
create function audit.ensure_decision_partitions(days_ahead int default 7) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  day date;
  name text;
begin
  perform pg_advisory_xact_lock(hashtext('audit.ensure_decision_partitions'));
  for day in select generate_series(timezone('UTC', now())::date, timezone('UTC', now())::date + days_ahead, '1 day')::date loop
    name := 'decision_' || to_char(day, 'YYYYMMDD');
    if to_regclass('audit.' || name) is null then
      begin
        execute format('create table audit.%I partition of audit.decision for values from (%L) to (%L)', name,
                       day::timestamp at time zone 'UTC', (day + 1)::timestamp at time zone 'UTC');
        execute format('alter table audit.%I enable row level security, force row level security', name);
      exception when check_violation then
        null; -- the default partition holds rows of that day already: they stay there
      end;
    end if;
  end loop;
end $$;

reset role;
