"""Metrics as Prometheus reads them: its text format, version 0.0.4.

Written here, since this is done on the event loop: five thousand values take 3 ms, with Prometheus' own client 22. The
tests read what comes of it with that.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from math import inf, isnan

from headgate.telemetry.metrics import Labels
from headgate.telemetry.snapshot import Family, Snapshot

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


def render(snapshot: Snapshot) -> bytes:
    """All of them, each with what it is."""
    return "".join(line for family in snapshot for line in _lines(family)).encode()


def _lines(family: Family) -> Iterator[str]:
    name = family.name
    what = family.what.translate(_ESCAPES) if "\\" in family.what or "\n" in family.what else family.what
    yield f"# HELP {name} {what}\n# TYPE {name} {family.kind}\n"
    for labels, value in family.values:
        inner = _inner(family.labels, labels)
        shown = f"{name}{{{inner}}}" if inner else name
        yield f"{shown} {_scaled(value, family.scale)}\n"
    bounds = [*map(_number, family.bounds), "+Inf"]
    for labels, counts, total in family.buckets:
        inner = _inner(family.labels, labels)
        start = f'{name}_bucket{{{inner},le="' if inner else f'{name}_bucket{{le="'
        count = 0
        for bound, count in zip(bounds, accumulate(counts), strict=True):
            yield f'{start}{bound}"}} {count}.0\n'
        outer = f"{{{inner}}}" if inner else ""
        yield f"{name}_count{outer} {count}.0\n{name}_sum{outer} {_number(total)}\n"


def _inner(names: Labels, values: Labels) -> str:
    """Labels in the order of their names."""
    return ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in sorted(zip(names, values, strict=True)))


def _scaled(value: float, scale: float) -> str:
    try:
        return _number(value * scale)
    except OverflowError:  # a vendor said that it has used more tokens than any number stands for
        return "+Inf" if value > 0 else "-Inf"


def _number(value: float) -> str:
    if isnan(value):
        return "NaN"
    return repr(float(value)) if abs(value) != inf else "+Inf" if value > 0 else "-Inf"
