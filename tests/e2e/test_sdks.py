"""The official SDKs, current releases, against a running server on the simulator: what their users do every day."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator

import anthropic
import openai
import pytest
from pydantic import BaseModel

from serving import Serving

CONFIG = """
providers: {sim: {kind: simulator}}
models:
  chat: {targets: [sim/gpt-4o-mini]}
  claude: {targets: [sim/claude-sonnet-4-5]}
  embed: {targets: [sim/text-embedding-3-small]}
  "claude-*": {targets: ["sim/claude-*"]}
"""

PIXEL = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"0" * 60).decode()
WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "unit": {"enum": ["C", "F"]}},
    "required": ["city"],
    "additionalProperties": False,
}


class Person(BaseModel):
    name: str
    age: int
    tags: list[str]


@pytest.fixture
async def serving() -> AsyncIterator[Serving]:
    async with Serving(CONFIG) as serving:
        yield serving


@pytest.fixture
async def gpt(serving: Serving) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{serving.url}/v1", api_key="none", max_retries=0) as client:
        yield client


@pytest.fixture
async def claude(serving: Serving) -> AsyncIterator[anthropic.AsyncAnthropic]:
    async with anthropic.AsyncAnthropic(base_url=serving.url, api_key="none", max_retries=0) as client:
        yield client


# ── openai ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_openai_chat_and_its_headers(gpt: openai.AsyncOpenAI):
    raw = await gpt.chat.completions.with_raw_response.create(
        model="chat", messages=[{"role": "user", "content": "Hello"}]
    )
    answer = raw.parse()
    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage
    assert answer.usage.prompt_tokens > 0
    assert raw.headers["x-headgate-target"] == "sim/gpt-4o-mini"
    assert raw.headers["x-headgate-attempts"] == "1"
    assert raw.headers["x-headgate-request-id"] == raw.headers["x-request-id"] == answer._request_id
    assert float(raw.headers["x-headgate-overhead-ms"]) >= 0


async def test_openai_chat_streamed_with_and_without_usage(gpt: openai.AsyncOpenAI):
    for asked in (True, False):
        stream = await gpt.chat.completions.create(
            model="chat", messages=[{"role": "user", "content": "Hello"}], stream=True,
            stream_options={"include_usage": asked},
        )  # fmt: skip
        chunks = [chunk async for chunk in stream]
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        assert any(chunk.usage for chunk in chunks) == asked
        assert all(chunk.choices for chunk in chunks if not chunk.usage)


async def test_openai_tools_over_several_turns(gpt: openai.AsyncOpenAI):
    tools = [{"type": "function", "function": {"name": "weather", "description": "Weather", "parameters": WEATHER}}]
    messages: list = [{"role": "user", "content": "What is the weather in Paris?"}]
    answer = await gpt.chat.completions.create(model="chat", messages=messages, tools=tools, tool_choice="required")
    assert answer.choices[0].finish_reason == "tool_calls"
    [call] = answer.choices[0].message.tool_calls or []
    assert set(json.loads(call.function.arguments)) >= {"city"}
    messages += [answer.choices[0].message, {"role": "tool", "tool_call_id": call.id, "content": "12 degrees"}]
    answer = await gpt.chat.completions.create(model="chat", messages=messages, tools=tools)
    assert answer.choices[0].message.content


async def test_openai_structured_output_is_parsed(gpt: openai.AsyncOpenAI):
    answer = await gpt.chat.completions.parse(
        model="chat", messages=[{"role": "user", "content": "Anna is 5"}], response_format=Person
    )
    assert isinstance(answer.choices[0].message.parsed, Person)


async def test_openai_images(gpt: openai.AsyncOpenAI):
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}", "detail": "low"}}
    for model in ("chat", "claude"):
        answer = await gpt.chat.completions.create(
            model=model, messages=[{"role": "user", "content": [{"type": "text", "text": "What is this?"}, image]}]
        )
        assert answer.choices[0].message.content


@pytest.mark.parametrize("model", ["chat", "claude"])
async def test_openai_responses_whole_streamed_and_with_tools(gpt: openai.AsyncOpenAI, model: str):
    answer = await gpt.responses.create(model=model, input="Hello", instructions="Be brief.", store=False)
    assert answer.output_text
    assert answer.status == "completed"
    assert answer.usage
    async with gpt.responses.stream(model=model, input="Hello", store=False) as stream:
        kinds = [event.type async for event in stream]
        final = await stream.get_final_response()
    assert kinds[0] == "response.created"
    assert kinds[-1] == "response.completed"
    assert final.output_text
    tool = {"type": "function", "name": "weather", "parameters": WEATHER, "strict": True}
    answer = await gpt.responses.create(model=model, input="Paris?", tools=[tool], tool_choice="required", store=False)
    [call] = [item for item in answer.output if item.type == "function_call"]
    turn = [{"role": "user", "content": "Paris?"}, call.to_dict()]
    turn.append({"type": "function_call_output", "call_id": call.call_id, "output": "12 degrees"})
    answer = await gpt.responses.create(model=model, input=turn, tools=[tool], store=False)
    assert answer.output_text


async def test_openai_embeddings(gpt: openai.AsyncOpenAI):
    answer = await gpt.embeddings.create(model="embed", input=["one", "two"])
    assert [row.index for row in answer.data] == [0, 1]
    assert len(answer.data[0].embedding) > 10
    assert answer.data[0].embedding != answer.data[1].embedding
    again = await gpt.embeddings.create(model="embed", input=["one", "two"])
    assert again.data[0].embedding == answer.data[0].embedding


async def test_openai_lists_models(gpt: openai.AsyncOpenAI):
    assert [model.id async for model in gpt.models.list()] == ["chat", "claude", "embed"]
    assert (await gpt.models.retrieve("claude-opus-9")).id == "claude-opus-9"
    with pytest.raises(openai.NotFoundError):
        await gpt.models.retrieve("nobody")


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("rate_limit", openai.RateLimitError),
        ("server_error", openai.InternalServerError),
        ("overloaded", openai.InternalServerError),
        ("context_too_long", openai.BadRequestError),
        ("content_filter", openai.BadRequestError),
        ("html", openai.InternalServerError),
        ("truncated", openai.InternalServerError),
    ],
)
async def test_openai_raises_its_own_errors(gpt: openai.AsyncOpenAI, fault: str, error: type[openai.APIStatusError]):
    with pytest.raises(error) as caught:
        await gpt.chat.completions.create(
            model="chat", messages=[{"role": "user", "content": "Hi"}], extra_headers={"x-sim-fault": fault}
        )
    assert caught.value.request_id


async def test_openai_raises_not_found_bad_request_and_timeout(gpt: openai.AsyncOpenAI):
    with pytest.raises(openai.NotFoundError) as missing:
        await gpt.chat.completions.create(model="nobody", messages=[{"role": "user", "content": "Hi"}])
    assert missing.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError):
        await gpt.chat.completions.create(model="chat", messages="Hi", stream="perhaps")  # type: ignore[call-overload]
    with pytest.raises(openai.InternalServerError) as late:
        await gpt.chat.completions.create(
            model="chat", messages=[{"role": "user", "content": "Hi"}],
            extra_headers={"x-sim-fault": "timeout", "x-headgate-timeout-ms": "50"},
        )  # fmt: skip
    assert late.value.status_code == 504


async def test_openai_raises_an_authentication_error_and_one_for_size():
    async with Serving(CONFIG, {"HEADGATE_ADMIN_KEY": "hg-admin"}, server="auth: keys, max_body_mb: 1") as serving:
        client = openai.AsyncOpenAI(base_url=f"{serving.url}/v1", api_key="wrong", max_retries=0)
        with pytest.raises(openai.AuthenticationError):
            await client.chat.completions.create(model="chat", messages=[{"role": "user", "content": "Hi"}])
        client.api_key = "hg-admin"
        await client.chat.completions.create(model="chat", messages=[{"role": "user", "content": "Hi"}])
        with pytest.raises(openai.APIStatusError) as caught:
            content = "x" * 1024 * 1024
            await client.chat.completions.create(model="chat", messages=[{"role": "user", "content": content}])
        assert caught.value.status_code == 413
        await client.close()


# ── anthropic ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("model", ["claude", "chat"])
async def test_anthropic_messages_whole_and_streamed(claude: anthropic.AsyncAnthropic, model: str):
    messages = [{"role": "user", "content": "Hello"}]
    answer = await claude.messages.create(model=model, max_tokens=200, system="Be kind.", messages=messages)
    assert answer.content[0].type == "text"
    assert answer.stop_reason == "end_turn"
    assert answer.usage.output_tokens > 0
    async with claude.messages.stream(model=model, max_tokens=200, messages=messages) as stream:
        text = "".join([piece async for piece in stream.text_stream])
        final = await stream.get_final_message()
    assert text
    assert final.content[0].type == "text"
    assert final.usage.output_tokens > 0


@pytest.mark.parametrize("model", ["claude", "chat"])
async def test_anthropic_tools_over_several_turns(claude: anthropic.AsyncAnthropic, model: str):
    tools = [{"name": "weather", "description": "Weather", "input_schema": WEATHER}]
    messages: list = [{"role": "user", "content": "Paris?"}]
    answer = await claude.messages.create(
        model=model, max_tokens=200, messages=messages, tools=tools, tool_choice={"type": "any"}
    )
    assert answer.stop_reason == "tool_use"
    [call] = [block for block in answer.content if block.type == "tool_use"]
    assert "city" in call.input
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "12 degrees"}
    messages += [{"role": "assistant", "content": answer.content}, {"role": "user", "content": [result]}]
    answer = await claude.messages.create(model=model, max_tokens=200, messages=messages, tools=tools)
    assert answer.stop_reason == "end_turn"


async def test_anthropic_thinking_survives_the_next_turn(claude: anthropic.AsyncAnthropic):
    thinking = {"type": "enabled", "budget_tokens": 1024}
    messages: list = [{"role": "user", "content": "What is 17 * 23?"}]
    for model in ("claude", "chat"):
        answer = await claude.messages.create(model=model, max_tokens=2048, messages=messages, thinking=thinking)
        if model == "claude":
            assert answer.content[0].type == "thinking"
            assert answer.content[0].signature
        more = [*messages, {"role": "assistant", "content": answer.content}, {"role": "user", "content": "Sure?"}]
        assert (await claude.messages.create(model=model, max_tokens=2048, messages=more, thinking=thinking)).content


@pytest.mark.parametrize("model", ["claude", "chat"])
async def test_anthropic_images_and_counting(claude: anthropic.AsyncAnthropic, model: str):
    source = {"type": "base64", "media_type": "image/png", "data": PIXEL}
    messages = [{"role": "user", "content": [{"type": "image", "source": source}, {"type": "text", "text": "What?"}]}]
    assert (await claude.messages.create(model=model, max_tokens=50, messages=messages)).content
    count = await claude.messages.count_tokens(model=model, messages=[{"role": "user", "content": "Hello there"}])
    assert count.input_tokens > 0


async def test_anthropic_beta_query_and_model_list(claude: anthropic.AsyncAnthropic):
    answer = await claude.beta.messages.create(
        model="claude-opus-9", max_tokens=20, messages=[{"role": "user", "content": "Hi"}], betas=["x-2026-01-01"]
    )
    assert answer.content
    assert [model.id async for model in claude.models.list()] == ["chat", "claude", "embed"]


@pytest.mark.parametrize(
    ("fault", "status", "kind"),
    [
        ("rate_limit", 429, "rate_limit_error"),
        ("server_error", 502, "api_error"),
        ("overloaded", 529, "overloaded_error"),
        ("context_too_long", 400, "invalid_request_error"),
    ],
)
async def test_anthropic_raises_its_own_errors(claude: anthropic.AsyncAnthropic, fault: str, status: int, kind: str):
    with pytest.raises(anthropic.APIStatusError) as caught:
        await claude.messages.create(
            model="claude", max_tokens=20, messages=[{"role": "user", "content": "Hi"}],
            extra_headers={"x-sim-fault": fault},
        )  # fmt: skip
    assert caught.value.status_code == status
    assert caught.value.body["error"]["type"] == kind
    assert caught.value.request_id


async def test_a_stream_that_breaks_raises_in_both_sdks(gpt: openai.AsyncOpenAI, claude: anthropic.AsyncAnthropic):
    with pytest.raises(openai.APIError):
        stream = await gpt.chat.completions.create(
            model="chat", messages=[{"role": "user", "content": "Hi"}], stream=True,
            extra_headers={"x-sim-fault": "cut"},
        )  # fmt: skip
        async for _ in stream:
            pass
    with pytest.raises(anthropic.APIError):
        async with claude.messages.stream(
            model="claude", max_tokens=99, messages=[{"role": "user", "content": "Hi"}],
            extra_headers={"x-sim-fault": "cut"},
        ) as stream:  # fmt: skip
            async for _ in stream:
                pass
