"""Stages compose in order, and may do all that the design lets them do."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from calls import call
from headgate.errors import BadRequest
from headgate.stage import EVERY_OPERATION, Next, fold
from headgate.types import Call, Payload, Reply


class Tag:
    operations = EVERY_OPERATION

    def __init__(self, name: str) -> None:
        self.name = name

    async def __call__(self, call: Call, next: Next) -> Reply:
        reply = await next(replace(call, tags=(*call.tags, (self.name, "in"))))
        return replace(reply, headers=(*reply.headers, (self.name, "out")))


async def last(call: Call) -> Reply:
    return Reply(payload=Payload("openai_chat", tree={"tags": [name for name, _ in call.tags]}))


async def test_the_first_stage_is_outermost():
    reply = await fold([Tag("a"), Tag("b"), Tag("c")], last)(call())
    assert reply.payload is not None
    assert reply.payload.tree == {"tags": ["a", "b", "c"]}
    assert [name for name, _ in reply.headers] == ["c", "b", "a"]


async def test_no_stages_is_just_the_end():
    assert fold([], last) is last


async def test_a_stage_may_answer_itself_and_what_follows_is_never_asked():
    class Early:
        operations = EVERY_OPERATION

        async def __call__(self, call: Call, next: Next) -> Reply:
            return Reply(target="early")

    async def never(call: Call) -> Reply:
        raise AssertionError

    assert (await fold([Early()], never)(call())).target == "early"


async def test_a_stage_may_ask_several_times():
    asked: list[str] = []

    class Twice:
        operations = EVERY_OPERATION

        async def __call__(self, call: Call, next: Next) -> Reply:
            await next(call)
            return await next(call)

    async def count(call: Call) -> Reply:
        asked.append(call.id)
        return Reply()

    await fold([Twice()], count)(call())
    assert len(asked) == 2


async def test_an_error_passes_through_untouched():
    async def fail(call: Call) -> Reply:
        raise BadRequest("no", param="x")

    with pytest.raises(BadRequest) as caught:
        await fold([Tag("a")], fail)(call())
    assert caught.value.param == "x"


async def test_a_stage_may_wrap_a_stream():
    from headgate.types import Chunks, Frame

    async def stream(_: Call) -> Reply:
        async def chunks() -> Chunks:
            yield [Frame(b"a")]
            yield [Frame(b"b")]

        return Reply(chunks=chunks())

    class Upper:
        operations = EVERY_OPERATION

        async def __call__(self, call: Call, next: Next) -> Reply:
            reply = await next(call)
            assert reply.chunks is not None
            inner = reply.chunks

            async def chunks() -> Chunks:
                async for chunk in inner:
                    yield [Frame(frame.data.upper()) for frame in chunk]

            return replace(reply, chunks=chunks())

    reply = await fold([Upper()], stream)(call())
    assert reply.chunks is not None
    seen: list[Any] = [frame.data async for chunk in reply.chunks for frame in chunk]
    assert seen == [b"A", b"B"]
