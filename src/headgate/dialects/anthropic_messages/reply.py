"""A hub answer as the message a client of Anthropic's dialect expects."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import jiter

from headgate.dialects.anthropic_messages import usage
from headgate.dialects.anthropic_messages.names import NAME, ORIGIN
from headgate.dialects.anthropic_messages.stops import reason_of
from headgate.dialects.base import Context
from headgate.dialects.hub import (
    Answer,
    Choice,
    Citation,
    Extra,
    Media,
    Native,
    Part,
    Reasoning,
    Refusal,
    Signature,
    Text,
    ToolCall,
)
from headgate.dialects.signatures import carried, seal
from headgate.errors import MalformedOutput
from headgate.types import JSON


def encode_answer(answer: Answer, context: Context) -> JSON:
    """The message. An answer that came in this dialect is written back as it was.

    Raises:
        MalformedOutput: a tool call's arguments are not a JSON object.
    """
    choice = answer.choices[0] if answer.choices else Choice(parts=())
    extra = dict(answer.extra.get(NAME, {}))
    told = extra.pop("usage", None)
    return {
        "id": answer.id or f"msg_{context.id}",
        "type": "message",
        "role": "assistant",
        "model": answer.model or context.asked.get("model") or "",
        "content": [block for part in choice.parts for block in blocks_of(part)],
        **stop_members(choice.stop, choice.stop_sequence, choice.extra, choice.parts),
        "usage": told if told is not None else usage.written(answer.usage, answer.service_tier),
        **extra,
    }


def stop_members(stop: Any, stop_sequence: str | None, extra: Extra, parts: Iterable[Part]) -> JSON:
    """Why the message ended: the vendor's own words if they are Anthropic's."""
    members: JSON = {"stop_reason": reason_of(stop, parts), "stop_sequence": stop_sequence}
    return {**members, **extra.get(NAME, {})}


def blocks_of(part: Part) -> list[JSON]:
    """The blocks of a part; none for what this dialect cannot show.

    Raises:
        MalformedOutput: a tool call's arguments are not a JSON object.
    """
    match part:
        case Text():
            block = {**opening_text(part), "text": part.text}
            citations = citations_of(part.citations)
            if citations:
                block["citations"] = citations
            return [block, *carrier_of(part)] if part.text or citations else carrier_of(part)
        case Refusal():
            return [{"type": "text", "text": part.text}] if part.text else []
        case Reasoning():
            return _reasoning(part)
        case ToolCall():
            return [*carrier_of(part), {**opening_call(part), "input": _input(part)}]
        case Native() if part.dialect == NAME:
            return [part.data]
        case Media() if part.transcript:
            return [{"type": "text", "text": part.transcript}]
        case _:
            return []


def opening_text(part: Text | Refusal) -> JSON:
    return {"type": "text", "text": "", **part.extra.get(NAME, {})}


def opening_call(part: ToolCall) -> JSON:
    return {"type": "tool_use", "id": part.id, "name": part.name, "input": {}, **part.extra.get(NAME, {})}


def opening_thinking(part: Reasoning) -> JSON:
    """Without a signature of its own a thinking block has an empty one, which the SDKs take."""
    return {"type": "thinking", "thinking": "", "signature": "", **part.extra.get(NAME, {})}


def thinking_signature(part: Reasoning) -> str:
    """What stands in the signature of a thinking block."""
    if part.signature is not None:
        return seal(part.signature, ORIGIN)
    if part.redacted is not None and not is_own(part.redacted):
        return seal(part.redacted, ORIGIN, "redacted")
    return ""


def is_own(signature: Signature | None) -> bool:
    """Whether it is Anthropic's: its encrypted thoughts have a block of their own, and no place in a signature."""
    return signature is not None and signature.origin == ORIGIN


def redacted_block(redacted: Signature, extra: Extra) -> JSON:
    return {"type": "redacted_thinking", "data": seal(redacted, ORIGIN, "redacted"), **extra.get(NAME, {})}


def carrier_of(part: Part) -> list[JSON]:
    """The block that carries the signature of a part which has no field for it."""
    sealed = carried(part, ORIGIN)
    return [{"type": "redacted_thinking", "data": sealed}] if sealed is not None else []


def citations_of(citations: Iterable[Citation]) -> list[JSON]:
    """Citations as Anthropic has them; of other vendors' those that name a page of the web."""
    return [written for each in citations if (written := citation(each)) is not None]


def citation(each: Citation) -> JSON | None:
    if NAME in each.extra:
        return each.extra[NAME]
    if each.url is None:
        return None
    return {
        "type": "web_search_result_location",
        "cited_text": each.cited_text or "",
        "encrypted_index": "",
        "title": each.title,
        "url": each.url,
    }


def _reasoning(part: Reasoning) -> list[JSON]:
    beside = is_own(part.redacted) or part.signature is not None
    if not part.text and part.signature is None:
        return [redacted_block(part.redacted, part.extra)] if part.redacted is not None else []
    block = {**opening_thinking(part), "thinking": part.text, "signature": thinking_signature(part)}
    return [block, redacted_block(part.redacted, {})] if beside and part.redacted is not None else [block]


def _input(call: ToolCall) -> JSON:
    """The arguments as an object. Of a call that was cut short what is whole is given, as Anthropic does."""
    if call.kind == "custom":
        return {"input": call.arguments}
    if not call.arguments.strip():
        return {}
    try:
        arguments = jiter.from_json(call.arguments.encode("utf-8", "surrogatepass"), partial_mode=True)
    except ValueError as error:
        raise MalformedOutput(f"the arguments of '{call.name}' are not JSON: {error}") from None
    if not isinstance(arguments, dict):
        raise MalformedOutput(f"the arguments of '{call.name}' are not a JSON object")
    return arguments
