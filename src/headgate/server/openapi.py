"""The description of the HTTP interface, OpenAPI 3.1, made from the table of endpoints.

Bodies of calls are the vendors' own: their schemas are linked, not repeated. Those of the admin API are ours.
"""

from __future__ import annotations

from typing import Any

import headgate
from headgate.server.admin import description
from headgate.server.routes import ENDPOINTS, Endpoint
from headgate.types import OPAQUE

_REFERENCE = {
    "openai_chat": "https://platform.openai.com/docs/api-reference/chat",
    "openai_completions": "https://platform.openai.com/docs/api-reference/completions",
    "openai_responses": "https://platform.openai.com/docs/api-reference/responses",
    "openai_input_tokens": "https://platform.openai.com/docs/api-reference/responses",
    "anthropic_messages": "https://docs.anthropic.com/en/api/messages",
    "anthropic_count_tokens": "https://docs.anthropic.com/en/api/messages-count-tokens",
    "openai_embeddings": "https://platform.openai.com/docs/api-reference/embeddings",
    "cohere_rerank": "https://docs.cohere.com/reference/rerank",
    OPAQUE: "https://platform.openai.com/docs/api-reference",
}

_PAGES = {
    "/healthz": "Whether the process lives",
    "/readyz": "Whether it takes calls",
    "/metrics": "Counters in Prometheus' text format",
    "/targets": "How the targets are doing: breaker, calls under way, latency",
    "/usage": "What the caller used, as a page or as JSON",
    "/openapi.json": "This document",
    "/v1/models": "The models this caller may use, in the asker's dialect",
    "/v1/models/{model}": "One model",
}


_PROMPTS = {
    "run": "A chat whose messages a prompt makes: chat completions, with `inputs` in the place of `model`",
    "render": "What a prompt comes to with `inputs`; needs the scope `prompts.read`",
}


def document() -> dict[str, Any]:
    """The whole description."""
    paths: dict[str, Any] = {path: {"get": _page(what)} for path, what in _PAGES.items()}
    for path, endpoint in ENDPOINTS.items():
        if path.startswith("/v1/"):
            paths[path] = {"post": _operation(path, endpoint)}
    stored = [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}]
    told = "A prompt, as support/triage or support/triage@production, or with a version after the @"
    named = [{"name": "name", "in": "path", "required": True, "description": told, "schema": {"type": "string"}}]
    for verb, what in _PROMPTS.items():
        paths[f"/v1/prompts/{{name}}/{verb}"] = {"post": {**_page(what), "parameters": named}}
    paths["/v1/feedback"] = {"post": _feedback()}
    paths["/v1/responses/{id}"] = {
        method: {**_page(what), "parameters": stored}
        for method, what in (("get", "A stored response"), ("delete", "Forget a stored response"))
    }
    paths |= description.paths()
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Headgate",
            "version": headgate.__version__,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "security": [{"bearer": []}, {"apiKey": []}],
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"},
            },
            "schemas": description.schemas(),
        },
        "paths": paths,
    }


def _page(what: str) -> dict[str, Any]:
    return {"summary": what, "responses": {"200": {"description": what}}}


def _feedback() -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Given"}
    return {
        "summary": "What a user says of a call's answer",
        "operationId": "feedback",
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": {
            "201": {
                "description": "It was taken",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Accepted"}}},
            },
            "default": {"description": "An error, in OpenAI's dialect"},
        },
    }


def _operation(path: str, endpoint: Endpoint) -> dict[str, Any]:
    content: dict[str, Any] = {"application/json": {"schema": {"type": "object", "required": ["model"]}}}
    if endpoint.multipart:
        content["multipart/form-data"] = {"schema": {"type": "object", "required": ["model"]}}
    answers: dict[str, Any] = {"application/json": {"schema": {"type": "object"}}}
    if endpoint.streams:
        answers["text/event-stream"] = {"schema": {"type": "string"}}
    return {
        "summary": f"{endpoint.operation}, in the dialect {endpoint.dialect}",
        "operationId": path.removeprefix("/v1/").replace("/", "_"),
        "externalDocs": {"url": _REFERENCE[endpoint.dialect]},
        "requestBody": {"required": True, "content": content},
        "responses": {
            "200": {"description": "The answer", "content": answers},
            "default": {"description": "An error, in the endpoint's dialect"},
        },
    }
