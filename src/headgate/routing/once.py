"""Not doing twice what was asked for twice: `idempotency-key` (draft-ietf-httpapi-idempotency-key-header), and calls
that are the same and under way at the same time. Whole answers only; per process.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from hashlib import blake2b
from time import monotonic

from msgspec.structs import replace

from headgate.errors import BadRequest, Conflict, Timeout
from headgate.routing.config import OnceConfig
from headgate.stage import EVERY_OPERATION, Next
from headgate.types import Call, Reply

MAX_KEPT_BYTES = 64 * 1024 * 1024
"""Answers kept for repetitions, of one model."""

MAX_KEY_CHARACTERS = 255

SHAPING = ("anthropic-beta", "anthropic-version", "openai-beta")
"""Headers that change what an answer looks like."""

REPLAYED = (("x-headgate-replayed", "true"),)


class Answer:
    """One answer, under way or there, and who waits for it."""

    __slots__ = ("asked", "bytes", "expires", "task", "waiting")

    def __init__(self, asked: bytes, task: asyncio.Task[Reply]) -> None:
        self.asked = asked
        """A digest of what was asked."""
        self.task = task
        self.waiting = 0
        self.expires = 0.0
        """Monotonic second; 0 while it is under way."""
        self.bytes = 0


class Answers:
    """The answers of one model by what they are known by. Outlives a reload."""

    def __init__(self) -> None:
        self.held: OrderedDict[bytes, Answer] = OrderedDict()
        self._bytes = 0

    def find(self, key: bytes) -> Answer | None:
        found = self.held.get(key)
        if found is not None and found.expires and found.expires <= monotonic():
            self.forget(key)
            return None
        return found

    def keep(self, key: bytes, answer: Answer, size: int, keep_s: float) -> None:
        """Keep an answer that is there; the oldest go where all are too much."""
        answer.bytes, answer.expires = size, monotonic() + keep_s
        self._bytes += size
        for old in list(self.held):
            if self._bytes <= MAX_KEPT_BYTES:
                return
            if self.held[old].expires:
                self.forget(old)

    def forget(self, key: bytes) -> None:
        gone = self.held.pop(key, None)
        if gone is not None:
            self._bytes -= gone.bytes


class Once:
    """Gives a repeated request the answer of the first one.

    A request whose `idempotency-key` was used for another one is a conflict. A failure is told to all who wait for it,
    and forgotten. An answer nobody waits for any more is given up.
    """

    operations = EVERY_OPERATION

    def __init__(self, config: OnceConfig, answers: Answers) -> None:
        self._config = config
        self._answers = answers

    async def __call__(self, call: Call, next: Next) -> Reply:
        named = call.headers.get("idempotency-key")
        if call.stream or (named is None and not self._config.coalesce):
            return await next(call)
        if named is not None and not 0 < len(named) <= MAX_KEY_CHARACTERS:
            raise BadRequest(f"idempotency-key has 1 to {MAX_KEY_CHARACTERS} characters.", param="idempotency-key")
        asked = digest(call)
        key = asked if named is None else digest_of(call, named)
        answer = self._answers.find(key)
        if answer is None:
            answer = self._begin(key, asked, asyncio.ensure_future(next(call)), kept=named is not None)
            return await self._shared(call, key, answer)
        if answer.asked != asked:
            raise Conflict(
                "This idempotency-key was used for another request; take a new one.", param="idempotency-key"
            )
        reply = await self._shared(call, key, answer)
        return replace(reply, headers=(*reply.headers, *REPLAYED))

    def _begin(self, key: bytes, asked: bytes, task: asyncio.Task[Reply], *, kept: bool) -> Answer:
        """Let others find the answer that is under way, and afterwards too if it is to be kept."""
        answer = self._answers.held[key] = Answer(asked, task)

        def done(task: asyncio.Task[Reply]) -> None:
            failed = task.cancelled() or task.exception() is not None
            payload = None if failed or not kept else task.result().payload
            if self._answers.held.get(key) is not answer:
                return
            if payload is None:
                self._answers.forget(key)
            else:
                self._answers.keep(key, answer, len(payload.encode()), self._config.keep_s)

        task.add_done_callback(done)
        return answer

    async def _shared(self, call: Call, key: bytes, answer: Answer) -> Reply:
        """Wait for an answer; the last one who gives up waiting ends it."""
        answer.waiting += 1
        try:
            done, _ = await asyncio.wait((answer.task,), timeout=min(call.deadline - monotonic(), 86_400.0))
        finally:
            answer.waiting -= 1
            if not answer.waiting and not answer.task.done():
                answer.task.cancel()
                self._answers.forget(key)
        if not done:
            raise Timeout("the first request with this content was not answered in time")
        return answer.task.result()


def digest(call: Call) -> bytes:
    """What is asked, by whom: the same for calls that are the same to the byte."""
    shaping = "\0".join(call.headers.get(name) or "" for name in SHAPING)
    return digest_of(call, shaping, call.request.encode())


def digest_of(call: Call, what: str, body: bytes = b"") -> bytes:
    """Something said by one caller about one operation."""
    identity = call.identity
    parts = (identity.organisation, identity.key_id, call.operation, call.path, call.model, what)
    return blake2b("\0".join(parts).encode("utf-8", "replace") + b"\0" + body, digest_size=16).digest()
