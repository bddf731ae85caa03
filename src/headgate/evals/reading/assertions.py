"""Assertions, as test files write them.

- contains: Paris                      # kind and value
- not-contains: London                 # any kind can be negated
- similar: The capital is Paris.       # and beside the kind what else there is to say
  threshold: 0.8
  weight: 2
  metric: meaning
- {type: contains, value: Paris}       # the same, as promptfoo writes it
- assert-set: [{contains: a}, {contains: b}]
  threshold: 0.5
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

from headgate.config.problem import Path
from headgate.evals.case import SET, Assertion
from headgate.evals.kinds import ALIASES, ELSEWHERE, KINDS, Kind
from headgate.evals.reading.conversations import names_inputs
from headgate.evals.reading.sheet import OTHERWISE, Sheet
from headgate.registry import suggest

NOT = "not-"
COMMON = frozenset({"weight", "threshold", "metric"})
MOST_SETS = 8
"""Sets within sets."""

ALWAYS = "passes whatever the answer is; leave it out, or write a number above 0"


def read_assertions(sheet: Sheet, path: Path, value: Any, depth: int = 0) -> tuple[Assertion, ...]:
    """A list of assertions; what is wrong in it is noted."""
    found = [_read(sheet, (*path, at), each, depth) for at, each in enumerate(sheet.items(path, value))]
    return tuple(each for each in found if each is not None)


def _read(sheet: Sheet, path: Path, value: Any, depth: int) -> Assertion | None:
    if isinstance(value, str):  # - is-json
        value = {value: None}
    if callable(value):
        value = {"python": value}
    if not isinstance(value, dict) or not value:
        sheet.wrong(path, "is no assertion; write 'kind: value', as 'contains: Paris'")
        return None
    if "type" in value:
        if not isinstance(value["type"], str):
            sheet.wrong((*path, "type"), "is no kind of assertion; write a text")
            return None
        return _made(sheet, path, value["type"], "value", {k: v for k, v in value.items() if k != "type"}, depth)
    kinds = [name for name in value if _kind_of(name)[0] is not None]
    if not kinds:
        unknown = next((name for name in value if name not in COMMON), next(iter(value)))
        sheet.wrong((*path, unknown), f"is no kind of assertion{_near(str(unknown))}")
        return None
    if len(kinds) > 1:
        sheet.wrong((*path, kinds[1]), f"is a second kind in one assertion, beside {kinds[0]}; begin it with '- '")
        return None
    return _made(sheet, path, kinds[0], kinds[0], value, depth)


def _made(sheet: Sheet, path: Path, name: str, holder: str, given: dict[str, Any], depth: int) -> Assertion | None:
    plain, negated = _kind_of(name)
    if plain is None:
        sheet.wrong((*path, "type"), f"{name} is no kind of assertion{_near(name)}")
        return None
    if plain == SET:
        return _set(sheet, path, holder, given, negated, depth)
    kind = KINDS[plain]
    value = given.get(holder)
    if not names_inputs(value) and (problem := kind.check(value)):  # else each case's is looked at
        sheet.wrong(
            (*path, holder) if holder in given else path, f"{plain} {problem}" if holder == "value" else problem
        )
    options = {each: given[each] for each in given if each in kind.options}
    _known(sheet, path, given, {holder, *COMMON, *kind.options})
    return Assertion(
        kind=plain,
        value=value,
        negated=negated,
        weight=_weight(sheet, path, given),
        threshold=_threshold(sheet, path, given, plain, kind),
        metric=sheet.text((*path, "metric"), given.get("metric")),
        options=options,
        place=sheet.place(path),
    )


def _set(sheet: Sheet, path: Path, holder: str, given: dict[str, Any], negated: bool, depth: int) -> Assertion | None:
    inside = "assert" if holder == "value" else holder
    _known(sheet, path, given, {inside, *COMMON})
    if depth >= MOST_SETS:
        sheet.wrong(path, f"is the {MOST_SETS + 1}th set within a set; {MOST_SETS} are enough")
        return None
    before = len(sheet.problems)
    members = read_assertions(sheet, (*path, inside), given.get(inside), depth + 1)
    if not members and len(sheet.problems) == before:
        sheet.wrong(
            path, "is a set without assertions, which passes whatever the answer is; write some, or leave it out"
        )
    threshold = sheet.share((*path, "threshold"), given.get("threshold"), ALWAYS)
    return Assertion(
        kind=SET,
        negated=negated,
        weight=_weight(sheet, path, given),
        threshold=threshold,
        metric=sheet.text((*path, "metric"), given.get("metric")),
        members=members,
        place=sheet.place(path),
    )


def _threshold(sheet: Sheet, path: Path, given: dict[str, Any], name: str, kind: Kind) -> float | None:
    if given.get("threshold") is None:
        return None
    if kind.threshold is None:
        sheet.wrong((*path, "threshold"), f"is not for {name}, which holds or does not; leave it out")
        return None
    return sheet.share((*path, "threshold"), given["threshold"], ALWAYS)


def _weight(sheet: Sheet, path: Path, given: dict[str, Any]) -> float:
    weight = given.get("weight", 1.0)
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 < weight <= 1e6:
        zero = not isinstance(weight, bool) and weight == 0
        what = "of 0 would let it fail unseen; leave the assertion out" if zero else "is a number above 0"
        sheet.wrong((*path, "weight"), what)
        return 1.0
    return float(weight)


def _known(sheet: Sheet, path: Path, given: dict[str, Any], known: set[str]) -> None:
    for name in given:
        if name not in known:
            sheet.wrong((*path, name), OTHERWISE.get(name) or f"is not known here{suggest(name, known)}")


def _kind_of(name: Any) -> tuple[str | None, bool]:
    """The kind behind a name, and whether it is negated."""
    if not isinstance(name, str):
        return None, False
    negated = name.startswith(NOT)
    plain = name.removeprefix(NOT)
    plain = ALIASES.get(plain, plain)
    return (plain if plain in KINDS or plain == SET else None), negated


def _near(name: str) -> str:
    if (instead := ELSEWHERE.get(name.removeprefix(NOT))) is not None:
        return f" here: {instead}"
    known = [*KINDS, *ALIASES, SET]
    close = difflib.get_close_matches(name.removeprefix(NOT), known, n=1)
    return f"; did you mean '{close[0]}'?" if close else f"; there are {_listed(sorted(KINDS))} and {SET}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)
