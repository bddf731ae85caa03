"""Spans say what became of a call, under the names the conventions have for it."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Any

import pytest
from msgspec.structs import replace
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from calls import call
from collector import told
from headgate.events import BreakerOpened, FellBack, Hedged, Queued, Retried, RetryDenied
from headgate.telemetry import UNKNOWN
from headgate.telemetry.calls import Timing
from headgate.telemetry.otel.names import NEXT, V1_41_1, Names
from headgate.telemetry.otel.rhythm import Rhythm
from headgate.telemetry.otel.spans import MAX_EVENTS, Ended, spans_of
from headgate.telemetry.otel.vendors import Vendor
from headgate.trace import Trace
from headgate.types import Attempt, Call, Frame, Identity, Payload, Usage

TRACE = Trace("4bf92f3577b34da6a3ce929d0e0e4736", 7, "00f067aa0ba902b7", True, "a=1")
OPENAI = Vendor("openai", "api.openai.com", 443)
ZERO_NS = 1_793_491_200_000_000_000


def ended(asked: Call, code: str | None = None, **changes: Any) -> Ended:
    fields: dict[str, Any] = {
        "call": asked, "trace": TRACE, "code": code, "timing": Timing(100.0, 2.5, 0.25), "zero_ns": ZERO_NS,
        "rhythm": None, "sampled_for": "share", "vendors": {"openai": OPENAI},
    }  # fmt: skip
    return Ended(**{**fields, **changes})


def attempt(number: int = 0, **changes: Any) -> Attempt:
    fields: dict[str, Any] = {
        "id": f"req_1-{number}", "target": "openai/gpt-4o", "started_us": 0, "started": 100.5, "duration_s": 1.5,
        "settled": True, "sent": True, "status": 200, "vendor_dialect": "openai_chat",
        "usage": Usage(input_tokens=3, cached_tokens=10, cache_write_5m_tokens=4, output_tokens=9, reasoning_tokens=2),
        "cost_picodollars": 54_399_000_000, "stop": "end", "answer_id": "a-1", "answer_model": "gpt-4o-2024",
    }  # fmt: skip
    return Attempt(**{**fields, **changes})


def spans(done: Ended, called: Names = V1_41_1) -> list[Span]:
    return [Span.FromString(raw) for raw in spans_of(done, called)]


def test_a_call_and_its_attempt():
    identity = Identity(organisation="acme", key_id="key_1", team_id="t", project_id="p", user_id="u")
    asked = call(identity=identity, tags=(("app", "x"),), headers={"x-headgate-session": "s-1"})
    asked.account.end_user = "hashed"
    asked.account.attempts.append(attempt(vendor_request_id="req_v"))
    [whole, part] = spans(ended(asked))
    assert (whole.trace_id.hex(), whole.span_id.hex()) == (TRACE.trace_id, f"{7:016x}")
    assert (whole.parent_span_id.hex(), whole.trace_state, whole.flags) == (TRACE.parent, "a=1", 0x301)
    assert (whole.name, whole.kind, whole.status.code) == ("chat chat", Span.SPAN_KIND_SERVER, 0)
    assert (whole.start_time_unix_nano, whole.end_time_unix_nano) == (ZERO_NS + 100 * 10**9, ZERO_NS + 102_500_000_000)
    assert told(whole) == {
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "chat",
        "gen_ai.conversation.id": "s-1", "gen_ai.response.id": "a-1", "gen_ai.response.model": "gpt-4o-2024",
        "gen_ai.response.finish_reasons": ["stop"], "headgate.request.id": "req_1", "headgate.dialect": "openai_chat",
        "headgate.organisation": "acme", "headgate.key": "key_1", "headgate.team": "t", "headgate.project": "p",
        "headgate.user": "u", "headgate.end_user": "hashed", "headgate.tag.app": "x", "headgate.attempts": 1,
        "headgate.overhead_s": 0.25, "headgate.sampled_for": "share", "headgate.target": "openai/gpt-4o",
        "headgate.cost.picodollars": 54_399_000_000, "headgate.cost.usd": 0.054399,
        "headgate.usage.input_tokens": 17, "headgate.usage.output_tokens": 9,
    }  # fmt: skip
    assert (part.trace_id, part.parent_span_id, part.span_id.hex()) == (whole.trace_id, whole.span_id, f"{8:016x}")
    assert (part.name, part.kind, part.flags) == ("chat gpt-4o", Span.SPAN_KIND_CLIENT, 0x101)
    assert (part.start_time_unix_nano, part.end_time_unix_nano) == (ZERO_NS + 100_500_000_000, ZERO_NS + 102 * 10**9)
    assert told(part) == {
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.id": "a-1", "gen_ai.response.model": "gpt-4o-2024", "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": 17, "gen_ai.usage.output_tokens": 9, "gen_ai.usage.cache_read.input_tokens": 10,
        "gen_ai.usage.cache_creation.input_tokens": 4, "gen_ai.usage.reasoning.output_tokens": 2,
        "openai.api.type": "chat_completions", "server.address": "api.openai.com", "server.port": 443,
        "http.response.status_code": 200, "headgate.target": "openai/gpt-4o", "headgate.attempt.number": 0,
        "headgate.attempt.cause": "primary", "headgate.vendor.request_id": "req_v",
        "headgate.cost.picodollars": 54_399_000_000, "headgate.cost.usd": 0.054399,
    }  # fmt: skip


def test_tokens_are_on_one_kind_of_span_alone():
    """Whoever adds up the spans of a trace gets what was used."""
    asked = call()
    asked.account.attempts += [attempt(), attempt(1)]
    counted = [told(span).get("gen_ai.usage.input_tokens") for span in spans(ended(asked))]
    assert counted == [None, 17, 17]
    assert told(spans(ended(asked))[0])["headgate.usage.input_tokens"] == 34


def test_the_prompt_a_call_was_made_by():
    asked = call()
    asked.account.prompt = "support/triage.brief@0123456789ab"
    before, other, last = attempt(), attempt(1), attempt(2)
    other.prompt, last.prompt = "support/triage@ba9876543210", asked.account.prompt
    asked.account.attempts += [before, other, last]
    found = [
        {name: value for name, value in told(span).items() if name.startswith("gen_ai.prompt.")}
        for span in spans(ended(asked))
    ]
    brief = {"gen_ai.prompt.name": "support/triage.brief", "gen_ai.prompt.version": "0123456789ab"}
    full = {"gen_ai.prompt.name": "support/triage", "gen_ai.prompt.version": "ba9876543210"}
    assert found == [brief, {}, full, brief]


def test_a_failed_attempt_and_what_was_done_about_it():
    asked = call()
    asked.account.attempts += [attempt(code="server_error", status=500, stop=None, usage=None, cost_picodollars=None)]
    events = [
        Queued("openai/gpt-4o", 0.5), Retried("openai/gpt-4o", "server_error", 0.1), RetryDenied("openai/gpt-4o", "budget"),
        Hedged("openai/gpt-4o", 1.5), FellBack("server_error", "claude/x"), BreakerOpened("openai/gpt-4o", "errors"),
    ]  # fmt: skip
    before = monotonic()
    asked.account.events += events
    [whole, part] = spans(ended(asked, "server_error"))
    assert (whole.status.code, whole.status.message) == (2, "server_error")
    assert told(whole)["error.type"] == told(part)["error.type"] == "server_error"
    assert "gen_ai.usage.input_tokens" not in told(part)
    assert "headgate.cost.usd" not in told(part)
    assert told(whole)["headgate.queued_s"] == 0.5
    assert [(event.name, told(event)) for event in whole.events] == [
        ("headgate.queued", {"headgate.target": "openai/gpt-4o", "headgate.wait_s": 0.5}),
        (
            "headgate.retried",
            {"headgate.target": "openai/gpt-4o", "headgate.cause": "server_error", "headgate.wait_s": 0.1},
        ),
        ("headgate.retry_denied", {"headgate.target": "openai/gpt-4o", "headgate.reason": "budget"}),
        ("headgate.hedged", {"headgate.target": "openai/gpt-4o", "headgate.after_s": 1.5}),
        ("headgate.fell_back", {"headgate.cause": "server_error", "headgate.to": "claude/x"}),
        ("headgate.breaker_opened", {"headgate.target": "openai/gpt-4o", "headgate.reason": "errors"}),
    ]
    at = [(event.time_unix_nano - ZERO_NS) / 1e9 for event in whole.events]
    assert at == sorted(at)
    assert before - 0.001 <= at[0] <= monotonic()


def test_more_events_than_a_span_takes_are_counted():
    asked = call()
    asked.account.events += [Hedged("a/b", 1.0)] * (MAX_EVENTS + 3)
    [whole] = spans(ended(asked, "timeout"))
    assert (len(whole.events), whole.dropped_events_count) == (MAX_EVENTS, 3)


def test_a_call_no_vendor_was_asked_for():
    [whole] = spans(ended(call(model="made up", label=UNKNOWN), "model_not_found", trace=replace(TRACE, parent=None)))
    assert whole.name == f"chat {UNKNOWN}", "clients make no names of spans"
    assert whole.parent_span_id == b""
    assert told(whole)["gen_ai.provider.name"] == "headgate"


def test_what_was_estimated_says_so():
    asked = call()
    asked.account.attempts.append(attempt(code="cancelled", usage_source="estimated"))
    assert told(spans(ended(asked, "cancelled"))[1])["headgate.usage.estimated"] is True


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        (b'{"id": "c-1", "model": "m-1", "choices": []}', ("c-1", "m-1")),
        (b'{"type": "message_start", "message": {"id": "msg_1", "model": "claude-1"}}', ("msg_1", "claude-1")),
        (b'{"type": "response.created", "response": {"id": "resp_1", "model": "gpt-1"}}', ("resp_1", "gpt-1")),
        (b'{"id": 1}', (None, None)),
        (b"[DONE]", (None, None)),
    ],
)
def test_a_stream_says_what_it_is_in_its_first_frame(first: bytes, expected: tuple[str | None, str | None]):
    asked = call(stream=True)
    asked.account.attempts.append(attempt(answer_id=None, answer_model=None, first_token_s=0.75))
    rhythm = Rhythm()
    rhythm.passed([Frame(first), Frame(b"{}")])
    [whole, part] = spans(ended(asked, rhythm=rhythm))
    for span in (whole, part):
        attributes = told(span)
        assert (attributes.get("gen_ai.response.id"), attributes.get("gen_ai.response.model")) == expected
        assert attributes["gen_ai.request.stream"] is True
    assert told(whole)["gen_ai.response.time_to_first_chunk"] == pytest.approx(1.25)
    assert told(part)["gen_ai.response.time_to_first_chunk"] == pytest.approx(0.75)


def asked_for(operation: str, tree: dict[str, Any], called: Names = V1_41_1) -> dict[str, Any]:
    [whole] = spans(ended(call(operation=operation, request=Payload("openai_chat", tree=tree)), "timeout"), called)
    return {name: value for name, value in told(whole).items() if name.startswith(("gen_ai.request", "gen_ai.out"))}


def test_what_was_asked_for_is_told_in_every_dialect():
    tree = {"model": "chat", "temperature": 1, "top_p": 0.5, "max_completion_tokens": 9, "stop": "x", "seed": 4, "n": 2,
            "frequency_penalty": 0.1, "presence_penalty": 0.2, "response_format": {"type": "json_schema"}}  # fmt: skip
    assert asked_for("chat", tree) == {
        "gen_ai.request.model": "chat", "gen_ai.request.temperature": 1.0, "gen_ai.request.top_p": 0.5,
        "gen_ai.request.max_tokens": 9, "gen_ai.request.stop_sequences": ["x"], "gen_ai.request.seed": 4,
        "gen_ai.request.choice.count": 2, "gen_ai.request.frequency_penalty": 0.1,
        "gen_ai.request.presence_penalty": 0.2, "gen_ai.output.type": "json",
    }  # fmt: skip
    anthropic = asked_for("chat", {"top_k": 5, "stop_sequences": ["a", "b"], "max_tokens": 7})
    assert anthropic["gen_ai.request.top_k"] == 5.0
    assert anthropic["gen_ai.request.stop_sequences"] == ["a", "b"]
    responses = asked_for("chat", {"max_output_tokens": 8, "text": {"format": {"type": "text"}}})
    assert (responses["gen_ai.request.max_tokens"], responses["gen_ai.output.type"]) == (8, "text")
    assert asked_for("embed", {"encoding_format": "base64"})["gen_ai.request.encoding_formats"] == ["base64"]
    assert asked_for("rerank", {"temperature": 1}) == {"gen_ai.request.model": "chat"}


def test_what_is_not_of_the_right_type_is_left_out():
    hostile = {"temperature": "hot", "top_p": 10**400, "max_tokens": True, "stop": [1], "seed": 1.5, "n": 1,
               "response_format": {"type": ["x"]}, "text": 4, "stop_sequences": []}  # fmt: skip
    assert asked_for("chat", hostile) == {"gen_ai.request.model": "chat"}
    assert asked_for("chat", {"seed": 10**30})["gen_ai.request.seed"] == 2**63 - 1


def test_the_next_version_has_other_names():
    asked = call(request=Payload("anthropic_messages", tree={"top_k": 5}))
    asked.account.attempts.append(attempt())
    part = told(spans(ended(asked), NEXT)[1])
    assert part["gen_ai.usage.cache_write.input_tokens"] == 4
    assert "gen_ai.usage.cache_creation.input_tokens" not in part
    assert part["gen_ai.request.top_k"] == 5
    assert type(part["gen_ai.request.top_k"]) is int


async def test_a_rhythm_is_of_the_time_between_chunks():
    rhythm = Rhythm()
    for _ in range(4):
        rhythm.passed([Frame(b"{}")])
        await asyncio.sleep(0)
    assert sum(rhythm.counts) == 3
    assert 0 <= rhythm.lowest <= rhythm.highest <= rhythm.total
