"""Ways a vendor can process a request, each with its own price, by the price list's names: `batch`, `flex`, `priority`,
`fast`.

A word the list does not have stays what it is: it has no price, and is not given the ordinary one.
"""

from __future__ import annotations

from typing import Any

from headgate.types import JSON

_ORDINARY = frozenset({"", "auto", "default", "on_demand", "standard", "standard_only", "unspecified"})
"""What vendors call the way whose price is the model's own, and what leaves the choice to them."""

DISCOUNTED = frozenset({"batch", "flex"})
"""Ways that cost less than the ordinary one."""

UNREADABLE = "unreadable"
"""What a request asks for that is no word at all."""

_MEMBERS = (("service_tier", None), ("speed", None), ("serviceTier", "type"), ("performanceConfig", "latency"))
"""Where a request asks: OpenAI's and its followers' word, Anthropic's fast mode, and Bedrock's two objects. A client of
any dialect may use another vendor's own words."""

ASKING = frozenset(name for name, _ in _MEMBERS)


def tier_of(said: str | None) -> str | None:
    """The way a vendor's word means; None for the ordinary one."""
    return None if said is None or said in _ORDINARY else said


def joined(first: str | None, second: str | None) -> str | None:
    """Two ways at once: another one, which has neither's price."""
    if first is None or second is None or first == second:
        return first or second
    return f"{first}+{second}"


def asked(tree: JSON) -> str | None:
    """The way a request asks for; None where it asks for the ordinary one or leaves it to the vendor."""
    found: str | None = None
    for name, inner in _MEMBERS:
        value: Any = tree.get(name)
        if value is not None and inner is not None and type(value) is dict:
            value = value.get(inner)
        if value is not None:
            found = joined(found, tier_of(value) if type(value) is str else UNREADABLE)
    return found
