"""A gateway and a collector over real sockets: what arrives, and that calls never wait for it."""

from __future__ import annotations

import asyncio
import ssl
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from certificates import Authority
from collector import Collector, GrpcCollector, Received, told
from serving import Serving
from upstream import Exchange, Upstream, head, unused_port

MODELS = """
providers: {sim: {kind: simulator}}
models: {chat: {targets: [sim/gpt-4o-mini]}}
"""
ASK = {"model": "chat", "messages": [{"role": "user", "content": "the secret question"}]}
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
CAME = f"00-{TRACE}-{SPAN}-01"


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    async with Collector() as made:
        yield made


def quick(config: str) -> Serving:
    """A gateway that does not wait for more spans to send."""
    return Serving(config, {"OTEL_BSP_SCHEDULE_DELAY": "10"})


async def ask(serving: Serving, headers: dict[str, str] | None = None, **changes: Any) -> Any:
    return await serving.request("POST", "/v1/chat/completions", {**ASK, **changes}, headers)


async def test_a_call_in_its_callers_trace(collector: Collector):
    async with quick(MODELS + collector.config(headers={"api-key": "k"}, resource={"a": "b"})) as serving:
        answer = await ask(serving, {"traceparent": CAME, "tracestate": "x=1", "baggage": "user=eve"})
        [whole, part] = await collector.spans(2)
    assert answer.status == 200
    assert (whole.trace_id.hex(), whole.parent_span_id.hex(), whole.trace_state) == (TRACE, SPAN, "x=1")
    assert part.parent_span_id == whole.span_id
    assert told(whole)["headgate.request.id"] == answer.headers["x-headgate-request-id"]
    assert whole.start_time_unix_nano <= part.start_time_unix_nano <= part.end_time_unix_nano
    assert part.end_time_unix_nano <= whole.end_time_unix_nano
    sent = str(collector.traces)
    assert "secret question" not in sent, "content stays here"
    assert "eve" not in sent, "baggage is a stranger's"
    assert collector.headers[0]["api-key"] == "k"
    assert told(collector.traces[0].resource_spans[0].resource)["a"] == "b"


async def test_a_stream(collector: Collector):
    async with Upstream(streams) as vendor:
        config = f"""
providers: {{v: {{kind: openai, base_url: "{vendor.url}/v1", api_key: k}}}}
models: {{chat: {{targets: [v/gpt-4o]}}}}
"""
        async with quick(config + collector.config()) as serving:
            await ask(serving, stream=True)
            [whole, part] = await collector.spans(2)
            metric = await collector.latest("gen_ai.client.operation.time_per_output_chunk")
            await collector.latest("gen_ai.server.time_to_first_token")
            await collector.latest("gen_ai.server.time_per_output_token")
    assert told(whole)["gen_ai.request.stream"] is True
    assert (told(part)["gen_ai.response.model"], told(part)["gen_ai.response.id"]) == ("gpt-4o-x", "c")
    assert told(part)["gen_ai.usage.output_tokens"] == 3
    assert 0 < told(part)["gen_ai.response.time_to_first_chunk"] < 5
    assert metric.histogram.data_points[0].count >= 2


async def streams(exchange: Exchange) -> None:
    """A vendor whose answer comes in pieces."""
    await exchange.start(200, ("content-type", "text/event-stream"))
    start = '{"id":"c","object":"chat.completion.chunk","created":1,"model":"gpt-4o-x"'
    for text in ("A", "B", "C"):
        await exchange.chunk(f'data: {start},"choices":[{{"index":0,"delta":{{"content":"{text}"}}}}]}}\n\n'.encode())
        await asyncio.sleep(0.01)
    usage = '"usage":{"prompt_tokens":2,"completion_tokens":3,"total_tokens":5}'
    await exchange.chunk(f'data: {start},"choices":[{{"index":0,"delta":{{}},"finish_reason":"stop"}}]}}\n\n'.encode())
    await exchange.chunk(f'data: {start},"choices":[],{usage}}}\n\ndata: [DONE]\n\n'.encode())
    await exchange.end()


async def test_metrics_add_up(collector: Collector):
    async with quick(MODELS + collector.config()) as serving:
        for _ in range(5):
            await ask(serving)
        await ask(serving, model="nobody's")

        def complete(metric: Any) -> bool:
            return sum(point.count for point in metric.histogram.data_points) == 6

        calls = await collector.latest("gen_ai.server.request.duration", complete)
        tokens = collector.newest()["gen_ai.client.token.usage"]
        cost = collector.newest()["headgate.cost"]
        spans = [told(span) for span in await collector.spans(11)]
    by_error = {told(point).get("error.type"): point.count for point in calls.histogram.data_points}
    assert by_error == {None: 5, "model_not_found": 1}
    used = {told(point)["gen_ai.token.type"]: point.sum for point in tokens.histogram.data_points}
    assert used["input"] == sum(span.get("gen_ai.usage.input_tokens", 0) for span in spans)
    assert used["output"] == sum(span.get("gen_ai.usage.output_tokens", 0) for span in spans)
    spent = [span["headgate.cost.picodollars"] for span in spans if "headgate.attempt.number" in span]
    assert cost.sum.data_points[0].as_double == pytest.approx(sum(spent) / 1e12)


async def test_retries_are_spans_and_events(collector: Collector):
    async with Upstream(first_fails()) as vendor:
        config = f"""
providers: {{v: {{kind: openai, base_url: "{vendor.url}/v1", api_key: k}}}}
models: {{chat: {{targets: [v/gpt-4o], retry: {{attempts: 2, base_s: 0.001, max_s: 0.002}}}}}}
"""
        async with quick(config + collector.config()) as serving:
            assert (await ask(serving)).status == 200
            spans = await collector.spans(3)
    whole, failed, answered = (told(span) for span in spans)
    assert whole["headgate.attempts"] == 2
    assert [event.name for event in spans[0].events] == ["headgate.attempt_failed", "headgate.retried"]
    assert (failed["error.type"], failed["http.response.status_code"]) == ("server_error", 500)
    assert (answered["headgate.attempt.cause"], answered["gen_ai.usage.input_tokens"]) == ("retry", 14)
    assert answered["gen_ai.usage.cache_read.input_tokens"] == 4
    assert answered["server.port"] == vendor.port
    assert "error.type" not in whole


def first_fails() -> Any:
    """A vendor that fails once."""
    asked = 0
    body = (
        b'{"id":"c","object":"chat.completion","created":1,"model":"gpt-4o-x","choices":[{"index":0,"message":'
        b'{"role":"assistant","content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":14,'
        b'"completion_tokens":2,"total_tokens":16,"prompt_tokens_details":{"cached_tokens":4}}}'
    )

    async def script(exchange: Exchange) -> None:
        nonlocal asked
        asked += 1
        if asked == 1:
            await exchange.reply(500, b'{"error": {"message": "no"}}', ("content-type", "application/json"))
        else:
            await exchange.reply(200, body, ("content-type", "application/json"))

    return script


@pytest.mark.parametrize("otel", [True, False])
@pytest.mark.parametrize("passed_on", [True, False])
async def test_vendors_hear_of_traces_where_the_operator_says_so(collector: Collector, otel: bool, passed_on: bool):
    async with Upstream(first_fails()) as vendor:
        config = f"""
providers: {{v: {{kind: openai, base_url: "{vendor.url}/v1", api_key: k, trace_context: {str(passed_on).lower()}}}}}
models: {{chat: {{targets: [v/gpt-4o], retry: {{attempts: 2, base_s: 0.001, max_s: 0.002}}}}}}
"""
        async with quick(config + (collector.config() if otel else "")) as serving:
            await ask(serving, {"traceparent": CAME, "tracestate": "x=1", "baggage": "user=eve"})
            spans = await collector.spans(3) if otel else []
        told_of = [request.header("traceparent") for request in vendor.requests]
        states = {request.header("tracestate") for request in vendor.requests}
        assert not any(request.header("baggage") for request in vendor.requests)
    if not passed_on:
        assert told_of == [None, None]
    elif otel:
        assert told_of == [f"00-{TRACE}-{span.span_id.hex()}-01" for span in spans[1:]], "each attempt is the parent"
        assert states == {"x=1"}
    else:
        assert told_of == [CAME, CAME]


async def test_a_share_is_sent_and_what_failed_or_was_slow(collector: Collector):
    async with quick(MODELS + collector.config(sample=0.0)) as serving:
        await ask(serving)
        await ask(serving, model="nobody's")
        await ask(serving, {"traceparent": CAME})
        spans = [told(span) for span in await collector.spans(3)]
        assert [span.get("headgate.sampled_for") for span in spans] == ["error", "share", None]
    async with quick(MODELS + collector.config(sample=0.0, slow_s=0.000001)) as serving:
        await ask(serving)
        assert told((await collector.spans(5))[3])["headgate.sampled_for"] == "slow"


async def test_content_where_it_is_asked_for(collector: Collector):
    async with quick(MODELS + collector.config(content={"max_kb": 4}, compression="gzip")) as serving:
        await ask(serving)
        await ask(serving, stream=True)
        spans = [told(span) for span in await collector.spans(4)]
    for whole in (spans[0], spans[2]):
        assert "the secret question" in whole["gen_ai.input.messages"]
        assert "simulated answer" in whole["gen_ai.output.messages"]
    assert "gen_ai.input.messages" not in spans[1]


async def test_over_grpc():
    async with GrpcCollector() as collector:
        otel = {"endpoint": f"http://127.0.0.1:{collector.port}", "protocol": "grpc", "interval_s": 0.1,
                "headers": {"API-Key": "k"}, "conventions": "next"}  # fmt: skip
        async with quick(MODELS + f"telemetry: {{otel: {otel!r}}}\n") as serving:
            await ask(serving)
            [whole, _] = await collector.spans(2)
            await collector.latest("gen_ai.client.inference.duration")
    assert whole.name == "chat chat"
    assert collector.headers[0]["api-key"] == "k"


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
async def test_by_tls_with_a_certificate_of_our_own(protocol: str, tmp_path: Path):
    authority = Authority(tmp_path)
    certificate, key = authority.issue("collector")
    ours, our_key = authority.issue("gateway")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(authority.ca_file))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(certificate, key)
    made = Collector(tls=context) if protocol != "grpc" else GrpcCollector(authority.ca_file, certificate, key)
    async with made as collector:
        port = collector.url.rpartition(":")[2] if isinstance(collector, Collector) else collector.port
        otel = {"endpoint": f"https://127.0.0.1:{port}", "protocol": protocol, "ca_file": str(authority.ca_file)}
        shown = {"client_cert": str(ours), "client_key": str(our_key)}
        async with quick(MODELS + f"telemetry: {{otel: {otel!r}}}\n") as serving:
            await ask(serving)
            await failed(serving)
            assert collector.all_spans() == [], "without its certificate nobody is let in"
        async with quick(MODELS + f"telemetry: {{otel: {otel | shown!r}}}\n") as serving:
            await ask(serving)
            await collector.spans(2)


async def test_grpc_that_nobody_answers():
    otel = {"endpoint": f"http://127.0.0.1:{unused_port()}", "protocol": "grpc"}
    async with quick(MODELS + f"telemetry: {{otel: {otel!r}}}\n") as serving:
        assert (await ask(serving)).status == 200
        await failed(serving)


async def kept(serving: Serving, statement: str) -> Any:
    """What the database has."""
    store: Any = serving.gateway.store
    await store.caught_up()
    return await store.database.fetch(statement)


async def failed(serving: Serving) -> None:
    """Wait until a message did not get there."""
    async with asyncio.timeout(10):
        while not levels(serving)["headgate_otel_failed_sends_total"]:
            await asyncio.sleep(0.02)


def levels(serving: Serving) -> dict[str, float]:
    return {name: value for name, _, value, _ in serving.gateway.services.otel.levels()}


async def never_answers(exchange: Exchange) -> None:
    await exchange.gone()


async def answers_without_end(exchange: Exchange) -> None:
    await exchange.send(head(200, ("content-type", "application/x-protobuf"), ("transfer-encoding", "chunked")))
    for _ in range(200):
        await exchange.chunk(b"x" * 65_536)
    await exchange.end()


BOMB = zlib.compress(b"\0" * 20_000_000, 1)


async def answers_a_bomb(exchange: Exchange) -> None:
    await exchange.reply(200, BOMB, ("content-encoding", "deflate"))


async def answers_late(exchange: Exchange) -> None:
    await exchange.send(head(200, ("content-length", "5")))
    await exchange.gone()


async def answers_otherwise(exchange: Exchange) -> None:
    await exchange.reply(202, b"")


@pytest.mark.parametrize("script", [answers_without_end, answers_a_bomb, answers_late, answers_otherwise])
async def test_what_a_collector_has_taken_is_not_sent_again_whatever_it_says_of_it(script: Any):
    async with Upstream(script) as upstream:
        otel = {"endpoint": upstream.url, "timeout_s": 0.2, "metrics": False}
        async with quick(MODELS + f"telemetry: {{otel: {otel!r}}}\n".replace("False", "false")) as serving:
            assert (await ask(serving)).status == 200
            async with asyncio.timeout(5):
                while not levels(serving)["headgate_otel_spans_sent_total"]:
                    await asyncio.sleep(0.02)
        assert len(upstream.requests) == 1


async def redirects(exchange: Exchange) -> None:
    await exchange.reply(307, b"", ("location", "http://127.0.0.1:9/elsewhere"))


async def talks_nonsense(exchange: Exchange) -> None:
    await exchange.send(b"\x00\xff" * 100 + b"\r\n\r\n")
    await exchange.cut()


@pytest.mark.parametrize("script", [None, never_answers, redirects, talks_nonsense])
async def test_a_collector_that_is_stopped_slow_or_hostile_costs_no_call_anything(
    script: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("headgate.telemetry.otel.pipeline.FLUSH_S", 0.1)
    async with Upstream(script or never_answers) as upstream:
        port = unused_port() if script is None else upstream.port
        otel = {"endpoint": f"http://127.0.0.1:{port}", "timeout_s": 0.2, "interval_s": 0.1, "queue": 100}
        storage = f"storage: {{database: 'sqlite:///{tmp_path}/h.db'}}\n"
        async with quick(storage + MODELS + f"telemetry: {{otel: {otel!r}}}\n") as serving:
            slowest = 0.0
            for _ in range(120):
                began = monotonic()
                assert (await ask(serving)).status == 200
                slowest = max(slowest, monotonic() - began)
            await failed(serving)
            rows = await kept(serving, "SELECT id FROM ledger")
            metrics = (await serving.request("GET", "/metrics")).body.decode()
    assert len(rows) == 120, "no row of the ledger is lost"
    assert slowest < 2.0
    assert "headgate_otel_spans_dropped_total" in metrics
    assert "headgate_otel_failed_sends_total" in metrics


async def test_another_collector_after_a_reload(collector: Collector):
    async with Collector() as other, quick(MODELS + collector.config()) as serving:
        await ask(serving)
        serving.gateway.reload(serving.config(MODELS + other.config()))
        await ask(serving)
        await collector.spans(2)
        await other.spans(2)
        serving.gateway.reload(serving.config(MODELS))
        await ask(serving)
        assert levels(serving)["headgate_otel_spans_sent_total"] == 4, "what was counted stays counted"
    assert len(collector.all_spans()) == len(other.all_spans()) == 2


async def test_what_is_left_is_sent_at_the_end():
    received: Received
    async with Collector() as received:
        async with quick(MODELS + received.config(interval_s=3600)) as serving:
            await ask(serving)
        assert len(received.all_spans()) == 2
        assert "gen_ai.server.request.duration" in received.newest()


async def test_calls_are_found_by_the_trace_that_began_here(collector: Collector, tmp_path: Any):
    storage = f"storage: {{database: 'sqlite:///{tmp_path}/h.db'}}\n"
    async with quick(storage + MODELS + collector.config()) as serving:
        await ask(serving)
        [whole, _] = await collector.spans(2)
        rows = await kept(serving, "SELECT trace_id FROM calls")
    assert [row[0] for row in rows] == [whole.trace_id.hex()]
