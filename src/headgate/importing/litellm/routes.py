"""`allowed_routes` of LiteLLM's keys, as operations."""

from __future__ import annotations

from collections.abc import Sequence

from headgate.types import Operation

_EVERY = frozenset({"llm_api_routes", "openai_routes", "*", "/*"})

_OPERATIONS: dict[str, Operation] = {
    "/chat/completions": "chat",
    "/responses": "chat",
    "/messages": "chat",
    "anthropic_routes": "chat",
    "/completions": "complete",
    "/embeddings": "embed",
    "/rerank": "rerank",
    "/moderations": "moderate",
    "/images/generations": "image",
    "/images/edits": "image",
    "/audio/speech": "speech",
    "/audio/transcriptions": "transcribe",
    "/messages/count_tokens": "count_tokens",
}

_ALWAYS = frozenset({"/models", "info_routes", "/model/info", "/key/info", "/health"})
"""What every key may, or nobody has to be let do."""


def operations(routes: Sequence[str] | None) -> tuple[list[Operation] | None, list[str]]:
    """What some routes let do, None for everything, and which of them are none here."""
    if not routes or _EVERY & set(routes):
        return None, []
    found: dict[Operation, None] = {}
    strange: list[str] = []
    for each in routes:
        path = each.removeprefix("/v1") if each.startswith("/") else each
        path = path.removesuffix("/*")
        if path in _OPERATIONS:
            found[_OPERATIONS[path]] = None
        elif path not in _ALWAYS:
            strange.append(each)
    return list(found), strange
