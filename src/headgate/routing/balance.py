"""Choosing among the targets of one priority that can take a call."""

from __future__ import annotations

import random
from bisect import bisect
from collections.abc import Callable, Sequence
from hashlib import blake2b
from itertools import accumulate
from math import log
from typing import Literal, Protocol

import msgspec

from headgate import dialects
from headgate.routing.config import BalanceConfig
from headgate.routing.option import Option
from headgate.types import OPAQUE, Call

Choose = Callable[[Sequence[Option], Call, float], Option]
"""Choose one of at least two options at a monotonic second."""

UNKNOWN_S = 0.001
"""What a target is taken to need while nothing is known: little, so that it is tried."""

PREFIX_CHARACTERS = 4096
"""How much of a prompt's beginning tells which target has it cached."""


class Weighted(Protocol):
    """Something with a share: a target as configured, or an option."""

    @property
    def weight(self) -> float: ...


def strategy(config: BalanceConfig, targets: Sequence[Weighted]) -> Literal["latency", "weight", "cost"]:
    """What decides among targets of one priority."""
    if config.by == "auto":
        return "weight" if len({target.weight for target in targets}) > 1 else "latency"
    return config.by


def chooser(config: BalanceConfig, options: Sequence[Option]) -> Choose:
    """How a model's calls are spread."""
    spread = {"weight": by_weight, "cost": by_cost, "latency": by_latency}[strategy(config, options)]
    match config.affinity:
        case "session":
            return _sticky(session_of, spread)
        case "prompt":
            return _sticky(prefix_of, spread)
        case "none":
            return spread


def by_weight(options: Sequence[Option], _call: Call, _now: float) -> Option:
    """Each as often as its weight says."""
    bounds = list(accumulate(option.weight for option in options))
    point = random.random() * bounds[-1]  # noqa: S311  # spreads load, guards nothing
    return options[bisect(bounds, point, 0, len(bounds) - 1)]  # rounding may make it the last bound itself


def by_cost(options: Sequence[Option], _call: Call, _now: float) -> Option:
    """The cheapest, those of an unknown price last; the less busy of two that cost the same."""
    return min(options, key=lambda option: (option.cost is None, option.cost, option.target.limiter.in_flight))


def by_latency(options: Sequence[Option], call: Call, now: float) -> Option:
    """The better of two at random (M. Mitzenmacher, "The Power of Two Choices"), drawn by their weights.

    Better is what has the lower recent latency, times the calls under way.
    """
    if len(options) == 2:
        first, second = options
    else:
        first = by_weight(options, call, now)
        second = by_weight([option for option in options if option is not first], call, now)
    return first if _load(first, call.stream, now) <= _load(second, call.stream, now) else second


def _load(option: Option, stream: bool, now: float) -> float:
    target = option.target
    seconds = max(UNKNOWN_S, target.average(stream).at(now))
    return seconds * (target.limiter.in_flight + 1) / option.weight


def _sticky(key_of: Callable[[Call], bytes | None], spread: Choose) -> Choose:
    """Keep calls of one key together by rendezvous hashing (Thaler and Ravishankar), weighted (Schindelhauer and
    Schomaker): a target that is away moves only its own.
    """

    def choose(options: Sequence[Option], call: Call, now: float) -> Option:
        key = key_of(call)
        if key is None:
            return spread(options, call, now)
        return max(options, key=lambda option: _rank(key, option))

    return choose


def _rank(key: bytes, option: Option) -> float:
    """How high an option stands for a key: the highest as often as its weight says."""
    drawn = int.from_bytes(blake2b(key + option.name.encode(), digest_size=8).digest())
    return -option.weight / log((drawn + 1) / (2**64 + 1))


def session_of(call: Call) -> bytes:
    """What a call belongs to: as its client says, in one of the ways there are to say it, else its key."""
    named: object = call.headers.get("x-headgate-session")
    if not named and call.request.dialect != OPAQUE:
        tree = call.request.tree
        conversation, metadata = tree.get("conversation"), tree.get("metadata")
        named = (
            tree.get("prompt_cache_key")
            or (conversation.get("id") if isinstance(conversation, dict) else conversation)
            or (metadata.get("user_id") if isinstance(metadata, dict) else None)
            or tree.get("safety_identifier")
            or tree.get("user")
        )
    identity = call.identity
    told = named if named and isinstance(named, str) else identity.key_id
    return f"{identity.organisation}\0{told}".encode("utf-8", "replace")


def prefix_of(call: Call) -> bytes | None:
    """The beginning of a call's prompt: what a vendor's cache would know again."""
    if call.request.dialect == OPAQUE:
        return None
    digest = blake2b(call.identity.organisation.encode(), digest_size=16)
    left = PREFIX_CHARACTERS
    for node in dialects.get(call.request.dialect).request_texts(call.request.tree):
        if node.provenance == "parameter":
            continue
        digest.update(msgspec.json.encode(node.text[:left]))
        left -= len(node.text)
        if left <= 0:
            break
    return digest.digest() if left < PREFIX_CHARACTERS else None
