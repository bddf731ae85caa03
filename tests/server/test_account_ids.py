"""Ids of a vendor's account are ours on the outside, and open nothing to anybody else."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from headgate.access.ids import Held
from serving import Serving
from upstream import Exchange, Upstream

CONFIG = """
providers:
  openai: {{kind: openai, base_url: "{url}/v1", api_key: k}}
  claude: {{kind: anthropic, base_url: "{url}", api_key: k}}
models:
  "*": {{targets: ["openai/*"]}}
  claude: {{targets: [claude/claude-sonnet-4-5]}}
"""


def response(id: str, text: str = "Hi") -> dict[str, Any]:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    message = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": content}
    usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
    return {"id": id, "object": "response", "created_at": 1, "status": "completed", "model": "gpt-5",
            "output": [message], "usage": usage}  # fmt: skip


async def vendor(exchange: Exchange) -> None:
    """Knows one stored response, `resp_vendor1`."""
    kind = ("content-type", "application/json")
    if exchange.request.method == "POST":
        await exchange.reply(200, json.dumps(response("resp_vendor1")).encode(), kind)
    elif exchange.request.target.startswith("/v1/responses/resp_vendor1"):
        document = {"id": "resp_vendor1", "deleted": True, "object": "response"}
        is_delete = exchange.request.method == "DELETE"
        await exchange.reply(200, json.dumps(document if is_delete else response("resp_vendor1")).encode(), kind)
    else:
        await exchange.reply(404, b'{"error": {"message": "no such response", "type": "invalid_request_error"}}', kind)


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    async with Upstream(vendor) as upstream:
        yield upstream


@pytest.fixture
async def serving(upstream: Upstream) -> AsyncIterator[Serving]:
    async with Serving(CONFIG.format(url=upstream.url)) as serving:
        yield serving


async def test_a_response_is_made_fetched_continued_and_deleted_by_our_id(serving: Serving, upstream: Upstream):
    made = await serving.post("/v1/responses", {"model": "gpt-5", "input": "Hello", "store": True})
    shown = made.json["id"]
    assert shown.startswith("resp_hg_")
    assert b"vendor1" not in made.body

    for path in (f"/v1/responses/{shown}", f"/responses/{shown}?include=x"):
        fetched = await serving.request("GET", path)
        assert (fetched.status, fetched.json["id"]) == (200, shown)
    assert upstream.requests[-1].target == "/v1/responses/resp_vendor1?include=x"

    body = {"model": "gpt-5", "input": "And?", "previous_response_id": shown}
    assert (await serving.post("/v1/responses", body)).status == 200
    assert json.loads(upstream.requests[-1].body)["previous_response_id"] == "resp_vendor1"

    deleted = await serving.request("DELETE", f"/v1/responses/{shown}")
    assert deleted.json == {"id": shown, "deleted": True, "object": "response"}
    cancelled = await serving.request("POST", f"/v1/responses/{shown}/cancel")
    assert cancelled.status == 200
    assert upstream.requests[-1].target == "/v1/responses/resp_vendor1/cancel"


@pytest.mark.parametrize("shown", ["resp_vendor1", "resp_hg_AAAA", "..", "%2e%2e", "resp_hg_" + "A" * 5000])
async def test_a_bare_or_made_up_id_is_not_found(serving: Serving, upstream: Upstream, shown: str):
    assert (await serving.request("GET", f"/v1/responses/{shown}")).status == 404
    body = {"model": "gpt-5", "input": "And?", "previous_response_id": shown}
    assert (await serving.post("/v1/responses", body)).status == 404
    assert upstream.requests == []


@pytest.mark.parametrize(
    "raw",
    [
        b'{"model": "gpt-5", "input": "x", "previous_response_id": "resp_vendor1"}',
        b'{"type": "response.x.delta", "model": "gpt-5", "input": "x", "previous_response_id": "resp_vendor1"}',
        b'{"model": "gpt-5", "input": "x", "previous_response\\u005fid": "resp_vendor1"}',
        b'{"model": "gpt-5", "input": [{"role": "user", "content": [{"type": "input_file", "file_id": "file-1"}]}]}',
    ],
)
async def test_no_way_of_writing_it_gets_a_vendors_id_past(serving: Serving, upstream: Upstream, raw: bytes):
    assert (await serving.request("POST", "/v1/responses", raw=raw)).status == 404
    assert upstream.requests == []


@pytest.mark.parametrize("name", ["file_id", "file\\u005fid"])
async def test_a_vendors_file_is_not_opened_by_its_bare_id(serving: Serving, upstream: Upstream, name: str):
    source = '{"type": "file", "' + name + '": "file_1"}'
    raw = (
        '{"model": "claude", "max_tokens": 5, "messages": [{"role": "user", "content": '
        '[{"type": "document", "source": ' + source + "}]}]}"
    )
    assert (await serving.request("POST", "/v1/messages", raw=raw.encode())).status == 404
    assert upstream.requests == []


async def test_another_organisations_id_is_not_found(serving: Serving):
    theirs = serving.ids.wrap("another", Held("openai/gpt-5", "resp_vendor1"))
    assert (await serving.request("GET", f"/v1/responses/{theirs}")).status == 404


async def test_a_request_goes_to_the_target_that_holds_what_it_refers_to(serving: Serving, upstream: Upstream):
    shown = serving.ids.wrap("default", Held("openai/gpt-5", "resp_vendor1"))
    body = {"model": "gpt-4o", "input": "And?", "previous_response_id": shown}
    assert (await serving.post("/v1/responses", body)).status == 404
    assert upstream.requests == []
