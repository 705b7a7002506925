-- Who sees what.
--
-- service   one tenant at a time (`set local bailiwick.tenant_id`), or everything while it says that it acts for the
--           platform (`set local bailiwick.platform = 'on'`)
-- sync      reads the synced tables, writes `sync.*` and the permission catalogue
-- operator  an operator's psql: every tenant, but neither superuser nor owner, and no hand on what was written down
-- auditor   reads what was written down
-- owner     row security is forced on it as well; the policy lets the trigger functions see across tenants
set local role bailiwick_owner;

do $$
declare
  tenant_table record;
begin
  for tenant_table in
    select * from (values
      ('identity.tenant', 'id'), ('identity.tenant_audit', 'tenant_id'), ('identity.impersonation', 'tenant_id'),
      ('identity.platform_admin', null), ('security.app_user', 'tenant_id'), ('security.role', 'tenant_id'),
      ('security.role_permission', 'tenant_id'), ('security.user_role', 'tenant_id'),
      ('security.user_assignment', 'tenant_id'), ('security.record', 'tenant_id'),
      ('security.service_key', 'tenant_id'), ('audit.access_log', 'tenant_id'), ('audit.decision', 'tenant_id'),
      ('audit.decision_other', 'tenant_id')
    ) as t (name, tenant_column)
  loop
    execute format('alter table %s enable row level security', tenant_table.name);
    execute format('alter table %s force row level security', tenant_table.name);
    execute format('create policy p_owner on %s to bailiwick_owner using (true) with check (true)', tenant_table.name);
    execute format('create policy p_operator on %s to bailiwick_operator using (true) with check (true)', tenant_table.name);
    -- a row of no tenant (a platform user, a global assignment) belongs to the platform
    execute format('create policy p_service on %s to bailiwick_service using (security.in_scope(%s))',
                   tenant_table.name, coalesce(tenant_table.tenant_column, 'null'));
  end loop;
end $$;

do $$
declare
  name text;
begin
  foreach name in array array['identity.tenant', 'identity.platform_admin', 'security.app_user', 'security.role',
                              'security.role_permission', 'security.user_role', 'security.user_assignment',
                              'security.record'] loop
    execute format('create policy p_sync on %s for select to bailiwick_sync using (true)', name);
    execute format('grant select on %s to bailiwick_sync', name);
  end loop;
  foreach name in array array['identity.tenant_audit', 'audit.access_log', 'audit.decision'] loop
    execute format('create policy p_auditor on %s for select to bailiwick_auditor using (true)', name);
    execute format('grant select on %s to bailiwick_auditor', name);
  end loop;
end $$;

-- The truth: written by the service and by operators; the catalogue follows the model and is sync's.
grant select, insert, update, delete on
  identity.tenant, identity.platform_admin, identity.impersonation, security.app_user, security.role,
  security.role_permission, security.user_role, security.user_assignment, security.record, security.service_key
  to bailiwick_service, bailiwick_operator;
grant truncate on security.user_role, security.role_permission, security.user_assignment, security.record
  to bailiwick_operator;
grant select on security.permission to bailiwick_service, bailiwick_operator;
grant select, insert, update, delete on security.permission to bailiwick_sync;

-- What was written down is added to and read, never changed.
grant select, insert on identity.tenant_audit, audit.access_log, audit.decision to bailiwick_service;
grant select on identity.tenant_audit, audit.access_log, audit.decision to bailiwick_operator;
revoke execute on function audit.ensure_decision_partitions from public;
grant execute on function audit.ensure_decision_partitions to bailiwick_service;

grant select, insert, update, delete on sync.outbox, sync.claim, sync.applied, sync.model to bailiwick_sync;
grant select on sync.epoch to bailiwick_sync, bailiwick_service, bailiwick_operator;
grant select, insert, update on sync.outbox to bailiwick_operator;
grant select on sync.claim, sync.applied, sync.model to bailiwick_operator;
grant select on sync.applied, sync.model to bailiwick_service;
revoke execute on function sync.touch, sync.capture, sync.keys_query from public;
grant execute on function sync.touch to bailiwick_sync, bailiwick_operator;

reset role;
