"""The days on which vendors retire models, as `tools/update_retirements.py` took them from litellm.

Vendors announce the same model for other days: which one holds goes by the kind of provider that is asked for it. Some
name a day before which a model will not retire, and it stands here as if it were the day itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Protocol

import msgspec

NEVER = "never"
"""What is written of a model in place of a day that does not hold."""

SOON_DAYS = 60
"""Days before a model retires at which people want to know."""


class Retirement(msgspec.Struct, frozen=True, order=True):
    """A model that retires."""

    model: str
    """What answers: `provider/model-id`."""
    day: date
    """The day on which it does not, any more."""


class RetiringNames(Protocol):
    """What the names of a configuration retire with."""

    def of(self, name: str) -> Sequence[Retirement]:
        """What retires of a model, of `provider/model-id` or of `vendor/model`, the earliest first."""
        ...

    def prompt(self, reference: str) -> Sequence[str]:
        """The models that a released prompt is, by `name@label`."""
        ...


class NothingRetires:
    """Where no configuration is known."""

    def of(self, name: str) -> Sequence[Retirement]:
        return ()

    def prompt(self, reference: str) -> Sequence[str]:
        return ()


class RetirementList(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is known of all vendors."""

    source: str
    date: date
    """The day it was made."""
    kinds: dict[str, dict[str, date]]
    """By the kind of provider and the model's name, in lower case."""


@cache
def retirement_list() -> RetirementList:
    """The list this version came with. Read once, when first asked for."""
    return msgspec.json.decode((files("headgate.catalog") / "retirements.json").read_bytes(), type=RetirementList)


class Retirements:
    """The days of models, each by the kind of provider it is asked of and the vendor's name of it.

    `said` are days in place of the list's, or `never`, by `kind/model` or by `model` alone, whichever provider has it;
    a name may end in `*`. An exact name goes before a pattern, a longer pattern before a shorter one.
    """

    def __init__(self, said: Mapping[str, str] | None = None, listed: RetirementList | None = None) -> None:
        self._listed = listed
        days = {name.lower(): None if day == NEVER else date.fromisoformat(day) for name, day in (said or {}).items()}
        self._exact = {name: day for name, day in days.items() if not name.endswith("*")}
        patterns = [(name[:-1], day) for name, day in days.items() if name.endswith("*")]
        self._patterns = sorted(patterns, key=lambda each: -len(each[0]))

    def day(self, kind: str, model: str) -> date | None:
        """The day on which a model retires; None where none is known.

        A dated snapshot retires with the name that stands for it, unless it has a day of its own; so does what runs
        in several regions at once (`eu.`). A name that only begins like another is another model.
        """
        model = model.lower()
        plain = _PLAIN.get(kind, _as_it_is)(model)
        said = list(dict.fromkeys(each for name in (model, plain) for each in (f"{kind}/{name}", name)))
        for name in said:
            if name in self._exact:
                return self._exact[name]
        for prefix, day in self._patterns:
            if any(name.startswith(prefix) for name in said):
                return day
        listed = self._listed or retirement_list()
        days = listed.kinds.get(kind, {})
        return next((days[name] for name in _names(kind, model, plain, listed.date) if name in days), None)


def _names(kind: str, model: str, plain: str, made: date) -> Iterator[str]:
    """The names a day may stand under, the most exact one first."""
    yield model
    yield plain
    snapshot = _SNAPSHOT.fullmatch(plain)
    if snapshot is not None and _is_by(snapshot["day"], made):
        yield snapshot["name"]
    if kind in ("gemini", "vertex"):
        yield _STABLE.sub("", plain)


_SNAPSHOT = re.compile(r"(?P<name>.+)[-@](?P<day>20\d{2}-?[01]\d-?[0-3]\d)")
_STABLE = re.compile(r"-0\d\d$|@default$|@latest$")
"""What Google adds to the name of a model for its versions."""


def is_day(text: str) -> bool:
    """Whether a text is a day as it is written here: `2027-01-31`."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _is_by(day: str, made: date) -> bool:
    """Whether a snapshot is one the list can have known."""
    try:
        return date.fromisoformat(day) <= made
    except ValueError:
        return False


# ── what providers' names of models carry besides ──

_ARN = re.compile(r"^arn:[^/]*/")
_ACROSS = re.compile(r"^(?:us|eu|apac|ap|jp|au|ca|global)\.(?=[a-z0-9-]+\.)")
"""Where an inference profile runs. `us-gov.` is a cloud apart."""
_SIZE = re.compile(r"(?<=:\d):\d+k$")
_TUNED = re.compile(r"^(ft:[^:]+):.*")
_PUBLISHED = re.compile(r"^(?:publishers/[^/]+/models/|models/|google/|anthropic/)")
_FOLDER = re.compile(r"^accounts/fireworks/(?:models|routers)/")


def _as_it_is(model: str) -> str:
    return model


_PLAIN: Mapping[str, Callable[[str], str]] = {
    "bedrock": lambda model: _SIZE.sub("", _ACROSS.sub("", _ARN.sub("", model))),
    "fireworks": lambda model: _FOLDER.sub("", model),
    "gemini": lambda model: _PUBLISHED.sub("", model),
    "openai": lambda model: _TUNED.sub(r"\1", model),
    "vertex": lambda model: _PUBLISHED.sub("", model),
}
