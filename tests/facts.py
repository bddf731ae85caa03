"""What an answer says, read from its wire format by other means than the codecs under test: text, reasoning, tool calls,
stop reason and usage, from a whole document or from a stream's events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from botocore.eventstream import EventStreamBuffer

J = dict[str, Any]


@dataclass
class Facts:
    """What two answers have to agree on to be the same answer in two dialects."""

    text: str = ""
    reasoning: str = ""
    tools: list[tuple[str, Any]] = field(default_factory=list)
    """Name and parsed arguments of each call of a client's tool."""
    stop: str | None = None
    input_tokens: int = 0
    """All of the prompt, cached or not."""
    cached_tokens: int = 0
    output_tokens: int = 0
    """All that was generated, reasoning included."""
    has_usage: bool = False
    details: str = ""
    """Reasoning in OpenRouter's form, which counts where there is no other."""


def of_document(dialect: str, document: J) -> Facts:
    """The facts of a whole answer."""
    return _DOCUMENTS[dialect](document)


def of_stream(dialect: str, body: bytes) -> Facts:
    """The facts of a stream, from its bytes."""
    return _STREAMS[dialect](body)


def events(body: bytes) -> Iterator[tuple[str, Any]]:
    """Server-sent events as (name, parsed data); `[DONE]` left out."""
    for block in body.decode().replace("\r\n", "\n").split("\n\n"):
        name, data = "", []
        for line in block.split("\n"):
            if line.startswith("event:"):
                name = line[6:].strip()
            elif line.startswith("data:"):
                data.append(line[5:].strip())
        if data and data != ["[DONE]"]:
            yield name, json.loads("\n".join(data))


def arguments(text: Any) -> Any:
    """Tool arguments parsed; what is no JSON stays text."""
    if text is None:
        return {}
    if not isinstance(text, str):
        return text
    try:
        return json.loads(text) if text else {}
    except ValueError:
        return text


# ── OpenAI chat completions ─────────────────────────────────────────────────────────────────────────────────────────

_CHAT_STOPS = {
    "stop": "end", "length": "length", "tool_calls": "tools", "function_call": "tools", "content_filter": "filter",
    "tool_use": "tools", "refusal": "filter",
}  # fmt: skip


def _chat(document: J) -> Facts:
    choices = document.get("choices") or [{}]
    facts = Facts()
    _chat_message(facts, choices[0].get("message") or {})
    _chat_end(facts, choices[0].get("finish_reason"), document.get("usage"))
    return facts


def _chat_message(facts: Facts, message: J) -> None:
    content = message.get("content") or ""
    for part in [{"type": "text", "text": content}] if isinstance(content, str) else content:
        if part["type"] == "text":
            facts.text += part["text"]
        elif part["type"] == "thinking":
            facts.reasoning += "".join(each.get("text", "") for each in part["thinking"])
    facts.text += message.get("refusal") or ""
    facts.reasoning += message.get("reasoning_content") or message.get("reasoning") or ""
    facts.details += "".join(each.get("text") or "" for each in message.get("reasoning_details") or [])
    for call in message.get("tool_calls") or []:
        called = call.get("function") or call.get("custom")
        facts.tools.append((called["name"], arguments(called.get("arguments", called.get("input")))))


def _chat_end(facts: Facts, stop: str | None, usage: J | None) -> None:
    facts.stop = _CHAT_STOPS.get(stop, stop) if stop else None
    facts.reasoning = facts.reasoning or facts.details
    if usage:
        facts.has_usage = True
        facts.input_tokens = usage.get("prompt_tokens") or 0
        facts.output_tokens = usage.get("completion_tokens") or 0
        details = usage.get("prompt_tokens_details") or {}
        facts.cached_tokens = details.get("cached_tokens") or usage.get("num_cached_tokens") or 0


def _chat_stream(body: bytes) -> Facts:
    facts, calls, stop, usage = Facts(), {}, None, None
    for _, chunk in events(body):
        usage = chunk.get("usage") or (chunk.get("x_groq") or {}).get("usage") or usage
        for choice in chunk.get("choices") or []:
            if choice.get("index", 0) != 0:
                continue
            delta = choice.get("delta") or {}
            _chat_message(facts, {**delta, "tool_calls": None})
            for call in delta.get("tool_calls") or []:
                held = calls.setdefault(call.get("index", 0), {"name": "", "arguments": ""})
                function = call.get("function") or {}
                held["name"] += function.get("name") or ""
                held["arguments"] += function.get("arguments") or ""
            stop = choice.get("finish_reason") or stop
    facts.tools = [(call["name"], arguments(call["arguments"])) for _, call in sorted(calls.items())]
    _chat_end(facts, stop, usage)
    return facts


# ── OpenAI responses ────────────────────────────────────────────────────────────────────────────────────────────────


def _responses(document: J) -> Facts:
    facts = Facts()
    for item in document.get("output") or []:
        if item["type"] == "message":
            facts.text += "".join(part.get("text") or part.get("refusal") or "" for part in item["content"])
        elif item["type"] == "reasoning":
            facts.reasoning += "".join(each["text"] for each in item.get("summary") or [])
            facts.reasoning += "".join(each["text"] for each in item.get("content") or [])
        elif item["type"] in ("function_call", "custom_tool_call"):
            facts.tools.append((item["name"], arguments(item.get("arguments", item.get("input")))))
    reason = (document.get("incomplete_details") or {}).get("reason")
    if reason:
        facts.stop = {"max_output_tokens": "length", "content_filter": "filter"}.get(reason, reason)
    elif document.get("status") == "completed":
        facts.stop = "tools" if facts.tools else "end"
    usage = document.get("usage")
    if usage:
        facts.has_usage = True
        facts.input_tokens = usage["input_tokens"]
        facts.output_tokens = usage["output_tokens"]
        facts.cached_tokens = (usage.get("input_tokens_details") or {}).get("cached_tokens") or 0
    return facts


def _responses_stream(body: bytes) -> Facts:
    final: J = {}
    items: list[J] = []
    for name, event in events(body):
        kind = event.get("type", name)
        if kind == "response.output_item.done":
            items.append(event["item"])
        if kind in ("response.completed", "response.incomplete", "response.failed"):
            final = event["response"]
    return _responses({**final, "output": final.get("output") or items})


# ── Anthropic messages ──────────────────────────────────────────────────────────────────────────────────────────────

_ANTHROPIC_STOPS = {
    "end_turn": "end", "stop_sequence": "end", "max_tokens": "length", "tool_use": "tools", "refusal": "filter",
    "model_context_window_exceeded": "length", "pause_turn": "pause",
}  # fmt: skip


def _anthropic(document: J) -> Facts:
    facts = Facts()
    for block in document.get("content") or []:
        if block["type"] == "text":
            facts.text += block["text"]
        elif block["type"] == "thinking":
            facts.reasoning += block["thinking"]
        elif block["type"] == "tool_use":
            facts.tools.append((block["name"], block["input"]))
    facts.stop = _ANTHROPIC_STOPS.get(document.get("stop_reason") or "", document.get("stop_reason"))
    usage = document.get("usage")
    if usage:
        facts.has_usage = True
        cached = usage.get("cache_read_input_tokens") or 0
        facts.input_tokens = usage["input_tokens"] + cached + (usage.get("cache_creation_input_tokens") or 0)
        facts.cached_tokens = cached
        facts.output_tokens = usage["output_tokens"]
    return facts


def _anthropic_stream(body: bytes) -> Facts:
    document: J = {"content": []}
    partial: dict[int, str] = {}
    for name, event in events(body):
        match event.get("type", name):
            case "message_start":
                document |= event["message"]
                document["content"] = []
            case "content_block_start":
                document["content"].append(dict(event["content_block"]))
            case "content_block_delta":
                block, delta = document["content"][event["index"]], event["delta"]
                if delta["type"] == "text_delta":
                    block["text"] += delta["text"]
                elif delta["type"] == "thinking_delta":
                    block["thinking"] += delta["thinking"]
                elif delta["type"] == "input_json_delta":
                    partial[event["index"]] = partial.get(event["index"], "") + delta["partial_json"]
            case "message_delta":
                document["stop_reason"] = event["delta"]["stop_reason"]
                usage = {key: value for key, value in (event.get("usage") or {}).items() if value is not None}
                document["usage"] = {**document["usage"], **usage}
            case _:
                pass
    for index, text in partial.items():
        document["content"][index]["input"] = arguments(text)
    return _anthropic(document)


# ── Gemini ──────────────────────────────────────────────────────────────────────────────────────────────────────────

_GEMINI_STOPS = {
    "STOP": "end",
    "MAX_TOKENS": "length",
    "SAFETY": "filter",
    "PROHIBITED_CONTENT": "filter",
    "MODEL_ARMOR": "filter",
}


def _gemini(document: J) -> Facts:
    facts = Facts()
    candidate = (document.get("candidates") or [{}])[0]
    for part in (candidate.get("content") or {}).get("parts") or []:
        if "text" in part:
            if part.get("thought"):
                facts.reasoning += part["text"]
            else:
                facts.text += part["text"]
        elif "functionCall" in part:
            facts.tools.append((part["functionCall"]["name"], part["functionCall"].get("args") or {}))
    stop = candidate.get("finishReason")
    if stop:
        facts.stop = "tools" if facts.tools and stop == "STOP" else _GEMINI_STOPS.get(stop, "error")
    elif (document.get("promptFeedback") or {}).get("blockReason"):
        facts.stop = "filter"
    usage = document.get("usageMetadata")
    if usage:
        facts.has_usage = True
        facts.input_tokens = usage.get("promptTokenCount", 0) + usage.get("toolUsePromptTokenCount", 0)
        facts.cached_tokens = usage.get("cachedContentTokenCount", 0)
        facts.output_tokens = usage.get("candidatesTokenCount", 0) + usage.get("thoughtsTokenCount", 0)
    return facts


def _gemini_stream(body: bytes) -> Facts:
    whole: J = {"candidates": [{"content": {"parts": []}}]}
    for _, document in events(body):
        if "usageMetadata" in document:
            whole["usageMetadata"] = document["usageMetadata"]
        for candidate in (document.get("candidates") or [])[:1]:
            whole["candidates"][0]["content"]["parts"] += (candidate.get("content") or {}).get("parts") or []
            if candidate.get("finishReason"):
                whole["candidates"][0]["finishReason"] = candidate["finishReason"]
    return _gemini(whole)


# ── Bedrock Converse ────────────────────────────────────────────────────────────────────────────────────────────────

_BEDROCK_STOPS = {
    "end_turn": "end", "stop_sequence": "end", "max_tokens": "length", "tool_use": "tools",
    "content_filtered": "filter", "guardrail_intervened": "filter", "model_context_window_exceeded": "length",
}  # fmt: skip


def _bedrock(document: J) -> Facts:
    facts = Facts()
    for block in document["output"]["message"]["content"]:
        if "text" in block:
            facts.text += block["text"]
        elif "reasoningContent" in block:
            facts.reasoning += (block["reasoningContent"].get("reasoningText") or {}).get("text", "")
        elif "toolUse" in block and block["toolUse"].get("type") != "server_tool_use":
            facts.tools.append((block["toolUse"]["name"], block["toolUse"]["input"]))
    stop = document.get("stopReason")
    facts.stop = _BEDROCK_STOPS.get(stop, stop)
    usage = document.get("usage")
    if usage:
        facts.has_usage = True
        cached = usage.get("cacheReadInputTokens") or 0
        facts.input_tokens = usage["inputTokens"] + cached + (usage.get("cacheWriteInputTokens") or 0)
        facts.cached_tokens = cached
        facts.output_tokens = usage["outputTokens"]
    return facts


def _bedrock_stream(body: bytes) -> Facts:
    buffer = EventStreamBuffer()
    buffer.add_data(body)
    blocks: dict[int, J] = {}
    partial: dict[int, str] = {}
    document: J = {"output": {"message": {"content": []}}}
    for message in buffer:
        event = json.loads(message.payload)
        index = event.get("contentBlockIndex", 0)
        match message.headers[":event-type"]:
            case "contentBlockStart":
                blocks[index] = dict(event["start"])
            case "contentBlockDelta":
                delta = event["delta"]
                if "text" in delta:
                    block = blocks.setdefault(index, {"text": ""})
                    block["text"] = block.get("text", "") + delta["text"]
                elif "reasoningContent" in delta:
                    block = blocks.setdefault(index, {"reasoningContent": {"reasoningText": {"text": ""}}})
                    block["reasoningContent"]["reasoningText"]["text"] += delta["reasoningContent"].get("text", "")
                elif "toolUse" in delta:
                    partial[index] = partial.get(index, "") + delta["toolUse"]["input"]
            case "messageStop":
                document["stopReason"] = event["stopReason"]
            case "metadata":
                document["usage"] = event["usage"]
            case _:
                pass
    for index, block in blocks.items():
        if "toolUse" in block:
            block["toolUse"] = {**block["toolUse"], "input": arguments(partial.get(index, ""))}
    document["output"]["message"]["content"] = [block for _, block in sorted(blocks.items())]
    return _bedrock(document)


# ── Cohere ──────────────────────────────────────────────────────────────────────────────────────────────────────────

_COHERE_STOPS = {"COMPLETE": "end", "STOP_SEQUENCE": "end", "MAX_TOKENS": "length", "TOOL_CALL": "tools"}


def _cohere(document: J) -> Facts:
    facts = Facts()
    message = document["message"]
    facts.reasoning += message.get("tool_plan") or ""
    for part in message.get("content") or []:
        if part["type"] == "text":
            facts.text += part["text"]
        elif part["type"] == "thinking":
            facts.reasoning += part["thinking"]
    for call in message.get("tool_calls") or []:
        facts.tools.append((call["function"]["name"], arguments(call["function"]["arguments"])))
    facts.stop = _COHERE_STOPS.get(document.get("finish_reason") or "", document.get("finish_reason"))
    return facts


_DOCUMENTS = {
    "openai_chat": _chat,
    "openai_responses": _responses,
    "anthropic_messages": _anthropic,
    "gemini_generate": _gemini,
    "bedrock_converse": _bedrock,
    "cohere_chat": _cohere,
}

_STREAMS = {
    "openai_chat": _chat_stream,
    "openai_responses": _responses_stream,
    "anthropic_messages": _anthropic_stream,
    "gemini_generate": _gemini_stream,
    "bedrock_converse": _bedrock_stream,
}
