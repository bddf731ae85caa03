"""The prompt cache of a simulated vendor: what of a prompt it has seen before, where the client asked for caching.

As at Anthropic, everything up to a cache mark is written and read; as at OpenAI, a request with a `prompt_cache_key`
reads the longest run of messages that an earlier one began with. Both from `MIN_TOKENS` on.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b

import msgspec
from msgspec.structs import replace

from headgate.dialects.hub import CacheMark, Chat, NativeTool, Part, Tool
from headgate.providers.simulator.tokens import MESSAGE_TOKENS, count_part, count_tool
from headgate.types import Usage

MIN_TOKENS = 1024
STEP_TOKENS = 128  # OpenAI reports cached tokens in multiples of this
MAX_ENTRIES = 20_000
_LIFE_S = {"5m": 300.0, "1h": 3600.0}


class _Prefix(msgspec.Struct, frozen=True):
    """The beginning of a prompt, up to and including one part."""

    digest: bytes
    tokens: int
    mark: CacheMark | None
    ends_message: bool


class PromptCache:
    """Remembers prefixes until they expire."""

    def __init__(self) -> None:
        self._expires: dict[bytes, float] = {}

    def usage(self, chat: Chat, key: str, tokens: int, now: float) -> Usage:
        """How a prompt of so many tokens is billed; `key` keeps the caches of different callers apart."""
        if chat.cache_key is None and not _is_marked(chat):
            return Usage(input_tokens=tokens)
        prefixes = [each for each in _prefixes(chat, key) if each.tokens >= MIN_TOKENS]
        if chat.cache_key is not None:
            return self._by_key(prefixes, tokens, now)
        return self._by_marks([each for each in prefixes if each.mark is not None], tokens, now)

    def _by_key(self, prefixes: list[_Prefix], tokens: int, now: float) -> Usage:
        ends = [each for each in prefixes if each.ends_message]
        cached = max((each.tokens for each in ends if self._knows(each, now)), default=0)
        for each in ends:
            self._remember(each, now + _LIFE_S["5m"])
        cached = min(cached, tokens) // STEP_TOKENS * STEP_TOKENS
        return Usage(input_tokens=tokens - cached, cached_tokens=cached)

    def _by_marks(self, marked: list[_Prefix], tokens: int, now: float) -> Usage:
        cached = max((each.tokens for each in marked if self._knows(each, now)), default=0)
        written = {"5m": 0, "1h": 0}
        reached = cached
        for each in marked:
            assert each.mark is not None
            written[each.mark.ttl] += max(0, each.tokens - reached)
            reached = max(reached, each.tokens)
            self._remember(each, now + _LIFE_S[each.mark.ttl])
        return Usage(
            input_tokens=max(0, tokens - reached),
            cached_tokens=cached,
            cache_write_5m_tokens=written["5m"],
            cache_write_1h_tokens=written["1h"],
        )

    def _knows(self, prefix: _Prefix, now: float) -> bool:
        return self._expires.get(prefix.digest, 0.0) > now

    def _remember(self, prefix: _Prefix, until: float) -> None:
        self._expires.pop(prefix.digest, None)
        self._expires[prefix.digest] = until
        if len(self._expires) > MAX_ENTRIES:
            del self._expires[next(iter(self._expires))]


def _is_marked(chat: Chat) -> bool:
    return any(_mark(tool) for tool in chat.tools) or any(
        _mark(part) for message in chat.messages for part in message.parts
    )


def _mark(item: Part | Tool | NativeTool) -> CacheMark | None:
    return getattr(item, "cache", None)


def _prefixes(chat: Chat, key: str) -> Iterator[_Prefix]:
    """Every beginning of the prompt that ends with a tool or a part, shortest first."""
    digest = blake2b(f"{chat.model}\0{key}\0{chat.cache_key}".encode("utf-8", "replace"), digest_size=16)
    tokens = 0
    for tool in chat.tools:
        digest.update(_bytes_of(tool))
        tokens += count_tool(tool)
        yield _Prefix(digest.digest(), tokens, _mark(tool), ends_message=False)
    for message in chat.messages:
        digest.update(message.role.encode())
        tokens += MESSAGE_TOKENS
        for number, part in enumerate(message.parts, 1):
            digest.update(_bytes_of(part))
            tokens += count_part(part)
            yield _Prefix(digest.digest(), tokens, _mark(part), ends_message=number == len(message.parts))


def _bytes_of(item: Part | Tool | NativeTool) -> bytes:
    """What an item says, its cache mark apart: clients move the marks as a conversation grows."""
    if _mark(item) is not None:
        item = replace(item, cache=None)
    return msgspec.msgpack.encode(item)
