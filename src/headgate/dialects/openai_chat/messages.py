"""The conversation as a client gives it, as the hub's messages."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from headgate.dialects.hub import Message, Part, Role, Text, ToolCall, ToolResult, extra_of
from headgate.dialects.openai_chat import content, turn
from headgate.dialects.openai_chat.names import LEGACY, NAME
from headgate.dialects.reading import CLIENT
from headgate.types import JSON, json_type

LISTED = "listed"
"""On a tool's result: it was a list of content."""
MEMBERS = "members"
"""On a message: the members that have to be written back as they are."""

_ROLES: dict[str, Role] = {"system": "system", "developer": "developer", "user": "user", "assistant": "assistant"}
_PLAIN = frozenset({"role", "content", "name"})
_TOOL = frozenset({"role", "content", "tool_call_id", "name"})


def messages_of(body: JSON) -> tuple[Message, ...]:
    """`messages`. A tool's result becomes a part of a user's message, one for each as it came.

    Raises:
        BadRequest: one cannot be read, or is the result of a call that was not made.
    """
    if not CLIENT.required(body, "messages", list):
        raise CLIENT.fail("messages", "must hold at least one message")
    return _Conversation().read(body)


class _Conversation:
    """Reads messages in order: a result is read by the call it answers."""

    def __init__(self) -> None:
        self._calls: dict[str, ToolCall] = {}
        self._legacy: dict[str, str] = {}

    def read(self, body: JSON) -> tuple[Message, ...]:
        return tuple(self._message(message, where) for message, where in CLIENT.objects(body, "messages"))

    def _message(self, message: JSON, where: str) -> Message:
        role = CLIENT.required(message, "role", str, where)
        if role == "tool":
            return self._result(message, where)
        if role == "function":
            return self._legacy_result(message, where)
        known = _ROLES.get(role)
        if known is None:
            words = "system, developer, user, assistant, tool, function"
            raise CLIENT.fail(f"{where}.role", f"must be one of {words}, not '{role[:100]}'")
        name = CLIENT.optional(message, "name", str, where)
        if known == "assistant":
            return self._assistant(message, name, where)
        rest = {name: value for name, value in message.items() if name not in _PLAIN or value is None}
        parts = _content(message.get("content"), f"{where}.content")
        if "content" not in message:
            raise CLIENT.fail(f"{where}.content", "is missing")
        return Message(role=known, parts=parts, name=name, extra=_noted(rest))

    def _assistant(self, message: JSON, name: str | None, where: str) -> Message:
        parts, rest = turn.parts_of(message, where, CLIENT)
        rest = {member: value for member, value in rest.items() if member != "name" or value is None}
        for place, part in enumerate(parts):
            if not isinstance(part, ToolCall):
                continue
            if turn.is_legacy(part):  # these have no ids, so they are told apart by their number
                self._legacy[part.name] = f"{part.id}_{len(self._calls)}"
                part = parts[place] = replace(part, id=self._legacy[part.name])
            self._calls[part.id] = part
        return Message(role="assistant", parts=tuple(parts), name=name, extra=_noted(rest))

    def _result(self, message: JSON, where: str) -> Message:
        call_id = CLIENT.required(message, "tool_call_id", str, where)
        call = self._calls.get(call_id)
        if call is None:
            raise CLIENT.fail(f"{where}.tool_call_id", f"'{call_id[:100]}' answers no call of an earlier message")
        told = message.get("content")
        result = ToolResult(
            call_id=call_id,
            parts=_content(told, f"{where}.content"),
            name=call.name,
            kind=call.kind,
            extra={NAME: {LISTED: True}} if isinstance(told, list) else {},
        )
        rest = {name: value for name, value in message.items() if name not in _TOOL or value is None}
        name = CLIENT.optional(message, "name", str, where)
        return Message(role="user", parts=(result,), name=name, extra=_noted(rest))

    def _legacy_result(self, message: JSON, where: str) -> Message:
        name = CLIENT.required(message, "name", str, where)
        call_id = self._legacy.get(name)
        if call_id is None:
            raise CLIENT.fail(f"{where}.name", f"'{name[:100]}' is not a function that an earlier message called")
        parts = _content(message.get("content"), f"{where}.content")
        result = ToolResult(call_id=call_id, parts=parts, name=name, extra={NAME: {LEGACY: True}})
        rest = {member: value for member, value in message.items() if member not in _PLAIN}
        return Message(role="user", parts=(result,), extra=_noted(rest))


def _content(told: Any, where: str) -> tuple[Part, ...]:
    if isinstance(told, str):
        return (Text(text=told),) if told else ()
    if isinstance(told, list):
        return tuple(content.parts_of(told, where, CLIENT))
    if told is None:
        return ()
    raise CLIENT.fail(where, f"must be a string or an array of parts, not {json_type(told)}")


def _noted(rest: JSON) -> dict[str, JSON]:
    return extra_of(NAME, {MEMBERS: rest} if rest else {})
