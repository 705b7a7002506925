#!/usr/bin/env bash
# Builds the image and runs deploy/compose.yaml with it, on Debian as root, where no image can be pulled.
#
# A container engine of its own is started, and the images that the two files name are made here: Node's from Debian and
# npm, Postgres's and Prometheus's from Debian's packages, OpenFGA's by Go. Grafana is left out: Debian has none. What is
# tried is a copy of what is committed; ports 7080, 7081 and 9090 must be free. Whatever was started is ended, and all
# but Debian's packages removed. The last line is the verdict.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
work="$(mktemp -d /var/tmp/bailiwick-image-XXXXXX)"
export DOCKER_HOST="unix://$work/engine.sock" DOCKER_CONFIG="$work/config" GOBIN="$work/bin" CGO_ENABLED=0
engine=''
compose() { docker compose -f "$work/tree/deploy/compose.yaml" "$@"; }
finish() {
  local code=$?
  if [[ -n $engine ]]; then
    if [[ $code -ne 0 ]]; then compose logs --no-color --tail 20 >&2 || true; fi
    compose down -v --timeout 20 >/dev/null 2>&1 || true
    kill "$engine" && wait "$engine" || true
  fi
  umount "$work"/engine-run/netns/* 2>/dev/null || true
  rm -rf "$work" || true
  if [[ $code -eq 0 ]]; then echo "PASSED: $verdict"; else echo "FAILED: ${step:-}"; fi
}
trap finish EXIT
say() { step="$*"; echo "== $*"; }

say 'a container engine'
apt-get update -qq
apt-get install -y -qq --no-install-recommends docker.io iptables debootstrap >/dev/null
mkdir -p "$work/config/cli-plugins" "$work/bin"
if ! docker compose version >/dev/null 2>&1; then
  source="$(go mod download -json github.com/docker/compose/v2@v2.40.3 | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')"
  (cd "$source" && go build -o "$work/config/cli-plugins/docker-compose" ./cmd)
fi
dockerd --data-root "$work/engine" --exec-root "$work/engine-run" --pidfile "$work/engine.pid" --host "$DOCKER_HOST" \
  --bridge none >"$work/engine.log" 2>&1 &
engine=$!
timeout 60 sh -c 'until docker info >/dev/null 2>&1; do sleep 1; done'

say 'the base: Debian and Node'
git clone -q . "$work/tree"
node_image="$(sed -n 's/^ARG NODE_IMAGE=//p' deploy/Dockerfile)"
major="$(sed -E 's/^node:([0-9]+).*/\1/' <<<"$node_image")"
codename="$(. /etc/os-release && echo "$VERSION_CODENAME")"
mirror="$(apt-get indextargets --format '$(REPO_URI)' "Codename: $codename" "Created-By: Packages" | head -n 1)"
root="$work/root"
debootstrap --variant=minbase "$codename" "$root" "$mirror" >"$work/debootstrap.log"
platform="$(node -p 'process.platform + "-" + process.arch')"
npm install --prefix "$work/node" --ignore-scripts --no-audit --no-fund --loglevel=error "node-$platform@$major" npm@11
install "$work/node/node_modules/node-$platform/bin/node" "$root/usr/local/bin/node"
cp -R "$work/node/node_modules/npm" "$root/usr/local/lib/npm"
ln -s ../lib/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
authorities="$(npm config get cafile)"
if [[ -f $authorities ]]; then
  install -D -m 644 "$authorities" "$root/usr/local/etc/authorities.pem"
  echo cafile=/usr/local/etc/authorities.pem >"$root/usr/local/etc/npmrc"
fi
tar -C "$root" -c . | docker import - "$node_image" >/dev/null
rm -rf "$root"

say 'the image'
NPM_CONFIG_REGISTRY="$(npm config get registry)" docker build --network host --build-arg NPM_CONFIG_REGISTRY \
  -f "$work/tree/deploy/Dockerfile" -t bailiwick:local "$work/tree" >"$work/build.log" 2>&1 || { tail -30 "$work/build.log"; exit 1; }
size="$(docker image inspect bailiwick:local --format '{{.Size}}' | awk '{ printf "%d MB", $1 / 1e6 }')"
hardened=(--rm --network none --read-only --cap-drop ALL --security-opt no-new-privileges)
docker run "${hardened[@]}" bailiwick:local help >/dev/null
[[ "$(docker run "${hardened[@]}" --entrypoint node bailiwick:local -p 'process.getuid()')" == 65532 ]]
! docker run "${hardened[@]}" --entrypoint /bin/sh bailiwick:local -c true 2>/dev/null

say 'stand-ins for Postgres, Prometheus and OpenFGA'
image_of() { sed -n "s|^ *image: .*\($1:.*\)|\1|p" deploy/compose.yaml | head -n 1; }
cat >"$work/bin/entrypoint" <<'ENTRYPOINT'
#!/bin/bash
# What deploy/compose.yaml expects of the image of Postgres: the first start makes the cluster and runs the scripts.
set -e
data=/var/lib/postgresql/data
if [ "$(id -u)" = 0 ]; then exec setpriv --reuid=postgres --regid=postgres --clear-groups "$0" "$@"; fi
if [ ! -s $data/PG_VERSION ]; then
  initdb -D $data --username=postgres --pwfile="$POSTGRES_PASSWORD_FILE" --auth-local=trust --auth-host=scram-sha-256
  echo 'host all all all scram-sha-256' >>$data/pg_hba.conf
  pg_ctl -D $data -o '-c listen_addresses=' -w start
  for script in /docker-entrypoint-initdb.d/*; do "$script"; done
  pg_ctl -D $data -m fast -w stop
fi
exec "$@" -D $data -c listen_addresses='*'
ENTRYPOINT
chmod 755 "$work/bin/entrypoint"
docker build -q --network host -t debian-servers -f - "$work/bin" >/dev/null 2>&1 <<DOCKERFILE
FROM $node_image
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends postgresql prometheus \
  && ln -s /usr/lib/postgresql/*/bin/* /usr/local/bin/ && install -d -o nobody /prometheus /etc/prometheus
COPY entrypoint /usr/local/bin/entrypoint
DOCKERFILE
printf 'FROM debian-servers\nENTRYPOINT ["entrypoint"]\n' | docker build -q -t "$(image_of postgres)" - >/dev/null 2>&1
printf 'FROM debian-servers\nUSER nobody\nENTRYPOINT ["prometheus"]\n' | docker build -q -t "$(image_of prom/prometheus)" - >/dev/null 2>&1
openfga="$(image_of openfga/openfga)"
go install "github.com/openfga/openfga/cmd/openfga@${openfga#*:}"
go install github.com/grpc-ecosystem/grpc-health-probe@v0.4.41
printf 'FROM scratch\nCOPY openfga /openfga\nCOPY grpc-health-probe /usr/local/bin/grpc_health_probe\nUSER 65532\nENTRYPOINT ["/openfga"]\n' |
  docker build -q -t "$openfga" -f - "$work/bin" >/dev/null 2>&1

say 'docker compose up'
"$work/tree/deploy/compose/secrets.sh" >/dev/null
compose up -d --wait bailiwick prometheus >"$work/up.log" 2>&1 || { cat "$work/up.log"; exit 1; }
say 'ready, healthy to `doctor`, answering, scraped'
curl -fsS http://127.0.0.1:7081/readyz
compose run --rm --no-deps bailiwick doctor 2>/dev/null
key="$(compose run --rm operator service-key create --name try 2>/dev/null | grep -o 'bwk_[^ ]*')"
nobody=00000000-0000-4000-8000-000000000000
answer="$(curl -fsS http://127.0.0.1:7080/api/v1/check -H "authorization: Bearer $key" -H 'content-type: application/json' \
  -d "{\"user\":\"$nobody\",\"tenant\":\"$nobody\",\"permission\":\"users.read\"}")"
grep '"allowed":false' <<<"$answer"
up() { curl -fsS 'http://127.0.0.1:9090/api/v1/query?query=sum(up)' | grep -q '"2"'; }
for _ in {1..30}; do if up; then break; fi; sleep 2; done
up
say 'SIGTERM'
began=$SECONDS
compose stop bailiwick >/dev/null 2>&1
[[ "$(docker inspect bailiwick-bailiwick-1 --format '{{.State.ExitCode}}')" == 0 ]]
verdict="the image of $size, on Node $major, builds, runs and ends by itself after $((SECONDS - began)) s; Grafana was not tried"
