"""The `input` of a request as messages (API reference, "Create a model response", `input`).

Items of one turn of the assistant (reasoning, messages, calls) become one message, results of tools given one after
the other too. What only this API knows, such as references to stored items, is kept whole.
"""

from __future__ import annotations

from typing import Any

from headgate.dialects.hub import Message, Native, Part, Role, Text, ToolCall, ToolResult
from headgate.dialects.openai_responses.content import part_of
from headgate.dialects.openai_responses.items import message_parts, native, parts_of, remembering
from headgate.dialects.openai_responses.names import ITEM, NAME
from headgate.dialects.openai_responses.namespaces import called
from headgate.dialects.reading import CLIENT, left
from headgate.dialects.signatures import attach
from headgate.types import JSON, json_type

AS_STRING = "string"
"""The note that content was given as a bare string."""

_ROLES: dict[str, Role] = {"system": "system", "developer": "developer", "user": "user", "assistant": "assistant"}
_EASY = frozenset({"content"})
_RESULT = frozenset({"call_id", "output"})
_RESULTS = {"function_call_output": "function", "custom_tool_call_output": "custom"}
_GIVEN_BY_USER = frozenset({"mcp_approval_response", "compaction_trigger"})


def messages_of(value: Any, stateful: bool, known: dict[str, str] | None = None) -> list[Message]:
    """The messages. With `stateful`, results may answer calls the vendor has stored; `known` are the namespaces of the
    request's tools.

    Raises:
        BadRequest: an item is malformed, or a result answers a call nobody made.
    """
    if isinstance(value, str):
        return [Message(role="user", parts=(Text(text=value),), extra={NAME: {AS_STRING: True}})]
    if not isinstance(value, list):
        raise CLIENT.fail("input", f"must be a string or an array of items, not {json_type(value)}")
    reader = _Items(stateful or any(_is_reference(each) for each in value), known or {})
    for index, item in enumerate(value):
        reader.take(CLIENT.object(item, f"input[{index}]"), f"input[{index}]")
    return reader.messages()


def _is_reference(item: Any) -> bool:
    return (
        isinstance(item, dict) and item.get("type") in ("item_reference", "compaction", None) and "content" not in item
    )


class _Items:
    """Gathers items into messages, and gives results the names of the tools they are from."""

    def __init__(self, stateful: bool, known: dict[str, str]) -> None:
        self._stateful = stateful
        self._known = known
        self._names: dict[str, str] = {}
        self._messages: list[Message] = []
        self._role: Role | None = None
        self._parts: list[Part] = []

    def take(self, item: JSON, where: str) -> None:
        kind = CLIENT.optional(item, "type", str, where)
        if kind == "message" or (kind is None and "role" in item):
            self._message(item, where)
        elif kind in _RESULTS:
            self._add("user", [self._result(item, where)])
        elif kind is None and "id" not in item:
            raise CLIENT.fail(f"{where}.type", "is missing")
        elif kind is None:
            self._add("assistant", [native(item)])
        else:
            parts = [called(part, self._known) for part in parts_of(item, where, CLIENT)]
            self._note(item, kind, parts)
            self._add(_role_of(item, kind), parts)

    def messages(self) -> list[Message]:
        self._flush()
        return self._messages

    def _message(self, item: JSON, where: str) -> None:
        told = CLIENT.required(item, "role", str, where)
        role = _ROLES.get(told)
        if role is None:
            raise CLIENT.fail(f"{where}.role", "must be 'user', 'assistant', 'system' or 'developer'")
        content = item.get("content")
        if isinstance(content, str):
            [part] = remembering([Text(text=content, extra={NAME: {AS_STRING: True}})], left(item, _EASY))
            parts: list[Part] = [part]
        elif isinstance(content, list):
            parts = message_parts(item, where, CLIENT)
        else:
            raise CLIENT.fail(f"{where}.content", f"must be a string or an array, not {json_type(content)}")
        if role == "assistant":
            self._add(role, parts)
        else:
            self._flush()
            self._messages.append(Message(role=role, parts=tuple(parts)))

    def _result(self, item: JSON, where: str) -> ToolResult:
        call_id = CLIENT.required(item, "call_id", str, where)
        if call_id not in self._names and not self._stateful:
            raise CLIENT.fail(f"{where}.call_id", f"answers a call that is not in the input: '{call_id[:200]}'")
        output = item.get("output")
        note: JSON = {ITEM: left(item, _RESULT)}
        if isinstance(output, str):
            parts: tuple[Part, ...] = (Text(text=output),)
            note[AS_STRING] = True
        elif isinstance(output, list):
            parts = tuple(part_of(each, at, CLIENT) for each, at in CLIENT.objects(item, "output", where))
        else:
            raise CLIENT.fail(f"{where}.output", f"must be a string or an array, not {json_type(output)}")
        return ToolResult(
            call_id=call_id,
            parts=parts,
            name=self._names.get(call_id),
            kind="custom" if item["type"] == "custom_tool_call_output" else "function",
            extra={NAME: note},
        )

    def _note(self, item: JSON, kind: str, parts: list[Part]) -> None:
        """Remember whom a result may answer: our calls by name, other items' by their kind."""
        for part in parts:
            if isinstance(part, ToolCall):
                self._names[part.id] = part.name
            elif isinstance(part, Native) and isinstance(item.get("call_id"), str):
                self._names[item["call_id"]] = kind

    def _add(self, role: Role, parts: list[Part]) -> None:
        if role != self._role:
            self._flush()
            self._role = role
        self._parts += parts

    def _flush(self) -> None:
        if self._role is not None:
            self._messages.append(Message(role=self._role, parts=attach(self._parts)))
        self._role = None
        self._parts = []


def _role_of(item: JSON, kind: str) -> Role:
    """Whose turn an item belongs to that names no speaker."""
    told = item.get("role")
    if isinstance(told, str) and told in _ROLES:
        return _ROLES[told]
    return "user" if kind.endswith("_output") or kind in _GIVEN_BY_USER else "assistant"


def instructions_of(text: str) -> Message:
    """The `instructions` as the message they are put into at the front."""
    return Message(role="system", parts=(Text(text=text),), extra={NAME: {"instructions": True}})


def is_instructions(message: Message) -> bool:
    told = message.extra.get(NAME)
    return told is not None and "instructions" in told
