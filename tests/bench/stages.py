"""What the fold itself costs: calls through 0 and 14 stages that do nothing, chunks through 0 and 14 wrappers."""

from __future__ import annotations

import json
import sys
import time
from math import inf

import uvloop
from msgspec.structs import replace

from headgate.stage import EVERY_OPERATION, Next, Stage, fold
from headgate.types import ANONYMOUS, Account, Call, Chunk, Chunks, Frame, Payload, Reply

COUNT = 14


class Empty:
    operations = EVERY_OPERATION

    async def __call__(self, call: Call, next: Next) -> Reply:
        return await next(call)


class Wrapping:
    operations = EVERY_OPERATION

    async def __call__(self, call: Call, next: Next) -> Reply:
        reply = await next(call)
        assert reply.chunks is not None
        return replace(reply, chunks=self._wrapped(reply.chunks))

    async def _wrapped(self, chunks: Chunks) -> Chunks:
        async for chunk in chunks:
            yield chunk


CALL = Call(
    id="req_1", operation="chat", model="chat", request=Payload("openai_chat", b"{}"), stream=False,
    identity=ANONYMOUS, account=Account(), headers={}, deadline=inf,
)  # fmt: skip
REPLY = Reply(payload=Payload("openai_chat", b"{}"))
CHUNK: Chunk = [Frame(b"{}")]


async def answer(call: Call) -> Reply:
    return REPLY


async def per_call_us(stages: list[Stage], calls: int) -> float:
    chain = fold(stages, answer)
    best = inf
    for _ in range(5):
        started = time.perf_counter()
        for _ in range(calls):
            await chain(CALL)
        best = min(best, time.perf_counter() - started)
    return best / calls * 1e6


async def per_chunk_us(stages: list[Stage], chunks: int) -> float:
    async def stream(call: Call) -> Reply:
        async def each() -> Chunks:
            for _ in range(chunks):
                yield CHUNK

        return Reply(chunks=each())

    best = inf
    for _ in range(5):
        reply = await fold(stages, stream)(CALL)
        assert reply.chunks is not None
        started = time.perf_counter()
        async for _ in reply.chunks:
            pass
        best = min(best, time.perf_counter() - started)
    return best / chunks * 1e6


async def main(calls: int) -> None:
    bare, empty = await per_call_us([], calls), await per_call_us([Empty()] * COUNT, calls)
    plain, wrapped = await per_chunk_us([], calls), await per_chunk_us([Wrapping()] * COUNT, calls)
    print(json.dumps([
        {"what": "an empty stage, per call", "µs": round((empty - bare) / COUNT, 3)},
        {"what": "wrapping a stream once, per chunk", "µs": round((wrapped - plain) / COUNT, 3)},
    ]))  # fmt: skip


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
