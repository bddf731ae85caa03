"""Vendors as other gateways have them, and what kind of provider each is here."""

from __future__ import annotations

from typing import NamedTuple


class Vendor(NamedTuple):
    """How a vendor is reached here."""

    kind: str
    variable: str | None = None
    """The environment variable its key is taken from where the configuration names none."""
    base_url: str | None = None
    """Where it is, for kinds that have to be told."""


COMPATIBLE = "openai_compatible"

BARE = {
    "openai": (
        "gpt-", "o1", "o3", "o4", "chatgpt-", "text-embedding-", "dall-e", "whisper", "tts-", "omni-moderation",
    ),
    "anthropic": ("claude-",),
    "cohere": ("command",),
    "vertex_ai": ("gemini-",),
}  # fmt: skip
"""What a vendor's models are called: the beginnings of their names."""

NOT_GOOGLES = (
    "claude", "anthropic.", "anthropic/", "meta.", "meta/", "mistral", "codestral", "jamba", "llama", "moonshotai/",
    "minimaxai/",
)  # fmt: skip
"""Beginnings of models on Vertex AI that are others' than Google's: they speak dialects that are not served there."""
