-- Whether anything that is not in force could take access away in a tenant, for who cannot hear the feed that says so
-- (src/sync/gate.ts): the service's own login sees no outbox.
set local role bailiwick_owner;

create function sync.is_menaced(tenant_id text) returns boolean
  language sql stable security definer set search_path = pg_catalog, pg_temp
  return exists (select from sync.outbox o
    where o.tenant_id in (is_menaced.tenant_id, '') and (o.kind = 'rebuild' or o.prior is not null
      and (o.parked_at is not null or o.queued_at < clock_timestamp() - interval '10 seconds')));

revoke execute on function sync.is_menaced from public;
grant execute on function sync.is_menaced to bailiwick_service;

reset role;
