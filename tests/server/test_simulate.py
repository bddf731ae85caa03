"""The simulator as a server of its own, over sockets, as the official SDKs see it."""

from __future__ import annotations

import http.client
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anthropic
import jsonschema_rs
import openai
import pytest

from headgate.errors import ConfigError
from headgate.server.simulate import serve
from simulated import Simulated, simulated, simulator, simulator_server

__all__ = ["simulator", "simulator_server"]  # fixtures

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "degrees": {"type": "integer", "minimum": -40, "maximum": 50}},
    "required": ["city", "degrees"],
    "additionalProperties": False,
}
USER = {"role": "user", "content": "What is the weather in Oslo?"}


@pytest.fixture
def oai(simulator: Simulated) -> Any:
    with openai.OpenAI(base_url=f"{simulator.url}/v1", api_key="sim-openai", max_retries=0, timeout=10) as client:
        yield client


@pytest.fixture
def claude(simulator: Simulated) -> Any:
    with anthropic.Anthropic(base_url=simulator.url, api_key="sim-anthropic", max_retries=0, timeout=10) as client:
        yield client


# ── OpenAI's SDK ──


def test_openai_chat(oai: openai.OpenAI, simulator: Simulated) -> None:
    answer = oai.chat.completions.create(model="m", messages=[USER])
    assert answer.choices[0].message.content.startswith("This is a simulated answer")
    assert answer.choices[0].finish_reason == "stop"
    row = simulator.last()
    assert (row["key"], row["outcome"]) == ("sim-openai", "complete")
    assert answer.usage.total_tokens == row["usage"]["input_tokens"] + row["usage"]["output_tokens"]


def test_openai_stream(oai: openai.OpenAI, simulator: Simulated) -> None:
    chunks = list(
        oai.chat.completions.create(model="m", messages=[USER], stream=True, stream_options={"include_usage": True})
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text.startswith("This is a simulated answer")
    assert chunks[-1].usage.completion_tokens == simulator.last()["delivered_tokens"]


def test_openai_tools_over_two_turns(oai: openai.OpenAI) -> None:
    tools = [{"type": "function", "function": {"name": "get_weather", "parameters": SCHEMA}}]
    first = oai.chat.completions.create(model="m", messages=[USER], tools=tools)
    (call,) = first.choices[0].message.tool_calls
    assert jsonschema_rs.validator_for(SCHEMA).is_valid(json.loads(call.function.arguments))
    assert first.choices[0].finish_reason == "tool_calls"
    result = {"role": "tool", "tool_call_id": call.id, "content": "3 degrees and rain"}
    messages = [USER, first.choices[0].message.model_dump(exclude_none=True), result]
    second = oai.chat.completions.create(model="m", messages=messages, tools=tools)
    assert "get_weather returned: 3 degrees and rain" in second.choices[0].message.content


def test_openai_structured_output(oai: openai.OpenAI) -> None:
    form = {"type": "json_schema", "json_schema": {"name": "weather", "schema": SCHEMA, "strict": True}}
    answer = oai.chat.completions.create(model="m", messages=[USER], response_format=form)
    assert jsonschema_rs.validator_for(SCHEMA).is_valid(json.loads(answer.choices[0].message.content))


def test_openai_responses(oai: openai.OpenAI) -> None:
    answer = oai.responses.create(model="m", input="Hello")
    assert answer.output_text.startswith("This is a simulated answer")
    assert oai.responses.retrieve(answer.id).output_text == answer.output_text
    events = list(oai.responses.create(model="m", input="Hello", stream=True))
    assert events[-1].type == "response.completed"
    assert events[-1].response.output_text.startswith("This is a simulated answer")


def test_openai_completions(oai: openai.OpenAI) -> None:
    answer = oai.completions.create(model="m", prompt="Once upon a time", max_tokens=5)
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 5


def test_openai_embeddings(oai: openai.OpenAI) -> None:
    answer = oai.embeddings.create(model="e", input=["one", "two"], dimensions=64)
    assert [len(each.embedding) for each in answer.data] == [64, 64]
    plain = oai.embeddings.create(model="e", input=["one"], dimensions=64, encoding_format="float")
    assert plain.data[0].embedding == pytest.approx(answer.data[0].embedding, abs=1e-6)


def test_openai_other_endpoints(oai: openai.OpenAI) -> None:
    assert "sim-small" in [model.id for model in oai.models.list()]
    assert oai.moderations.create(input="hello").results[0].flagged is False
    assert oai.images.generate(model="i", prompt="a lock").data[0].b64_json
    assert oai.audio.speech.create(model="s", voice="alloy", input="hi", response_format="wav").content[:4] == b"RIFF"
    transcript = oai.audio.transcriptions.create(model="t", file=("a.wav", b"RIFF", "audio/wav"))
    assert transcript.text.startswith("This is a simulated transcription")


OPENAI_ERRORS = [
    ("bad_request", openai.BadRequestError),
    ("content_filter", openai.BadRequestError),
    ("context_too_long", openai.BadRequestError),
    ("unauthorized", openai.AuthenticationError),
    ("forbidden", openai.PermissionDeniedError),
    ("not_found", openai.NotFoundError),
    ("conflict", openai.ConflictError),
    ("too_large", openai.APIStatusError),
    ("rate_limit", openai.RateLimitError),
    ("quota", openai.RateLimitError),
    ("server_error", openai.InternalServerError),
    ("bad_gateway", openai.InternalServerError),
    ("unavailable", openai.InternalServerError),
    ("overloaded", openai.InternalServerError),
    ("gateway_timeout", openai.InternalServerError),
    ("html", openai.InternalServerError),
    ("reset", openai.APIConnectionError),
    ("cut", openai.APIConnectionError),
]


@pytest.mark.parametrize(("fault", "error"), OPENAI_ERRORS)
def test_each_fault_raises_openais_typed_error(oai: openai.OpenAI, fault: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        oai.chat.completions.create(model="m", messages=[USER], extra_headers={"x-sim-fault": fault})


def test_openai_reads_code_and_retry_after(oai: openai.OpenAI, simulator: Simulated) -> None:
    simulator.script([{"fault": {"kind": "rate_limit", "retry_after_s": 7}}, {"fault": "context_too_long"}])
    with pytest.raises(openai.RateLimitError) as caught:
        oai.chat.completions.create(model="m", messages=[USER])
    assert caught.value.response.headers["retry-after"] == "7"
    with pytest.raises(openai.BadRequestError) as too_long:
        oai.chat.completions.create(model="m", messages=[USER], extra_headers={"x-sim-fault": "context_too_long"})
    assert too_long.value.code == "context_length_exceeded"


@pytest.mark.parametrize("fault", ["timeout", "stall", "slow_first_token; delay_s=30"])
def test_openai_times_out(oai: openai.OpenAI, simulator: Simulated, fault: str) -> None:
    with pytest.raises(openai.APITimeoutError):
        oai.chat.completions.create(model="m", messages=[USER], extra_headers={"x-sim-fault": fault}, timeout=0.2)
    assert simulator.last()["outcome"] in ("timeout", "stall", "disconnected")


def test_openai_raises_on_an_error_in_a_stream(oai: openai.OpenAI) -> None:
    header = {"x-sim-fault": "error_in_stream; after_tokens=3"}
    stream = oai.chat.completions.create(model="m", messages=[USER], stream=True, extra_headers=header)
    with pytest.raises(openai.APIError, match="Simulated fault"):
        list(stream)


# ── Anthropic's SDK ──


def test_anthropic_message(claude: anthropic.Anthropic, simulator: Simulated) -> None:
    answer = claude.messages.create(model="m", max_tokens=300, messages=[USER])
    assert answer.content[0].text.startswith("This is a simulated answer")
    assert answer.stop_reason == "end_turn"
    assert simulator.last()["key"] == "sim-anthropic"


def test_anthropic_stream(claude: anthropic.Anthropic, simulator: Simulated) -> None:
    with claude.messages.stream(model="m", max_tokens=300, messages=[USER]) as stream:
        text = "".join(stream.text_stream)
        message = stream.get_final_message()
    assert message.content[0].text == text
    assert message.usage.output_tokens == simulator.last()["delivered_tokens"]


def test_anthropic_tools_over_two_turns(claude: anthropic.Anthropic) -> None:
    tools = [{"name": "get_weather", "description": "Weather", "input_schema": SCHEMA}]
    first = claude.messages.create(model="m", max_tokens=300, messages=[USER], tools=tools)
    (call,) = first.content
    assert call.type == "tool_use"
    assert jsonschema_rs.validator_for(SCHEMA).is_valid(call.input)
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "3 degrees and rain"}
    messages = [USER, {"role": "assistant", "content": first.content}, {"role": "user", "content": [result]}]
    second = claude.messages.create(model="m", max_tokens=300, messages=messages, tools=tools)
    assert "get_weather returned: 3 degrees and rain" in second.content[0].text


def test_anthropic_thinking(claude: anthropic.Anthropic) -> None:
    thinking = {"type": "enabled", "budget_tokens": 1024}
    answer = claude.messages.create(model="m", max_tokens=3000, messages=[USER], thinking=thinking)
    assert [block.type for block in answer.content] == ["thinking", "text"]
    assert answer.content[0].signature


def test_anthropic_counts_tokens_and_lists_models(claude: anthropic.Anthropic) -> None:
    counted = claude.messages.count_tokens(model="m", messages=[USER])
    answer = claude.messages.create(model="m", max_tokens=10, messages=[USER])
    assert counted.input_tokens == answer.usage.input_tokens
    assert "sim-small" in [model.id for model in claude.models.list()]


ANTHROPIC_ERRORS = [
    ("bad_request", anthropic.BadRequestError),
    ("context_too_long", anthropic.BadRequestError),
    ("unauthorized", anthropic.AuthenticationError),
    ("forbidden", anthropic.PermissionDeniedError),
    ("not_found", anthropic.NotFoundError),
    ("too_large", anthropic.RequestTooLargeError),
    ("rate_limit", anthropic.RateLimitError),
    ("server_error", anthropic.InternalServerError),
    ("unavailable", anthropic.ServiceUnavailableError),
    ("gateway_timeout", anthropic.DeadlineExceededError),
    ("overloaded", anthropic.OverloadedError),
    ("html", anthropic.InternalServerError),
    ("reset", anthropic.APIConnectionError),
    ("cut", anthropic.APIConnectionError),
]


@pytest.mark.parametrize(("fault", "error"), ANTHROPIC_ERRORS)
def test_each_fault_raises_anthropics_typed_error(
    claude: anthropic.Anthropic, fault: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        claude.messages.create(model="m", max_tokens=50, messages=[USER], extra_headers={"x-sim-fault": fault})


@pytest.mark.parametrize("fault", ["timeout", "stall"])
def test_anthropic_times_out(claude: anthropic.Anthropic, fault: str) -> None:
    header = {"x-sim-fault": fault}
    with pytest.raises(anthropic.APITimeoutError):
        claude.messages.create(model="m", max_tokens=50, messages=[USER], extra_headers=header, timeout=0.2)


def test_anthropic_raises_on_an_error_in_a_stream(claude: anthropic.Anthropic) -> None:
    header = {"x-sim-fault": "error_in_stream; after_tokens=3"}
    stream = claude.messages.create(model="m", max_tokens=50, messages=[USER], stream=True, extra_headers=header)
    with pytest.raises(anthropic.APIStatusError, match="Simulated fault"):
        list(stream)


# ── sockets ──


@contextmanager
def post(simulator: Simulated, fault: str = "", **members: Any) -> Iterator[http.client.HTTPResponse]:
    connection = http.client.HTTPConnection("127.0.0.1", simulator.port, timeout=5)
    body = {"model": "m", "max_tokens": 200, "messages": [{"role": "user", "content": "Hi"}], **members}
    headers = {"content-type": "application/json", **({"x-sim-fault": fault} if fault else {})}
    try:
        connection.request("POST", "/v1/messages", json.dumps(body), headers)
        with connection.getresponse() as response:
            yield response
    finally:
        connection.close()


def answered(simulator: Simulated, fault: str = "", **members: Any) -> bytes:
    """The whole body of an answer."""
    with post(simulator, fault, **members) as response:
        return response.read()


def test_a_stream_can_be_cut_in_the_middle_of_its_chunks(simulator: Simulated) -> None:
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        answered(simulator, "cut; after_tokens=5", stream=True)
    assert simulator.last()["delivered_tokens"] == 5


def test_what_was_sent_before_a_cut_arrives(simulator: Simulated) -> None:
    with post(simulator, "cut; after_tokens=4", stream=True) as response:
        got = b""
        while b"simulated" not in got:
            got += response.read1()


def test_a_reset_is_one_on_the_wire(simulator: Simulated) -> None:
    with pytest.raises(ConnectionResetError):
        answered(simulator, "reset")


@pytest.mark.parametrize("fault", ["truncated", "malformed_json", "malformed_sse", "empty"])
def test_other_faults_end_in_order(simulator: Simulated, fault: str) -> None:
    raw = answered(simulator, fault, stream=True)
    assert (b"message_stop" in raw) is fault.startswith("malformed")
    assert simulator.last()["outcome"] == fault


def test_a_client_that_goes_away_stops_the_answer(simulator: Simulated) -> None:
    simulator.script([{"reply": {"tokens": 1000}, "latency": {"per_token_ms": 5}}])
    with post(simulator, stream=True) as response:
        while b"text_delta" not in response.read1():
            pass
    row = simulator.last()
    assert row["outcome"] == "disconnected"
    assert 0 < row["delivered_tokens"] == row["usage"]["output_tokens"] < 1000


def test_tokens_arrive_one_after_the_other(simulator: Simulated) -> None:
    simulator.script([{"reply": {"tokens": 30}, "latency": {"first_token_ms": 20, "per_token_ms": 5}}])
    pieces = 0
    with post(simulator, stream=True) as response:
        while response.read1():
            pieces += 1
    assert pieces >= 10


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_broken_connections_leave_no_descriptor_behind() -> None:
    with simulated() as server:
        answered(server)
        before = len(os.listdir(f"/proc/{server.pid}/fd"))
        for _ in range(10):
            with pytest.raises(ConnectionResetError):
                answered(server, "reset")
            with pytest.raises((http.client.IncompleteRead, ConnectionError)):
                answered(server, "cut", stream=True)
        server.last()
        assert len(os.listdir(f"/proc/{server.pid}/fd")) <= before + 2


def test_a_body_in_pieces_is_read_whole(simulator: Simulated) -> None:
    body = json.dumps({"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "x" * 300_000}]})
    with socket.create_connection(("127.0.0.1", simulator.port), timeout=5) as connection:
        head = f"POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        connection.sendall(head.encode())
        for start in range(0, len(body), 50_000):
            connection.sendall(body[start : start + 50_000].encode())
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 200")


def test_a_script_file_and_a_seed_are_taken_at_the_start(tmp_path: Path) -> None:
    file = tmp_path / "script.yaml"
    file.write_text("- reply: {text: from the file}\n  times: 1\n")
    texts = []
    for _ in range(2):
        with simulated(seed=5, script=file) as server:
            assert b"from the file" in answered(server)
            texts.append(json.loads(answered(server))["content"])
    assert texts[0] == texts[1]


def test_a_taken_port_is_an_ordinary_error(simulator: Simulated) -> None:
    with pytest.raises(OSError, match="in use"):
        serve(port=simulator.port)


def test_a_bad_script_is_refused_before_anything_listens(tmp_path: Path) -> None:
    file = tmp_path / "script.json"
    file.write_text('[{"fault": "flood"}]')
    with pytest.raises(ConfigError, match="no fault 'flood'"):
        serve(port=0, script=file)
