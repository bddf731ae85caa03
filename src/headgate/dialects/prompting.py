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
from headgate.dialects.reading import CLIENT
from headgate.types import JSON, Payload, json_type

Place = tuple[str, ...]
"""Where something stands in a request: a member, or what is inside of one."""


class Setting(msgspec.Struct, frozen=True):
    """A parameter as a prompt says it."""

    name: str
    """In `Chat`."""
    members: Sequence[str]
    """Where a client may say it."""
    inner: Sequence[Place]
    """The same, inside of other members."""
    said: JSON
    """What the prompt says, by member."""
    said_inside: Sequence[tuple[Place, Any]]


class Spelt(msgspec.Struct, frozen=True, kw_only=True):
    """A prompt's tools, form and parameters as requests of one dialect have them: made once, not per call."""

    settings: Sequence[Setting] = ()
    format: Any = None
    """The form of the answer; None where the prompt says nothing of it."""
    tools: Sequence[JSON] = ()


class Prompted(msgspec.Struct, frozen=True, kw_only=True):
    """What a prompt makes of a request."""

    turns: Sequence[Message | int]
    """The conversation: messages of the prompt, and the places of the client's own among them."""
    spelt: Spelt
    keep: frozenset[str] = frozenset()
    """Settings, by their names in `Chat`, of which the client's own count where it says any."""


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """How a dialect writes down a conversation and what is said beside it."""

    conversation: str
    """The member that has the messages."""
    bare: bool = False
    """Whether a text in its place is the user's message."""
    system: str | None = None
    """The member that has the system prompt, where that is no message."""
    format: Place
    """Where the form of the answer stands."""


class Writes(Protocol):
    """Writes messages in the dialect: the members of a request that have them."""

    def __call__(self, messages: tuple[Message, ...], /) -> JSON: ...


SETTINGS: dict[str, Sequence[Place]] = {
    "temperature": (("temperature",),),
    "top_p": (("top_p",),),
    "top_k": (("top_k",),),
    "max_output_tokens": (("max_tokens",), ("max_completion_tokens",), ("max_output_tokens",)),
    "frequency_penalty": (("frequency_penalty",),),
    "presence_penalty": (("presence_penalty",),),
    "seed": (("seed",),),
    "stop": (("stop",), ("stop_sequences",)),
    "thinking": (
        ("reasoning_effort",), ("thinking",), ("reasoning", "effort"), ("reasoning", "max_tokens"),
        ("reasoning", "enabled"), ("output_config", "effort"),
    ),
    "verbosity": (("verbosity",), ("text", "verbosity")),
}  # fmt: skip
"""Settings of the hub, and the places that say them in any dialect."""


def conversation(form: Form, tree: JSON) -> list[Any]:
    """The client's own messages; a bare text is the user's.

    Raises:
        BadRequest: they are none.
    """
    told = tree.get(form.conversation)
    if form.bare and isinstance(told, str):
        return [{"role": "user", "content": told}] if told else []
    if told is None:
        return []
    if not isinstance(told, list):
        kinds = "a string or an array" if form.bare else "an array"
        raise CLIENT.fail(form.conversation, f"must be {kinds}, not {json_type(told)}")
    for index, each in enumerate(told):
        if not isinstance(each, dict):
            raise CLIENT.fail(f"{form.conversation}[{index}]", f"must be an object, not {json_type(each)}")
    return told


def spelt(form: Form, chat: Chat, made: JSON) -> Spelt:
    """A prompt's settings, from the request that a dialect has made of them."""
    settings: list[Setting] = []
    for name, places in SETTINGS.items():
        if getattr(chat, name) not in (None, ()):
            said = [(place, value) for place in places if (value := _said(made, place)) is not None]
            settings.append(
                Setting(
                    name,
                    members=[place[0] for place in places if len(place) == 1],
                    inner=[place for place in places if len(place) > 1],
                    said={place[0]: value for place, value in said if len(place) == 1},
                    said_inside=[(place, value) for place, value in said if len(place) > 1],
                )
            )
    return Spelt(
        settings=settings,
        format=None if chat.format is None else _said(made, form.format),
        tools=(made.get("tools") or ()) if chat.tools else (),
    )


def settings_of(chat: Chat) -> Chat:
    """Settings as a request that can be written: they need somebody who is spoken to."""
    return msgspec.structs.replace(chat, messages=(_SOMEBODY,))


def prompted(form: Form, payload: Payload, prompt: Prompted, write: Writes) -> Payload:
    """The request with a prompt in it.

    Raises:
        BadRequest: something of the client's, that the prompt is put beside, is of the wrong type.
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
            messages += _written(form, write(said))
    tree[form.conversation] = messages
    _add_settings(form, tree, prompt)
    return payload.with_tree(tree)


def _written(form: Form, members: JSON) -> list[Any]:
    """Messages as the dialect has written them: a lone text of the user's may stand bare."""
    made = members[form.conversation]
    return [{"role": "user", "content": made}] if isinstance(made, str) else made


def _add_system(member: str, tree: JSON, turns: list[Message | int], write: Writes) -> None:
    """Take the instructions a prompt begins with out of its turns, and put them before those of the client."""
    leading: list[Message] = []
    while turns and isinstance(first := turns[0], Message) and first.role in ("system", "developer"):
        leading.append(first)
        del turns[0]
    theirs = tree.get(member)
    if not isinstance(theirs, str | list | None):
        raise CLIENT.fail(member, f"must be a string or an array, not {json_type(theirs)}")
    if not leading:
        return
    made = write((*leading, _SOMEBODY))[member]
    tree[member] = [*_blocks(made), *_blocks(theirs)] if theirs else made


_SOMEBODY = Message(role="user", parts=(Text(text="-"),))
"""Who is spoken to: instructions to nobody would be written as a user's message."""


def _blocks(told: str | list[Any]) -> list[Any]:
    return [{"type": "text", "text": told}] if isinstance(told, str) else told


def _add_settings(form: Form, tree: JSON, prompt: Prompted) -> None:
    made, keep = prompt.spelt, prompt.keep
    for setting in made.settings:
        if setting.name in keep and any(_said(tree, place) is not None for place in SETTINGS[setting.name]):
            continue
        for member in setting.members:
            tree.pop(member, None)
        for place in setting.inner:
            if place[0] in tree:
                _clear(tree, place)
        tree |= setting.said
        for place, value in setting.said_inside:
            _put(tree, place, value)
    if made.format is not None and not ("format" in keep and _said(tree, form.format) is not None):
        _put(tree, form.format, made.format)
    if made.tools:
        _add_tools(tree, made.tools)


def _add_tools(tree: JSON, made: Sequence[JSON]) -> None:
    """The prompt's tools, and those of the client's that have other names."""
    names = {tool_name(each) for each in made}
    theirs = CLIENT.optional(tree, "tools", list) or []
    tree["tools"] = [*made, *(each for each in theirs if tool_name(each) not in names)]


def tool_name(tool: Any) -> str | None:
    """What a tool of a request is called; None for one that has no name."""
    if not isinstance(tool, dict):
        return None
    function = tool.get("function")
    name = (function if isinstance(function, dict) else tool).get("name")
    return name if isinstance(name, str) else None


# ── places of one or two steps; what is inside of a member is the client's own, and changed in a copy ──


def _said(tree: JSON, place: Place) -> Any:
    outer = tree.get(place[0])
    if len(place) == 1:
        return outer
    return outer.get(place[1]) if isinstance(outer, dict) else None


def _put(tree: JSON, place: Place, value: Any) -> None:
    if len(place) == 1:
        tree[place[0]] = value
    else:
        outer = tree.get(place[0])
        tree[place[0]] = {**(outer if isinstance(outer, dict) else {}), place[1]: value}


def _clear(tree: JSON, place: Place) -> None:
    """Take away what is inside of a member, and that too where it was all."""
    member, inside = place
    outer = tree[member]
    if isinstance(outer, dict) and inside in outer:
        tree[member] = {name: value for name, value in outer.items() if name != inside}
        if not tree[member]:
            del tree[member]
