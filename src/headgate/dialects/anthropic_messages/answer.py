"""A whole answer of Anthropic's as the hub's ("Message" in the Messages API reference)."""

from __future__ import annotations

from headgate.dialects.anthropic_messages.blocks import part_of
from headgate.dialects.anthropic_messages.errors import in_body
from headgate.dialects.anthropic_messages.names import NAME, beyond
from headgate.dialects.anthropic_messages.stops import stop_of
from headgate.dialects.anthropic_messages.usage import told_of, usage_of
from headgate.dialects.hub import Answer, Choice, extra_of
from headgate.dialects.reading import VENDOR
from headgate.dialects.signatures import attach
from headgate.types import JSON

MESSAGE = frozenset({"type", "role", "id", "model", "content", "stop_reason", "stop_sequence", "stop_details"})
"""Members of a message that have a place in the hub, or are the same in every message."""


def decode_answer(tree: JSON) -> Answer:
    """The answer. Usage, container and whatever else it says are in `extra` as they came.

    Raises:
        MalformedOutput: it is not a message.
        HeadgateError: it is an error's document.
    """
    if tree.get("type") == "error":
        raise in_body(tree)
    content = VENDOR.required(tree, "content", list, "")
    parts = [
        part_of(VENDOR.object(block, f"content[{index}]"), f"content[{index}]", VENDOR)
        for index, block in enumerate(content)
    ]
    reason = VENDOR.optional(tree, "stop_reason", str, "")
    usage = VENDOR.optional(tree, "usage", dict, "")
    told = told_of(usage) if usage is not None else None
    return Answer(
        id=VENDOR.optional(tree, "id", str, "") or "",
        model=VENDOR.optional(tree, "model", str, "") or "",
        choices=(
            Choice(
                parts=attach(parts),
                stop=stop_of(reason) if reason is not None else None,
                stop_sequence=VENDOR.optional(tree, "stop_sequence", str, ""),
                extra=stop_extra(tree),
            ),
        ),
        usage=usage_of(told) if told is not None else None,
        service_tier=told.service_tier if told is not None else None,
        tier=told.tier if told is not None else None,
        extra=extra_of(NAME, beyond(tree, MESSAGE)),
    )


def stop_extra(members: JSON) -> dict[str, JSON]:
    """What is said of the end beyond the hub's words."""
    return extra_of(NAME, {name: members[name] for name in ("stop_reason", "stop_details") if name in members})
