"""OpenAI's embeddings, spoken to clients and vendors (OpenAI API reference, "Create embeddings").

Vectors come as lists of numbers or as base64 of little-endian 32-bit floats; a client is given what it asked for.
"""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any

import msgspec

from headgate.dialects.base import Context, Dialect, Fit, Peek
from headgate.dialects.embeddings.vectors import Vector, vector
from headgate.dialects.hub import Embed, Embeddings, extra_of
from headgate.dialects.openai_chat import errors
from headgate.dialects.openai_chat.usage import Told, usage_of
from headgate.dialects.reading import CLIENT, VENDOR
from headgate.dialects.view import TextNode, strings
from headgate.errors import HeadgateError, MalformedOutput
from headgate.types import JSON, Path, json_type

NAME = "openai_embeddings"

_KNOWN = frozenset({"model", "input", "dimensions", "encoding_format", "user"})
_TOP = frozenset({"object", "data", "model", "id"})
_ENUMS = frozenset({"model", "encoding_format"})

Input = str | tuple[int, ...]


class _Answer(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    usage: Told | None = None


_answer = msgspec.json.Decoder(_Answer)


class OpenaiEmbeddings(Dialect[Embed, Embeddings]):
    name = NAME
    operation = "embed"

    def path(self, model: str, stream: bool) -> str:
        return "/embeddings"

    def decode_request(self, tree: JSON) -> Embed:
        return decode_request(tree)

    def encode_request(self, request: Embed, fit: Fit) -> JSON:
        return encode_request(request, fit)

    def decode_answer(self, tree: JSON) -> Embeddings:
        return decode_answer(tree)

    def encode_answer(self, answer: Embeddings, context: Context) -> JSON:
        return encode_answer(answer, context)

    def decode_error(self, status: int, headers: Mapping[str, str], raw: bytes) -> HeadgateError:
        return errors.decode(NAME, status, headers, raw)

    def encode_error(self, error: HeadgateError) -> JSON:
        return errors.encode(error)

    def peek(self, raw: bytes) -> Peek:
        return peek(raw)

    def request_texts(self, tree: JSON) -> Iterator[TextNode]:
        for name, value in tree.items():
            if name not in _ENUMS:
                is_input = name == "input"
                yield from strings(value, (name,), "user" if is_input else "", "user" if is_input else "parameter")

    def answer_texts(self, tree: JSON) -> Iterator[TextNode]:
        """Vectors are no text."""
        yield from ()

    def is_not_text(self, path: Path, tree: JSON) -> bool:
        return path[0] in _ENUMS


def decode_request(body: JSON) -> Embed:
    """The request. One input and a list of one are the same.

    Raises:
        BadRequest: a member has the wrong type or value.
    """
    encoding = CLIENT.optional(body, "encoding_format", str) or "float"
    if encoding not in ("float", "base64"):
        raise CLIENT.fail("encoding_format", "must be 'float' or 'base64'")
    rest = {name: value for name, value in body.items() if name not in _KNOWN and value is not None}
    return Embed(
        model=CLIENT.required(body, "model", str),
        inputs=_inputs(body.get("input")),
        dimensions=CLIENT.optional(body, "dimensions", int),
        encoding="base64" if encoding == "base64" else "float",
        user=CLIENT.optional(body, "user", str),
        extra=extra_of(NAME, rest),
    )


def _inputs(told: Any) -> tuple[Input, ...]:
    if isinstance(told, str):
        return (told,)
    if not isinstance(told, list) or not told:
        raise CLIENT.fail("input", f"must be a string or an array that is not empty, not {json_type(told)}")
    if type(told[0]) is int:
        return (_tokens(told, "input"),)
    return tuple(_input(each, f"input[{index}]") for index, each in enumerate(told))


def _input(told: Any, where: str) -> Input:
    if isinstance(told, str):
        return told
    if isinstance(told, list):
        return _tokens(told, where)
    raise CLIENT.fail(where, f"must be a string or an array of token ids, not {json_type(told)}")


def _tokens(told: list[Any], where: str) -> tuple[int, ...]:
    for index, token in enumerate(told):
        if type(token) is not int:
            raise CLIENT.fail(f"{where}[{index}]", f"must be a token id, not {json_type(token)}")
    return tuple(told)


def encode_request(request: Embed, fit: Fit) -> JSON:
    """The body. `encoding_format` is named only where it is not the default: some vendors do not know it."""
    body: JSON = {"model": fit.model, "input": list(request.inputs)}
    if request.dimensions is not None:
        body["dimensions"] = request.dimensions
    if request.encoding == "base64":
        body["encoding_format"] = "base64"
    if request.user is not None:
        body["user"] = request.user
    if request.purpose is not None:
        fit.note("input_type")
    fit.refuse_foreign(request.extra, NAME)
    body |= request.extra.get(NAME, {})
    for name in fit.quirks.unsupported & body.keys():
        if name == "encoding_format":
            fit.note(name)  # the vendor's numbers are put into base64 here
        else:
            fit.refuse(name, "this provider does not take it")
        del body[name]
    return body


def decode_answer(tree: JSON) -> Embeddings:
    """The vectors in the order of the inputs, whatever order the vendor gives them in.

    Raises:
        MalformedOutput: it is no list of vectors.
        HeadgateError: it is an error in spite of its status.
    """
    if "data" not in tree:
        failure = errors.told_in(tree)
        if failure is not None:
            raise failure
    VENDOR.required(tree, "data", list)
    found: list[tuple[int, Vector]] = []
    for position, (item, where) in enumerate(VENDOR.objects(tree, "data")):
        index = VENDOR.optional(item, "index", int, where)
        found.append((position if index is None else index, _vector(item.get("embedding"), f"{where}.embedding")))
    usage = VENDOR.optional(tree, "usage", dict)
    return Embeddings(
        model=VENDOR.optional(tree, "model", str) or "",
        id=VENDOR.optional(tree, "id", str),
        vectors=tuple(each for _, each in sorted(found, key=lambda pair: pair[0])),
        usage=usage_of(usage) if usage is not None else None,
        extra=extra_of(NAME, {name: value for name, value in tree.items() if name not in _TOP}),
    )


def _vector(told: Any, where: str) -> Vector:
    if not isinstance(told, str):
        return vector(told, where)
    try:
        raw = base64.b64decode(told, validate=True)
        found: Vector = struct.unpack(f"<{len(raw) // 4}f", raw)
    except (binascii.Error, ValueError, struct.error) as error:
        raise MalformedOutput(f"{where} is not base64 of 32-bit floats: {error}") from None
    if not isfinite(sum(found)):
        raise MalformedOutput(f"{where} holds a number that is not finite")
    return found


def encode_answer(answer: Embeddings, context: Context) -> JSON:
    """The list of embeddings for a client, in the encoding it asked for."""
    in_base64 = context.asked.get("encoding_format") == "base64"
    tree: JSON = {
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": _base64(each) if in_base64 else list(each)}
            for index, each in enumerate(answer.vectors)
        ],
        "model": answer.model,
        "usage": _usage(answer),
    }
    if answer.id is not None:
        tree["id"] = answer.id
    return tree | answer.extra.get(NAME, {})


def _base64(vector: Vector) -> str:
    """As 32-bit floats; numbers beyond their range become the greatest there is."""
    try:
        raw = struct.pack(f"<{len(vector)}f", *vector)
    except OverflowError:
        limit = 3.4028234663852886e38
        raw = struct.pack(f"<{len(vector)}f", *(min(max(each, -limit), limit) for each in vector))
    return base64.b64encode(raw).decode()


def _usage(answer: Embeddings) -> JSON:
    tokens = answer.usage.total_input_tokens if answer.usage is not None else 0
    return {"prompt_tokens": tokens, "total_tokens": tokens}


def peek(raw: bytes) -> Peek:
    """Usage, id and model of a whole answer; its vectors are skipped.

    Raises:
        MalformedOutput: it is not JSON, or one of the three has the wrong type.
    """
    try:
        told = _answer.decode(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise MalformedOutput(f"the vendor's answer cannot be read: {error}") from None
    return Peek(usage=told.usage.ours() if told.usage is not None else None, id=told.id, model=told.model)


DIALECT = OpenaiEmbeddings()
