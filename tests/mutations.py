"""Trees with one thing wrong, for readers of other programs' configurations."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

WRONG = [None, "x", 7, [None], {"x": None}]
"""What may stand where something else is expected."""


def mutations(tree: Any, wrong: Any) -> Iterator[Any]:
    """A tree with `wrong` in place of each of its parts, one at a time."""
    for *way, last in filter(None, _places(tree)):
        mutated = deepcopy(tree)
        at: Any = mutated
        for name in way:
            at = at[name]
        at[last] = wrong
        yield mutated


def _places(tree: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield place
    children = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for name, value in children:
        yield from _places(value, (*place, name))
