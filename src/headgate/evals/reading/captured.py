"""Calls that `headgate calls export` wrote, as rows of a dataset: what was asked, and what was answered and said of it
as the inputs `answer` and `correction`.
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
    """A call as a dataset would write it. In other dialects than OpenAI's chat only what was said is taken over, and no
    tools.

    Raises:
        Unusable: its request was not kept, or cannot be read.
    """
    request: Any = call["request"]
    if not isinstance(request, dict):
        raise Unusable("is a call whose request is not kept")
    row: JSON = {"id": str(call["call_id"]), "inputs": _inputs(call)}
    if call["dialect"] == SPOKEN:
        return {
            **row,
            "messages": request.get("messages"),
            "config": {name: request[name] for name in _KEPT if request.get(name) is not None},
        }
    try:
        texts = list(dialects.get(str(call["dialect"])).request_texts(request))
    except (HeadgateError, ValueError, TypeError, KeyError, AttributeError):  # what was cut may be of another form
        raise Unusable("is a call whose request cannot be read") from None
    said = [{"role": _ROLES[each.provenance], "content": each.text} for each in texts if each.provenance in _ROLES]
    return {**row, "messages": said}


def _inputs(call: JSON) -> JSON:
    output: Any = call.get("output")
    found = {"answer": output["text"]} if isinstance(output, dict) and output.get("text") else {}
    said: Any = call.get("feedback")
    corrections = [each.get("correction") for each in said if isinstance(each, dict)] if isinstance(said, list) else []
    corrected = [each for each in corrections if each]
    return {**found, "correction": corrected[-1]} if corrected else found
