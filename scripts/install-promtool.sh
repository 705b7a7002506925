#!/usr/bin/env bash
# Puts promtool on the machine, for the tests of the alerts, where there is none: out of Debian's or Ubuntu's package, as
# root. The server that comes along in it is left where it is: it would start by itself.
set -euo pipefail
if command -v promtool >/dev/null; then
  echo "found $(command -v promtool)"
  exit 0
fi
if [[ "$(id -u)" -ne 0 ]] || ! command -v apt-get >/dev/null; then
  echo "No promtool was found, and only root on Debian or Ubuntu gets one here: the alerts' rules are not tried." >&2
  exit 0
fi
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
chmod 755 "$folder"
apt-get update -qq
(cd "$folder" && apt-get download -qq prometheus >/dev/null 2>&1)
dpkg-deb --fsys-tarfile "$folder"/prometheus_*.deb | tar -x -C "$folder" ./usr/bin/promtool
install -m 755 "$folder/usr/bin/promtool" /usr/local/bin/promtool
command -v promtool
