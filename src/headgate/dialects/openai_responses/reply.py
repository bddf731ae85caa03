"""A hub answer as the response a client gets (API reference, "The response object").

An answer that came in this dialect is written as it came. For one from elsewhere the members that repeat the request
are taken from the request, as the API does; SDKs require some of them.
"""

from __future__ import annotations

from typing import Any

from headgate.dialects.base import Context
from headgate.dialects.hub import Answer, Refusal, Stop
from headgate.dialects.openai_responses.names import NAME
from headgate.dialects.openai_responses.namespaces import placed, spaces
from headgate.dialects.openai_responses.output import items_of
from headgate.dialects.openai_responses.usage import written_stop, written_usage
from headgate.types import JSON, Usage

_REPEATED: dict[str, Any] = {
    "background": False,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "safety_identifier": None,
    "temperature": 1.0,
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}
"""Members of a request that its response repeats, with what stands there if the request did not say."""

_REASONING = {"effort": None, "summary": None}
_TEXT = {"format": {"type": "text"}, "verbosity": "medium"}


def encode_answer(answer: Answer, context: Context) -> JSON:
    """The response. Of several choices it is the first: a request of this dialect asks for one."""
    choice = answer.choices[0] if answer.choices else None
    known = spaces(context.asked)
    parts = [placed(part, known) for part in choice.parts] if choice is not None else []
    head = response_head(answer.id, answer.model, answer.created, answer.extra.get(NAME), context)
    if answer.service_tier is not None:
        head.setdefault("service_tier", answer.service_tier)
    head["output"] = items_of(parts, context.id)
    has_refusal = any(isinstance(part, Refusal) for part in parts)
    return finished(head, answer.usage, choice.stop if choice is not None else None, has_refusal, context)


def response_head(known: str, model: str, created: int | None, rest: JSON | None, context: Context) -> JSON:
    """What is known of a response before its output; `rest` is what an answer of this dialect has kept."""
    head: JSON = {
        "id": known or f"resp_{context.id}",
        "object": "response",
        "created_at": context.created if created is None else created,
        "model": model or context.asked.get("model"),
    }
    return {**head, **(repeated(context.asked) if rest is None else rest)}


def finished(head: JSON, usage: Usage | None, stop: Stop | None, has_refusal: bool, context: Context) -> JSON:
    """A response with how it ended and what it used, unless it says so already as one of this dialect does."""
    if "status" in head:
        return head
    head["status"], head["incomplete_details"] = written_stop(stop, has_refusal)
    head["error"] = None
    head["completed_at"] = context.created
    head["usage"] = written_usage(usage) if usage is not None else None
    return head


def repeated(asked: JSON) -> JSON:
    """The members of a response that repeat the request. Nothing from elsewhere is stored here."""
    tree = {name: default if asked.get(name) is None else asked[name] for name, default in _REPEATED.items()}
    tree["reasoning"] = {**_REASONING, **(asked.get("reasoning") or {})}
    tree["text"] = {**_TEXT, **(asked.get("text") or {})}
    tree["store"] = False
    return tree
