"""The `prompts:` block of `headgate.yaml`, and what a model says of the prompt it is."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

Overridable = Literal[
    "temperature",
    "top_p",
    "top_k",
    "max_output_tokens",
    "frequency_penalty",
    "presence_penalty",
    "seed",
    "stop",
    "thinking",
    "verbosity",
    "format",
    "version",
]
"""What a client may be let say otherwise than a prompt does."""

LabelName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]{0,62}$")]


class PromptsConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where prompts come from that are not published, and how those that are get released."""

    folder: str | None = None
    """A folder of `*.prompt` files that are served as they are, in place of published ones, whatever label is asked
    for: for development. Read anew when one of them changes. Relative paths begin in the folder of this file."""
    package: str | None = None
    """An installed Python package of them, served likewise: `acme_prompts`, or `acme_prompts:support` for a folder of
    it."""
    protected: list[LabelName] = []
    """Labels that move only once a second person has approved: `[production]`."""


class PromptConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The prompt a model is. A bare string in the file is its `use`."""

    use: str
    """`support/triage@production`: a prompt, and the label or version of it; `production` where none is given."""
    override: list[Overridable] = []
    """What of the prompt's own a client may say otherwise: `[temperature, version]`. What the prompt says nothing of
    is the client's anyway."""
