"""What answers look like, and when two look the same."""

from __future__ import annotations

import asyncio
import gc
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import pytest

from headgate import dialects
from headgate.dialects.framing import SseFramer
from headgate.dialects.hub import Answer, Choice, Refusal, Text, ToolCall
from headgate.observing.kept import FRAME_BYTES, LARGE_BYTES, MOST_BYTES, Kept, Room
from headgate.shadow.pair import look
from headgate.shadow.shape import Shape, compared_tools, is_same, shape_of, stream_look, whole_look
from headgate.types import Frame, Payload
from spoken import said, streamed, whole

DIALECTS = ("openai_chat", "openai_responses", "anthropic_messages")
ANSWERS = {"text": said(), "json": said('{"a": [1]}'), "calls": said(calls={"look": '{"b": 1, "a": 2}', "find": "{}"})}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", ANSWERS)
def test_a_stream_looks_like_the_whole(dialect: str, name: str):
    codec, answer = dialects.get(dialect), ANSWERS[name]
    chunks = [[Frame(*_parsed(each))] for each in streamed(dialect, answer)]
    assert stream_look(codec, chunks) == whole_look(codec, Payload(dialect, whole(dialect, answer))) == shape_of(answer)


def _parsed(raw: bytes) -> tuple[bytes, str | None]:
    lines = dict(line.split(b": ", 1) for line in raw.strip().split(b"\n"))
    event = lines.get(b"event")
    return lines[b"data"], None if event is None else event.decode()


def test_calls_are_outlined_without_their_values():
    shape = shape_of(ANSWERS["calls"])
    assert set(shape.calls) == {("look", True, ("a", "b")), ("find", True, ())}
    assert "2" not in str(shape.calls)


def test_calls_in_another_order_are_the_same():
    one = shape_of(said(calls={"look": '{"a": 1}', "find": "{}"}))
    other = shape_of(said(calls={"find": "{}", "look": '{"a": 7}'}))
    assert compared_tools(one, other) == "same"
    assert is_same(one, other, json=False)


@pytest.mark.parametrize("arguments", ["[1]", "{", "nothing", "1"])
def test_arguments_that_are_no_object_are_invalid(arguments: str):
    one, other = shape_of(said(calls={"f": arguments})), shape_of(said(calls={"f": "{}"}))
    assert compared_tools(one, other) == "invalid"
    assert not is_same(one, other, json=False)


def test_free_text_for_a_custom_tool_is_valid():
    call = ToolCall(id="c", name="f", arguments="SELECT 1", kind="custom")
    answer = Answer(id="a", model="m", choices=(Choice(parts=(call,), stop="tool_calls"),))
    assert shape_of(answer).calls == (("f", True, ()),)


def test_json_counts_only_where_it_was_asked_for():
    one, other = shape_of(said("{}")), shape_of(said("{} and more"))
    assert is_same(one, other, json=False)
    assert not is_same(one, other, json=True)


def test_a_refusal_is_not_the_same_as_an_answer():
    refusal = Answer(id="a", model="m", choices=(Choice(parts=(Refusal(text="No."),), stop="end"),))
    assert shape_of(refusal).refused
    assert not is_same(shape_of(refusal), shape_of(said()), json=False)
    filtered = Answer(id="a", model="m", choices=(Choice(parts=(Text(text="Par"),), stop="content_filter"),))
    assert shape_of(filtered).refused


def test_what_is_no_answer_has_no_shape():
    codec = dialects.get("anthropic_messages")
    assert whole_look(codec, Payload("anthropic_messages", b"[]")) is None
    assert stream_look(codec, [[Frame(b"{")]]) is None
    assert shape_of(Answer(id="a", model="m", choices=())).characters == 0


async def test_a_long_answer_is_read_while_every_thread_that_calls_may_need_is_taken():
    taken, over = threading.Barrier(2), threading.Event()
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(1))
    waiting = asyncio.ensure_future(asyncio.to_thread(lambda: (taken.wait(), over.wait())))
    await loop.run_in_executor(ThreadPoolExecutor(1), taken.wait)
    kept = Kept(Room())
    kept.whole(Payload("openai_chat", whole("openai_chat", said("x" * LARGE_BYTES))))
    async with asyncio.timeout(5):
        found = await look(kept, "openai_chat")
    over.set()
    await waiting
    assert isinstance(found, Shape)
    assert found.characters == LARGE_BYTES


async def test_an_answer_that_is_too_long_is_let_go_of():
    room = Room(2 * MOST_BYTES)
    kept = Kept(room)
    for _ in range(3):
        kept.piece([Frame(b"x" * (MOST_BYTES // 4))])
    assert not kept.complete
    assert room.free == 2 * MOST_BYTES
    assert await look(kept, "openai_chat") is None


async def test_there_is_no_more_room_than_there_is():
    room = Room(1000)
    one, other = Kept(room), Kept(room)
    one.piece([Frame(b"x" * 200)])
    other.piece([Frame(b"x" * 200)])
    assert (one.complete, other.complete, room.free) == (True, False, 1000 - 400 - FRAME_BYTES)
    one.let_go()
    one.let_go()
    assert room.free == 1000
    assert not room.take(1001)


def test_a_stream_takes_no_more_memory_than_is_counted():
    """As it comes from a vendor: each event cut out of bytes that are kept beside it."""
    framer, room = SseFramer(), Room()
    events = [frame.encode() for frame in [Frame.of({"delta": "x" * size, "n": size}) for size in range(600)]]
    kept = Kept(room)
    gc.collect()
    tracemalloc.start()
    try:
        for event in events:
            kept.piece(framer.feed(event[:-2] + b"\n\n"))
        took, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    counted = Room().free - room.free
    assert kept.complete
    assert 0.9 * took < counted < 1.5 * took
