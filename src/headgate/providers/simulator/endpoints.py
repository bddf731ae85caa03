"""What the simulator answers where. Every path also works with `/v1` (or `/v2`) before it."""

from __future__ import annotations

import msgspec


class Endpoint(msgspec.Struct, frozen=True):
    """One path."""

    operation: str
    dialect: str = "openai_chat"
    """The dialect of the request; where it has none of the hub's, the one that errors are told in."""


_CHAT = {
    "/chat/completions": Endpoint("chat"),
    "/responses": Endpoint("chat", "openai_responses"),
    "/messages": Endpoint("chat", "anthropic_messages"),
    "/completions": Endpoint("complete", "openai_completions"),
}
_POST = {
    **_CHAT,
    "/messages/count_tokens": Endpoint("count_tokens", "anthropic_messages"),
    "/responses/input_tokens": Endpoint("count_tokens", "openai_responses"),
    "/embeddings": Endpoint("embed", "openai_embeddings"),
    "/rerank": Endpoint("rerank", "cohere_rerank"),
    "/moderations": Endpoint("moderate"),
    "/images/generations": Endpoint("image"),
    "/images/edits": Endpoint("image"),
    "/images/variations": Endpoint("image"),
    "/audio/speech": Endpoint("speech"),
    "/audio/transcriptions": Endpoint("transcribe"),
    "/audio/translations": Endpoint("transcribe"),
}
_MODELS = Endpoint("models")
_STORED = Endpoint("responses", "openai_responses")
_HEALTH = Endpoint("health")


def find(method: str, path: str) -> Endpoint | None:
    """What answers there; None for nothing. `path` is without query and version."""
    if method == "POST":
        return _POST.get(path)
    if method == "GET" and (path == "/models" or path.startswith("/models/")):
        return _MODELS
    if path.startswith("/responses/") and method in ("GET", "DELETE"):
        return _STORED
    return _HEALTH if method in ("GET", "HEAD") and path in ("/", "/healthz") else None


def unversioned(path: str) -> str:
    """A path without its query, and without the version it begins with."""
    path = path.partition("?")[0]
    return path[3:] if path.startswith(("/v1/", "/v2/")) else path
