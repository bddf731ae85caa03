#!/usr/bin/env bash
# Make sure commands are there, through apt when run as root. Usage: tools/need.sh COMMAND:PACKAGE …
set -euo pipefail
missing=()
for each in "$@"; do
  PATH="$PATH:/usr/sbin" command -v "${each%%:*}" >/dev/null || missing+=("${each##*:}")
done
[ "${#missing[@]}" = 0 ] && exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "Missing: ${missing[*]}. As root: apt-get install ${missing[*]}" >&2
  exit 3
fi
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then  # Debian starts the servers it installs unless this says no (invoke-rc.d(8))
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod +x "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
if ! said="$(apt-get install -y -qq --no-install-recommends "${missing[@]}" 2>&1)"; then
  echo "$said" >&2
  exit 3
fi
