"""Embeddings through Bedrock's InvokeModel."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headgate import dialects
from headgate.dialects.base import Fit
from headgate.dialects.hub import Embed
from headgate.errors import MalformedOutput, Unsupported
from headgate.types import Payload, Usage
from recordings import Recording, params, recordings
from vendor_laws import held, leaves, missing_canaries

DIALECT = dialects.get("titan_embed")
TITAN_2 = "amazon.titan-embed-text-v2:0"
TITAN_1 = "amazon.titan-embed-text-v1"
NOVA = "us.amazon.nova-2-multimodal-embeddings-v1:0"
COHERE = "us.cohere.embed-v4:0"
ROWS = [
    row
    for row in recordings()
    if row.path.endswith("/invoke") and ("embed" in row.path or "application-inference-profile" in row.path)
]


def encode(*inputs: Any, model: str = TITAN_2, **members: Any) -> dict[str, Any]:
    return DIALECT.encode_request(Embed(model="m", inputs=inputs or ("hi",), **members), Fit(model=model, dropped=[]))


def refused(*inputs: Any, model: str = TITAN_2, **members: Any) -> str | None:
    with pytest.raises(Unsupported) as caught:
        encode(*inputs, model=model, **members)
    return caught.value.param


def test_titan_takes_a_text_and_a_length() -> None:
    assert encode("hi", dimensions=256) == {"inputText": "hi", "dimensions": 256}
    extra = {"openai_embeddings": {"normalize": False}}
    assert encode("hi", extra=extra) == {"inputText": "hi", "normalize": False}
    assert encode("hi", model=TITAN_1) == {"inputText": "hi"}


def test_nova_takes_a_task() -> None:
    assert encode("hi", model=NOVA, purpose="search_query", dimensions=256) == {
        "taskType": "SINGLE_EMBEDDING",
        "singleEmbeddingParams": {
            "embeddingPurpose": "GENERIC_RETRIEVAL",
            "text": {"value": "hi", "truncationMode": "NONE"},
            "embeddingDimension": 256,
        },
    }


def test_coheres_models_take_several_texts() -> None:
    assert encode("a", "b", model=COHERE) == {"texts": ["a", "b"], "input_type": "search_document", "truncate": "NONE"}


def test_a_base_model_tells_what_an_inference_profile_is() -> None:
    fit = Fit(model="arn:aws:bedrock:us-east-1:1:application-inference-profile/x", base_model=COHERE, dropped=[])
    assert "texts" in DIALECT.encode_request(Embed(model="m", inputs=("a",)), fit)
    assert DIALECT.path(fit.model, False).endswith("application-inference-profile%2Fx/invoke")


@pytest.mark.parametrize(
    ("inputs", "model", "members", "param"),
    [
        (("a", "b"), TITAN_2, {}, "input"),
        (("a", "b"), NOVA, {}, "input"),
        (((1, 2),), TITAN_2, {}, "input[0]"),
        (("a",), TITAN_1, {"dimensions": 256}, "dimensions"),
        (("a",), NOVA, {"purpose": "similarity"}, "input_type"),
        (("a",), TITAN_2, {"extra": {"openai_embeddings": {"novelty": 1}}}, "novelty"),
    ],
)
def test_what_a_model_cannot_do_is_refused_by_name(
    inputs: Any, model: str, members: dict[str, Any], param: str
) -> None:
    assert refused(*inputs, model=model, **members) == param


def test_the_model_is_in_the_path_only() -> None:
    payload = Payload("titan_embed", tree={"inputText": "a"})
    assert DIALECT.address(payload, "other") is payload


@pytest.mark.parametrize(
    ("tree", "vectors", "usage"),
    [
        ({"embedding": [1, 0.5], "inputTextTokenCount": 3}, ((1.0, 0.5),), Usage(input_tokens=3)),
        ({"embeddings": [{"embedding": [0.5], "embeddingType": "TEXT"}]}, ((0.5,),), None),
        ({"embeddings": [[0.5], [1.5]], "id": "i"}, ((0.5,), (1.5,)), None),
        ({"embeddings": {"float": [[0.5]]}, "id": "i"}, ((0.5,),), None),
    ],
)
def test_each_familys_answer(tree: dict[str, Any], vectors: Any, usage: Usage | None) -> None:
    decoded = DIALECT.decode_answer(tree)
    assert decoded.vectors == vectors
    assert decoded.usage == usage == DIALECT.peek(json.dumps(tree).encode()).usage


@pytest.mark.parametrize(
    "tree",
    [
        {},
        {"embedding": "x"},
        {"embedding": [1.0], "inputTextTokenCount": "3"},
        {"embeddings": [{}]},
        {"embeddings": [{}, 1]},
    ],
)
def test_what_is_no_answer_is_malformed_output(tree: dict[str, Any]) -> None:
    with pytest.raises(MalformedOutput):
        DIALECT.decode_answer(tree)


@pytest.mark.parametrize("raw", [b"", b"[]", b'{"inputTextTokenCount": "x"}'])
def test_billing_reads_no_garbage(raw: bytes) -> None:
    with pytest.raises(MalformedOutput):
        DIALECT.peek(raw)


@pytest.mark.skipif(not ROWS, reason="recordings are absent: set HEADGATE_DATA")
def test_all_recorded_embeddings_on_bedrock_are_looked_at() -> None:
    assert len(ROWS) == 17


@pytest.mark.parametrize("row", params(ROWS))
def test_a_recorded_answer_is_kept_whole(row: Recording) -> None:
    tree = json.loads(row.body)
    found = held(DIALECT.decode_answer(tree))
    assert all(json.dumps(value) in found for _, value in leaves(tree))
    assert missing_canaries(DIALECT, row.request) == []
    assert DIALECT.peek(row.body).usage == DIALECT.decode_answer(tree).usage
