"""Embeddings through Cohere's own API."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headgate import dialects
from headgate.dialects.base import Fit
from headgate.dialects.hub import Embed
from headgate.errors import BadRequest, MalformedOutput, Unsupported
from headgate.types import Usage
from recordings import Recording, params, recordings
from vendor_laws import held, leaves, missing_canaries

DIALECT = dialects.get("cohere_embed")
ROWS = [row for row in recordings() if row.path == "/v2/embed"]


def encode(*inputs: Any, fit: Fit | None = None, **members: Any) -> dict[str, Any]:
    request = Embed(model="m", inputs=inputs or ("hello",), **members)
    return DIALECT.encode_request(request, fit or Fit(model="embed-v4.0", dropped=[]))


def test_texts_are_embedded_as_documents_and_never_cut_unasked() -> None:
    assert encode("a", "b") == {
        "model": "embed-v4.0",
        "texts": ["a", "b"],
        "input_type": "search_document",
        "truncate": "NONE",
        "embedding_types": ["float"],
    }
    assert DIALECT.path("embed-v4.0", False) == "/v2/embed"


def test_purpose_and_dimensions() -> None:
    body = encode(purpose="classification", dimensions=256, encoding="base64")
    assert (body["input_type"], body["output_dimension"]) == ("classification", 256)


def test_coheres_own_members_pass_from_any_client() -> None:
    body = encode(extra={"openai_embeddings": {"input_type": "search_query", "truncate": "END"}})
    assert (body["input_type"], body["truncate"]) == ("search_query", "END")


@pytest.mark.parametrize(
    ("inputs", "members", "param"),
    [
        (("a", (1, 2)), {}, "input[1]"),
        (("a",), {"purpose": "similarity"}, "input_type"),
        (("a",), {"extra": {"openai_embeddings": {"novelty": 1}}}, "novelty"),
    ],
)
def test_what_cohere_cannot_say_is_refused_by_name(inputs: Any, members: dict[str, Any], param: str) -> None:
    with pytest.raises(Unsupported) as caught:
        encode(*inputs, **members)
    assert caught.value.param == param


def test_vectors_usage_and_the_rest_of_an_answer() -> None:
    tree = {
        "id": "i",
        "embeddings": {"float": [[0.5, 1], [2.0, -1.0]]},
        "texts": ["a", "b"],
        "meta": {"billed_units": {"input_tokens": 4, "image_tokens": 2}},
    }
    decoded = DIALECT.decode_answer(tree)
    assert decoded.vectors == ((0.5, 1.0), (2.0, -1.0))
    assert decoded.usage == Usage(input_tokens=4, image_input_tokens=2)
    assert decoded.extra["cohere_embed"]["texts"] == ["a", "b"]
    peek = DIALECT.peek(json.dumps(tree).encode())
    assert (peek.usage, peek.id) == (decoded.usage, "i")
    assert [node.text for node in DIALECT.answer_texts(tree)] == ["a", "b"]


@pytest.mark.parametrize(
    "tree",
    [
        {},
        {"embeddings": {}},
        {"embeddings": {"int8": [[1]]}},
        {"embeddings": [["x"]]},
        {"embeddings": [1]},
        {"embeddings": [[1.0]], "id": 1},
        {"embeddings": [[1.0]], "meta": {"billed_units": {"input_tokens": "1"}}},
    ],
)
def test_what_is_no_answer_is_malformed_output(tree: dict[str, Any]) -> None:
    with pytest.raises(MalformedOutput):
        DIALECT.decode_answer(tree)


@pytest.mark.parametrize("raw", [b"", b"<html>", b'{"id": 1}', b'{"a":' + b"[" * 100_000])
def test_billing_reads_no_garbage(raw: bytes) -> None:
    with pytest.raises(MalformedOutput):
        DIALECT.peek(raw)


def test_an_error_keeps_its_document() -> None:
    error = DIALECT.decode_error(400, {}, b'{"message":"bad"}')
    assert type(error) is BadRequest
    assert error.upstream_body is not None
    assert error.upstream_body.dialect == "cohere_embed"


@pytest.mark.parametrize("row", params(ROWS))
def test_a_recorded_answer_is_kept_whole(row: Recording) -> None:
    tree = json.loads(row.body)
    found = held(DIALECT.decode_answer(tree))
    assert all(json.dumps(value) in found for _, value in leaves(tree))
    assert missing_canaries(DIALECT, row.request) == []
    assert DIALECT.peek(row.body).usage == DIALECT.decode_answer(tree).usage is not None
