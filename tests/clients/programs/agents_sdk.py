"""OpenAI's Agents SDK, which speaks the Responses API."""

from __future__ import annotations

import openai
from agents import Agent, Runner, function_tool, set_default_openai_client, set_tracing_disabled
from common import KEY, MODEL, URL, WRONG_KEY, Facts, Person, long_text, main

set_default_openai_client(openai.AsyncOpenAI(base_url=f"{URL}/v1", api_key=KEY))
set_tracing_disabled(True)
agent = Agent(name="Gatekeeper", instructions="Answer briefly.", model=MODEL)


async def chat(facts: Facts) -> None:
    result = await Runner.run(agent, facts["ask"])
    assert result.final_output == facts["text"]
    assert result.context_wrapper.usage.input_tokens > 0


async def stream(facts: Facts) -> None:
    result = Runner.run_streamed(agent, facts["ask"])
    raw = [event.data async for event in result.stream_events() if event.type == "raw_response_event"]
    pieces = [event.delta for event in raw if event.type == "response.output_text.delta"]
    assert len(pieces) > 3
    assert "".join(pieces) == facts["text"] == result.final_output


async def tools(facts: Facts) -> None:
    asked: list[str] = []

    @function_tool
    def get_weather(city: str) -> str:
        """The weather"""
        asked.append(city)
        return facts["result"]

    result = await Runner.run(agent.clone(tools=[get_weather]), facts["ask"])
    assert asked == [facts["city"]]
    assert result.final_output == facts["text"]


async def structured(facts: Facts) -> None:
    result = await Runner.run(agent.clone(output_type=Person), facts["ask"])
    assert result.final_output == Person(**facts["value"])


async def images(facts: Facts) -> None:
    picture = {"type": "input_image", "detail": "auto", "image_url": f"data:image/png;base64,{facts['png']}"}
    content = [{"type": "input_text", "text": facts["ask"]}, picture]
    result = await Runner.run(agent, [{"role": "user", "content": content}])
    assert result.final_output == facts["text"]


async def errors(facts: Facts) -> None:
    try:
        await Runner.run(agent, facts["ask"])
    except openai.BadRequestError as error:
        assert error.code == "context_length_exceeded"
    else:
        raise AssertionError("no error")
    set_default_openai_client(openai.AsyncOpenAI(base_url=f"{URL}/v1", api_key=WRONG_KEY))
    try:
        await Runner.run(Agent(name="Stranger", model=MODEL), facts["ask"])
    except openai.AuthenticationError:
        return
    raise AssertionError("no error")


async def cancel(facts: Facts) -> None:
    result = Runner.run_streamed(agent, facts["ask"])
    async for event in result.stream_events():
        if event.type == "raw_response_event" and event.data.type == "response.output_text.delta":
            result.cancel()


async def long(facts: Facts) -> None:
    assert (await Runner.run(agent, long_text(facts))).final_output == facts["text"]


main(globals())
