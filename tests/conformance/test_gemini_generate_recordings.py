"""Every recorded exchange with generateContent, on the Gemini API and on Vertex AI, held against the dialect's laws."""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from headgate.dialects import get
from headgate.dialects.accumulate import Accumulator, exploded
from headgate.dialects.base import Fit
from headgate.dialects.framing import SseFramer
from headgate.dialects.gemini_generate import view
from headgate.dialects.gemini_generate.view import camel
from headgate.dialects.hub import (
    Answer,
    Chat,
    Format,
    Media,
    Message,
    Native,
    NativeTool,
    Part,
    Signature,
    StreamEvent,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from headgate.types import Frame
from recordings import Recording, generations, params

DIALECT = get("gemini_generate")
ROWS = generations("gemini_generate")
WHOLE = [row for row in ROWS if not row.streamed]
STREAMED = [row for row in ROWS if row.streamed]
NAME = "gemini_generate"


def frames(row: Recording) -> list[Frame]:
    framer = SseFramer()
    return framer.feed(row.body) + framer.close()


def events(found: list[Frame]) -> list[StreamEvent]:
    decoder = DIALECT.decode_stream()
    return [event for frame in found for event in decoder.feed(frame)] + decoder.close()


def joined(found: list[StreamEvent]) -> Accumulator:
    accumulator = Accumulator()
    for event in found:
        accumulator.feed(event)
    return accumulator


def leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for item in value.values():
            yield from leaves(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from leaves(item)
    elif value not in (None, ""):
        yield value


def decoded_leaves(answer: Answer) -> list[Any]:
    """All values of a hub answer, tool arguments as the objects they are."""
    plain = msgspec.to_builtins(answer)
    for choice in plain["choices"]:
        for part in choice["parts"]:
            if part["type"] == "tool_call":
                part["arguments"] = json.loads(part["arguments"])
    return list(leaves(plain))


def without_constants(tree: Any) -> Any:
    """An answer without the words the hub says by structure: the role of its content, `thought` of a thought."""
    tree = copy.deepcopy(tree)
    for candidate in tree.get("candidates", ()):
        content = candidate.get("content", {})
        assert content.pop("role", "model") == "model"
        for part in content.get("parts", ()):
            if "text" in part:
                part.pop("thought", None)
    return tree


@pytest.mark.parametrize("row", params(WHOLE))
def test_decoding_an_answer_loses_no_value(row: Recording) -> None:
    tree = json.loads(row.body)
    found = Counter((type(leaf), leaf) for leaf in decoded_leaves(DIALECT.decode_answer(tree)))
    told = Counter((type(leaf), leaf) for leaf in leaves(without_constants(tree)))
    assert not told - found


@pytest.mark.parametrize("row", params(ROWS))
def test_usage_adds_up_to_the_vendors_total(row: Recording) -> None:
    trees = [json.loads(frame.data) for frame in frames(row)] if row.streamed else [json.loads(row.body)]
    answer = joined(events(frames(row))).answer() if row.streamed else DIALECT.decode_answer(trees[0])
    told = trees[-1]["usageMetadata"]
    assert answer.usage is not None
    assert answer.usage.total_input_tokens + answer.usage.total_output_tokens == told.get("totalTokenCount", 0)
    assert answer.usage.reasoning_tokens == told.get("thoughtsTokenCount", 0)
    assert answer.usage.cached_tokens + answer.usage.audio_cached_tokens == told.get("cachedContentTokenCount", 0)


@pytest.mark.parametrize("row", params(WHOLE))
def test_peek_agrees_with_decoding(row: Recording) -> None:
    answer = DIALECT.decode_answer(json.loads(row.body))
    peek = DIALECT.peek(row.body)
    assert (peek.usage, peek.stop, peek.id or "") == (answer.usage, answer.choices[0].stop, answer.id)


@pytest.mark.parametrize("row", params(WHOLE))
def test_an_answer_survives_being_streamed(row: Recording) -> None:
    answer = DIALECT.decode_answer(json.loads(row.body))
    assert joined(list(exploded(answer))).answer() == answer


@pytest.mark.parametrize("row", params(WHOLE))
def test_a_whole_answer_as_one_frame_means_the_same(row: Recording) -> None:
    answer = DIALECT.decode_answer(json.loads(row.body))
    told = joined(events([Frame(row.body)]))
    assert told.ended
    streamed = told.answer()
    assert (streamed.usage, streamed.id, streamed.model) == (answer.usage, answer.id, answer.model)
    assert streamed.choices[0].stop == answer.choices[0].stop
    assert streamed.choices[0].parts == answer.choices[0].parts


@pytest.mark.parametrize("row", params(STREAMED))
def test_a_stream_decodes_to_its_end_and_the_meter_agrees(row: Recording) -> None:
    told = joined(events(frames(row)))
    meter = DIALECT.meter()
    for frame in frames(row):
        meter.observe(frame)
    answer = told.answer()
    assert told.ended
    assert meter.ended
    assert meter.started
    assert (meter.usage, meter.stop, meter.id) == (answer.usage, answer.choices[0].stop, answer.id)


@pytest.mark.parametrize("row", params(STREAMED))
def test_a_stream_loses_no_string(row: Recording) -> None:
    """Text comes in pieces, so each string has to be in one of the decoded ones."""
    found = "\0".join(leaf for leaf in decoded_leaves(joined(events(frames(row))).answer()) if isinstance(leaf, str))
    for frame in frames(row):
        for leaf in leaves(without_constants(json.loads(frame.data))):
            assert not isinstance(leaf, str) or leaf in found


@pytest.mark.parametrize("row", params(STREAMED))
def test_a_stream_cut_anywhere_gives_the_same_events(row: Recording) -> None:
    whole = events(frames(row))
    step = max(1, len(row.body) // 200)
    for cut in range(1, len(row.body), step):
        framer = SseFramer()
        found = framer.feed(row.body[:cut]) + framer.feed(row.body[cut:]) + framer.close()
        assert [frame.data for frame in found] == [frame.data for frame in frames(row)]
    for size in (1, 7, 1000):
        framer = SseFramer()
        pieces = [row.body[start : start + size] for start in range(0, len(row.body), size)]
        assert events([frame for piece in pieces for frame in framer.feed(piece)] + framer.close()) == whole


@pytest.mark.parametrize("row", params(STREAMED))
def test_a_stream_that_lacks_its_last_frame_has_not_ended(row: Recording) -> None:
    told = joined(events(frames(row)[:-1]))
    assert not told.ended


@pytest.mark.parametrize("row", params(ROWS))
def test_every_string_of_a_request_is_read_or_listed_as_not_text(row: Recording) -> None:
    marked = copy.deepcopy(row.request)
    canaries = dict(_mark(marked, ()))
    assert canaries
    read = {node.path: node.text for node in DIALECT.request_texts(marked)}
    for path, canary in canaries.items():
        assert (read.get(path) == canary) != DIALECT.is_not_text(path, marked), path


@pytest.mark.parametrize("row", params(ROWS))
def test_what_is_listed_as_not_text_is_no_prose(row: Recording) -> None:
    """The words people and models wrote in the recordings are all read."""
    listed = {path for path, _ in _mark(copy.deepcopy(row.request), ()) if view.is_not_text(path)}
    for path in listed:
        value: Any = row.request
        for step in path:
            value = value[step]
        assert " " not in value, path


def _mark(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], str]]:
    """Replace every string by a canary of its own."""
    for step, item in list(value.items() if isinstance(value, dict) else enumerate(value)):
        here = (*path, step)
        if isinstance(item, str):
            value[step] = "canary-" + "/".join(map(str, here))
            yield here, value[step]
        elif isinstance(item, dict | list):
            yield from _mark(item, here)


# ── requests: nobody decodes them in the product, so the tests do ───────────────────────────────────────────────────


@pytest.mark.parametrize("row", params(ROWS))
def test_a_request_in_the_hubs_terms_is_encoded_as_it_was_recorded(row: Recording) -> None:
    body = _camelised(row.request)
    model = row.path.rpartition("/models/")[2].partition(":")[0]
    encoded = DIALECT.encode_request(chat_of(body, model), Fit(model=model, dropped=[]))
    assert _normal(encoded) == _normal(body)


def chat_of(body: Any, model: str) -> Chat:
    config = dict(body.get("generationConfig", {}))
    thinking = config.pop("thinkingConfig", None)
    schema = config.pop("responseJsonSchema", None)
    mime = config.pop("responseMimeType", None)
    modalities = config.pop("responseModalities", None)
    tool_config = dict(body.get("toolConfig", {}))
    calling = tool_config.pop("functionCallingConfig", None)
    known = ("contents", "systemInstruction", "generationConfig", "tools", "toolConfig")
    extra = {name: value for name, value in body.items() if name not in known}
    if tool_config:
        extra["toolConfig"] = tool_config
    messages = [Message(role="system", parts=(Text(text=_instruction(body)),))] if _instruction(body) else []
    for content in body["contents"]:
        role = "assistant" if content["role"] == "model" else "user"
        messages.append(Message(role=role, parts=tuple(_part(part) for part in content["parts"])))
    return Chat(
        model=model,
        messages=tuple(messages),
        tools=tuple(_tools(body.get("tools", []), calling)),
        tool_choice=_choice(calling),
        format=Format(kind="json_schema", schema=schema) if schema else Format(kind="json") if mime else None,
        thinking=_thinking(thinking),
        modalities=tuple(each.lower() for each in modalities) if modalities else None,
        temperature=config.pop("temperature", None),
        top_p=config.pop("topP", None),
        max_output_tokens=config.pop("maxOutputTokens", None),
        stop=tuple(config.pop("stopSequences", ())),
        logprobs=config.pop("responseLogprobs", None),
        top_logprobs=config.pop("logprobs", None),
        extra={NAME: extra} if extra or config else {},
    )


def _instruction(body: Any) -> str:
    return "".join(part["text"] for part in body.get("systemInstruction", {}).get("parts", ()))


def _part(part: Any) -> Part:
    signature = Signature("gemini", part["thoughtSignature"]) if "thoughtSignature" in part else None
    if "text" in part:
        return Text(text=part["text"], signature=signature)
    if "functionCall" in part:
        call = part["functionCall"]
        return ToolCall(
            id=call.get("id", ""), name=call["name"], arguments=json.dumps(call["args"]), signature=signature
        )
    if "functionResponse" in part:
        result = part["functionResponse"]
        text = Text(text=json.dumps(result["response"])) if result["response"] else None
        inside = tuple(_part(each) for each in result.get("parts", ()))
        return ToolResult(call_id=result.get("id", ""), name=result["name"], parts=(text, *inside) if text else inside)
    if "inlineData" in part:
        return Media(kind="file", data=part["inlineData"]["data"], media_type=part["inlineData"]["mimeType"])
    if "fileData" in part:
        return Media(kind="file", url=part["fileData"]["fileUri"], media_type=part["fileData"]["mimeType"])
    return Native(dialect=NAME, data=part)


def _tools(tools: Any, calling: Any) -> Iterator[Tool | NativeTool]:
    strict = True if calling == {"mode": "VALIDATED"} else None
    for tool in tools if isinstance(tools, list) else [tools]:
        for declaration in tool.get("functionDeclarations", ()):
            older = {"parameters": declaration["parameters"]} if "parameters" in declaration else {}
            yield Tool(
                name=declaration["name"],
                description=declaration.get("description"),
                parameters=declaration.get("parametersJsonSchema"),
                strict=strict,
                extra={NAME: older} if older else {},
            )
        if "functionDeclarations" not in tool:
            yield NativeTool(dialect=NAME, data=tool)


def _choice(calling: Any) -> ToolChoice | None:
    if calling is None:
        return None
    names = calling.get("allowedFunctionNames")
    mode = "required" if calling["mode"] == "ANY" else "auto"
    return ToolChoice(mode=mode, allowed=tuple(names) if names else None)


def _thinking(config: Any) -> Thinking | None:
    if config is None:
        return None
    if config.get("thinkingBudget") == 0:
        return Thinking(enabled=False)
    return Thinking(include=config.get("includeThoughts"))


def _camelised(value: Any) -> Any:
    """Names of the body's own members in camelCase; arguments, results and schemas as they are."""
    if isinstance(value, list):
        return [_camelised(item) for item in value]
    if not isinstance(value, dict):
        return value
    free = ("args", "response", "parametersJsonSchema", "responseJsonSchema", "parameters", "customMetadata")
    members = {camel(name): item for name, item in value.items()}
    return {name: item if name in free else _camelised(item) for name, item in members.items()}


def _normal(body: Any) -> Any:
    """What the two ways to say the same come to: neighbouring contents of one role are one, tools are a list of
    declarations and others, what a tool gave back is compared by whose it is, not by the name of its member.
    """
    body = _camelised(body)
    contents: list[Any] = []
    for content in body["contents"]:
        parts = [_without_response(part) for part in content["parts"] if part != {"text": ""}]
        if contents and contents[-1]["role"] == content["role"]:
            contents[-1]["parts"] += parts
        else:
            contents.append({"role": content["role"], "parts": parts})
    tools = body.pop("tools", [])
    tools = tools if isinstance(tools, list) else [tools]
    declared = [each for tool in tools for each in tool.get("functionDeclarations", ())]
    others = [tool for tool in tools if "functionDeclarations" not in tool]
    instruction = {"systemInstruction": {"role": "user", "parts": [{"text": _instruction(body)}]}}
    found = {**body, "contents": contents, "declared": declared, "others": others}
    found |= instruction if _instruction(body) else {}
    return {name: value for name, value in found.items() if value != {}}


def _without_response(part: Any) -> Any:
    if "functionResponse" not in part:
        return part
    result = {name: value for name, value in part["functionResponse"].items() if name != "response"}
    return {"functionResponse": {**result, "empty": part["functionResponse"]["response"] == {}}}
