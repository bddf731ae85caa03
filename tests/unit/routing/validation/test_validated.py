"""Answers held to what was asked for, in every client dialect, whole and streamed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from time import monotonic
from typing import Any

import pytest

from calls import call
from headgate import dialects
from headgate.dialects.accumulate import Accumulator
from headgate.dialects.hub import Answer, Chat, Message, Native, Reasoning, Refusal, Text, ToolCall
from headgate.errors import MalformedOutput, RateLimited, Unsupported
from headgate.events import OutputInvalid, OutputReasked, OutputRepaired, ValidationSkipped
from headgate.routing.config import ValidateConfig
from headgate.routing.validation import holding
from headgate.routing.validation.stage import Validated
from headgate.stage import Next
from headgate.types import Call, Chunk, Payload, Reply
from outputs import (
    BROKEN,
    DIALECTS,
    GOOD,
    PROSE,
    WEATHER,
    WRONG,
    Source,
    answer,
    called,
    chunks,
    request,
    said,
    whole,
)

EVERY = pytest.mark.parametrize("dialect", DIALECTS)
STREAMS = pytest.mark.parametrize("stream", ["check", "buffer"])
MODES = pytest.mark.parametrize("mode", ["whole", "check", "buffer"])
SHOWN = "It is not what was asked for"


class Model:
    """Answers one call after the other, in the dialect and form it was asked in, and keeps what it was asked."""

    def __init__(self, *answers: Answer | Exception, size: int = 7) -> None:
        self._answers = list(answers)
        self._size = size
        self.asked: list[Call] = []
        self.sources: list[Source] = []

    async def __call__(self, call: Call) -> Reply:
        self.asked.append(call)
        given = self._answers.pop(0)
        if isinstance(given, Exception):
            raise given
        dialect = call.request.dialect
        if not call.stream:
            return Reply(payload=whole(dialect, given), target="t")
        source = Source(chunks(dialect, given, self._size))
        self.sources.append(source)
        return Reply(chunks=source.stream(), target="t")


def asking(request: Payload, mode: str = "whole", **fields: Any) -> Call:
    return call(request=request, stream=mode != "whole", **fields)


def stage(mode: str = "whole", **config: Any) -> Validated:
    return Validated(ValidateConfig(**({} if mode == "whole" else {"stream": mode}), **config))


async def read(reply: Reply) -> list[Chunk]:
    assert reply.chunks is not None
    return [chunk async for chunk in reply.chunks]


async def told(dialect: str, reply: Reply) -> Answer:
    """What a reply says, whatever its form."""
    if reply.payload is not None:
        return dialects.get(dialect).decode_answer(Payload(dialect, reply.payload.encode()).answer_tree)
    return joined(dialect, await read(reply))


def joined(dialect: str, chunks: Sequence[Chunk]) -> Answer:
    decoder, accumulator = dialects.get(dialect).decode_stream(), Accumulator()
    for chunk in chunks:
        for frame in chunk:
            for event in decoder.feed(frame):
                accumulator.feed(event)
    return accumulator.answer()


def texts(answer: Answer) -> list[str]:
    return [part.text for choice in answer.choices for part in choice.parts if isinstance(part, Text)]


def kinds(call: Call) -> list[str]:
    return [type(event).__name__ for event in call.account.events]


def corrections(call: Call) -> str:
    """What the last message of a call says."""
    chat: Chat = dialects.get(call.request.dialect).decode_request(call.request.tree)
    last: Message = chat.messages[-1]
    return "".join(part.text for part in last.parts if isinstance(part, Text))


# ── what is fine, or not asked for, is left alone ───────────────────────────────────────────────────────────────────


@EVERY
@MODES
async def test_an_answer_that_fits_is_passed_as_it_came(dialect: str, mode: str):
    model, one = Model(said(GOOD)), asking(request(dialect), mode)
    reply = await stage(mode)(one, model)
    if reply.payload is not None:
        assert reply.payload.encode() == whole(dialect, said(GOOD)).encode()
    else:
        got, sent = await read(reply), chunks(dialect, said(GOOD))
        assert [[frame.encode() for frame in chunk] for chunk in got] == [
            [frame.encode() for frame in chunk] for chunk in sent
        ]
    assert one.account.events == []


@EVERY
@MODES
async def test_nothing_is_looked_at_that_nobody_asked_for(dialect: str, mode: str):
    one = asking(request(dialect, schema=None), mode)
    reply = Reply(payload=Payload(dialect, b"not even JSON"), target="t")

    async def respond(_: Call) -> Reply:
        return reply

    assert await stage(mode)(one, respond) is reply


@pytest.mark.parametrize("config", [{"json": False}, {"stream": "pass"}])
async def test_what_the_configuration_leaves_out_is_not_checked(config: dict[str, Any]):
    one = call(request=request("openai_chat"), stream=True)
    model = Model(said(PROSE))
    reply = await Validated(ValidateConfig(**config))(one, model)
    assert texts(await told("openai_chat", reply)) == [PROSE]


async def test_other_operations_are_not_looked_at():
    one = call(operation="embed", request=Payload("opaque", b"\x00"))
    reply = Reply(payload=Payload("opaque", b"\x00"), target="t")

    async def respond(_: Call) -> Reply:
        return reply

    assert await Validated(ValidateConfig(validators=["not_empty"]))(one, respond) is reply


async def test_text_that_parses_is_never_changed():
    spaced = '  {"people": 7e5, "city":\t"Oslo"}\n'
    reply = await stage(reask=0)(asking(request("openai_chat")), Model(said(spaced)))
    assert texts(await told("openai_chat", reply)) == [spaced]
    with pytest.raises(MalformedOutput):
        await stage(reask=0)(asking(request("openai_chat")), Model(said('{"people": 1, "city": 1}')))


# ── mending ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@EVERY
@pytest.mark.parametrize("mode", ["whole", "buffer"])
@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("wrong", [BROKEN, f"```json\n{GOOD}\n```", f"Here you are: {GOOD}"])
async def test_json_that_is_nearly_right_is_mended(dialect: str, mode: str, size: int, wrong: str):
    one, model = asking(request(dialect), mode), Model(said(wrong), size=size)
    [text] = texts(await told(dialect, await stage(mode)(one, model)))
    assert json.loads(text)["people"] == 700_000
    assert one.account.events == [OutputRepaired("t")]
    assert len(model.asked) == 1


@EVERY
async def test_a_mended_stream_says_it_nowhere_else(dialect: str):
    reply = await stage("buffer")(asking(request(dialect), "buffer"), Model(said(BROKEN)))
    sent, got = chunks(dialect, said(BROKEN)), await read(reply)
    assert len(got) == len(sent)
    assert b"'city'" not in b"".join(frame.encode() for chunk in got for frame in chunk)
    untouched = [frame for chunk in sent for frame in chunk if frame.event == "message_start" or b"role" in frame.data]
    raw = [frame.encode() for chunk in got for frame in chunk]
    assert all(frame.encode() in raw for frame in untouched if b"'" not in frame.data)


@EVERY
@pytest.mark.parametrize("mode", ["whole", "buffer"])
async def test_what_does_not_fit_when_mended_is_asked_for_again(dialect: str, mode: str):
    one, model = asking(request(dialect), mode), Model(said("{'city': 'Oslo',}"), said(GOOD))
    assert texts(await told(dialect, await stage(mode)(one, model))) == [GOOD]
    assert one.account.events == [OutputReasked("t", 1)]


async def test_mending_can_be_switched_off():
    one, model = asking(request("openai_chat")), Model(said(BROKEN), said(GOOD))
    reply = await stage(repair=False)(one, model)
    assert texts(await told("openai_chat", reply)) == [GOOD]
    assert kinds(one) == ["OutputReasked"]


# ── asking again ────────────────────────────────────────────────────────────────────────────────────────────────────


@EVERY
@MODES
async def test_a_wrong_answer_is_asked_for_again_with_what_is_wrong(dialect: str, mode: str):
    size = 1000 if mode == "check" else 7  # a stream can be asked for again as long as none of it is out
    one, model = asking(request(dialect), mode), Model(said(WRONG), said(GOOD), size=size)
    assert texts(await told(dialect, await stage(mode)(one, model))) == [GOOD]
    again = model.asked[1]
    assert again.cause == "reask"
    assert again.stream == one.stream
    assert "- at /people: it is not of type" in corrections(again)
    assert one.account.events == [OutputReasked("t", 1)]


@EVERY
@MODES
async def test_what_stays_wrong_is_an_error_that_says_what(dialect: str, mode: str):
    one, model = asking(request(dialect), mode), Model(said(WRONG), said(WRONG), said(WRONG))
    with pytest.raises(MalformedOutput, match="at /people") as caught:
        await told(dialect, await stage(mode, reask=2)(one, model))
    assert SHOWN in caught.value.shown
    assert "many" not in caught.value.message
    assert one.account.events[-1] == OutputInvalid("t", 1)
    assert len(model.asked) == (1 if mode == "check" else 3)


async def test_each_correction_is_of_the_client_s_own_request():
    one, model = asking(request("openai_chat")), Model(said(PROSE), said(WRONG), said(GOOD))
    await stage(reask=2)(one, model)
    assert [len(each.request.tree["messages"]) for each in model.asked] == [1, 3, 3]


async def test_nothing_is_asked_again_once_time_is_up():
    one, model = asking(request("openai_chat"), deadline=monotonic() - 1), Model(said(PROSE))
    with pytest.raises(MalformedOutput):
        await stage()(one, model)
    assert len(model.asked) == 1


async def test_a_refusal_of_our_longer_request_is_not_the_client_s_fault():
    one, model = asking(request("openai_chat")), Model(said(PROSE), Unsupported("too long", param="messages"))
    with pytest.raises(MalformedOutput):
        await stage()(one, model)
    with pytest.raises(RateLimited):
        await stage()(asking(request("openai_chat")), Model(said(PROSE), RateLimited("busy")))


async def test_each_choice_is_checked():
    one = asking(request("openai_chat", n=2))
    model = Model(said(GOOD, WRONG), said(GOOD, GOOD))
    assert texts(await told("openai_chat", await stage()(one, model))) == [GOOD, GOOD]
    assert model.asked[1].request.tree["messages"][1]["content"] == WRONG
    mended = await stage()(asking(request("openai_chat", n=2)), Model(said(BROKEN, GOOD)))
    assert [json.loads(text)["city"] for text in texts(await told("openai_chat", mended))] == ["Oslo", "Oslo"]


@STREAMS
async def test_each_choice_of_a_stream_is_checked(stream: str):
    one = asking(request("openai_chat", n=2), stream)
    with pytest.raises(MalformedOutput):
        await told("openai_chat", await stage(stream, reask=0)(one, Model(said(GOOD, WRONG))))
    mended = await stage("buffer")(asking(request("openai_chat", n=2), stream), Model(said(GOOD, BROKEN)))
    assert [json.loads(text)["city"] for text in texts(await told("openai_chat", mended))] == ["Oslo", "Oslo"]


@EVERY
@MODES
async def test_an_answer_that_says_nothing_is_not_json(dialect: str, mode: str):
    with pytest.raises(MalformedOutput, match="it is empty"):
        await told(dialect, await stage(mode, reask=0)(asking(request(dialect), mode), Model(answer([]))))


# ── streams that pass ───────────────────────────────────────────────────────────────────────────────────────────────


@EVERY
async def test_prose_is_found_before_any_of_it_is_out(dialect: str):
    one, model = asking(request(dialect), "check"), Model(said(PROSE), said(GOOD))
    assert texts(await told(dialect, await stage("check")(one, model))) == [GOOD]
    assert model.sources[0].given == 1
    assert model.sources[0].is_closed
    assert kinds(one) == ["OutputReasked"]


@EVERY
async def test_a_passing_stream_ends_at_the_first_mistake(dialect: str):
    text = '{"city": "Oslo", "people": "many", "river": "' + "a" * 1000 + '"}'
    model, one = Model(said(text)), asking(request(dialect), "check")
    reply = await stage("check")(one, model)
    assert reply.chunks is not None
    got: list[Chunk] = []
    with pytest.raises(MalformedOutput, match="at /people"):
        async for chunk in reply.chunks:
            got.append(chunk)
    assert 0 < len(got) < 25
    assert model.sources[0].is_closed
    assert kinds(one) == ["OutputInvalid"]


@EVERY
async def test_what_only_the_end_tells_is_told_before_the_terminator_goes_out(dialect: str):
    reply = await stage("check")(asking(request(dialect), "check"), Model(said('{"city": "Oslo"}')))
    assert reply.chunks is not None
    got: list[Chunk] = []
    with pytest.raises(MalformedOutput, match="people"):
        async for chunk in reply.chunks:
            got.append(chunk)
    assert not any(dialects.get(dialect).is_terminator(frame) for chunk in got for frame in chunk)
    assert texts(joined(dialect, got)) == ['{"city": "Oslo"}']


@EVERY
async def test_closing_the_stream_closes_the_one_within(dialect: str):
    model = Model(said(GOOD))
    reply = await stage("check")(asking(request(dialect), "check"), model)
    assert reply.chunks is not None
    await anext(reply.chunks)
    await reply.chunks.aclose()
    assert model.sources[0].is_closed
    assert model.sources[0].given < 4


@STREAMS
async def test_a_stream_that_breaks_breaks_here_too(stream: str):
    source = Source(chunks("openai_chat", said(GOOD))[:4])

    async def broken(_: Call) -> Reply:
        async def run():
            async for chunk in source.stream():
                yield chunk
            raise MalformedOutput("cut")

        return Reply(chunks=run(), target="t")

    with pytest.raises(MalformedOutput, match="cut"):
        await read(await stage(stream)(asking(request("openai_chat"), stream), broken))
    assert source.is_closed


async def test_words_before_a_call_are_free():
    parts = [Text(text="Let me see."), ToolCall(id="c", name="weather", arguments='{"city":"Oslo"}')]
    for mode in ("whole", "check", "buffer"):
        one = asking(request("anthropic_messages", tools=[WEATHER]), mode)
        reply = await stage(mode)(one, Model(answer(parts, stop="tool_calls")))
        assert texts(await told("anthropic_messages", reply)) == ["Let me see."]
        assert one.account.events == []


async def test_words_before_a_tool_of_the_vendor_are_free():
    block = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    parts = [Text(text="Let me see."), Native(dialect="anthropic_messages", data=block), Text(text=GOOD)]
    one = asking(request("anthropic_messages"))
    reply = await stage(reask=0)(one, Model(answer(parts)))
    assert texts(await told("anthropic_messages", reply)) == ["Let me see.", GOOD]


async def test_thoughts_are_not_the_answer():
    parts = [Reasoning(text="Hm, {"), Text(text=GOOD)]
    for mode in ("whole", "check", "buffer"):
        one = asking(request("openai_chat"), mode)
        await told("openai_chat", await stage(mode, reask=0)(one, Model(answer(parts))))
        assert one.account.events == []


async def test_of_several_texts_each_or_all_together_may_be_the_answer():
    for parts in ([GOOD, GOOD], [GOOD[:20], GOOD[20:]]):
        one = asking(request("anthropic_messages"))
        await stage(reask=0)(one, Model(answer([Text(text=each) for each in parts])))
        assert one.account.events == []


async def test_a_stream_too_long_to_be_kept_passes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(holding, "MAX_HELD_BYTES", 1000)
    one, model = asking(request("openai_chat"), "buffer"), Model(said(PROSE * 20))
    reply = await stage("buffer")(one, model)
    assert texts(await told("openai_chat", reply)) == [PROSE * 20]
    assert one.account.events == [ValidationSkipped("the stream is too long to be kept")]
    assert model.sources[0].is_closed


# ── calls of tools ──────────────────────────────────────────────────────────────────────────────────────────────────


def with_tools(dialect: str) -> Payload:
    return request(dialect, schema=None, tools=[WEATHER])


@EVERY
@MODES
async def test_a_call_that_fits_is_passed(dialect: str, mode: str):
    one = asking(with_tools(dialect), mode)
    await told(dialect, await stage(mode, tools=True)(one, Model(called('{"city":"Oslo"}'))))
    assert one.account.events == []


@EVERY
@MODES
@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (called('{"city":1}'), "call of 'weather': at /city"),
        (called("{}"), "call of 'weather': at /: "),
        (called('{"city":"Oslo"}', name="wether"), "there is no tool 'wether'; the tools are: weather"),
    ],
)
async def test_a_call_that_does_not_fit_is_an_error(dialect: str, mode: str, wrong: Answer, problem: str):
    one = asking(with_tools(dialect), mode)
    with pytest.raises(MalformedOutput, match=problem):
        await told(dialect, await stage(mode, tools=True, reask=0)(one, Model(wrong)))


@EVERY
@pytest.mark.parametrize("mode", ["whole", "buffer"])
async def test_a_call_is_asked_for_again_with_a_result_that_says_what_is_wrong(dialect: str, mode: str):
    one, model = asking(with_tools(dialect), mode), Model(called('{"city":1}'), called('{"city":"Oslo"}'))
    reply = await stage(mode, tools=True)(one, model)
    [choice] = (await told(dialect, reply)).choices
    assert [json.loads(part.arguments) for part in choice.parts if isinstance(part, ToolCall)] == [{"city": "Oslo"}]
    assert "at /city" in json.dumps(model.asked[1].request.tree)
    assert dialects.get(dialect).decode_request(model.asked[1].request.tree).messages


@EVERY
async def test_arguments_that_are_no_json_can_be_asked_for_again_too(dialect: str):
    one, model = asking(with_tools(dialect), "buffer"), Model(called("city: Oslo"), called('{"city":"Oslo"}'))
    await told(dialect, await stage("buffer", tools=True)(one, model))
    assert kinds(one) == ["OutputReasked"]


@EVERY
@pytest.mark.parametrize("size", [1, 7, 1000])
async def test_arguments_that_are_nearly_right_are_mended(dialect: str, size: int):
    one, model = asking(with_tools(dialect), "buffer"), Model(called("{'city': 'Oslo',}"), size=size)
    [choice] = (await told(dialect, await stage("buffer", tools=True)(one, model))).choices
    assert [part.arguments for part in choice.parts if isinstance(part, ToolCall)] == ['{"city":"Oslo"}']
    assert kinds(one) == ["OutputRepaired"]


@pytest.mark.parametrize("dialect", ["openai_chat", "openai_responses"])
async def test_arguments_of_a_whole_answer_are_mended(dialect: str):
    one = asking(with_tools(dialect))
    [choice] = (await told(dialect, await stage(tools=True)(one, Model(called("{'city': 'Oslo',}"))))).choices
    assert [part.arguments for part in choice.parts if isinstance(part, ToolCall)] == ['{"city":"Oslo"}']


@MODES
async def test_a_function_without_parameters_may_be_called_without_arguments(mode: str):
    one = asking(request("openai_chat", schema=None, functions=[{"name": "now"}]), mode)
    await told("openai_chat", await stage(mode, tools=True, reask=0)(one, Model(called("", name="now"))))
    assert one.account.events == []


@MODES
async def test_a_call_of_a_tool_the_vendor_defines_is_passed(mode: str):
    asked = request("anthropic_messages", schema=None, tools=[WEATHER])
    asked = asked.with_members(tools=[*asked.tree["tools"], {"type": "bash_20250124", "name": "bash"}])
    one = asking(asked, mode)
    reply = await stage(mode, tools=True, reask=0)(one, Model(called('{"command":"ls"}', name="bash")))
    await told("anthropic_messages", reply)
    assert one.account.events == []


async def test_calls_are_not_checked_unless_asked_to():
    one = asking(with_tools("openai_chat"))
    await stage()(one, Model(called("nonsense", name="nobody")))
    assert one.account.events == []


# ── what cannot be checked ──────────────────────────────────────────────────────────────────────────────────────────


@EVERY
@MODES
@pytest.mark.parametrize("stop", ["length", "content_filter"])
async def test_an_answer_that_was_cut_is_passed_untouched(dialect: str, mode: str, stop: Any):
    cut = GOOD[:20]
    one, model = asking(request(dialect), mode), Model(said(cut, stop=stop))
    assert texts(await told(dialect, await stage(mode)(one, model))) == [cut]
    [event] = one.account.events
    assert isinstance(event, ValidationSkipped)


@MODES
async def test_a_refusal_is_passed_untouched(mode: str):
    for dialect in ("openai_chat", "openai_responses"):
        one = asking(request(dialect), mode)
        await told(dialect, await stage(mode)(one, Model(answer([Refusal(text="No.")]))))
        assert one.account.events == [ValidationSkipped("refusal")]


@EVERY
@MODES
@pytest.mark.parametrize(
    "schema", [{"type": "nonsense"}, {"$ref": "http://127.0.0.1:9/schema.json"}, {"$ref": "file:///etc/hostname"}]
)
async def test_a_schema_that_cannot_be_used_is_no_failed_check(dialect: str, mode: str, schema: Any):
    one, model = asking(request(dialect, schema=schema), mode), Model(said(PROSE))
    assert texts(await told(dialect, await stage(mode)(one, model))) == [PROSE]
    [event] = one.account.events
    assert isinstance(event, ValidationSkipped)
    assert event.reason.startswith("the schema")


@MODES
async def test_a_tool_s_schema_that_cannot_be_used_is_no_failed_check(mode: str):
    tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "nonsense"}}}
    one = asking(request("openai_chat", schema=None).with_members(tools=[tool]), mode)
    await told("openai_chat", await stage(mode, tools=True)(one, Model(called('{"city":1}'))))
    assert kinds(one) == ["ValidationSkipped"]


@MODES
async def test_an_answer_that_cannot_be_read_is_passed(mode: str):
    one = asking(request("openai_chat"), mode)

    async def odd(_: Call) -> Reply:
        if mode == "whole":
            return Reply(payload=Payload("openai_chat", b'{"choices": 7}'), target="t")
        frames = chunks("openai_chat", said(PROSE))
        frames[-1][0].data = b'{"choices": 7}'
        return Reply(chunks=Source([*frames]).stream(), target="t")

    if mode == "check":
        with pytest.raises(MalformedOutput):  # what can be read of it is prose
            await stage(mode, reask=0)(one, odd)
        return
    reply = await stage(mode)(one, odd)
    assert reply.payload is not None or await read(reply)
    assert kinds(one) == ["ValidationSkipped"]


async def test_large_texts_are_checked_too():
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a", "b"]}
    text = json.dumps({"a": "x" * 200_000})
    for mode in ("whole", "check", "buffer"):
        one = asking(request("openai_chat", schema=schema, user="u" * 70_000), mode)
        with pytest.raises(MalformedOutput, match='"b" is a required property'):
            await told("openai_chat", await stage(mode, reask=0)(one, Model(said(text), size=1000)))


# ── validators ──────────────────────────────────────────────────────────────────────────────────────────────────────

PLAIN = request("openai_chat", schema=None)


def polite(text: str) -> str | None:
    return None if "please" in text else "it does not say please"


async def short(text: str) -> list[str]:
    return ["it is long", "very long"] if len(text) > 20 else []


def broken(text: str) -> None:
    raise RuntimeError("boom")


def yes(text: str) -> bool:
    return True


@MODES
@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        (f"{__name__}:polite", "Go away", "it does not say please"),
        (f"{__name__}:short", "x" * 30, "it is long; very long"),
        ("not_empty", "  ", "it is empty"),
        ("no_refusal", "I'm sorry, but I can't help with that.", "it refuses to answer"),
        ("no_repetition", "So it goes on. " + "and on " * 100, "times over"),
    ],
)
async def test_validators_say_what_is_wrong(mode: str, name: str, text: str, problem: str):
    with pytest.raises(MalformedOutput, match=problem):
        reply = await stage(mode, validators=[name], reask=0)(asking(PLAIN, mode), Model(said(text)))
        await told("openai_chat", reply)


@MODES
async def test_an_answer_all_validators_like_is_passed(mode: str):
    names = [f"{__name__}:polite", f"{__name__}:short", "not_empty", "no_refusal", "no_repetition"]
    one = asking(PLAIN, mode)
    await told("openai_chat", await stage(mode, validators=names)(one, Model(said("Come in, please"))))
    assert one.account.events == []


@pytest.mark.parametrize("name", ["broken", "yes"])
async def test_a_validator_that_fails_lets_answers_pass(name: str, caplog: pytest.LogCaptureFixture):
    one = asking(PLAIN)
    await stage(validators=[f"{__name__}:{name}", "not_empty"])(one, Model(said("Hello")))
    assert one.account.events == [ValidationSkipped(f"validator '{__name__}:{name}' failed")]
    assert f"validator '{__name__}:{name}' failed" in caplog.text
    assert "Hello" not in caplog.text


async def test_validators_see_the_mended_text_and_no_calls():
    seen: list[str] = []
    globals()["remember"] = seen.append
    names = [f"{__name__}:remember"]
    await stage(validators=names)(asking(request("openai_chat")), Model(said(f"```\n{GOOD}\n```")))
    await stage(validators=names)(asking(with_tools("openai_chat")), Model(called("{}")))
    assert seen == [GOOD]


async def test_what_a_validator_dislikes_is_asked_for_again():
    one, model = asking(PLAIN), Model(said("Go away"), said("Come in, please"))
    next_: Next = model
    reply = await stage(validators=[f"{__name__}:polite"])(one, next_)
    assert texts(await told("openai_chat", reply)) == ["Come in, please"]
    assert "it does not say please" in corrections(model.asked[1])
