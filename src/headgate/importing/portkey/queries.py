"""Conditions' queries (MongoDB's way of writing them): which models one asks for, and what else it is about."""

from __future__ import annotations

import re
from typing import Any

PLAIN = re.compile(r"[\w .@:/-]{1,80}")
"""What a report may show."""


def models(query: Any) -> list[str]:
    """The models that a query asks for; none where it asks for anything else."""
    members: dict[str, Any] = query if isinstance(query, dict) else {}
    if len(members) != 1:
        return []
    [(name, wanted)] = members.items()
    if name == "$or" and isinstance(wanted, list):
        parts = [models(part) for part in wanted]
        return [model for models in parts for model in models] if all(parts) else []
    if name != "params.model":
        return []
    operators: dict[str, Any] = wanted if isinstance(wanted, dict) else {"$eq": wanted}
    if len(operators) != 1:
        return []
    values = operators.get("$in", [operators.get("$eq")])
    return values if isinstance(values, list) and all(map(_named, values)) else []


def _named(value: Any) -> bool:
    """Whether it can be a model's name here."""
    return isinstance(value, str) and bool(value.strip()) and "*" not in value


def shown(query: Any) -> str:
    """What a query is about: its members' names, without what they are compared with."""
    if isinstance(query, dict):
        parts = [
            shown(value) if name.startswith("$") else name if PLAIN.fullmatch(name) else "?"
            for name, value in query.items()
            if isinstance(name, str)
        ]
    elif isinstance(query, list):
        parts = [shown(each) for each in query]
    else:
        parts = []
    return ", ".join(dict.fromkeys(part for part in parts if part))
