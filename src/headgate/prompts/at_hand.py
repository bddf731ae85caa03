"""A prompt as calls use it. Knows no template language, which is for who has prompts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from headgate.dialects.base import Quirks
from headgate.dialects.hub import Chat
from headgate.dialects.prompting import Spelt


class Spelling(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of where a prompt's requests go, for what can be spelt in more than one way."""

    quirks: Quirks = Quirks()
    base_model: str = ""
    """The vendor's own id of the model; empty where none is known."""


class Template(Protocol):
    """What a call needs of a compiled prompt: `dotprompt.Prompt`."""

    @property
    def full_name(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def model(self) -> str | None: ...

    def render(
        self,
        inputs: Mapping[str, Any],
        *,
        context: Mapping[str, Any] | None = None,
        messages: Sequence[Any] = (),
        docs: Sequence[Mapping[str, Any]] = (),
        bounds: Any = ...,
    ) -> Any:
        """The messages for some inputs: `dotprompt.Rendered`."""
        ...


class Served(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A prompt, and what of it goes into each request."""

    prompt: Template
    settings: Chat
    """Its parameters, tools and form; no messages."""
    label: str
    """What it is called in ledger, traces and sums: `support/triage@0123456789ab`."""
    brought: tuple[str, ...]
    """Tools the caller has to bring."""
    spelt: dict[tuple[str, str, str], tuple[Spelt, tuple[str, ...]]] = {}
    """By dialect, spelling of a limit and the vendor's model: its settings as requests have them, and what of them
    cannot be said. Made when the first call needs it."""
    unsent: tuple[str, ...]
    """Members of its `config` that nobody knows how to send."""

    @property
    def name(self) -> str:
        return self.prompt.full_name

    @property
    def version(self) -> str:
        return self.prompt.version
