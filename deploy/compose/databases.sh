#!/bin/sh
# Run by the postgres image when its data folder is new: two databases, and a login for whoever brings each up to date.
set -eu
psql -v ON_ERROR_STOP=1 --username postgres \
  -v migration="$(cat /run/secrets/migration-password)" -v openfga="$(cat /run/secrets/openfga-password)" <<'SQL'
create role bailiwick_migration_login login createrole password :'migration';
create database bailiwick owner bailiwick_migration_login;
create role openfga_login login password :'openfga';
create database openfga owner openfga_login;
revoke connect on database bailiwick, openfga from public;
SQL
