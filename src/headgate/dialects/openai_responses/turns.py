"""Messages as the `input` of a request to a vendor.

What came in this dialect is written as it came. Reasoning goes to the vendor only where it can use it: its own items,
and what its own models signed.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from headgate.dialects.base import Fit
from headgate.dialects.hub import Media, Message, Native, Part, Reasoning, Refusal, Text, ToolCall, ToolResult
from headgate.dialects.openai_responses.content import media, written
from headgate.dialects.openai_responses.inputs import AS_STRING
from headgate.dialects.openai_responses.names import ITEM, NAME, ORIGIN, in_message, memory
from headgate.dialects.openai_responses.output import continues, encrypted, has_words, item_of, written_call
from headgate.types import JSON

_RESULTS = {"function": "function_call_output", "custom": "custom_tool_call_output"}


class Turns:
    """Writes the messages of one request."""

    def __init__(self, fit: Fit) -> None:
        self._fit = fit
        self._items: list[JSON] = []
        self._custom: set[str] = set()
        """Ids of calls of custom tools: a result has to say what it answers."""

    def written(self, messages: Iterable[tuple[int, Message]]) -> list[JSON]:
        """The items of the messages, which are given with their places in the client's request.

        Raises:
            Unsupported: a part is of a kind this dialect has no content for.
        """
        for number, message in messages:
            if message.name is not None:
                self._fit.dropped.append(f"messages[{number}].name")
            self._message(message, f"messages[{number}]")
        return self._items

    def _message(self, message: Message, where: str) -> None:
        group: list[tuple[Part, str]] = []
        for place, part in enumerate(message.parts):
            field = f"{where}.content[{place}]"
            if group and not (self._is_content(part) and _joins(group[-1][0], part)):
                self._content(message, group)
                group = []
            if self._is_content(part):
                group.append((part, field))
            else:
                self._item(message.parts, place, field)
        if group:
            self._content(message, group)

    def _is_content(self, part: Part) -> bool:
        return in_message(part) or isinstance(part, Media)

    def _content(self, message: Message, group: Sequence[tuple[Part, str]]) -> None:
        """A message item of some parts."""
        told = memory(group[-1][0])
        item = told.get(ITEM) if told is not None else None
        is_assistant = message.role == "assistant"
        content = [tree for part, field in group if (tree := self._piece(part, is_assistant, field)) is not None]
        if not content:
            return
        role = message.role
        if role == "developer" and not self._fit.quirks.developer_role:
            role = "system"
        head: JSON = item if item is not None else {"role": role}
        self._items.append({**head, "content": self._compact(group, content)})

    def _compact(self, group: Sequence[tuple[Part, str]], content: list[JSON]) -> str | list[JSON]:
        """A single bare text as a string: every vendor takes that, not all of them take the long form."""
        part = group[0][0]
        if len(content) == 1 and isinstance(part, Text):
            told = memory(part)
            if told is None or AS_STRING in told:
                return part.text
        return content

    def _piece(self, part: Part, is_assistant: bool, field: str) -> JSON | None:
        self._drop_mark(part)
        if isinstance(part, Media):
            if is_assistant:
                self._fit.refuse(field, "the assistant's turns hold text here")
                return None
            return self._media(part, field)
        if memory(part) is not None:
            return written(part)
        match part:
            case Text():
                return {"type": "output_text" if is_assistant else "input_text", "text": part.text}
            case Refusal() if is_assistant:
                return written(part)
            case Refusal():
                self._fit.refuse(field, "only the assistant refuses")
                return None
            case _:
                raise AssertionError(f"{type(part).__name__} is no content")

    def _media(self, part: Media, field: str) -> JSON | None:
        own = memory(part) is not None
        if own:
            return written(part)
        if part.kind == "video" or part.kind == "audio":
            self._fit.refuse(field, f"this API does not take {part.kind}")
            return None
        if part.text is not None and part.data is None:
            encoded = b64encode(part.text.encode()).decode()
            part = replace(part, data=encoded, media_type=part.media_type or "text/plain")
        if part.data is not None and part.media_type is None:
            self._fit.refuse(field, "its media type is not given")
            return None
        if part.kind == "file" and part.data is not None and part.filename is None:
            ending = (part.media_type or "").rpartition("/")[2]
            part = replace(part, filename=f"document.{'txt' if ending == 'plain' else ending}")
        return media(part)

    def _item(self, parts: Sequence[Part], place: int, field: str) -> None:
        """A part that is an item of its own."""
        part = parts[place]
        self._drop_mark(part)
        match part:
            case ToolCall():
                self._call(part)
            case ToolResult():
                self._result(part, field)
            case Reasoning():
                self._reasoning(parts, place)
            case Native():
                if part.dialect == NAME:
                    self._items.append(part.data)
                else:
                    self._fit.refuse(field, "it is of a kind that only another vendor has")
            case _:
                self._fit.refuse(field, "this API has no such kind of content here")

    def _call(self, call: ToolCall) -> None:
        if call.kind == "custom":
            self._custom.add(call.id)
        told = memory(call)
        head: JSON = {"type": "custom_tool_call" if call.kind == "custom" else "function_call"}
        self._items.append(written_call(call, told[ITEM] if told is not None else head))

    def _reasoning(self, parts: Sequence[Part], place: int) -> None:
        """The reasoning item that ends with this part, if it ends here and the vendor can use it."""
        part = parts[place]
        following = parts[place + 1] if place + 1 < len(parts) else None
        if following is not None and continues(part, following):
            return
        first = place
        while first and continues(parts[first - 1], parts[first]):
            first -= 1
        group = [each for each in parts[first : place + 1] if isinstance(each, Reasoning)]
        signatures = [each.signature or each.redacted for each in group if each.signature or each.redacted]
        if any(signature is not None and signature.origin != ORIGIN for signature in signatures):
            return
        told = memory(part)
        if told is not None and ITEM in told:
            self._items.append(item_of(group, 0, ""))
        elif signatures:
            summary = [{"type": "summary_text", "text": each.text} for each in group if has_words(each)]
            self._items.append({"type": "reasoning", "summary": summary, "encrypted_content": encrypted(group)})

    def _result(self, result: ToolResult, field: str) -> None:
        if result.is_error:
            self._fit.dropped.append("is_error")
        told = memory(result)
        kind = "custom" if result.call_id in self._custom else result.kind
        head: JSON = told[ITEM] if told is not None else {"type": _RESULTS[kind]}
        only = result.parts[0] if len(result.parts) == 1 else None
        as_string = AS_STRING in told if told is not None else isinstance(only, Text)
        if as_string and isinstance(only, Text):
            output: str | list[JSON] = only.text
        else:
            output = [
                tree
                for place, part in enumerate(result.parts)
                if (tree := self._given(part, f"{field}.content[{place}]")) is not None
            ]
        self._items.append({**head, "call_id": result.call_id, "output": output or ""})

    def _given(self, part: Part, field: str) -> JSON | None:
        """A part of a result."""
        if isinstance(part, Text | Media) or in_message(part):
            return self._piece(part, is_assistant=False, field=field)
        self._fit.refuse(field, "a tool's result is text, images and files here")
        return None

    def _drop_mark(self, part: Part) -> None:
        """Note a cache mark from elsewhere as left out; this API has it for some kinds of content and models only."""
        if getattr(part, "cache", None) is not None and memory(part) is None:
            self._fit.dropped.append("cache_control")


def _joins(last: Part, part: Part) -> bool:
    """Whether two pieces of content belong to one message item."""
    before, now = memory(last), memory(part)
    if before is None or now is None:
        return before is now
    return ITEM not in before
