"""Texts against JSON Schema (drafts 4 to 2020-12), with what is wrong in words.

Nothing outside a schema is ever fetched, patterns run in linear time, and what could take long is not begun.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

import jiter
import msgspec

from headgate.checks.effort import Effort, Uncheckable, effort_of
from headgate.checks.lasting import lasting
from headgate.types import JSON

LARGE = 64 * 1024
"""Characters from which on a text is better checked in a thread, bytes of a request whose schema is compiled in one."""

MAX_PROBLEMS = 10
"""Most problems told of one text."""

MAX_PROBLEM = 200
"""Most characters of one."""

MAX_SCHEMA_BYTES = 256 * 1024
MAX_CACHED_BYTES = 32 * 1024
"""Larger schemas are compiled anew for each call."""

MAX_STEPS = 5_000_000
"""Most meetings of a part of the schema with a value; a tenth of a second."""

MAX_LISTED_STEPS = 30_000
"""From here on only the first problem is looked for: the validator lists all it finds, at 10 µs each."""

_PATTERN_BYTES = 128 * 1024

_TYPES = "array, boolean, integer, null, number, object, string"


class Fault(NamedTuple):
    """Something in a document that its schema does not allow."""

    place: tuple[str | int, ...]
    """Of the value at fault; of one that is missing, or should not be there, its own."""
    what: str
    """Without the value."""


class JsonSchema:
    """A schema ready to be checked against. `compiled` makes it."""

    __slots__ = ("_effort", "_lasting", "_whole")

    def __init__(self, effort: Effort, whole: Any, lasting: Any) -> None:
        self._effort = effort
        self._whole = whole
        self._lasting = lasting

    def problems(self, text: str) -> list[str]:
        """What is wrong with a text that should be a document of this schema, as `at /path: what`; nothing where it is
        one.

        Raises:
            Uncheckable: it would take too long.
        """
        try:
            document = jiter.from_json(text.encode(), allow_inf_nan=False)
        except ValueError as error:
            return [f"it is not JSON: {error}"[:MAX_PROBLEM]]
        steps = self._steps(text, document)
        if self._fits(self._whole, document):
            return []
        if steps > MAX_LISTED_STEPS:
            return [self._first(document) or "at /: it does not fit the schema"]
        return [_told(error) for error in islice(self._whole.iter_errors(document), MAX_PROBLEMS)]

    def faults(self, text: str, document: Any) -> list[Fault]:
        """What is wrong with a document, given as text too, which says how large it is.

        Raises:
            Uncheckable: it would take too long.
        """
        steps = self._steps(text, document)
        if self._fits(self._whole, document):
            return []
        if steps > MAX_LISTED_STEPS:
            return [Fault((), "does not fit the schema")]
        return [_fault(error) for error in islice(self._whole.iter_errors(document), MAX_PROBLEMS)]

    def incurable(self, text: str, document: Any) -> list[str]:
        """What is wrong with the beginning of a document that nothing behind it can mend, one problem at most.

        Raises:
            Uncheckable: it would take too long.
        """
        self._steps(text, document)
        found = self._first(document)
        return [found] if found is not None else []

    def _steps(self, text: str, document: Any) -> int:
        steps = self._effort.steps(1 + text.count(",") + text.count("{") + text.count("["), document)
        if steps > MAX_STEPS:
            raise Uncheckable("the document is too large for its schema")
        return steps

    def _first(self, document: Any) -> str | None:
        """The first problem that lasts. Alternatives are not among them, whose problems could be any number."""
        if self._lasting is None or self._fits(self._lasting, document):
            return None
        try:
            self._lasting.validate(document)
        except ValueError as error:
            return _told(error)
        return None

    def _fits(self, validator: Any, document: Any) -> bool:
        try:
            return validator.is_valid(document)
        except ValueError as error:  # a number or a nesting that the validator cannot take
            raise Uncheckable(f"the document cannot be checked: {error}"[:MAX_PROBLEM]) from None


def compiled(schema: JSON) -> JsonSchema:
    """A schema ready to be checked against; the same one again for the same schema.

    Raises:
        Uncheckable: it is no JSON Schema, refers to something outside itself, or is too large or complex.
    """
    raw = msgspec.json.encode(schema, order="deterministic")
    if len(raw) > MAX_SCHEMA_BYTES:
        raise Uncheckable("the schema is too large")
    made = _made(raw) if len(raw) <= MAX_CACHED_BYTES else _made.__wrapped__(raw)
    if isinstance(made, Uncheckable):
        raise Uncheckable(str(made), made.place)
    return made


@lru_cache(maxsize=128)
def _made(raw: bytes) -> JsonSchema | Uncheckable:
    """A compiled schema, or why there is none: what cannot be compiled is not tried again either."""
    schema = msgspec.json.decode(raw)
    try:
        effort = effort_of(schema)
        return JsonSchema(effort, _validator(schema), _lasting_validator(schema))
    except Uncheckable as error:
        return Uncheckable(str(error), error.place)


def _lasting_validator(schema: JSON) -> Any:
    try:
        return _validator(lasting(schema))
    except Uncheckable:
        return None  # a reference to what does not last


def _validator(schema: JSON) -> Any:
    import jsonschema_rs  # 30 ms that importing the library should not cost

    patterns = jsonschema_rs.RegexOptions(size_limit=_PATTERN_BYTES)
    try:
        return jsonschema_rs.validator_for(schema, retriever=_refuse, mask="it", pattern_options=patterns)
    except ValueError as error:
        what = error.message if isinstance(error, jsonschema_rs.ValidationError) else str(error)
        place = tuple(error.instance_path) if isinstance(error, jsonschema_rs.ValidationError) else ()
        if place[-1:] == ("type",) and place[-2:-1] != ("properties",):
            what = f"it is no type; types: {_TYPES}"
        raise Uncheckable(f"the schema is none: at {_pointer(place)}: {what}"[:MAX_PROBLEM], place) from None


def _refuse(uri: str) -> Any:
    raise ValueError(f"nothing outside the schema is fetched, so not {uri}")


def _told(error: Any) -> str:
    """A validator's error in words, without the value that is wrong."""
    what = error.message
    if error.kind.name in ("anyOf", "oneOf") and hasattr(error.kind, "context"):
        firsts = [branch[0].message for branch in error.kind.context if branch]
        what = "; or ".join(dict.fromkeys(firsts)) or what
    return f"at {_pointer(error.instance_path)}: {what}"[:MAX_PROBLEM]


def _fault(error: Any) -> Fault:
    place = tuple(error.instance_path)
    if error.kind.name == "required":
        return Fault((*place, error.kind.property), "is missing")
    if error.kind.name == "additionalProperties":
        return Fault((*place, error.kind.unexpected[0]), "is not in the schema")
    return Fault(place, _told(error).partition(": ")[2])


def _pointer(path: Iterable[str | int]) -> str:
    """A place in a document (RFC 6901), `/` for all of it."""
    return "/" + "/".join(str(step).replace("~", "~0").replace("/", "~1") for step in path)
