-- An operator who takes out who has what leaves an entry, as the service does for its exports; the actor is the login,
-- or whoever `bailiwick.actor_user_id` names.
set local role bailiwick_owner;

create function audit.note_export(tenant_id text) returns void
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  actor constant text := audit.setting('actor_user_id');
begin
  insert into audit.access_log (tenant_id, actor_user_id, actor_role, request_id, accessed_entity_type, accessed_entity_id,
                                access_action, purpose, details)
    values (note_export.tenant_id, actor, case when actor is null then session_user end, audit.setting('request_id'),
            'tenant', note_export.tenant_id, 'EXPORT', 'access.export', '{}');
end $$;
revoke execute on function audit.note_export from public;
grant execute on function audit.note_export to bailiwick_operator;

reset role;
