-- What waits too long to be in force: found at a glance, and no reason to hand out more (src/sync/gate-store.ts,
-- src/audit/change.ts).
set local role bailiwick_owner;

-- Entries that may take access away and are neither in force nor parked. Loads that only add have none in it.
create index ix_outbox_takes on sync.outbox (tenant_id, queued_at) where prior is not null and parked_at is null;

-- Whether this transaction gives access, takes none away, and another small change of the tenant (null: of any) or of
-- the platform has not been in force for over ten seconds: what it adds would wait behind that.
create function sync.is_backlogged(tenant_id text) returns boolean
  language sql stable security definer set search_path = pg_catalog, pg_temp
  return (select count(*) > 0 and bool_and(o.prior is null and o.kind <> 'rebuild') from sync.outbox o
          where o.xid = pg_current_xact_id_if_assigned())
     and exists (select from sync.outbox o
                 where o.rank = 0 and o.parked_at is null and o.queued_at < clock_timestamp() - interval '10 seconds'
                   and (is_backlogged.tenant_id is null or o.tenant_id in (is_backlogged.tenant_id, '')));

revoke execute on function sync.is_backlogged from public;
grant execute on function sync.is_backlogged to bailiwick_service;

reset role;
