-- What the decision cache stands on: which tenants had something applied since a snapshot, exactly, and the next moment
-- at which a window in time opens or closes.
set local role bailiwick_owner;

-- The transaction that moved the version on. What a snapshot did not see has an id at or above its xmin, however long
-- it took to commit; a time stamped before the commit cannot say that.
alter table sync.applied add column xid xid8 not null default pg_current_xact_id();
create index ix_applied_xid on sync.applied (xid);

-- Keys that an earlier write may still change in the engine.
create index ix_outbox_held on sync.outbox (not_before) where not_before is not null;

-- The next edge of a tenant's windows is one look into each; `tenant_id` null is the platform's.
create index ix_user_role_opens on security.user_role (tenant_id, valid_from)
  where valid_from is not null and revoked_at is null;
create index ix_user_role_closes on security.user_role (tenant_id, expires_at)
  where expires_at is not null and revoked_at is null;
create index ix_user_assignment_opens on security.user_assignment (tenant_id, valid_from) where valid_from is not null;
create index ix_user_assignment_closes on security.user_assignment (tenant_id, expires_at) where expires_at is not null;

reset role;
