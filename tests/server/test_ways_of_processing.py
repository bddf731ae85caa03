"""What a vendor says of its way of processing is what is billed, for every vendor's and every client's dialect, whole and
streamed; and what a request asks for is what is set aside.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from aws_eventstream import event
from headgate.money import format_usd
from headgate.storage.records import LedgerRow
from serving import Response, Serving
from tiered import BEDROCK, CHAT, GEMINI, MESSAGES, RESPONSES, J, document, frames
from upstream import Exchange, Upstream

VENDORS = {"chat": CHAT, "responses": RESPONSES, "claude": MESSAGES, "gemini": GEMINI, "bedrock": BEDROCK}
CONFIG = """
providers:
  chat: {{kind: openai_compatible, base_url: "{url}/v1", api_key: k}}
  pinned: {{kind: openai_compatible, base_url: "{url}/v1", api_key: k, body: {{service_tier: priority}}}}
  responses: {{kind: "vendor_rows:RESPONSES_ONLY", base_url: "{url}/v1", api_key: k}}
  claude: {{kind: anthropic, base_url: "{url}", api_key: k}}
  gemini: {{kind: gemini, base_url: "{url}", api_key: k}}
  bedrock: {{kind: bedrock, base_url: "{url}", region: us-east-1, api_key: k}}
models:
  chat: {{targets: [chat/m]}}
  pinned: {{targets: [pinned/m], retry: {{attempts: 1}}}}
  responses: {{targets: [responses/m]}}
  claude: {{targets: [claude/m]}}
  gemini: {{targets: [gemini/m]}}
  bedrock: {{targets: [bedrock/m]}}
  gpt-image-1: {{targets: [responses/gpt-image-1]}}
  gpt-4o-transcribe: {{targets: [responses/gpt-4o-transcribe]}}
prices:
  m: {{input: 1, output: 2, variants: {{priority: 2, flex: 0.5, fast: 6}}}}
"""
HELLO = [{"role": "user", "content": "Hello"}]
PATHS: dict[str, J] = {
    "/v1/chat/completions": {"messages": HELLO},
    "/v1/responses": {"input": "Hello"},
    "/v1/messages": {"max_tokens": 10, "messages": HELLO},
}
TOLD: dict[str, list[tuple[J, J, str | None]]] = {
    "chat": [({"service_tier": word}, {}, tier) for word, tier in [
        ("default", None), ("priority", "priority"), ("flex", "flex"), ("scale", "scale")]],
    "responses": [({"service_tier": word}, {}, tier) for word, tier in [
        ("auto", None), ("priority", "priority"), ("fast", "fast"), ("ultrafast", "ultrafast")]],
    "claude": [({}, usage, tier) for usage, tier in [
        ({"service_tier": "standard", "speed": "standard"}, None), ({"service_tier": "priority"}, "priority"),
        ({"service_tier": "standard", "speed": "fast"}, "fast"), ({"service_tier": "batch"}, "batch")]],
    "gemini": [({}, usage, tier) for usage, tier in [
        ({"serviceTier": "standard"}, None), ({"trafficType": "ON_DEMAND_FLEX"}, "flex"),
        ({"serviceTier": "priority"}, "priority"), ({"trafficType": "PROVISIONED_THROUGHPUT"}, "provisioned_throughput")]],
    "bedrock": [(members, {}, tier) for members, tier in [
        ({"serviceTier": {"type": "default"}}, None), ({"serviceTier": {"type": "flex"}}, "flex"),
        ({"serviceTier": {"type": "priority"}}, "priority"), ({"serviceTier": {"type": "reserved"}}, "reserved")]],
}  # fmt: skip
FACTORS = {None: 1, "priority": 2, "flex": 0.5, "fast": 6}
ORDINARY = 5_000_000
"""Picodollars of three tokens of the prompt and one of the answer at the ordinary price."""

ADMIN_KEY = "hg-the-first-admin-key"
ADMIN = {"authorization": f"Bearer {ADMIN_KEY}"}
KIND = ("content-type", "application/json")
SSE = ("content-type", "text/event-stream")
AWS = ("content-type", "application/vnd.amazon.eventstream")


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    async with Upstream() as upstream:
        yield upstream


@pytest.fixture
async def serving(upstream: Upstream) -> AsyncIterator[Serving]:
    async with Serving(CONFIG.format(url=upstream.url)) as serving:
        yield serving


def answers(upstream: Upstream, vendor: str, members: J, usage: J, stream: bool) -> None:
    dialect = VENDORS[vendor]
    pieces = [
        event(frame.event or "", frame.data) if dialect == BEDROCK else frame.encode()
        for frame in frames(dialect, members, usage)
    ]

    async def script(exchange: Exchange) -> None:
        if not stream:
            await exchange.reply(200, json.dumps(document(dialect, members, usage)).encode(), KIND)
            return
        await exchange.start(200, AWS if dialect == BEDROCK else SSE)
        for piece in pieces:
            await exchange.chunk(piece)
        await exchange.end()

    upstream.script = script


def row(serving: Serving, response: Response) -> LedgerRow:
    [found] = serving.gateway.ledger.rows(response.headers["x-headgate-request-id"])
    return found


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("vendor", VENDORS)
async def test_what_is_billed_is_the_way_the_vendor_says(
    serving: Serving, upstream: Upstream, vendor: str, path: str, stream: bool
):
    for members, usage, tier in TOLD[vendor]:
        answers(upstream, vendor, members, usage, stream)
        response = await serving.post(path, {**PATHS[path], "model": vendor, "stream": stream})
        assert response.status == 200, response.body
        found = row(serving, response)
        told = response.summary.get("cost_usd") if stream else response.headers.get("x-headgate-cost-usd")
        assert (found.usage.input_tokens, found.usage.output_tokens, found.usage_source) == (3, 1, "reported")
        if tier not in FACTORS:
            assert (found.cost_picodollars, found.price_version, told) == (None, None, None)
            continue
        assert found.cost_picodollars == ORDINARY * FACTORS[tier]
        assert (found.price_version or "").partition("#")[2] == (tier or "")
        assert Decimal(told or "") == Decimal(format_usd(found.cost_picodollars))


@pytest.mark.parametrize(
    ("asks", "told", "tier"),
    [({}, {}, ""), ({"service_tier": "priority"}, {}, "priority"), ({"service_tier": "flex"}, {}, ""),
     ({"service_tier": "flex"}, {"service_tier": "flex"}, "flex")],
)  # fmt: skip
@pytest.mark.parametrize("model", ["chat", "pinned"])
async def test_a_stream_that_is_cut_is_billed_as_told_else_as_asked_for(
    serving: Serving, upstream: Upstream, model: str, asks: J, told: J, tier: str
):
    choice = {"index": 0, "delta": {"content": "Hi"}, "finish_reason": None}

    async def script(exchange: Exchange) -> None:
        await exchange.start(200, SSE)
        await exchange.chunk(b"data: " + json.dumps({"id": "c", "choices": [choice], **told}).encode() + b"\n\n")
        await exchange.cut()

    upstream.script = script
    body = {"messages": HELLO, "model": model, "stream": True, "max_tokens": 50, **asks}
    found = row(serving, await serving.post("/v1/chat/completions", body))
    assert (found.usage_source, found.usage.output_tokens) == ("estimated", 50)
    if model == "pinned" and not told:
        tier = "priority"
    assert (found.price_version or "").partition("#")[2] == tier


async def test_an_answer_no_vendor_gave_costs_nothing_whatever_was_asked_for(serving: Serving, upstream: Upstream):
    async def script(exchange: Exchange) -> None:
        await exchange.reply(400, json.dumps({"error": {"message": "No."}}).encode(), KIND)

    upstream.script = script
    body = {"messages": HELLO, "model": "chat", "service_tier": "scale"}
    assert row(serving, await serving.post("/v1/chat/completions", body)).cost_picodollars == 0


async def test_images_and_transcriptions_cost_what_their_tokens_do(serving: Serving, upstream: Upstream):
    image = {"input_tokens": 50, "output_tokens": 272, "input_tokens_details": {"text_tokens": 10, "image_tokens": 40}}
    sound = {"type": "tokens", "input_tokens": 40, "output_tokens": 11, "input_token_details": {"audio_tokens": 40}}
    told: J = {}

    async def script(exchange: Exchange) -> None:
        await exchange.reply(200, json.dumps(told).encode(), KIND)

    upstream.script = script
    told = {"created": 1, "data": [{"b64_json": "AA=="}], "usage": image}
    response = await serving.post("/v1/images/generations", {"model": "gpt-image-1", "prompt": "x"})
    assert response.headers["x-headgate-cost-usd"] == "0.01133"
    told = {"text": "Hi", "usage": sound}
    form = b'--b\r\ncontent-disposition: form-data; name="model"\r\n\r\ngpt-4o-transcribe\r\n--b\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\nRIFF\r\n--b--\r\n'
    headers = {"content-type": "multipart/form-data; boundary=b"}
    response = await serving.request("POST", "/v1/audio/transcriptions", headers=headers, raw=form)
    assert response.headers["x-headgate-cost-usd"] == "0.00035"
    told = {"text": "Hi", "usage": {"type": "duration", "seconds": 3}}
    response = await serving.request("POST", "/v1/audio/transcriptions", headers=headers, raw=form)
    assert (response.status, row(serving, response).cost_picodollars) == (200, None)


@pytest.fixture
async def governed(upstream: Upstream) -> AsyncIterator[Serving]:
    environ = {"HEADGATE_ADMIN_KEY": ADMIN_KEY}
    storage = 'storage: {database: "sqlite:///:memory:"}\n'
    serving = Serving(storage + CONFIG.format(url=upstream.url), environ, server="auth: keys")
    await serving.gateway.open()
    async with serving:
        yield serving


async def test_what_is_asked_for_is_set_aside(governed: Serving, upstream: Upstream):
    made = (await governed.post("/admin/keys", {"name": "k", "budget_usd": "1"}, ADMIN)).json
    key = {"authorization": f"Bearer {made['key']}"}
    aside: list[Decimal] = []

    async def script(exchange: Exchange) -> None:
        usage = await governed.request("GET", f"/admin/keys/{made['id']}/usage", headers=ADMIN)
        aside.append(Decimal(usage.json["reserved_usd"]))
        await exchange.reply(200, json.dumps(document(CHAT, {"service_tier": "default"}, {})).encode(), KIND)

    upstream.script = script

    async def reserved(model: str, **asks: Any) -> int:
        """In cents, for an answer of so many tokens that the request's own bytes hardly count."""
        body = {"messages": HELLO, "model": model, "max_tokens": 10_000, **asks}
        response = await governed.post("/v1/chat/completions", body, key)
        assert response.headers["x-headgate-cost-usd"] == format_usd(ORDINARY)
        return round(aside.pop() * 100)

    assert await reserved("chat") == await reserved("chat", service_tier="auto") == 2
    assert await reserved("chat", service_tier="flex") == 2
    assert await reserved("chat", service_tier="priority") == await reserved("pinned") == 4
    body = {"messages": HELLO, "model": "chat", "max_tokens": 10, "service_tier": "scale"}
    refused = await governed.post("/v1/chat/completions", body, key)
    assert (refused.status, refused.json["error"]["code"]) == (429, "insufficient_quota")
    assert "as 'scale' is not known" in refused.json["error"]["message"]
    assert not aside
