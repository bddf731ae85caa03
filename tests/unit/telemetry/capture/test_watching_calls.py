"""Which calls are handed over, and what becomes of them while the database is there, is away, or memory is short."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import pytest

from headgate.checks.personal import Personal
from headgate.checks.redaction import Redactor
from headgate.clock import SystemClock
from headgate.errors import HeadgateError, StoreUnavailable, Timeout
from headgate.storage.records import Content
from headgate.telemetry.capture.config import CaptureConfig, CaptureRule
from headgate.telemetry.capture.desk import Desk, Means
from headgate.telemetry.capture.redacting import Redacting
from headgate.telemetry.capture.rules import Rules
from headgate.telemetry.capture.stage import Capture
from headgate.types import Account, Brought, Call, Chunks, Frame, Identity, Payload, Reply

ALL, FAILURES = CaptureRule(), CaptureRule(share=0)
NEITHER = CaptureRule(share=0, errors=False, slow=True)


class Rows:
    """What a database is to a desk."""

    def __init__(self) -> None:
        self.stored: list[Content] = []
        self.error: Exception | None = None
        self.pushed_out = 0

    async def store(self, rows: Sequence[Content], config: CaptureConfig) -> None:
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        self.stored += rows


def desk_on(rows: Rows, memory_mb: int = 1) -> Desk:
    desk = Desk(cast("Any", rows), SystemClock())
    redacting = Redacting(Redactor(), Personal([]))
    desk.use(Means(CaptureConfig(rules=(ALL,), memory_mb=memory_mb), redacting))
    return desk


def call(number: int = 1, text: str = "Hi", **changes: Any) -> Call:
    body = Payload("openai_chat", b'{"model":"chat","messages":[{"role":"user","content":"%b"}]}' % text.encode())
    given: dict[str, Any] = {
        "id": f"req_{number}", "operation": "chat", "model": "chat", "request": body, "stream": False,
        "identity": Identity(), "account": Account(), "headers": {}, **changes,
    }  # fmt: skip
    return Call(**given)


async def answered(_: Call) -> Reply:
    return Reply(payload=Payload("openai_chat", b'{"choices":[{"message":{"content":"Hello"}}]}'))


async def made(rule: CaptureRule, next: Any = answered, *, slow_s: float = 10, **changes: Any) -> list[Content]:
    """What is stored of one call."""
    rows = Rows()
    desk = desk_on(rows)
    free = desk.room.free
    try:
        reply = await Capture("chat", Rules("chat", [rule]), desk, slow_s)(call(**changes), next)
        if reply.chunks is not None:
            async for _ in reply.chunks:
                if "leaves" in changes.get("headers", {}):
                    await reply.chunks.aclose()
                    break
    except (HeadgateError, asyncio.CancelledError, ValueError):
        pass
    await desk.flush()
    assert desk.room.free == free
    return rows.stored


async def test_the_share_the_failures_and_the_slow_are_kept():
    assert [each.kept for each in await made(ALL)] == ["sample"]
    assert await made(FAILURES) == []
    assert [each.kept for each in await made(FAILURES, slow_s=0)] == ["slow"]

    async def fails(_: Call) -> Reply:
        raise Timeout("too long")

    [row] = await made(FAILURES, fails)
    assert (row.kept, row.code, row.answer, row.missing) == ("error", "timeout", None, "no_answer")
    assert '"content":"Hi"' in row.request
    assert await made(NEITHER, fails) == []


@pytest.mark.parametrize(("error", "code"), [(asyncio.CancelledError(), "cancelled"), (ValueError(), "internal_error")])
async def test_a_call_without_an_answer_is_kept_as_one(error: BaseException, code: str):
    async def ends(_: Call) -> Reply:
        raise error

    assert [(each.kept, each.code) for each in await made(FAILURES, ends)] == [("error", code)]


async def test_a_stream_its_client_leaves_is_kept_without_an_answer():
    async def chunks() -> Chunks:
        while True:
            yield [Frame(b'{"choices":[{"index":0,"delta":{"content":"Hel"}}]}')]

    async def streams(_: Call) -> Reply:
        return Reply(chunks=chunks())

    [row] = await made(FAILURES, streams, headers={"leaves": "1"}, stream=True)
    assert (row.code, row.missing, row.streamed) == ("cancelled", "no_answer", 1)


@pytest.mark.parametrize(
    "changes",
    [
        {"cause": "fallback"},
        {"operation": "count_tokens"},
        {"headers": {"x-headgate-capture": "off"}},
        {"headers": {"x-headgate-capture": ""}},
    ],
)
async def test_what_is_not_to_be_kept_passes_without_a_look(changes: Any):
    assert await made(ALL, **changes) == []


async def test_what_a_client_pays_for_itself_is_its_own_affair():
    account = Account()
    account.brought = Brought("bearer", "sk-of-the-client")
    assert await made(ALL, account=account) == []


async def test_what_the_database_does_not_take_waits_and_what_has_no_room_is_counted():
    rows = Rows()
    desk = desk_on(rows)
    capture = Capture("chat", Rules("chat", [ALL]), desk, 10)
    rows.error = StoreUnavailable("away")
    for number in range(300):
        await capture(call(number, "x" * 10_000), answered)
        if number % 50 == 0:
            with pytest.raises(StoreUnavailable):
                await desk.flush()
    assert 0 < desk.dropped["memory"] < 300
    assert desk.room.free >= 0
    rows.error = None
    await desk.flush()
    assert len(rows.stored) + desk.dropped["memory"] == 300
    assert (desk.room.free, desk.captured) == (1024 * 1024, len(rows.stored))


async def test_what_waits_at_the_end_is_stored_or_counted():
    rows = Rows()
    desk = desk_on(rows)
    capture = Capture("chat", Rules("chat", [ALL]), desk, 10)
    await capture(call(1), answered)
    await desk.close(1)
    assert (len(rows.stored), desk.dropped.total()) == (1, 0)
    await capture(call(2), answered)
    assert desk.dropped == {"stopped": 1}
    another = desk_on(rows)
    rows.error = StoreUnavailable("away")
    await Capture("chat", Rules("chat", [ALL]), another, 10)(call(3), answered)
    await another.close(1)
    assert (another.dropped["unavailable"], another.room.free) == (1, 1024 * 1024)


async def test_a_defect_costs_one_content_and_no_call(monkeypatch: pytest.MonkeyPatch):
    rows = Rows()
    desk = desk_on(rows)
    capture = Capture("chat", Rules("chat", [ALL]), desk, 10)

    def broken(*_: Any) -> Content:
        raise RuntimeError("a defect")

    monkeypatch.setattr("headgate.telemetry.capture.desk.written", broken)
    assert (await capture(call(1), answered)).payload is not None
    await desk.flush()
    assert (desk.dropped, desk.room.free) == ({"defect": 1}, 1024 * 1024)
    monkeypatch.setattr(desk, "offer", broken)
    assert (await capture(call(2), answered)).payload is not None
    assert (desk.dropped["defect"], desk.room.free) == (2, 1024 * 1024)
