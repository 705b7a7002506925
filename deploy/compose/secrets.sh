#!/bin/sh
# Makes the secrets of deploy/compose.yaml, once; what is there already stays. Readable by its owner's folder alone: the
# files themselves must be readable by the containers' users.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
cd secrets
random() { openssl rand -hex 24; }
keep() { [ -s "$1" ] || cat > "$1"; }   # NAME, content from standard input

random | keep postgres-password
random | keep migration-password
random | keep service-password
random | keep sync-password
random | keep operator-password
random | keep openfga-password
random | keep openfga-key
random | keep signing-secret
random | keep bootstrap-token
random | keep grafana-password
openssl rand -base64 32 | keep audit-key
openssl rand -base64 32 | keep mail-key
for login in migration service sync operator; do
  printf 'postgres://bailiwick_%s_login:%s@postgres:5432/bailiwick\n' "$login" "$(cat "$login-password")" | keep "$login-url"
done
# OpenFGA reads secrets from its configuration file, or else from its environment.
keep openfga.yaml <<CONFIG
datastore:
  engine: postgres
  uri: postgres://openfga_login:$(cat openfga-password)@postgres:5432/openfga?sslmode=disable
  maxOpenConns: 90
authn:
  method: preshared
  preshared:
    keys: ['$(cat openfga-key)']
CONFIG
chmod 444 ./*
chmod 700 .
echo "secrets are in $(pwd)"
