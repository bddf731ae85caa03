"""Every place where a tree is not as the schema wants it, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from headgate.config.document import scalar
from headgate.config.json_schema import checking
from headgate.config.problem import Path, Problem
from headgate.config.source import Source
from headgate.registry import suggest
from headgate.types import JSON

_WANTED = {
    "string": "a string",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "object": "a mapping of names to values",
    "array": "a list",
}
_GIVEN = {
    type(None): "empty",
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "a string",
    dict: "a mapping",
    list: "a list",
}
_TRUTHS = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}


def check(source: Source) -> list[Problem]:
    """The problems of a file against the schema. What a reference resolved to is a string: where something else is
    wanted it is read as YAML would read it, and put into the tree so.
    """
    errors = _errors(source.tree)
    if [error for error in errors if _read_anew(source, error)]:
        errors = _errors(source.tree)
    return [problem for error in errors for problem in _problems(source, error)]


@cache
def _schema() -> JSON:
    return checking()


@cache
def _validator() -> Any:
    import jsonschema_rs  # 30 ms that importing the library should not cost

    return jsonschema_rs.validator_for(_schema(), retriever=_refuse)


def _refuse(uri: str) -> Any:
    raise ValueError(f"the schema of the configuration refers to nothing outside itself, so not to {uri}")


def _errors(tree: Any) -> list[Any]:
    return [each for error in _validator().iter_errors(tree) for each in _within(error)]


def _within(error: Any) -> Iterator[Any]:
    """What is wrong with a block that may also be left empty: what is wrong with it as a block."""
    if error.kind.name != "anyOf":
        yield error
        return
    path, [first, *others] = list(error.instance_path), error.kind.context
    meant = [each for each in (first, *others) if not _is_other_type(each, path)]
    for each in meant[0] if len(meant) == 1 else first:
        yield from _within(each)


def _is_other_type(errors: Sequence[Any], path: Sequence[Any]) -> bool:
    return any(error.kind.name == "type" and list(error.instance_path) == path for error in errors)


def _read_anew(source: Source, error: Any) -> bool:
    path: Path = tuple(error.instance_path)
    if error.kind.name not in {"type", "enum"} or not path or not source.referred(path):
        return False
    holder: Any = source.tree
    for step in path[:-1]:
        holder = holder[step]
    value = scalar(holder[path[-1]])
    if isinstance(value, str) or (error.kind.name == "type" and _is(value) not in _kinds(error)):
        return False
    holder[path[-1]] = value
    return True


def _is(value: Any) -> str:
    match value:
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case None:
            return "null"
        case _:
            return "string"


def _kinds(error: Any) -> list[str]:
    kinds: list[str] = list(error.kind.types)
    return [*kinds, "integer"] if "number" in kinds else kinds


def _problems(source: Source, error: Any) -> Iterator[Problem]:
    path: Path = tuple(error.instance_path)
    match error.kind.name:
        case "additionalProperties":
            known = _definition(error)["properties"]
            for name in error.kind.unexpected:
                yield Problem((*path, name), f"is not a setting here{suggest(name, known)}")
        case "required":
            yield Problem(path, f"lacks '{error.kind.property}'; write '{error.kind.property}: …'")
        case "type":
            yield Problem(path, _wrong_type(source, path, error))
        case "enum":
            options = [option for option in error.kind.options if option is not None]
            given = source.show(path, error.instance)
            yield Problem(path, f"cannot be {given}; write {' or '.join(map(str, options))}")
        case "minimum" | "exclusiveMinimum" | "maximum" | "exclusiveMaximum":
            yield Problem(path, _out_of_range(_definition(error)))
        case "minItems":
            yield Problem(path, "is an empty list; write at least one")
        case "pattern":
            pattern = _definition(error)["pattern"]
            yield Problem(path, f"cannot be {source.show(path, error.instance)}; write what fits {pattern}")
        case name:
            yield Problem(path, f"is not as the schema wants it ({name})")


def _definition(error: Any) -> JSON:
    """The part of the schema whose keyword failed."""
    node: Any = _schema()
    for step in error.schema_path[:-1]:
        node = node[step]
    return node


def _wrong_type(source: Source, path: Path, error: Any) -> str:
    wanted = [_WANTED[kind] for kind in error.kind.types if kind != "null"]
    given = _GIVEN[type(error.instance)]
    text = f"must be {' or '.join(wanted)}, but is {given}"
    match error.instance:
        case None:
            return f"{text}; give it a value, or take the line out"
        case str() if "a string" not in wanted:
            shown = source.show(path, error.instance)
            if "true or false" in wanted and (truth := _TRUTHS.get(error.instance.lower())):
                return f"{text}, {shown}; write {truth}"
            return f"{text}, {shown}"
        case bool() | int() | float() if "a string" in wanted:
            return f"{text}; write it in quotes"
        case _:
            return text


def _out_of_range(definition: JSON) -> str:
    bounds = (
        ("minimum", "at least"),
        ("exclusiveMinimum", "more than"),
        ("maximum", "at most"),
        ("exclusiveMaximum", "less than"),
    )
    allowed = [f"{word} {definition[name]:,}" for name, word in bounds if name in definition]
    return f"must be {' and '.join(allowed)}"
