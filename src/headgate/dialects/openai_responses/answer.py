"""A whole response as a hub answer (API reference, "The response object").

Everything beyond id, model, time and output stays in `extra` as it came, `usage` and `status` included, so that
writing the answer again loses nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite
from typing import Any

import msgspec

from headgate.dialects.hub import Answer, Choice, Part, Refusal, Stop, ToolCall
from headgate.dialects.openai_responses.errors import reported
from headgate.dialects.openai_responses.items import parts_of
from headgate.dialects.openai_responses.names import NAME
from headgate.dialects.openai_responses.usage import WireUsage, stop_of, web_searches
from headgate.dialects.reading import VENDOR, left
from headgate.dialects.tiers import tier_of
from headgate.errors import MalformedOutput
from headgate.types import JSON, Usage

_HEAD = frozenset({"id", "model", "created_at", "output"})


def decode_answer(tree: JSON) -> Answer:
    """The answer.

    Raises:
        MalformedOutput: it is not one.
        HeadgateError: it says that the generation failed, and how.
    """
    if tree.get("status") == "failed":
        raise reported(tree.get("error"))
    if type(tree.get("output")) is not list:
        raise VENDOR.fail("output", "is missing or not an array")
    tier = VENDOR.optional(tree, "service_tier", str)
    parts = [part for item, at in VENDOR.objects(tree, "output") for part in parts_of(item, at, VENDOR)]
    return Answer(
        id=VENDOR.optional(tree, "id", str) or "",
        model=VENDOR.optional(tree, "model", str) or "",
        choices=(Choice(parts=tuple(parts), stop=stop_in(tree, parts)),),
        usage=usage_in(tree),
        created=created_in(tree),
        service_tier=tier,
        tier=tier_of(tier),
        extra={NAME: rest_of(tree)},
    )


def rest_of(tree: JSON) -> JSON:
    """The members of a response that its answer keeps in `extra`."""
    rest = left(tree, _HEAD)
    rest.pop("output", None)  # an empty one is an output all the same
    if type(tree.get("created_at")) is not int:
        rest |= {name: value for name, value in tree.items() if name == "created_at"}
    return rest


def created_in(tree: JSON) -> int | None:
    """When the response was made, in seconds since the epoch; some servers tell fractions of a second."""
    created = tree.get("created_at")
    if type(created) is float:
        return int(created) if isfinite(created) else None
    return created if type(created) is int else None


def stop_in(tree: JSON, parts: Iterable[Part]) -> Stop | None:
    """Why the generation ended, told from the response's status and what it made.

    Raises:
        MalformedOutput: `status` or `incomplete_details` has the wrong type.
    """
    details = VENDOR.optional(tree, "incomplete_details", dict)
    kinds = {type(part) for part in parts}
    return stop_of(
        VENDOR.optional(tree, "status", str),
        VENDOR.optional(details, "reason", str, "incomplete_details") if details else None,
        ToolCall in kinds,
        Refusal in kinds,
    )


def usage_in(tree: JSON) -> Usage | None:
    """The response's usage.

    Raises:
        MalformedOutput: one of its counts is not a whole number.
    """
    told = VENDOR.optional(tree, "usage", dict)
    if told is None:
        return None
    try:
        usage = msgspec.convert(told, WireUsage)
    except msgspec.ValidationError as error:
        raise MalformedOutput(f"the vendor's answer: usage: {error}") from None
    billed = _inner(_inner(tree.get("tool_usage"), "web_search"), "num_requests")
    actions = [(item.get("type", ""), _inner(item.get("action"), "type")) for item, _ in VENDOR.objects(tree, "output")]
    return usage.to_hub(web_searches(billed, actions))


def _inner(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None
