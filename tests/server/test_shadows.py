"""Shadow mode over real sockets: whatever becomes of the shadow, clients get what they got without it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from headgate.storage.records import Comparison
from own_stages import Noting
from serving import Response, Serving
from spoken import Script, said, saying
from upstream import Exchange, Upstream

CONFIG = """
providers:
  live:      {{kind: openai, base_url: "{live}/v1", api_key: live-key}}
  claude:    {{kind: anthropic, base_url: "{live}", api_key: live-key}}
  incumbent: {{kind: openai, base_url: "{shadow}/v1", api_key: shadow-key}}
prices:
  "gpt-4o*": {{input: 1, output: 4}}
  "claude*": {{input: 1, output: 4}}
models:
  chat:   {{targets: [live/gpt-4o-mini], retry: {{attempts: 1}}{block}}}
  sonnet: {{targets: [claude/claude-sonnet-4-5], retry: {{attempts: 1}}{block}}}
{more}
"""
SHADOW = ", shadow: {to: incumbent/gpt-4o, share: 1%s}"

SECRET = {"HEADGATE_SECRET": "a secret of sixteen bytes and more"}

MESSAGES = [{"role": "user", "content": "Hello"}]
REQUESTS: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": ("/v1/chat/completions", {"model": "chat", "messages": MESSAGES}),
    "responses": ("/v1/responses", {"model": "chat", "input": "Hello", "store": False}),
    "messages": ("/v1/messages", {"model": "sonnet", "max_tokens": 100, "messages": MESSAGES}),
}


async def failing(exchange: Exchange) -> None:
    await exchange.reply(500, b'{"error": {"message": "no"}}')


async def hanging(exchange: Exchange) -> None:
    await exchange.gone()


async def resetting(exchange: Exchange) -> None:
    await exchange.reset()


async def mumbling(exchange: Exchange) -> None:
    await exchange.reply(200, b"<html>", ("content-type", "text/html"))


async def slow(exchange: Exchange) -> None:
    await asyncio.sleep(0.1)  # what takes long, which is what this is about
    await saying()(exchange)


@contextlib.asynccontextmanager
async def served(
    shadow: Script, block: str | None = "", live: Script | None = None, more: str = ""
) -> AsyncIterator[tuple[Serving, Upstream]]:
    """A gateway whose models have a shadow with these settings, and the shadow; without one where `block` is None."""
    async with Upstream(live or saying()) as primary, Upstream(shadow) as other:
        text = "" if block is None else SHADOW % block
        async with Serving(CONFIG.format(live=primary.url, shadow=other.url, block=text, more=more), SECRET) as serving:
            try:
                yield serving, other
            finally:
                await serving.gateway._services.shadows.close()


async def compared(serving: Serving) -> list[Comparison]:
    """What is known of mirrored calls once all of them are over."""
    shadows = serving.gateway._services.shadows
    await shadows.idle()
    shadows.flush()
    return list(shadows.latest)


def told(response: Response) -> tuple[int, bytes]:
    """What the client was told, Headgate's own comment aside: it has the call's id in it."""
    parts = response.body.split(b"\n\n")
    return response.status, b"\n\n".join(part for part in parts if not part.startswith(b": headgate"))


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("client", REQUESTS)
@pytest.mark.parametrize("shadow", [saying(), slow, failing, hanging, resetting, mumbling])
async def test_clients_get_the_same_bytes_whatever_the_shadow_does(client: str, stream: bool, shadow: Script):
    path, body = REQUESTS[client]
    body = {**body, "stream": stream}
    async with served(shadow, None) as (serving, _):
        without = told(await serving.post(path, body))
    async with served(shadow, f", timeout_s: {0.15 if shadow is hanging else 20}") as (serving, _):
        answers = [await serving.post(path, body) for _ in range(2)]
        assert [told(answer) for answer in answers] == [without] * 2
        assert without[0] == 200
        found = await compared(serving)
        assert [each.dropped for each in found] == [None, None]
        assert all(each.code is None for each in found)
        assert {each.shadow_code is None for each in found} == {shadow not in (failing, hanging, resetting, mumbling)}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_nobody_waits_for_a_shadow_that_hangs_and_what_does_not_fit_is_counted(stream: bool):
    path, body = REQUESTS["chat"]
    async with served(hanging, ", concurrency: 2, queue: 3") as (serving, shadow):
        async with asyncio.timeout(5):  # the shadow would take two minutes
            for _ in range(12):
                assert (await serving.post(path, {**body, "stream": stream})).status == 200
        while len(shadow.requests) < 2:
            await asyncio.sleep(0.005)
        shadows = serving.gateway._services.shadows
        assert shadows.dropped == {"queue_full": 7}
        shadows.flush()
        assert [(each.dropped, each.calls) for each in shadows.latest] == [("queue_full", 7)]
        levels = {name: value for name, _, value in shadows.levels()}
        assert (levels["headgate_shadow_under_way"], levels["headgate_shadow_waiting"]) == (2, 3)
        await shadows.close()
        assert shadows.dropped == {"queue_full": 7, "stopped": 5}
        assert shadows.room.free == type(shadows.room)().free


async def test_a_pair_has_latency_cost_and_shape_of_both_and_no_content():
    path, body = REQUESTS["chat"]
    async with served(saying(said("Quite another text, and a longer one."))) as (serving, shadow):
        response = await serving.post(path, {**body, "stream": True})
        [found] = await compared(serving)
        assert (found.model, found.target, found.shadow_target) == ("chat", "live/gpt-4o-mini", "incumbent/gpt-4o")
        assert (found.stop, found.shadow_stop, found.tools, found.same) == ("end", "end", "none", 1)
        assert (found.characters, found.shadow_characters) == (13, 37)
        assert found.cost_picodollars == found.shadow_cost_picodollars == 30_000_000
        assert None not in (found.duration_us, found.shadow_duration_us, found.first_token_us)
        assert found.shadow_first_token_us is not None
        assert "text" not in str(found)
        [received] = shadow.requests
        assert received.header("authorization") == "Bearer shadow-key"
        row, mirrored = [*await serving.rows(response), *serving.gateway.ledger.rows(found.id)]
        assert (mirrored.cause, mirrored.payer, mirrored.parent) == ("shadow", "internal", row.id)
        assert (mirrored.key_id, mirrored.cost_picodollars) == ("shadow", 30_000_000)
        assert mirrored.charged[0].startswith("b:shadow_chat:")
        assert (row.cause, row.payer, row.charged) == ("primary", "caller", ())
        assert response.headers["x-headgate-target"] == "live/gpt-4o-mini"


@pytest.mark.parametrize(
    ("one", "other", "tools", "same"),
    [
        ({"look": '{"a": 1}'}, {"look": '{"a": 2}'}, "same", 1),
        ({"look": '{"a": 1}'}, {"look": '{"b": 1}'}, "other_arguments", 0),
        ({"look": '{"a": 1}'}, {"look": '{"a": '}, "invalid", 0),
        ({"look": "{}"}, {"find": "{}"}, "other_calls", 0),
        ({"look": "{}"}, {}, "other_calls", 0),
    ],
)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_tool_calls_are_compared_by_name_and_members(
    one: dict[str, str], other: dict[str, str], tools: str, same: int, stream: bool
):
    path, body = REQUESTS["chat"]
    async with served(saying(said(calls=other)), live=saying(said(calls=one))) as (serving, _):
        await serving.post(path, {**body, "stream": stream})
        [found] = await compared(serving)
        assert (found.tools, found.same) == (tools, same)


async def test_stages_of_ones_own_see_a_mirrored_call_where_they_stand_at_each_attempt_alone(
    monkeypatch: pytest.MonkeyPatch,
):
    seen: list[tuple[str, str]] = []
    monkeypatch.setattr(Noting, "seen", seen)
    places = ("after: telemetry", "after: context", "before: transport")
    stages = ", ".join(
        f"{{use: 'own_stages:Noting', {place}, with: {{place: {place.split()[1]}}}}}" for place in places
    )
    path, body = REQUESTS["chat"]
    async with served(saying(), more=f"stages: [{stages}]") as (serving, _):
        await serving.post(path, body)
        await compared(serving)
    assert seen == [("telemetry", "primary"), ("context", "primary"), ("transport", "primary"), ("transport", "shadow")]


async def test_errors_of_both_sides_are_told_and_retries_mirror_nothing_twice():
    path, body = REQUESTS["chat"]
    more = "  fallen: {targets: [live/gpt-4o-mini], fallback: [chat], retry: {attempts: 2, base_s: 0.01}, shadow: {to: incumbent/gpt-4o, share: 1}}"
    async with served(saying(), live=failing, more=more) as (serving, shadow):
        response = await serving.post(path, {**body, "model": "fallen"})
        assert response.status == 502
        [found] = await compared(serving)
        assert (found.model, found.code, found.shadow_code) == ("fallen", "server_error", None)
        assert len(shadow.requests) == 1


async def test_what_acts_at_the_vendor_is_not_mirrored_but_counted():
    async with served(saying()) as (serving, shadow):
        await serving.post("/v1/responses", {"model": "chat", "input": "Hello", "background": True})
        await serving.post("/v1/responses", {"model": "chat", "input": "Hello", "tools": [{"type": "web_search"}]})
        found = await compared(serving)
        assert [(each.dropped, each.calls) for each in found] == [("side_effects", 2)]
        assert shadow.requests == []


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_a_response_that_one_vendor_keeps_is_kept_by_the_other_one_no_more(stream: bool):
    more = "  kept: {targets: [live/gpt-4o-mini], shadow: {to: openai/gpt-4o, share: 1}}"
    async with Upstream(saying()) as primary, Upstream(saying()) as other:
        text = CONFIG.format(live=primary.url, shadow=other.url, block="", more=more)
        providers = f'providers:\n  openai: {{kind: openai, base_url: "{other.url}/v1", api_key: k}}'
        async with Serving(text.replace("providers:", providers), SECRET) as serving:
            response = await serving.post("/v1/responses", {"model": "kept", "input": "Hello", "stream": stream})
            assert response.status == 200
            [found] = await compared(serving)
            assert (found.dropped, found.same) == (None, 1)
            assert "store" not in json.loads(primary.requests[0].body)
            assert json.loads(other.requests[0].body)["store"] is False


NUMBERS = """
providers:
  live: {kind: simulator}
  same: {kind: simulator}
  less: {kind: simulator, body: {dimensions: 64}}
models:
  embed: {targets: [live/text-embedding-3-small], shadow: {to: same/text-embedding-3-small, share: 1}}
  short: {targets: [live/text-embedding-3-small], shadow: {to: less/text-embedding-3-small, share: 1}}
  rerank: {targets: [live/rerank-v3.5], shadow: {to: same/rerank-v3.5, share: 1, budget_usd: null}}
"""


@pytest.mark.parametrize(
    ("path", "body", "similarity", "same"),
    [
        ("/v1/embeddings", {"model": "embed", "input": ["one", "two"]}, 1, 1),
        ("/v1/embeddings", {"model": "embed", "input": "one", "encoding_format": "base64"}, 1, 1),
        ("/v1/embeddings", {"model": "short", "input": "one"}, None, 0),
        ("/v1/rerank", {"model": "rerank", "query": "a cat", "documents": ["a dog", "a cat", "a cow"]}, 1, 1),
        ("/v1/rerank", {"model": "rerank", "query": "a cat", "documents": ["a dog", "a cat"], "top_n": 1}, 1, 1),
    ],
)
async def test_vectors_and_rankings_are_compared_by_their_numbers(
    path: str, body: dict[str, Any], similarity: float | None, same: int
):
    async with Serving(NUMBERS) as serving:
        assert (await serving.post(path, body)).status == 200
        [found] = await compared(serving)
        assert (found.dropped, found.code, found.shadow_code) == (None, None, None)
        assert found.operation == path.removeprefix("/v1/").replace("embeddings", "embed")
        assert found.similarity == pytest.approx(similarity)
        assert (found.same, found.stop, found.tools) == (same, None, None)
        assert None not in (found.duration_us, found.shadow_duration_us)
        assert found.cost_picodollars == found.shadow_cost_picodollars


async def test_a_client_that_leaves_is_not_mirrored():
    path, body = REQUESTS["chat"]

    async def begun(exchange: Exchange) -> None:
        await exchange.start(200, ("content-type", "text/event-stream"))
        await exchange.chunk(
            b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}\n\n'
        )
        await exchange.gone()

    async with served(saying(), live=begun) as (serving, shadow):
        arrived = asyncio.Event()
        request = asyncio.create_task(serving.post(path, {**body, "stream": True}, begun=arrived))
        await arrived.wait()
        request.cancel()
        shadows = serving.gateway._services.shadows
        while not shadows.dropped:
            await asyncio.sleep(0.005)
        assert shadows.dropped == {"client_left": 1}
        assert shadow.requests == []


async def test_a_shadow_spends_no_more_than_its_own_budget():
    path, body = REQUESTS["chat"]
    body = {**body, "max_tokens": 300}
    async with served(saying(), ', budget_usd: "0.0017", period: total') as (serving, shadow):
        for _ in range(4):
            assert (await serving.post(path, body)).status == 200
            await serving.gateway._services.shadows.idle()
        found = await compared(serving)
        assert [each.dropped for each in found] == [None] * 4  # each is settled at 30 microdollars
    async with served(saying(), ', budget_usd: "0.001", period: total') as (serving, shadow):
        assert (await serving.post(path, body)).status == 200
        assert [each.dropped for each in await compared(serving)] == ["budget"]
        assert shadow.requests == []


async def test_a_target_without_a_price_is_mirrored_only_where_no_budget_is_asked_for():
    path, body = REQUESTS["chat"]
    block = ", shadow: {to: incumbent/unheard-of, share: 1%s}"
    for budget, requests in (("", 0), (", budget_usd: null", 1)):
        async with Upstream(saying()) as primary, Upstream(saying()) as other:
            text = CONFIG.format(live=primary.url, shadow=other.url, block=block % budget, more="")
            async with Serving(text) as serving:
                assert (await serving.post(path, body)).status == 200
                await compared(serving)
                assert len(other.requests) == requests


async def test_a_reload_without_the_shadow_stops_it_at_once():
    path, body = REQUESTS["chat"]
    async with Upstream(saying()) as primary, Upstream(hanging) as other:
        addresses = {"live": primary.url, "shadow": other.url, "more": ""}
        block = SHADOW % ", concurrency: 1"
        async with Serving(CONFIG.format(block=block, **addresses)) as serving:
            for _ in range(3):
                await serving.post(path, body)
            while not other.requests:
                await asyncio.sleep(0.005)
            serving.gateway.reload(
                serving.config(CONFIG.format(block=block.replace("share: 1", "share: 0"), **addresses))
            )
            shadows = serving.gateway._services.shadows
            while shadows.dropped != {"stopped": 3}:
                await asyncio.sleep(0.005)
            await serving.post(path, body)
            assert (shadows.dropped, len(other.requests)) == ({"stopped": 3}, 1)


async def test_a_shadow_that_fails_opens_no_breaker_of_live_targets():
    path, body = REQUESTS["chat"]
    more = "  other: {targets: [incumbent/gpt-4o], breaker: {min_calls: 1, open_s: 60}}"
    block = ", concurrency: 1, queue: 100"
    async with served(failing, block, more=more) as (serving, _):
        for _ in range(60):
            await serving.post(path, body)
        await compared(serving)
        assert {each.target: each.breaker for each in serving.gateway.targets()}["incumbent/gpt-4o"] == "closed"
        assert all(each.target != "chat" for each in serving.gateway.targets())


async def test_mirrored_calls_are_drained_and_those_that_hang_given_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("headgate.gateway.SHADOWS_S", 0.1)
    path, body = REQUESTS["chat"]
    async with served(saying(), ", concurrency: 1") as (serving, _):
        for _ in range(3):
            await serving.post(path, body)
        await serving.gateway.drain(5)
        assert len(serving.gateway._services.shadows.latest) == 3
    async with served(hanging) as (serving, shadow):
        await serving.post(path, body)
        while not shadow.requests:
            await asyncio.sleep(0.005)
        async with asyncio.timeout(3):
            await serving.gateway.drain(60)
        await serving.gateway._services.shadows.close()
        [found] = serving.gateway._services.shadows.latest
        assert found.dropped == "stopped"


async def test_a_client_with_a_credential_of_its_own_is_not_mirrored():
    path, body = REQUESTS["chat"]
    async with served(saying()) as (serving, shadow):
        await serving.post(path, body, {"x-headgate-key": "hg-whatever"})
        assert await compared(serving) == []
        assert shadow.requests == []


async def test_a_session_is_mirrored_with_all_of_its_calls_or_none():
    path, body = REQUESTS["chat"]
    async with Upstream(saying()) as primary, Upstream(saying()) as other:
        block = SHADOW.replace("share: 1", "share: 0.5, by: session, queue: 100") % ""
        config = CONFIG.format(live=primary.url, shadow=other.url, block=block, more="")
        async with Serving(config, SECRET) as serving:
            sessions: dict[str, list[str]] = {}
            for number in range(60):
                name = f"s{number % 20}"
                response = await serving.post(path, body, {"x-headgate-session": name})
                sessions.setdefault(name, []).append(response.headers["x-headgate-request-id"])
            mirrored = {each.call_id for each in await compared(serving)}
            shares = [len(mirrored.intersection(calls)) for calls in sessions.values()]
            assert set(shares) == {0, 3}
            assert len(mirrored) == len(other.requests)
