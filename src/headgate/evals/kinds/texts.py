"""What a text says, letter by letter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from headgate.checks.patterns import searching
from headgate.evals.kinds.kind import Kind, a_list, a_scalar, a_text, holds
from headgate.evals.marks import Look, Told, shortened


def _equals(look: Look) -> Told:
    wanted, text = look.value, look.answer.text
    if isinstance(wanted, str):
        return holds(text.strip() == wanted.strip(), f"the answer is {shortened(text)!r}")
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return Told(0.0, f"the answer is no JSON: {shortened(text)!r}")
    return holds(_same(found, wanted), f"the answer is {shortened(text)!r}")


def _same(one: Any, other: Any) -> bool:
    """Whether two values of JSON are the same: to Python `true` is 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(each, other[name]) for name, each in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return one == other


def _fits_equals(value: Any) -> str | None:
    return "takes a text, or a value that the answer is as JSON" if value is None or value == "" else None


def _contains(*, folded: bool) -> Callable[[Look], Told]:
    def look(look: Look) -> Told:
        text, wanted = _folded(look.answer.text, folded), _folded(str(look.value), folded)
        has = wanted in text
        return holds(has, f"{shortened(str(look.value))!r} is {'' if has else 'not '}in it")

    return look


def _several(*, folded: bool, every: bool) -> Callable[[Look], Told]:
    def look(look: Look) -> Told:
        text = _folded(look.answer.text, folded)
        there = [str(each) for each in look.value if _folded(str(each), folded) in text]
        missing = [str(each) for each in look.value if str(each) not in there]
        if every:
            return holds(not missing, f"not in it: {', '.join(missing)}" if missing else "all are in it")
        return holds(bool(there), f"in it: {', '.join(there)}" if there else "none of them is in it")

    return look


def _folded(text: str, folded: bool) -> str:
    return text.casefold() if folded else text


def _starts_with(look: Look) -> Told:
    text = look.answer.text.lstrip()
    return holds(text.startswith(str(look.value).lstrip()), f"it begins {shortened(text[:200], 40)!r}")


def _ends_with(look: Look) -> Told:
    text = look.answer.text.rstrip()
    return holds(text.endswith(str(look.value).rstrip()), f"it ends {shortened(text[-40:], 40)!r}")


def _regex(look: Look) -> Told:
    found = searching(look.value)(look.answer.text)
    return holds(found, f"the pattern is {'' if found else 'not '}in it")


def _fits_regex(value: Any) -> str | None:
    if problem := a_text(value):
        return problem
    try:
        searching(value)
    except ValueError as error:
        return f"takes a pattern; this is {error}"
    return None


KINDS: Mapping[str, Kind] = {
    "equals": Kind(_fits_equals, _equals),
    "contains": Kind(a_scalar, _contains(folded=False)),
    "icontains": Kind(a_scalar, _contains(folded=True)),
    "contains-any": Kind(a_list, _several(folded=False, every=False)),
    "contains-all": Kind(a_list, _several(folded=False, every=True)),
    "icontains-any": Kind(a_list, _several(folded=True, every=False)),
    "icontains-all": Kind(a_list, _several(folded=True, every=True)),
    "starts-with": Kind(a_scalar, _starts_with),
    "ends-with": Kind(a_scalar, _ends_with),
    "regex": Kind(_fits_regex, _regex),
}
