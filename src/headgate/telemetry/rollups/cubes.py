"""By what calls are summed up: by one dimension, or by two of which one can be held fixed."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.telemetry.rollups.cell import Place

DIMENSIONS = ("model", "target", "operation", "key", "team", "project", "prompt", "arm", "tag")
"""In the order `Place` has them."""

LONGEST = 200
"""Characters of a name."""

ALL = "all"
"""The sum of everything, by nothing."""

_PAIRS = [
    *((first, "model") for first in DIMENSIONS if first != "model"),
    ("team", "key"),
    ("key", "target"),
    ("team", "target"),
    ("team", "prompt"),
]

CUBES: dict[str, tuple[str, ...]] = {
    ALL: (),
    **{name: (name,) for name in DIMENSIONS},
    **{f"{first}+{second}": (first, second) for first, second in _PAIRS},
}
"""Names, and what each is by."""


def cube_of(group: str | None, fixed: str | None) -> tuple[str, bool] | None:
    """The cube by a dimension where another is held fixed, and whether that is the second of the two; None where there
    is none.
    """
    if fixed is None or fixed == group:
        return (group or ALL, False)
    if group is None:
        return (fixed, False)
    if f"{fixed}+{group}" in CUBES:
        return (f"{fixed}+{group}", False)
    return (f"{group}+{fixed}", True) if f"{group}+{fixed}" in CUBES else None


def spots(place: Place) -> Iterator[tuple[str, str, str]]:
    """Where a cell's calls are counted: cube, first name, second name."""
    _, _, *names, tags = place
    named = {dimension: [_tidy(name)] for dimension, name in zip(DIMENSIONS, names, strict=False) if name}
    named["tag"] = [_tidy(f"{name}={value}") for name, value in tags]
    for cube, dimensions in CUBES.items():
        for first in named.get(dimensions[0], ()) if dimensions else [""]:
            for second in named.get(dimensions[1], ()) if len(dimensions) > 1 else [""]:
                yield cube, first, second


def _tidy(name: str) -> str:
    """A name without U+0000, which PostgreSQL keeps in no text, and not longer than people read."""
    return name[:LONGEST].replace("\0", "\N{REPLACEMENT CHARACTER}")
