"""The request that asks for a wrong answer again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from headgate.dialects.expected import call_complaint, complaint, objects
from headgate.types import JSON, Payload


def with_correction(request: Payload, answer: Payload, problems: Sequence[str]) -> Payload:
    """The client's request with the answer to it and what is wrong with that. Each call gets a result that says so.

    The answer is given back with its thinking: Claude refuses calls that come without it.
    """
    given = request.tree.get("messages")
    content = [block for block in objects(answer.answer_tree.get("content")) if not _is_blank(block)]
    calls = [block for block in content if block.get("type") == "tool_use"]
    reply: Any = [_result(call, problems) for call in calls] or complaint(problems)
    messages = [*given] if isinstance(given, list) else []
    if any(block.get("type") not in ("thinking", "redacted_thinking") for block in content):
        messages.append({"role": "assistant", "content": content})
    return request.with_members(messages=[*messages, {"role": "user", "content": reply}])


def _is_blank(block: JSON) -> bool:
    """Whether it is a text that says nothing, which is refused in a request."""
    text = block.get("text")
    return block.get("type") == "text" and isinstance(text, str) and not text.strip()


def _result(call: JSON, problems: Sequence[str]) -> JSON:
    content = call_complaint(problems)
    return {"type": "tool_result", "tool_use_id": call.get("id"), "is_error": True, "content": content}
