"""From a compiled prompt to one that calls use: its settings, tools and form as the hub has them, worked out once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from math import isfinite
from typing import Any

from headgate import dialects
from headgate.dialects.base import Fit
from headgate.dialects.hub import Chat, Format, Media, Message, Part, Text, Thinking, Tool
from headgate.dialects.prompting import Prompted
from headgate.prompts.at_hand import Served, Spelling
from headgate.prompts.dotprompt import Media as RenderedMedia
from headgate.prompts.dotprompt import Message as RenderedMessage
from headgate.prompts.dotprompt import Prompt, Rendered
from headgate.prompts.dotprompt import Text as RenderedText
from headgate.prompts.reference import SHORT
from headgate.types import JSON, Payload

OWN = "headgate.place"
"""What marks one of the client's messages among those that are rendered, and says which."""


class Unservable(ValueError):
    """A prompt says something that no request can; the message says what and what to write."""


def served(prompt: Prompt) -> Served:
    """A prompt ready for calls.

    Raises:
        Unservable: its `config` has a value that cannot be one.
    """
    settings: dict[str, Any] = {}
    unsent: list[str] = []
    for name, value in prompt.config.items():
        known = _CONFIG.get(name)
        if known is None:
            unsent.append(name)
        elif value is not None:
            setting, read = known
            settings[setting] = _read(name, value, read)
    chat = Chat(
        model="",
        messages=(),
        tools=tuple(_tool(each) for each in prompt.tool_defs),
        format=_format(prompt),
        **settings,
    )
    return Served(
        prompt=prompt,
        settings=chat,
        label=f"{prompt.full_name}@{prompt.version[:SHORT]}",
        brought=prompt.tools,
        unsent=tuple(unsent),
    )


def prompted(
    request: Payload, found: Served, rendered: Rendered, spelling: Spelling, keep: AbstractSet[str] = frozenset()
) -> tuple[Payload, Sequence[str]]:
    """A request with a rendered prompt in it, as its vendor spells things, and what of the prompt its dialect cannot
    say. Settings in `keep` are the request's own, where it has any.

    Raises:
        BadRequest: something of the client's, that the prompt is put beside, is of the wrong type.
        Unsupported: the dialect cannot say something of the messages.
    """
    dialect = dialects.get(request.dialect)
    key = dialect.name, spelling.quirks.max_tokens_field, spelling.base_model
    made = found.spelt.get(key)
    fit = Fit(model="", base_model=spelling.base_model, drop=True, dropped=[], quirks=spelling.quirks)
    if made is None:
        spelt = dialect.settings(found.settings, fit)
        made = found.spelt[key] = spelt, tuple(fit.dropped)
    spelt, dropped = made
    return dialect.prompted(request, Prompted(turns=turns(rendered), spelt=spelt, keep=frozenset(keep)), fit), dropped


def turns(rendered: Rendered) -> list[Message | int]:
    """A rendered conversation as the hub has it, with the places of the client's own messages in it."""
    found: list[Message | int] = []
    for message in rendered.messages:
        place = (message.metadata or {}).get(OWN)
        found.append(place if isinstance(place, int) else _message(message))
    return found


def history(own: Sequence[Any]) -> list[RenderedMessage]:
    """The client's messages as a template sees them; each is put back as it came."""
    return [RenderedMessage(_role(each), _texts(each), {OWN: place}) for place, each in enumerate(own)]


# ── messages ──

_ROLES = {"system": "system", "model": "assistant"}

_THEIRS = {"assistant": "model", "developer": "system", "function": "tool"}


def _message(message: RenderedMessage) -> Message:
    role: Any = _ROLES.get(message.role, "user")
    parts: list[Part] = []
    for part in message.content:
        if isinstance(part, RenderedText):
            parts.append(Text(text=part.text))
        elif isinstance(part, RenderedMedia):
            parts.append(_media(part))
    return Message(role=role, parts=tuple(parts))


def _media(part: RenderedMedia) -> Media:
    url, kind = part.url, part.content_type
    data = None
    if url.startswith("data:") and ";base64," in url:
        head, _, data = url.partition(";base64,")
        kind = kind or head.removeprefix("data:").partition(";")[0] or None
    family = (kind or "image/").partition("/")[0]
    return Media(
        kind=family if family in ("image", "audio", "video") else "file",
        data=data,
        url=url if data is None else None,
        media_type=kind,
    )


def _role(message: Any) -> str:
    role = message.get("role") if isinstance(message, dict) else None
    if not isinstance(role, str):
        return "model" if isinstance(message, dict) and message.get("type") in _MADE else "tool"
    return _THEIRS.get(role, role)


_MADE = frozenset({"function_call", "custom_tool_call", "reasoning", "message"})
"""Items of Responses that the model made."""


def _texts(message: Any) -> tuple[RenderedText, ...]:
    told = message.get("content") if isinstance(message, dict) else None
    if isinstance(told, str):
        return (RenderedText(told),)
    parts = told if isinstance(told, list) else []
    texts = (part.get("text") for part in parts if isinstance(part, dict))
    return tuple(RenderedText(text) for text in texts if isinstance(text, str))


# ── tools, form, parameters ──


def _tool(tool: Mapping[str, Any]) -> Tool:
    return Tool(
        name=str(tool.get("name")),
        description=tool.get("description"),
        parameters=dict(tool.get("inputSchema") or {"type": "object"}),
    )


def _format(prompt: Prompt) -> Format | None:
    if prompt.output_schema is not None and prompt.output_format in (None, "json"):
        name = "".join(each if each.isalnum() or each in "_-" else "_" for each in prompt.full_name)[:64]
        return Format(kind="json_schema", schema=_plain(prompt.output_schema), name=name)
    return Format(kind="json") if prompt.output_format == "json" else None


def _plain(schema: Mapping[str, Any]) -> JSON:
    return dict(schema)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise TypeError("a number")
    return value


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("a whole number")
    return value


def _count(value: Any) -> int:
    if _whole(value) < 1:
        raise TypeError("a whole number above 0")
    return value


def _stops(value: Any) -> tuple[str, ...]:
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not all(isinstance(each, str) for each in listed):
        raise TypeError("a text, or a list of texts")
    return tuple(listed)


def _word(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a text")
    return value


def _thinking(value: Any) -> Thinking:
    return Thinking(enabled=value != "none", effort=_word(value))


Read = Callable[[Any], Any]

_KNOWN: Sequence[tuple[str, Read, tuple[str, ...]]] = (
    ("temperature", _number, ("temperature",)),
    ("top_p", _number, ("top_p", "topP")),
    ("top_k", _whole, ("top_k", "topK")),
    (
        "max_output_tokens",
        _count,
        ("max_output_tokens", "maxOutputTokens", "max_tokens", "maxTokens", "max_completion_tokens"),
    ),
    ("frequency_penalty", _number, ("frequency_penalty", "frequencyPenalty")),
    ("presence_penalty", _number, ("presence_penalty", "presencePenalty")),
    ("seed", _whole, ("seed",)),
    ("stop", _stops, ("stop", "stop_sequences", "stopSequences")),
    ("thinking", _thinking, ("reasoning_effort", "reasoningEffort")),
    ("verbosity", _word, ("verbosity",)),
)

_CONFIG: Mapping[str, tuple[str, Read]] = {
    spelling: (setting, read) for setting, read, spellings in _KNOWN for spelling in spellings
}
"""Members of a prompt's `config`, whichever vendor's words they are, and the settings they mean."""


def _read(name: str, value: Any, read: Read) -> Any:
    try:
        return read(value)
    except TypeError as error:
        raise Unservable(f"config.{name} must be {error}") from None


def mistakes(config: Mapping[str, Any]) -> Mapping[str, str]:
    """What a prompt's `config` says that no request can, by its key; what has no effect there with an empty text."""
    found: dict[str, str] = {}
    for name, value in config.items():
        known = _CONFIG.get(name)
        if known is None:
            found[name] = ""
        elif value is not None:
            try:
                _read(name, value, known[1])
            except Unservable as error:
                found[name] = str(error)
    return found
