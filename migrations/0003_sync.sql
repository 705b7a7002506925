-- From rows to tuples: what changed (outbox), what is being written (claim), what is in force (applied).
--
-- Format   An outbox entry names a *key* (kind, tenant, a, b), never a row's content: whoever applies it reads the rows
--          as they stand then. `prior` says what may stand in the engine from before: null means that the key was new,
--          `{}` that whatever the key can give may stand there, and `owner` / `tuples` name what the key alone cannot tell.
-- Writer   `sync.capture`, the one trigger function on every synced table, in the transaction of the change; besides it
--          `sync.touch`, for reconcile and operators.
-- Reader   The projector (src/sync/projector.ts), one at a time. It removes exactly the entries that it has read.
-- Crash    A claim is committed before the engine is written, so a claim that outlives its projector tells the next one
--          which keys may still change behind its back.
set local role bailiwick_owner;

create table sync.outbox (
  id         bigint generated always as identity,
  -- The writing transaction. Ids do not commit in order; a transaction's entries appear all at once.
  xid        xid8 not null default pg_current_xact_id(),
  -- '' is the platform: a key that concerns every tenant.
  tenant_id  text not null,
  kind       text not null,
  a          text not null default '',
  b          text not null default '',
  prior      jsonb,
  -- 0 a small change; 1 part of a large one that may take something away; 2 part of a large one that only adds.
  -- Lower goes first, so a bulk load holds up no revocation, and of a large change the deletes come before the writes.
  rank       smallint not null default 0,
  queued_at  timestamptz not null default clock_timestamp(),
  -- Not to be applied before: an earlier write of the key may still be under way in the engine.
  not_before timestamptz,
  parked_at  timestamptz,
  -- A parked entry is tried again then; an operator who wants it sooner sets it to now().
  retry_at   timestamptz,
  last_error text,
  constraint pk_outbox primary key (id),
  constraint chk_outbox_kind check (kind in ('tenant', 'platform_admin', 'role', 'role_permission', 'user_role',
                                             'user_assignment', 'profile', 'record', 'stray', 'rebuild'))
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
        autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 20000);
create index ix_outbox_turn on sync.outbox (rank, tenant_id, id) where parked_at is null;
create index ix_outbox_position on sync.outbox (tenant_id, xid);
create index ix_outbox_xid on sync.outbox (xid);
create index ix_outbox_key on sync.outbox (tenant_id, kind, a, b);
create index ix_outbox_parked on sync.outbox (retry_at) where parked_at is not null;
create index ix_outbox_queued on sync.outbox (queued_at);

-- What the active projector is about to write, one row a leadership; whoever takes over removes it, and a projector
-- whose row is gone knows that it has been replaced.
create table sync.claim (
  id         bigint generated always as identity,
  entry_ids  bigint[] not null default '{}',
  claimed_at timestamptz not null default clock_timestamp(),
  constraint pk_claim primary key (id)
);

-- How often a tenant ('' the platform) has had something applied: what was read under an older version may be stale.
create table sync.applied (
  tenant_id  text not null,
  version    bigint not null,
  applied_at timestamptz not null default clock_timestamp(),
  constraint pk_applied primary key (tenant_id)
);

-- Moves on when the truth is replaced (a restore): positions of another epoch mean nothing here.
create table sync.epoch (
  only_row boolean not null default true,
  epoch    text not null default gen_random_uuid()::text,
  constraint pk_epoch primary key (only_row),
  constraint chk_epoch_only_row check (only_row)
);
insert into sync.epoch default values;

-- Authorization models written to the engine. Every process uses the one it was built with.
create table sync.model (
  ordinal      bigint generated always as identity,
  store_id     text not null,
  model_id     text not null,
  hash         text not null,
  written_at   timestamptz not null default now(),
  constraint pk_model primary key (ordinal),
  constraint uq_model_hash unique (store_id, hash)
);

-- The part of a row that the engine's answers depend on; a change elsewhere is no change here.
create function sync.projected(table_name text, content jsonb) returns jsonb
  language sql immutable parallel safe
  return case table_name
    when 'tenant' then content - array['slug', 'name', 'preset', 'created_at']
    when 'platform_admin' then content - array['granted_at']
    when 'app_user' then jsonb_build_object('id', content->'id', 'tenant_id', content->'tenant_id', 'status', content->'status')
    when 'role' then content - array['description', 'created_at']
    when 'role_permission' then content - array['granted_at']
    when 'user_role' then content - array['assigned_at', 'ordinal']
    when 'user_assignment' then content - array['assigned_at']
    when 'record' then content - array['created_at']
  end;

-- The keys that rows of a table stand for, and those that follow from them: a user's status reaches their roles and
-- their seat, a role's name the global assignments of that name. A query over `changed (content, was)`: the rows as they
-- were, and as they are.
--
-- `prior` is null for a new row of a new key: it leaves nothing to take away, and a bulk load should not pay for looking.
-- Beside a new assignment another may stand already: an older one of the same role, or a global one.
create function sync.keys_query(table_name text) returns text
  language sql immutable parallel safe
  return case table_name
    when 'tenant' then $q$
      select c.content->>'id' as tenant_id, 'tenant' as kind, '' as a, '' as b, c.was from changed c $q$
    when 'platform_admin' then $q$
      select '' as tenant_id, 'platform_admin' as kind, c.content->>'user_id' as a, '' as b, c.was from changed c $q$
    when 'app_user' then $q$
      select c.content->>'tenant_id' as tenant_id, 'profile' as kind, c.content->>'id' as a, '' as b, c.was
        from changed c where c.content->>'tenant_id' is not null
      union all
      select ur.tenant_id, 'user_role', ur.user_id, ur.role_id, c.was
        from changed c join security.user_role ur on ur.user_id = c.content->>'id' where ur.role_id is not null
      union all
      select r.tenant_id, 'user_role', ur.user_id, r.id, c.was
        from changed c join security.user_role ur on ur.user_id = c.content->>'id'
          join security.role r on r.name = ur.role_name and r.is_system
      union all
      select '', 'platform_admin', p.user_id, '', c.was
        from changed c join identity.platform_admin p on p.user_id = c.content->>'id' $q$
    when 'role' then $q$
      select c.content->>'tenant_id' as tenant_id, 'role' as kind, c.content->>'id' as a, '' as b, c.was from changed c
      union all
      select c.content->>'tenant_id', 'user_role', ur.user_id, c.content->>'id', c.was
        from changed c join security.user_role ur on ur.role_name = c.content->>'name' $q$
    when 'role_permission' then $q$
      select c.content->>'tenant_id' as tenant_id, 'role_permission' as kind,
             c.content->>'role_id' as a, c.content->>'permission_id' as b, c.was from changed c $q$
    when 'user_role' then $q$
      select c.content->>'tenant_id' as tenant_id, 'user_role' as kind,
             c.content->>'user_id' as a, c.content->>'role_id' as b,
             c.was or exists (
               select from security.user_role ur
               where ur.user_id = c.content->>'user_id' and ur.id <> c.content->>'id'
                 and (ur.role_id = c.content->>'role_id' or ur.role_name is not null)) as was
        from changed c where c.content->>'role_id' is not null
      union all
      select r.tenant_id, 'user_role', c.content->>'user_id', r.id, true
        from changed c join security.role r on r.name = c.content->>'role_name' and r.is_system $q$
    when 'user_assignment' then $q$
      select c.content->>'tenant_id' as tenant_id, 'user_assignment' as kind,
             c.content->>'user_id' as a, c.content->>'assigned_user_id' as b, c.was from changed c $q$
    when 'record' then $q$
      select c.content->>'tenant_id' as tenant_id, 'record' as kind, c.content->>'id' as a, '' as b, c.was,
             c.content->>'owner_user_id' as owner from changed c $q$
  end;

-- Counts what the transaction has captured: its first 200 entries pass for a small change.
create function sync.count_captured(more bigint) returns bigint
  language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
  captured bigint := coalesce(nullif(current_setting('bailiwick.captured', true), ''), '0')::bigint + more;
begin
  perform set_config('bailiwick.captured', captured::text, true);
  return captured;
end $$;

create function sync.capture() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  was constant text := format('select sync.projected(%L, to_jsonb(o)) from old_rows o', tg_table_name);
  is_now constant text := format('select sync.projected(%L, to_jsonb(n)) from new_rows n', tg_table_name);
begin
  if tg_op = 'TRUNCATE' then
    insert into sync.outbox (tenant_id, kind, a, prior) values ('', 'rebuild', tg_table_name, '{}');
    return null;
  end if;
  execute format($q$
      with changed (content, was) as (%s),
      keys as (%s),
      entries as materialized (
        select k.tenant_id, k.kind, k.a, k.b, %s as prior
        from keys k where k.tenant_id is not null group by k.tenant_id, k.kind, k.a, k.b),
      total as (select sync.count_captured(count(*)) as captured from entries having count(*) > 0)
      insert into sync.outbox (tenant_id, kind, a, b, prior, rank)
        select e.tenant_id, e.kind, e.a, e.b, e.prior,
               case when t.captured <= 200 then 0 when e.prior is not null then 1 else 2 end
        from entries e, total t $q$,
    case tg_op
      when 'INSERT' then format('select c, false from (%s) x (c)', is_now)
      when 'DELETE' then format('select c, true from (%s) x (c)', was)
      else format('select c, true from (%1$s except %2$s) x (c) union all select c, false from (%2$s except %1$s) x (c)',
                  was, is_now)
    end,
    sync.keys_query(tg_table_name),
    case tg_table_name
      when 'record' then $q$ case when bool_or(k.was)
        then jsonb_build_object('owner', max(k.owner) filter (where k.was)) end $q$
      else $q$ case when bool_or(k.was) then '{}'::jsonb end $q$
    end);
  return null;
end $$;

-- Queues a key for another look, `prior` naming tuples that may stand without a reason.
create function sync.touch(tenant_id text, kind text, a text, b text, prior jsonb default '{}') returns void
  language sql volatile
begin atomic
  insert into sync.outbox (tenant_id, kind, a, b, prior, rank)
    values (touch.tenant_id, touch.kind, touch.a, touch.b, coalesce(touch.prior, '{}'),
            case when sync.count_captured(1) <= 200 then 0 else 1 end);
end;

-- A token for everything committed so far and, inside a transaction that has written, for it too (once it commits).
-- A tenant of null covers all tenants.
create function sync.token(tenant_id text default nullif(current_setting('bailiwick.tenant_id', true), '')) returns text
  language sql stable security definer set search_path = pg_catalog, pg_temp
  return (select rtrim(translate(encode(convert_to(jsonb_build_object(
      't', token.tenant_id,
      'x', greatest(pg_current_xact_id_if_assigned()::text::numeric,
                    pg_snapshot_xmax(pg_current_snapshot())::text::numeric - 1)::text,
      'e', (select e.epoch from sync.epoch e))::text, 'utf8'), 'base64'), E'+/\n', '-_'), '='));

-- Whether everything of the tenant (null: of all) and of the platform, up to the position, is in force. A parked key is
-- left out: it holds back nobody else, and what it could take away is refused by src/sync/gate.ts.
create function sync.is_applied(tenant_id text, "position" xid8) returns boolean
  language sql stable security definer set search_path = pg_catalog, pg_temp
  return case when is_applied.tenant_id is null
    then not exists (select from sync.outbox o where o.xid <= is_applied."position" and o.parked_at is null)
    else not exists (select from sync.outbox o where o.tenant_id = is_applied.tenant_id
                       and o.xid <= is_applied."position" and o.parked_at is null)
     and not exists (select from sync.outbox o where o.tenant_id = ''
                       and o.xid <= is_applied."position" and o.parked_at is null)
  end;

do $$
declare
  synced text;
begin
  foreach synced in array array['identity.tenant', 'identity.platform_admin', 'security.app_user', 'security.role',
                                'security.role_permission', 'security.user_role', 'security.user_assignment',
                                'security.record'] loop
    -- once a statement, so that a bulk load is captured in one step
    execute format('create trigger trg_capture_insert after insert on %s referencing new table as new_rows '
                   'for each statement execute function sync.capture()', synced);
    execute format('create trigger trg_capture_update after update on %s '
                   'referencing old table as old_rows new table as new_rows '
                   'for each statement execute function sync.capture()', synced);
    execute format('create trigger trg_capture_delete after delete on %s referencing old table as old_rows '
                   'for each statement execute function sync.capture()', synced);
    execute format('create trigger trg_capture_truncate after truncate on %s '
                   'for each statement execute function sync.capture()', synced);
  end loop;
end $$;

reset role;
