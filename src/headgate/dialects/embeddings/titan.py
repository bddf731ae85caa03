"""Embeddings on Bedrock, spoken to the vendor only: InvokeModel with Amazon's Titan and Nova and with Cohere's models.

Titan takes `{"inputText"}`, Nova `{"taskType", "singleEmbeddingParams"}`, each one text a request; Cohere's models
take what Cohere's own API takes (Bedrock user guide, "Amazon Titan Text Embeddings", "Amazon Nova Multimodal
Embeddings", "Cohere Embed"). InvokeModel names the model in its path, and tells the tokens of Nova's and Cohere's in
header `x-amzn-bedrock-input-token-count` only, so those answers have no usage.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import quote

import msgspec

from headgate.dialects.base import Dialect, Fit, Peek
from headgate.dialects.bedrock_converse.errors import decode_error
from headgate.dialects.bedrock_converse.families import vendor_of
from headgate.dialects.embeddings import cohere
from headgate.dialects.embeddings.vectors import sole_input, vector
from headgate.dialects.hub import Embed, Embeddings, extra_of
from headgate.dialects.members import as_object, optional
from headgate.dialects.view import TextNode, strings
from headgate.errors import HeadgateError, MalformedOutput
from headgate.types import JSON, Path, Payload, Usage

NAME = "titan_embed"

_NOVA_PURPOSES = {
    None: "GENERIC_INDEX",
    "search_document": "GENERIC_INDEX",
    "search_query": "GENERIC_RETRIEVAL",
    "classification": "CLASSIFICATION",
    "clustering": "CLUSTERING",
}
_ENUMS = frozenset({"taskType", "embeddingPurpose", "truncationMode", "embeddingTypes", "input_type", "truncate"})


class _Told(msgspec.Struct):
    inputTextTokenCount: int | None = None  # noqa: N815  the wire's own name


_decode_told = msgspec.json.Decoder(_Told).decode


class TitanEmbed(Dialect[Embed, Embeddings]):
    name = NAME
    operation = "embed"

    def path(self, model: str, stream: bool) -> str:
        return f"/model/{quote(model, safe='')}/invoke"

    def encode_request(self, request: Embed, fit: Fit) -> JSON:
        """The body in the words of the model's family; those of Titan where the model's name does not tell.

        Raises:
            Unsupported: several inputs where the model takes one, token ids, or a parameter it does not have.
        """
        vendor, name = vendor_of(fit.base_model or fit.model)
        if vendor == "cohere":
            return cohere.encode(request, fit)
        if request.user is not None:
            fit.note("user")
        for members in request.extra.values():
            for member, value in members.items():
                if member != "normalize" and value is not None:
                    fit.refuse(member, "the model has no such parameter")
        return _nova(request, fit) if name.startswith("nova") else _titan(request, fit, name)

    def decode_answer(self, tree: JSON) -> Embeddings:
        if "embedding" in tree:
            return _decode_titan(tree)
        found = tree.get("embeddings")
        if isinstance(found, list) and found and isinstance(found[0], dict):
            return _decode_nova(tree, found)
        return cohere.decode(tree)

    def decode_error(self, status: int, headers: Mapping[str, str], raw: bytes) -> HeadgateError:
        return decode_error(NAME, status, headers, raw)

    def address(self, payload: Payload, model: str) -> Payload:
        return payload

    def peek(self, raw: bytes) -> Peek:
        try:
            told = _decode_told(raw).inputTextTokenCount
        except (msgspec.DecodeError, RecursionError) as error:
            raise MalformedOutput(f"the vendor's answer cannot be read: {error}") from None
        return Peek(usage=Usage(input_tokens=told)) if told is not None else cohere.peek(raw)

    def request_texts(self, tree: JSON) -> Iterator[TextNode]:
        for node in strings(tree, (), "user", "user"):
            if not self.is_not_text(node.path, tree):
                yield node

    def answer_texts(self, tree: JSON) -> Iterator[TextNode]:
        yield from strings(tree.get("texts"), ("texts",), "user", "user")

    def is_not_text(self, path: Path, tree: JSON) -> bool:
        return any(step in _ENUMS for step in path)


def _titan(request: Embed, fit: Fit, name: str) -> JSON:
    body: JSON = {"inputText": sole_input(request.inputs, fit.model)}
    if request.purpose is not None:
        fit.note("input_type")
    first = name.startswith("titan-embed-text-v1")
    if request.dimensions is not None:
        if first:
            fit.refuse("dimensions", "the model has vectors of one length only")
        else:
            body["dimensions"] = request.dimensions
    for members in request.extra.values():
        if "normalize" in members and not first:
            body["normalize"] = members["normalize"]
    return body


def _nova(request: Embed, fit: Fit) -> JSON:
    purpose = _NOVA_PURPOSES.get(request.purpose)
    if purpose is None:
        fit.refuse("input_type", f"Nova does not embed for '{request.purpose}'")
        purpose = "GENERIC_INDEX"
    text = {"value": sole_input(request.inputs, fit.model), "truncationMode": "NONE"}
    wish: JSON = {"embeddingPurpose": purpose, "text": text}
    if request.dimensions is not None:
        wish["embeddingDimension"] = request.dimensions
    return {"taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": wish}


def _decode_titan(tree: JSON) -> Embeddings:
    told = optional(tree, "inputTextTokenCount", int, "answer")
    return Embeddings(
        model="",
        vectors=(vector(tree["embedding"], "embedding"),),
        usage=Usage(input_tokens=told) if told is not None else None,
        extra=extra_of(NAME, {key: value for key, value in tree.items() if key != "embedding"}),
    )


def _decode_nova(tree: JSON, found: list[JSON]) -> Embeddings:
    items = [as_object(each, f"embeddings[{index}]") for index, each in enumerate(found)]
    left = [{key: value for key, value in item.items() if key != "embedding"} for item in items]
    rest = {key: value for key, value in tree.items() if key != "embeddings"}
    return Embeddings(
        model="",
        vectors=tuple(vector(item.get("embedding"), f"embeddings[{index}]") for index, item in enumerate(items)),
        extra=extra_of(NAME, {**rest, "embeddings": left}),
    )


DIALECT = TitanEmbed()
