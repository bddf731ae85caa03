#!/usr/bin/env bash
# Install the clients of tests/clients below .clients/, one folder per lock, as far as a lock has changed. None of it comes
# near .venv. Usage: tools/clients.sh [python3]
#
# A lock is made anew with `uv pip compile --universal --python-version 3.11 --generate-hashes sdks.in -o sdks.lock` and
# `npm install --package-lock-only --omit-lockfile-registry-resolved`. litellm.in stays off 1.82.7 and 1.82.8, which were
# trojaned.
set -euo pipefail
cd "$(dirname "$0")/.."
python="${1:-python3}"
locks=tests/clients
tools/need.sh node:nodejs npm:npm

for name in sdks llamaindex litellm; do
  folder=".clients/$name"
  if ! cmp -s "$locks/$name.lock" "$folder/installed.lock"; then
    echo "Installing the clients of $name.lock into $folder …"
    rm -rf "$folder"
    "$python" -m venv "$folder"
    "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: --require-hashes \
      -r "$locks/$name.lock"
    cp "$locks/$name.lock" "$folder/installed.lock"
  fi
done

folder=.clients/npm
if ! cmp -s "$locks/package-lock.json" "$folder/installed.json"; then
  echo "Installing the clients of package-lock.json into $folder …"
  rm -rf "$folder"
  mkdir -p "$folder"
  cp "$locks/package.json" "$locks/package-lock.json" "$folder/"
  (cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund --loglevel error)
  (cd "$folder/node_modules/@anthropic-ai/claude-code" && node install.cjs)  # the only install script: links the binary
  cp "$locks/package-lock.json" "$folder/installed.json"
fi
