"""What a Claude can and cannot do, by its generation: each a row.

Sources: Claude docs, "Adaptive thinking", "Extended thinking", "Effort", "Mid-conversation system messages", the
migration guides of Opus 4.7, 5, and 5.5.
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

_VERSION = re.compile(r"claude-(?:([a-z]+)-)?(\d{1,2})(?:[-.](\d{1,2}))?(?!\d)")
_FAMILY = re.compile(r"claude-(fable|mythos)")


class Generation(msgspec.Struct, frozen=True, kw_only=True):
    """What sets models of one generation apart from others."""

    thinks: bool = True
    budgets: bool = True
    """Takes `thinking: {type: enabled, budget_tokens}`."""
    adapts: bool = False
    """Takes `thinking: {type: adaptive}` and `output_config.effort`."""
    efforts: frozenset[str] = frozenset()
    samples: bool = True
    """Takes temperature, top_p and top_k."""
    samples_together: bool = True
    """Takes temperature and top_p in one request."""
    stops_thinking: bool = True
    """Takes `thinking: {type: disabled}`."""
    system_turns: bool = False
    """Takes system messages between the turns."""


_FOUR = frozenset({"low", "medium", "high", "max"})
_FIVE = _FOUR | {"xhigh"}

UNTHINKING = Generation(thinks=False)
BUDGETED = Generation()
ONE_SAMPLER = Generation(samples_together=False)
BOTH = Generation(adapts=True, efforts=_FOUR, samples_together=False)
ADAPTIVE = Generation(budgets=False, adapts=True, efforts=_FIVE, samples=False)
ADAPTIVE_TURNS = Generation(budgets=False, adapts=True, efforts=_FIVE, samples=False, system_turns=True)
ALWAYS = Generation(budgets=False, adapts=True, efforts=_FIVE, samples=False, stops_thinking=False, system_turns=True)


@lru_cache(maxsize=1024)
def generation_of(model: str) -> Generation:
    """The row of a model id, as Anthropic, Vertex or Bedrock spell it. What is no Claude takes budgets, as the other
    vendors that speak this dialect do.
    """
    name = model.lower()
    if "claude" not in name:
        return BUDGETED
    found = _VERSION.search(name)
    if found is None:
        return ALWAYS if _FAMILY.search(name) else BUDGETED
    family = found[1] or ""
    return _row(family, (int(found[2]), int(found[3] or 0)))


def _row(family: str, version: tuple[int, int]) -> Generation:
    if family in ("fable", "mythos"):
        return ALWAYS
    if version < (3, 7):
        return UNTHINKING
    if version < (4, 6):
        return BUDGETED if version < (4, 1) else ONE_SAMPLER
    if version < (4, 7):
        return BOTH
    if version >= (5, 5):
        return ADAPTIVE_TURNS if family == "haiku" else ALWAYS
    if family == "opus" and version >= (4, 8):
        return ADAPTIVE_TURNS
    return ADAPTIVE
