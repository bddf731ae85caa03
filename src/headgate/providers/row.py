"""What Headgate knows of one vendor, as data. A vendor is a row; one that differs in one thing overrides one thing."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from headgate.dialects.base import Quirks
from headgate.registry import load, look_up
from headgate.types import Operation

Template = str | tuple[str, str]
"""A path below the base URL in which `{model}`, `{project}` and `{location}` stand for escaped values; where streaming
has another path, that is the second of two."""

ROWS = {
    "openai": "headgate.providers.vendors.openai:ROW",
    "azure": "headgate.providers.vendors.azure:ROW",
    "anthropic": "headgate.providers.vendors.anthropic:ROW",
    "gemini": "headgate.providers.vendors.gemini:ROW",
    "vertex": "headgate.providers.vendors.vertex:ROW",
    "bedrock": "headgate.providers.vendors.bedrock:ROW",
    "cohere": "headgate.providers.vendors.cohere:ROW",
    "mistral": "headgate.providers.vendors.mistral:ROW",
    "groq": "headgate.providers.vendors.groq:ROW",
    "deepseek": "headgate.providers.vendors.deepseek:ROW",
    "xai": "headgate.providers.vendors.xai:ROW",
    "openrouter": "headgate.providers.vendors.openrouter:ROW",
    "together": "headgate.providers.vendors.together:ROW",
    "fireworks": "headgate.providers.vendors.fireworks:ROW",
    "cerebras": "headgate.providers.vendors.cerebras:ROW",
    "huggingface": "headgate.providers.vendors.huggingface:ROW",
    "ollama": "headgate.providers.vendors.ollama:ROW",
    "vllm": "headgate.providers.vendors.vllm:ROW",
    "openai_compatible": "headgate.providers.vendors.openai_compatible:ROW",
    "simulator": "headgate.providers.vendors.simulator:ROW",
}


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One vendor."""

    base_url: str | None = None
    """Where the vendor's own SDK goes; `{region}` and `{location}` are filled in. None: the user has to say."""
    base_url_at: Mapping[str, str] = {}
    """Base URLs of locations that do not follow the pattern."""
    prefix: str = ""
    """What every path begins with below the base URL, where users are used to giving a base URL without it."""
    auth: str = "bearer"
    """How the vendor wants its credential: a key of `headgate.providers.auth.SCHEMES`."""
    key_variable: str | None = None
    """Environment variable the vendor's own SDK takes the key from, for messages and starters."""
    needs_key: bool = True
    """Whether the vendor's own address refuses callers without a key."""
    needs: tuple[str, ...] = ()
    """Settings of `ProviderConfig` that have to be there."""
    dialects: Mapping[Operation, tuple[str, ...]]
    """What it speaks per operation, preferred first: a client's own dialect is taken where it is among them."""
    paths: Mapping[str, Template] = {}
    """Paths of dialects that are elsewhere than the dialect's own."""
    passed: Mapping[Operation, str] = {}
    """Operations whose requests go through as they are, with what stands between base URL and the path below `/v1`."""
    quirks: Quirks = Quirks()
    headers: tuple[tuple[str, str], ...] = ()
    """Headers the vendor wants on every request, unless the client gave its own."""
    forwarded: Mapping[str, tuple[str, ...]] = {}
    """Per dialect, the client's headers that mean something to this vendor."""
    request_id: str = "x-request-id"
    """Response header with the vendor's own id of the request."""
    shown: tuple[str, ...] = ()
    """Response headers that pass to the client."""
    catalog: str = ""
    """What the price catalog calls the vendor."""
    transport: str | None = None
    """An implementation of the transport port that replaces the network."""


OPENAI_PASSED: Mapping[Operation, str] = {
    "moderate": "",
    "image": "",
    "speech": "",
    "transcribe": "",
    "files": "",
    "batches": "",
    "responses": "",
}
"""OpenAI's operations that Headgate passes on, for base URLs that end in `/v1`."""


def find_row(kind: str) -> Row:
    """A built-in row by name, or the user's own by reference.

    Raises:
        ConfigError: there is none of that name.
    """
    return load(kind) if ":" in kind else look_up("provider kind", kind, ROWS)
