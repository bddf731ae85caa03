"""Checks of an answer's text by name: built-in ones, and users' own."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

import msgspec

from headgate.checks.refusals import refuses
from headgate.errors import ConfigError
from headgate.registry import load, look_up

Told = str | Sequence[str] | None
"""What is wrong, in a sentence or several; nothing where all is well."""

VALIDATORS = {
    "not_empty": "headgate.routing.validation.validators:not_empty",
    "no_refusal": "headgate.routing.validation.validators:no_refusal",
    "no_repetition": "headgate.routing.validation.validators:no_repetition",
}

LIMIT_S = 10.0
"""Longest time a validator that waits for something is given."""


class Failed(Exception):
    """A validator could not do its work, which says nothing about the text."""


class Validator(msgspec.Struct, frozen=True):
    """A function from a text to what is wrong with it, and its name in the configuration. It runs on the event loop: a
    function that takes long or waits has to be `async`.
    """

    name: str
    function: Callable[[str], Told | Awaitable[Told]]

    async def problems(self, text: str) -> list[str]:
        """What is wrong with a text.

        Raises:
            Failed: the function raised something, took too long, or returned what it may not.
        """
        try:
            told = self.function(text)
            if inspect.isawaitable(told):
                async with asyncio.timeout(LIMIT_S):
                    told = await told
        except Exception as error:  # somebody's code runs here, and may do anything
            raise Failed(f"{type(error).__name__}: {error}") from error
        return _listed(told)


def load_validators(names: Iterable[str]) -> tuple[Validator, ...]:
    """The validators of a configuration: `package.module:function`, or the name of a built-in one.

    Raises:
        ConfigError: one cannot be imported, is unknown, or is no function of one text.
    """
    return tuple(Validator(name, _function(name)) for name in names)


def _function(name: str) -> Callable[[str], Any]:
    function = load(name) if ":" in name else look_up("validator", name, VALIDATORS)
    try:
        inspect.signature(function).bind("")
    except (TypeError, ValueError):
        raise ConfigError([f"validator '{name}' is not a function that can be called with one text"]) from None
    return function


def _listed(told: object) -> list[str]:
    if told is None or told == "":
        return []
    if isinstance(told, str):
        return [told]
    if isinstance(told, Sequence) and all(isinstance(each, str) for each in told):
        return [each for each in told if each]
    raise Failed(f"it returned {type(told).__name__}, not what is wrong in words")


# ── built-in ones ───────────────────────────────────────────────────────────────────────────────────────────────────


def not_empty(text: str) -> Told:
    """Something is said."""
    return None if text.strip() else "it is empty"


def no_refusal(text: str) -> Told:
    """It does not begin by saying that the model will not answer."""
    return "it refuses to answer" if refuses(text) else None


_LONGEST_UNIT = 200
_TIMES = 8
_REPEATED = 400
"""Characters an end has to repeat, at the least, to be more than a ruled line."""


def no_repetition(text: str) -> Told:
    """It does not end in the same words over and over, as a model does that has got stuck."""
    end = text.rstrip()[-_LONGEST_UNIT * _TIMES :]
    for size in range(1, min(_LONGEST_UNIT, len(end) // _TIMES) + 1):
        times = max(_TIMES, -(-_REPEATED // size))
        if len(end) >= size * times and end.endswith(end[-size:] * times):
            return f"it ends in the same {size} characters {times} times over"
    return None
