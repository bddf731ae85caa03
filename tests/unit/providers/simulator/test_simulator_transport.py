"""The transport with all its faults, as a client of the port sees them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from conversation import DIALECTS, PATHS, chat, new
from headgate import dialects
from headgate.dialects.base import Fit
from headgate.errors import (
    BadRequest,
    ConnectionFailed,
    ContentFiltered,
    ContextTooLong,
    HeadgateError,
    MalformedOutput,
    Overloaded,
    QuotaExhausted,
    RateLimited,
    ServerError,
    Timeout,
)
from headgate.providers.simulator import Simulator, SimulatorTransport, read_script
from headgate.providers.simulator.transport import SimulatedResponse
from headgate.providers.transport import HttpRequest

LIMIT = 1_000_000
each_dialect = pytest.mark.parametrize("dialect", DIALECTS)


async def send(
    transport: SimulatorTransport, dialect: str, *headers: tuple[str, str], **members: Any
) -> SimulatedResponse:
    request = chat(**members)
    tree = dialects.get(dialect).encode_request(request, Fit(model=request.model, dropped=[]))
    url = f"http://simulator{PATHS[dialect]}?beta=true"
    return await transport.send(HttpRequest(method="POST", url=url, headers=headers, body=json.dumps(tree).encode()))


def faulty(fault: Any, **settings: Any) -> SimulatorTransport:
    return SimulatorTransport(simulator=new(script=read_script(json.dumps([{"fault": fault}]).encode()), **settings))


async def _rest(chunks: AsyncIterator[bytes]) -> None:
    async for _ in chunks:
        pass


def last(transport: SimulatorTransport) -> dict[str, Any]:
    return transport.simulator.record.shown()["requests"][-1]


VAGUE: dict[tuple[str, str], type[HeadgateError]] = {
    ("anthropic_messages", "content_filter"): BadRequest,
    ("anthropic_messages", "quota"): RateLimited,
}
"""What a dialect has no word of its own for, and says with a wider one."""


@each_dialect
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("bad_request", BadRequest),
        ("content_filter", ContentFiltered),
        ("context_too_long", ContextTooLong),
        ("rate_limit", RateLimited),
        ("quota", QuotaExhausted),
        ("server_error", ServerError),
        ("unavailable", Overloaded),
        ("overloaded", Overloaded),
        ("gateway_timeout", Timeout),
    ],
)
async def test_a_refusal_decodes_to_its_error(dialect: str, fault: str, kind: type[HeadgateError]) -> None:
    response = await send(faulty(fault), dialect)
    error = dialects.get(dialect).decode_error(response.status, response.headers, await response.read(LIMIT))
    assert isinstance(error, VAGUE.get((dialect, fault), kind))
    assert "Simulated fault" in error.message


async def test_a_rate_limit_says_when_to_try_again() -> None:
    response = await send(faulty({"kind": "rate_limit", "retry_after_s": 2.5}), "openai_chat")
    assert response.headers["retry-after"] == "2.5"


@pytest.mark.parametrize(("dialect", "status"), [("anthropic_messages", 529), ("openai_chat", 503)])
async def test_overload_has_the_status_of_its_vendor(dialect: str, status: int) -> None:
    assert (await send(faulty("overloaded"), dialect)).status == status


async def test_an_html_page_comes_instead_of_an_error() -> None:
    response = await send(faulty({"kind": "html", "status": 503}), "openai_chat")
    assert response.status == 503
    assert response.headers["content-type"].startswith("text/html")
    assert b"<html>" in await response.read(LIMIT)


@pytest.mark.parametrize("stream", [False, True])
async def test_an_empty_body_is_a_success_without_an_answer(stream: bool) -> None:
    response = await send(faulty("empty"), "openai_chat", stream=stream)
    assert (response.status, await response.read(LIMIT)) == (200, b"")


async def test_a_reset_comes_before_any_response() -> None:
    with pytest.raises(ConnectionFailed):
        await send(faulty("reset"), "openai_chat")


async def test_a_timeout_never_answers_and_is_noted_when_the_client_gives_up() -> None:
    transport = faulty("timeout")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await send(transport, "openai_chat")
    assert last(transport)["outcome"] == "timeout"


@each_dialect
@pytest.mark.parametrize("stream", [False, True])
async def test_a_cut_breaks_off_in_the_middle(dialect: str, stream: bool) -> None:
    transport = faulty("cut")
    response = await send(transport, dialect, stream=stream)
    chunks = response.chunks()
    assert await anext(chunks)
    with pytest.raises(ConnectionFailed):
        await _rest(chunks)
    row = last(transport)
    assert row["outcome"] == "cut"
    assert 0 < row["delivered_tokens"] == row["usage"]["output_tokens"]


@each_dialect
async def test_a_truncated_stream_ends_in_order_but_without_its_terminator(dialect: str) -> None:
    response = await send(faulty({"kind": "truncated", "after_tokens": 3}), dialect, stream=True)
    raw = await response.read(LIMIT)
    assert b"simulated" not in raw.split(b" is")[0]
    assert b"[DONE]" not in raw
    assert b"message_stop" not in raw
    assert b"response.completed" not in raw


async def test_a_truncated_answer_is_half_a_document() -> None:
    response = await send(faulty("truncated"), "openai_chat")
    raw = await response.read(LIMIT)
    assert raw.startswith(b'{"id":')
    with pytest.raises(json.JSONDecodeError):
        json.loads(raw)


@each_dialect
@pytest.mark.parametrize("kind", ["malformed_json", "malformed_sse"])
async def test_one_bad_line_stands_in_a_stream_that_is_otherwise_whole(dialect: str, kind: str) -> None:
    bad = (await (await send(faulty(kind), dialect, stream=True)).read(LIMIT)).splitlines()
    good = (await (await send(SimulatorTransport(simulator=new()), dialect, stream=True)).read(LIMIT)).splitlines()
    assert len([line for line in bad if line not in good]) == 1
    assert bad[-2:] == good[-2:]


@each_dialect
async def test_an_error_in_a_stream_ends_it_with_the_dialects_own(dialect: str) -> None:
    fault = {"kind": "error_in_stream", "after_tokens": 2, "message": "too much to do"}
    raw = await (await send(faulty(fault), dialect, stream=True)).read(LIMIT)
    assert raw.count(b"too much to do") >= 1
    assert b"message_stop" not in raw


async def test_a_stall_holds_the_stream_open_and_bills_what_came() -> None:
    transport = faulty({"kind": "stall", "after_tokens": 4})
    response = await send(transport, "openai_chat", stream=True)
    chunks = response.chunks()
    first = await anext(chunks)
    assert b"simulated" in first
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await anext(chunks)
    await response.close()
    assert (last(transport)["outcome"], last(transport)["usage"]["output_tokens"]) == ("stall", 4)


async def test_a_slow_first_token_is_late_but_comes() -> None:
    transport = faulty({"kind": "slow_first_token", "delay_s": 0.03})
    before = asyncio.get_running_loop().time()
    response = await send(transport, "openai_chat", stream=True)
    assert (await response.read(LIMIT)).endswith(b"[DONE]\n\n")
    assert asyncio.get_running_loop().time() - before >= 0.03
    assert last(transport)["outcome"] == "complete"


async def test_a_paced_stream_comes_token_by_token() -> None:
    transport = SimulatorTransport(
        simulator=new(script=read_script(b'[{"reply": {"tokens": 8}, "latency": {"per_token_ms": 1}}]'))
    )
    response = await send(transport, "anthropic_messages", stream=True)
    assert len([piece async for piece in response.chunks()]) >= 8


async def test_a_client_that_stops_reading_is_billed_what_it_was_sent() -> None:
    script = read_script(b'[{"reply": {"tokens": 50}, "latency": {"per_token_ms": 1}}]')
    transport = SimulatorTransport(simulator=new(script=script))
    response = await send(transport, "openai_chat", stream=True)
    async for _ in response.chunks():
        if last(transport)["delivered_tokens"] >= 5:
            break
    await response.close()
    row = last(transport)
    assert row["outcome"] == "disconnected"
    assert 5 <= row["delivered_tokens"] == row["usage"]["output_tokens"] < 50


async def test_a_header_sets_the_latency_of_one_request() -> None:
    transport = SimulatorTransport(simulator=new())
    before = asyncio.get_running_loop().time()
    await (await send(transport, "openai_chat", ("x-sim-latency-ms", "20"))).read(LIMIT)
    assert asyncio.get_running_loop().time() - before >= 0.02


async def test_a_body_longer_than_the_reader_allows_is_refused() -> None:
    response = await send(SimulatorTransport(), "openai_chat")
    with pytest.raises(MalformedOutput):
        await response.read(10)


async def test_closing_twice_is_harmless() -> None:
    response = await send(SimulatorTransport(), "openai_chat", stream=True)
    await response.close()
    await response.close()


def test_a_transport_needs_nothing_but_itself() -> None:
    make: Callable[[], SimulatorTransport] = SimulatorTransport
    assert isinstance(make().simulator, Simulator)
