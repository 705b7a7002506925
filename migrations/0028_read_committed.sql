-- Rights are taken away under `read committed` alone.
--
-- Whether a tenant keeps an admin is looked at when the transaction commits, under locks that make writers take turns.
-- A transaction that goes on seeing the world as it was when it began would look past whoever became the admin since:
-- it takes the new one away and sees that the old one, gone by then, is still there. So it is refused where it could.
set local role bailiwick_owner;

create function security.require_read_committed() returns trigger
  language plpgsql security invoker set search_path = pg_catalog, pg_temp as $$
begin
  if current_setting('transaction_isolation') not in ('read committed', 'read uncommitted') then
    raise exception 'rights are taken away under "read committed", not under "%"', current_setting('transaction_isolation')
      using errcode = 'feature_not_supported',
            hint = 'Begin the transaction with "begin transaction isolation level read committed".';
  end if;
  return null;
end $$;
revoke execute on function security.require_read_committed from public;

create trigger trg_read_committed
  before delete or truncate or update of user_id, role_id, role_name, tenant_id, valid_from, expires_at, revoked_at
  on security.user_role for each statement execute function security.require_read_committed();
create trigger trg_read_committed before delete or truncate or update
  on security.role_permission for each statement execute function security.require_read_committed();
create trigger trg_read_committed before delete or truncate or update of status, tenant_id
  on security.app_user for each statement execute function security.require_read_committed();

reset role;
