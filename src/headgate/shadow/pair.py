"""What a call and its shadow came to, side by side."""

from __future__ import annotations

from functools import partial
from typing import Any

from headgate import dialects
from headgate.observing.kept import Kept
from headgate.observing.passing import Seen
from headgate.shadow.likeness import FITS, ORDERED, Order, Vectors, agreement, least_cosine
from headgate.shadow.shape import Look, Shape, compared_tools, is_same, stream_look, whole_look


class Side(Seen):
    """What one of the two made of a call."""

    target: str | None = None
    cost_picodollars: int | None = None
    look: Look | None = None


async def look(kept: Kept, dialect: str) -> Look | None:
    """What an answer looks like; None where not all of it was kept, or it cannot be read. Lets go of it."""
    codec = dialects.get(dialect)
    return await kept.read(partial(whole_look, codec), partial(stream_look, codec))


def compared(one: Side, other: Side, *, json: bool) -> dict[str, Any]:
    """The members of a `Comparison` that tell of the two; `json` says that the request asks for JSON."""
    return {**_told(one, "", json), **_told(other, "shadow_", json), **_likeness(one.look, other.look, json)}


def _told(side: Side, prefix: str, json: bool) -> dict[str, Any]:
    found: dict[str, Any] = {
        "target": side.target,
        "code": side.code,
        "duration_us": _us(side.duration_s),
        "first_token_us": _us(side.first_token_s),
        "cost_picodollars": side.cost_picodollars,
    }
    if isinstance(side.look, Shape):
        found["stop"] = side.look.stop
        found["characters"] = side.look.characters
        found["refused"] = int(side.look.refused)
        found["json"] = int(side.look.json) if json else None
    return {prefix + name: value for name, value in found.items()}


def _likeness(one: Look | None, other: Look | None, json: bool) -> dict[str, Any]:
    if isinstance(one, Shape) and isinstance(other, Shape):
        return {"tools": compared_tools(one, other), "same": int(is_same(one, other, json=json))}
    if isinstance(one, Vectors) and isinstance(other, Vectors):
        cosine = least_cosine(one, other)
        return {"similarity": cosine, "same": int(cosine is not None and cosine >= FITS)}
    if isinstance(one, Order) and isinstance(other, Order):
        agreed = agreement(one, other)
        return {"similarity": agreed, "same": int(len(one.places) == len(other.places) and agreed >= ORDERED)}
    return {}


def _us(seconds: float | None) -> int | None:
    return None if seconds is None else int(seconds * 1_000_000)
