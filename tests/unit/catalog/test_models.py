"""How much models take and give."""

from __future__ import annotations

import pytest

from headgate.catalog import Catalog, limits


@pytest.mark.parametrize(
    ("vendor", "model", "tokens"),
    [
        ("anthropic", "claude-3-haiku-20240307", 4_096),
        ("anthropic", "claude-opus-4-1-20250805", 32_000),
        ("anthropic", "claude-opus-4-5", 64_000),
        ("anthropic", "claude-opus-4-20250514", 32_000),
        ("anthropic", "claude-opus-5-5", 128_000),
        ("aws", "eu.anthropic.claude-sonnet-4-5-20250929-v1:0", 64_000),
        ("openrouter", "anthropic/claude-sonnet-4.5", 64_000),
        ("openai", "gpt-4o", None),
        ("openai", "no-such-model", None),
    ],
)
def test_the_output_limit_is_known_where_a_dialect_requires_one(vendor: str, model: str, tokens: int | None) -> None:
    assert Catalog().output_limit(vendor, model) == tokens


def test_the_context_window_comes_from_the_list() -> None:
    found = limits("openai", "gpt-4o")
    assert found is not None
    assert found.context_window == 128_000
    assert limits("openai", "no-such-model") is None
