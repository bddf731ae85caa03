"""Item 19 of the checklist: getting to see a secret, or what else only the operator's log is to tell."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import os
import re
from collections.abc import AsyncIterator, Callable
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
from headgate.audit.keys import load_signer
from headgate.cli.app import run
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


def echoing(status: int) -> Script:
    """A vendor that repeats all it was told, wherever there is room."""

    async def script(exchange: Exchange) -> None:
        told = {name: value for name, value in exchange.request.headers if name not in ("host", "content-length")}
        said = f"{told} {told}"
        error = {"message": said, "type": said, "code": said, "param": said, "details": [told]}
        tree = {"type": "error", "error": error, "message": said}
        body = json.dumps(tree) if len(exchange.request.body) % 2 else f"<html><pre>{said}</pre></html>"
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

    for script in (answers, *map(echoing, (400, 401, 404, 500)), hangs_up):
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
    for where, secret in leaks.found():
        text = leaks.told.get(where, "")
        print(
            where,
            secret,
            [text[max(0, m.start() - 150) : m.end() + 20] for m in re.finditer(re.escape(secret), text)][:1],
        )
    assert leaks.found() == []
    assert len(leaks.told) > 400


def test_zz():
    pass
