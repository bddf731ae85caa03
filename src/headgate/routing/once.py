"""Not doing twice what was asked for twice: `idempotency-key` (draft-ietf-httpapi-idempotency-key-header), and calls
that are the same and under way at the same time. Whole answers only; per process.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable
from hashlib import blake2b
from math import inf
from time import monotonic

from msgspec.structs import replace

from headgate.errors import BadRequest, Conflict, Timeout
from headgate.routing.config import OnceConfig
from headgate.stage import EVERY_OPERATION, Next
from headgate.types import Account, Call, Reply

MAX_KEPT_BYTES = 64 * 1024 * 1024
"""Answers kept for repetitions, of one model."""

OVERHEAD_BYTES = 1024
"""What an answer takes beside its body."""

LONGEST_S = 86_400.0

MAX_KEY_CHARACTERS = 255

SHAPING = ("anthropic-beta", "anthropic-version", "openai-beta")
"""Headers that change what an answer looks like."""

REPLAYED = (("x-headgate-replayed", "true"),)


class Answer:
    """One answer, under way or there, and who waits for it."""

    __slots__ = ("asked", "bytes", "expires", "reply", "task", "waiting")

    def __init__(self, asked: bytes) -> None:
        self.asked = asked
        """A digest of what was asked."""
        self.task: asyncio.Task[Reply] | None = None
        """What makes it; None once it is there."""
        self.reply: Reply | None = None
        self.waiting = 0
        self.expires = 0.0
        """Monotonic second; 0 while it is under way."""
        self.bytes = 0


class Answers:
    """The answers of one model by what they are known by, in the order in which they expire. Outlives a reload."""

    def __init__(self) -> None:
        self.under_way: dict[bytes, Answer] = {}
        self.kept: OrderedDict[bytes, Answer] = OrderedDict()
        self._bytes = 0

    @property
    def tasks(self) -> list[asyncio.Task[Reply]]:
        """What makes answers now."""
        return [answer.task for answer in self.under_way.values() if answer.task is not None]

    def find(self, key: bytes) -> Answer | None:
        self._expire()
        return self.under_way.get(key) or self.kept.get(key)

    def keep(self, key: bytes, answer: Answer, reply: Reply, keep_s: float) -> None:
        """Keep an answer that is there; the oldest go where all are too much."""
        assert reply.payload is not None
        answer.task, answer.reply = None, reply
        answer.bytes = len(reply.payload.encode()) + OVERHEAD_BYTES
        answer.expires = monotonic() + keep_s
        self.kept[key] = answer
        self._bytes += answer.bytes
        while self._bytes > MAX_KEPT_BYTES:
            self._forget_oldest()

    def _expire(self) -> None:
        now = monotonic()
        while self.kept and next(iter(self.kept.values())).expires <= now:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        _, gone = self.kept.popitem(last=False)
        self._bytes -= gone.bytes


class Once:
    """Gives a repeated request the answer of the first one.

    A request whose `idempotency-key` was used for another one is a conflict. A failure is told to all who wait for it,
    and forgotten. With a key an answer is made to its end though its client leaves: that is what the key is for. A
    shared one that nobody waits for any more is given up. It has the time of its model, who waits for it has its own.
    """

    operations = EVERY_OPERATION

    def __init__(self, config: OnceConfig, answers: Answers) -> None:
        self._config = config
        self._answers = answers

    def __call__(self, call: Call, next: Next) -> Awaitable[Reply]:
        named = call.headers.get("idempotency-key")
        if call.stream or (named is None and not self._config.coalesce):
            return next(call)
        return self._once(call, next, named)

    async def _once(self, call: Call, next: Next, named: str | None) -> Reply:
        if named is not None and not 0 < len(named) <= MAX_KEY_CHARACTERS:
            raise BadRequest(f"idempotency-key has 1 to {MAX_KEY_CHARACTERS} characters.", param="idempotency-key")
        asked = digest(call)
        key = asked if named is None else digest_of(call, named)
        answer = self._answers.find(key)
        if answer is None:
            answer = self._begin(call.account, key, asked, next(replace(call, deadline=inf)), kept=named is not None)
            return await self._awaited(call, answer, kept=named is not None)
        if answer.asked != asked:
            raise Conflict("This idempotency-key was used for another request.", param="idempotency-key")
        reply = answer.reply or await self._awaited(call, answer, kept=named is not None)
        return replace(reply, headers=(*reply.headers, *REPLAYED))

    def _begin(self, account: Account, key: bytes, asked: bytes, reply: Awaitable[Reply], *, kept: bool) -> Answer:
        """Let others find the answer that is under way, and afterwards too if it is to be kept."""
        answer = self._answers.under_way[key] = Answer(asked)
        answer.task = asyncio.ensure_future(reply)
        if account.going_on is None:  # else it falls back from another model, whose answer takes longer
            account.going_on = answer.task

        def done(task: asyncio.Task[Reply]) -> None:
            if account.going_on is task:
                account.going_on = None
            if self._answers.under_way.get(key) is answer:
                del self._answers.under_way[key]
            if task.cancelled() or task.exception() is not None:
                return
            if kept and task.result().payload is not None:
                self._answers.keep(key, answer, task.result(), self._config.keep_s)

        answer.task.add_done_callback(done)
        return answer

    async def _awaited(self, call: Call, answer: Answer, *, kept: bool) -> Reply:
        """Wait for an answer under way, as long as the call has."""
        task = answer.task
        assert task is not None
        answer.waiting += 1
        try:
            done, _ = await asyncio.wait((task,), timeout=min(call.deadline - monotonic(), LONGEST_S))
        finally:
            answer.waiting -= 1
            if not answer.waiting and not kept and not task.done():
                task.cancel()
        if not done:
            raise Timeout("the answer to this request is still under way")
        return task.result()


def digest(call: Call) -> bytes:
    """What is asked, by whom: the same for calls that are the same to the byte."""
    shaping = "\0".join(call.headers.get(name) or "" for name in SHAPING)
    return digest_of(call, shaping, call.request.encode())


def digest_of(call: Call, what: str, body: bytes = b"") -> bytes:
    """Something said by one caller about one operation. Who brings a credential of their own is another caller: what
    that has paid for is nobody else's, though several people may share a key.
    """
    identity, brought = call.identity, call.account.brought
    payer = "" if brought is None else brought.secret
    parts = (identity.organisation, identity.key_id, payer, call.operation, call.path, call.model, what)
    return blake2b("\0".join(parts).encode("utf-8", "replace") + b"\0" + body, digest_size=16).digest()
