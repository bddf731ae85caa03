#!/usr/bin/env bash
# Make sure PostgreSQL, Redis and Chromium are there for the tests, which start their own of each (tests/services.py,
# tests/chromium.py), and promtool, which looks at what deploy/ has for Prometheus and Grafana.
set -euo pipefail
cd "$(dirname "$0")/.."
for bin in /usr/lib/postgresql/*/bin; do PATH="$PATH:$bin"; done  # Debian keeps them off the PATH
exec tools/need.sh initdb:postgresql redis-server:redis-server chromium:chromium promtool:prometheus
