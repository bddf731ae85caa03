"""What is in `deploy/`: that its configurations are served by, on real stores, and that nothing in it grants too much.

The chart is rendered where helm is installed; `make deploy-check` installs it and checks more.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench.processes import Process, free_port
from headgate.config import load

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
ADMIN_KEY = "hg-test-" + "k" * 40
SECRETS = {"database_password": "p" * 48, "redis_password": "q" * 48, "audit_key": base64.b64encode(b"a" * 32).decode()}


def _headgate(*arguments: str, file: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "headgate", *arguments, "--config", str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=file.parent)


def _answered(file: Path, port: int) -> int:
    """The status of a call to a gateway that serves by a file."""
    command = [sys.executable, "-m", "headgate", "serve", "--config", str(file), "--port", str(port)]
    with Process(command, None, file.parent / "log", {"HEADGATE_ADMIN_KEY": ADMIN_KEY}) as process:
        process.wait_for(port)
        connection = HTTPConnection("127.0.0.1", port, timeout=10)
        body = json.dumps({"model": "chat", "messages": [{"role": "user", "content": "Hello"}]})
        headers = {"content-type": "application/json", "authorization": f"Bearer {ADMIN_KEY}"}
        connection.request("POST", "/v1/chat/completions", body, headers)
        response = connection.getresponse()
        response.read()
        connection.close()
        return response.status


def _placed(text: str, folder: Path, postgres: str, redis: str) -> Path:
    """A configuration of `deploy/` with this test's stores and folders in the place of the deployment's."""
    for name, value in SECRETS.items():
        (folder / name).write_text(value)
    text = re.sub(r"postgresql://headgate:[^\"]*", postgres, text)
    text = re.sub(r"redis://:[^\"]*", redis, text)
    text = text.replace("/run/secrets/", f"{folder}/").replace("/var/lib/headgate", str(folder))
    text = text.replace("grace_s: 5", "grace_s: 0")
    file = folder / "headgate.yaml"
    file.write_text(text)
    return file


# ── compose ──


@pytest.fixture
def compose() -> dict[str, Any]:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))


def test_compose_migrates_and_serves_on_postgresql_and_redis(tmp_path: Path, postgres_url: str, redis_url: str) -> None:
    file = _placed((DEPLOY / "compose/headgate.yaml").read_text("utf-8"), tmp_path, postgres_url, redis_url)
    migrated = _headgate("storage", "migrate", file=file)
    assert migrated.returncode == 0, migrated.stderr
    assert "is applied" in migrated.stdout
    assert _answered(file, free_port()) == 200


def test_compose_does_not_serve_before_the_migration(tmp_path: Path, postgres_url: str, redis_url: str) -> None:
    file = _placed((DEPLOY / "compose/headgate.yaml").read_text("utf-8"), tmp_path, postgres_url, redis_url)
    done = _headgate("serve", "--port", "0", file=file)
    assert done.returncode == 3
    assert "storage migrate" in done.stderr


def test_composes_secrets_are_files_that_the_script_makes(compose: dict[str, Any], tmp_path: Path) -> None:
    shutil.copy(DEPLOY / "compose/secrets.sh", tmp_path)
    subprocess.run([tmp_path / "secrets.sh"], check=True, capture_output=True)
    made = {each.name: each.read_bytes() for each in (tmp_path / "secrets").iterdir()}
    assert {Path(each["file"]).name for each in compose["secrets"].values()} == set(made)
    assert all(len(content) >= 32 for content in made.values())
    subprocess.run([tmp_path / "secrets.sh"], check=True, capture_output=True)
    assert {each.name: each.read_bytes() for each in (tmp_path / "secrets").iterdir()} == made
    used = {secret for service in compose["services"].values() for secret in service.get("secrets", [])}
    assert used == set(compose["secrets"])


def test_composes_containers_may_do_little(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert "no-new-privileges:true" in service["security_opt"], name
        if name != "postgres":  # whose image changes its user itself
            assert service["read_only"] is True, name
            assert service["cap_drop"] == ["ALL"], name
        assert all(str(port).startswith("127.0.0.1:") for port in service.get("ports", [])), name
    assert compose["networks"]["inside"]["internal"] is True
    assert not {"postgres", "redis"} & {name for name, each in compose["services"].items() if "ports" in each}


# ── the image ──


def test_the_images_own_configuration_is_one(tmp_path: Path) -> None:
    (tmp_path / "headgate.yaml").write_text((DEPLOY / "container.yaml").read_text("utf-8"))
    config = load(tmp_path / "headgate.yaml", {"HEADGATE_HOST": "gate.example.com"})
    assert config.server.auth == "keys"
    assert config.server.hosts == ["gate.example.com"]


def test_the_image_is_installed_by_hashes_and_runs_as_nobody() -> None:
    text = (DEPLOY / "Containerfile").read_text("utf-8")
    assert "--require-hashes" in text
    assert "--no-index headgate-" in text
    assert re.findall(r"^USER (.+)$", text, re.MULTILINE) == ["10001:10001"]
    assert "HEALTHCHECK" in text


# ── systemd ──


def test_the_unit_is_one_and_confined(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    unit = tmp_path / "headgate.service"
    text = (DEPLOY / "systemd/headgate.service").read_text("utf-8")
    unit.write_text(text.replace("/opt/headgate/bin/headgate", "/bin/true"))  # it looks whether that is there
    verified = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
    assert "headgate.service" not in verified.stderr, verified.stderr
    confined = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    if "Unknown option" in confined.stderr or "unrecognized option" in confined.stderr:
        pytest.skip("this systemd-analyze does not judge units offline")
    assert confined.returncode == 0, confined.stdout[-600:]


def test_a_credential_that_is_not_there_does_not_stop_the_start() -> None:
    """systemd.exec(5): an absolute path has to be there; one without a slash is looked for, a name has no mark for that."""
    loaded = re.findall("^LoadCredential=(.*)$", (DEPLOY / "systemd/headgate.service").read_text("utf-8"), re.MULTILINE)
    assert loaded
    assert all(re.fullmatch(r"[a-z.]+:[a-z.]+", each) for each in loaded)


# ── the chart ──


def _rendered(*settings: str) -> list[dict[str, Any]]:
    helm = shutil.which(os.environ.get("HEADGATE_HELM") or "helm")
    if helm is None:
        pytest.skip("helm is not installed; 'make deploy-check' installs it")
    command = [helm, "template", "headgate", str(DEPLOY / "helm/headgate"), "--namespace", "gate"]
    done = subprocess.run(
        [*command, "--kube-version", "1.33.0", *settings], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [each for each in yaml.safe_load_all(done.stdout) if each]


@pytest.fixture(scope="module")
def chart() -> list[dict[str, Any]]:
    return _rendered("--set", "secret=headgate", "--set", "serviceMonitor.enabled=true")


def _pods(chart: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    for each in chart:
        if each["kind"] in ("Deployment", "Job"):
            yield each["kind"], each["spec"]["template"]["spec"]


def test_the_charts_pods_keep_to_the_restricted_standard(chart: list[dict[str, Any]]) -> None:
    pods = dict(_pods(chart))
    assert set(pods) == {"Deployment", "Job"}
    for pod in pods.values():
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["readOnlyRootFilesystem"] is True
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["limits"]["memory"]
        assert not any("hostPath" in volume for volume in pod["volumes"])


def test_the_charts_secrets_are_references(chart: list[dict[str, Any]]) -> None:
    assert "Secret" not in {each["kind"] for each in chart}
    for _, pod in _pods(chart):
        for variable in pod["containers"][0]["env"]:
            secret = variable["name"] in ("HEADGATE_ADMIN_KEY", "HEADGATE_SECRET")
            assert secret == ("secretKeyRef" in variable.get("valueFrom", {})), variable


def test_the_charts_migration_comes_before_the_gateway(chart: list[dict[str, Any]]) -> None:
    (job,) = (each for each in chart if each["kind"] == "Job")
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    assert job["spec"]["template"]["spec"]["containers"][0]["args"] == ["storage", "migrate"]


def test_the_charts_configuration_is_migrated_and_served_by(
    chart: list[dict[str, Any]], tmp_path: Path, postgres_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    maps = [each["data"]["headgate.yaml"] for each in chart if each["kind"] == "ConfigMap"]
    assert len(maps) == 2
    assert maps[0] == maps[1]
    secrets = tmp_path / "headgate"
    secrets.mkdir()
    for name, value in (("database-url", postgres_url), ("redis-url", redis_url), ("audit-key", SECRETS["audit_key"])):
        (secrets / name).write_text(value)
    monkeypatch.setenv("POD_IP", "10.1.2.3")
    file = _placed(maps[0], tmp_path, postgres_url, redis_url)
    assert _headgate("storage", "migrate", file=file).returncode == 0
    config = load(file, {"POD_IP": "10.1.2.3"})
    assert "10.1.2.3" in config.server.hosts
    assert "headgate.gate.svc" in config.server.hosts
    assert _answered(file, free_port()) == 200


def test_the_chart_has_what_keeps_it_available(chart: list[dict[str, Any]]) -> None:
    kinds = {each["kind"]: each for each in chart}
    assert {"PodDisruptionBudget", "HorizontalPodAutoscaler", "NetworkPolicy", "ServiceMonitor"} <= set(kinds)
    (container,) = kinds["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    grace_s = yaml.safe_load(kinds["ConfigMap"]["data"]["headgate.yaml"])["server"]["grace_s"]
    assert kinds["Deployment"]["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] > grace_s + 30


def test_the_chart_wants_its_secret_named() -> None:
    helm = shutil.which(os.environ.get("HEADGATE_HELM") or "helm")
    if helm is None:
        pytest.skip("helm is not installed; 'make deploy-check' installs it")
    command = [helm, "template", "headgate", str(DEPLOY / "helm/headgate"), "--kube-version", "1.33.0"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "/secret" in done.stderr
