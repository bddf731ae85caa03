"""Counters count each call once, and render as Prometheus reads them."""

from __future__ import annotations

import asyncio
from time import monotonic

import pytest

from calls import call
from headgate.errors import RateLimited
from headgate.events import BudgetReached, Queued
from headgate.telemetry import Metrics, Telemetry
from headgate.telemetry.exposition import render
from headgate.telemetry.metrics import LATENCY_BUCKETS_S, MAX_SERIES, OTHER, Histogram
from headgate.telemetry.snapshot import taken
from headgate.types import Attempt, Call, Chunks, Frame, Payload, Reply, Usage


def attempt(**changes: object) -> Attempt:
    fields = {"id": "a", "target": "sim/gpt", "started_us": 0, "started": 0.0, **changes}
    return Attempt(**fields)  # type: ignore[arg-type]


async def whole(_: Call) -> Reply:
    return Reply(payload=Payload("openai_chat", b"{}"))


async def stream(_: Call) -> Reply:
    async def chunks() -> Chunks:
        yield [Frame(b"a")]
        yield [Frame(b"b")]

    return Reply(chunks=chunks())


async def test_a_whole_call_is_counted_when_it_is_answered():
    metrics = Metrics()
    await Telemetry(metrics)(call(), whole)
    assert metrics.calls == {("chat", "chat", "false", "ok"): 1}
    assert metrics.in_flight == 0


async def test_a_stream_is_counted_when_it_is_over_and_not_before():
    metrics = Metrics()
    reply = await Telemetry(metrics)(call(stream=True), stream)
    assert metrics.calls == {}
    assert metrics.in_flight == 1
    assert reply.chunks is not None
    assert len([chunk async for chunk in reply.chunks]) == 2
    assert metrics.calls == {("chat", "chat", "true", "ok"): 1}


async def test_a_stream_its_reader_closes_counts_as_cancelled():
    metrics = Metrics()
    reply = await Telemetry(metrics)(call(stream=True), stream)
    assert reply.chunks is not None
    await anext(reply.chunks)
    await reply.chunks.aclose()
    assert metrics.calls == {("chat", "chat", "true", "cancelled"): 1}
    assert metrics.in_flight == 0


async def test_a_stream_that_is_cancelled_while_it_is_closed_is_counted():
    async def slow_to_close(_: Call) -> Reply:
        async def chunks() -> Chunks:
            try:
                yield [Frame(b"a")]
            finally:
                await asyncio.Event().wait()

        return Reply(chunks=chunks())

    metrics = Metrics()
    reply = await Telemetry(metrics)(call(stream=True), slow_to_close)
    assert reply.chunks is not None
    await anext(reply.chunks)
    closing = asyncio.ensure_future(reply.chunks.aclose())
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert metrics.in_flight == 0
    assert metrics.calls == {("chat", "chat", "true", "cancelled"): 1}


async def test_an_error_is_counted_by_its_code():
    async def fail(_: Call) -> Reply:
        raise RateLimited("secret text")

    metrics = Metrics()
    with pytest.raises(RateLimited):
        await Telemetry(metrics)(call(), fail)
    assert metrics.calls == {("chat", "chat", "false", "rate_limit_exceeded"): 1}
    assert b"secret" not in render(taken(metrics))


async def test_idle_waits_for_the_last_call():
    metrics = Metrics()
    await metrics.idle()
    metrics.call_began()
    waiting = asyncio.ensure_future(metrics.idle())
    await asyncio.sleep(0)
    assert not waiting.done()
    metrics.call_ended("chat", "chat", False, "ok", 0.1)
    await waiting


def test_attempts_tokens_and_cost_are_counted_by_target():
    metrics = Metrics()
    one = call()
    usage = Usage(input_tokens=10, cached_tokens=5, output_tokens=7, reasoning_tokens=2, cache_write_1h_tokens=4)
    one.account.attempts += [
        attempt(usage=usage, cost_picodollars=1_500_000_000_000, settled=True),
        attempt(usage=usage, cost_picodollars=None, settled=True),
        attempt(code="timeout"),
    ]
    metrics.account_closed(one.account, "chat")
    text = render(taken(metrics)).decode()
    assert 'headgate_attempts_total{outcome="ok",target="sim/gpt"} 2.0' in text
    assert 'headgate_attempts_total{outcome="timeout",target="sim/gpt"} 1.0' in text
    assert 'headgate_tokens_total{category="input",target="sim/gpt"} 20.0' in text
    assert 'headgate_tokens_total{category="cached",target="sim/gpt"} 10.0' in text
    assert 'headgate_tokens_total{category="cache_write_1h",target="sim/gpt"} 8.0' in text
    assert 'headgate_reasoning_tokens_total{target="sim/gpt"} 4.0' in text
    assert 'headgate_model_cost_usd_total{model="chat"} 1.5' in text
    assert 'headgate_attempt_seconds_count{target="sim/gpt"} 3.0' in text
    assert 'headgate_tokens_total{category="output",target="sim/gpt"} 14.0' in text
    assert 'headgate_cost_usd_total{target="sim/gpt"} 1.5' in text
    assert 'headgate_unpriced_attempts_total{target="sim/gpt"} 1.0' in text


def test_a_histogram_counts_each_value_in_the_first_bucket_that_holds_it():
    histogram = Histogram()
    for seconds in (0.001, LATENCY_BUCKETS_S[0], 0.3, 1000.0):
        histogram.observe(seconds)
    assert histogram.counts == [2, 0, 0, 0, 0, 0, 1, *[0] * 8, 1]
    assert histogram.sum == pytest.approx(1000.306)


async def test_a_stream_tells_its_first_token_and_the_pace_of_the_others():
    one = call(stream=True)
    started = monotonic()

    async def streamed(call: Call) -> Reply:
        usage = Usage(output_tokens=11)
        call.account.attempts.append(attempt(started=started + 0.2, first_token_s=0.1, usage=usage))
        return await stream(call)

    metrics = Metrics()
    reply = await Telemetry(metrics)(one, streamed)
    assert reply.chunks is not None
    assert len([chunk async for chunk in reply.chunks]) == 2
    pace = metrics.paces["chat",]
    assert pace.first_token.sum == pytest.approx(0.3, abs=0.02)
    assert sum(pace.per_token.counts) == 1
    assert pace.whole.sum - pace.first_token.sum == pytest.approx(pace.per_token.sum * 10)


def test_waiting_and_budgets_are_counted_from_events():
    metrics = Metrics()
    one = call()
    one.account.events += [
        Queued(target="sim/gpt", wait_s=0.3),
        BudgetReached(budget="b", subject="team:t_1", percent=80),
    ]
    metrics.account_closed(one.account)
    assert metrics.queue_seconds["sim/gpt",].sum == 0.3
    assert metrics.budget_alerts == {("team", "80"): 1}
    assert metrics.events == {("Queued", "sim/gpt"): 1, ("BudgetReached", ""): 1}


def test_names_that_clients_make_up_end_in_one_label():
    metrics = Metrics()
    for number in range(MAX_SERIES + 10):
        metrics.call_began()
        metrics.call_ended(f"m{number}", "chat", False, "ok", 0.1)
    assert len(metrics.calls) == len(metrics.paces) == MAX_SERIES + 1
    assert metrics.calls[OTHER, OTHER, OTHER, OTHER] == sum(metrics.paces[OTHER,].whole.counts) == 10


def test_a_reload_that_failed_shows_until_one_has_worked():
    metrics = Metrics()
    for done in (False, True, False):
        metrics.reloaded(done=done)
        told = {each.name: each.values for each in taken(metrics)}
        assert told["headgate_config_last_reload_successful"] == [((), float(done))]
    assert metrics.reloads == {"ok": 1, "failed": 2}
