"""What a client sees of a vendor's faults, over real sockets: as little as can be, and never more time than it gave."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from faults import END, JSON, answer, chunk, error, is_stream, streamed
from headgate.storage.records import LedgerRow
from serving import Response, Serving
from upstream import Exchange, Upstream

MESSAGES = [{"role": "user", "content": "Say it."}]
PATHS: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"messages": MESSAGES},
    "/v1/responses": {"input": "Say it.", "store": False},
    "/v1/messages": {"max_tokens": 10, "messages": MESSAGES},
}
ENDS = {"/v1/chat/completions": "[DONE]", "/v1/responses": "response.completed", "/v1/messages": "message_stop"}

CONFIG = """
providers:
  one: {{kind: openai_compatible, base_url: "{one}/v1", api_key: sk-one}}
  two: {{kind: openai_compatible, base_url: "{two}/v1", api_key: sk-two}}
models:
  alone: &model
    targets: [one/m]
    timeout: {{connect_s: 1, total_s: 5, first_token_s: 1}}
    retry: {{base_s: 0.01}}
  pair: {{<<: *model, targets: [one/m, {{target: two/m, priority: 2}}]}}
  safe: {{<<: *model, retry: {{attempts: 1}}, fallback: [{{use: two/m, system: Be brief., set: {{temperature: 0}}}}]}}
  hedged: {{<<: *model, targets: [one/m, {{target: two/m, priority: 2}}], hedge: {{after_s: 0.05, budget: 1}}}}
  narrow: {{<<: *model, targets: [{{target: one/m, max_concurrent: 1}}]}}
  brittle: {{<<: *model, targets: [one/n], retry: {{attempts: 1}}, breaker: {{min_calls: 2, open_s: 600}}}}
"""

Script = Callable[[Exchange], Awaitable[None]]
EVERY = pytest.mark.parametrize("path", PATHS)
BOTH = pytest.mark.parametrize("stream", [False, True])


async def says(exchange: Exchange, text: str) -> None:
    """An answer in the form that was asked for."""
    if is_stream(exchange):
        await streamed(exchange, chunk(text[:2]), chunk(text[2:]), END)
    else:
        await exchange.reply(200, answer(text), JSON)


async def well(exchange: Exchange) -> None:
    await says(exchange, "Hello")


async def elsewhere(exchange: Exchange) -> None:
    await says(exchange, "Good day")


async def hangs(exchange: Exchange) -> None:
    await exchange.gone()


def refuses(status: int, *headers: tuple[str, str]) -> Script:
    async def script(exchange: Exchange) -> None:
        await exchange.reply(status, json.dumps(error("not now")).encode(), JSON, *headers)

    return script


def in_turn(*scripts: Script) -> Script:
    """One script per request, the last again and again."""
    left = list(scripts)

    async def script(exchange: Exchange) -> None:
        await (left.pop(0) if len(left) > 1 else left[0])(exchange)

    return script


@asynccontextmanager
async def served(
    one: Script, two: Script = elsewhere, server: str = ""
) -> AsyncIterator[tuple[Serving, Upstream, Upstream]]:
    async with (
        Upstream(one) as first,
        Upstream(two) as second,
        Serving(CONFIG.format(one=first.url, two=second.url), server=server) as serving,
    ):
        yield serving, first, second


async def ask(serving: Serving, path: str, model: str, stream: bool, **headers: str) -> Response:
    body = {**PATHS[path], "model": model, "stream": stream}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await asyncio.wait_for(serving.post(path, body, named), 10)


def rows_of(serving: Serving, response: Response) -> list[LedgerRow]:
    return serving.gateway.ledger.rows(response.headers["x-headgate-request-id"])


def check_is_good(path: str, response: Response, text: str) -> None:
    """Check that it is a whole answer, or a stream from its beginning to its end, and nothing besides."""
    assert response.status == 200
    if response.headers["content-type"] == "application/json":
        assert text in json.dumps(response.json)
        return
    assert ENDS[path] in response.events[-1]
    assert all(not (json.loads(data).get("error") if data != "[DONE]" else None) for _, data in response.events)
    assert response.body.count(json.dumps(text[:2])[1:-1].encode()) >= 1
    assert text[2:].encode() in response.body


def attempts_told(response: Response) -> int:
    """As the header says, and as the last comment of a stream does."""
    told = int(response.headers["x-headgate-attempts"])
    if response.headers["content-type"] != "application/json":
        assert response.summary["attempts"] >= told
        return response.summary["attempts"]
    return told


# ── invisible ──


@BOTH
@EVERY
async def test_a_retry_is_invisible(path: str, stream: bool):
    async with served(in_turn(refuses(500), well)) as (serving, first, _):
        response = await ask(serving, path, "alone", stream)
        check_is_good(path, response, "Hello")
        assert (attempts_told(response), len(first.requests)) == (2, 2)
        assert response.headers["x-headgate-attempts"] == "2"
        assert [(row.cause, row.code) for row in rows_of(serving, response)] == [
            ("primary", "server_error"),
            ("retry", None),
        ]


@BOTH
@EVERY
async def test_a_retry_elsewhere_is_invisible(path: str, stream: bool):
    async with served(refuses(503)) as (serving, first, second):
        response = await ask(serving, path, "pair", stream)
        check_is_good(path, response, "Good day")
        assert (attempts_told(response), len(first.requests), len(second.requests)) == (2, 1, 1)
        assert [(row.target, row.cause) for row in rows_of(serving, response)] == [
            ("one/m", "primary"),
            ("two/m", "retry"),
        ]
        assert response.headers["x-headgate-target"] == "two/m"


@BOTH
@EVERY
async def test_a_fallback_is_invisible_and_has_its_own_prompt(path: str, stream: bool):
    async with served(refuses(503)) as (serving, _, second):
        response = await ask(serving, path, "safe", stream)
        check_is_good(path, response, "Good day")
        assert attempts_told(response) == 2
        assert [(row.target, row.cause, row.model) for row in rows_of(serving, response)] == [
            ("one/m", "primary", "safe"),
            ("two/m", "fallback", "safe"),
        ]
        asked = json.loads(second.requests[0].body)
        assert (asked["temperature"], asked["messages"][0]["content"]) == (0, "Be brief.")


@BOTH
@EVERY
async def test_a_second_attempt_is_invisible_and_the_first_is_cut_off(path: str, stream: bool):
    cut = asyncio.Event()

    async def slow(exchange: Exchange) -> None:
        await exchange.gone()
        cut.set()

    async with served(slow) as (serving, _, _):
        response = await ask(serving, path, "hedged", stream)
        check_is_good(path, response, "Good day")
        await asyncio.wait_for(cut.wait(), 1)
        assert attempts_told(response) == 2
        rows = {row.target: (row.cause, row.code) for row in rows_of(serving, response)}
        assert rows == {"one/m": ("primary", "cancelled"), "two/m": ("hedge", None)}


@EVERY
async def test_a_stream_whose_first_content_never_comes_is_tried_elsewhere(path: str):
    async def opens(exchange: Exchange) -> None:
        await exchange.start(200, ("content-type", "text/event-stream"))
        await exchange.chunk(chunk(""))
        await exchange.cut()

    async with served(opens) as (serving, _, _):
        response = await ask(serving, path, "pair", True)
        check_is_good(path, response, "Good day")
        assert attempts_told(response) == 2


@EVERY
async def test_a_stream_that_was_kept_alive_through_a_retry_is_a_good_one(path: str):
    async def late(exchange: Exchange) -> None:
        await asyncio.sleep(0.12)
        await refuses(500)(exchange)

    async with served(in_turn(late, well), server="auth: none, keepalive_s: 0.05") as (serving, _, _):
        response = await ask(serving, path, "alone", True)
        check_is_good(path, response, "Hello")
        assert response.body.startswith(b": keep-alive\n\n")
        assert response.summary["attempts"] == 2


@EVERY
async def test_a_stream_that_was_kept_alive_in_vain_ends_with_an_error_event(path: str):
    async def late(exchange: Exchange) -> None:
        await asyncio.sleep(0.12)
        await refuses(500)(exchange)

    async with served(late, server="auth: none, keepalive_s: 0.05") as (serving, first, _):
        response = await ask(serving, path, "alone", True)
        assert response.status == 200
        assert response.body.startswith(b": keep-alive\n\n")
        assert "error" in response.events[-1][1]
        assert "3 times" in response.events[-1][1]
        assert response.summary["attempts"] == len(first.requests) == 3


# ── not to be helped ──


@BOTH
@EVERY
async def test_where_nothing_helps_the_last_error_tells_the_attempts(path: str, stream: bool):
    async with served(refuses(503), refuses(500)) as (serving, first, second):
        response = await ask(serving, path, "pair", stream)
        assert response.status in (502, 503)
        told = response.json["error"]["message"]
        assert "one/m (overloaded, 3 times)" in told
        assert "two/m (server_error, 3 times)" in told
        assert "not now" not in told.partition("Tried")[2]
        assert b"sk-" not in response.body
        assert response.headers["x-headgate-attempts"] == "6"
        assert len(rows_of(serving, response)) == len(first.requests) + len(second.requests) == 6


@BOTH
@EVERY
async def test_what_the_client_did_wrong_is_told_at_once(path: str, stream: bool):
    async with served(refuses(400)) as (serving, first, second):
        response = await ask(serving, path, "safe", stream)
        assert response.status == 400
        assert (len(first.requests), len(second.requests)) == (1, 0)


# ── the client's time ──


async def took(answered: Awaitable[Response]) -> tuple[Response, float]:
    loop = asyncio.get_running_loop()
    began = loop.time()
    response = await answered
    return response, loop.time() - began


@BOTH
@EVERY
@pytest.mark.parametrize("model", ["alone", "pair", "safe", "hedged"])
async def test_the_clients_time_holds_for_all_attempts_together(model: str, path: str, stream: bool):
    async with served(hangs, hangs) as (serving, first, second):
        response, seconds = await took(ask(serving, path, model, stream, x_headgate_timeout_ms="200"))
        assert response.status == 504
        assert 0.19 < seconds < 1
        assert len(first.requests) + len(second.requests) <= 2


@EVERY
async def test_the_clients_time_holds_for_retries(path: str):
    async def slow(exchange: Exchange) -> None:
        await asyncio.sleep(0.08)
        await refuses(500)(exchange)

    async with served(slow) as (serving, _, _):
        response, seconds = await took(ask(serving, path, "alone", False, x_headgate_timeout_ms="200"))
        assert response.status in (502, 504)
        assert seconds < 1


@EVERY
async def test_no_wait_is_begun_that_the_client_has_no_time_for(path: str):
    async with served(refuses(429, ("retry-after", "3"))) as (serving, first, _):
        response, seconds = await took(ask(serving, path, "alone", False, x_headgate_timeout_ms="2000"))
        assert (response.status, response.headers["retry-after"]) == (429, "3")
        assert seconds < 1
        again, seconds = await took(ask(serving, path, "alone", False, x_headgate_timeout_ms="2000"))
        assert (again.status, again.headers["x-headgate-attempts"], len(first.requests)) == (429, "0", 1)
        assert seconds < 1


@EVERY
async def test_the_clients_time_holds_in_the_queue(path: str):
    go = asyncio.Event()

    async def held(exchange: Exchange) -> None:
        await go.wait()
        await well(exchange)

    async with served(held) as (serving, first, _):
        holding = asyncio.ensure_future(ask(serving, path, "narrow", False))
        while not first.requests:
            await asyncio.sleep(0.005)
        response, seconds = await took(ask(serving, path, "narrow", False, x_headgate_timeout_ms="100"))
        assert (response.status, response.headers["x-headgate-attempts"]) == (503, "0")
        assert int(response.headers["retry-after"]) >= 1
        assert seconds < 1
        go.set()
        check_is_good(path, await holding, "Hello")


@EVERY
async def test_a_wait_that_the_vendor_asks_for_is_made_where_there_is_time(path: str):
    async with served(in_turn(refuses(429, ("retry-after-ms", "150")), well)) as (serving, _, _):
        response, seconds = await took(ask(serving, path, "alone", False))
        check_is_good(path, response, "Hello")
        assert seconds >= 0.15


# ── breakers, keys, bounds ──


async def test_a_reload_keeps_an_open_breaker_open():
    path = "/v1/chat/completions"
    async with served(refuses(500)) as (serving, first, second):
        for _ in range(2):
            assert (await ask(serving, path, "brittle", False)).status == 502
        text = CONFIG.format(one=first.url, two=second.url).replace("narrow:", "renamed:")
        serving.gateway.reload(serving.config(text))
        response = await ask(serving, path, "brittle", False)
        assert (response.status, len(first.requests)) == (503, 2)
        assert 590 < int(response.headers["retry-after"]) <= 600
        assert response.headers["x-headgate-attempts"] == "0"


KEYS = """
providers: {{one: {{kind: openai_compatible, base_url: "{url}/v1", api_keys: [sk-first-key, sk-second-key]}}}}
models: {{chat: {{targets: [one/m], retry: {{attempts: 1}}}}}}
"""


@pytest.mark.parametrize("status", [401, 429])
@BOTH
@EVERY
async def test_keys_that_are_refused_give_way_to_others(path: str, stream: bool, status: int):
    async def script(exchange: Exchange) -> None:
        good = exchange.request.header("authorization") == "Bearer sk-second-key"
        await (well if good else refuses(status))(exchange)

    async with Upstream(script) as upstream, Serving(KEYS.format(url=upstream.url)) as serving:
        for attempts in (2, 1, 1):
            response = await ask(serving, path, "chat", stream)
            check_is_good(path, response, "Hello")
            assert attempts_told(response) == attempts
        keys = [request.header("authorization") for request in upstream.requests]
        assert keys == ["Bearer sk-first-key", *["Bearer sk-second-key"] * 3]


async def test_keys_that_are_all_refused_are_an_error_that_names_none():
    async with Upstream(refuses(401)) as upstream, Serving(KEYS.format(url=upstream.url)) as serving:
        response = await ask(serving, "/v1/chat/completions", "chat", False)
        assert (response.status, len(upstream.requests)) == (502, 2)
        assert b"sk-" not in response.body


@EVERY
async def test_no_more_calls_are_taken_than_the_server_is_to_take(path: str):
    go = asyncio.Event()

    async def held(exchange: Exchange) -> None:
        await go.wait()
        await well(exchange)

    async with served(held, server="auth: none, max_concurrent: 2") as (serving, first, _):
        under_way = [asyncio.ensure_future(ask(serving, path, "alone", stream)) for stream in (False, True)]
        while len(first.requests) < 2:
            await asyncio.sleep(0.005)
        response = await ask(serving, path, "alone", False)
        assert (response.status, response.headers["retry-after"]) == (503, "1")
        assert response.headers["x-should-retry"] == "true"
        assert len(first.requests) == 2
        go.set()
        for each in await asyncio.gather(*under_way):
            check_is_good(path, each, "Hello")
        check_is_good(path, await ask(serving, path, "alone", False), "Hello")


@pytest.mark.parametrize(
    ("fault", "retry", "told"),
    [
        ("server_error", "", "false"),
        ("server_error", "retry: {attempts: 1}", None),
        ("quota", "retry: {attempts: 1}", "false"),
        ("bad_request", "", "false"),
    ],
)
async def test_sdks_are_told_not_to_try_again_what_was_tried_or_is_in_vain(fault: str, retry: str, told: str | None):
    config = f"providers: {{sim: {{kind: simulator}}}}\nmodels: {{chat: {{targets: [sim/m], {retry}}}}}\n"
    async with Serving(config) as serving:
        body = {"model": "chat", "messages": [{"role": "user", "content": "Hi"}]}
        response = await serving.post("/v1/chat/completions", body, {"x-sim-fault": fault})
    assert response.headers.get("x-should-retry") == told
