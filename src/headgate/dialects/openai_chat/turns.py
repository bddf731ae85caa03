"""The hub's messages as the conversation a vendor is given."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from headgate.dialects.base import Fit
from headgate.dialects.hub import Media, Message, Native, Part, Reasoning, Refusal, Text, ToolCall, ToolResult
from headgate.dialects.openai_chat import calls, citations, content, media, reasoning, turn
from headgate.dialects.openai_chat.messages import LISTED, MEMBERS
from headgate.dialects.openai_chat.names import CHUNK, LEGACY, own
from headgate.types import JSON


def written(messages: Iterable[Message], fit: Fit) -> list[JSON]:
    """The member `messages`.

    Raises:
        Unsupported: chat completions cannot say a part.
    """
    result: list[JSON] = []
    for number, message in enumerate(messages):
        where = f"messages[{number}]"
        if message.role == "assistant":
            result.append(_assistant(message, where, fit))
        else:
            result += _others(message, where, fit)
    return result


# ── users, systems, tools ───────────────────────────────────────────────────────────────────────────────────────────


def _others(message: Message, where: str, fit: Fit) -> list[JSON]:
    """A message that the model did not write. Results of tools are messages of their own and come first, as the
    model's calls have to be answered at once.
    """
    result: list[JSON] = []
    shown: list[JSON] = []
    parts: list[tuple[str, Part]] = []
    for place, part in enumerate(message.parts):
        field = f"{where}.content[{place}]"
        if isinstance(part, ToolResult):
            result.append(_result(part, field, fit, shown))
        else:
            parts.append((field, part))
    if parts or shown or not result:
        role = "system" if message.role == "developer" and not fit.quirks.developer_role else message.role
        said = _content(parts, fit)
        if shown:
            rest = [{"type": "text", "text": said}] if isinstance(said, str) and said else said or []
            said = [*shown, *rest]
        result.append({"role": role, "content": said})
    last = result[-1]
    if message.name is not None:
        last["name"] = message.name
    return [*result[:-1], turn.with_rest(last, own(message.extra).get(MEMBERS, {}))]


def _content(parts: Sequence[tuple[str, Part]], fit: Fit) -> Any:
    """Text alone as a string, which every vendor takes, unless it came as a list."""
    if all(isinstance(part, Text) and not content.is_listed(part) for _, part in parts):
        if any(part.cache is not None for _, part in parts if isinstance(part, Text)):
            fit.note("cache_control")
        return "\n\n".join([part.text for _, part in parts if isinstance(part, Text)])
    return [said for field, part in parts if (said := content.written(part, field, fit)) is not None]


def _result(part: ToolResult, field: str, fit: Fit, shown: list[JSON]) -> JSON:
    """The message with a tool's result. It can hold text only: media go to `shown`, for the user's message after it."""
    notes = own(part.extra)
    if part.is_error:
        fit.note(f"{field}.is_error")
    if part.cache is not None:
        fit.note("cache_control")
    said: Any
    if LISTED in notes:
        said = [written for inner in part.parts if (written := content.written(inner, field, fit)) is not None]
    else:
        said = _text_of(part, field, fit, shown)
    if LEGACY in notes:
        return {"role": "function", "name": part.name, "content": said}
    return {"role": "tool", "tool_call_id": part.call_id, "content": said}


def _text_of(part: ToolResult, field: str, fit: Fit, shown: list[JSON]) -> str:
    texts: list[str] = []
    for place, inner in enumerate(part.parts):
        if isinstance(inner, Text):
            if inner.cache is not None:
                fit.note("cache_control")
            texts.append(inner.text)
        elif isinstance(inner, Media):
            said = content.written(inner, f"{field}.content[{place}]", fit)
            if said is not None:
                shown += [{"type": "text", "text": f"Result of the tool call {part.call_id}:"}, said]
        else:
            fit.refuse(f"{field}.content[{place}]", "chat completions take text and media as a tool's result")
    return "\n\n".join(texts) or ("(see the attachment below)" if shown else "")


# ── the assistant ───────────────────────────────────────────────────────────────────────────────────────────────────


def _assistant(message: Message, where: str, fit: Fit) -> JSON:
    turn_said = _Said(message, fit)
    for place, part in enumerate(message.parts):
        turn_said.add(part, f"{where}.content[{place}]")
    told = turn_said.message()
    thoughts = [part for part in message.parts if isinstance(part, Reasoning)]
    if thoughts:
        told |= reasoning.plain(thoughts, fit.quirks.reasoning_field)
    if message.name is not None:
        told["name"] = message.name
    return turn.with_rest(told, own(message.extra).get(MEMBERS, {}))


class _Said:
    """Collects what an assistant's message says, thoughts in members of their own excepted."""

    def __init__(self, message: Message, fit: Fit) -> None:
        said = [part for part in message.parts if isinstance(part, Text | Refusal | Reasoning)]
        self._is_listed = any(CHUNK in own(part.extra) for part in said)
        self._fit = fit
        self._listed: list[JSON] = []
        self._texts: list[str] = []
        self._calls: list[JSON] = []
        self._beside: JSON = {}

    def message(self) -> JSON:
        """Where there is no content it is null beside calls, otherwise empty, since vendors refuse null there."""
        nothing = None if self._calls or self._beside else ""
        told: JSON = {"role": "assistant", "content": self._listed or "".join(self._texts) or nothing, **self._beside}
        if self._calls:
            told["tool_calls"] = self._calls
        return told

    def add(self, part: Part, field: str) -> None:
        is_chunk = CHUNK in own(part.extra)
        match part:
            case Text():
                self._add_text(part, field)
            case Reasoning() | Refusal() if is_chunk:
                self._listed.append(content.said(part))
            case Reasoning():
                pass
            case Refusal():
                self._beside["refusal"] = self._beside.get("refusal", "") + part.text
            case ToolCall() if turn.is_legacy(part):
                self._beside["function_call"] = {"name": part.name, "arguments": part.arguments}
            case ToolCall():
                self._calls.append(calls.written(part, to_vendor=True))
            case Media():
                self._add_media(part, field)
            case Native() if calls.is_native(part):
                self._calls.append(part.data)
            case _:
                said = content.written(part, field, self._fit)
                if said is not None:
                    self._listed.append(said)

    def _add_text(self, part: Text, field: str) -> None:
        notes = own(part.extra)
        if part.cache is not None and CHUNK not in notes:
            self._fit.note("cache_control")
        if part.citations and all(own(each.extra) for each in part.citations):  # the client gives them back
            self._beside.setdefault("annotations", []).extend(citations.written([part]))
        elif part.citations:
            self._fit.note(f"{field}.citations")
        if part.signature is not None and calls.SIGNED in notes:
            self._beside[calls.SIGNED] = calls.signed(part.signature, notes)
        if self._is_listed:
            self._listed.append(content.said(part))
        else:
            self._texts.append(part.text)

    def _add_media(self, part: Media, field: str) -> None:
        notes = own(part.extra)
        if turn.AUDIO in notes:
            self._beside["audio"] = turn.audio(part)
        elif turn.IMAGES in notes:
            self._beside.setdefault("images", []).append(media.shown(part))
        elif CHUNK in notes:
            said = media.written(part, field, self._fit)
            if said is not None:
                self._listed.append(said)
        else:
            self._fit.refuse(field, "chat completions take no media in the assistant's own messages")
