"""Anthropic's Python SDK."""

from __future__ import annotations

import anthropic
from common import KEY, MODEL, URL, WRONG_KEY, Facts, Person, long_text, main

client = anthropic.Anthropic(base_url=URL, api_key=KEY)
WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"name": "get_weather", "description": "The weather", "input_schema": WEATHER}


def _asked(content: object) -> dict:
    return {"model": MODEL, "max_tokens": 500, "messages": [{"role": "user", "content": content}]}


def chat(facts: Facts) -> None:
    answer = client.messages.create(**_asked(facts["ask"]))
    assert answer.content[0].text == facts["text"]
    assert answer.stop_reason == "end_turn"
    assert answer.usage.input_tokens > 0
    assert client.messages.count_tokens(model=MODEL, messages=_asked(facts["ask"])["messages"]).input_tokens > 0


def stream(facts: Facts) -> None:
    with client.messages.stream(**_asked(facts["ask"])) as events:
        pieces = list(events.text_stream)
        final = events.get_final_message()
    assert len(pieces) > 3
    assert "".join(pieces) == facts["text"] == final.content[0].text
    assert final.usage.output_tokens > 0


def tools(facts: Facts) -> None:
    asked = _asked(facts["ask"])
    answer = client.messages.create(**asked, tools=[TOOL])
    [call] = [block for block in answer.content if block.type == "tool_use"]
    assert (call.name, call.input) == ("get_weather", {"city": facts["city"]})
    result = {"type": "tool_result", "tool_use_id": call.id, "content": facts["result"]}
    asked["messages"] += [{"role": "assistant", "content": answer.content}, {"role": "user", "content": [result]}]
    assert client.messages.create(**asked, tools=[TOOL]).content[0].text == facts["text"]


def structured(facts: Facts) -> None:
    answer = client.messages.parse(**_asked(facts["ask"]), output_format=Person)
    assert answer.parsed_output == Person(**facts["value"])


def images(facts: Facts) -> None:
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": facts["png"]}}
    answer = client.messages.create(**_asked([picture, {"type": "text", "text": facts["ask"]}]))
    assert answer.content[0].text == facts["text"]


def errors(facts: Facts) -> None:
    try:
        client.messages.create(**_asked(facts["ask"]))
    except anthropic.BadRequestError as error:
        assert error.status_code == 400
        assert error.body["error"]["type"] == "invalid_request_error"
        assert error.request_id
    else:
        raise AssertionError("no error")
    try:
        client.with_options(api_key=WRONG_KEY).messages.create(**_asked(facts["ask"]))
    except anthropic.AuthenticationError as error:
        assert error.status_code == 401
    else:
        raise AssertionError("no error")


def cancel(facts: Facts) -> None:
    with client.messages.stream(**_asked(facts["ask"])) as events:
        next(iter(events.text_stream))


def long(facts: Facts) -> None:
    assert client.messages.create(**_asked(long_text(facts))).content[0].text == facts["text"]


main(globals())
