"""Calls that `headgate calls export` wrote, as rows of a dataset: what was asked; and what was answered and said of it,
as `answer` and `correction`, which assertions name as inputs.
"""

from __future__ import annotations

from typing import Any

from headgate import dialects
from headgate.errors import HeadgateError
from headgate.types import JSON

SPOKEN = "openai_chat"

_KEPT = ("tools", "tool_choice", "response_format", "max_completion_tokens", "max_tokens")
_ROLES = {"system": "system", "user": "user", "assistant": "assistant"}


class Unusable(Exception):
    """A call makes no case; the message says why."""


def is_captured(row: JSON) -> bool:
    """Whether a row is a call."""
    return "call_id" in row and "request" in row and "dialect" in row


def row_of(call: JSON) -> JSON:
    """A call as a dataset of a model would write it: what the model was asked.

    In other dialects than OpenAI's chat only what was said is taken over, and no tools.

    Raises:
        Unusable: its request was not kept, or cannot be read.
    """
    return {"id": str(call["call_id"]), "inputs": about(call), **_conversation(call, _request(call))}


def row_of_prompt(call: JSON) -> JSON:
    """A call as a dataset of a prompt would write it: what was said to the prompt that the model was, whatever its
    version made of it. Of a model that was none, what it was asked is the history.

    Raises:
        Unusable: its request was not kept, or cannot be read.
    """
    request = _request(call)
    said: Any = request.get("headgate")
    if not isinstance(said, dict):
        return {"id": str(call["call_id"]), **_conversation(call, request)}
    found = {name: said[name] for name in ("inputs", "context") if isinstance(said.get(name), dict)}
    asked: Any = said.get("asked")
    return {"id": str(call["call_id"]), **found, **(_conversation(call, asked) if isinstance(asked, dict) else {})}


def about(call: JSON) -> JSON:
    """What was answered and what should have been, for assertions to name."""
    output: Any = call.get("output")
    found = {"answer": output["text"]} if isinstance(output, dict) and output.get("text") else {}
    said: Any = call.get("feedback")
    corrections = [each.get("correction") for each in said if isinstance(each, dict)] if isinstance(said, list) else []
    corrected = [each for each in corrections if each]
    return {**found, "correction": corrected[-1]} if corrected else found


def _request(call: JSON) -> JSON:
    request: Any = call["request"]
    if not isinstance(request, dict):
        raise Unusable("is a call whose request is not kept")
    return request


def _conversation(call: JSON, request: JSON) -> JSON:
    if call["dialect"] == SPOKEN:
        found = {"messages": request["messages"]} if request.get("messages") else {}
        config = {name: request[name] for name in _KEPT if request.get(name) is not None}
        return {**found, **({"config": config} if config else {})}
    try:
        texts = list(dialects.get(str(call["dialect"])).request_texts(request))
    except (HeadgateError, ValueError, TypeError, KeyError, AttributeError):  # what was cut may be of another form
        raise Unusable("is a call whose request cannot be read") from None
    said = [{"role": _ROLES[each.provenance], "content": each.text} for each in texts if each.provenance in _ROLES]
    return {"messages": said} if said else {}
