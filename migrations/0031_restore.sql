-- A database that was restored: whether its cluster is younger than its rows, and taking it up (src/sync/restore.ts).
--
-- Sync tokens, the feed of what is applied and the order in which rows are sealed go by transaction ids. In a cluster
-- that has given out fewer than the rows bear, what is written next would come before what was written long ago.
set local role bailiwick_owner;

-- The newest transaction id that a row bears. Every change of rights writes an entry of the access log, so what else
-- bears one is no newer.
create function sync.newest_xid() returns xid8
  language sql stable security definer set search_path = pg_catalog, pg_temp
  return greatest((select max(o.xid) from sync.outbox o), (select max(a.xid) from sync.applied a),
                  (select max(s.last_xid) from audit.seal s), (select max(l.xid) from audit.access_log l),
                  (select max(d.xid) from audit.decision d));

-- Whether the cluster has given out fewer transaction ids than that.
create function sync.is_foreign() returns boolean
  language sql stable security definer set search_path = pg_catalog, pg_temp
  return coalesce(sync.newest_xid() >= pg_snapshot_xmax(pg_current_snapshot()), false);

-- Takes the rows as they stand for the truth: sync tokens of before mean nothing any more, what was being written by
-- whoever ran before is let go, and every family of keys is compared with the store. Until that is done no allow is
-- given (`rebuild` entries, src/sync/gate-store.ts).
create function sync.adopt() returns text
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  adopted text;
begin
  if sync.is_foreign() then
    raise exception 'the cluster has given out fewer transaction ids than the rows bear';
  end if;
  perform set_config('bailiwick.platform', 'on', true);
  update sync.epoch set epoch = gen_random_uuid()::text returning epoch into adopted;
  delete from sync.claim;
  update sync.outbox set not_before = null where not_before is not null;
  update sync.applied set version = version + 1, xid = pg_current_xact_id();
  insert into sync.outbox (tenant_id, kind, a, prior)
    select '', 'rebuild', family, '{}'::jsonb
    from unnest(array['tenant', 'platform_admin', 'app_user', 'role', 'role_permission', 'user_role', 'user_assignment',
                      'record']) family;
  insert into audit.access_log (tenant_id, actor_role, accessed_entity_type, accessed_entity_id, access_action, purpose, details)
    values ('platform', session_user, 'database', current_database(), 'WRITE', 'restore.adopt',
            jsonb_build_object('epoch', adopted));
  return adopted;
end $$;

revoke execute on function sync.newest_xid, sync.is_foreign, sync.adopt from public;
grant execute on function sync.newest_xid, sync.is_foreign to bailiwick_sync, bailiwick_operator;
grant execute on function sync.adopt to bailiwick_operator;

reset role;
