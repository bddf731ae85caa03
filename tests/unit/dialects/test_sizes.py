"""What bounds a request is found in every client's dialect, and never less than it could be."""

from __future__ import annotations

from typing import Any

import pytest

from headgate import dialects
from headgate.dialects.base import Quirks
from headgate.dialects.sizes import Size
from headgate.types import Payload

CHAT, RESPONSES, MESSAGES, COMPLETIONS = "openai_chat", "openai_responses", "anthropic_messages", "openai_completions"
TEXT = [{"role": "user", "content": "Hello"}]


def size(dialect: str, **tree: Any) -> Size:
    return dialects.get(dialect).size(tree)


def chat(content: Any, **tree: Any) -> Size:
    return size(CHAT, messages=[{"role": "user", "content": content}], **tree)


@pytest.mark.parametrize(
    ("dialect", "tree"),
    [(CHAT, {"messages": TEXT}), (RESPONSES, {"input": TEXT}), (RESPONSES, {"input": "Hello"}),
     (MESSAGES, {"messages": TEXT, "system": "Be brief"}), (COMPLETIONS, {"prompt": "Hello"})],
)  # fmt: skip
def test_plain_text_is_bounded_by_its_bytes_alone(dialect: str, tree: dict[str, Any]):
    assert size(dialect, **tree) == Size()


@pytest.mark.parametrize(
    ("dialect", "member"),
    [(CHAT, "max_tokens"), (CHAT, "max_completion_tokens"), (RESPONSES, "max_output_tokens"), (MESSAGES, "max_tokens"),
     (COMPLETIONS, "max_tokens")],
)  # fmt: skip
def test_the_output_limit_is_each_dialects_own(dialect: str, member: str):
    assert size(dialect, **{member: 70}).output_limit == 70


@pytest.mark.parametrize("nonsense", ["70", -1, 0, True, 1.5, None, [7]])
def test_a_limit_that_is_none_bounds_nothing(nonsense: Any):
    assert size(CHAT, max_tokens=nonsense).output_limit is None


def test_of_two_limits_the_larger_counts_since_nobody_knows_which_the_vendor_goes_by():
    assert size(CHAT, max_tokens=70, max_completion_tokens=50).output_limit == 70


def test_a_limit_the_vendor_passes_over_is_none():
    older = Quirks(max_tokens_field="max_tokens")
    found = dialects.get(CHAT).size({"max_completion_tokens": 1, "max_tokens": 100}, older)
    assert found.output_limit == 100
    assert dialects.get(CHAT).size({"max_completion_tokens": 1}, older).output_limit is None


@pytest.mark.parametrize("count", ["5", 5.0, True, [5], 10**15])
def test_a_number_of_choices_that_vendors_read_differently_is_boundless(count: Any):
    assert size(CHAT, n=count).uses is None
    assert size(COMPLETIONS, best_of=count).uses is None


@pytest.mark.parametrize(
    ("dialect", "tree"),
    [
        (RESPONSES, {"background": True}),
        (MESSAGES, {"inference_geo": "us"}),
        (CHAT, {"models": ["dearer"]}),
        (CHAT, {"plugins": [{"id": "web"}]}),
    ],
)
def test_what_costs_what_no_price_list_says_is_boundless(dialect: str, tree: dict[str, Any]):
    assert size(dialect, **tree).uses is None


SERVER = {"type": "url", "name": "s", "url": "https://s.example/mcp"}
TOOLSET = {"type": "mcp_toolset", "mcp_server_name": "s"}
REMOTE = {"type": "mcp", "server_label": "s", "server_url": "https://s.example/mcp"}


@pytest.mark.parametrize(
    ("dialect", "tree"),
    [
        (MESSAGES, {"mcp_servers": [SERVER]}),
        (MESSAGES, {"mcp_servers": [SERVER], "tools": [TOOLSET]}),
        (MESSAGES, {"tools": [{**TOOLSET, "max_uses": 1}]}),
        (RESPONSES, {"tools": [REMOTE]}),
        (RESPONSES, {"tools": [REMOTE], "max_tool_calls": 1}),
        (RESPONSES, {"tools": [{"type": "web_search"}, REMOTE], "max_tool_calls": 1}),
        (CHAT, {"tools": [REMOTE]}),
    ],
)
def test_no_limit_counts_how_often_a_remote_server_is_asked(dialect: str, tree: dict[str, Any]):
    """OpenAI's `max_tool_calls` is of built-in tools, which remote ones are not ("Responses", `tools`)."""
    assert size(dialect, **tree).uses is None


def test_no_server_is_asked_where_none_is_named():
    assert size(MESSAGES, mcp_servers=[]) == size(MESSAGES, mcp_servers=None) == Size()


def test_a_query_may_be_billed_once_for_each_document():
    assert size("cohere_rerank", query="abcd", documents=["x"] * 10).repeated_bytes == 40


@pytest.mark.parametrize(
    ("documents", "asks", "units"),
    [
        (["x"] * 100, {}, 1),
        (["x"] * 101, {}, 2),
        ([{"title": "x", "text": "y"}] * 250, {}, 3),
        ([], {}, 1),
        (["x" * 480] * 100, {}, 1),
        (["x" * 481] * 100, {}, 2),  # 20 bytes of the query are in each piece
        (["x" * 480] * 100, {"query": "q" * 30}, 2),
        (["x" * 1_000] * 100, {"query": "q" * 9_999}, 4),  # which takes no more than half of each
        (["x" * 100_000] * 100, {}, 9),  # as much of each as the vendor reads
        (["x" * 100_000] * 100, {"max_tokens_per_doc": 960}, 2),
        (["x" * 10_000] * 100, {"max_tokens_per_doc": 10_000}, 21),
        (["x" * 10_000] * 100, {"max_tokens_per_doc": "960"}, 21),
        (["x" * 10_000] * 100, {"max_tokens_per_doc": 0}, 21),
        ("x" * 10, {}, 1),
        (None, {}, 1),
    ],
)
def test_a_ranking_is_billed_by_its_documents_and_their_pieces(documents: Any, asks: dict[str, Any], units: int):
    assert size("cohere_rerank", **{"query": "q" * 20, "documents": documents, **asks}).search_units == units


def test_every_choice_is_an_answer():
    assert size(CHAT, n=3).choices == 3
    assert size(COMPLETIONS, n=2, best_of=5).choices == 5
    assert size(COMPLETIONS, n=2, prompt=["a", "b", "c"]).choices == 6
    assert size(COMPLETIONS, n=2, prompt=[1, 2, 3]).choices == 2
    assert size(COMPLETIONS, prompt=[[1, 2], [3]]).choices == 2


@pytest.mark.parametrize(
    "content",
    [
        [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}],
        [{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}],
        [{"type": "tool_result", "content": [{"type": "image", "source": {}}]}],
    ],
)
def test_images_are_counted_wherever_they_are(content: Any):
    assert (chat(content).images, chat(content).elsewhere) == (1, False)
    assert size(MESSAGES, messages=[{"role": "user", "content": content}]).images == 1


@pytest.mark.parametrize(
    ("dialect", "tree"),
    [
        (CHAT, {"messages": [{"content": [{"type": "file", "file": {"file_id": "f"}}]}]}),
        (CHAT, {"messages": [{"role": "assistant", "audio": {"id": "audio_1"}}]}),
        (CHAT, {"messages": [{"content": [{"type": "something_new"}]}]}),
        (CHAT, {"messages": [{"content": [{"type": ["image_url"]}]}]}),
        (RESPONSES, {"previous_response_id": "resp_1"}),
        (RESPONSES, {"conversation": "conv_1"}),
        (RESPONSES, {"input": [{"type": "item_reference", "id": "x"}]}),
        (RESPONSES, {"input": [{"role": "user", "content": [{"type": "input_file", "file_url": "https://e/x"}]}]}),
        (MESSAGES, {"messages": [{"content": [{"type": "document", "source": {"type": "url", "url": "u"}}]}]}),
        (MESSAGES, {"messages": [{"content": [{"type": "document", "source": {"type": "base64", "data": "x"}}]}]}),
        (MESSAGES, {"container": "c"}),
    ],
)
def test_what_the_vendor_holds_fetches_or_nobody_knows_may_have_any_size(dialect: str, tree: dict[str, Any]):
    assert size(dialect, **tree).elsewhere


def test_a_document_of_text_is_all_there():
    source = {"type": "text", "media_type": "text/plain", "data": "words"}
    assert not size(MESSAGES, messages=[{"content": [{"type": "document", "source": source}]}]).elsewhere


def test_content_nested_out_of_sight_may_have_any_size():
    content: Any = [{"type": "text", "text": "x"}]
    for _ in range(30):
        content = [{"type": "tool_result", "content": content}]
    assert chat(content).elsewhere


def test_tools_of_the_client_run_at_the_client():
    function = {"type": "function", "function": {"name": "f"}}
    assert chat("x", tools=[function]) == Size(tools=True)
    assert size(MESSAGES, tools=[{"name": "f", "input_schema": {}}, {"type": "bash_20250124"}]) == Size(tools=True)


def test_tools_of_the_vendor_run_as_often_as_they_may():
    search = {"type": "web_search_20250305", "name": "web_search"}
    assert size(MESSAGES, tools=[search]).uses is None
    assert size(MESSAGES, tools=[{**search, "max_uses": 3}, {**search, "max_uses": 2}]).uses == 5
    assert size(RESPONSES, tools=[{"type": "web_search"}]).uses is None
    assert size(RESPONSES, tools=[{"type": "web_search"}], max_tool_calls=2).uses == 2
    assert size(RESPONSES, tools=[{"type": "web_search"}, {"type": "file_search"}], max_tool_calls=2).uses == 2
    assert size(RESPONSES, tools=[{"type": "web_search", "max_uses": 0}]).uses is None, "a word of another dialect"
    assert size(CHAT, tools=[{"type": "web_search", "max_uses": 0}]).uses is None
    assert size(CHAT, web_search_options={}).uses is None


def test_a_prediction_may_be_billed_beside_the_answer():
    assert chat("x", prediction={"type": "content", "content": "y"}).predicted


@pytest.mark.parametrize(
    ("dialect", "member"),
    [
        (CHAT, "max_completion_tokens"),
        (RESPONSES, "max_output_tokens"),
        (MESSAGES, "max_tokens"),
        (COMPLETIONS, "max_tokens"),
    ],
)
def test_a_limit_can_be_set(dialect: str, member: str):
    limited = dialects.get(dialect).with_output_limit(Payload(dialect, tree={"model": "m"}), 300, Quirks())
    assert limited.tree == {"model": "m", member: 300}


def test_a_limit_is_set_in_the_word_the_vendor_knows():
    payload = Payload(CHAT, tree={"model": "m"})
    limited = dialects.get(CHAT).with_output_limit(payload, 300, Quirks(max_tokens_field="max_tokens"))
    assert limited.tree == {"model": "m", "max_tokens": 300}


def test_the_end_user_is_told_in_each_dialects_words():
    assert dialects.get(CHAT).end_user({"user": "jo"}) == "jo"
    assert dialects.get(CHAT).end_user({"user": "jo", "safety_identifier": "ann"}) == "ann"
    assert dialects.get(RESPONSES).end_user({"safety_identifier": "ann"}) == "ann"
    assert dialects.get(MESSAGES).end_user({"metadata": {"user_id": "jo"}}) == "jo"
    assert dialects.get(COMPLETIONS).end_user({"user": "jo"}) == "jo"
    assert dialects.get(MESSAGES).end_user({"metadata": {"user_id": 7}}) is None
    assert dialects.get("openai_embeddings").end_user({}) is None
