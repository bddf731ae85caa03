"""Which entry of a price list a model id means."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

Rule = Callable[[str], bool]
"""Whether a model id, in lower case, is meant."""

RawRule = list[Any]
"""A rule as the snapshot holds it: `["=", "gpt-4o", ...]` (equals one of), `["^", ...]` (starts with one of), `["$",
...]` (ends with one of), `["*", ...]` (contains one of), `["~", pattern, ...]` (a pattern is found), `["|", rule,
...]` (any), `["&", rule, ...]` (all)."""


def rule_of(raw: RawRule) -> Rule:
    """The rule behind its written form.

    Raises:
        ValueError: it is none.
    """
    sign, *operands = raw
    match sign:
        case "=":
            return frozenset(operands).__contains__
        case "^":
            starts = tuple(operands)
            return lambda model: model.startswith(starts)
        case "$":
            ends = tuple(operands)
            return lambda model: model.endswith(ends)
        case "*":
            return lambda model: any(part in model for part in operands)
        case "~":
            patterns = [re.compile(pattern) for pattern in operands]
            return lambda model: any(pattern.search(model) for pattern in patterns)
        case "|":
            any_of = [rule_of(each) for each in operands]
            return lambda model: any(rule(model) for rule in any_of)
        case "&":
            all_of = [rule_of(each) for each in operands]
            return lambda model: all(rule(model) for rule in all_of)
        case _:
            raise ValueError(f"'{sign}' is no kind of rule")
