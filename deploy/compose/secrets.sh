#!/usr/bin/env bash
# Make the secrets of deploy/compose.yaml: files below deploy/compose/secrets/. Those that are there stay as they are.
set -euo pipefail
cd "$(dirname "$0")"
mkdir -p secrets
chmod 0700 secrets  # the containers' users read the files themselves: compose mounts each as it is
make() {
  [ -e "secrets/$1" ] && return
  "${@:2}" | tr -d '\n' >"secrets/$1"
  chmod 0444 "secrets/$1"
}
make admin_key sh -c 'printf "hg-%s" "$(openssl rand -hex 32)"'
make headgate_secret openssl rand -base64 32
make audit_key openssl rand -base64 32
make database_password openssl rand -hex 24
make redis_password openssl rand -hex 24
ls -l secrets
