"""Answers held to what was asked for: checked, mended where that is easy, asked for again where it is not."""

from __future__ import annotations

from collections.abc import Awaitable
from time import monotonic

import msgspec
from msgspec.structs import replace

from headgate import dialects
from headgate.dialects.base import AnyDialect
from headgate.dialects.expected import NO_TOOLS, NOTHING
from headgate.dialects.hub import Answer
from headgate.errors import BadRequest, HeadgateError, MalformedOutput
from headgate.events import OutputInvalid, OutputReasked, OutputRepaired, ValidationSkipped
from headgate.routing.config import ValidateConfig
from headgate.routing.validation.demand import Demand
from headgate.routing.validation.holding import held, replayed
from headgate.routing.validation.mending import mended_payload, mended_stream
from headgate.routing.validation.passing import Passing
from headgate.routing.validation.transcript import Transcript
from headgate.routing.validation.validators import load_validators
from headgate.routing.validation.verdict import Verdict, judged
from headgate.stage import EVERY_OPERATION, Next
from headgate.types import Call, Chunk, Chunks, Payload, Reply

MAX_TOLD = 3
"""Problems that an error names."""


class Wrong(msgspec.Struct, frozen=True):
    """An answer that is not what was asked for."""

    target: str
    verdict: Verdict
    answer: Payload
    """The answer, or as much of it as had come."""


class Validated:
    """Checks answers as a model's `validate` says. It costs a call that asks for nothing two look-ups in its request.

    Raises:
        ConfigError: one of the validators cannot be loaded.
    """

    operations = EVERY_OPERATION

    def __init__(self, config: ValidateConfig) -> None:
        self._config = config
        self._json = config.json
        self._tools = config.tools
        self._passes = config.stream == "pass"
        self._validators = load_validators(config.validators)

    def __call__(self, call: Call, next: Next) -> Awaitable[Reply]:
        if call.operation != "chat" or (call.stream and self._passes):
            return next(call)
        dialect = dialects.get(call.request.dialect)
        tree = call.request.tree
        expected = dialect.expected(tree) if self._json else NOTHING
        offered = dialect.offered(tree) if self._tools else NO_TOOLS
        if expected is NOTHING and offered is NO_TOOLS and not self._validators:
            return next(call)
        demand = Demand(expected, offered, self._validators, len(call.request.encode()))
        return self._answered(call, next, dialect, demand)

    async def _answered(self, call: Call, next: Next, dialect: AnyDialect, demand: Demand) -> Reply:
        """The answer, mended if need be.

        Raises:
            MalformedOutput: it is not what was asked for, nor was it when it was asked for again.
        """
        await demand.prepare()
        if demand.uncheckable is not None:
            call.account.events.append(ValidationSkipped(demand.uncheckable))
            if not demand.asks:
                return await next(call)
        return await _Held(self._config, call, dialect, demand).answered(next)


class _Held:
    """One call that asks for something."""

    def __init__(self, config: ValidateConfig, call: Call, dialect: AnyDialect, demand: Demand) -> None:
        self._config = config
        self._call = call
        self._dialect = dialect
        self._demand = demand
        self._events = call.account.events

    async def answered(self, next: Next) -> Reply:
        """Ask until the answer is right, as often as the configuration allows."""
        found = await self._looked_at(await next(self._call))
        for _ in range(self._config.reask):
            if isinstance(found, Reply) or monotonic() >= self._call.deadline:
                break
            found = await self._asked_again(found, next)
        if isinstance(found, Reply):
            return found
        raise self._failure(found.target, found.verdict)

    async def _asked_again(self, wrong: Wrong, next: Next) -> Reply | Wrong:
        problems = wrong.verdict.problems
        self._events.append(OutputReasked(wrong.target, len(problems)))
        request = self._dialect.with_correction(self._call.request, wrong.answer, problems, wrong.verdict.choice)
        try:
            reply = await next(replace(self._call, request=request, cause="reask"))
        except BadRequest as error:  # of a request the client did not make: it is longer than its own
            raise self._failure(wrong.target, wrong.verdict) from error
        return await self._looked_at(reply)

    async def _looked_at(self, reply: Reply) -> Reply | Wrong:
        if reply.chunks is None:
            return await self._whole(reply)
        if self._config.stream == "buffer":
            return await self._kept(reply, reply.chunks)
        return await self._passing(reply, reply.chunks)

    async def _whole(self, reply: Reply) -> Reply | Wrong:
        assert reply.payload is not None
        try:
            answer = self._dialect.decode_answer(reply.payload.answer_tree)
        except HeadgateError:
            self._skip("the answer cannot be read")
            return reply
        verdict = await self._judged(answer)
        if verdict.repairs:
            mended = mended_payload(self._dialect, reply.payload, verdict.repairs)
            if mended is not None:
                self._events.append(OutputRepaired(reply.target))
                return replace(reply, payload=mended)
            verdict = await judged(answer, self._demand, repair=False)
        return Wrong(reply.target, verdict, reply.payload) if verdict.problems else reply

    async def _kept(self, reply: Reply, chunks: Chunks) -> Reply | Wrong:
        """A stream that is looked at as a whole before any of it goes out."""
        kept, rest = await held(chunks)
        transcript = Transcript(self._dialect)
        for chunk in kept:
            transcript.feed(chunk)
        transcript.close()
        if rest is not None or not transcript.is_readable:
            self._skip("the stream is too long to be kept" if rest is not None else "the stream cannot be read")
            return replace(reply, chunks=replayed(kept, rest))
        answer = transcript.answer()
        verdict = await self._judged(answer)
        if verdict.repairs:
            mended = mended_stream(self._dialect, kept, verdict.repairs)
            if mended is not None:
                self._events.append(OutputRepaired(reply.target))
                return replace(reply, chunks=replayed(mended))
            verdict = await judged(answer, self._demand, repair=False)
        if verdict.problems:
            return Wrong(reply.target, verdict, transcript.payload(self._call))
        return replace(reply, chunks=replayed(kept))

    async def _passing(self, reply: Reply, chunks: Chunks) -> Reply | Wrong:
        """A stream that is looked at as it passes. As long as nothing is out it can be asked for again."""
        passing = Passing(self._dialect, self._demand, self._events)
        try:
            first = await anext(chunks, None)
            if first is None:
                return reply
            verdict = await passing.take(first)
        except BaseException:
            await chunks.aclose()
            raise
        if verdict.problems:
            await chunks.aclose()
            return Wrong(reply.target, verdict, passing.transcript.payload(self._call))
        return replace(reply, chunks=self._passed(reply.target, passing, first, chunks))

    async def _passed(self, target: str, passing: Passing, first: Chunk, chunks: Chunks) -> Chunks:
        try:
            yield first
            async for chunk in chunks:
                self._require(target, await passing.take(chunk))
                yield chunk
            self._require(target, await passing.end())
        finally:
            await chunks.aclose()

    def _require(self, target: str, verdict: Verdict) -> None:
        if verdict.problems:
            raise self._failure(target, verdict)

    async def _judged(self, answer: Answer) -> Verdict:
        verdict = await judged(answer, self._demand, self._config.repair)
        for reason in verdict.skipped:
            self._skip(reason)
        return verdict

    def _skip(self, reason: str) -> None:
        self._events.append(ValidationSkipped(reason))

    def _failure(self, target: str, verdict: Verdict) -> MalformedOutput:
        problems = verdict.problems
        self._events.append(OutputInvalid(target, len(problems)))
        more = f"; and {len(problems) - MAX_TOLD} more" if len(problems) > MAX_TOLD else ""
        told = "; ".join(problems[:MAX_TOLD]) + more
        error = MalformedOutput(f"'{target}' gave an answer that is not what was asked for: {told}")
        error.note = f"It is not what was asked for: {told}."
        return error
