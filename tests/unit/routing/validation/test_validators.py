"""Checks by name: loading them, and what the built-in ones say."""

from __future__ import annotations

import asyncio

import pytest

from headgate.errors import ConfigError
from headgate.routing.validation import validators
from headgate.routing.validation.validators import (
    Failed,
    Validator,
    load_validators,
    no_refusal,
    no_repetition,
    not_empty,
)


def no_arguments() -> None:
    pass


NOT_CALLABLE = 7


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("not_emty", "did you mean 'not_empty'"),
        ("nowhere.module:f", "cannot be imported"),
        (f"{__name__}:nothing", "has no 'nothing'"),
        (f"{__name__}:no_arguments", "is not a function that can be called with one text"),
        (f"{__name__}:NOT_CALLABLE", "is not a function that can be called with one text"),
    ],
)
def test_what_cannot_be_loaded_is_told_at_load(name: str, problem: str):
    with pytest.raises(ConfigError, match=problem):
        load_validators([name])


def test_every_built_in_one_loads():
    assert [each.name for each in load_validators(validators.VALIDATORS)] == list(validators.VALIDATORS)


async def test_one_that_takes_too_long_has_failed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(validators, "LIMIT_S", 0.01)

    async def wait(text: str) -> None:
        await asyncio.Event().wait()

    with pytest.raises(Failed, match="TimeoutError"):
        await Validator("wait", wait).problems("x")


async def test_a_call_that_is_cancelled_is_cancelled():
    async def wait(text: str) -> None:
        await asyncio.Event().wait()

    task = asyncio.ensure_future(Validator("wait", wait).problems("x"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("told", [None, "", [], (), [""]])
async def test_nothing_told_is_nothing_wrong(told: object):
    assert await Validator("v", lambda text: told).problems("x") == []  # type: ignore[arg-type,return-value]


@pytest.mark.parametrize("told", [True, 7, [1], {"a": 1}, b"bytes"])
async def test_anything_else_than_words_is_a_failure(told: object):
    with pytest.raises(Failed):
        await Validator("v", lambda text: told).problems("x")  # type: ignore[arg-type,return-value]


@pytest.mark.parametrize(
    "text",
    [
        "I can't help with that.",
        "I’m sorry, but I cannot assist with that request.",
        "I'm unable to provide this information.",
        "Thanks for asking! Sadly, I am not able to comply.",
        "I won't help you.",
    ],
)
def test_refusals_are_told(text: str):
    assert no_refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry to hear that. Here is what you can do.",
        "You can't help it: water flows downhill.",
        "I can help with that.",
        "x" * 400 + " I can't help with that.",
        "",
    ],
)
def test_answers_are_no_refusals(text: str):
    assert no_refusal(text) is None


@pytest.mark.parametrize("text", ["over and over " * 60, "Well. " + "ha" * 300, "a line of some length\n" * 30])
def test_a_model_that_has_got_stuck_is_told(text: str):
    assert no_repetition(text)


@pytest.mark.parametrize(
    "text", ["", "Title\n" + "-" * 80, "no no no no no", "".join(f"line {n}\n" for n in range(400))]
)
def test_what_repeats_a_little_is_fine(text: str):
    assert no_repetition(text) is None


def test_blank_is_empty():
    assert not_empty(" \n")
    assert not_empty("x") is None
