"""What Headgate serves when there is no configuration file: one model, `chat`, on loopback without keys."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

from headgate.config.loader import loads
from headgate.config.schema import Config


class Vendor(NamedTuple):
    """A provider that needs nothing but a key, and the model to begin with."""

    variable: str
    kind: str
    model: str


VENDORS = (
    Vendor("OPENAI_API_KEY", "openai", "gpt-4o-mini"),
    Vendor("ANTHROPIC_API_KEY", "anthropic", "claude-haiku-4-5"),
    Vendor("GEMINI_API_KEY", "gemini", "gemini-2.5-flash"),
    Vendor("MISTRAL_API_KEY", "mistral", "mistral-small-latest"),
    Vendor("GROQ_API_KEY", "groq", "llama-3.3-70b-versatile"),
    Vendor("DEEPSEEK_API_KEY", "deepseek", "deepseek-chat"),
    Vendor("XAI_API_KEY", "xai", "grok-4"),
    Vendor("CO_API_KEY", "cohere", "command-a-03-2025"),
    Vendor("OPENROUTER_API_KEY", "openrouter", "openrouter/auto"),
)
"""By the variable each vendor's own SDK reads. The first whose key is there answers for `chat`."""

SIMULATED = Vendor("", "simulator", "gpt-4o-mini")


def starter(environ: Mapping[str, str] = os.environ) -> Config:
    """The configuration for an environment: the vendors whose keys are in it, the simulator where there is none."""
    return loads(starter_text(environ), "starter", environ)


def starter_text(environ: Mapping[str, str]) -> str:
    """The starter as a `headgate.yaml`."""
    found = [each for each in VENDORS if environ.get(each.variable)]
    lines = ["server: {auth: none, direct_targets: true}", "providers:"]
    lines += [f'  {each.kind}: {{kind: {each.kind}, api_key: "${{{each.variable}}}"}}' for each in found]
    first = found[0] if found else SIMULATED
    if not found:
        lines.append("  simulator: {kind: simulator}")
    lines += ["models:", f"  chat: {{targets: [{first.kind}/{first.model}]}}", ""]
    return "\n".join(lines)
