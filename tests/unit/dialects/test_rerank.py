"""Reranking in Cohere's shape, towards clients and vendors."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headgate import dialects
from headgate.dialects.base import Context, Fit
from headgate.dialects.hub import Ranked, Ranking
from headgate.errors import BadRequest, MalformedOutput, RateLimited, Unsupported
from headgate.types import Usage
from vendor_laws import missing_canaries

DIALECT = dialects.get("cohere_rerank")
CONTEXT = Context(asked={"documents": ["a", "b"], "return_documents": True}, id="ours", created=1)
REQUEST = {"model": "rerank-v3.5", "query": "q", "documents": ["a", {"text": "b"}]}


@pytest.mark.parametrize(
    "tree",
    [
        REQUEST,
        {**REQUEST, "top_n": 1, "return_documents": True, "max_tokens_per_doc": 10, "priority": 2},
        {**REQUEST, "return_documents": False, "top_n": None},
    ],
)
def test_a_request_comes_out_as_it_came_in(tree: dict[str, Any]) -> None:
    request = DIALECT.decode_request(tree)
    assert DIALECT.encode_request(request, Fit(model="rerank-v3.5", dropped=[])) == tree


@pytest.mark.parametrize(
    ("tree", "param"),
    [
        ({}, "documents"),
        ({**REQUEST, "documents": []}, "documents"),
        ({**REQUEST, "documents": "a"}, "documents"),
        ({**REQUEST, "documents": ["a", 1]}, "documents[1]"),
        ({**REQUEST, "query": 1}, "query"),
        ({**REQUEST, "query": None}, "query"),
        ({**REQUEST, "model": []}, "model"),
        ({**REQUEST, "top_n": 0}, "top_n"),
        ({**REQUEST, "top_n": "2"}, "top_n"),
        ({**REQUEST, "top_n": True}, "top_n"),
        ({**REQUEST, "return_documents": "yes"}, "return_documents"),
    ],
)
def test_a_wrong_request_is_told_which_field_is_wrong(tree: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        DIALECT.decode_request(tree)
    assert caught.value.param == param


@pytest.mark.parametrize(
    "tree",
    [
        {"id": "i", "results": [], "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}}},
        {"id": "i", "results": [{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.1}]},
        {"id": "i", "results": [{"index": 0, "relevance_score": 0.9, "document": {"text": "a"}, "new": 1}], "x": {}},
        {
            "id": "i",
            "model": "jina-reranker",
            "object": "list",
            "usage": {"total_tokens": 5},
            "results": [{"index": 0, "relevance_score": 1, "document": {"text": "a"}}],
        },
    ],
)
def test_an_answer_comes_out_as_it_came_in(tree: dict[str, Any]) -> None:
    context = Context(asked=REQUEST, id="ours", created=1)
    assert DIALECT.encode_answer(DIALECT.decode_answer(tree), context) == tree


def test_search_units_and_tokens_are_read() -> None:
    cohere = {"id": "i", "results": [], "meta": {"billed_units": {"search_units": 2.0}}}
    assert DIALECT.decode_answer(cohere).usage == Usage(search_units=2)
    assert DIALECT.peek(json.dumps(cohere).encode()).usage == Usage(search_units=2)
    both = {**cohere, "usage": {"total_tokens": 5}}
    assert DIALECT.peek(json.dumps(both).encode()).usage == Usage(input_tokens=5, search_units=2)
    assert DIALECT.peek(b'{"results": [], "meta": {"billed_units": {"search_units": 0}}}').usage is None
    jina = {"results": [], "usage": {"total_tokens": 5}}
    assert DIALECT.decode_answer(jina).usage == Usage(input_tokens=5)
    assert DIALECT.peek(json.dumps(jina).encode()).usage == Usage(input_tokens=5)


def test_units_are_told_where_an_answer_has_no_account_of_its_own() -> None:
    ranking = Ranking(id="i", results=(), usage=Usage(search_units=3))
    assert DIALECT.encode_answer(ranking, CONTEXT)["meta"] == {"billed_units": {"search_units": 3}}
    assert "meta" not in DIALECT.encode_answer(Ranking(id="i", results=(), usage=Usage(input_tokens=3)), CONTEXT)


def test_voyages_answer_is_understood() -> None:
    tree = {
        "object": "list",
        "data": [{"relevance_score": 0.4, "index": 1}, {"relevance_score": 0.3, "index": 0}],
        "model": "rerank-2",
        "usage": {"total_tokens": 7},
    }
    ranking = DIALECT.decode_answer(tree)
    assert ranking.results == (Ranked(1, 0.4), Ranked(0, 0.3))
    encoded = DIALECT.encode_answer(ranking, CONTEXT)
    assert encoded["id"] == "ours"
    assert encoded["results"][0] == {"index": 1, "relevance_score": 0.4, "document": {"text": "b"}}


@pytest.mark.parametrize(
    "tree",
    [
        {},
        {"results": {}},
        {"results": [1]},
        {"results": [{"index": 0}]},
        {"results": [{"index": "0", "relevance_score": 1.0}]},
        {"results": [{"index": 0, "relevance_score": True}]},
        {"results": [], "meta": []},
        {"results": [], "meta": {"billed_units": {"search_units": 1.5}}},
    ],
)
def test_what_is_no_answer_is_malformed_output(tree: dict[str, Any]) -> None:
    with pytest.raises(MalformedOutput):
        DIALECT.decode_answer(tree)


def test_members_of_another_dialect_are_refused() -> None:
    request = DIALECT.decode_request(REQUEST)
    foreign = type(request)(model="m", query="q", documents=("a",), extra={"other": {"novelty": 1, "user": "u"}})
    fit = Fit(model="m", drop=True, dropped=[])
    DIALECT.encode_request(foreign, fit)
    assert fit.dropped == ["novelty", "user"]
    with pytest.raises(Unsupported):
        DIALECT.encode_request(foreign, Fit(model="m", dropped=[]))


def test_errors_in_both_directions() -> None:
    error = DIALECT.decode_error(429, {"retry-after": "3"}, b'{"message":"slow down"}')
    assert type(error) is RateLimited
    assert DIALECT.encode_error(error) == {"message": "slow down"}


def test_the_texts_are_query_documents_and_what_an_answer_repeats() -> None:
    tree = {**REQUEST, "rank_fields": ["title"]}
    assert [(node.provenance, node.text) for node in DIALECT.request_texts(tree)] == [
        ("user", "q"),
        ("document", "a"),
        ("document", "b"),
        ("parameter", "title"),
    ]
    assert missing_canaries(DIALECT, tree) == []
    answer = {"results": [{"index": 0, "relevance_score": 1, "document": {"text": "a"}}]}
    assert [node.text for node in DIALECT.answer_texts(answer)] == ["a"]
