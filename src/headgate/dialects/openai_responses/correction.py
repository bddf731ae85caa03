"""The request that asks for a wrong answer again."""

from __future__ import annotations

from collections.abc import Sequence

from headgate.dialects.expected import call_complaint, complaint, objects
from headgate.types import JSON, Payload

_CALLS = {
    "function_call": ("arguments", "function_call_output"),
    "custom_tool_call": ("input", "custom_tool_call_output"),
}
"""By the kind of a call, where it says what to do, and the kind of its result."""


def with_correction(request: Payload, answer: Payload, problems: Sequence[str]) -> Payload:
    """The client's request with the answer to it and what is wrong with that. Each call gets a result that says so.

    Of the answer only words and calls are given back, without the ids of their items: those, and reasoning, mean
    something only to the target that made them, and only if it keeps them.
    """
    output = objects(answer.answer_tree.get("output"))
    calls = [item for item in output if item.get("type") in _CALLS]
    reply = [_result(call, problems) for call in calls] or [{"role": "user", "content": complaint(problems)}]
    if request.tree.get("conversation") is not None:
        return request.with_members(input=reply)  # which holds the rest already
    said = [_call(item) if item in calls else _message(item) for item in output if item in calls or _words(item)]
    return request.with_members(input=[*_given(request), *said, *reply])


def _given(request: Payload) -> list[JSON]:
    given = request.tree.get("input")
    if isinstance(given, list):
        return given
    return [] if given is None else [{"role": "user", "content": given}]


def _message(item: JSON) -> JSON:
    return {"role": "assistant", "content": _words(item)}


def _words(item: JSON) -> str:
    """What a message says; empty for other items."""
    parts = objects(item.get("content")) if item.get("type") == "message" else []
    return "".join(part["text"] for part in parts if isinstance(part.get("text"), str))


def _call(item: JSON) -> JSON:
    return {name: item[name] for name in ("type", "call_id", "name", _CALLS[item["type"]][0]) if name in item}


def _result(call: JSON, problems: Sequence[str]) -> JSON:
    return {"type": _CALLS[call["type"]][1], "call_id": call.get("call_id"), "output": call_complaint(problems)}
