"""A rendered prompt put into a client's request: its messages around the client's own, its tools, settings and form.

What the client sent stays as it is, unknown members included; only what the prompt says is written, in the client's
dialect.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any, Protocol

import msgspec

from headgate.dialects.hub import Chat, Message, Text
from headgate.types import JSON, Payload


class Prompted(msgspec.Struct, frozen=True, kw_only=True):
    """What a prompt makes of a request."""

    turns: Sequence[Message | int]
    """The conversation: messages of the prompt, and the places of the client's own among them."""
    settings: Chat
    """The prompt's tools, form and parameters. Its messages count for nothing."""
    written: JSON
    """The same as the dialect writes them (`Dialect.settings`): made once per prompt, not per call."""
    keep: frozenset[str] = frozenset()
    """Settings, by their names in `Chat`, of which the client's own count where it says any."""


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """How a dialect writes down a conversation and what is said beside it."""

    conversation: str
    """The member that has the messages."""
    system: str | None = None
    """The member that has the system prompt, where that is no message."""
    format: tuple[str, ...]
    """Where the form of the answer stands."""


class Writes(Protocol):
    """Writes messages in the dialect: the members of a request that have them."""

    def __call__(self, messages: tuple[Message, ...], /) -> JSON: ...


SETTINGS: dict[str, tuple[str, ...]] = {
    "temperature": ("temperature",),
    "top_p": ("top_p",),
    "top_k": ("top_k",),
    "max_output_tokens": ("max_tokens", "max_completion_tokens", "max_output_tokens"),
    "frequency_penalty": ("frequency_penalty",),
    "presence_penalty": ("presence_penalty",),
    "seed": ("seed",),
    "stop": ("stop", "stop_sequences"),
    "thinking": ("reasoning_effort", "reasoning", "thinking"),
    "verbosity": ("verbosity",),
}
"""Settings of the hub, and the members that say them in any dialect."""


def conversation(form: Form, tree: JSON) -> list[Any]:
    """The client's own messages; a bare text is the user's."""
    told = tree.get(form.conversation)
    if isinstance(told, str):
        return [{"role": "user", "content": told}] if told else []
    return told if isinstance(told, list) else []


def prompted(form: Form, payload: Payload, prompt: Prompted, write: Writes) -> Payload:
    """The request with a prompt in it.

    Raises:
        Unsupported: the dialect cannot say something of the prompt.
    """
    tree = dict(payload.tree)
    own = conversation(form, tree)
    turns = list(prompt.turns)
    if form.system is not None:
        _add_system(form.system, tree, turns, write)
    messages: list[Any] = []
    for theirs, run in groupby(turns, lambda each: isinstance(each, int)):
        if theirs:
            messages += [own[each] for each in run if isinstance(each, int)]
        else:
            said = tuple(each for each in run if not isinstance(each, int))
            messages += conversation(form, write(said))
    tree[form.conversation] = messages
    _add_settings(form, tree, prompt)
    return payload.with_tree(tree)


def _add_system(member: str, tree: JSON, turns: list[Message | int], write: Writes) -> None:
    """Take the instructions a prompt begins with out of its turns, and put them before those of the client."""
    leading: list[Message] = []
    while turns and isinstance(first := turns[0], Message) and first.role in ("system", "developer"):
        leading.append(first)
        del turns[0]
    if not leading:
        return
    made = write((*leading, _SOMEBODY))[member]
    theirs = tree.get(member)
    tree[member] = [*_blocks(made), *_blocks(theirs)] if theirs else made


def settings_of(chat: Chat) -> Chat:
    """Settings as a request that can be written: they need somebody who is spoken to."""
    return msgspec.structs.replace(chat, messages=(_SOMEBODY,))


_SOMEBODY = Message(role="user", parts=(Text(text="-"),))
"""Who is spoken to: instructions to nobody would be written as a user's message."""


def _blocks(told: Any) -> list[Any]:
    return [{"type": "text", "text": told}] if isinstance(told, str) else list(told)


def _add_settings(form: Form, tree: JSON, prompt: Prompted) -> None:
    settings, keep = prompt.settings, prompt.keep
    made = prompt.written
    for name, members in SETTINGS.items():
        if getattr(settings, name) in (None, ()):
            continue
        if name in keep and any(tree.get(member) is not None for member in members):
            continue
        for member in members:
            tree.pop(member, None)
        tree |= {member: made[member] for member in members if member in made}
    if settings.format is not None:
        _add_format(form.format, tree, made, keep="format" in keep)
    if settings.tools:
        _add_tools(tree, made.get("tools") or [])


def _add_format(place: tuple[str, ...], tree: JSON, made: JSON, *, keep: bool) -> None:
    *outer, last = place
    for step in outer:
        made = made.get(step) or {}
        inside = tree.get(step)
        if last in made:
            tree[step] = dict(inside) if isinstance(inside, dict) else {}
            tree = tree[step]
    if last in made and not (keep and tree.get(last) is not None):
        tree[last] = made[last]


def _add_tools(tree: JSON, made: list[JSON]) -> None:
    """The prompt's tools, and those of the client's that have other names."""
    names = {tool_name(each) for each in made}
    theirs = tree.get("tools")
    tree["tools"] = [*made, *(each for each in theirs or [] if tool_name(each) not in names)]


def tool_name(tool: Any) -> str | None:
    """What a tool of a request is called; None for one that has no name."""
    if not isinstance(tool, dict):
        return None
    function = tool.get("function")
    name = (function if isinstance(function, dict) else tool).get("name")
    return name if isinstance(name, str) else None
