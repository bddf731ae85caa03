"""OpenAI's Python SDK: chat completions, and the Responses API where that has a form of its own."""

from __future__ import annotations

import json

import openai
from common import KEY, MODEL, URL, WRONG_KEY, Facts, Person, long_text, main

client = openai.OpenAI(base_url=f"{URL}/v1", api_key=KEY)
WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"type": "function", "function": {"name": "get_weather", "description": "The weather", "parameters": WEATHER}}


def chat(facts: Facts) -> None:
    answer = client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": facts["ask"]}])
    assert answer.choices[0].message.content == facts["text"]
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.prompt_tokens > 0
    response = client.responses.create(model=MODEL, input=facts["ask"], store=False)
    assert response.output_text == facts["text"]


def stream(facts: Facts) -> None:
    messages = [{"role": "user", "content": facts["ask"]}]
    with client.chat.completions.stream(
        model=MODEL, messages=messages, stream_options={"include_usage": True}
    ) as events:
        pieces = [event.delta for event in events if event.type == "content.delta"]
        final = events.get_final_completion()
    assert len(pieces) > 3
    assert "".join(pieces) == facts["text"] == final.choices[0].message.content
    assert final.usage.completion_tokens > 0
    with client.responses.stream(model=MODEL, input=facts["ask"], store=False) as events:
        pieces = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert "".join(pieces) == facts["text"]


def tools(facts: Facts) -> None:
    messages: list = [{"role": "user", "content": facts["ask"]}]
    answer = client.chat.completions.create(model=MODEL, messages=messages, tools=[TOOL])
    [call] = answer.choices[0].message.tool_calls
    assert (call.function.name, json.loads(call.function.arguments)) == ("get_weather", {"city": facts["city"]})
    messages += [answer.choices[0].message, {"role": "tool", "tool_call_id": call.id, "content": facts["result"]}]
    answer = client.chat.completions.create(model=MODEL, messages=messages, tools=[TOOL])
    assert answer.choices[0].message.content == facts["text"]


def structured(facts: Facts) -> None:
    answer = client.chat.completions.parse(
        model=MODEL, messages=[{"role": "user", "content": facts["ask"]}], response_format=Person
    )
    assert answer.choices[0].message.parsed == Person(**facts["value"])


def images(facts: Facts) -> None:
    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{facts['png']}"}}
    content = [{"type": "text", "text": facts["ask"]}, picture]
    answer = client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": content}])
    assert answer.choices[0].message.content == facts["text"]


def errors(facts: Facts) -> None:
    messages = [{"role": "user", "content": facts["ask"]}]
    try:
        client.chat.completions.create(model=MODEL, messages=messages)
    except openai.BadRequestError as error:
        assert error.status_code == 400
        assert error.code == "context_length_exceeded"
        assert error.request_id
    else:
        raise AssertionError("no error")
    try:
        client.with_options(api_key=WRONG_KEY).chat.completions.create(model=MODEL, messages=messages)
    except openai.AuthenticationError as error:
        assert error.status_code == 401
    else:
        raise AssertionError("no error")


def cancel(facts: Facts) -> None:
    messages = [{"role": "user", "content": facts["ask"]}]
    with client.chat.completions.create(model=MODEL, messages=messages, stream=True) as events:
        for event in events:
            if event.choices and event.choices[0].delta.content:
                break


def long(facts: Facts) -> None:
    answer = client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": long_text(facts)}])
    assert answer.choices[0].message.content == facts["text"]


main(globals())
