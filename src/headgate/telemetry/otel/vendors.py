"""What spans say of the vendors behind targets."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from headgate.providers.provider import Provider
from headgate.telemetry.otel.names import OURSELVES, PROVIDERS


class Vendor(msgspec.Struct, frozen=True):
    """One provider."""

    name: str
    """`gen_ai.provider.name`."""
    address: str
    """Host of its API; empty where it has none."""
    port: int


UNKNOWN = Vendor(OURSELVES, "", 0)


def vendors_of(providers: Mapping[str, Provider]) -> dict[str, Vendor]:
    """By the name it has in the configuration."""
    return {name: _vendor(name, provider) for name, provider in providers.items()}


def _vendor(name: str, provider: Provider) -> Vendor:
    kind = provider.config.kind
    called = name if ":" in kind else PROVIDERS.get(kind, kind)  # a kind of one's own is a place in a module
    if kind == "simulator":
        return Vendor(called, "", 0)
    return Vendor(called, provider.origin.host, provider.origin.port)
