"""The examples in `deploy/nginx` and `deploy/envoy` as they are, in front of a gateway: with the real servers, where they
are installed. `make deploy-check` installs them.
"""

from __future__ import annotations

import json
import os
import shutil
import ssl
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bench.processes import Process, free_port
from certificates import Authority

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
NAME = "gate.example.com"
ADMIN_KEY = "hg-test-" + "k" * 40
CLIENT = "127.0.0.2"
"""Where the client of these tests calls from: not from where the proxies do."""
ELSEWHERE = "203.0.113.7"

CONFIG = """
server: {{port: {port}, auth: keys, hosts: [gate.example.com], trusted_proxies: [127.0.0.1]}}
storage: {{database: "sqlite:///:memory:"}}
providers: {{sim: {{kind: simulator}}}}
models: {{chat: {{targets: [sim/gpt-4o-mini]}}}}
"""


class Front(NamedTuple):
    """A proxy, and the gateway behind it."""

    port: int
    gateway_port: int
    authority: Authority


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("gateway")
    port = free_port()
    (folder / "headgate.yaml").write_text(CONFIG.format(port=port))
    command = [sys.executable, "-m", "headgate", "serve", "--config", str(folder / "headgate.yaml")]
    with Process(command, None, folder / "log", {"HEADGATE_ADMIN_KEY": ADMIN_KEY}) as process:
        process.wait_for(port)
        yield port


@pytest.fixture(scope="module", params=["nginx", "envoy"])
def front(request: pytest.FixtureRequest, gateway: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    with in_front(request.param, gateway, tmp_path_factory.mktemp(request.param)) as front:
        yield front


@contextmanager
def in_front(kind: str, gateway: int, folder: Path, *changes: tuple[str, str]) -> Iterator[Front]:
    """A proxy by its example, with addresses and files of this test in the place of the example's."""
    binary = os.environ.get("HEADGATE_ENVOY") or "envoy" if kind == "envoy" else "nginx"
    found = shutil.which(binary, path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None:
        pytest.skip(f"{kind} is not installed; 'make deploy-check' installs it")
    authority, port = Authority(folder), free_port()
    certificate, key = authority.issue("gate", NAME)
    example = {"nginx": "nginx/headgate.conf", "envoy": "envoy/envoy.yaml"}[kind]
    text = (DEPLOY / example).read_text("utf-8")
    for old, new in (
        ("/etc/nginx/tls/gate.crt", str(certificate)),
        ("/etc/nginx/tls/gate.key", str(key)),
        ("/etc/envoy/tls/gate.crt", str(certificate)),
        ("/etc/envoy/tls/gate.key", str(key)),
        ("listen 443 ", f"listen 127.0.0.1:{port} "),
        ("address: 0.0.0.0, port_value: 443", f"address: 127.0.0.1, port_value: {port}"),
        ("127.0.0.1:8080", f"127.0.0.1:{gateway}"),
        ("port_value: 8080", f"port_value: {gateway}"),
        *changes,
    ):
        text = text.replace(old, new)
    command = _nginx(folder, text, found) if kind == "nginx" else _envoy(folder, text, found)
    with Process(command, None, folder / "log") as process:
        process.wait_for(port)
        front = Front(port, gateway, authority)
        _until_it_forwards(front)
        yield front


def _nginx(folder: Path, text: str, binary: str) -> list[str]:
    (folder / "headgate.conf").write_text(text)
    temporary = "".join(
        f"{name}_temp_path {folder}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"{'user root;' if os.geteuid() == 0 else ''} worker_processes 1; daemon off; pid {folder}/pid;\n"
        f"error_log {folder}/error.log;\nevents {{}}\n"
        f"http {{ access_log off; {temporary} include {folder}/headgate.conf; }}\n"
    )
    return [binary, "-c", str(folder / "nginx.conf"), "-p", str(folder), "-e", str(folder / "error.log")]


def _envoy(folder: Path, text: str, binary: str) -> list[str]:
    (folder / "envoy.yaml").write_text(text)
    quiet = ["--concurrency", "1", "--disable-hot-restart", "--log-level", "warning"]
    return [binary, "-c", str(folder / "envoy.yaml"), *quiet]


def _until_it_forwards(front: Front) -> None:
    deadline = time.monotonic() + 20
    while _ask(front, "GET", "/readyz").status != 200:
        assert time.monotonic() < deadline, "the proxy does not find the gateway"
        time.sleep(0.05)


class Answer(NamedTuple):
    """A whole answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@contextmanager
def _asked(
    front: Front, method: str, path: str, body: Any = None, key: str = ADMIN_KEY, **headers: str
) -> Iterator[HTTPResponse]:
    """An answer that has begun."""
    context = ssl.create_default_context(cafile=str(front.authority.ca_file))
    context.check_hostname = False  # asked for by address; the certificate is checked all the same
    connection = HTTPSConnection("127.0.0.1", front.port, timeout=20, context=context, source_address=(CLIENT, 0))
    sent = {"host": NAME, "authorization": f"Bearer {key}", **{k.replace("_", "-"): v for k, v in headers.items()}}
    if body is not None:
        sent["content-type"] = "application/json"
    try:
        connection.request(method, path, None if body is None else json.dumps(body), sent)
        with connection.getresponse() as response:
            yield response
    finally:
        connection.close()


def _ask(*asked: Any, **headers: str) -> Answer:
    with _asked(*asked, **headers) as response:
        return Answer(response.status, dict(response.headers), response.read())


def _directly(front: Front, method: str, path: str, body: Any = None) -> Any:
    connection = HTTPConnection("127.0.0.1", front.gateway_port, timeout=20)
    headers = {"authorization": f"Bearer {ADMIN_KEY}", "content-type": "application/json"}
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return json.loads(content) if path.startswith("/admin") else content.decode()


def _chat(text: str = "Hello", **more: Any) -> dict[str, Any]:
    return {"model": "chat", "messages": [{"role": "user", "content": text}], **more}


def _arrivals(front: Front) -> list[float]:
    """When each piece of a stream at a model's pace came."""
    body = _chat(stream=True, max_tokens=40)
    times: list[float] = []
    with _asked(front, "POST", "/v1/chat/completions", body, x_sim_latency_ms="realistic") as answer:
        assert answer.status == 200
        while answer.read1(65536):
            times.append(time.monotonic())
    return times


def test_a_call_is_answered(front: Front) -> None:
    answer = _ask(front, "POST", "/v1/chat/completions", _chat())
    assert answer.status == 200
    assert "simulated" in json.loads(answer.body)["choices"][0]["message"]["content"]
    assert answer.headers["x-headgate-target"] == "sim/gpt-4o-mini"


def test_a_stream_arrives_as_it_is_written(front: Front) -> None:
    times = _arrivals(front)
    assert len(times) > 10
    assert times[-1] - times[0] > 0.2


def test_a_stream_that_is_held_back_would_be_seen(gateway: int, tmp_path: Path) -> None:
    with in_front(
        "nginx", gateway, tmp_path, ("proxy_buffering off;", "proxy_ignore_headers X-Accel-Buffering;")
    ) as front:
        times = _arrivals(front)
    assert times[-1] - times[0] < 0.2


def test_a_long_body_passes(front: Front) -> None:
    answer = _ask(front, "POST", "/v1/chat/completions", _chat("word " * 600_000))
    assert answer.status == 200, answer.body[:300]


def test_the_clients_address_is_known_and_cannot_be_made_up(front: Front) -> None:
    mine = _directly(front, "POST", "/admin/keys", {"name": f"mine {front.port}", "networks": [CLIENT]})["key"]
    other = _directly(front, "POST", "/admin/keys", {"name": f"other {front.port}", "networks": [ELSEWHERE]})["key"]
    for forwarded in ({}, {"x_forwarded_for": ELSEWHERE}):
        assert _ask(front, "POST", "/v1/chat/completions", _chat(), mine, **forwarded).status == 200
        assert _ask(front, "POST", "/v1/chat/completions", _chat(), other, **forwarded).status in (401, 403)


def test_a_client_that_goes_away_ends_its_call(front: Front) -> None:
    body = _chat(stream=True, max_tokens=2000)
    with _asked(front, "POST", "/v1/chat/completions", body, x_sim_fault="stall; after_tokens=2") as answer:
        assert answer.read1(100)
        assert "headgate_calls_in_flight 1.0" in _directly(front, "GET", "/metrics")
    deadline = time.monotonic() + 5
    while "headgate_calls_in_flight 0.0" not in _directly(front, "GET", "/metrics"):
        assert time.monotonic() < deadline, "the call goes on without its client"
        time.sleep(0.02)


@pytest.mark.parametrize("path", ["/admin/keys", "/metrics", "/targets", "/%61dmin/keys"])
def test_administration_is_not_for_everybody_to_try(front: Front, path: str) -> None:
    assert _ask(front, "GET", path).status == 403


def test_an_error_keeps_its_dialect(front: Front) -> None:
    answer = _ask(front, "POST", "/v1/messages", _chat(max_tokens=5), key="hg-wrong", anthropic_version="2023-06-01")
    assert answer.status == 401
    assert json.loads(answer.body)["type"] == "error"


def test_another_name_is_refused(front: Front) -> None:
    assert _ask(front, "GET", "/v1/models", host="evil.example").status in (403, 404)
