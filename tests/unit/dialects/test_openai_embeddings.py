"""OpenAI's embeddings: both encodings, both directions, recorded and hostile answers."""

from __future__ import annotations

import base64
import json
import math
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate import dialects
from headgate.dialects.base import Context, Fit, Quirks
from headgate.dialects.hub import Embed, Embeddings
from headgate.errors import BadRequest, HeadgateError, MalformedOutput, NotFound, RateLimited, Unsupported
from headgate.types import Usage
from recordings import Recording, params, recordings
from vendor_laws import missing_canaries

DIALECT = dialects.get("openai_embeddings")
JSON = dict[str, Any]
ROWS = [row for row in recordings() if row.host == "api.openai.com" and row.path == "/v1/embeddings"]
VECTORS = st.lists(st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=5).map(tuple), min_size=1, max_size=3)


def context(**asked: Any) -> Context:
    return Context(asked=asked, id="call", created=7)


def document(*embeddings: Any, **members: Any) -> JSON:
    data = [{"object": "embedding", "index": index, "embedding": each} for index, each in enumerate(embeddings)]
    return {"object": "list", "data": data, "model": "m", "usage": {"prompt_tokens": 3, "total_tokens": 3}, **members}


def packed(*numbers: float) -> str:
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()


# ── requests ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("told", "inputs"),
    [
        ("a", ("a",)),
        (["a", "b"], ("a", "b")),
        ([1, 2], ((1, 2),)),
        ([[1, 2], [3]], ((1, 2), (3,))),
    ],
)
def test_inputs_are_texts_or_token_ids(told: Any, inputs: Any) -> None:
    assert DIALECT.decode_request({"model": "m", "input": told}).inputs == inputs


def test_a_request_is_written_back_with_its_members() -> None:
    request = {
        "model": "m",
        "input": ["a", "b"],
        "dimensions": 8,
        "encoding_format": "base64",
        "user": "u",
        "input_type": "query",
    }
    assert DIALECT.encode_request(DIALECT.decode_request(request), Fit(model="m")) == request


def test_the_default_encoding_is_not_named_since_some_vendors_refuse_it() -> None:
    for told in ({}, {"encoding_format": None}, {"encoding_format": "float"}):
        request = DIALECT.decode_request({"model": "m", "input": "a", **told})
        assert DIALECT.encode_request(request, Fit(model="x")) == {"model": "x", "input": ["a"]}


def test_a_vendor_that_knows_no_encodings_is_asked_for_numbers() -> None:
    fit = Fit(model="x", quirks=Quirks(unsupported=frozenset({"encoding_format", "dimensions"})))
    request = Embed(model="m", inputs=("a",), encoding="base64")
    assert DIALECT.encode_request(request, fit) == {"model": "x", "input": ["a"]}
    with pytest.raises(Unsupported) as refused:
        DIALECT.encode_request(Embed(model="m", inputs=("a",), dimensions=2), fit)
    assert refused.value.param == "dimensions"


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({}, "input"),
        ({"input": []}, "input"),
        ({"input": {}}, "input"),
        ({"input": ["a", 1]}, "input[1]"),
        ({"input": [[1, "a"]]}, "input[0][1]"),
        ({"input": [1, True]}, "input[1]"),
        ({"input": "a", "model": 1}, "model"),
        ({"input": "a", "dimensions": "8"}, "dimensions"),
        ({"input": "a", "encoding_format": "hex"}, "encoding_format"),
    ],
)
def test_a_wrong_member_is_refused_by_name(members: JSON, field: str) -> None:
    with pytest.raises(BadRequest) as refused:
        DIALECT.decode_request({"model": "m", **members})
    assert refused.value.param == field


@pytest.mark.parametrize("name", ["cohere_embed", "gemini_embed"])
def test_a_request_can_be_put_to_other_vendors(name: str) -> None:
    request = DIALECT.decode_request({"model": "m", "input": ["a"], "encoding_format": "base64"})
    assert "a" in json.dumps(dialects.get(name).encode_request(request, Fit(model="m")))


# ── answers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@given(VECTORS)
def test_vectors_survive_either_encoding_in_both_directions(vectors: list[tuple[float, ...]]) -> None:
    answer = Embeddings(model="m", vectors=tuple(vectors), usage=Usage(input_tokens=3))
    for asked in ({}, {"encoding_format": "base64"}):
        tree = json.loads(json.dumps(DIALECT.encode_answer(answer, context(**asked))))
        found = DIALECT.decode_answer(tree)
        assert (found.vectors, found.usage) == (answer.vectors, answer.usage)
        assert DIALECT.encode_answer(found, context(**asked)) == tree


def test_base64_is_of_little_endian_32_bit_floats() -> None:
    answer = Embeddings(model="m", vectors=((1.0, -2.5),))
    tree = DIALECT.encode_answer(answer, context(encoding_format="base64"))
    assert tree["data"][0]["embedding"] == "AACAPwAAIMA="


def test_a_client_is_given_the_encoding_it_asked_for_whatever_the_vendor_sent() -> None:
    found = DIALECT.decode_answer(document(packed(0.5, 1.0)))
    assert DIALECT.encode_answer(found, context())["data"][0]["embedding"] == [0.5, 1.0]


def test_numbers_beyond_32_bits_become_the_greatest_there_is() -> None:
    tree = DIALECT.encode_answer(Embeddings(model="m", vectors=((1e300, -1e300),)), context(encoding_format="base64"))
    (greatest, least) = struct.unpack("<2f", base64.b64decode(tree["data"][0]["embedding"]))
    assert math.isfinite(greatest)
    assert greatest == -least


def test_vectors_are_put_in_the_order_of_the_inputs() -> None:
    tree = document([1.0], [2.0])
    tree["data"].reverse()
    assert DIALECT.decode_answer(tree).vectors == ((1.0,), (2.0,))


@pytest.mark.parametrize(
    "tree",
    [
        {},
        {"data": 1},
        {"data": [1]},
        {"data": [{}]},
        document(None),
        document("not base64!"),
        document(base64.b64encode(b"abc").decode()),
        document(packed(math.inf)),
        document(packed(math.nan)),
        document(["a"]),
        document({"float": [1.0]}),
        document([1.0], usage={"prompt_tokens": "3"}),
        document([1.0], model=1),
    ],
)
def test_what_is_no_list_of_vectors_is_malformed(tree: JSON) -> None:
    with pytest.raises(MalformedOutput):
        DIALECT.decode_answer(tree)


def test_an_error_in_spite_of_its_status_is_that_error() -> None:
    with pytest.raises(RateLimited):
        DIALECT.decode_answer({"error": {"message": "slow", "code": 429}})


def test_what_is_billed_is_read_without_the_vectors() -> None:
    peek = DIALECT.peek(json.dumps(document([0.1] * 9)).encode())
    assert (peek.usage, peek.model) == (Usage(input_tokens=3), "m")
    with pytest.raises(MalformedOutput):
        DIALECT.peek(b"{")


def test_errors_are_openais() -> None:
    error = DIALECT.decode_error(429, {}, b'{"error": {"message": "slow"}}')
    assert type(error) is RateLimited
    assert DIALECT.encode_error(error)["error"]["code"] == "rate_limit_exceeded"
    assert isinstance(DIALECT.decode_error(500, {}, b"<html>"), HeadgateError)


def test_inputs_are_the_users_words_and_the_rest_are_parameters() -> None:
    request = {"model": "m", "input": ["a"], "user": "u", "encoding_format": "float", "novelty": "n"}
    assert {node.path: node.provenance for node in DIALECT.request_texts(request)} == {
        ("input", 0): "user",
        ("user",): "parameter",
        ("novelty",): "parameter",
    }
    assert missing_canaries(DIALECT, request) == []
    assert list(DIALECT.answer_texts(document([1.0]))) == []


@pytest.mark.parametrize("row", params(ROWS))
def test_a_recorded_exchange_is_written_back_as_it_was(row: Recording) -> None:
    request = DIALECT.decode_request(row.request)
    sent = DIALECT.encode_request(request, Fit(model=row.request["model"]))
    assert sent["input"] == ([row.request["input"]] if isinstance(row.request["input"], str) else row.request["input"])
    assert {**row.request, "input": 0} == {**sent, "input": 0}
    assert missing_canaries(DIALECT, row.request) == []
    if row.status != 200:
        assert type(DIALECT.decode_error(row.status, {}, row.body)) is NotFound
        return
    tree = json.loads(row.body)
    answer = DIALECT.decode_answer(tree)
    assert DIALECT.encode_answer(answer, Context(asked=row.request, id="call", created=1)) == tree
    assert DIALECT.peek(row.body).usage == answer.usage
