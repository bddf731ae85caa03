"""What requests ask of their answers, and requests that ask again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headgate import dialects
from headgate.dialects.expected import NO_TOOLS, NOTHING, Expected, Offered
from headgate.dialects.hub import Answer, Chat, Message, Reasoning, Signature, Text, Tool, ToolCall, ToolResult
from headgate.errors import BadRequest
from headgate.types import Payload
from outputs import DIALECTS, WEATHER, answer, called, request, said, whole

EVERY = pytest.mark.parametrize("dialect", DIALECTS)
SCHEMA = {"type": "object"}


@EVERY
def test_most_requests_ask_for_nothing_which_is_told_by_identity(dialect: str):
    tree = request(dialect, schema=None).tree
    assert dialects.get(dialect).expected(tree) is NOTHING
    assert dialects.get(dialect).offered(tree) is NO_TOOLS


@EVERY
def test_a_schema_is_what_the_decoder_of_requests_reads(dialect: str):
    codec, tree = dialects.get(dialect), request(dialect, tools=[WEATHER]).tree
    chat: Chat = codec.decode_request(tree)
    assert chat.format is not None
    assert codec.expected(tree) == Expected(json=True, schema=chat.format.schema, calls=True)
    assert codec.offered(tree) == Offered(tools={"weather": WEATHER.parameters})


@pytest.mark.parametrize(
    ("dialect", "members", "expected"),
    [
        ("openai_chat", {"response_format": {"type": "text"}}, NOTHING),
        ("openai_chat", {"response_format": {"type": "json_object"}}, Expected(json=True)),
        (
            "openai_chat",
            {"response_format": {"type": "json_object", "schema": SCHEMA}},
            Expected(json=True, schema=SCHEMA),
        ),
        (
            "openai_chat",
            {"response_format": {"type": "json_schema", "json_schema": {"name": "x"}}},
            Expected(json=True, schema={}),
        ),
        ("openai_chat", {"response_format": {"type": "grammar"}}, NOTHING),
        ("openai_chat", {"response_format": "json"}, NOTHING),
        ("openai_chat", {"functions": []}, NOTHING),
        ("openai_responses", {"text": {"verbosity": "low"}}, NOTHING),
        ("openai_responses", {"text": {"format": {"type": "text"}}}, NOTHING),
        ("openai_responses", {"text": {"format": {"type": "json_object"}}}, Expected(json=True)),
        ("openai_responses", {"text": 1}, NOTHING),
        ("anthropic_messages", {"output_config": {"effort": "low"}}, NOTHING),
        (
            "anthropic_messages",
            {"output_config": {"effort": "low"}, "output_format": {"type": "json_schema", "schema": SCHEMA}},
            Expected(json=True, schema=SCHEMA),
        ),
        ("anthropic_messages", {"output_format": []}, NOTHING),
        ("openai_completions", {"response_format": {"type": "json_object"}}, NOTHING),
    ],
)
def test_other_forms(dialect: str, members: dict[str, Any], expected: Expected):
    assert dialects.get(dialect).expected({"model": "m", **members}) == expected


@pytest.mark.parametrize(
    ("dialect", "tools", "offered"),
    [
        (
            "openai_chat",
            [
                {"type": "function", "function": {"name": "f"}},
                {"type": "custom", "custom": {"name": "c"}},
                {"type": "function", "function": None},
                7,
            ],
            Offered(tools={"f": {"type": "object"}, "c": None}),
        ),
        ("openai_chat", [{"type": "web_search"}], Offered(others=True)),
        (
            "openai_responses",
            [{"type": "function", "name": "f", "parameters": SCHEMA}, {"type": "custom", "name": "c"}],
            Offered(tools={"f": SCHEMA, "c": None}),
        ),
        ("openai_responses", [{"type": "namespace", "name": "n", "tools": []}], Offered(others=True)),
        (
            "anthropic_messages",
            [{"name": "f", "input_schema": SCHEMA}, {"type": "bash_20250124", "name": "bash"}],
            Offered(tools={"f": SCHEMA}, others=True),
        ),
        ("anthropic_messages", "none", NO_TOOLS),
    ],
)
def test_tools_the_client_runs_are_told_from_others(dialect: str, tools: Any, offered: Offered):
    assert dialects.get(dialect).offered({"tools": tools}) == offered


@pytest.mark.parametrize(
    "members", [{"input": [{"type": "additional_tools", "tools": []}]}, {"previous_response_id": "resp_1"}]
)
def test_a_conversation_may_hold_more_tools(members: dict[str, Any]):
    tree = {"tools": [{"type": "function", "name": "f", "parameters": SCHEMA}], **members}
    assert dialects.get("openai_responses").offered(tree) == Offered(tools={"f": SCHEMA}, others=True)


def test_functions_are_tools_too():
    tree = {"functions": [{"name": "f", "parameters": SCHEMA}]}
    assert dialects.get("openai_chat").offered(tree) == Offered(tools={"f": SCHEMA})


# ── asking again ────────────────────────────────────────────────────────────────────────────────────────────────────


def corrected(dialect: str, answer: Answer, **members: Any) -> tuple[Payload, Chat]:
    """The request that asks again, and what its own dialect reads in it."""
    asked = request(dialect, tools=[WEATHER, Tool(name="other", parameters=SCHEMA)], **members)
    before = json.dumps(asked.tree)
    again = dialects.get(dialect).with_correction(asked, whole(dialect, answer), ["at /: it is wrong", "it is long"])
    assert json.dumps(asked.tree) == before
    return again, dialects.get(dialect).decode_request(Payload(dialect, again.encode()).tree)


def texts(message: Message) -> str:
    return "".join(part.text for part in message.parts if isinstance(part, Text))


@EVERY
def test_a_wrong_answer_is_given_back_with_what_is_wrong(dialect: str):
    _, chat = corrected(dialect, said("Oslo!"))
    assert [message.role for message in chat.messages] == ["user", "assistant", "user"]
    assert texts(chat.messages[1]) == "Oslo!"
    assert "- at /: it is wrong\n- it is long\n" in texts(chat.messages[2])


@EVERY
def test_unknown_members_of_the_request_stay_as_they_are(dialect: str):
    again, _ = corrected(dialect, said("Oslo!"), novelty={"a": [1]}, metadata={"user_id": "u"})
    asked = request(dialect, tools=[WEATHER], novelty={"a": [1]}, metadata={"user_id": "u"}).tree
    rest = {"messages", "input", "tools"}
    assert {name: value for name, value in again.tree.items() if name not in rest} == {
        name: value for name, value in asked.items() if name not in rest
    }


@EVERY
def test_each_call_gets_a_result_that_says_what_is_wrong(dialect: str):
    calls = [ToolCall(id=f"call_{n}", name="weather", arguments='{"city":1}') for n in range(2)]
    _, chat = corrected(dialect, answer([Text(text="Let me see."), *calls], stop="tool_calls"))
    made = [part for message in chat.messages for part in message.parts if isinstance(part, ToolCall)]
    results = [part for message in chat.messages for part in message.parts if isinstance(part, ToolResult)]
    assert [call.id for call in made] == ["call_0", "call_1"] == [result.call_id for result in results]
    assert all("- at /: it is wrong" in part.text for each in results for part in each.parts if isinstance(part, Text))
    assert not isinstance(chat.messages[-1].parts[-1], Text)


@EVERY
def test_an_empty_answer_is_not_given_back(dialect: str):
    _, chat = corrected(dialect, answer([]))
    assert [message.role for message in chat.messages] == ["user", "user"]


def test_results_for_claude_are_marked_as_errors():
    again, _ = corrected("anthropic_messages", called('{"city":1}'))
    [result] = again.tree["messages"][-1]["content"]
    assert result["is_error"] is True


def test_claude_gets_its_thinking_back_but_no_blank_texts():
    thought = Reasoning(text="Hm.", signature=Signature(origin="anthropic", value="c2ln"))
    parts = [thought, Text(text="\n\n"), ToolCall(id="call_1", name="weather", arguments="{}")]
    wrong = whole("anthropic_messages", answer(parts, stop="tool_calls"))
    again = dialects.get("anthropic_messages").with_correction(request("anthropic_messages"), wrong, ["no"])
    assert [block["type"] for block in again.tree["messages"][1]["content"]] == ["thinking", "tool_use"]


def test_chat_completions_give_back_the_choice_that_is_wrong():
    wrong = whole("openai_chat", said("right", "wrong"))
    again = dialects.get("openai_chat").with_correction(request("openai_chat", n=2), wrong, ["no"], 1)
    assert again.tree["messages"][1] == {"role": "assistant", "content": "wrong"}
    assert again.tree["n"] == 2


def test_chat_completions_give_thoughts_back_with_calls_only():
    codec, asked = dialects.get("openai_chat"), request("openai_chat")
    for parts, is_kept in (([Text(text="x")], False), ([ToolCall(id="c", name="weather", arguments="{}")], True)):
        wrong = whole("openai_chat", answer([Reasoning(text="Hm."), *parts]))
        said_again = codec.with_correction(asked, wrong, ["no"]).tree["messages"][1]
        assert ("reasoning_content" in said_again) is is_kept


def test_a_call_without_an_id_gets_one():
    tree = {"choices": [{"message": {"tool_calls": [{"function": {"name": "weather", "arguments": "{"}}]}}]}
    wrong = Payload("openai_chat", tree=tree)
    again = dialects.get("openai_chat").with_correction(request("openai_chat"), wrong, ["no"])
    assert dialects.get("openai_chat").decode_request(again.tree).messages


def test_a_function_call_gets_a_function_s_result():
    tree = {"choices": [{"message": {"content": None, "function_call": {"name": "f", "arguments": "{"}}}]}
    asked = request("openai_chat", schema=None, functions=[{"name": "f"}])
    again = dialects.get("openai_chat").with_correction(asked, Payload("openai_chat", tree=tree), ["no"])
    assert again.tree["messages"][-1]["role"] == "function"
    assert dialects.get("openai_chat").decode_request(again.tree).messages


def test_items_of_responses_are_given_back_without_ids_or_reasoning():
    thought = Reasoning(text="Hm.", summarised=True, id="rs_1")
    wrong = whole("openai_responses", answer([thought, Text(text="Oslo!")]))
    again = dialects.get("openai_responses").with_correction(request("openai_responses"), wrong, ["no"])
    assert again.tree["input"][1] == {"role": "assistant", "content": "Oslo!"}


def test_an_input_that_is_a_string_becomes_a_message():
    asked = Payload("openai_responses", tree={"model": "m", "input": "Hello"})
    again = dialects.get("openai_responses").with_correction(asked, whole("openai_responses", said("x")), ["no"])
    assert again.tree["input"][0] == {"role": "user", "content": "Hello"}


def test_a_conversation_that_is_kept_by_the_vendor_is_not_repeated():
    tree = {"model": "m", "input": "Hello", "conversation": "conv_1"}
    wrong = whole("openai_responses", called("{"))
    again = dialects.get("openai_responses").with_correction(Payload("openai_responses", tree=tree), wrong, ["no"])
    assert [item["type"] for item in again.tree["input"]] == ["function_call_output"]
    assert dialects.get("openai_responses").decode_request(again.tree).messages


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("tree", [{}, {"messages": 1, "input": 2}])
def test_a_request_that_is_none_causes_no_error_of_another_kind(dialect: str, tree: dict[str, Any]):
    codec = dialects.get(dialect)
    again = codec.with_correction(Payload(dialect, tree=tree), Payload(dialect, tree={}), ["no"])
    with pytest.raises(BadRequest):
        codec.decode_request(again.tree)
