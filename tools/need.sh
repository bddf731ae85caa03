#!/usr/bin/env bash
# Make sure commands are there, through apt when run as root. Usage: tools/need.sh COMMAND:PACKAGE …
set -euo pipefail
missing=()
for each in "$@"; do
  PATH="$PATH:/usr/sbin" command -v "${each%%:*}" >/dev/null || missing+=("${each##*:}")
done
[ "${#missing[@]}" = 0 ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" >/dev/null
else
  echo "Missing: ${missing[*]}. As root: apt-get install ${missing[*]}" >&2
  exit 3
fi
