"""What is written down of a call: enough to see what became of it, and nothing it said."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls import call
from headgate.clock import ManualClock
from headgate.errors import RateLimited
from headgate.events import Queued, Retried
from headgate.storage.records import CallRow
from headgate.telemetry import UNKNOWN, Metrics, Telemetry
from headgate.telemetry.calls import KIND, MOST, TOGETHER, CallRecorder, trace_id
from headgate.telemetry.config import CallsConfig
from headgate.types import Attempt, Call, Chunks, Frame, Identity, Payload, Reply, Usage
from waiting import eventually

NOW_US = 1_793_491_200_000_000


class Journal:
    """Takes records, or cannot."""

    def __init__(self) -> None:
        self.rows: list[CallRow] = []
        self.records = 0
        self.full = False

    def append(self, kind: bytes, payload: bytes) -> None:
        if self.full:
            raise OSError(28, "no space left")
        assert kind == KIND
        self.records += 1
        self.rows += msgspec.json.decode(payload, type=list[CallRow])


class Kept:
    def __init__(self, config: CallsConfig | None = None) -> None:
        self.journal = Journal()
        self.recorder = CallRecorder("process", self.journal.append, ManualClock(NOW_US))
        self.stage = Telemetry(Metrics(), self.recorder, config or CallsConfig())

    async def of(self, call: Call, next: Any) -> CallRow:
        """The one row a call leaves."""
        before = len(self.journal.rows)
        try:
            reply = await self.stage(call, next)
            if reply.chunks is not None:
                assert len(self.journal.rows) == before
                async for _ in reply.chunks:
                    pass
        except RateLimited:
            pass
        self.recorder.flush()
        [row] = self.journal.rows[before:]
        return row


async def whole(call: Call) -> Reply:
    call.account.attempts.append(attempt(call))
    return Reply(payload=Payload("openai_chat", b"{}"))


async def failing(call: Call) -> Reply:
    raise RateLimited("what nobody may read")


async def streaming(call: Call) -> Reply:
    async def chunks() -> Chunks:
        yield [Frame(b"a")]
        await asyncio.sleep(0.02)
        yield [Frame(b"b")]

    call.account.attempts.append(attempt(call, first_token_s=0.004))
    call.account.upstream_s = 0.003
    await asyncio.sleep(0.01)
    return Reply(chunks=chunks())


def attempt(call: Call, **changes: Any) -> Attempt:
    fields = {
        "id": f"{call.id}-0", "target": "openai/gpt", "started_us": NOW_US, "settled": True, "cost_picodollars": 700,
        "started": asyncio.get_running_loop().time(), "usage": Usage(input_tokens=10, cached_tokens=5, output_tokens=7),
    }  # fmt: skip
    return Attempt(**{**fields, **changes})  # type: ignore[arg-type]


async def test_a_call_that_succeeds():
    identity = Identity(organisation="acme", key_id="key_1", team_id="team_1", project_id="project_1", user_id="user_1")
    asked = call(identity=identity, tags=(("app", "x"),))
    asked.account.end_user = "abc"
    asked.account.events += [Queued("openai/gpt", 0.25), Retried("openai/gpt", "timeout", 0.5)]
    row = await Kept().of(asked, whole)
    assert (row.id, row.owner, row.number, row.kept) == ("req_1", "process", 1, "sample")
    assert (row.organisation, row.key_id, row.team_id, row.project_id) == ("acme", "key_1", "team_1", "project_1")
    assert (row.user_id, row.end_user) == ("user_1", "abc")
    assert (row.model, row.target, row.operation, row.streamed, row.code) == ("chat", "openai/gpt", "chat", 0, None)
    assert (row.attempts, row.input_tokens, row.output_tokens, row.cost_picodollars) == (1, 15, 7, 700)
    assert row.started_us == NOW_US - row.duration_us
    assert row.first_token_us is None
    assert row.queued_us == 250_000
    assert row.tags == (("app", "x"),)
    assert row.events == (("Queued", "openai/gpt", "0.25"), ("Retried", "openai/gpt", "timeout", "0.5"))


async def test_a_call_that_fails_before_any_attempt():
    row = await Kept(CallsConfig(sample=0)).of(call(), failing)
    assert (row.code, row.kept, row.attempts, row.target, row.cost_picodollars) == (
        "rate_limit_exceeded", "error", 0, "", None,
    )  # fmt: skip
    assert "nobody may read" not in str(row)


async def test_a_stream_is_written_down_when_it_is_over_with_when_it_began_to_talk():
    row = await Kept().of(call(stream=True), streaming)
    assert row.streamed == 1
    assert row.first_token_us is not None
    assert 4_000 <= row.first_token_us < row.duration_us
    assert row.duration_us >= 30_000
    assert 7_000 <= row.overhead_us <= row.duration_us - 20_000, "until it began, without the vendor's 3 ms"


async def test_what_was_slow_or_failed_is_listed_whatever_the_sample():
    kept = Kept(CallsConfig(sample=0, slow_s=0.02))
    assert (await kept.of(call(), whole)).kept == ""
    assert (await kept.of(call(stream=True), streaming)).kept == "slow"
    assert (await kept.of(call(), failing)).kept == "error"


async def test_calls_are_written_some_together_and_soon():
    kept = Kept()
    for _ in range(2 * TOGETHER + 5):
        await kept.stage(call(), whole)
    assert (kept.journal.records, len(kept.journal.rows)) == (2, 2 * TOGETHER)

    async def written() -> bool:
        return kept.journal.records == 3

    await eventually(written)
    assert [row.number for row in kept.journal.rows] == list(range(1, 2 * TOGETHER + 6))


async def test_a_share_of_the_others_is_listed():
    kept = Kept(CallsConfig(sample=0.25, most_per_s=10_000))
    listed = [(await kept.of(call(), whole)).kept for _ in range(2_000)]
    assert 400 < listed.count("sample") < 600
    assert set(listed) == {"sample", ""}


async def test_what_a_vendor_tells_is_no_larger_than_a_database_takes():
    async def absurd(call: Call) -> Reply:
        usage = Usage(input_tokens=2**63, output_tokens=2**80)
        call.account.attempts.append(attempt(call, usage=usage, cost_picodollars=2**90))
        return Reply(payload=Payload("openai_chat", b"{}"))

    row = await Kept().of(call(), absurd)
    assert (row.input_tokens, row.output_tokens, row.cost_picodollars) == (MOST, MOST, MOST)
    assert MOST < 2**63


async def test_models_nobody_knows_make_no_names():
    row = await Kept().of(call(model="made up", label=UNKNOWN), failing)
    assert row.model == UNKNOWN
    assert (await Kept().of(call(model="gpt-5-x", label="gpt-*"), whole)).model == "gpt-5-x"


async def test_a_journal_that_takes_nothing_costs_no_call_and_is_told(caplog: pytest.LogCaptureFixture):
    kept = Kept()
    await kept.of(call(), whole)
    kept.journal.full = True
    for _ in range(TOGETHER + 3):
        await kept.stage(call(), whole)
    kept.recorder.flush()
    kept.journal.full = False
    assert (await kept.of(call(), whole)).number == TOGETHER + 5
    assert kept.recorder.lost == TOGETHER + 3
    assert len([record for record in caplog.records if "cannot be written down" in record.message]) == 1


async def test_a_name_that_is_no_unicode_costs_no_call_anything():
    kept = Kept()
    await kept.stage(call(model="\ud800"), whole)
    kept.recorder.flush()
    assert kept.recorder.lost == 1
    assert (await kept.of(call(), whole)).number == 2


@pytest.mark.parametrize(
    ("header", "trace"),
    [
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "4bf92f3577b34da6a3ce929d0e0e4736"),
        ("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", "4bf92f3577b34da6a3ce929d0e0e4736"),
        ("00-00000000000000000000000000000000-00f067aa0ba902b7-01", None),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", None),
        ("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", None),
        ("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", None),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", None),
        ("", None),
    ],
)
def test_a_trace_is_taken_from_well_formed_headers_alone(header: str, trace: str | None):
    assert trace_id(header) == trace


@given(st.text(max_size=70))
def test_any_header_at_all_is_survived(header: str):
    trace_id(header)
