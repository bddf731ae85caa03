"""Making one value for a schema, member by member."""

from __future__ import annotations

from typing import Any

from headgate.providers.simulator import words
from headgate.providers.simulator.dice import Dice
from headgate.providers.simulator.instances.keywords import (
    Unsatisfiable,
    count_at,
    has_type,
    list_at,
    merged,
    object_at,
    types_of,
)
from headgate.providers.simulator.instances.scalars import integer, number, string
from headgate.types import JSON

MAX_NODES = 10_000
MAX_DEPTH = 60
PLAIN_DEPTH = 5
"""Below this depth only what is required is made, and arrays are as short as they may be."""

_IMPLIED = (
    ("properties", "object"),
    ("required", "object"),
    ("additionalProperties", "object"),
    ("items", "array"),
    ("prefixItems", "array"),
    ("minItems", "array"),
    ("minimum", "number"),
    ("maximum", "number"),
    ("multipleOf", "number"),
)
"""What a schema without a type is taken to be about."""


class Maker:
    """Makes one value for `root`. `full` says whether most optional members are made, or none."""

    def __init__(self, root: Any, dice: Dice, full: bool) -> None:
        self._root = root
        self._dice = dice
        self._full = full
        self._nodes = 0

    def make(self, schema: Any, depth: int, name: str) -> Any:
        """A value for `schema`, a part of the root; `name` is what the member it is for is called.

        Raises:
            Unsatisfiable: there is none, or only bigger ones than `MAX_NODES` values or `MAX_DEPTH` levels.
        """
        self._nodes += 1
        if self._nodes > MAX_NODES or depth > MAX_DEPTH:
            raise Unsatisfiable("its smallest value is too big")
        if schema is True:
            return words.phrase(self._dice)
        if not isinstance(schema, dict):
            raise Unsatisfiable("a part of it allows no value")
        flat = self._resolved(schema)
        if "const" in flat:
            return flat["const"]
        if "enum" in flat:
            return self._enum(flat)
        for union in ("anyOf", "oneOf"):
            if branches := list_at(flat, union):
                return self._branch(flat, union, branches, depth, name)
        return self._typed(flat, depth, name)

    def _typed(self, schema: JSON, depth: int, name: str) -> Any:
        match self._type(schema):
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, depth, name)
            case "string":
                return string(schema, self._dice, name)
            case "integer":
                return integer(schema, self._dice)
            case "number":
                return number(schema, self._dice)
            case "boolean":
                return self._dice.unit() < 0.5
            case "null":
                return None
            case other:
                raise Unsatisfiable(f"there is no type '{str(other)[:40]}'")

    def _resolved(self, schema: JSON) -> JSON:
        """The schema with what its references and `allOf` say merged into it."""
        for _ in range(MAX_DEPTH):
            if "$ref" in schema:
                rest = {key: value for key, value in schema.items() if key != "$ref"}
                schema = merged(self._target(schema["$ref"]), rest)
            elif "allOf" in schema:
                parts = list_at(schema, "allOf")
                schema = {key: value for key, value in schema.items() if key != "allOf"}
                for part in parts:
                    schema = merged(schema, part)
            else:
                return schema
            if not isinstance(schema, dict):
                raise Unsatisfiable("a part of it allows no value")
        raise Unsatisfiable("its references go in a circle")

    def _target(self, reference: Any) -> Any:
        """What a local reference (RFC 6901, a JSON pointer) points at."""
        if not isinstance(reference, str) or not reference.startswith("#"):
            raise Unsatisfiable(f"the reference '{str(reference)[:80]}' is not a local one")
        value = self._root
        for step in reference.removeprefix("#").split("/")[1:]:
            key = step.replace("~1", "/").replace("~0", "~")
            if isinstance(value, list) and key.isdecimal() and int(key) < len(value):
                value = value[int(key)]
            elif isinstance(value, dict) and key in value:
                value = value[key]
            else:
                raise Unsatisfiable(f"the reference '{reference[:80]}' points nowhere")
        return value

    def _enum(self, schema: JSON) -> Any:
        kinds = types_of(schema)
        values = [each for each in list_at(schema, "enum") if kinds is None or has_type(each, kinds)]
        if not values:
            raise Unsatisfiable("an enum has no value of its type")
        return self._dice.pick(values)

    def _branch(self, schema: JSON, union: str, branches: list[Any], depth: int, name: str) -> Any:
        """A value of one branch, drawn; of another one where that has none."""
        base = {key: value for key, value in schema.items() if key != union}
        order = list(branches)
        first = int(self._dice.unit() * len(order)) if depth < PLAIN_DEPTH else len(order) - 1
        order.insert(0, order.pop(first))
        for branch in order:
            try:
                return self.make(merged(base, branch), depth + 1, name)
            except Unsatisfiable:
                if self._nodes > MAX_NODES:
                    raise
        raise Unsatisfiable(f"no branch of an {union} can be made")

    def _type(self, schema: JSON) -> Any:
        kinds = types_of(schema)
        if kinds is None:
            return next((kind for keyword, kind in _IMPLIED if keyword in schema), "string")
        if not kinds:
            raise Unsatisfiable("parts of it want different types")
        return self._dice.pick([kind for kind in kinds if kind != "null"] or kinds)

    def _object(self, schema: JSON, depth: int) -> JSON:
        properties = object_at(schema, "properties")
        required = [each for each in list_at(schema, "required") if isinstance(each, str)]
        others = schema.get("additionalProperties", True)
        least = count_at(schema, "minProperties", 0)
        most = count_at(schema, "maxProperties", MAX_NODES)
        value: JSON = {}
        for name in required:
            value[name] = self.make(properties.get(name, others), depth + 1, name)
        for name in properties:
            if name in value or len(value) >= most:
                continue
            if len(value) < least or (self._full and depth < PLAIN_DEPTH and self._dice.unit() < 0.8):
                self._optional(value, name, properties[name], depth)
        while len(value) < least:
            value[f"{words.name(self._dice)}_{len(value)}"] = self.make(others, depth + 1, "")
        return {name: value[name] for name in (*properties, *value) if name in value}

    def _optional(self, into: JSON, name: str, schema: Any, depth: int) -> None:
        """A member that may be left out, and is where it cannot be made."""
        try:
            into[name] = self.make(schema, depth + 1, name)
        except Unsatisfiable:
            if self._nodes > MAX_NODES:
                raise

    def _array(self, schema: JSON, depth: int, name: str) -> list[Any]:
        prefix = list_at(schema, "prefixItems")
        items = schema.get("items", True)
        least = count_at(schema, "minItems", 0)
        most = count_at(schema, "maxItems", max(least, len(prefix)) + 3)
        if items is False:
            most = min(most, len(prefix))
        if least > MAX_NODES or least > most:
            raise Unsatisfiable("an array's bounds cannot be met")
        length = least
        if depth < PLAIN_DEPTH:
            low = max(least, min(1, most)) if self._full else least
            length = self._dice.between(low, max(low, min(most, least + 3)))
        value: list[Any] = []
        for index in range(length):
            of = prefix[index] if index < len(prefix) else items
            value.append(self._item(of, value, schema.get("uniqueItems") is True, depth, name))
        return value

    def _item(self, schema: Any, before: list[Any], unique: bool, depth: int, name: str) -> Any:
        """One item; another than those before it where items have to differ."""
        item = self.make(schema, depth + 1, name)
        for _ in range(20 if unique else 0):
            if item not in before:
                break
            item = self.make(schema, depth + 1, name)
        return item
