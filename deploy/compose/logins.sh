#!/bin/sh
# After `bailiwick migrate`: the logins of the service, each with one of the group roles that the migrations made.
set -eu
psql -v ON_ERROR_STOP=1 "$(cat /run/secrets/migration-url)" \
  -v service="$(cat /run/secrets/service-password)" -v sync="$(cat /run/secrets/sync-password)" \
  -v operator="$(cat /run/secrets/operator-password)" <<'SQL'
select format('create role %I login', name) from unnest(array['bailiwick_service_login', 'bailiwick_sync_login', 'bailiwick_operator_login']) name
where not exists (select from pg_roles where rolname = name) \gexec
alter role bailiwick_service_login password :'service';
alter role bailiwick_sync_login password :'sync';
alter role bailiwick_operator_login password :'operator';
grant bailiwick_service to bailiwick_service_login;
grant bailiwick_sync to bailiwick_sync_login;
grant bailiwick_operator to bailiwick_operator_login;
grant connect on database bailiwick to bailiwick_service_login, bailiwick_sync_login, bailiwick_operator_login;
SQL
