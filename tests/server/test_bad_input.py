"""What is wrong with a request is told in the client's dialect, with what and where, before anything goes upstream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from serving import Serving
from upstream import Upstream

CONFIG = """
providers:
  vendor: {{kind: openai_compatible, base_url: "{url}/v1", api_key: sk-vendor-secret}}
  other: {{kind: anthropic, base_url: "{url}", api_key: sk-other-secret}}
models:
  chat: {{targets: [vendor/gpt-4o-mini]}}
  claude: {{targets: [other/claude-sonnet-4-5]}}
"""

MESSAGES = [{"role": "user", "content": "Hello"}]
PATHS = {
    "/v1/chat/completions": {"model": "chat", "messages": MESSAGES},
    "/v1/responses": {"model": "chat", "input": "Hello"},
    "/v1/messages": {"model": "chat", "max_tokens": 10, "messages": MESSAGES},
}


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    async with Upstream() as upstream:
        yield upstream


@pytest.fixture
async def serving(upstream: Upstream) -> AsyncIterator[Serving]:
    async with Serving(CONFIG.format(url=upstream.url), server="auth: none, max_body_mb: 1") as serving:
        yield serving


def message_of(path: str, document: Any) -> str:
    """The text of an error in the shape a path's SDK reads, which this checks."""
    if path == "/v1/messages":
        assert document["type"] == "error"
        assert isinstance(document["error"]["type"], str)
    else:
        assert set(document["error"]) >= {"message", "type", "code", "param"}
    return document["error"]["message"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "JSON"),
        (b"{", "JSON"),
        (b"[1]", "an array"),
        (b'{"model": "chat", "model": "chat"}', "duplicate key"),
        (b'{"model": "chat", "x": {"a": 1, "a": 2}}', "duplicate key"),
        (b'{"model": "chat", "x": ' + b"[" * 10_000 + b"]" * 10_000 + b"}", "recursion"),
        (b'{"model": "chat", "x": "\xff"}', "unicode"),
        (b'{"model": "chat", "x": "\\ud800"}', "JSON"),
        (b'{"x": 1}', "'model' is missing"),
        (b'{"model": 5}', "'model' must be a string, not a number"),
        (b'{"model": ""}', "'model'"),
        (b'{"model": "chat", "stream": "yes"}', "'stream' must be a boolean, not a string"),
        (b'{"model": "nobody-knows"}', "'nobody-knows' does not exist"),
        (b'{"model": "a\\r\\nx-evil: 1"}', "control characters"),
    ],
)
async def test_a_bad_body_is_a_4xx_that_says_what(
    serving: Serving, upstream: Upstream, path: str, raw: bytes, says: str
):
    response = await serving.request("POST", path, raw=raw)
    assert response.status in (400, 404)
    assert says in message_of(path, response.json)
    assert "x-evil" not in response.headers
    assert upstream.requests == []


@pytest.mark.parametrize("path", PATHS)
async def test_wrong_types_are_told_with_their_field_when_they_have_to_be_understood(serving: Serving, path: str):
    """The Anthropic target makes the first two dialects go through the hub; the third needs the OpenAI one."""
    model = "chat" if path == "/v1/messages" else "claude"
    field = "input" if path == "/v1/responses" else "messages"
    for wrong in (5, {"a": 1}, [5], [{"role": "nobody", "content": "x"}], [{"role": "user", "content": 5}]):
        response = await serving.post(path, {**PATHS[path], "model": model, field: wrong})
        assert response.status == 400, wrong
        assert message_of(path, response.json)
        if path != "/v1/messages":
            assert (response.json["error"]["param"] or "").startswith(field)


@pytest.mark.parametrize("path", PATHS)
async def test_a_body_over_the_limit_is_413_by_its_length_and_by_its_bytes(serving: Serving, path: str):
    body = b'{"model": "chat", "x": "' + b"x" * (1024 * 1024) + b'"}'
    response = await serving.request("POST", path, raw=body)
    assert response.status == 413
    assert "1 MB" in message_of(path, response.json)

    reader, writer = await asyncio.open_connection("127.0.0.1", serving.port)
    head = f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
    writer.write(head.encode())
    for start in range(0, len(body), 65536):
        piece = body[start : start + 65536]
        writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
    writer.write(b"0\r\n\r\n")
    assert b" 413 " in await reader.readline()
    writer.close()


async def test_a_foreign_host_or_origin_is_refused(serving: Serving, upstream: Upstream):
    body = PATHS["/v1/chat/completions"]
    for headers in ({"host": "evil.example"}, {"origin": "https://evil.example"}):
        assert (await serving.post("/v1/chat/completions", body, headers)).status == 403
        assert (await serving.request("GET", "/v1/models", headers=headers)).status == 403
        assert (await serving.request("GET", "/metrics", headers=headers)).status == 403
    assert upstream.requests == []


async def test_what_a_browsers_form_can_send_is_refused(serving: Serving):
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        response = await serving.post("/v1/chat/completions", PATHS["/v1/chat/completions"], {"content-type": kind})
        assert response.status == 415


async def test_unknown_paths_and_methods_are_told(serving: Serving):
    assert (await serving.request("GET", "/v1/nothing")).status == 404
    assert (await serving.request("GET", "/nothing")).json["error"]["type"]
    assert (await serving.request("GET", "/v1/chat/completions")).status == 405
    assert (await serving.request("POST", "/healthz")).status == 405


async def test_a_websocket_attempt_is_answered_426_at_once(serving: Serving):
    headers = {"upgrade": "websocket", "connection": "Upgrade", "sec-websocket-key": "x", "sec-websocket-version": "13"}
    for method in ("GET", "POST"):
        assert (await serving.request(method, "/v1/responses", headers=headers)).status == 426


@pytest.mark.parametrize("value", ["0", "-5", "1.5", "soon", "99999999999"])
async def test_a_nonsensical_timeout_is_refused(serving: Serving, value: str):
    response = await serving.post(
        "/v1/chat/completions", PATHS["/v1/chat/completions"], {"x-headgate-timeout-ms": value}
    )
    assert response.status == 400
    assert "x-headgate-timeout-ms" in response.json["error"]["message"]


@pytest.mark.parametrize("value", ["novalue", "=x", "a=b,,", ",".join(f"k{n}=v" for n in range(33))])
async def test_nonsensical_tags_are_refused(serving: Serving, value: str):
    response = await serving.post("/v1/chat/completions", PATHS["/v1/chat/completions"], {"x-headgate-tags": value})
    assert response.status == 400


async def test_a_big_body_without_a_key_is_refused_before_it_is_sent(upstream: Upstream):
    config = CONFIG.format(url=upstream.url)
    async with Serving(config, {"HEADGATE_ADMIN_KEY": "hg-admin"}, server="auth: keys") as serving:
        reader, writer = await asyncio.open_connection("127.0.0.1", serving.port)
        head = "POST /v1/messages HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        writer.write(f"{head}content-length: 60000000\r\n\r\n".encode())
        assert b" 401 " in await reader.readline()
        writer.close()
        for headers in ({}, {"x-api-key": "hg-admi"}, {"authorization": "Bearer hg-admin "[:-2]}):
            response = await serving.post("/v1/messages", PATHS["/v1/messages"], headers)
            assert response.status == 401
            assert response.json["error"]["type"] == "authentication_error"
        assert (await serving.request("GET", "/metrics")).status == 401
        assert (await serving.request("GET", "/healthz")).status == 200
        assert upstream.requests == []


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/v1/chat/completions", {"messages": [{"role": "tool", "content": "x", "tool_call_id": "nobody"}]}, "messages"),
        ("/v1/messages", {"max_tokens": 5, "messages": [{"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "nobody", "content": "x"}]}]}, "messages"),
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": [{"type": "hologram"}]}]}, "messages"),
        ("/v1/messages", {"max_tokens": 5, "messages": [{"role": "user", "content": [{"type": "hologram"}]}]}, "messages"),
    ],
)  # fmt: skip
async def test_what_no_vendor_could_understand_is_refused_by_name_when_translating(
    serving: Serving, upstream: Upstream, path: str, body: dict[str, Any], field: str
):
    model = "chat" if path == "/v1/messages" else "claude"
    response = await serving.post(path, {"model": model, **body})
    assert response.status == 400
    assert field in str(response.json)
    assert upstream.requests == []


@pytest.mark.parametrize("extra", ["host: evil.example", "content-length: 3", "x-api-key: other", "origin: http://x"])
async def test_a_header_that_decides_something_may_not_be_there_twice(serving: Serving, upstream: Upstream, extra: str):
    reader, writer = await asyncio.open_connection("127.0.0.1", serving.port)
    head = f"POST /v1/chat/completions HTTP/1.1\r\n{extra}\r\nhost: localhost\r\nx-api-key: a\r\norigin: http://localhost\r\n"
    writer.write(f"{head}content-type: application/json\r\ncontent-length: 2\r\n\r\n{{}}".encode())
    status = int((await reader.readline()).split()[1])
    assert status in (400, 403)
    writer.close()
    assert upstream.requests == []
