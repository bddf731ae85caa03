from __future__ import annotations

import json

import jsonschema_rs
import pytest
from msgspec.structs import replace

from conversation import (
    DIALECTS,
    TIME,
    WEATHER,
    ask,
    chat,
    new,
    parts,
    send,
    text,
    user,
    with_result,
)
from headgate.dialects.hub import Format, Reasoning, Refusal, Text, Thinking, ToolCall, ToolChoice
from headgate.providers.simulator import read_script
from headgate.providers.simulator.tokens import pieces

each_dialect = pytest.mark.parametrize("dialect", DIALECTS)
whole_and_streamed = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


@each_dialect
@whole_and_streamed
def test_a_text_says_in_its_first_sentence_that_it_is_simulated(dialect: str, stream: bool) -> None:
    answer = ask(new(), dialect, chat(stream=stream))
    assert text(answer).startswith("This is a simulated answer to “Tell me about the old canal”.")
    assert answer.model == "sim-small"
    assert answer.choices[0].stop == "end"


@each_dialect
@whole_and_streamed
def test_an_answer_is_as_long_as_its_usage_says(dialect: str, stream: bool) -> None:
    answer = ask(new(), dialect, chat(stream=stream))
    assert answer.usage is not None
    assert answer.usage.output_tokens == len(pieces(text(answer)))
    assert answer.usage.input_tokens > 5


@each_dialect
@whole_and_streamed
@pytest.mark.parametrize("limit", [16, 17])
def test_the_output_limit_is_kept(dialect: str, stream: bool, limit: int) -> None:
    simulator = new(script=read_script(b'[{"reply": {"text": "%s"}}]' % (b"one two " * 40)))
    answer = ask(simulator, dialect, chat(stream=stream, max_output_tokens=limit))
    assert answer.choices[0].stop == "length"
    assert len(pieces(text(answer))) == limit
    assert answer.usage is not None
    assert answer.usage.output_tokens == limit


@pytest.mark.parametrize("dialect", ["openai_chat", "anthropic_messages"])
def test_a_stop_sequence_ends_the_text_before_it(dialect: str) -> None:
    answer = ask(new(), dialect, chat(stop=("nowhere to be found", "answer")))
    assert text(answer) == "This is a simulated "
    assert answer.choices[0].stop in ("stop_sequence", "end")  # OpenAI calls both `stop`


@each_dialect
@whole_and_streamed
def test_a_tool_that_the_text_speaks_of_is_called_with_arguments_that_fit(dialect: str, stream: bool) -> None:
    request = chat(user("What is the weather in Oslo?"), tools=(TIME, WEATHER), stream=stream)
    answer = ask(new(), dialect, request)
    (call,) = parts(answer, ToolCall)
    assert call.name == "get_weather"
    assert jsonschema_rs.validator_for(WEATHER.parameters).is_valid(json.loads(call.arguments))
    assert answer.choices[0].stop == "tool_calls"


@each_dialect
def test_tools_nobody_spoke_of_are_left_alone(dialect: str) -> None:
    answer = ask(new(), dialect, chat(user("Say hello"), tools=(TIME, WEATHER)))
    assert not parts(answer, ToolCall)


@each_dialect
@pytest.mark.parametrize(
    ("choice", "called"),
    [
        (ToolChoice(mode="required"), ["get_time"]),
        (ToolChoice(mode="tool", name="get_weather"), ["get_weather"]),
        (ToolChoice(mode="none"), []),
    ],
    ids=["required", "specific", "none"],
)
def test_a_tool_choice_is_obeyed(dialect: str, choice: ToolChoice, called: list[str]) -> None:
    question = "What is the weather?" if choice.mode == "none" else "Say hello"
    answer = ask(new(), dialect, chat(user(question), tools=(TIME, WEATHER), tool_choice=choice))
    assert [call.name for call in parts(answer, ToolCall)] == called


@each_dialect
@pytest.mark.parametrize(("parallel", "calls"), [(None, 2), (False, 1)])
def test_tools_named_in_the_text_are_called_together_unless_forbidden(
    dialect: str, parallel: bool | None, calls: int
) -> None:
    request = chat(user("Use get_time and get_weather."), tools=(TIME, WEATHER), parallel_tool_calls=parallel)
    found = parts(ask(new(), dialect, request), ToolCall)
    assert len(found) == calls
    assert len({call.id for call in found}) == calls


@each_dialect
@whole_and_streamed
def test_after_a_tools_result_it_answers_in_text_and_uses_it(dialect: str, stream: bool) -> None:
    answer = ask(new(), dialect, chat(*with_result(), tools=(TIME, WEATHER), stream=stream))
    assert text(answer).startswith("This is a simulated answer. get_weather returned: 21 degrees.")


SCHEMA = {
    "type": "object",
    "properties": {"colour": {"enum": ["red", "blue"]}, "size": {"type": "integer", "minimum": 3, "maximum": 4}},
    "required": ["colour", "size"],
    "additionalProperties": False,
}


@each_dialect
@whole_and_streamed
def test_json_is_written_to_the_schema_asked_for(dialect: str, stream: bool) -> None:
    form = Format(kind="json_schema", schema=SCHEMA, name="thing", strict=True)
    answer = ask(new(), dialect, chat(format=form, stream=stream))
    assert jsonschema_rs.validator_for(SCHEMA).is_valid(json.loads(text(answer)))


@pytest.mark.parametrize("dialect", ["openai_chat", "openai_responses"])
def test_any_json_object_will_do_where_there_is_no_schema(dialect: str) -> None:
    answer = ask(new(), dialect, chat(user("Give me json"), format=Format(kind="json")))
    assert json.loads(text(answer))["simulated"] is True


@each_dialect
def test_a_schema_that_nothing_fits_is_the_clients_error(dialect: str) -> None:
    form = Format(kind="json_schema", schema={"type": "integer", "minimum": 2, "maximum": 1}, name="thing")
    response = send(new(), dialect, chat(format=form))
    assert response.status == 400
    assert b"cannot answer in this schema" in response.body


@whole_and_streamed
def test_thinking_is_shown_and_signed_where_the_dialect_does_that(stream: bool) -> None:
    request = chat(thinking=Thinking(enabled=True, budget_tokens=1024), max_output_tokens=4000, stream=stream)
    answer = ask(new(), "anthropic_messages", request)
    (thought,) = parts(answer, Reasoning)
    assert thought.text.startswith("Simulated reasoning.")
    assert thought.signature is not None
    assert answer.usage is not None
    assert answer.usage.output_tokens == len(pieces(thought.text)) + len(pieces(text(answer)))


@pytest.mark.parametrize("dialect", ["openai_chat", "openai_responses"])
@whole_and_streamed
def test_hidden_thinking_is_billed(dialect: str, stream: bool) -> None:
    simulator = new()
    request = chat(thinking=Thinking(effort="medium"), max_output_tokens=4000, stream=stream, include_usage=True)
    answer = ask(simulator, dialect, request)
    assert answer.usage is not None
    assert answer.usage.reasoning_tokens >= 60
    assert answer.usage.output_tokens == answer.usage.reasoning_tokens + len(pieces(text(answer)))


def test_an_output_limit_can_be_used_up_by_thinking() -> None:
    request = chat(thinking=Thinking(effort="high"), max_output_tokens=20)
    answer = ask(new(), "openai_chat", request)
    assert text(answer) == ""
    assert answer.choices[0].stop == "length"
    assert answer.usage is not None
    assert answer.usage.output_tokens == 20


def test_several_choices_differ_and_are_all_billed() -> None:
    answer = ask(new(), "openai_chat", chat(choices=3))
    texts = {part.text for choice in answer.choices for part in choice.parts if isinstance(part, Text)}
    assert len(texts) == 3
    assert answer.usage is not None
    assert answer.usage.output_tokens == sum(len(pieces(each)) for each in texts)


def test_log_probabilities_cover_every_token_of_the_text() -> None:
    answer = ask(new(), "openai_chat", chat(logprobs=True, top_logprobs=3))
    (part,) = parts(answer, Text)
    assert part.logprobs is not None
    assert "".join(token.token for token in part.logprobs) == part.text
    assert all(token.logprob <= 0 and len(token.top) == 3 for token in part.logprobs)


@each_dialect
def test_a_script_can_refuse(dialect: str) -> None:
    simulator = new(script=read_script(b'[{"reply": {"refusal": "I would rather not."}}]'))
    answer = ask(simulator, dialect, chat())
    said = [part.text for part in answer.choices[0].parts if isinstance(part, Text | Refusal)]
    assert said == ["I would rather not."]


@each_dialect
@whole_and_streamed
def test_a_script_says_what_is_answered(dialect: str, stream: bool) -> None:
    script = b"""[{"reply": {"text": "Right away.", "reasoning": "Hm.", "stop": "tool_calls",
        "tool_calls": [{"name": "get_time", "arguments": {"zone": "UTC"}}], "usage": {"input_tokens": 77}}}]"""
    answer = ask(new(script=read_script(script)), dialect, chat(tools=(TIME,), stream=stream, include_usage=True))
    assert text(answer) == "Right away."
    assert [part.text for part in parts(answer, Reasoning)] == ["Hm."]
    assert [(call.name, json.loads(call.arguments)) for call in parts(answer, ToolCall)] == [
        ("get_time", {"zone": "UTC"})
    ]
    assert answer.usage is not None
    assert answer.usage.input_tokens == 77


def test_a_scripted_number_of_tokens_is_exact_whatever_the_limit() -> None:
    answer = ask(new(script=read_script(b'[{"reply": {"tokens": 500}}]')), "openai_chat", chat(max_output_tokens=10))
    assert answer.usage is not None
    assert answer.usage.output_tokens == 500


def test_verbosity_makes_texts_longer_and_shorter() -> None:
    lengths = {}
    for verbosity in ("low", "high"):
        simulator = new()
        request = chat(verbosity=verbosity, max_output_tokens=None)
        lengths[verbosity] = sum(len(text(ask(simulator, "openai_chat", request))) for _ in range(20))
    assert lengths["low"] * 2 < lengths["high"]


def test_n_has_a_bound() -> None:
    response = send(new(), "openai_chat", replace(chat(), choices=10**9))
    assert response.status == 400
    assert json.loads(response.body)["error"]["param"] == "n"
