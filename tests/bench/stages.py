"""What the fold itself costs: calls through 0 and 14 stages that do nothing, chunks through 0 and 14 wrappers. And what it
takes to count a call, to write its record down, to bring that into the sums, and to render a prompt.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import timeit
from collections.abc import Callable
from math import inf
from pathlib import Path

import msgspec
import uvloop
from msgspec.structs import replace

from headgate.clock import SystemClock
from headgate.prompts.dotprompt import load_sources
from headgate.stage import EVERY_OPERATION, Next, Stage, fold
from headgate.storage.journal import Journal
from headgate.storage.records import CallRow
from headgate.telemetry.calls import TOGETHER, CallRecorder, Timing
from headgate.telemetry.config import CallsConfig
from headgate.telemetry.metrics import Metrics
from headgate.telemetry.rollups.cell import Cells, add_calls, encode_cells
from headgate.types import ANONYMOUS, Account, Attempt, Call, Chunk, Chunks, Frame, Payload, Reply, Usage

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
ATTEMPT = Attempt(
    id="req_1-0", target="openai/gpt", started_us=0, started=0.0, usage=Usage(input_tokens=10, output_tokens=5),
    cost_picodollars=5, settled=True,
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


def best_us(what: Callable[[], object], times: int, of: int = 1) -> float:
    """The best of five, for one of `of`."""
    return min(timeit.repeat(what, number=times, repeat=5)) / times / of * 1e6


def counting_us(calls: int) -> float:
    metrics, account = Metrics(), Account()
    account.attempts.append(ATTEMPT)

    def count() -> None:
        metrics.call_began()
        metrics.call_ended("chat", "chat", False, "ok", 0.5, 0.0001)
        metrics.account_closed(account, "chat")

    return best_us(count, calls)


def recording_us(calls: int) -> tuple[float, float]:
    """Of writing a record down, on the loop it is written on, and of what it takes to count it once it is drained."""
    written: list[bytes] = []
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder))

        def append(kind: bytes, payload: bytes) -> None:
            journal.append(kind, payload)
            written[:] = [payload]

        recorder = CallRecorder("bench", append, SystemClock())
        call = replace(CALL, account=Account())
        call.account.attempts.append(ATTEMPT)
        timing, config = Timing(ATTEMPT.started, 0.5, 0.0001), CallsConfig()
        record = best_us(lambda: recorder.record(call, None, timing, config), calls)
        journal.close()
    decode = msgspec.json.Decoder(list[CallRow]).decode

    def drain() -> None:
        cells: Cells = {}
        add_calls(cells, decode(written[0]))
        encode_cells(cells)

    return record, best_us(drain, max(1, calls // TOGETHER), TOGETHER)


PROMPT = {
    "bench.prompt": "---\nmodel: chat\ninput:\n  schema:\n"
    + "".join(f"    v{at}: string\n" for at in range(20))
    + "    rows(array):\n      name: string\n      price: integer\n---\n"
    + '{{role "system"}}{{> tone}} {{> rules}}\n{{role "user"}}'
    + "".join(f"Value {at} is {{{{v{at}}}}}.\n" for at in range(20))
    + "{{#each rows}}\n- {{name}}: {{price}}\n{{/each}}\n{{> closing}}",
    "_tone.prompt": "Be kind to whoever asks.",
    "_rules.prompt": "Answer in one sentence.",
    "_closing.prompt": "That is all of {{v0}}.",
}
"""A typical prompt: 20 inputs, three partials, a loop of ten rounds."""


def rendering_us(times: int) -> float:
    """Checking the inputs of a prompt against their schema, and rendering it."""
    prompt = load_sources(PROMPT).get("bench")
    rows = [{"name": f"article {at}", "price": at} for at in range(10)]
    inputs = {**{f"v{at}": f"the value of number {at}" for at in range(20)}, "rows": rows}
    return best_us(lambda: prompt.render(inputs), times)


async def main(calls: int) -> None:
    bare, empty = await per_call_us([], calls), await per_call_us([Empty()] * COUNT, calls)
    plain, wrapped = await per_chunk_us([], calls), await per_chunk_us([Wrapping()] * COUNT, calls)
    record, drain = recording_us(calls)
    print(json.dumps([
        {"what": "an empty stage, per call", "µs": round((empty - bare) / COUNT, 3)},
        {"what": "wrapping a stream once, per chunk", "µs": round((wrapped - plain) / COUNT, 3)},
        {"what": "counting a call of one attempt", "µs": round(counting_us(calls), 2)},
        {"what": "writing its record down", "µs": round(record, 2)},
        {"what": "bringing that into the sums, without the database", "µs": round(drain, 2)},
        {"what": "rendering a prompt of 20 inputs, 3 partials and a loop", "µs": round(rendering_us(max(1, calls // 20)), 1)},
    ]))  # fmt: skip


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
