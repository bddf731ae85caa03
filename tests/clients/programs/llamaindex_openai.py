"""LlamaIndex with its package for OpenAI-compatible servers."""

from __future__ import annotations

import openai
from common import KEY, MODEL, URL, WRONG_KEY, Facts, Person, long_text, main
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, TextBlock
from llama_index.llms.openai_like import OpenAILike


def _model(key: str = KEY) -> OpenAILike:
    return OpenAILike(
        model=MODEL,
        api_base=f"{URL}/v1",
        api_key=key,
        is_chat_model=True,
        is_function_calling_model=True,
        should_use_structured_outputs=True,
        context_window=1_000_000,
    )


model = _model()


def chat(facts: Facts) -> None:
    answer = model.chat([ChatMessage(facts["ask"])])
    assert answer.message.content == facts["text"]
    assert answer.raw.usage.prompt_tokens > 0


def stream(facts: Facts) -> None:
    pieces = [piece.delta for piece in model.stream_chat([ChatMessage(facts["ask"])]) if piece.delta]
    assert len(pieces) > 3
    assert "".join(pieces) == facts["text"]


async def tools(facts: Facts) -> None:
    asked: list[str] = []

    def get_weather(city: str) -> str:
        """The weather"""
        asked.append(city)
        return facts["result"]

    answer = await FunctionAgent(tools=[get_weather], llm=model).run(facts["ask"])
    assert asked == [facts["city"]]
    assert str(answer) == facts["text"]


def structured(facts: Facts) -> None:
    assert model.as_structured_llm(Person).complete(facts["ask"]).raw == Person(**facts["value"])


def images(facts: Facts) -> None:
    picture = ImageBlock(image=facts["png"].encode(), image_mimetype="image/png")
    answer = model.chat([ChatMessage(blocks=[TextBlock(text=facts["ask"]), picture])])
    assert answer.message.content == facts["text"]


def errors(facts: Facts) -> None:
    try:
        model.chat([ChatMessage(facts["ask"])])
    except openai.BadRequestError as error:
        assert error.code == "context_length_exceeded"
    else:
        raise AssertionError("no error")
    try:
        _model(WRONG_KEY).chat([ChatMessage(facts["ask"])])
    except openai.AuthenticationError:
        return
    raise AssertionError("no error")


def cancel(facts: Facts) -> None:
    events = model.stream_chat([ChatMessage(facts["ask"])])
    for piece in events:
        if piece.delta:
            break
    events.close()


def long(facts: Facts) -> None:
    assert model.chat([ChatMessage(long_text(facts))]).message.content == facts["text"]


main(globals())
