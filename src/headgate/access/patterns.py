"""Models a key may use: names, or patterns that end in `*`. A `*` elsewhere is a character like others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def allows(patterns: Sequence[str] | None, name: str) -> bool:
    """Whether a model may be used; None allows all."""
    return patterns is None or name in patterns or any(_matches(pattern, name) for pattern in patterns)


def covers(patterns: Iterable[str] | None, wanted: str) -> bool:
    """Whether every name that `wanted` stands for is allowed.

    One of the patterns has to do it alone: several could not cover a pattern between them unless they named each of
    the characters there are.
    """
    if patterns is None:
        return True
    beginning = wanted.removesuffix("*")
    return any(pattern == wanted or _matches(pattern, beginning) for pattern in patterns)


def _matches(pattern: str, name: str) -> bool:
    return pattern.endswith("*") and name.startswith(pattern[:-1])
