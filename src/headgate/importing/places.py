"""Providers and where they are: places that are reached alike share one."""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import urlsplit

from headgate.importing.references import escaped
from headgate.importing.vendors import COMPATIBLE

Tree = dict[str, Any]


class Place(NamedTuple):
    """Where a deployment's calls go."""

    provider: str
    model: str
    kind: str

    @property
    def target(self) -> str:
        return escaped(f"{self.provider}/{self.model}")


class Places:
    """The providers of a configuration, as they are found to be needed."""

    def __init__(self) -> None:
        self.tree: dict[str, Tree] = {}

    def add(self, settings: Tree, wanted: str | None = None) -> str:
        """The name of the provider of some settings: that of the one there is, else a new one, called `wanted`."""
        for name, known in self.tree.items():
            if known == settings:
                return name
        base = wanted or name_of(settings)
        name, number = base, 2
        while name in self.tree:
            name, number = f"{base}-{number}", number + 1
        self.tree[name] = settings
        return name


def base_url(kind: str, base: str) -> str:
    """A base URL as a kind of provider here wants it."""
    if kind == "ollama" and not base.endswith("/v1"):
        return f"{base}/v1"
    return base.removesuffix("/v1/messages").removesuffix("/v1") if kind == "anthropic" else base


def azure_base(base: str) -> str:
    """The address of an Azure resource, without what others are given behind it."""
    return base.partition("/openai")[0]


def name_of(settings: Tree) -> str:
    """What to call a provider: after its kind, or its host where that tells more."""
    kind: str = settings["kind"]
    base: str = settings.get("base_url", "")
    if not base or kind not in ("azure", "openai", COMPATIBLE):
        return kind
    host = "" if "${" in base else host_of(base)
    if not host or ":" in host or host.replace(".", "").isdigit():
        return "azure" if kind == "azure" else "server"
    first, *others = host.split(".")
    return others[0] if first in ("api", "www", "integrate") and others else first


def host_of(base: str) -> str:
    """The host of an address; nothing where it is no address."""
    try:
        return urlsplit(base).hostname or ""
    except ValueError:
        return ""
