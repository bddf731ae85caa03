#!/usr/bin/env bash
# Make .venv and install Headgate into it, with everything its tests need. Usage: tools/setup.sh [python3]
set -euo pipefail
cd "$(dirname "$0")/.."
python="${1:-python3}"

if ! command -v "$python" >/dev/null; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq && apt-get install -y -qq python3 python3-venv
  else
    echo "Headgate needs Python 3.11 or newer. Install it (Debian: apt-get install python3 python3-venv)." >&2
    exit 3
  fi
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
  echo "Headgate needs Python 3.11 or newer, '$python' is $("$python" --version). Try: make PYTHON=python3.11 …" >&2
  exit 3
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq && apt-get install -y -qq python3-venv
  else
    echo "Python's venv module is missing. Install it (Debian: apt-get install python3-venv)." >&2
    exit 3
  fi
fi
[ -x .venv/bin/python ] || "$python" -m venv .venv
echo "Installing Headgate and its development tools into .venv …"
.venv/bin/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
.venv/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --group dev -e .
