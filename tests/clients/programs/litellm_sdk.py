"""LiteLLM's SDK, calling Headgate as an OpenAI-compatible server."""

from __future__ import annotations

import json

from common import KEY, MODEL, URL, WRONG_KEY, Facts, Person, long_text, main

import litellm

litellm.telemetry = False
WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"type": "function", "function": {"name": "get_weather", "description": "The weather", "parameters": WEATHER}}


def _ask(content: object, **options: object):
    messages = content if isinstance(content, list) and "role" in content[0] else [{"role": "user", "content": content}]
    given = {"api_key": KEY, **options}
    return litellm.completion(model=f"openai/{MODEL}", api_base=f"{URL}/v1", messages=messages, **given)


def chat(facts: Facts) -> None:
    answer = _ask(facts["ask"])
    assert answer.choices[0].message.content == facts["text"]
    assert answer.usage.prompt_tokens > 0


def stream(facts: Facts) -> None:
    chunks = _ask(facts["ask"], stream=True)
    pieces = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices[0].delta.content]
    assert len(pieces) > 3
    assert "".join(pieces) == facts["text"]


def tools(facts: Facts) -> None:
    messages = [{"role": "user", "content": facts["ask"]}]
    answer = _ask(messages, tools=[TOOL])
    [call] = answer.choices[0].message.tool_calls
    assert (call.function.name, json.loads(call.function.arguments)) == ("get_weather", {"city": facts["city"]})
    result = {"role": "tool", "tool_call_id": call.id, "content": facts["result"]}
    answer = _ask([*messages, answer.choices[0].message.model_dump(), result], tools=[TOOL])
    assert answer.choices[0].message.content == facts["text"]


def structured(facts: Facts) -> None:
    answer = _ask(facts["ask"], response_format=Person)
    assert Person.model_validate_json(answer.choices[0].message.content) == Person(**facts["value"])


def images(facts: Facts) -> None:
    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{facts['png']}"}}
    answer = _ask([{"type": "text", "text": facts["ask"]}, picture])
    assert answer.choices[0].message.content == facts["text"]


def errors(facts: Facts) -> None:
    for key, kind in ((KEY, litellm.BadRequestError), (WRONG_KEY, litellm.AuthenticationError)):
        try:
            _ask(facts["ask"], api_key=key)
        except kind:
            continue
        raise AssertionError("no error")


def cancel(facts: Facts) -> None:
    chunks = _ask(facts["ask"], stream=True)
    for chunk in chunks:
        if chunk.choices[0].delta.content:
            break


def long(facts: Facts) -> None:
    assert _ask(long_text(facts)).choices[0].message.content == facts["text"]


main(globals())
