"""Reading a schema's keywords, and merging two schemas into one that says what both say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from headgate.types import JSON


class Unsatisfiable(ValueError):
    """No value was found that fits a schema."""


def object_at(schema: JSON, key: str) -> JSON:
    """A keyword's object; an empty one where it has none."""
    value = schema.get(key)
    return value if isinstance(value, dict) else {}


def list_at(schema: JSON, key: str) -> list[Any]:
    """A keyword's array; an empty one where it has none."""
    value = schema.get(key)
    return value if isinstance(value, list) else []


def count_at(schema: JSON, key: str, default: int) -> int:
    """A keyword's count."""
    value = schema.get(key)
    return int(value) if isinstance(value, int | float) and 0 <= value < 1e18 else default


def number_at(schema: JSON, key: str) -> float | None:
    """A keyword's number."""
    value = schema.get(key)
    usable = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300
    return value if usable else None


def types_of(schema: JSON) -> list[Any] | None:
    """The types a schema allows; None where it does not say."""
    return _as_list(schema["type"]) if "type" in schema else None


def has_type(value: Any, kinds: list[Any]) -> bool:
    """Whether a value is of one of these JSON types."""
    match value:
        case None:
            return "null" in kinds
        case bool():
            return "boolean" in kinds
        case int():
            return "integer" in kinds or "number" in kinds
        case float():
            return "number" in kinds or ("integer" in kinds and value.is_integer())
        case str():
            return "string" in kinds
        case list():
            return "array" in kinds
        case _:
            return "object" in kinds


def merged(left: Any, right: Any) -> Any:
    """One schema that says what both say, as far as merging their keywords can say it.

    Raises:
        Unsatisfiable: one of the two is no schema.
    """
    if right is True or left is False:
        return left
    if left is True or right is False:
        return right
    if not isinstance(left, dict) or not isinstance(right, dict):
        raise Unsatisfiable("a schema is neither an object nor a boolean")
    result = dict(left)
    for key, value in right.items():
        merge = _MERGE.get(key) if key in result else None
        result[key] = merge(result[key], value) if merge else value
    return result


def _merged_members(left: Any, right: Any) -> Any:
    if not isinstance(left, dict) or not isinstance(right, dict):
        return right
    return left | {key: merged(left[key], value) if key in left else value for key, value in right.items()}


def _merged_types(left: Any, right: Any) -> list[Any]:
    ones, others = _as_list(left), _as_list(right)
    both = [each for each in ones if each in others]
    if not both and {"integer", "number"} <= {*map(str, ones), *map(str, others)}:
        return ["integer"]
    return both


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _joined(left: Any, right: Any) -> list[Any]:
    return [*_as_list(left), *_as_list(right)]


def _common(left: Any, right: Any) -> list[Any]:
    return [each for each in _as_list(left) if each in _as_list(right)]


def _stricter(choose: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def both(left: Any, right: Any) -> Any:
        numbers = isinstance(left, int | float) and isinstance(right, int | float)
        return choose(left, right) if numbers else right

    return both


_MERGE: dict[str, Callable[[Any, Any], Any]] = {
    "properties": _merged_members,
    "$defs": _merged_members,
    "required": _joined,
    "allOf": _joined,
    "type": _merged_types,
    "enum": _common,
    "items": merged,
    **{
        key: _stricter(max)
        for key in ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties", "minContains")
    },
    **{
        key: _stricter(min)
        for key in ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties", "maxContains")
    },
}
