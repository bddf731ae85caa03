"""What an answer's marks depend on beside itself and its assertions: who judges, whose vectors are compared, and which
functions look at it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from headgate.errors import ConfigError
from headgate.evals.case import Assertion, Case, Suite
from headgate.evals.judges import JUDGE
from headgate.evals.kinds import KINDS
from headgate.evals.kinds.own import function_of


def graders_of(case: Case, suite: Suite) -> list[Any]:
    """Who judges a case's answers and which functions look at them, as two runs may have them in common: plain values,
    empty where assertions say it all.
    """
    return [[each.kind, *_grader(each, suite)] for each in _flat(case.assertions) if _is_graded(each)]


def models_of(case: Case, suite: Suite) -> list[str]:
    """The models that are asked about a case's answers."""
    asked = [_model(each, suite) for each in _flat(case.assertions)]
    return sorted({each for each in asked if each is not None})


def code_of(case: Case, suite: Suite) -> list[str]:
    """Digests of the files whose functions look at a case's answers: whatever is changed in one may change a mark."""
    named = [each.value for each in _flat(case.assertions) if each.kind == "python"]
    files = {inspect.getsourcefile(_unwrapped(each)) for each in map(_resolved(suite), named) if _has_file(each)}
    return sorted(sha256(Path(each).read_bytes()).hexdigest() for each in files if each and Path(each).is_file())


def written(function: Callable[..., Any]) -> str:
    """What a function does, as far as that can be told without running it: its name, its source and the plain values it
    was made with. Where it is in memory or on disk differs from run to run, and is none of it.
    """
    plain = _unwrapped(function)
    return "\n".join((getattr(plain, "__qualname__", type(plain).__qualname__), _source(plain), *_bound(function)))


def _flat(assertions: tuple[Assertion, ...]) -> Iterator[Assertion]:
    for each in assertions:
        yield each
        yield from _flat(each.members)


def _is_graded(assertion: Assertion) -> bool:
    kind = KINDS.get(assertion.kind)
    return kind is not None and (kind.judges or assertion.kind in ("similar", "python"))


def _grader(assertion: Assertion, suite: Suite) -> list[Any]:
    if assertion.kind == "python":
        function = _resolved(suite)(assertion.value)
        return [written(function) if callable(function) else str(assertion.value)]
    judge = suite.judges.get(assertion.options.get(JUDGE, JUDGE)) if KINDS[assertion.kind].judges else None
    return [_model(assertion, suite), None if judge is None else judge.config]


def _model(assertion: Assertion, suite: Suite) -> str | None:
    if assertion.kind == "similar":
        return assertion.options.get("model") or suite.embeddings
    if assertion.kind not in KINDS or not KINDS[assertion.kind].judges:
        return None
    judge = suite.judges.get(assertion.options.get(JUDGE, JUDGE))
    return None if judge is None else judge.model


def _resolved(suite: Suite) -> Callable[[Any], Any]:
    def function(value: Any) -> Any:
        try:
            return value if callable(value) else function_of(value, str(Path(suite.file).parent))
        except ConfigError:
            return None

    return function


def _unwrapped(function: Any) -> Any:
    """The function itself, behind partial arguments and decorators; of an object that can be called its class."""
    plain = inspect.unwrap(getattr(function, "func", function))
    return plain if inspect.isroutine(plain) or inspect.isclass(plain) else type(plain)


def _has_file(function: Any) -> bool:
    try:
        return callable(function) and inspect.getsourcefile(_unwrapped(function)) is not None
    except TypeError:  # of C
        return False


@lru_cache(maxsize=4_096)
def _source(function: Any) -> str:
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):  # typed in, or of C
        code = getattr(function, "__code__", None)
        return "" if code is None else code.co_code.hex()


def _bound(function: Any) -> Iterator[str]:
    cells = getattr(function, "__closure__", None) or ()
    values = [getattr(cell, "cell_contents", None) for cell in cells]
    values += getattr(function, "__defaults__", None) or ()
    values += getattr(function, "args", ())
    keywords: Any = getattr(function, "keywords", None)
    values += list(keywords.values()) if isinstance(keywords, dict) else []
    return (repr(each) for each in values if isinstance(each, str | int | float | bool | tuple | None))
