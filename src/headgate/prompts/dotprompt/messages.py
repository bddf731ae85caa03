"""What a prompt renders to: messages of typed parts.

Rendering writes a list in which text is `str` and everything else is an object of this module. What an input holds can
only ever be written as `str`, so no value becomes a role, a media part, a section or history.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from headgate.prompts.dotprompt.values import WHITESPACE


class Text(msgspec.Struct, frozen=True):
    text: str

    def plain(self) -> dict[str, Any]:
        """As Dotprompt writes it."""
        return {"text": self.text}


class Media(msgspec.Struct, frozen=True):
    """An image, a sound, a document: an address, `data:` included, and its MIME type where it is known."""

    url: str
    content_type: str | None = None

    def plain(self) -> dict[str, Any]:
        """As Dotprompt writes it."""
        named = {} if self.content_type is None else {"contentType": self.content_type}
        return {"media": {"url": self.url, **named}}


class Section(msgspec.Struct, frozen=True):
    """A place for what the application puts in."""

    purpose: str

    def plain(self) -> dict[str, Any]:
        """As Dotprompt writes it."""
        return {"metadata": {"purpose": self.purpose, "pending": True}}


class Other(msgspec.Struct, frozen=True):
    """A part of an earlier message that is none of these: a tool's call, its answer."""

    value: Mapping[str, Any]

    def plain(self) -> dict[str, Any]:
        """As it was given."""
        return dict(self.value)


Part = Text | Media | Section | Other


class Message(msgspec.Struct, frozen=True):
    role: str
    """`system`, `user`, `model` or `tool`."""
    content: tuple[Part, ...]
    metadata: Mapping[str, Any] | None = None

    def plain(self) -> dict[str, Any]:
        """As Dotprompt writes it."""
        written = {"role": self.role, "content": [part.plain() for part in self.content]}
        return written if self.metadata is None else {**written, "metadata": dict(self.metadata)}


class Role(msgspec.Struct, frozen=True):
    """From here on another role speaks."""

    role: str
    metadata: Mapping[str, str] | None = None


class History(msgspec.Struct, frozen=True):
    """Here stands what was said before."""


HISTORY: Final = History()

Item = str | Text | Media | Section | Role | History
"""What rendering writes."""


def message_of(value: Any) -> Message:
    """A message of a conversation, as Dotprompt writes it.

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, Message):
        return value
    said: Mapping[str, Any] = value if isinstance(value, Mapping) else {}
    role, content, metadata = said.get("role"), said.get("content"), said.get("metadata")
    if not isinstance(role, str) or not role:
        raise ValueError("a message is a mapping with a role, which is a text")
    if isinstance(content, str):
        content = [{"text": content}]
    if not isinstance(content, Sequence) or not all(isinstance(part, Mapping) for part in content):
        raise ValueError("a message has content, which is a list of parts")
    if metadata is not None and not isinstance(metadata, Mapping):
        raise ValueError("a message's metadata is a mapping")
    return Message(role, tuple(_part(part) for part in content), metadata)


def _part(value: Mapping[str, Any]) -> Part:
    text, media = value.get("text"), value.get("media")
    if isinstance(text, str) and len(value) == 1:
        return Text(text)
    if isinstance(media, Mapping) and len(value) == 1 and set(media) <= {"url", "contentType"}:
        url, kind = media.get("url"), media.get("contentType")
        if isinstance(url, str) and (kind is None or isinstance(kind, str)):
            return Media(url, kind)
    return Other(value)


def assemble(items: Iterable[Item], history: Sequence[Message]) -> tuple[Message, ...]:
    """The messages that rendered items come to. What is only white space is left out, as Dotprompt has it; without a
    place for it, history stands before the last message if that is the user's, else at the end.
    """
    built: list[Message] = []
    content: list[Part] = []
    texts: list[str] = []
    role, metadata, placed = "user", None, False
    for item in items:
        if type(item) is str:
            texts.append(item)
            continue
        if texts:
            _join(texts, content)
        if type(item) is Role:
            if content:
                built.append(Message(role, tuple(content), metadata))
                content, metadata = [], None
            role = item.role
            if item.metadata:
                metadata = {**(metadata or {}), **item.metadata}
        elif type(item) is History:
            if content:
                built.append(Message(role, tuple(content), metadata))
            built += [_historical(each) for each in history]
            content, role, metadata, placed = [], "model", None, True
        elif isinstance(item, Media | Section):
            content.append(item)
    if texts:
        _join(texts, content)
    if content:
        built.append(Message(role, tuple(content), metadata))
    if not placed and history:
        at = len(built) - 1 if built and built[-1].role == "user" else len(built)
        built[at:at] = history
    return tuple(built)


def _join(texts: list[str], content: list[Part]) -> None:
    joined = "".join(texts)
    texts.clear()
    if joined.strip(WHITESPACE):
        content.append(Text(joined))


def _historical(message: Message) -> Message:
    return Message(message.role, message.content, {**(message.metadata or {}), "purpose": "history"})
