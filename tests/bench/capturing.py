"""What keeping the content of calls costs, in this process and with a simulator: prints Markdown.

CPU time of the whole process, threads included, for calls of 0.3 KB and of 8 KB, whole and streamed: without a rule, with
rules that keep failures and slow calls only, and with all kept, redacted and stored in SQLite. The three are interleaved;
given are medians over the rounds of their differences, with the middle half of them. And of that, what a call has to wait
for: what the stage takes, the least of many rounds. Usage: make capturing.
"""

from __future__ import annotations

import asyncio
import gc
import json
import math
import os
import statistics
import sys
import tempfile
import time
from typing import Any, cast

from headgate.checks.personal import Personal
from headgate.checks.redaction import Redactor
from headgate.clock import SystemClock
from headgate.config import loads
from headgate.gateway import IN_PROCESS, Gateway
from headgate.ids import request_id
from headgate.stage import Next
from headgate.store import Store
from headgate.telemetry.capture.config import CaptureConfig, CaptureRule
from headgate.telemetry.capture.desk import Desk, Means
from headgate.telemetry.capture.redacting import Redacting
from headgate.telemetry.capture.rules import Rules
from headgate.telemetry.capture.stage import Capture
from headgate.telemetry.capture.storing import ContentTable
from headgate.types import Account, Call, Chunks, Frame, Payload, Reply

CONFIG = """
storage: {{database: "sqlite:///{folder}/h{number}.db"}}
providers: {{sim: {{kind: simulator}}}}
models: {{chat: {{targets: [sim/gpt-4o-mini]}}}}
prices: {{gpt-4o-mini: {{input: 0, output: 0}}}}
{rest}
"""
WAYS = {
    "off": "",
    "failures and slow calls": "telemetry: {capture: {rules: [{share: 0}]}}",
    "all": "telemetry: {capture: {rules: [{share: 1}]}}",
}
ROUNDS = int(os.environ.get("ROUNDS", "12"))
CALLS = 400
PIECES = 20


def body(size: int, *, stream: bool) -> bytes:
    text = (
        "Mr Smith wrote to smith@mail.example of it. " + "The canal was dug in 1832, and is thirty miles long. " * 200
    )
    asked = {
        "model": "chat",
        "max_tokens": 60,
        "messages": [{"role": "user", "content": text[:size]}],
        "stream": stream,
    }
    return json.dumps(asked).encode()


def call_of(raw: bytes, *, stream: bool) -> Call:
    return Call(
        id=request_id(), operation="chat", model="chat", request=Payload("openai_chat", raw), stream=stream,
        identity=IN_PROCESS, account=Account(), headers={},
    )  # fmt: skip


async def taken(reply: Reply) -> None:
    if reply.chunks is not None:
        async for _ in reply.chunks:
            pass


async def calls(gateway: Gateway, raw: bytes, *, stream: bool) -> float:
    """CPU microseconds of a call, all that follows it included."""
    store = gateway.store
    assert isinstance(store, Store)
    await store.caught_up()
    began = time.process_time()
    for _ in range(CALLS):
        await taken(await gateway.handle(call_of(raw, stream=stream)))
    await store.contents.desk.flush()
    await store.caught_up()
    return (time.process_time() - began) / CALLS * 1e6


async def main() -> None:
    print("| call | off | failures and slow calls | all |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        gateways: dict[str, Gateway] = {}
        for number, (way, rest) in enumerate(WAYS.items()):
            gateways[way] = Gateway(
                loads(CONFIG.format(folder=folder, number=number, rest=rest), "headgate.yaml", {}), environ={}
            )
            await gateways[way].start()
        gc.disable()
        for size, stream in ((250, False), (250, True), (8000, False), (8000, True)):
            raw = body(size, stream=stream)
            took: dict[str, list[float]] = {way: [] for way in WAYS}
            for turn in range(ROUNDS + 1):
                for way in list(WAYS) if turn % 2 else reversed(WAYS):
                    us = await calls(gateways[way], raw, stream=stream)
                    if turn:  # the first is to get warm
                        took[way].append(us)
                gc.collect()
            print(f"| {len(raw) / 1000:.1f} KB{', streamed' if stream else ''} | {statistics.median(took['off']):.0f} µs |"
                  + "".join(f" {more(took[way], took['off'])} |" for way in list(WAYS)[1:]))  # fmt: skip
            sys.stdout.flush()
        await on_the_way()
        for gateway in gateways.values():
            await gateway.close()


async def on_the_way() -> None:
    """What the stage adds to calls that are answered at once, whole and in pieces."""
    print("\n| on a call's way | failures and slow calls | all |\n|---|---|---|")
    raw = body(250, stream=False)

    async def whole(_: Call) -> Reply:
        return Reply(payload=Payload("openai_chat", b"{}"))

    async def streams(_: Call) -> Reply:
        return Reply(chunks=pieces())

    for name, answer in (("whole", whole), (f"a stream of {PIECES} pieces", streams)):
        desk = Desk(ContentTable(cast("Any", None)), SystemClock())
        rules = [CaptureRule(share=0), CaptureRule(share=1)]
        desk.use(Means(CaptureConfig(rules=tuple(rules)), Redacting(Redactor(), Personal([]))))
        desk.room.free = 1 << 60  # all waits, nothing is stored
        ways = [answer, *(after(Capture("chat", Rules("chat", [rule]), desk, 10), answer) for rule in rules)]
        least = [math.inf] * len(ways)
        for _ in range(ROUNDS):
            for place, way in enumerate(ways):
                made = [call_of(raw, stream=False) for _ in range(CALLS)]
                for each in made:
                    _ = each.request.tree
                began = time.process_time()
                for each in made:
                    await taken(await way(each))
                least[place] = min(least[place], (time.process_time() - began) / CALLS * 1e6)
        print(f"| {name} | {least[1] - least[0]:+.1f} µs | {least[2] - least[0]:+.1f} µs |")


async def pieces() -> Chunks:
    for _ in range(PIECES):
        yield [Frame(b'{"choices":[{"index":0,"delta":{"content":"Hello"}}]}')]


def after(stage: Capture, answer: Next) -> Next:
    return lambda call: stage(call, answer)


def more(some: list[float], off: list[float]) -> str:
    """By how much some took longer, round by round."""
    differences = [one - other for one, other in zip(some, off, strict=True)]
    low, middle, high = statistics.quantiles(differences, n=4)
    return f"{middle:+.1f} µs ({low:+.1f} to {high:+.1f})"


if __name__ == "__main__":
    asyncio.run(main())
