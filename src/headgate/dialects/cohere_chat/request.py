"""A hub request as the body of `POST /v2/chat`."""

from __future__ import annotations

from typing import Any

from headgate.dialects.base import Fit
from headgate.dialects.cohere_chat.answer import NAME
from headgate.dialects.cohere_chat.messages import written
from headgate.dialects.hub import Chat, Format, NativeTool, Thinking
from headgate.types import JSON

_OWN = frozenset(
    {"citation_options", "documents", "priority", "raw_prompting", "reasoning_effort", "safety_mode", "strict_tools"}
)
"""Members of the body the hub has no word for. A client of any dialect may give them under these names."""


def encode_request(chat: Chat, fit: Fit) -> JSON:
    """The body.

    Raises:
        Unsupported: the request asks for what Cohere cannot say.
    """
    body: JSON = {"model": fit.model, "messages": written(chat.messages, fit), "stream": chat.stream}
    tools = _tools(chat, fit)
    if tools:
        body["tools"] = tools
    _add_choice(body, chat)
    _add_strictness(body, chat, fit)
    if chat.format is not None and chat.format.kind != "text":
        body["response_format"] = _format(chat.format)
    if chat.thinking is not None:
        wish = _thinking(chat.thinking, fit)
        if wish:
            body["thinking"] = wish
    wishes: dict[str, Any] = {
        "max_tokens": chat.max_output_tokens,
        "stop_sequences": list(chat.stop) or None,
        "temperature": chat.temperature,
        "seed": chat.seed,
        "frequency_penalty": chat.frequency_penalty,
        "presence_penalty": chat.presence_penalty,
        "k": chat.top_k,
        "p": chat.top_p,
        "logprobs": chat.logprobs,
    }
    body |= {name: value for name, value in wishes.items() if value is not None}
    _refuse_rest(chat, fit)
    for dialect, members in chat.extra.items():
        for name, value in members.items():
            if name in _OWN or dialect == NAME:
                body[name] = value
    fit.refuse_foreign(chat.extra, NAME, _OWN)
    return body


def _tools(chat: Chat, fit: Fit) -> list[JSON]:
    choice = chat.tool_choice
    allowed = choice.allowed if choice is not None else None
    if choice is not None and choice.mode == "tool" and choice.name is not None:
        allowed = (choice.name,)  # Cohere can only be told to call some tool: so this is the only one it is offered
    written_tools: list[JSON] = []
    for number, tool in enumerate(chat.tools):
        if isinstance(tool, NativeTool) or tool.kind == "custom":
            fit.refuse(f"tools[{number}]", "Cohere takes functions only")
            continue
        if tool.cache is not None:
            fit.note("cache_control")
        if allowed is None or tool.name in allowed:
            function: JSON = {"name": tool.name, "parameters": tool.parameters or {"type": "object", "properties": {}}}
            if tool.description is not None:
                function["description"] = tool.description
            written_tools.append({"type": "function", "function": function})
    return written_tools


def _add_choice(body: JSON, chat: Chat) -> None:
    mode = chat.tool_choice.mode if chat.tool_choice is not None else "auto"
    if mode in ("required", "tool"):
        body["tool_choice"] = "REQUIRED"
    elif mode == "none" and "tools" in body:
        body["tool_choice"] = "NONE"


def _add_strictness(body: JSON, chat: Chat, fit: Fit) -> None:
    """Cohere follows all schemas strictly or none."""
    wishes = {tool.strict is True for tool in chat.tools if not isinstance(tool, NativeTool)}
    if wishes == {True}:
        body["strict_tools"] = True
    elif True in wishes:
        fit.refuse("tools[].strict", "Cohere is strict about all tools or about none")


def _format(format: Format) -> JSON:
    if format.kind == "json" or format.schema is None:
        return {"type": "json_object"}
    return {"type": "json_object", "json_schema": format.schema}


def _thinking(thinking: Thinking, fit: Fit) -> JSON:
    if thinking.enabled is False or thinking.effort == "none":
        return {"type": "disabled"}
    if thinking.budget_tokens is not None:
        return {"type": "enabled", "token_budget": thinking.budget_tokens}
    if thinking.effort is not None:
        fit.note("reasoning_effort")
    return {"type": "enabled"} if thinking.enabled or thinking.adaptive or thinking.effort else {}


def _refuse_rest(chat: Chat, fit: Fit) -> None:
    """Refuse what changes an answer and cannot be said; note what is only advice as left out."""
    for field in ("min_p", "verbosity"):
        if getattr(chat, field) is not None:
            fit.refuse(field, "Cohere has no such parameter")
    if chat.top_logprobs:
        fit.refuse("top_logprobs", "Cohere gives the log probabilities of the chosen tokens only")
    if chat.choices is not None and chat.choices > 1:
        fit.refuse("n", "Cohere gives one answer")
    if chat.parallel_tool_calls is False and chat.tools:
        fit.refuse("parallel_tool_calls", "Cohere cannot limit the model to one call")
    if chat.modalities is not None and any(each != "text" for each in chat.modalities):
        fit.refuse("modalities", "Cohere answers in text")
    for field in ("user", "metadata", "cache_key", "service_tier"):
        if getattr(chat, field) is not None:
            fit.note("prompt_cache_key" if field == "cache_key" else field)
    if chat.store:
        fit.note("store")
