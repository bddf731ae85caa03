"""Whether an answer is what was asked for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

import msgspec

from headgate.checks.effort import Uncheckable
from headgate.checks.json_schema import LARGE, MAX_PROBLEMS, JsonSchema
from headgate.checks.repair import repaired
from headgate.dialects.hub import Answer, Choice, Native, Reasoning, Refusal, Stop, Text, ToolCall
from headgate.routing.validation.demand import Demand
from headgate.routing.validation.validators import Failed

_log = logging.getLogger(__name__)

_UNFINISHED: frozenset[Stop | None] = frozenset({"length", "context", "content_filter", "refusal", "pause", "error"})
"""Stops after which an answer is not what the model would have made of it, so that it is not held against it."""


class Verdict(msgspec.Struct):
    """What came of looking at an answer."""

    problems: list[str] = []
    choice: int = 0
    """The choice that has them."""
    repairs: dict[str, str] = {}
    """By text that was wrong, what it was meant to be; only where that leaves no problem."""
    skipped: list[str] = []
    """Why something could not be checked, once for each."""


async def judged(answer: Answer, demand: Demand, repair: bool) -> Verdict:
    """Look at the choices of an answer, up to one with a problem. With `repair`, what can be mended is none."""
    verdict = Verdict()
    for number, choice in enumerate(answer.choices):
        await _Judge(choice, demand, repair, verdict).judge()
        if verdict.problems:
            del verdict.problems[MAX_PROBLEMS:]
            verdict.choice = number
            verdict.repairs.clear()
            break
    return verdict


class _Judge:
    """Looks at one choice, and adds to a verdict."""

    def __init__(self, choice: Choice, demand: Demand, repair: bool, verdict: Verdict) -> None:
        self._choice = choice
        self._demand = demand
        self._repair = repair
        self._verdict = verdict

    async def judge(self) -> None:
        parts = self._choice.parts
        reason = _unfinished(self._choice)
        if reason is not None:
            self._verdict.skipped.append(reason)
            return
        calls = [part for part in parts if isinstance(part, ToolCall)]
        for call in calls:
            await self._judge_call(call)
        if not calls:
            await self._judge_texts(_last_texts(self._choice))

    async def _judge_call(self, call: ToolCall) -> None:
        stranger = self._demand.stranger(call.name)
        if stranger is not None:
            self._verdict.problems.append(stranger)
            return
        try:
            schema = await self._demand.arguments(call.name)
            # a function without parameters is often called without arguments, not even `{}`
            if schema is not None:
                found = await self._mended([call.arguments if call.arguments.strip() else "{}"], schema)
                self._verdict.problems += [f"call of '{call.name}': {each}" for each in found]
        except Uncheckable as error:
            self._verdict.skipped.append(str(error))

    async def _judge_texts(self, texts: Sequence[str] | None) -> None:
        if texts is None:
            self._verdict.skipped.append("the answer is not text")
            return
        if self._demand.document is not None:
            try:
                self._verdict.problems += await self._mended(texts, self._demand.document)
            except Uncheckable as error:
                self._verdict.skipped.append(str(error))
        if not self._verdict.problems:
            repairs = self._verdict.repairs
            await self._ask_validators("".join([repairs.get(text, text) for text in texts]))

    async def _ask_validators(self, text: str) -> None:
        for validator in self._demand.validators:
            try:
                self._verdict.problems += await validator.problems(text)
            except Failed as error:
                _log.warning(
                    "validator '%s' failed, so that an answer was not checked by it: %s", validator.name, error
                )
                self._verdict.skipped.append(f"validator '{validator.name}' failed")

    async def _mended(self, texts: Sequence[str], schema: JsonSchema) -> list[str]:
        """What is wrong with a document, in one text or several; nothing where it can be mended."""
        if not texts:
            return ["it is empty"]
        problems = await _problems("".join(texts), schema)
        if not problems:
            return []
        if len(texts) > 1:  # clients read one, or all together: either will do
            return problems if any([await _problems(text, schema) for text in texts]) else []
        if self._repair:
            mended = await asyncio.to_thread(repaired, texts[0], lambda text: not schema.problems(text))
            if mended is not None:
                self._verdict.repairs[texts[0]] = mended
                return []
        return problems


async def _problems(text: str, schema: JsonSchema) -> list[str]:
    return schema.problems(text) if len(text) <= LARGE else await asyncio.to_thread(schema.problems, text)


def _unfinished(choice: Choice) -> str | None:
    """Why a choice is not held to anything."""
    if any(isinstance(part, Refusal) for part in choice.parts):
        return "refusal"
    return choice.stop if choice.stop in _UNFINISHED else None


def _last_texts(choice: Choice) -> list[str] | None:
    """The texts that are the answer: what is said before a tool of the vendor's has run is not. None where the answer
    is something else than text.
    """
    texts: list[str] = []
    is_other = False
    for part in choice.parts:
        if isinstance(part, Text):
            if part.text.strip():
                texts.append(part.text)
        elif isinstance(part, Native):
            texts.clear()
            is_other = True
        elif not isinstance(part, Reasoning):
            is_other = True
    return texts if texts or not is_other else None
