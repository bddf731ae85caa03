"""A JSON value that fits a JSON Schema, in the part of draft 2020-12 that structured output and tools use.

Known: types, enum, const, local `$ref`, objects (properties, required, additionalProperties, minProperties), arrays
(items, prefixItems, minItems, maxItems, uniqueItems), numbers and strings with all their bounds, `pattern`, common
formats, and allOf, anyOf and oneOf. What a schema says in other keywords is checked on the finished value, which is
drawn anew a few times if it does not fit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from headgate.errors import BadRequest
from headgate.providers.simulator.dice import Dice
from headgate.providers.simulator.instances.keywords import Unsatisfiable
from headgate.providers.simulator.instances.maker import Maker

ATTEMPTS = 25

_CHECKED = frozenset(
    [
        "oneOf",
        "anyOf",
        "allOf",
        "not",
        "if",
        "dependentRequired",
        "dependentSchemas",
        "dependencies",
        "contains",
        "patternProperties",
        "propertyNames",
        "uniqueItems",
        "pattern",
        "maxProperties",
        "unevaluatedProperties",
        "unevaluatedItems",
        "multipleOf",
        "const",
        "enum",
    ]
)
"""Keywords whose outcome is left to chance in some part, so that the finished value is checked."""


def instance(schema: Any, dice: Dice, where: str) -> Any:
    """A value that fits `schema`.

    Raises:
        BadRequest: the schema is broken, refers to something that is not in it, or no fitting value was found;
            `where` is the field of the request that holds it.
    """
    fits = _checker(schema, where) if _mentions(schema, _CHECKED) else None
    reason = "no value was found that fits it"
    for attempt in range(ATTEMPTS):
        try:
            value = Maker(schema, dice, full=attempt % 2 == 0).make(schema, 0, "")
        except Unsatisfiable as error:
            reason = str(error)
            continue
        if fits is None or fits(value):
            return value
    raise BadRequest(f"The simulator cannot answer in this schema: {reason}.", param=where)


def _checker(schema: Any, where: str) -> Callable[[Any], bool]:
    """A function that tells whether a value fits."""
    import jsonschema_rs

    try:
        return jsonschema_rs.validator_for(schema, retriever=_refuse).is_valid
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
        raise BadRequest(f"The schema cannot be used: {str(error)[:300]}", param=where) from None


def _refuse(uri: str) -> Any:
    raise ValueError(f"'{uri}' is outside the schema")


def _mentions(schema: Any, keywords: frozenset[str]) -> bool:
    """Whether any of the keywords stands anywhere in a schema."""
    if isinstance(schema, dict):
        return not keywords.isdisjoint(schema) or any(_mentions(each, keywords) for each in schema.values())
    return isinstance(schema, list) and any(_mentions(each, keywords) for each in schema)
