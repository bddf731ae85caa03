"""Cohere's embeddings, spoken to the vendor only (Cohere API reference, "Embed", `POST /v2/embed`).

`encode` and `decode` also serve Cohere's models on Bedrock, whose body names no model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from headgate.dialects.base import Dialect, Fit, Peek
from headgate.dialects.cohere_chat.errors import decode_error
from headgate.dialects.cohere_chat.usage import count
from headgate.dialects.embeddings.vectors import text_input, vectors
from headgate.dialects.hub import Embed, Embeddings, extra_of
from headgate.dialects.members import optional
from headgate.dialects.view import TextNode, strings
from headgate.errors import HeadgateError, MalformedOutput
from headgate.types import JSON, Path, Usage

NAME = "cohere_embed"

_PURPOSES = {
    "search_query": "search_query",
    "search_document": "search_document",
    "classification": "classification",
    "clustering": "clustering",
}
_OWN = frozenset({"input_type", "max_tokens", "priority", "truncate"})
"""Members of the body the hub has no word for. A client of any dialect may give them under these names."""

_ENUMS = frozenset({"model", "input_type", "truncate", "embedding_types"})


class _Told(msgspec.Struct):
    id: str | None = None
    meta: JSON | None = None


_decode_told = msgspec.json.Decoder(_Told).decode


class CohereEmbed(Dialect[Embed, Embeddings]):
    name = NAME
    operation = "embed"

    def path(self, model: str, stream: bool) -> str:
        return "/v2/embed"

    def encode_request(self, request: Embed, fit: Fit) -> JSON:
        return {"model": fit.model, **encode(request, fit), "embedding_types": ["float"]}

    def decode_answer(self, tree: JSON) -> Embeddings:
        return decode(tree)

    def decode_error(self, status: int, headers: Mapping[str, str], raw: bytes) -> HeadgateError:
        return decode_error(NAME, status, headers, raw)

    def peek(self, raw: bytes) -> Peek:
        return peek(raw)

    def request_texts(self, tree: JSON) -> Iterator[TextNode]:
        return request_texts(tree)

    def answer_texts(self, tree: JSON) -> Iterator[TextNode]:
        """An answer repeats the texts it embeds."""
        yield from strings(tree.get("texts"), ("texts",), "user", "user")

    def is_not_text(self, path: Path, tree: JSON) -> bool:
        return path[0] in _ENUMS


def encode(request: Embed, fit: Fit) -> JSON:
    """The body without its model. Texts that are too long are refused and not cut, unless the client says otherwise.

    Raises:
        Unsupported: token ids, or a purpose Cohere does not know.
    """
    purpose = _PURPOSES.get(request.purpose or "search_document")
    if purpose is None:
        fit.refuse("input_type", f"Cohere does not embed for '{request.purpose}'")
        purpose = "search_document"
    body: JSON = {
        "texts": [text_input(each, index, fit.model) for index, each in enumerate(request.inputs)],
        "input_type": purpose,
        "truncate": "NONE",
    }
    if request.dimensions is not None:
        body["output_dimension"] = request.dimensions
    if request.user is not None:
        fit.note("user")
    for members in request.extra.values():
        for name, value in members.items():
            if name in _OWN:
                body[name] = value
            elif value is not None:
                fit.refuse(name, "Cohere has no such parameter")
    return body


def decode(tree: JSON) -> Embeddings:
    """The vectors. Newer models give them by type, of which only `float` is asked for; older ones a bare list.

    Raises:
        MalformedOutput: there are none, or a number is not one.
    """
    found = tree.get("embeddings")
    if isinstance(found, dict):
        found = found.get("float")
    meta = optional(tree, "meta", dict, "answer")
    return Embeddings(
        model="",
        id=optional(tree, "id", str, "answer"),
        vectors=vectors(found, "embeddings"),
        usage=_usage(meta) if meta is not None else None,
        extra=extra_of(NAME, {key: value for key, value in tree.items() if key not in ("embeddings", "id")}),
    )


def peek(raw: bytes) -> Peek:
    """Usage and id of a whole answer.

    Raises:
        MalformedOutput: it is not JSON, or one of the two has the wrong type.
    """
    try:
        told = _decode_told(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise MalformedOutput(f"the vendor's answer cannot be read: {error}") from None
    return Peek(usage=_usage(told.meta) if told.meta is not None else None, id=told.id)


def request_texts(tree: JSON) -> Iterator[TextNode]:
    """Every string but those of enums and the model."""
    for name, value in tree.items():
        if name not in _ENUMS:
            known = name in ("texts", "inputs")
            yield from strings(value, (name,), "user" if known else "", "user" if known else "parameter")


def _usage(meta: JSON) -> Usage | None:
    billed = optional(meta, "billed_units", dict, "meta")
    if billed is None:
        return None
    return Usage(
        input_tokens=count(billed, "input_tokens", "meta.billed_units"),
        image_input_tokens=count(billed, "image_tokens", "meta.billed_units"),
    )


DIALECT = CohereEmbed()
