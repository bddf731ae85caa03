"""Which calls the stage hands on, and as what."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from math import inf
from time import monotonic
from typing import Any

import pytest
from msgspec.structs import replace

from headgate.clock import ManualClock
from headgate.errors import BudgetExceeded, RateLimited, StoreUnavailable
from headgate.observing.kept import MOST_BYTES
from headgate.shadow.config import ShadowConfig
from headgate.shadow.mirror import Shadows
from headgate.shadow.stage import Shadow
from headgate.types import JSON, Account, Attempt, Call, Chunks, Frame, Identity, Payload, Reply
from spoken import said, streamed, whole

BODY = b'{"model": "chat", "messages": [{"role": "user", "content": "Hi"}]}'
ANSWER = Payload("openai_chat", whole("openai_chat", said()))


def call(**changes: Any) -> Call:
    members: dict[str, Any] = {
        "id": "req_1", "operation": "chat", "model": "chat", "request": Payload("openai_chat", BODY), "stream": False,
        "identity": Identity(team_id="team_1", scopes=frozenset({"call"})), "account": Account(),
        "headers": {"authorization": "Bearer secret", "anthropic-beta": "x"}, "deadline": inf, "tags": (("a", "b"),),
    }  # fmt: skip
    return Call(**{**members, **changes})


async def answering(call: Call) -> Reply:
    """What comes after the stage, and what makes mirrored calls: one attempt that is answered."""
    attempt = Attempt(id=f"{call.id}-0", target="live/m", started_us=0, started=monotonic(), settled=True)
    attempt.cost_picodollars = 7
    call.account.attempts.append(attempt)
    if not call.stream:
        return Reply(payload=ANSWER)
    return Reply(chunks=_chunks())


async def _chunks() -> Chunks:
    for raw in streamed("openai_chat", said()):
        yield [Frame(raw.removeprefix(b"data: ").strip())]


@pytest.fixture
async def shadows() -> AsyncIterator[Shadows]:
    shadows = Shadows(ManualClock())
    yield shadows
    await shadows.close()


def stage(shadows: Shadows, next: Callable[[Call], Awaitable[Reply]] = answering, **settings: Any) -> Shadow:
    config = ShadowConfig(**{"to": "new/m", "share": 1, **settings})
    return Shadow("chat", config, shadows.mirror("chat", config), next, "pots", lambda call: b"session")


async def test_the_mirrored_call_is_nobodys_and_has_nothing_of_its_callers_but_the_request(shadows: Shadows):
    made: list[Call] = []

    async def noted(call: Call) -> Reply:
        made.append(call)
        return await answering(call)

    await stage(shadows, noted)(call(), answering)
    await shadows.idle()
    [mirrored] = made
    assert mirrored.request.encode() == BODY
    assert (mirrored.id, mirrored.parent) == ("req_1-shadow", "req_1-0")
    assert (mirrored.cause, mirrored.payer, mirrored.model) == ("shadow", "internal", "new/m")
    assert dict(mirrored.headers) == {"anthropic-beta": "x"}
    assert (mirrored.identity.key_id, mirrored.identity.team_id, mirrored.tags) == ("shadow", None, ())
    assert mirrored.account.pots == "pots"
    assert mirrored.deadline < inf


async def test_a_pattern_goes_where_its_star_goes(shadows: Shadows):
    made: list[Call] = []

    async def noted(call: Call) -> Reply:
        made.append(call)
        return await answering(call)

    for to in ("new/*", "other"):
        await stage(shadows, noted, to=to)(call(matched="opus"), answering)
        await shadows.idle()
    assert [(each.model, each.matched) for each in made] == [("new/opus", "opus"), ("other", None)]


@pytest.mark.parametrize(
    "changes",
    [
        {"cause": "fallback"},
        {"cause": "shadow"},
        {"operation": "moderate"},
        {"operation": "responses"},
        {"pinned": "live/m"},
        {"headers": {"x-headgate-key": "hg-1"}},
        {"request": Payload("opaque", b"{}")},
    ],
)
async def test_what_is_not_a_clients_own_generation_is_passed_on_as_it_is(shadows: Shadows, changes: dict[str, Any]):
    assert (await stage(shadows)(call(**changes), answering)).payload is ANSWER
    assert not shadows.under_way
    assert not shadows.dropped


@pytest.mark.parametrize(
    ("dialect", "body", "sent"),
    [
        ("openai_responses", {"input": "Hi"}, {"input": "Hi", "store": False}),
        ("openai_responses", {"input": "Hi", "store": True}, {"input": "Hi", "store": False}),
        ("openai_responses", {"input": "Hi", "store": False}, {"input": "Hi", "store": False}),
        ("openai_chat", {"messages": [], "store": True, "metadata": {"a": "b"}}, {"messages": [], "store": False}),
        ("openai_chat", {"messages": [], "metadata": {"a": "b"}}, {"messages": [], "metadata": {"a": "b"}}),
    ],
)
async def test_no_vendor_is_asked_to_keep_what_it_says_to_a_shadow(
    shadows: Shadows, dialect: str, body: JSON, sent: JSON
):
    made: list[Call] = []

    async def noted(call: Call) -> Reply:
        made.append(call)
        return await answering(call)

    client = call(request=Payload(dialect, tree={"model": "chat", **body}))
    before = dict(client.request.tree)
    await stage(shadows, noted)(client, answering)
    await shadows.idle()
    assert [each.request.tree for each in made] == [{"model": "chat", **sent}]
    assert client.request.tree == before


@pytest.mark.parametrize(
    ("input_", "mirrored"),
    [
        ([{"type": "item_reference", "id": "msg_1"}], 0),
        ([{"type": "reasoning", "id": "rs_1", "summary": []}, {"role": "user", "content": "Hi"}], 0),
        ([{"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "e"}], 1),
    ],
)
async def test_what_only_the_vendor_can_look_up_is_not_mirrored(shadows: Shadows, input_: list[JSON], mirrored: int):
    request = Payload("openai_responses", tree={"model": "chat", "input": input_})
    await stage(shadows)(call(request=request), answering)
    await shadows.idle()
    assert (shadows.compared, shadows.dropped) == (mirrored, {})


async def test_a_call_that_waits_holds_its_request_as_bytes_alone(shadows: Shadows):
    """What was parsed of it takes several times as much."""

    class Tree(dict[str, Any]):
        pass

    async def hanging(call: Call) -> Reply:
        await asyncio.Event().wait()
        raise AssertionError

    one = stage(shadows, hanging, concurrency=1)
    await one(call(), answering)
    tree = Tree(model="chat", messages=[])
    held = weakref.ref(tree)
    client = call(id="req_2", request=Payload("openai_chat", tree=tree))
    await one(client, answering)
    del tree, client
    assert shadows.mirror("chat", ShadowConfig(to="new/m", concurrency=1)).waiting == 1
    assert held() is None


async def test_a_defect_in_drawing_is_not_the_clients_affair(shadows: Shadows, caplog: pytest.LogCaptureFixture):
    def broken(call: Call) -> bytes:
        raise RuntimeError("no session")

    config = ShadowConfig(to="new/m", share=1, by="session")
    one = Shadow("chat", config, shadows.mirror("chat", config), answering, "pots", broken)
    assert (await one(call(), answering)).payload is ANSWER
    assert shadows.dropped == {"defect": 1}
    assert "no session" in caplog.text


@pytest.mark.parametrize("stream", [False, True])
async def test_a_defect_is_not_taken_for_a_client_that_left(shadows: Shadows, stream: bool):
    async def broken(call: Call) -> Reply:
        if not stream:
            raise RuntimeError
        return Reply(chunks=breaking())

    async def breaking() -> Chunks:
        yield [Frame(b"{}")]
        raise RuntimeError

    with pytest.raises(RuntimeError):
        reply = await stage(shadows)(call(stream=stream), broken)
        assert reply.chunks is not None
        async for _ in reply.chunks:
            pass
    assert shadows.dropped == {"defect": 1}


async def test_who_leaves_after_the_last_frame_has_had_the_answer(shadows: Shadows):
    """Clients of OpenAI's close at its [DONE]."""
    frames = len(streamed("openai_chat", said()))
    for taken in (1, frames):
        reply = await stage(shadows)(call(stream=True), answering)
        assert reply.chunks is not None
        for _ in range(taken):
            await anext(reply.chunks)
        await reply.chunks.aclose()
    await shadows.idle()
    assert (shadows.dropped, shadows.compared) == ({"client_left": 1}, 1)


async def test_a_call_that_is_cancelled_before_its_answer_is_not_mirrored(shadows: Shadows):
    async def waiting(call: Call) -> Reply:
        await asyncio.Event().wait()
        raise AssertionError

    task = asyncio.ensure_future(stage(shadows)(call(), waiting))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert shadows.dropped == {"client_left": 1}


async def test_a_call_no_vendor_was_asked_of_and_one_that_was_cut_down_are_not_mirrored(shadows: Shadows):
    async def refused(call: Call) -> Reply:
        raise RateLimited("no")

    async def cut(call: Call) -> Reply:
        call.account.output_limit = 300
        return await answering(call)

    with pytest.raises(RateLimited):
        await stage(shadows)(call(), refused)
    await stage(shadows)(call(), cut)
    assert shadows.dropped == {"not_sent": 1, "budget": 1}


async def test_calls_that_do_not_fit_the_budget_together_wait_for_each_other(shadows: Shadows):
    running = most = 0

    async def short(call: Call) -> Reply:
        nonlocal running, most
        if running:
            raise BudgetExceeded("no room")
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001)
        running -= 1
        return await answering(call)

    one = stage(shadows, short, concurrency=8)
    for number in range(8):
        await one(call(id=f"req_{number}"), answering)
    await shadows.idle()
    assert (most, shadows.compared, shadows.dropped) == (1, 8, {})


@pytest.mark.parametrize(("error", "reason"), [(BudgetExceeded, "budget"), (StoreUnavailable, "store_unavailable")])
async def test_calls_that_no_budget_pays_for_are_dropped_and_none_waits_for_ever(
    shadows: Shadows, error: type[Exception], reason: str, caplog: pytest.LogCaptureFixture
):
    async def broke(call: Call) -> Reply:
        await asyncio.sleep(0)
        raise error("nothing is left")

    one = stage(shadows, broke, concurrency=4, queue=4)
    for number in range(8):
        await one(call(id=f"req_{number}"), answering)
    async with asyncio.timeout(5):
        await shadows.idle()
    assert shadows.dropped == {reason: 8}
    assert caplog.text.count("nothing is left") == 1  # not once for each


async def test_an_answer_too_long_to_be_looked_at_is_a_pair_without_a_shape(shadows: Shadows):
    long = Payload("openai_chat", whole("openai_chat", said("x" * MOST_BYTES)))

    async def lengthy(call: Call) -> Reply:
        return replace(await answering(call), payload=long)

    await stage(shadows)(call(), lengthy)
    await shadows.idle()
    [found] = shadows.latest
    assert (found.characters, found.shadow_characters, found.same) == (None, 13, None)
    assert (found.cost_picodollars, found.shadow_cost_picodollars) == (7, 7)


async def test_a_record_that_cannot_be_kept_is_counted(caplog: pytest.LogCaptureFixture):
    def full(record: object) -> None:
        raise OSError("the disk is full")

    shadows = Shadows(ManualClock(), full)
    await stage(shadows)(call(), answering)
    await shadows.idle()
    await shadows.close()
    assert shadows.lost == 1
    assert "the disk is full" in caplog.text
