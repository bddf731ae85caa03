"""Pydantic AI with its Anthropic model."""

from __future__ import annotations

import base64

from common import KEY, MODEL, URL, WRONG_KEY, Facts, Person, long_text, main
from pydantic_ai import Agent, BinaryContent, ModelHTTPError, NativeOutput
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.providers.anthropic import AnthropicProvider


def _agent(key: str = KEY, **options: object) -> Agent:
    from anthropic import AsyncAnthropic

    client = AsyncAnthropic(base_url=URL, api_key=key)
    profile = {"supports_json_schema_output": True}
    return Agent(AnthropicModel(MODEL, provider=AnthropicProvider(anthropic_client=client), profile=profile), **options)


async def chat(facts: Facts) -> None:
    result = await _agent().run(facts["ask"])
    assert result.output == facts["text"]
    usage = result.usage() if callable(result.usage) else result.usage
    assert usage.input_tokens > 0


async def stream(facts: Facts) -> None:
    async with _agent().run_stream(facts["ask"]) as result:
        pieces = [piece async for piece in result.stream_text(delta=True, debounce_by=None)]
    assert len(pieces) > 3
    assert "".join(pieces) == facts["text"]


async def tools(facts: Facts) -> None:
    asked: list[str] = []

    def get_weather(city: str) -> str:
        """The weather"""
        asked.append(city)
        return facts["result"]

    result = await _agent(tools=[get_weather]).run(facts["ask"])
    assert asked == [facts["city"]]
    assert result.output == facts["text"]


async def structured(facts: Facts) -> None:
    result = await _agent(output_type=NativeOutput(Person)).run(facts["ask"])
    assert result.output == Person(**facts["value"])


async def images(facts: Facts) -> None:
    picture = BinaryContent(base64.b64decode(facts["png"]), media_type="image/png")
    assert (await _agent().run([facts["ask"], picture])).output == facts["text"]


async def errors(facts: Facts) -> None:
    for key, status in ((KEY, 400), (WRONG_KEY, 401)):
        try:
            await _agent(key).run(facts["ask"])
        except ModelHTTPError as error:
            assert error.status_code == status
        else:
            raise AssertionError("no error")


async def cancel(facts: Facts) -> None:
    async with _agent().run_stream(facts["ask"]) as result:
        async for piece in result.stream_text(delta=True, debounce_by=None):
            if piece:
                break


async def long(facts: Facts) -> None:
    assert (await _agent().run(long_text(facts))).output == facts["text"]


main(globals())
