"""An answer's parts as output items.

Parts that came in this dialect remember their item and are put together to the same one again. Those from elsewhere
become a message for each run of text, an item for each piece of reasoning and each call.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from headgate.dialects.hub import Media, Native, Part, Reasoning, Refusal, Text, ToolCall
from headgate.dialects.openai_responses.content import written
from headgate.dialects.openai_responses.names import ITEM, NAME, ORIGIN, PART, WITHIN, in_message, memory
from headgate.dialects.openai_responses.namespaces import own_name
from headgate.dialects.signatures import carried, seal
from headgate.types import JSON


def items_of(parts: Iterable[Part], context_id: str) -> list[JSON]:
    """The output items. What this dialect has no item for (audio, another vendor's own parts) is left out.

    `context_id` makes the ids of items that have none.
    """
    items: list[JSON] = []

    def flush(group: list[Part]) -> None:
        if group:
            items.append(item_of(group, len(items), context_id))

    group: list[Part] = []
    for part in parts:
        if not is_sayable(part):
            continue
        if not group or not continues(group[-1], part):
            flush(group)
            group = []
        sealed = carried(part, ORIGIN)
        if sealed and isinstance(part, ToolCall):
            items.append(carrier(sealed, len(items), context_id))
        group.append(part)
        if sealed and isinstance(part, Text):
            flush(group)
            group = []
            items.append(carrier(sealed, len(items), context_id))
    flush(group)
    return items


def is_sayable(part: Part) -> bool:
    """Whether there is an item for such a part."""
    match part:
        case Text() | Refusal() | Reasoning() | ToolCall():
            return True
        case Native():
            return part.dialect == NAME
        case Media():
            return part.kind == "image" and part.data is not None
        case _:
            return False


def continues(last: Part, part: Part) -> bool:
    """Whether `part` belongs to the item that `last` is part of."""
    if isinstance(part, ToolCall) or in_message(last) != in_message(part) or type(last) in (ToolCall, Media):
        return False
    before, now = memory(last), memory(part)
    if before is None or now is None:
        return before is now and in_message(part)
    return ITEM not in before and before.get(WITHIN) == item_id(now)


def item_id(told: JSON) -> str:
    """The id of the item that a part remembers; empty where it has none."""
    item = told.get(ITEM)
    found = item.get("id") if item is not None else told.get(WITHIN)
    return found if isinstance(found, str) else ""


def item_of(group: Sequence[Part], index: int, context_id: str) -> JSON:
    """The item that some parts make up; all are content of one message, all one reasoning, or it is one alone."""
    last = group[-1]
    head = head_of(last, index, context_id)
    if in_message(last):
        return {**head, "content": [written(part) for part in group]}
    match last:
        case Reasoning():
            return _reasoning([part for part in group if isinstance(part, Reasoning)], head)
        case ToolCall():
            return written_call(last, head)
        case Media():
            return image_item(last, index, context_id)
        case Native():
            return last.data
        case _:
            raise AssertionError(f"{type(last).__name__} is no output")


def head_of(part: Part, index: int, context_id: str) -> JSON:
    """The members of an item beyond its content, as one of its parts remembers them, or made for one from elsewhere.

    A part that is not the last of its item remembers the id only.
    """
    told = memory(part)
    item = told.get(ITEM) if told is not None else None
    if item is not None:
        return item
    known = item_id(told) if told is not None else ""
    if in_message(part):
        known = known or made_id("msg", index, context_id)
        return {"type": "message", "id": known, "status": "completed", "role": "assistant"}
    match part:
        case Reasoning():
            return {"type": "reasoning", "id": known or made_id("rs", index, context_id), "summary": []}
        case ToolCall(kind="custom"):
            return {"type": "custom_tool_call", "id": made_id("ctc", index, context_id), "status": "completed"}
        case _:
            return {"type": "function_call", "id": made_id("fc", index, context_id), "status": "completed"}


def made_id(prefix: str, index: int, context_id: str) -> str:
    """The id of an item that came without one."""
    return f"{prefix}_{context_id}_{index}"


def written_call(call: ToolCall, head: JSON) -> JSON:
    content = "input" if call.kind == "custom" else "arguments"
    return {**head, "call_id": call.id, "name": own_name(call.name, head), content: call.arguments}


def carrier(sealed: str, index: int, context_id: str) -> JSON:
    """A reasoning item that carries the signature of a call or text beside it."""
    head = {"type": "reasoning", "id": made_id("rs", index, context_id), "summary": []}
    return {**head, "encrypted_content": sealed}


def image_item(image: Media, index: int, context_id: str) -> JSON:
    known = made_id("ig", index, context_id)
    return {"type": "image_generation_call", "id": known, "status": "completed", "result": image.data}


def _reasoning(group: Sequence[Reasoning], head: JSON) -> JSON:
    tree = dict(head)
    summary = [thought(part) for part in group if part.summarised and has_words(part)]
    content = [thought(part) for part in group if not part.summarised and has_words(part)]
    if summary:
        tree["summary"] = summary
    if content:
        tree["content"] = content
    sealed = encrypted(group)
    if sealed is not None:
        tree["encrypted_content"] = sealed
    return tree


def has_words(part: Reasoning) -> bool:
    """Whether a piece of reasoning stands in the item; not one that is encrypted only."""
    told = memory(part)
    return bool(part.text) or (told is not None and PART in told)


def thought(part: Reasoning) -> JSON:
    told = memory(part)
    members = told.get(PART) if told is not None else None
    if members is None:
        members = {"type": "summary_text" if part.summarised else "reasoning_text"}
    return {**members, "text": part.text}


def encrypted(group: Sequence[Reasoning]) -> str | None:
    """The text that carries the signature of a reasoning item, whoever signed it."""
    for part in reversed(group):
        if part.signature is not None:
            return seal(part.signature, ORIGIN)
        if part.redacted is not None:
            return seal(part.redacted, ORIGIN, "redacted")
    return None
