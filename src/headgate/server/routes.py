"""Which path asks for what, in which dialect."""

from __future__ import annotations

import msgspec

from headgate.types import OPAQUE, Operation


class Endpoint(msgspec.Struct, frozen=True):
    """What a request to a path asks for."""

    operation: Operation
    dialect: str
    """`opaque` where bodies are passed on without a codec."""
    errors: str
    """The dialect its errors are told in."""
    path: str
    """Below `/v1`, for operations that are passed on as they are."""
    streams: bool = False
    methods: tuple[str, ...] = ("POST",)
    multipart: bool = False


_ENDPOINTS = (
    Endpoint("chat", "openai_chat", "openai_chat", "/chat/completions", streams=True),
    Endpoint("complete", "openai_completions", "openai_chat", "/completions", streams=True),
    Endpoint("chat", "openai_responses", "openai_responses", "/responses", streams=True),
    Endpoint("count_tokens", "openai_input_tokens", "openai_responses", "/responses/input_tokens"),
    Endpoint("responses", OPAQUE, "openai_responses", "/responses/compact"),
    Endpoint("chat", "anthropic_messages", "anthropic_messages", "/messages", streams=True),
    Endpoint("count_tokens", "anthropic_count_tokens", "anthropic_messages", "/messages/count_tokens"),
    Endpoint("embed", "openai_embeddings", "openai_chat", "/embeddings"),
    Endpoint("rerank", "cohere_rerank", "openai_chat", "/rerank"),
    Endpoint("moderate", OPAQUE, "openai_chat", "/moderations"),
    Endpoint("image", OPAQUE, "openai_chat", "/images/generations"),
    Endpoint("image", OPAQUE, "openai_chat", "/images/edits", multipart=True),
    Endpoint("image", OPAQUE, "openai_chat", "/images/variations", multipart=True),
    Endpoint("speech", OPAQUE, "openai_chat", "/audio/speech"),
    Endpoint("transcribe", OPAQUE, "openai_chat", "/audio/transcriptions", multipart=True),
    Endpoint("transcribe", OPAQUE, "openai_chat", "/audio/translations", multipart=True),
)

ENDPOINTS = {prefix + each.path: each for each in _ENDPOINTS for prefix in ("/v1", "")}

STORED_RESPONSE = Endpoint("responses", OPAQUE, "openai_responses", "/responses/", methods=("GET", "DELETE", "POST"))
"""`/responses/{id}`, `/responses/{id}/cancel` and `/responses/{id}/input_items`: the path names the target."""


PROMPTS = "/v1/prompts/"

RUN_PROMPT = Endpoint("chat", "openai_chat", "openai_chat", "/chat/completions", streams=True)
"""`/prompts/{name}/run`: a chat whose messages a prompt makes."""


def find(path: str) -> Endpoint | None:
    """The endpoint of a path, None where there is none."""
    endpoint = ENDPOINTS.get(path)
    if endpoint is None:
        if path.removeprefix("/v1").startswith("/responses/"):
            return STORED_RESPONSE
        if path.startswith(PROMPTS) and path.endswith("/run"):
            return RUN_PROMPT
    return endpoint


def error_dialect(path: str) -> str:
    """The dialect to tell an error in for a path that has no endpoint."""
    return "anthropic_messages" if path.removeprefix("/v1").startswith("/messages") else "openai_chat"
