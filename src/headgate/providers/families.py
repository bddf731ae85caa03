"""Which vendor a credential is for: what it begins with says so, else the dialect its client speaks."""

from __future__ import annotations

from collections.abc import Sequence

from headgate.types import OPAQUE

_BEGINNINGS = (
    ("sk-ant-", "anthropic"),
    ("sk-or-", "openrouter"),
    ("sk-proj-", "openai"),
    ("sk-svcacct-", "openai"),
    ("gsk_", "groq"),
    ("xai-", "xai"),
    ("AIza", "gemini"),
    ("hf_", "huggingface"),
    ("csk-", "cerebras"),
    ("fw_", "fireworks"),
    ("tgp_", "together"),
)
"""Vendors' own marks, which secret scanners go by too."""

_ANYBODY = frozenset({"openai_compatible", "vllm", "ollama", "simulator"})
"""Kinds of servers that are nobody's in particular: their operator says that they take clients' credentials."""


def takes(kind: str, secret: str, dialect: str, spoken: Sequence[str]) -> bool:
    """Whether a credential is one for a provider of this kind.

    `dialect` is the client's, `spoken` what the provider speaks for the operation: where nothing else tells whom a
    credential is for, it is the vendor whose dialect its client uses.
    """
    family = next((vendor for beginning, vendor in _BEGINNINGS if secret.startswith(beginning)), None)
    if family is not None:
        return kind == family
    if dialect != OPAQUE and dialect not in spoken:
        return False
    if kind in _ANYBODY:
        return True
    return kind == ("anthropic" if dialect.startswith("anthropic_") else "openai")
