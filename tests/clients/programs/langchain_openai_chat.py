"""LangChain with its OpenAI package."""

from __future__ import annotations

import openai
from common import KEY, MODEL, URL, WRONG_KEY, Facts, Person, long_text, main
from langchain.agents import create_agent
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI

model = ChatOpenAI(model=MODEL, base_url=f"{URL}/v1", api_key=KEY)


def chat(facts: Facts) -> None:
    answer = model.invoke(facts["ask"])
    assert answer.content == facts["text"]
    assert answer.usage_metadata["input_tokens"] > 0


def stream(facts: Facts) -> None:
    pieces = [piece.content for piece in model.stream(facts["ask"]) if piece.content]
    assert len(pieces) > 3
    assert "".join(pieces) == facts["text"]


def tools(facts: Facts) -> None:
    asked: list[str] = []

    @tool
    def get_weather(city: str) -> str:
        """The weather"""
        asked.append(city)
        return facts["result"]

    agent = create_agent(model, [get_weather])
    done = agent.invoke({"messages": [HumanMessage(facts["ask"])]})
    assert asked == [facts["city"]]
    assert done["messages"][-1].content == facts["text"]


def structured(facts: Facts) -> None:
    assert model.with_structured_output(Person).invoke(facts["ask"]) == Person(**facts["value"])


def images(facts: Facts) -> None:
    picture = {"type": "image", "base64": facts["png"], "mime_type": "image/png"}
    answer = model.invoke([HumanMessage([{"type": "text", "text": facts["ask"]}, picture])])
    assert answer.content == facts["text"]


def errors(facts: Facts) -> None:
    try:
        model.invoke(facts["ask"])
    except openai.BadRequestError as error:
        assert error.code == "context_length_exceeded"
    else:
        raise AssertionError("no error")
    try:
        ChatOpenAI(model=MODEL, base_url=f"{URL}/v1", api_key=WRONG_KEY).invoke(facts["ask"])
    except openai.AuthenticationError:
        return
    raise AssertionError("no error")


def cancel(facts: Facts) -> None:
    events = model.stream(facts["ask"])
    for piece in events:
        if piece.content:
            break
    events.close()


def long(facts: Facts) -> None:
    assert model.invoke(long_text(facts)).content == facts["text"]


main(globals())
