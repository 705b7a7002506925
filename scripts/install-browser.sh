#!/usr/bin/env bash
# Puts a Chromium on the machine for the console's tests, where there is none: from Debian's or Ubuntu's packages, as root.
set -euo pipefail
if [[ -n "${CONSOLE_BROWSER:-}" ]]; then
  echo "CONSOLE_BROWSER names ${CONSOLE_BROWSER}"
  exit 0
fi
for browser in chromium chromium-browser google-chrome-stable google-chrome; do
  if command -v "$browser" >/dev/null; then
    echo "found $(command -v "$browser")"
    exit 0
  fi
done
if [[ "$(id -u)" -ne 0 ]] || ! command -v apt-get >/dev/null; then
  echo "No Chromium was found, and only root on Debian or Ubuntu gets one here: install it, or name one in CONSOLE_BROWSER." >&2
  exit 1
fi
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null
command -v chromium
