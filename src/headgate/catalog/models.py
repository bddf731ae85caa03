"""How much a model takes and gives."""

from __future__ import annotations

import msgspec

from headgate.catalog.prices import PriceList, price_list


class Limits(msgspec.Struct, frozen=True):
    """Sizes in tokens; None where they are not known."""

    context_window: int | None = None
    max_output_tokens: int | None = None


CLAUDE_OUTPUT = (
    ("claude-2", 4_096),
    ("claude-instant", 4_096),
    ("claude-3-haiku", 4_096),
    ("claude-3-opus", 4_096),
    ("claude-3-sonnet", 4_096),
    ("claude-3-5-haiku", 8_192),
    ("claude-3-5-sonnet", 8_192),
    ("claude-3-7-sonnet", 64_000),
    ("claude-opus-4-1", 32_000),
    ("claude-opus-4-5", 64_000),
    ("claude-opus-4-6", 128_000),
    ("claude-opus-4-7", 128_000),
    ("claude-opus-4-8", 128_000),
    ("claude-opus-4", 32_000),
    ("claude-sonnet-4", 64_000),
    ("claude-haiku-4-5", 64_000),
    ("claude-haiku-5", 128_000),
    ("claude-sonnet-5", 128_000),
    ("claude-opus-5", 128_000),
    ("claude-fable-5", 128_000),
)
"""The most tokens Anthropic's models put out (platform.claude.com, "Models overview"), by what their id contains, the
first that fits. Its dialect requires a limit, so here it has to be known; other dialects do without. Where the
documentation changed over time the lower number stands: a limit too high is refused, one too low can be raised by the
request."""


def limits(vendor: str, model: str, listed: PriceList | None = None) -> Limits | None:
    """What is known of a vendor's model, by the built-in list or by `listed`; None where nothing is."""
    entry = (listed or price_list()).find(vendor, model)
    output = _claude_output(model)
    if entry is None and output is None:
        return None
    return Limits(entry.context_window if entry else None, output)


def _claude_output(model: str) -> int | None:
    dashed = model.lower().replace(".", "-")
    if "claude" not in dashed:
        return None
    return next((tokens for part, tokens in CLAUDE_OUTPUT if part in dashed), None)
