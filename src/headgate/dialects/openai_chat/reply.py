"""Whole answers: the hub's as a client is given them."""

from __future__ import annotations

from headgate.dialects.base import Context
from headgate.dialects.hub import Answer, Choice, Refusal, Text, ToolCall
from headgate.dialects.openai_chat import logprobs, turn
from headgate.dialects.openai_chat.answer import CHOICE, MESSAGE, USAGE
from headgate.dialects.openai_chat.finish import reason_of
from headgate.dialects.openai_chat.names import own
from headgate.dialects.openai_chat.usage import written
from headgate.types import JSON


def encode(answer: Answer, context: Context) -> JSON:
    """The `chat.completion` object."""
    legacy = is_legacy(context.asked)
    tree: JSON = {
        "id": answer.id or f"chatcmpl-{context.id}",
        "object": "chat.completion",
        "created": context.created if answer.created is None else answer.created,
        "model": answer.model,
        "choices": [_choice(choice, index, legacy) for index, choice in enumerate(answer.choices)],
    }
    if answer.usage is not None:
        tree["usage"] = written(answer.usage)
    if answer.service_tier is not None:
        tree["service_tier"] = answer.service_tier
    return tree | own(answer.extra)


def is_legacy(asked: JSON) -> bool:
    """Whether a client that knows no tools asked."""
    return bool(asked.get("functions")) and not asked.get("tools")


def finish(choice_stop: str, legacy: bool) -> str:
    return "function_call" if legacy and choice_stop == "tool_calls" else choice_stop


def _choice(choice: Choice, index: int, legacy: bool) -> JSON:
    notes = own(choice.extra)
    has_calls = any(isinstance(part, ToolCall) for part in choice.parts)
    tree: JSON = {
        "index": index,
        "message": turn.written(choice.parts, notes.get(MESSAGE, {}), legacy=legacy),
        "finish_reason": finish(reason_of(choice.stop, has_calls), legacy),
    }
    tokens = _tokens(choice)
    if tokens:
        tree["logprobs"] = tokens
    return tree | notes.get(CHOICE, {})


def _tokens(choice: Choice) -> JSON:
    """The log probabilities of all texts, and of all refusals, one behind the other."""
    said = [token for part in choice.parts if isinstance(part, Text) for token in part.logprobs or ()]
    refused = [token for part in choice.parts if isinstance(part, Refusal) for token in part.logprobs or ()]
    if not said and not refused:
        return {}
    return {
        "content": logprobs.written(tuple(said)) if said else None,
        "refusal": logprobs.written(tuple(refused)) if refused else None,
    }


__all__ = ["USAGE", "encode", "finish", "is_legacy"]
