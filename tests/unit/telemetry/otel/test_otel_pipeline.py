"""Whatever the collector does, calls are counted once, memory is bounded, and what is lost is known."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from calls import call
from collector import told
from headgate.clock import SystemClock
from headgate.observing.kept import LARGE_BYTES
from headgate.telemetry.calls import Timing
from headgate.telemetry.otel import pipeline as module
from headgate.telemetry.otel.config import OtelConfig, OtelContentConfig
from headgate.telemetry.otel.counts import Counts
from headgate.telemetry.otel.pipeline import Pipeline
from headgate.telemetry.otel.sending import Delivered, Outcome, Refused, Unreachable
from headgate.telemetry.otel.settings import settle
from headgate.telemetry.otel.spans import Ended
from headgate.trace import Trace
from headgate.types import Payload

DOWN = Unreachable("down", 0.0)


class Place:
    """A collector that does as it is told, and says when it was asked."""

    def __init__(self, *outcomes: Outcome) -> None:
        self.bodies: list[bytes] = []
        self.closed = False
        self._outcomes = list(outcomes)
        self._asked = asyncio.Event()

    async def send(self, body: bytes) -> Outcome:
        self.bodies.append(body)
        self._asked.set()
        await asyncio.sleep(0)
        return self._outcomes.pop(0) if len(self._outcomes) > 1 else self._outcomes[0]

    async def close(self) -> None:
        self.closed = True

    async def until(self, enough: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not enough():
                self._asked.clear()
                await self._asked.wait()

    def names(self) -> list[str]:
        """Of the spans in all messages."""
        requests = [ExportTraceServiceRequest.FromString(body) for body in self.bodies]
        return [span.name for each in requests for span in each.resource_spans[0].scope_spans[0].spans]


def way(
    traces: Place | None, metrics: Place | None = None, environ: dict[str, str] | None = None, **config: Any
) -> tuple[Pipeline, Counts]:
    counts = Counts()
    given = {"interval_s": 3600.0, "queue": 100, **config}
    settings = settle(OtelConfig(**given), {"OTEL_BSP_SCHEDULE_DELAY": "10", **(environ or {})})
    assert settings is not None
    return Pipeline(settings, traces, metrics, counts, SystemClock()), counts


def take(pipeline: Pipeline, *models: str, sampled: bool = True) -> None:
    for model in models:
        trace = Trace("4bf92f3577b34da6a3ce929d0e0e4736", 7, None, True)
        done = Ended(
            call=call(model=model, label=""), trace=trace, code=None, timing=Timing(0.0, 1.0, 0.1), zero_ns=0,
            rhythm=None, sampled_for="share", vendors={},
        )  # fmt: skip
        pipeline.take(done, sampled=sampled)


async def test_calls_are_sent_together_and_once():
    place = Place(Delivered())
    pipeline, counts = way(place)
    pipeline.start()
    take(pipeline, *(f"m{number}" for number in range(50)))
    await place.until(lambda: len(place.names()) == 50)
    await pipeline.close()
    assert place.names() == [f"chat m{number}" for number in range(50)]
    assert (counts.spans, counts.queue_dropped, counts.failed_sends, pipeline.waiting) == (50, 0, 0, 0)
    assert place.closed
    request = ExportTraceServiceRequest.FromString(place.bodies[0])
    [resource] = request.resource_spans
    assert told(resource.resource)["service.name"] == "headgate"
    assert resource.schema_url == resource.scope_spans[0].schema_url == "https://opentelemetry.io/schemas/1.41.1"
    assert resource.scope_spans[0].scope.name == "headgate"


async def test_what_is_not_sampled_is_counted_and_not_sent():
    traces, metrics = Place(Delivered()), Place(Delivered())
    pipeline, _ = way(traces, metrics)
    pipeline.start()
    take(pipeline, "a", sampled=False)
    await asyncio.sleep(0)
    await pipeline.close()
    assert traces.bodies == []
    [resource] = ExportMetricsServiceRequest.FromString(metrics.bodies[0]).resource_metrics
    counted = {metric.name: metric for metric in resource.scope_metrics[0].metrics}
    assert counted["gen_ai.server.request.duration"].histogram.data_points[0].count == 1


async def test_messages_have_a_size():
    place = Place(Delivered())
    pipeline, _ = way(place, environ={"OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "8"})
    pipeline.start()
    take(pipeline, *map(str, range(20)))
    await place.until(lambda: len(place.names()) == 20)
    await pipeline.close()
    assert [len(ExportTraceServiceRequest.FromString(body).resource_spans[0].scope_spans[0].spans)
            for body in place.bodies] == [8, 8, 4]  # fmt: skip


async def test_a_short_queue_is_sent_before_it_is_full():
    place = Place(Delivered())
    pipeline, counts = way(place, environ={"OTEL_BSP_SCHEDULE_DELAY": "60000"}, queue=100)
    pipeline.start()
    take(pipeline, *(f"m{number}" for number in range(300)))
    await place.until(lambda: len(place.names()) >= 250)
    await pipeline.close()
    assert (counts.spans, counts.queue_dropped) == (300, 0)


async def test_a_collector_that_is_away_is_asked_again_and_the_oldest_go():
    away = Unreachable("down", 0.1)  # until all of them have come
    place = Place(away, away, away, Delivered())
    pipeline, counts = way(place, environ={"OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "1000"}, queue=100)
    pipeline.start()
    take(pipeline, *(f"m{number}" for number in range(300)))
    await place.until(lambda: len(place.bodies) >= 4)
    await pipeline.close()
    assert counts.spans + counts.queue_dropped == 300
    assert counts.failed_sends == 3
    delivered = ExportTraceServiceRequest.FromString(place.bodies[-1]).resource_spans[0].scope_spans[0].spans
    assert delivered[-1].name == "chat m299", "the newest are kept"
    assert counts.spans <= 100


async def test_what_is_left_at_the_end_is_tried_once_and_counted(caplog: pytest.LogCaptureFixture):
    place = Place(Unreachable("down"))
    pipeline, counts = way(place)
    pipeline.start()
    take(pipeline, "a", "b")
    async with asyncio.timeout(1):
        await pipeline.close()
    assert (counts.queue_dropped, pipeline.waiting, len(place.bodies)) == (2, 0, 1)
    assert "2 spans could not be sent" in caplog.text


async def test_a_collector_that_hangs_holds_up_the_end_for_a_moment_only(monkeypatch: pytest.MonkeyPatch):
    class Hanging(Place):
        async def send(self, body: bytes) -> Outcome:
            await asyncio.Event().wait()
            raise AssertionError

    monkeypatch.setattr(module, "FLUSH_S", 0.05)
    pipeline, counts = way(Hanging(Delivered()))
    pipeline.start()
    take(pipeline, "a")
    async with asyncio.timeout(1):
        await pipeline.close()
    assert counts.queue_dropped == 1


async def test_what_is_refused_is_not_sent_again():
    place = Place(Refused("it answered 400"), Delivered(rejected=1))
    pipeline, counts = way(place)
    pipeline.start()
    take(pipeline, "a", "b")
    await place.until(lambda: len(place.bodies) == 1)
    take(pipeline, "c", "d")
    await place.until(lambda: len(place.bodies) == 2)
    await pipeline.close()
    assert place.names() == ["chat a", "chat b", "chat c", "chat d"]
    assert (counts.refused, counts.spans, counts.queue_dropped) == (3, 1, 0)


async def test_the_log_is_told_of_changes_only(caplog: pytest.LogCaptureFixture):
    place = Place(DOWN, DOWN, DOWN, DOWN, Delivered())
    pipeline, _ = way(place)
    with caplog.at_level(logging.INFO):
        pipeline.start()
        take(pipeline, "a")
        await place.until(lambda: len(place.bodies) == 5)
        await pipeline.close()
    assert [record.message.split(":")[0] for record in caplog.records] == [
        "the collector cannot be given traces", "the collector takes traces again",
    ]  # fmt: skip


async def test_a_call_nothing_can_be_made_of_costs_no_other(caplog: pytest.LogCaptureFixture):
    place = Place(Delivered())
    pipeline, counts = way(place)
    pipeline.start()
    take(pipeline, "a")
    pipeline._pending[0] = (replace(pipeline._pending[0][0], trace=None), True)  # type: ignore[arg-type]
    take(pipeline, "b")
    await place.until(lambda: bool(place.bodies))
    await pipeline.close()
    assert place.names() == ["chat b"]
    assert counts.broken == 1
    assert "no spans could be made of a call: AttributeError at " in caplog.text


async def test_more_calls_than_can_be_looked_at_are_counted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "MAX_PENDING", 5)
    pipeline, counts = way(Place(Delivered()))
    take(pipeline, *"abcdefgh")
    assert counts.calls_dropped == 3
    await pipeline.close()


async def test_a_sender_with_a_defect_loses_a_message_and_none_after_it(caplog: pytest.LogCaptureFixture):
    class Defective(Place):
        async def send(self, body: bytes) -> Outcome:
            if not self.bodies:
                self.bodies.append(b"")
                raise ValueError("what nobody may read")
            return await super().send(body)

    traces, metrics = Defective(Delivered()), Defective(Delivered())
    pipeline, counts = way(traces, metrics, interval_s=0.1)
    pipeline.start()
    take(pipeline, "a")
    await pipeline_sent(counts, lambda: counts.failed_sends >= 2)
    take(pipeline, "b")
    await pipeline_sent(counts, lambda: counts.spans == 1 and counts.metrics >= 1)
    await pipeline.close()
    assert counts.refused == 1
    assert "ValueError at send" in caplog.text
    assert "nobody may read" not in caplog.text


async def pipeline_sent(counts: Counts, enough: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not enough():
            await asyncio.sleep(0.01)


async def test_messages_of_metrics_have_a_size_too(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "MAX_MESSAGE_BYTES", 1000)
    metrics = Place(Delivered(), Unreachable("down"), Delivered())
    environ = {"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "delta"}
    pipeline, counts = way(None, metrics, environ, interval_s=0.1)
    pipeline.start()
    take(pipeline, *(f"m{number}" for number in range(10)))
    await metrics.until(lambda: len(metrics.bodies) >= 3)
    await pipeline.close()
    sent = [ExportMetricsServiceRequest.FromString(body) for body in metrics.bodies]
    delivered = [each.resource_metrics[0].scope_metrics[0].metrics for each in (sent[0], *sent[2:])]
    assert [len(each) for each in delivered] == [1] * len(delivered)
    names = [metric.name for each in delivered for metric in each]
    assert sorted(names) == ["gen_ai.server.request.duration", "headgate.overhead.duration"], "each once"
    assert counts.metrics == 2
    for each in delivered:
        assert sum(point.count for point in each[0].histogram.data_points) == 10


async def test_many_calls_or_long_ones_do_not_hold_up_others(monkeypatch: pytest.MonkeyPatch):
    def slow(*_: Any) -> list[bytes]:
        now[0] += 0.003
        return []

    now = [0.0]
    monkeypatch.setattr(module, "spans_of", slow)
    monkeypatch.setattr(module, "monotonic", lambda: now[0])
    pipeline, _ = way(Place(Delivered()))
    take(pipeline, *"abcdefgh")
    pipeline._look()
    assert now[0] <= module.SLICE_S + 0.003
    await pipeline.close()
    assert now[0] == pytest.approx(8 * 0.003), "all of them in the end"


async def test_much_content_is_read_beside_the_event_loop():
    place = Place(Delivered())
    pipeline, counts = way(place, content=OtelContentConfig(max_kb=1024))
    pipeline.start()
    text = "x" * (LARGE_BYTES + 1)
    asked = call(request=Payload("openai_chat", msgspec.json.encode({"model": "m", "messages": [
        {"role": "user", "content": text}]})))  # fmt: skip
    take(pipeline, "small")
    pipeline.take(replace(pipeline._pending[0][0], call=asked), sampled=True)
    while pipeline._pending:
        pipeline._look()
    assert pipeline.waiting == 1, "the other is being made"
    await pipeline.close()
    assert len(place.names()) == counts.spans == 2
    assert text.encode() in b"".join(place.bodies)


async def test_differences_that_could_not_be_sent_are_in_the_next_message():
    metrics = Place(Unreachable("down"), Delivered())
    environ = {"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "delta"}
    pipeline, _ = way(None, metrics, environ, interval_s=0.1)
    pipeline.start()
    take(pipeline, "a")
    await metrics.until(lambda: len(metrics.bodies) == 1)
    take(pipeline, "a")
    await metrics.until(lambda: len(metrics.bodies) == 2)
    await pipeline.close()
    counts = []
    for body in metrics.bodies[:2]:
        [resource] = ExportMetricsServiceRequest.FromString(body).resource_metrics
        [metric] = [each for each in resource.scope_metrics[0].metrics if each.name == "gen_ai.server.request.duration"]
        counts.append(metric.histogram.data_points[0].count)
    assert counts == [1, 2]
