"""Assertions of promptfoo as test files write them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from headgate.config.problem import Path
from headgate.evals.kinds import ALIASES, ELSEWHERE, KINDS
from headgate.evals.promptfoo.notes import FILE, Notes
from headgate.evals.reading.conversations import names_inputs
from headgate.evals.reading.mini import listed

_PLACE = re.compile(r"\{\{\s*([\w.-]+)\s*\}\}")
_ENVIRONMENT = re.compile(r"\{\{\s*env\.(\w+)\s*\}\}")
_TEMPLATE = re.compile(r"\{\{(?!\s*(?:inputs|env)\.[\w-]+\s*\}\})|\{%")
_REFERENCE = "#/assertionTemplates/"
_MEMBERS = frozenset({"type", "value", "threshold", "weight", "metric"})
_ELSEWHERE_LOOKED = ("transform", "contextTransform")
_BY_THRESHOLD = frozenset({"latency", "cost"})
_LISTS = frozenset({"contains-any", "contains-all", "icontains-any", "icontains-all", "tool-call-f1"})
_OTHERWISE: Mapping[str, str] = {
    "python": "functions take (answer, case) here, and stand in files of their own: 'python: file.py:function'",
    "levenshtein": "it counts edits there, and is a share from 0 to 1 here: 'levenshtein: text' with 'threshold: 0.8'",
}
"""Kinds of the same name that are something else."""

Variables = Mapping[str, Any] | None
"""The variables of a test; None for assertions of all tests, whose variables are told by name only."""


class Assertions:
    """Takes assertions over. `judged` and `compared` say whether any needs a judge, or vectors."""

    def __init__(self, notes: Notes, templates: Any) -> None:
        self._notes = notes
        self._templates: dict[str, Any] = templates if isinstance(templates, dict) else {}
        self.judged = self.compared = False

    def taken(self, path: Path, given: Any, variables: Variables) -> list[dict[str, Any]]:
        """A list of assertions; what is left out of it is noted."""
        if given is None:
            return []
        if not isinstance(given, list):
            self._notes.add(path, "is no list of assertions; it was left out")
            return []
        found = [self._one((*path, at), each, variables) for at, each in enumerate(given)]
        return [each for each in found if each is not None]

    def _one(self, path: Path, given: Any, variables: Variables) -> dict[str, Any] | None:
        given = self._referred(given)
        kind = given.get("type") if isinstance(given, dict) else None
        if not isinstance(kind, str):
            self._notes.add(path, "is no assertion that can be read; it was left out")
            return None
        negation, plain = ("not-", kind[4:]) if kind.startswith("not-") else ("", kind)
        plain = plain.removesuffix(":cosine")
        plain = ALIASES.get(plain, plain)
        if (why := self._why_not(kind, plain, given)) is not None:
            self._notes.add(path, why)
            return None
        if plain == "assert-set":
            return self._set(path, kind, given, variables)
        self._notes.left(path, given, _MEMBERS)
        value = _value(plain, given, variables)
        row = KINDS[plain]
        if _is_template(value) or (plain == "regex" and names_inputs(value)):
            self._notes.add(path, f"the value of {kind} is a template that cannot be filled in; it was left out")
            return None
        for name in _environment(value):
            self._notes.add(path, f"'env.{name}' is of the environment, and is not filled in; write what it stands for")
        if not names_inputs(value) and (problem := row.check(value)):
            self._notes.add(path, f"{kind} {problem}; it was left out")
            return None
        self.judged |= row.judges
        self.compared |= plain == "similar"
        return {f"{negation}{plain}": value, **self._options(path, plain, given)}

    def _referred(self, given: Any) -> Any:
        """What a reference to one of the templates stands for."""
        reference = given.get("$ref") if isinstance(given, dict) else None
        if not isinstance(reference, str):
            return given
        template = self._templates.get(reference.removeprefix(_REFERENCE))
        own = {name: value for name, value in given.items() if name != "$ref"}
        return {**template, **own} if isinstance(template, dict) else given

    def _why_not(self, kind: str, plain: str, given: dict[str, Any]) -> str | None:
        if given.get("weight") == 0:
            return f"{kind} has a weight of 0 and only measures; it was left out"
        for name in _ELSEWHERE_LOOKED:
            if given.get(name) is not None:
                return f"{kind} looks at what '{name}' makes of an answer; it was left out"
        if isinstance(given.get("value"), str) and given["value"].startswith(FILE):
            return f"the value of {kind} is in a file; it was left out"
        if plain in _OTHERWISE:
            return f"{kind} was left out: {_OTHERWISE[plain]}"
        if plain in KINDS or plain == "assert-set":
            return None
        why = ELSEWHERE.get(plain)
        return f"there is nothing like {kind} here{f': {why}' if why else ''}; it was left out"

    def _set(self, path: Path, kind: str, given: dict[str, Any], variables: Variables) -> dict[str, Any] | None:
        self._notes.left(path, given, _MEMBERS | {"assert"})
        members = self.taken((*path, "assert"), given.get("assert"), variables)
        if not members:
            self._notes.add(path, "is a set of which nothing was taken over; it was left out")
            return None
        return {kind: members, **self._options(path, "assert-set", given)}

    def _options(self, path: Path, kind: str, given: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        scored = kind == "assert-set" or KINDS[kind].threshold is not None
        threshold, weight, metric = given.get("threshold"), given.get("weight"), given.get("metric")
        if threshold == 0 and scored:
            self._notes.add(path, "a threshold of 0 passes always; it was left out")
        elif threshold is not None and not scored and kind not in _BY_THRESHOLD:
            self._notes.add(path, f"{kind} holds or does not; its threshold was left out")
        elif scored and is_number(threshold, 1):
            found["threshold"] = threshold
        elif threshold is not None and scored:
            self._notes.add(path, f"a threshold is a number above 0, and 1 at most; {threshold!r} was left out")
        if is_number(weight, 1e6):
            found["weight"] = weight
        elif weight is not None:
            self._notes.add(path, f"a weight is a number above 0; {weight!r} was left out")
        if isinstance(metric, str) and metric:
            found["metric"] = metric
        return found


def _value(kind: str, given: dict[str, Any], variables: Variables) -> Any:
    value = given.get("value")
    if kind in _BY_THRESHOLD:
        return given.get("threshold", value)
    if kind in _LISTS and isinstance(value, str):
        value = listed(value)
    elif kind == "rubric" and isinstance(value, list):
        value = "\n".join(map(str, value))
    elif kind == "word-count" and isinstance(value, int) and not isinstance(value, bool):
        value = {"min": value, "max": value}  # there a number is just so many
    elif kind == "faithfulness" and value is None and "context" in (variables or {}):
        value = "context"
    elif kind in ("is-json", "contains-json") and isinstance(value, str):
        value = _decoded(value)
    return _filled(value, variables)


def is_number(value: Any, most: float) -> bool:
    """Whether a value is a number above 0, and that much at most."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= most


def _filled(value: Any, variables: Variables) -> Any:
    """A value with the variables of its test in its texts; of all tests with their names, as test files write them."""
    if isinstance(value, str):
        if variables is None:
            return _PLACE.sub(
                lambda match: match[0] if match[1].startswith("env.") else f"{{{{inputs.{match[1]}}}}}", value
            )
        return _PLACE.sub(lambda match: _text(variables.get(match[1], match[0])), value)
    if isinstance(value, dict):
        return {name: _filled(each, variables) for name, each in value.items()}
    return [_filled(each, variables) for each in value] if isinstance(value, list) else value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for each in inner:
        yield from _texts(each)


def _is_template(value: Any) -> bool:
    return any(_TEMPLATE.search(each) for each in _texts(value))


def _environment(value: Any) -> Iterator[str]:
    return (name for each in _texts(value) for name in _ENVIRONMENT.findall(each))


def _decoded(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return text
