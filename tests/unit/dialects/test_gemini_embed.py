"""Gemini's embeddings, as batches and one by one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headgate.dialects import get
from headgate.dialects.base import Fit, Quirks
from headgate.dialects.hub import Embed
from headgate.errors import MalformedOutput, NotFound, Unsupported
from headgate.types import Usage
from recordings import Recording, params, recordings

DIALECT = get("gemini_embed")
ROWS = [row for row in recordings() if "mbedContent" in row.path]


def fit(drop: bool = False, one_by_one: bool = False) -> Fit:
    unsupported = frozenset({"requests"} if one_by_one else ())
    return Fit(model="gemini-embedding-2", drop=drop, dropped=[], quirks=Quirks(unsupported=unsupported))


def test_a_batch_names_the_model_in_each_request() -> None:
    request = Embed(
        model="gemini-embedding-2", inputs=("a", "b"), dimensions=256, purpose="search_query", encoding="base64"
    )
    one = {"model": "models/gemini-embedding-2", "taskType": "RETRIEVAL_QUERY", "outputDimensionality": 256}
    assert DIALECT.encode_request(request, fit()) == {
        "requests": [{**one, "content": {"parts": [{"text": text}]}} for text in ("a", "b")]
    }


def test_where_there_are_no_batches_one_input_is_taken() -> None:
    assert DIALECT.encode_request(Embed(model="m", inputs=("a",)), fit(one_by_one=True)) == {
        "content": {"parts": [{"text": "a"}]}
    }
    with pytest.raises(Unsupported) as raised:
        DIALECT.encode_request(Embed(model="m", inputs=("a", "b")), fit(one_by_one=True))
    assert raised.value.param == "input"


def test_token_ids_are_refused() -> None:
    with pytest.raises(Unsupported) as raised:
        DIALECT.encode_request(Embed(model="m", inputs=("a", (1, 2))), fit())
    assert raised.value.param == "input[1]"


def test_an_unknown_purpose_is_refused_and_a_user_noted() -> None:
    request = Embed(model="m", inputs=("a",), purpose="fun", user="u")
    with pytest.raises(Unsupported):
        DIALECT.encode_request(request, fit())
    lenient = fit(drop=True)
    DIALECT.encode_request(request, lenient)
    assert lenient.dropped == ["user", "input_type"]


def test_the_path_is_the_batchs() -> None:
    assert DIALECT.path("models/x/y", False) == "/v1beta/models/x%2Fy:batchEmbedContents"


def test_whole_numbers_are_numbers_too_and_usage_may_be_missing() -> None:
    found = DIALECT.decode_answer({"embeddings": [{"values": [1, 0.5]}, {"values": []}]})
    assert found.vectors == ((1.0, 0.5), ())
    assert found.usage is None


def test_usage_tells_images_and_sound_apart() -> None:
    metadata = {
        "promptTokenCount": 10,
        "promptTokensDetails": [{"modality": "IMAGE", "tokenCount": 6}, {"modality": "AUDIO", "tokenCount": 3}],
    }
    found = DIALECT.decode_answer({"embedding": {"values": [0.5]}, "usageMetadata": metadata})
    assert found.usage == Usage(input_tokens=1, image_input_tokens=6, audio_input_tokens=3)


@pytest.mark.parametrize("tree", [{}, {"embeddings": {}}, {"embedding": {"values": ["x"]}}, {"embeddings": [7]}])
def test_what_has_no_vectors_is_malformed_output(tree: Any) -> None:
    with pytest.raises(MalformedOutput):
        DIALECT.decode_answer(tree)


def test_errors_are_googles() -> None:
    raw = json.dumps({"error": {"code": 404, "message": "no such model", "status": "NOT_FOUND"}}).encode()
    assert isinstance(DIALECT.decode_error(404, {}, raw), NotFound)


@pytest.mark.parametrize("row", params(ROWS))
def test_recorded_embeddings_decode_whole(row: Recording) -> None:
    tree = json.loads(row.body)
    found = DIALECT.decode_answer(tree)
    told = tree.get("embeddings") or [tree["embedding"]]
    assert [list(vector) for vector in found.vectors] == [each["values"] for each in told]
    assert DIALECT.peek(row.body).usage == found.usage
    counted = tree.get("usageMetadata", {}).get("promptTokenCount")
    assert (found.usage.total_input_tokens if found.usage else None) == counted


@pytest.mark.parametrize("row", params(ROWS))
def test_recorded_requests_are_what_is_encoded(row: Recording) -> None:
    contents = [each["content"] for each in row.request.get("requests", [row.request])]
    inputs = tuple(content["parts"][0]["text"] for content in contents)
    model = row.path.rpartition("/")[2].partition(":")[0]
    purpose = "search_query" if "taskType" in str(row.request) else None
    to = Fit(
        model=model,
        dropped=[],
        quirks=Quirks(unsupported=frozenset() if "requests" in row.request else frozenset({"requests"})),
    )
    assert DIALECT.encode_request(Embed(model=model, inputs=inputs, purpose=purpose), to) == row.request


@pytest.mark.parametrize("row", params(ROWS))
def test_every_string_of_a_recorded_request_is_read_or_listed(row: Recording) -> None:
    read = {node.path for node in DIALECT.request_texts(row.request)}

    def check(value: Any, path: tuple[Any, ...]) -> None:
        if isinstance(value, str):
            assert (path in read) != DIALECT.is_not_text(path, row.request)
        for step, item in value.items() if isinstance(value, dict) else enumerate(value) if type(value) is list else ():
            check(item, (*path, step))

    check(row.request, ())
