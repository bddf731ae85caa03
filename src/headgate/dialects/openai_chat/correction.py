"""The request that asks for a wrong answer again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from headgate.dialects.expected import call_complaint, complaint, member, objects
from headgate.types import JSON, Payload

_THOUGHTS = ("reasoning", "reasoning_content", "reasoning_details")
"""Given back with calls only: vendors that think between calls demand them there, and some refuse them elsewhere."""


def with_correction(request: Payload, answer: Payload, problems: Sequence[str], choice: int) -> Payload:
    """The client's request with the answer to it and what is wrong with that. Each call gets a result that says so."""
    given = request.tree.get("messages")
    choices = objects(answer.answer_tree.get("choices"))
    said = member(choices[choice], "message") if choice < len(choices) else None
    messages = [*given] if isinstance(given, list) else []
    messages += _exchange(said or {}, problems)
    return request.with_members(messages=messages)


def _exchange(said: JSON, problems: Sequence[str]) -> list[JSON]:
    content: Any = said.get("content")
    calls = [{**call, "id": call.get("id") or f"call_{n}"} for n, call in enumerate(objects(said.get("tool_calls")))]
    legacy = member(said, "function_call")
    if calls:
        thoughts = {name: said[name] for name in _THOUGHTS if said.get(name)}
        results = [{"role": "tool", "tool_call_id": each["id"], "content": call_complaint(problems)} for each in calls]
        return [{"role": "assistant", "content": content, "tool_calls": calls, **thoughts}, *results]
    if legacy is not None:
        result = {"role": "function", "name": legacy.get("name"), "content": call_complaint(problems)}
        return [{"role": "assistant", "content": content, "function_call": legacy}, result]
    answer: list[JSON] = [{"role": "assistant", "content": content}] if content else []
    return [*answer, {"role": "user", "content": complaint(problems)}]
