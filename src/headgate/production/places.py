"""Where a model's calls can go, and who runs what is there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from typing import get_args
from urllib.parse import urlsplit

from headgate.config.rules import loopback
from headgate.production.facts import Facts
from headgate.providers.config import ProviderConfig
from headgate.providers.row import find_row
from headgate.routing.config import Cause, FallbackCause, ModelConfig

OUTAGE: tuple[Cause, ...] = ("overloaded", "timeout", "connection", "server_error")
"""What a vendor's bad hour looks like."""

SELF_HOSTED = frozenset({"vllm", "ollama"})

_COUNTRY = 2
"""Letters of a country's domain, below which `co.uk` is nobody's own yet."""


def targets_of(
    facts: Facts, model: ModelConfig, causes: Sequence[Cause] = get_args(Cause), seen: frozenset[str] = frozenset()
) -> Iterator[str]:
    """Every target a model's calls can end up at after one of these failures, fallbacks included."""
    yield from (target.target for target in model.targets)
    lists: list[FallbackCause] = [*causes, "any"]
    for cause in lists:
        for entry in model.fallback.get(cause, ()):
            other = facts.config.models.get(entry.use)
            if other is None:
                yield entry.use
            elif entry.use not in seen:
                yield from targets_of(facts, other, causes, seen | {entry.use})


def in_outages(facts: Facts, model: ModelConfig) -> list[set[str]]:
    """The targets a model's calls can go to, by what its vendor's bad hour looks like."""
    return [set(targets_of(facts, model, (cause,))) for cause in OUTAGE]


def place_of(facts: Facts, target: str) -> tuple[str, ...]:
    """What two targets have in common that are the same under two names."""
    name, _, model = target.partition("/")
    provider = facts.config.providers[name]
    where = name if provider.kind == "simulator" else address_of(provider)
    return where, provider.region or "", provider.project or "", provider.location, model


def address_of(provider: ProviderConfig) -> str:
    """Where a provider is, as far as the configuration says."""
    return (provider.base_url or find_row(provider.kind).base_url or provider.kind).rstrip("/")


def vendor_of(provider: ProviderConfig) -> str:
    """Who runs a provider, by its domain; of an address or a machine's name, that one and its port."""
    url = urlsplit(address_of(provider))
    host = url.hostname or provider.kind
    if "." not in host or _is_address(host):
        return url.netloc.rpartition("@")[2] or host
    labels = host.split(".")
    nobodys_own = len(labels[-1]) == _COUNTRY and len(labels[-2]) <= _COUNTRY + 1
    return ".".join(labels[-3 if nobodys_own else -2 :])


def near(host: str) -> bool:
    """Whether a host is on this machine or a private network: loopback, private addresses, names without a dot."""
    if loopback(host):
        return True
    if _is_address(host):
        return ip_address(host).is_private
    return "." not in host or host.endswith((".internal", ".local", ".svc", ".svc.cluster.local"))


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
