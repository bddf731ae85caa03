"""What a prompt is asked for by: `support/triage@production`, `support/triage.brief@4f1c2d3e4a5b`."""

from __future__ import annotations

import re

import msgspec

NAME = re.compile(r"[A-Za-z0-9_-]+(?:/[A-Za-z0-9_-]+)*(?:\.[A-Za-z0-9_-]+)?", re.ASCII)
LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,62}", re.ASCII)
DIGEST = re.compile(r"(?:sha256:|sha-)?([0-9a-f]{7,64})", re.ASCII)

MAX_CHARACTERS = 300
SHORT = 12
"""Digits of a version where people read it."""

RELEASED = "production"
"""The label that is meant where none is named."""


class Malformed(ValueError):
    """It is no reference; the message says what is wrong."""


class Reference(msgspec.Struct, frozen=True):
    """One label or version of a prompt."""

    name: str
    """With its variant: `support/triage.brief`."""
    label: str | None = None
    digest: str | None = None
    """The version, or its beginning. One of the two is None."""

    def __str__(self) -> str:
        return f"{self.name}@{self.label or self.digest}"

    def at(self, version: str) -> Reference:
        """Another label or version of the same prompt.

        Raises:
            Malformed: it is neither.
        """
        return _at(self.name, version)

    def fits(self, version: str) -> bool:
        """Whether a whole version is the one asked for; of a label that is not known here."""
        return self.digest is not None and version.startswith(self.digest)


def parse(text: str) -> Reference:
    """What a text refers to.

    Raises:
        Malformed: it is no reference.
    """
    if len(text) > MAX_CHARACTERS:
        raise Malformed(f"is longer than {MAX_CHARACTERS} characters")
    name, at, version = text.partition("@")
    check_name(name)
    if not at:
        return Reference(name, label=RELEASED)
    return _at(name, version)


def check_name(name: str) -> None:
    """Raise `Malformed` for what is no name of a prompt."""
    if len(name) > MAX_CHARACTERS or not NAME.fullmatch(name):
        raise Malformed("is no name of a prompt; write folder/name, of letters, digits, '-' and '_'")


def is_place(text: str) -> bool:
    """Whether a text says where a file is in a library, and no place outside of it."""
    steps = text.split("/")
    return len(text) <= MAX_CHARACTERS and text.isprintable() and "\\" not in text and not {"", ".", ".."} & set(steps)


def check_label(label: str) -> None:
    """Raise `Malformed` for what is no label: nobody could tell one of hexadecimal digits from a version."""
    if not LABEL.fullmatch(label) or DIGEST.fullmatch(label):
        raise Malformed(
            "is no label; write one of letters, digits, '.', '-' and '_', that is not all hexadecimal digits"
        )


def _at(name: str, version: str) -> Reference:
    digest = DIGEST.fullmatch(version)
    if digest is not None:
        return Reference(name, digest=digest[1])
    if not LABEL.fullmatch(version):
        raise Malformed("names neither a label nor a version after '@'; write @production, or @ and 7 or more digits")
    return Reference(name, label=version)
