"""`/dashboard/config`: the configuration in force, to be read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import headgate
from headgate.administration.auditing import OPERATORS
from headgate.administration.configuration import HIDDEN, shown
from headgate.dashboard.looking import Look, Template
from headgate.errors import Forbidden

PATH = "/dashboard/config"


async def page(look: Look) -> Template:
    look.need("config.read")
    identity = look.viewer.identity
    if identity.organisation != OPERATORS or identity.team_id is not None:
        raise Forbidden("The configuration is that of the whole gateway, and not your organisation's or team's alone.")
    tree = shown(look.house.config())
    sections = {name: lines(section) for name, section in tree.items() if section not in ({}, [], None)}
    values = {"sections": sections, "release": headgate.__version__, "hidden": HIDDEN}
    return Template(name="config.html", title="Configuration", values=values)


Line = tuple[int, str, str, str]
"""How deep it stands, a name, a value, and what kind that is."""


def lines(tree: Any, depth: int = 0) -> list[Line]:
    """A tree as YAML shows it, a line each. What is not set is left out."""
    found: list[Line] = []
    if isinstance(tree, Mapping):
        for name, value in tree.items():
            if value not in (None, [], {}):
                found += _entry(f"{name}:", value, depth)
    elif isinstance(tree, list):
        for value in tree:
            found += _item(value, depth)
    else:
        found.append((depth, "", *_leaf(tree)))
    return found


def _entry(name: str, value: Any, depth: int) -> list[Line]:
    if isinstance(value, Mapping | list) and value:
        return [(depth, name, "", ""), *lines(value, depth + 1)]
    return [(depth, name, *_leaf(value))]


def _item(value: Any, depth: int) -> list[Line]:
    """An entry of a list: what it is made of begins beside its dash."""
    inner = lines(value, depth + 1) if isinstance(value, Mapping | list) else [(depth, "", *_leaf(value))]
    if not inner:
        return [(depth, "-", "", "")]
    (_, name, shown, kind), *others = inner
    return [(depth, f"- {name}".rstrip(), shown, kind), *others]


def _leaf(value: Any) -> tuple[str, str]:
    match value:
        case None:
            return "null", "null"
        case bool():
            return str(value).lower(), "word"
        case int() | float():
            return f"{value}", "number"
        case str():
            return (value, "hidden") if HIDDEN in value else (value or "''", "text")
        case _:
            return str(value or "[]" if isinstance(value, list) else value or "{}"), "null"
