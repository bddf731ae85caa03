"""Item 19 of the checklist: getting to see a secret, or what else only the operator's log is to tell."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import os
import re
from collections.abc import AsyncIterator, Callable
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

import services
from attacked import (
    ADMIN,
    ADMIN_KEY,
    CALLS,
    CHAT,
    PROVIDER_HEADER,
    PROVIDER_KEY,
    SECRET,
    Attacked,
    admin_path,
    answers,
    attacked,
)
from headgate.cli.app import run
from headgate.providers.stream import VendorStream
from headgate.server.admin.routes import ROUTES
from serving import Response
from upstream import Exchange, Script, unused_port

CREDENTIAL = "sk-ant-a-teams-own-credential-0123456789"
CLIENT_SECRET = "the-client-secret-at-the-identity-provider"
PROXY_PASSWORD = "the-password-of-the-proxy"
BODY_SECRET = "a-member-only-the-vendor-may-see"
AUDIT_KEY = base64.b64encode(b"the-audit-logs-own-private-key-x").decode()

AWAY = "http://127.0.0.1:9/v1"
BLOCKS: dict[str, dict[str, Any]] = {
    "audit": {"key": AUDIT_KEY},
    "access": {
        "sign_in": {
            "issuer": "https://idp.test", "client_id": "headgate", "client_secret": CLIENT_SECRET, "roles": ["caller"],
            "redirect_uri": "https://gate.test/auth/callback",
        },
    },
    "providers": {
        "hidden": {
            "kind": "openai_compatible", "base_url": AWAY, "api_key": PROVIDER_KEY, "body": {"a": BODY_SECRET},
            "proxy": f"http://me:{PROXY_PASSWORD}@127.0.0.1:9",
        },
        "many": {"kind": "openai_compatible", "base_url": AWAY, "api_keys": [f"{PROVIDER_KEY}-1", f"{PROVIDER_KEY}-2"]},
    },
    "models": {"hidden": {"targets": ["hidden/x", "many/x"], "retry": {"attempts": 1}}},
}  # fmt: skip


@pytest.fixture
async def gateway() -> AsyncIterator[Attacked]:
    async with attacked() as gateway:
        yield gateway


class Leaks:
    """Everything that was told to anybody, and what must not be in it."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self.secrets = [ADMIN_KEY, SECRET, PROVIDER_KEY, PROVIDER_HEADER, CREDENTIAL]
        self.told: dict[str, str] = {}
        self._caplog = caplog

    def hear(self, where: str, answer: Response) -> Response:
        self.told[f"{len(self.told)} {where}"] = f"{answer.headers} {answer.body.decode('utf-8', 'replace')}"
        return answer

    def found(self) -> list[tuple[str, str]]:
        """Secrets, in any spelling, by where they were told."""
        formatter = logging.Formatter("%(name)s %(message)s")
        log = "\n".join(map(formatter.format, self._caplog.records))
        spelt = {
            written: secret
            for secret in self.secrets
            for written in (secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode().rstrip("="),
                            secret.replace("-", "\\u002d"))
        }  # fmt: skip
        return [
            (where, secret)
            for where, text in {**self.told, "the log": log}.items()
            for written, secret in spelt.items()
            if written in text
        ]


def echoing(status: int, page: bool) -> Script:
    """A vendor that repeats all it was told, wherever there is room."""

    async def script(exchange: Exchange) -> None:
        told = {name: value for name, value in exchange.request.headers if name not in ("host", "content-length")}
        said = f"{told} {told}"
        error = {"message": said, "type": said, "code": said, "param": said, "details": [told]}
        tree = {"type": "error", "error": error, "message": said}
        body = f"<html><pre>{said}</pre></html>" if page else json.dumps(tree)
        key = told.get("authorization") or told.get("x-api-key") or told.get("x-goog-api-key") or ""
        headers = [
            (name, key) for name in ("x-request-id", "request-id", "openai-processing-ms", "retry-after", "server")
        ]
        await exchange.reply(status, body.encode(), ("content-type", "application/json"), *headers)

    return script


async def everything(gateway: Attacked, leaks: Leaks) -> None:
    """Use it in every way there is, and listen to all that comes of it."""
    team = await gateway.made("/admin/teams", {"name": "A"})
    key = await gateway.key("k", team="A", roles=["operator"], budget_usd=1)
    new = (await gateway.ask("POST", f"/admin/keys/{key['id']}/rotate", {"overlap_s": 60})).json
    own = f"/admin/teams/{team['id']}/provider-keys/vendor"
    leaks.hear("own", await gateway.ask("PUT", own, {"credential": CREDENTIAL}))
    leaks.hear("own, wrongly", await gateway.ask("PUT", own, {"credential": CREDENTIAL, "x": 1}))
    leaks.hear("own, elsewhere", await gateway.ask("PUT", f"{own}x", {"credential": CREDENTIAL}))
    leaks.secrets += [key["key"], new["key"]]
    leaks.secrets += [each for (each,) in await gateway.database.fetch("SELECT digest FROM keys")]
    leaks.secrets += [each for (each,) in await gateway.database.fetch("SELECT sealed FROM provider_keys")]

    async def hangs_up(exchange: Exchange) -> None:
        await exchange.cut()

    for script in (answers, *(echoing(*each) for each in product((400, 401, 404, 500), (False, True))), hangs_up):
        gateway.vendor.script = script
        for caller in (ADMIN_KEY, key["key"], new["key"], "hg-nobodys", key["id"], None):
            for path in CALLS:
                for stream in (False, True):
                    members = {"stream": stream} if path != "/v1/embeddings" else {}
                    leaks.hear(path, await gateway.call(caller, path, **members))
            leaks.hear("gem", await gateway.call(caller, model="gem"))
            leaks.hear("chat", await gateway.call(caller, model="chat"))
        leaks.hear("hidden", await gateway.call(ADMIN_KEY, model="hidden"))
    gateway.vendor.script = answers
    for path in (
        "/",
        "/healthz",
        "/readyz",
        "/metrics",
        "/targets",
        "/openapi.json",
        "/v1/models",
        "/models/chat",
        "/nothing",
    ):
        for method in ("GET", "HEAD", "OPTIONS", "POST"):
            leaks.hear(f"{method} {path}", await gateway.request(method, path, headers=ADMIN))
    for route in ROUTES:
        path = admin_path(route, id=team["id"] if "teams" in route.path else key["id"], team="*", month="2026-11")
        for query in (
            {},
            {"format": "csv"},
            {"format": "jsonl"},
            {"format": "focus"},
            {"format": "text"},
            {"by": "key"},
        ):
            if route.method == "GET":
                leaks.hear(f"{path} {query}", await gateway.ask("GET", path, query=query))
            else:
                leaks.hear(f"{path} {query}", await gateway.ask(route.method, f"{path}x", {"name": "x"}, query=query))
    leaks.told["the audit log"] = await gateway.records()
    leaks.told["the ledger"] = str(await gateway.database.fetch("SELECT * FROM ledger"))
    leaks.told["the configuration"] = f"{gateway.gateway.config!r} {gateway.gateway.config}"
    leaks.told["services"] = f"{gateway.gateway.services!r} {gateway.gateway.authenticator!r}"


@pytest.mark.parametrize("shared", [False, True], ids=["alone", "PostgreSQL and Redis"])
async def test_a_secret_is_looked_for_everywhere(
    shared: bool, caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest, tmp_path: Path
):
    """CVE-2024-9606, CVE-2025-11203: logs, health, metrics, errors, lists of models."""
    caplog.set_level(logging.DEBUG)
    leaks = Leaks(caplog)
    leaks.secrets += [CLIENT_SECRET, PROXY_PASSWORD, BODY_SECRET, AUDIT_KEY]
    storage: dict[str, Any] = {}
    if shared:
        storage = {"database": request.getfixturevalue("postgres_url"), "shared": request.getfixturevalue("redis_url"),
                   "journal": {"folder": str(tmp_path)}}  # fmt: skip
        leaks.secrets.append(services.PASSWORD)
    async with attacked(storage=storage, **BLOCKS) as gateway:
        await everything(gateway, leaks)
    assert leaks.found() == []
    assert len(leaks.told) > 500


async def test_what_probes_see_without_a_key(gateway: Attacked):
    """No name of a model, a vendor or a version that could be looked up."""
    for path, members in (("/healthz", {"status"}), ("/readyz", {"status", "targets", "targets_resting"})):
        assert set((await gateway.ask("GET", path, key=None)).json) == members
    for path in ("/metrics", "/targets", "/openapi.json", "/v1/models", "/admin/config"):
        answer = await gateway.ask("GET", path, key=None)
        assert set(answer.json) == {"error"}
        assert "gpt-4o-mini" not in answer.body.decode()


async def test_the_only_answer_that_holds_a_key_is_the_one_that_makes_it(gateway: Attacked):
    made = await gateway.key("k")
    listed = (await gateway.ask("GET", "/admin/keys")).json["data"][0]
    shown = (await gateway.ask("GET", f"/admin/keys/{made['id']}")).json
    changed = (await gateway.ask("PATCH", f"/admin/keys/{made['id']}", {"name": "l"})).json
    for each in (listed, shown, changed):
        assert set(each) == set(made) - {"key"}
        assert each["hint"] == made["key"][-4:]


async def test_what_is_written_is_the_owners_to_read(tmp_path: Path):
    """Whoever else has an account on the machine sees no record and no key."""
    mask = os.umask(0o022)
    try:
        async with attacked(storage={"database": f"sqlite:///{tmp_path}/records.db"}) as gateway:
            await gateway.call((await gateway.key())["key"])
            written = await asyncio.to_thread(files_in, tmp_path)
    finally:
        os.umask(mask)
    assert {Path(name).suffix for name in written} >= {".db", ".db-wal", ".lock", ".journal", ".key"}
    assert not [name for name, mode in written.items() if mode & 0o077]


def files_in(folder: Path) -> dict[str, int]:
    """The files of a folder with their modes."""
    return {path.name: path.stat().st_mode for path in folder.rglob("*") if path.is_file()}


# ── stack traces ──

MARK = "swordfish"


class Defect(Exception):
    """What nobody thought of, with something in its text that is nobody's business."""


def broken(*_: Any, **__: Any) -> Any:
    raise Defect(f"{MARK} {PROVIDER_KEY} /srv/headgate/app.py")


DEFECTS: dict[str, tuple[Callable[[Attacked], tuple[Any, str]], str, str]] = {
    "who calls": (lambda gateway: (gateway.gateway.authenticator, "identify"), "POST", CHAT),
    "who administers": (lambda gateway: (gateway.gateway.authenticator, "identify"), "GET", "/admin/keys"),
    "the call": (lambda gateway: (gateway.gateway, "handle"), "POST", CHAT),
    "the call in another dialect": (lambda gateway: (gateway.gateway, "handle"), "POST", "/v1/messages"),
    "the target": (lambda gateway: (gateway.gateway.provider("vendor"), "request"), "POST", CHAT),
    "the connection": (lambda gateway: (gateway.gateway.provider("vendor").transport, "send"), "POST", CHAT),
    "the ledger": (lambda gateway: (gateway.gateway.services.ledger, "record"), "POST", CHAT),
    "a page": (lambda gateway: (gateway.gateway, "targets"), "GET", "/targets"),
    "a probe": (lambda gateway: (gateway.gateway, "targets"), "GET", "/readyz"),
    "the headers": (lambda gateway: (gateway.app._guard, "check_origin"), "GET", "/v1/models"),
    "a body": (lambda gateway: (gateway.app._bodies, "read"), "POST", CHAT),
    "an address": (lambda gateway: (gateway.app._client, "of"), "GET", "/healthz"),
    "the database": (lambda gateway: (type(gateway.database), "fetch"), "GET", "/admin/keys"),
    "a transaction": (lambda gateway: (type(gateway.database), "transaction"), "POST", "/admin/keys"),
    "an export": (lambda gateway: (type(gateway.database), "fetch"), "GET", "/admin/ledger/export"),
}


@pytest.mark.parametrize("name", DEFECTS)
async def test_a_stack_trace_is_for_the_log(
    gateway: Attacked, name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    find, method, path = DEFECTS[name]
    with monkeypatch.context() as patch:
        patch.setattr(*find(gateway), broken)
        for stream in (False, True) if path in CALLS else (False,):
            body = (
                {**CALLS.get(path, {"name": "k"}), **({"stream": True} if stream else {})} if method == "POST" else None
            )
            answer = await gateway.ask(method, path, body)
            text = f"{answer.headers} {answer.body.decode()}"
            assert answer.status in (500, 502)
            for told in (MARK, PROVIDER_KEY, "Traceback", "Defect", ".py", "File "):
                assert told not in text
    assert MARK in caplog.text
    assert (await gateway.call(ADMIN_KEY)).status == 200, "a defect costs no more than one request"


async def test_a_stack_trace_in_the_middle_of_a_stream(
    gateway: Attacked, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    async def streams(exchange: Exchange) -> None:
        chunk = {"id": "c", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": "Hi"}}]}
        await exchange.start(200, ("content-type", "text/event-stream"))
        await exchange.chunk(f"data: {json.dumps(chunk)}\n\n".encode())
        await exchange.gone()

    gateway.vendor.script = streams
    monkeypatch.setattr(VendorStream, "_next", broken)
    answer = await gateway.call(ADMIN_KEY, stream=True)
    assert (answer.status, len(answer.events)) == (200, 2)
    assert "Hi" in answer.events[0][1]
    assert "error" in json.loads(answer.events[1][1])
    for told in (MARK, PROVIDER_KEY, "Traceback", "Defect", ".py"):
        assert told not in answer.body.decode()
    assert MARK in caplog.text


# ── the command line ──

ENVIRON = {
    "HEADGATE_ADMIN_KEY": ADMIN_KEY, "HEADGATE_SECRET": SECRET, "THE_KEY": PROVIDER_KEY, "THE_HEADER": PROVIDER_HEADER,
    "THE_PASSWORD": PROXY_PASSWORD, "THE_SECRET": CLIENT_SECRET, "THE_AUDIT_KEY": AUDIT_KEY, "THE_LINES": f"{CREDENTIAL}\n\rx",
}  # fmt: skip
FILE = """
server: {{port: {port}}}
storage: {{database: "sqlite:///records.db"}}
audit: {{key: "${{THE_AUDIT_KEY}}"}}
providers:
  vendor: {{kind: openai_compatible, base_url: "http://127.0.0.1:9/v1", api_key: "${{THE_KEY}}",
           headers: {{x-account: "${{THE_HEADER}}"}}, proxy: "http://me:${{THE_PASSWORD}}@127.0.0.1:9"}}
models:
  chat: {{targets: [vendor/gpt-4o-mini]}}
"""
COMMANDS = [
    "check", "check --json", "models", "models --json", "explain chat", "explain chat --json", "schema", "version", "whoami",
    "storage status", "storage status --json", "storage migrate", "keys list", "keys list --json", "keys show {id}",
    "keys show {id} --json", "keys usage {id}", "keys revoke {id} --json", "keys rotate {id}x", "keys create k --team nobody",
    "teams create A", "teams list --json", "users list", "projects list", "organisations list", "limits list", "budgets list",
    "ledger list --json", "ledger totals", "ledger export", "audit list", "audit list --json", "audit verify", "audit key",
    "keys list --url http://me:{password}@127.0.0.1:9", "keys list --url http://127.0.0.1:9", "prices show gpt-4o-mini",
    "storage backup copy.db", "storage backup /nowhere/copy.db", "nothing", "keys", "--help",
]  # fmt: skip


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs command lines in a folder of their own, and gives what they print on both sides."""
    monkeypatch.chdir(tmp_path)
    for name in ("HEADGATE_CONFIG", "HEADGATE_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)

    def ran(*arguments: str) -> str:
        try:
            run(arguments)
        except SystemExit:
            pass
        return "".join(capsys.readouterr())

    return ran


def test_every_command_is_asked_for_a_secret(
    shell: Callable[..., str], tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    (tmp_path / "headgate.yaml").write_text(FILE.format(port=unused_port()))
    made = shell("keys", "create", "k")
    [key] = re.findall(r"hg-\w{49}", made)
    [listed] = json.loads(shell("keys", "list", "--json"))
    told = {each: shell(*each.format(id=listed["id"], password=PROXY_PASSWORD).split()) for each in COMMANDS}
    told["the log"] = caplog.text
    assert len("".join(told.values())) > 10_000
    for command, text in told.items():
        for secret in (*ENVIRON.values(), CREDENTIAL, key):
            assert secret not in text, command


WRONG = [
    "providers: {{v: {{kind: '{0}'}}}}",
    "providers: {{v: {{kind: openai, base_url: '{0}'}}}}",
    "providers: {{v: {{kind: openai, base_url: 'http://me:{0}@x y/'}}}}",
    "providers: {{v: {{kind: openai, base_url: 'ftp://me:{0}@h/'}}}}",
    "providers: {{v: {{kind: openai, api_key: '{1}'}}}}",
    "providers: {{v: {{kind: openai, api_key: [['{0}']]}}}}",
    "providers: {{v: {{kind: openai, headers: {{x-a: '{1}'}}}}}}",
    "providers: {{v: {{kind: openai, headers: {{host: '{0}'}}}}}}",
    "providers: {{v: {{kind: openai, proxy: 'ftp://me:{0}@p'}}}}",
    "providers: {{v: {{kind: openai, connect_s: '{0}'}}}}",
    "providers: {{v: {{kind: openai, region: '{0}', auth: '{0}'}}}}",
    "providers: {{v: {{kind: openai, ca_file: '{0}', client_cert: '{0}'}}}}",
    "models: {{m: {{targets: ['{0}']}}}}",
    "models: {{m: {{targets: [v/x], balance: '{0}', timeout: {{total_s: '{0}'}}}}}}",
    "models: {{m: {{targets: [v/x], validate: {{validators: ['{0}']}}}}}}",
    "server: {{port: '{0}', auth: '{0}', workers: '{0}'}}",
    "server: {{trusted_proxies: ['{0}'], keepalive_s: '{0}'}}",
    "storage: {{database: 'mysql://me:{0}@h/d'}}",
    "storage: {{database: 'postgresql://me:{0}@h:port/d'}}",
    "storage: {{database: 'sqlite:///x', shared: 'http://me:{0}@h'}}",
    "storage: {{database: 'postgresql://me:{0}@127.0.0.1:9/d', shared: 'redis://:{0}@h:port/0'}}",
    "audit: {{key: '{0}', every_s: '{0}'}}",
    "audit: {{key: '{0}', earlier_keys: ['{0}'], origin: '{0} x'}}",
    "access: {{issuers: [{{issuer: a, audience: [b], jwks_url: 'http://me:{0}@h'}}]}}",
    "access: {{issuers: [{{issuer: a, audience: [b], keys_file: '{0}'}}]}}",
    "access: {{sign_in: {{issuer: 'http://{0}', client_id: x, client_secret: ['{0}'], redirect_uri: '{0}'}}}}",
    "access: {{roles: {{r: ['{0}']}}}}",
    "stages: [{{use: '{0}', with: {{token: '{0}'}}}}]",
    "prices: {{a: {{input: '{0}'}}}}",
    "price_file: '{0}'",
    "limits: {{journal_unwritable: '{0}'}}",
    "nothing: '{0}'",
    "providers: {{v: {{kind: openai, api_key: '{0}'",
]
"""A secret where it does not belong, or where it cannot be used as it is."""


@pytest.mark.parametrize("wrong", WRONG)
def test_a_mistake_in_the_configuration_does_not_tell_a_secret(
    shell: Callable[..., str], tmp_path: Path, wrong: str, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    rest = {
        "providers": "{v: {kind: simulator}}",
        "models": "{m: {targets: [v/x]}}",
        "server": f"{{port: {unused_port()}}}",
    }
    lines = [
        wrong.format("${THE_KEY}", "${THE_LINES}"),
        *(f"{n}: {v}" for n, v in rest.items() if not wrong.startswith(n)),
    ]
    (tmp_path / "headgate.yaml").write_text("\n".join(lines))
    for command in (["check"], ["check", "--json"], ["models"], ["explain", "m"], ["serve"], ["storage", "status"], ["keys", "list"],
                    ["audit", "verify"]):  # fmt: skip
        if command == ["serve"] and "is fine" in shell("check"):
            continue
        text = shell(*command) + caplog.text
        for secret in (PROVIDER_KEY, CREDENTIAL):
            assert secret not in text, command
