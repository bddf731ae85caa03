"""Items 7, 8 and 9 of the checklist: having the gateway ask somebody, or tell somebody a key, of an attacker's choosing."""

from __future__ import annotations

import ast
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import headgate
from attacked import ADMIN_KEY, CALLS, CHAT, PROVIDER_KEY, Attacked, answers, attacked
from headgate.config import loads
from headgate.errors import ConfigError
from identity_provider import RSA, signed, workload_claims
from upstream import Exchange, Received, Upstream

JSON = ("content-type", "application/json")


@pytest.fixture
async def evil() -> AsyncIterator[Upstream]:
    """The attacker's own server, or one inside the network that only the gateway can reach."""
    async with Upstream() as evil:
        yield evil
        assert evil.connections == 0


@pytest.fixture
async def gateway() -> AsyncIterator[Attacked]:
    async with attacked() as gateway:
        yield gateway


def elsewhere(url: str) -> dict[str, Any]:
    """Members by which other gateways let a request say where it goes, or with what."""
    return {
        "api_base": url, "base_url": url, "api_key": "sk-attacker", "api_version": "x", "api_type": "azure",
        "organization": "org-evil", "custom_llm_provider": "custom", "model_provider": "evil", "endpoint": url,
        "azure_endpoint": url, "azure_ad_token_provider": url, "aws_bedrock_runtime_endpoint": url, "aws_region_name": "x",
        "vertex_project": "evil", "vertex_location": f"{url}#", "extra_headers": {"host": "evil.test"}, "proxy": url,
        "extra_query": {"x": url}, "headers": {"x-forwarded-host": url}, "default_headers": {"authorization": "x"},
        "deployment_id": f"..{url}", "fallbacks": [{"model": "chat", "api_base": url}], "callback": url,
        "webhook_url": url, "success_callback": [url], "callback_url": url, "proxy_server_request": {"url": url},
        "client": url, "http_client": url, "ssl_verify": False, "user_config": {"model_list": [{"api_base": url}]},
        "headgate": {"base_url": url}, "litellm_params": {"api_base": url},
    }  # fmt: skip


HEADERS = (
    "x-api-base", "x-base-url", "x-headgate-base-url", "x-headgate-target", "x-headgate-provider", "x-openai-base-url",
    "x-litellm-api-base", "x-portkey-custom-host", "x-portkey-provider", "helicone-target-url", "x-target-url",
    "x-stainless-base-url", "x-forwarded-host", "x-forwarded-proto", "x-original-url", "referer", "x-upstream",
    "openai-organization", "x-goog-api-client", "x-ms-endpoint", "proxy-authorization", "via", "cookie",
)  # fmt: skip


def shown(request: Received) -> str | None:
    """The key that went to the vendor."""
    return request.header("x-api-key") or (request.header("authorization") or "").removeprefix("Bearer ")


# ── 7: where a call goes, and with which key ──


@pytest.mark.parametrize("path", CALLS)
async def test_a_body_that_says_where_to_go(gateway: Attacked, evil: Upstream, path: str):
    """CVE-2024-6587: `api_base` in a request had the operator's key sent there."""
    for members in (elsewhere(evil.url), *({name: value} for name, value in elsewhere(evil.url).items())):
        answer = await gateway.call(ADMIN_KEY, path, **members)
        assert answer.status in (200, 400), answer.body
        assert PROVIDER_KEY.encode() not in answer.body
    assert gateway.vendor.requests
    for request in gateway.vendor.requests:
        assert shown(request) == PROVIDER_KEY
        assert PROVIDER_KEY.encode() not in request.body


@pytest.mark.parametrize("path", CALLS)
async def test_headers_that_say_where_to_go(gateway: Attacked, evil: Upstream, path: str):
    key = (await gateway.key())["key"]
    for value in (evil.url, f"127.0.0.1:{evil.port}"):
        headers = {"authorization": f"Bearer {key}", **dict.fromkeys(HEADERS, value)}
        assert (await gateway.post(path, CALLS[path], headers)).status == 200
    for request in gateway.vendor.requests:
        assert request.header("host") == f"127.0.0.1:{gateway.vendor.port}"
        assert shown(request) == PROVIDER_KEY
        assert not {name for name, _ in request.headers} & set(HEADERS)
        assert str(evil.port) not in str(request.headers)


async def test_a_form_that_says_where_to_go(gateway: Attacked, evil: Upstream):
    texts = {name: value for name, value in elsewhere(evil.url).items() if isinstance(value, str)}
    fields = {"model": "openai", **texts}
    body = "".join(part(f'"{name}"', value) for name, value in fields.items())
    headers = {"authorization": f"Bearer {ADMIN_KEY}", "content-type": "multipart/form-data; boundary=x"}
    answer = await gateway.request("POST", "/v1/audio/transcriptions", raw=f"{body}--x--".encode(), headers=headers)
    assert answer.status == 200
    [request] = gateway.vendor.requests
    assert request.target == "/v1/audio/transcriptions"
    assert request.header("authorization") == f"Bearer {PROVIDER_KEY}"


def part(name: str, value: str, after: str = "") -> str:
    """A part of a form behind its delimiter, which may have something behind it."""
    return f"--x{after}\r\ncontent-disposition: form-data; name={name}\r\n\r\n{value}\r\n"


@pytest.mark.parametrize(
    "body",
    [
        part("model", "openai") + part("model", "dear"),
        part("a", "") + part("model", "openai", after="Y"),
        part("model", "openai") + "--x--Y\r\n" + part("model", "dear"),
        part("model", "openai") + part("model; filename=a", "dear"),
        part("model", "openai") + part("a; name=model", "dear"),
    ],
    ids=["twice", "behind a boundary that is none", "behind an end that is none", "as a file", "by a second name"],
)
async def test_a_form_in_which_the_vendor_finds_another_model(gateway: Attacked, body: str):
    """The model that is checked and paid for has to be the one the vendor reads, and not one of its own choosing."""
    headers = {"authorization": f"Bearer {ADMIN_KEY}", "content-type": "multipart/form-data; boundary=x"}
    answer = await gateway.request("POST", "/v1/audio/transcriptions", raw=f"{body}--x--".encode(), headers=headers)
    assert answer.status == 400
    assert gateway.vendor.requests == []


@pytest.mark.parametrize("path", CALLS)
async def test_the_callers_key_goes_to_no_vendor(gateway: Attacked, path: str):
    key = (await gateway.key())["key"]
    for headers in ({"authorization": f"Bearer {key}"}, {"x-api-key": key}, {"x-headgate-key": key}):
        answer = await gateway.post(path, CALLS[path], {**headers, "anthropic-beta": "x", "openai-beta": "y"})
        assert answer.status == 200
    for request in gateway.vendor.requests:
        assert key not in str(request)


@pytest.mark.parametrize("model", ["http://{}/x", "//{}/x", "vendor/@{}", "any-http://{}", "any-@{}/", "any-\\\\{}"])
async def test_a_model_that_is_an_address(gateway: Attacked, evil: Upstream, model: str):
    answer = await gateway.call(ADMIN_KEY, model=model.format(f"127.0.0.1:{evil.port}"))
    assert answer.status in (200, 400, 404)
    assert all(request.target == CHAT for request in gateway.vendor.requests)


async def test_nothing_that_is_administered_is_asked(gateway: Attacked, evil: Upstream):
    """CVE-2026-108719, CVE-2026-33340: a webhook, a callback, a proxy of somebody's own."""
    team = await gateway.made("/admin/teams", {"name": evil.url})
    await gateway.made("/admin/users", {"name": "u", "issuer": evil.url, "subject": f"{evil.url}/jwks"})
    await gateway.key(evil.url, tags={"callback": evil.url}, models=[evil.url], prompt_label="x")
    path = f"/admin/teams/{team['id']}/provider-keys/vendor"
    assert (await gateway.ask("PUT", path, {"credential": f"sk@{evil.url}"})).status == 200
    key = (await gateway.key("k", team=team["id"]))["key"]
    assert (await gateway.call(key)).status == 200
    [request] = gateway.vendor.requests
    assert request.header("authorization") == f"Bearer sk@{evil.url}"


# ── 7: what a request refers to ──


def referring(url: str) -> list[tuple[str, dict[str, Any]]]:
    """Requests that refer to something at a URL, in each client's dialect."""
    parts: list[dict[str, Any]] = [
        {"type": "image_url", "image_url": {"url": url}},
        {"type": "input_audio", "input_audio": {"data": url, "format": "wav"}},
        {"type": "file", "file": {"file_data": url, "filename": "x.pdf"}},
        {"type": "video_url", "video_url": {"url": url}},
    ]
    inputs: list[dict[str, Any]] = [
        {"type": "input_image", "image_url": url},
        {"type": "input_file", "file_url": url},
        {"type": "input_file", "file_data": url, "filename": "x.pdf"},
    ]
    sources: list[dict[str, Any]] = [
        {"type": "image", "source": {"type": "url", "url": url}},
        {"type": "document", "source": {"type": "url", "url": url}},
        {"type": "search_result", "source": url, "title": "x", "content": [{"type": "text", "text": "x"}]},
    ]
    schema = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"$ref": url}}}
    tool = {"type": "function", "function": {"name": "f", "parameters": {"$ref": url}}}
    servers = [{"type": "url", "url": url, "name": "evil", "authorization_token": "x"}]
    return [
        *((CHAT, {"messages": [{"role": "user", "content": [part]}]}) for part in parts),
        *(("/v1/responses", {"input": [{"role": "user", "content": [part]}]}) for part in inputs),
        *(("/v1/messages", {"messages": [{"role": "user", "content": [part]}]}) for part in sources),
        (CHAT, {"response_format": schema}),
        (CHAT, {"tools": [tool]}),
        ("/v1/messages", {"mcp_servers": servers}),
        ("/v1/responses", {"tools": [{"type": "mcp", "server_label": "evil", "server_url": url}]}),
    ]


@pytest.mark.parametrize("model", ["chat", "openai", "claude", "gem", "nova"])
async def test_what_a_request_refers_to_is_not_fetched(gateway: Attacked, evil: Upstream, model: str):
    """CVE-2025-56520 and others: that is the vendor's to do, or nobody's."""
    for url in (
        f"{evil.url}/x.png",
        "file:///etc/passwd",
        "http://169.254.169.254/latest/meta-data",
        f"gopher://{evil.port}",
    ):
        for path, members in referring(url):
            answer = await gateway.call(ADMIN_KEY, path, model=model, **members)
            assert answer.status in (200, 400), answer.body
            assert b"root:" not in answer.body
    assert not any(b"root:" in request.body for request in gateway.vendor.requests)


# ── 8: around the guard ──


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_vendor_sends_us_elsewhere(gateway: Attacked, evil: Upstream, status: int, stream: bool):
    """CVE-2026-47265: credentials followed a redirect to another origin."""
    for location in (
        f"{evil.url}/v1/chat/completions",
        f"//127.0.0.1:{evil.port}/",
        "/elsewhere",
        "file:///etc/passwd",
    ):
        before = len(gateway.vendor.requests)

        async def moved(exchange: Exchange, location: str = location) -> None:
            await exchange.reply(
                status, b"{}", ("location", location), ("set-cookie", "a=b"), ("refresh", f"0;{location}")
            )

        gateway.vendor.script = moved
        answer = await gateway.call(ADMIN_KEY, stream=stream)
        assert answer.status == 502
        assert not {"location", "set-cookie", "refresh"} & set(answer.headers)
        assert str(evil.port).encode() not in answer.body
        gateway.vendor.script = answers
        assert (await gateway.call(ADMIN_KEY)).status == 200
        assert [request.target for request in gateway.vendor.requests[before:]] == [CHAT] * 2
        assert gateway.vendor.requests[-1].header("cookie") is None


ISSUER = "https://issuer.test"


def believing(provider: Upstream) -> dict[str, Any]:
    """An `access:` block that takes tokens signed by the keys of a server."""
    return {"issuers": [{"issuer": ISSUER, "audience": ["headgate"], "jwks_url": f"{provider.url}/jwks"}]}


async def test_a_token_that_says_where_its_keys_are(evil: Upstream):
    """Neither its issuer nor its header is asked; the keys come from where the configuration says."""

    async def keys(exchange: Exchange) -> None:
        await exchange.reply(200, json.dumps({"keys": [RSA.jwk]}).encode(), JSON)

    async with Upstream(keys) as provider:
        async with attacked(access=believing(provider)) as gateway:
            claims = workload_claims(ISSUER)
            for token in (
                signed(RSA, {**claims, "iss": evil.url}),
                signed(RSA, claims, jku=f"{evil.url}/jwks", kid="another"),
                signed(RSA, claims, x5u=f"{evil.url}/cert", kid="another"),
                signed(RSA, claims, jwk=RSA.jwk, kid=f"{evil.url}/jwks"),
                signed(RSA, {**claims, "iss": "file:///etc/passwd"}),
            ):
                assert (await gateway.ask("GET", "/v1/models", key=token)).status == 401
        assert {request.target for request in provider.requests} <= {"/jwks"}


async def test_an_identity_provider_sends_us_elsewhere(evil: Upstream):
    async def moved(exchange: Exchange) -> None:
        await exchange.reply(302, b"", ("location", f"{evil.url}/jwks"))

    async with Upstream(moved) as provider, attacked(access=believing(provider)) as gateway:
        while not provider.requests:
            await gateway.ask("GET", "/v1/models", key=signed(RSA, workload_claims(ISSUER)))
        assert (await gateway.ask("GET", "/v1/models", key=signed(RSA, workload_claims(ISSUER)))).status == 401


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd", "gopher://127.0.0.1:6379/_", "ftp://a.test/jwks", "http://a.test/jwks",
        "http://169.254.169.254/latest", "http://[::ffff:169.254.169.254]/", "http://2130706433/", "http://0x7f.1/",
        "http://0177.0.0.1/", "http://0.0.0.0/", "http://[::]/", "http://10.0.0.1/", "http://localhost.a.test/",
        "http://127.0.0.1.a.test/", "http://127.0.0.1@a.test/", "https://good.test@evil.test/", "https://a.test#@evil.test",
        "https://a.test?x=y", "//a.test/jwks", "https:///jwks", "jar:http://a.test!/", "https://[::1", "HTTP://A.TEST",
    ],
)  # fmt: skip
def test_an_identity_provider_at_a_crafted_address(url: str):
    """What fetching promises is tried address by address in test_fetch."""
    issuer = {"issuer": ISSUER, "audience": ["headgate"], "jwks_url": url}
    sign_in = {"issuer": url, "client_id": "x", "redirect_uri": "https://gate.test/auth/callback", "roles": ["caller"]}
    for block in ({"issuers": [issuer]}, {"sign_in": sign_in}):
        with pytest.raises(ConfigError):
            loads(json.dumps({"server": {"auth": "keys"}, "access": block}), "headgate.yaml", {})


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "https://good.test@evil.test/v1",
        "gopher://x",
        "http://a b",
        "https://a.test/v1?x=y",
        "//x",
    ],
)
def test_a_provider_at_a_crafted_address(url: str):
    from headgate.gateway import Gateway

    config = {"providers": {"p": {"kind": "openai_compatible", "base_url": url, "api_key": "x"}},
              "models": {"m": {"targets": ["p/x"]}}}  # fmt: skip
    with pytest.raises(ConfigError):
        Gateway(loads(json.dumps(config), "headgate.yaml", {}), environ={"HEADGATE_ADMIN_KEY": "k"})


# ── 8: a second client that knows nothing of the guard ──

NETWORK = {
    "aiohttp", "apprise", "asyncpg", "azure", "botocore", "ftplib", "google", "http.client", "http.server", "httpx", "pyreqwest", "redis",
    "requests", "smtplib", "socket", "socketserver", "telnetlib", "urllib.request", "urllib3", "websockets", "xmlrpc",
}  # fmt: skip
CALLED = {"create_connection", "create_unix_connection", "getaddrinfo", "open_connection", "open_unix_connection", "sock_connect",
          "urlopen"}  # fmt: skip

ALLOWED = {
    "alerts/delivery/apprise.py": "an extra that speaks to the services of URLs in the configuration",
    "cli/client.py": "asks our own server",
    "cli/fetching.py": "gets a price list from the address an operator types, over TLS, without redirects",
    "providers/aiohttp.py": "the transport's other implementation, under the same conformance suite",
    "providers/auth/aws.py": "the vendor's own credential chain",
    "providers/auth/azure.py": "the vendor's own credential chain",
    "providers/auth/google.py": "the vendor's own credential chain",
    "providers/http1/connection.py": "the transport",
    "providers/http1/dial.py": "the transport",
    "providers/http1/transport.py": "the transport",
    "server/fleet/hub.py": "speaks to its own workers over the socket pair it gave them",
    "server/fleet/member.py": "speaks to the process that started it, over the socket pair it was given",
    "server/hangup.py": "looks after clients' sockets",
    "server/listening.py": "listens",
    "storage/postgres.py": "the database of the configuration",
    "storage/redis_link.py": "the counters of the configuration",
}
"""Who may touch the network, and why that is no way around the guard."""


def touching_the_network(source: str) -> bool:
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                found = [each.name for each in names]
            case ast.ImportFrom(module=str(name), level=0):
                found = [name]
            case ast.Attribute(attr=attr) if attr in CALLED:
                return True
            case ast.Call(func=ast.Name(id="import_module"), args=[ast.Constant(value=str(name))]):
                found = [name]
            case _:
                continue
        if any(name == each or name.startswith(f"{each}.") for name in found for each in NETWORK):
            return True
    return False


def test_nobody_else_touches_the_network():
    """CVE-2026-43995: one more HTTP client that skipped the guard."""
    root = Path(headgate.__file__).parent
    found = {str(path.relative_to(root)) for path in root.rglob("*.py") if touching_the_network(path.read_text())}
    assert found == set(ALLOWED)


@pytest.mark.parametrize(
    "source",
    ["import httpx", "def f():\n    from urllib.request import urlopen", "import http.client as x", "import google.auth",
     "async def f(loop):\n    await loop.create_connection(None)", "import asyncio\nx = asyncio.open_connection",
     "from importlib import import_module\nimport_module('apprise')"],
)  # fmt: skip
def test_who_touches_the_network_is_seen(source: str):
    assert touching_the_network(source)


def test_what_does_not_is_not():
    assert not touching_the_network("from http import HTTPStatus\nimport urllib.parse\nimport googly\nx.connection")
