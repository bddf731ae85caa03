#!/usr/bin/env bash
# Write requirements.lock anew: what a deployment installs (the core, PostgreSQL, Redis), in the versions of
# constraints.txt, with the hashes of every file there is of each, for any machine.
set -euo pipefail
cd "$(dirname "$0")/.."
tool="$(mktemp -d)"
trap 'rm -rf "$tool"' EXIT
python3 -m venv "$tool"
"$tool/bin/python" -m pip install --quiet --disable-pip-version-check 'uv>=0.9,<1'
{
  echo "# What a deployment installs: pip install --require-hashes -r requirements.lock"
  echo "# Written by 'make lock' from pyproject.toml and constraints.txt; tests/unit/test_lock.py checks it."
  "$tool/bin/uv" pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
    --constraint constraints.txt --extra postgres --extra redis --no-header --no-emit-index-url
} >"$tool/lock"
mv "$tool/lock" requirements.lock
echo "requirements.lock: $(grep -c == requirements.lock) packages"
