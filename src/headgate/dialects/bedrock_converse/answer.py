"""A whole Converse answer as the hub's."""

from __future__ import annotations

from headgate.dialects.bedrock_converse.blocks import NAME, part_of
from headgate.dialects.bedrock_converse.usage import service_tier, stop_of, tier, usage_of
from headgate.dialects.hub import Answer, Choice, extra_of
from headgate.dialects.members import as_object, optional, required
from headgate.types import JSON


def decode_answer(tree: JSON) -> Answer:
    """The answer. It has no id and names no model; usage, metrics and traces are in `extra` as they came.

    Raises:
        MalformedOutput: it is not a Converse answer.
    """
    message = required(required(tree, "output", dict, "answer"), "message", dict, "output")
    content = required(message, "content", list, "output.message")
    blocks = [as_object(block, f"output.message.content[{index}]") for index, block in enumerate(content)]
    reason = optional(tree, "stopReason", str, "answer")
    usage = optional(tree, "usage", dict, "answer")
    return Answer(
        id="",
        model="",
        choices=(
            Choice(
                parts=tuple(part_of(block, f"output.message.content[{index}]") for index, block in enumerate(blocks)),
                stop=stop_of(reason) if reason is not None else None,
                stop_sequence=stop_sequence(tree),
                extra=extra_of(NAME, {"stopReason": reason} if reason is not None else {}),
            ),
        ),
        usage=usage_of(usage, "usage") if usage is not None else None,
        service_tier=service_tier(tree, "answer"),
        tier=tier(tree, "answer"),
        extra=extra_of(NAME, {key: value for key, value in tree.items() if key not in ("output", "stopReason")}),
    )


def stop_sequence(tree: JSON) -> str | None:
    """The stop sequence that was met, where the request asked for `/stop_sequence`.

    Raises:
        MalformedOutput: it is not a string.
    """
    fields = optional(tree, "additionalModelResponseFields", dict, "answer") or {}
    return optional(fields, "stop_sequence", str, "additionalModelResponseFields")
