"""A vendor with a bill of its own: OpenAI's chat completions and embeddings on a loopback port, in the test's own process.

The last message of a request, or its input, says whose it is and what to do: `mark name=value …`. It bills what it made, whether or not
anybody was still there: of a whole answer all of it, of a stream the tokens it had sent by then.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

DOLLAR = 10**12
"""In picodollars."""

PRICES = {"m-a": (3, 15), "m-b": (5, 25)}
"""Dollars per million tokens of the prompt, and of the answer."""

MAX_TOKENS = 400
"""What a model puts out where the request does not say how much."""


@dataclass(frozen=True)
class Asked:
    """A request."""

    mark: str
    times: int
    """How often this mark has been asked with before."""
    words: Mapping[str, str]
    model: str
    stream: bool
    max_tokens: int | None
    body_bytes: int
    embeds: bool = False


@dataclass(frozen=True)
class Plan:
    """What comes of it."""

    prompt: int
    """Tokens."""
    output: int
    """Tokens, no more than were asked for."""
    status: int = 200
    wait_s: float = 0.0
    """Before anything is answered."""
    gap_s: float = 0.0
    """Between the tokens of a stream."""
    cut_after: int | None = None
    """Tokens of a stream after which the connection breaks."""
    retry_after_s: float | None = None
    hangs_up: bool = False
    """Does all of the work, and closes the connection without a word."""

    def takes_s(self, stream: bool) -> float:
        """Seconds until the last byte of the answer, where its client waits for it."""
        if self.status != 200 or not stream:
            return self.wait_s
        return self.wait_s + self.gap_s * (self.output if self.cut_after is None else self.cut_after)


@dataclass
class Billed:
    """What one request came to."""

    id: str
    mark: str
    model: str
    stream: bool
    arrived_us: int
    prompt: int = 0
    output: int = 0
    status: int = 0
    outcome: str = "open"
    """open, complete, refused, cut, unanswered, or left by its client."""
    planned_s: float = 0.0
    """What was to pass from the last byte of the request until the last of the answer."""
    seconds: float = 0.0
    """What did until that was written; 0 where there was none."""
    first_s: float = 0.0
    """What did until the first token of a stream was written; 0 where there was none."""

    @property
    def picodollars(self) -> int:
        prompt, output = PRICES[self.model]
        return (self.prompt * prompt + self.output * output) * DOLLAR // 1_000_000


Decide = Callable[[Asked], Plan]


def as_told(asked: Asked) -> Plan:
    """What the request's own words say: `prompt`, `output`, `status`, `wait`, `gap`, `cut`."""
    words = asked.words
    most = MAX_TOKENS if asked.max_tokens is None else asked.max_tokens
    cut = words.get("cut")
    return Plan(
        prompt=int(words.get("prompt", asked.body_bytes // 4 + 1)),
        output=min(most, int(words.get("output", 8))),
        status=int(words.get("status", 200)),
        wait_s=float(words.get("wait", 0)),
        gap_s=float(words.get("gap", 0)),
        cut_after=None if cut is None else int(cut),
    )


class Vendor:
    """Answers as `decide` says, and writes down what for."""

    def __init__(self, decide: Decide = as_told) -> None:
        self.decide = decide
        self.bill: list[Billed] = []
        self.port = 0
        self._seen = Counter[str]()
        self._connections = set[_Connection]()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def picodollars(self) -> int:
        """All of the bill."""
        return sum(each.picodollars for each in self.bill)

    def forget(self) -> None:
        """Begin another bill. What is under way is on neither."""
        self.bill = []
        self._seen.clear()

    def under_way(self) -> int:
        return sum(each.outcome == "open" for each in self.bill)

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), "127.0.0.1", self.port, backlog=4096)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.close()
        for connection in list(self._connections):
            connection.abort()
        while self._connections:
            await asyncio.sleep(0.005)

    def take(self, body: bytes) -> tuple[Asked, Billed]:
        """A request, and its line on the bill."""
        tree: dict[str, Any] = json.loads(body)
        embeds = "input" in tree
        mark, *words = str(tree["input"] if embeds else tree["messages"][-1]["content"]).split()
        asked = Asked(
            mark,
            self._seen[mark],
            dict(word.split("=", 1) for word in words if "=" in word),
            tree["model"],
            bool(tree.get("stream")),
            tree.get("max_tokens", tree.get("max_completion_tokens")),
            len(body),
            embeds,
        )
        self._seen[mark] += 1
        billed = Billed(f"req_{len(self.bill)}_{id(self):x}", mark, asked.model, asked.stream, time.time_ns() // 1000)
        self.bill.append(billed)
        return asked, billed


class _Connection(asyncio.Protocol):
    def __init__(self, vendor: Vendor) -> None:
        self._vendor = vendor
        self._held = bytearray()
        self._task: asyncio.Task[None] | None = None
        self._began = 0.0

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._vendor._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._vendor._connections.discard(self)
        if self._task is not None:
            self._task.cancel()

    def abort(self) -> None:
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._held += data
        head, separator, body = bytes(self._held).partition(b"\r\n\r\n")
        if not separator:
            return
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
        if len(body) >= length:
            self._held.clear()
            asked, billed = self._vendor.take(body)
            self._began = time.perf_counter()
            self._task = asyncio.get_running_loop().create_task(self._answer(asked, billed))

    async def _answer(self, asked: Asked, billed: Billed) -> None:
        plan = self._vendor.decide(asked)
        billed.status, billed.planned_s = plan.status, plan.takes_s(asked.stream)
        if plan.status != 200:
            if plan.wait_s:
                await self._wait(plan.wait_s, billed)
            billed.outcome = "refused"
            self._refuse(plan, billed)
            return
        billed.prompt = plan.prompt
        if plan.hangs_up or not asked.stream:
            billed.output = plan.output
        if plan.wait_s:
            await self._wait(plan.wait_s, billed)
        if plan.hangs_up:
            billed.outcome = "unanswered"
            self._transport.abort()
        elif asked.embeds:
            billed.outcome = "complete"
            vector = {"object": "embedding", "index": 0, "embedding": [0.5, 0.5]}
            usage = {"prompt_tokens": plan.prompt, "total_tokens": plan.prompt}
            self._whole(200, {"object": "list", "model": asked.model, "data": [vector], "usage": usage}, billed)
        elif asked.stream:
            await self._stream(asked, plan, billed)
        else:
            usage = {**_usage(plan.prompt, plan.output)}
            choice = {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": "a " * plan.output},
            }
            billed.outcome = "complete"
            self._whole(200, {**_answer(asked, billed), "choices": [choice], "usage": usage}, billed)

    async def _wait(self, until_s: float, billed: Billed) -> None:
        """Wait until so long after the request: what comes late makes nothing after it late."""
        try:
            await asyncio.sleep(max(0.0, self._began + until_s - time.perf_counter()))
        except asyncio.CancelledError:
            billed.outcome = "left"
            raise

    async def _stream(self, asked: Asked, plan: Plan, billed: Billed) -> None:
        head = "content-type: text/event-stream\r\ntransfer-encoding: chunked"
        self._transport.write(f"HTTP/1.1 200 OK\r\n{head}\r\nx-request-id: {billed.id}\r\n\r\n".encode())
        base = {**_answer(asked, billed), "object": "chat.completion.chunk"}
        for token in range(plan.output):
            if token == plan.cut_after:
                billed.outcome = "cut"
                billed.seconds = time.perf_counter() - self._began
                self._transport.abort()
                return
            if plan.gap_s:
                await self._wait(plan.wait_s + plan.gap_s * (token + 1), billed)
            billed.output += 1
            self._event({**base, "choices": [{"index": 0, "delta": {"role": "assistant", "content": "a "}}]})
            billed.first_s = billed.first_s or time.perf_counter() - self._began
        self._event({**base, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        self._event({**base, "choices": [], "usage": _usage(plan.prompt, plan.output)})
        billed.outcome = "complete"
        billed.seconds = time.perf_counter() - self._began
        self._transport.write(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")

    def _event(self, tree: Any) -> None:
        data = f"data: {json.dumps(tree)}\n\n".encode()
        self._transport.write(b"%x\r\n%b\r\n" % (len(data), data))

    def _refuse(self, plan: Plan, billed: Billed) -> None:
        kind = "rate_limit_exceeded" if plan.status == 429 else "server_error"
        retry_after = "" if plan.retry_after_s is None else f"retry-after: {plan.retry_after_s:g}\r\n"
        self._whole(plan.status, {"error": {"message": "no", "type": kind, "code": kind}}, billed, retry_after)

    def _whole(self, status: int, tree: Any, billed: Billed, headers: str = "") -> None:
        data = json.dumps(tree).encode()
        lines = (
            f"content-type: application/json\r\ncontent-length: {len(data)}\r\nx-request-id: {billed.id}\r\n{headers}"
        )
        billed.seconds = time.perf_counter() - self._began
        self._transport.write(f"HTTP/1.1 {status} x\r\n{lines}\r\n".encode() + data)


def _answer(asked: Asked, billed: Billed) -> dict[str, Any]:
    return {"id": billed.id, "object": "chat.completion", "created": 1_700_000_000, "model": asked.model}


def _usage(prompt: int, output: int) -> dict[str, int]:
    return {"prompt_tokens": prompt, "completion_tokens": output, "total_tokens": prompt + output}
