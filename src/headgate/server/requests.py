"""From an HTTP request to a call."""

from __future__ import annotations

from math import inf
from time import monotonic
from typing import Any

from msgspec.structs import replace

from headgate.dialects import multipart
from headgate.errors import BadRequest, Unsupported
from headgate.registry import suggest
from headgate.server.routes import RUN_PROMPT, STORED_RESPONSE, Endpoint
from headgate.types import (
    JSON,
    OPAQUE,
    Account,
    Call,
    Headers,
    Identity,
    Payload,
    Prompting,
    json_type,
    parse_object,
)

RawHeaders = dict[bytes, bytes]

TIMEOUT = b"x-headgate-timeout-ms"
TAGS = b"x-headgate-tags"
INPUTS = b"x-headgate-inputs"

MAX_MODEL_CHARACTERS = 512
"""Longest name of a model; the ARN of an inference profile has about 150."""


def call_of(
    scope: dict[str, Any], headers: RawHeaders, endpoint: Endpoint, body: bytes, identity: Identity, id: str
) -> Call:
    """The call an HTTP request asks for.

    Raises:
        BadRequest: the body or one of our headers is wrong; says which and where.
    """
    payload = _payload(headers, endpoint, body, scope["method"])
    model, stream = "", False
    if body or (scope["method"] == "POST" and endpoint is not STORED_RESPONSE):
        tree = payload.tree
        model = tree.get("model") if endpoint is not RUN_PROMPT else scope["path"]
        if not isinstance(model, str) or not model:
            what = "is missing" if model is None else f"must be a string, not {json_type(model)}"
            raise BadRequest(f"'model' {what}. GET /v1/models lists the models you may use.", param="model")
        if not model.isprintable() or len(model) > MAX_MODEL_CHARACTERS:
            raise BadRequest("'model' holds control characters or is too long to be a name.", param="model")
        stream = tree.get("stream")
        if stream == "false" and payload.content_type != "application/json":
            stream = False  # a form has only texts
        if not isinstance(stream, bool | None):
            raise BadRequest(f"'stream' must be a boolean, not {json_type(stream)}.", param="stream")
        if stream and not endpoint.streams:
            raise Unsupported(f"{endpoint.path} does not stream here; leave 'stream' out.", param="stream")
    if endpoint is STORED_RESPONSE and b"stream=true" in scope["query_string"]:
        raise Unsupported("A stored response is not streamed here; leave 'stream' out.", param="stream")
    prompt = None
    if INPUTS in headers or (body and "headgate" in payload.tree):
        prompt, payload = prompting_of(headers, payload)
    return Call(
        id=id,
        operation=endpoint.operation,
        model=model,
        request=payload,
        stream=bool(stream),
        identity=identity,
        account=Account(),
        headers=Headers(headers),
        method=scope["method"],
        path=_path(scope) if endpoint.dialect == OPAQUE else endpoint.path,
        deadline=_deadline(headers[TIMEOUT]) if TIMEOUT in headers else inf,
        tags=_tags(headers[TAGS]) if TAGS in headers else (),
        prompt=prompt,
    )


def prompting_of(headers: RawHeaders, payload: Payload) -> tuple[Prompting, Payload]:
    """What a request says to a prompt, and the request without it: no vendor is to see it.

    Raises:
        BadRequest: it is malformed.
    """
    said = payload.tree.get("headgate")
    if not isinstance(said, dict | None):
        raise BadRequest(f"'headgate' must be an object, not {json_type(said)}.", param="headgate")
    prompting = replace(said_to_prompt(said or {}, "headgate."), size=payload.size)
    if INPUTS in headers:
        try:
            told = parse_object(headers[INPUTS])
        except BadRequest as error:
            raise BadRequest(f"x-headgate-inputs: {error.message}", param="x-headgate-inputs") from None
        prompting = replace(prompting, inputs={**told, **prompting.inputs})
    return prompting, payload.without_members("headgate")


def said_to_prompt(said: JSON, where: str = "") -> Prompting:
    """What is said to a prompt: `inputs`, `context`, `docs`. `where` is what errors call the place they stand in.

    Raises:
        BadRequest: something is of the wrong type, or not known.
    """
    for name, value in said.items():
        kind = _SAID.get(name)
        if kind is None:
            raise BadRequest(f"'{where}{name}' is not known{suggest(name, _SAID)}", param=f"{where}{name}")
        if not isinstance(value, kind):
            wanted = "an array of objects" if kind is list else "an object"
            raise BadRequest(f"'{where}{name}' must be {wanted}, not {json_type(value)}.", param=f"{where}{name}")
    docs = said.get("docs", [])
    if not all(isinstance(each, dict) for each in docs):
        raise BadRequest(f"'{where}docs' must be an array of objects.", param=f"{where}docs")
    return Prompting(inputs=said.get("inputs", {}), context=said.get("context"), docs=docs)


_SAID: dict[str, type[Any]] = {"inputs": dict, "context": dict, "docs": list}


def _payload(headers: RawHeaders, endpoint: Endpoint, body: bytes, method: str) -> Payload:
    if method != "POST" or (not body and endpoint is STORED_RESPONSE):
        return Payload(endpoint.dialect, tree={})
    content_type = headers.get(b"content-type", b"").decode("latin-1")
    if content_type.startswith("multipart/"):
        return Payload(endpoint.dialect, body, multipart.fields(body, content_type), content_type)
    return Payload(endpoint.dialect, body)


def _path(scope: dict[str, Any]) -> str:
    """The path below `/v1`, with its query."""
    path: str = scope["path"].removeprefix("/v1")
    query = scope["query_string"]
    return f"{path}?{query.decode('latin-1')}" if query else path


def _deadline(asked: bytes) -> float:
    if not asked.isdigit() or len(asked) > 8 or not 0 < int(asked) <= 86_400_000:
        raise BadRequest("x-headgate-timeout-ms must be a whole number of milliseconds from 1 to 86400000.")
    return monotonic() + int(asked) / 1000


def _tags(asked: bytes) -> tuple[tuple[str, str], ...]:
    tags: list[tuple[str, str]] = []
    for pair in asked.decode("latin-1").split(","):
        name, separator, value = pair.strip().partition("=")
        if not separator or not name or len(pair) > 256 or len(tags) == 32 or not pair.isprintable():
            raise BadRequest("x-headgate-tags must be up to 32 printable pairs 'name=value', separated by commas.")
        tags.append((name, value))
    return tuple(tags)
