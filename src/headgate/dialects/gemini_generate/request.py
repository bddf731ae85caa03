"""A hub request as the body of generateContent (Gemini API reference, GenerateContentRequest)."""

from __future__ import annotations

from headgate.dialects.base import Fit
from headgate.dialects.gemini_generate import contents, thinking
from headgate.dialects.gemini_generate.names import NAME, older_than
from headgate.dialects.hub import Chat, Format, NativeTool, Tool, ToolChoice
from headgate.types import JSON

_OWN = frozenset({"cachedContent", "generationConfig", "labels", "modelArmorConfig", "safetySettings", "toolConfig"})
"""Members of the body the hub has no word for, or not for all of. A client of any dialect may give them under these
names; the two configurations are merged into what the request says otherwise.
"""


def encode(chat: Chat, fit: Fit) -> JSON:
    """The body.

    Raises:
        Unsupported: Gemini cannot do what the request asks; names the field.
    """
    body: JSON = {}
    instruction, turns = contents.encode(chat.messages, fit)
    body["contents"] = turns
    if instruction is not None:
        body["systemInstruction"] = instruction
    tools = _tools(chat, fit)
    if tools:
        body["tools"] = tools
        choice = _tool_config(chat, fit)
        if choice:
            body["toolConfig"] = {"functionCallingConfig": choice}
    config = _generation_config(chat, fit)
    if config:
        body["generationConfig"] = config
    _set_aside(chat, fit)
    _add_extra(body, chat, fit)
    for name in fit.quirks.unsupported & body.keys():
        fit.refuse(name, "this provider does not take it")
        del body[name]
    return body


# ── generationConfig ────────────────────────────────────────────────────────────────────────────────────────────────


def _generation_config(chat: Chat, fit: Fit) -> JSON:
    named = (
        ("temperature", chat.temperature),
        ("topP", chat.top_p),
        ("topK", chat.top_k),
        ("maxOutputTokens", chat.max_output_tokens),
        ("seed", chat.seed),
        ("presencePenalty", chat.presence_penalty),
        ("frequencyPenalty", chat.frequency_penalty),
        ("candidateCount", chat.choices),
    )
    config: JSON = {name: value for name, value in named if value is not None}
    if chat.stop:
        limit = fit.quirks.stop_limit
        if limit is not None and len(chat.stop) > limit:
            fit.refuse("stop", f"at most {limit} are taken")
        config["stopSequences"] = list(chat.stop[:limit])
    if chat.logprobs:
        config["responseLogprobs"] = True
        if chat.top_logprobs is not None:
            config["logprobs"] = chat.top_logprobs
    if chat.modalities is not None:
        config["responseModalities"] = [each.upper() for each in chat.modalities]
    if chat.format is not None:
        config.update(_format(chat.format))
    if chat.thinking is not None:
        amount = thinking.encode(chat.thinking, fit)
        if amount:
            config["thinkingConfig"] = amount
    return config


def _format(format: Format) -> JSON:
    """Output is held to a schema whether `strict` or not; its name has no place, and needs none."""
    if format.kind == "text":
        return {}
    if format.kind == "json" or format.schema is None:
        return {"responseMimeType": "application/json"}
    schema = format.schema
    if format.description and "description" not in schema:
        schema = {**schema, "description": format.description}
    return {"responseMimeType": "application/json", "responseJsonSchema": schema}


# ── tools ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _tools(chat: Chat, fit: Fit) -> list[JSON]:
    declarations: list[JSON] = []
    native: list[JSON] = []
    for number, tool in enumerate(chat.tools):
        if isinstance(tool, NativeTool):
            if tool.dialect == NAME:
                native.append(tool.data)
            else:
                fit.refuse(f"tools[{number}]", f"Gemini has no '{tool.data.get('type', tool.dialect)}'")
        elif tool.kind == "custom":
            fit.refuse(f"tools[{number}]", "Gemini has no custom tools")
        else:
            declarations.append(_declaration(tool, fit))
    return [{"functionDeclarations": declarations}, *native] if declarations else native


def _declaration(tool: Tool, fit: Fit) -> JSON:
    if tool.cache is not None:
        fit.note("cache_control")
    declaration: JSON = {"name": tool.name}
    if tool.description is not None:
        declaration["description"] = tool.description
    if tool.parameters is not None:
        declaration["parametersJsonSchema"] = tool.parameters
    return {**declaration, **tool.extra.get(NAME, {})}


def _tool_config(chat: Chat, fit: Fit) -> JSON:
    functions = [tool for tool in chat.tools if isinstance(tool, Tool) and tool.kind == "function"]
    if not functions:
        return {}
    if chat.parallel_tool_calls is False:
        fit.refuse("parallel_tool_calls", "Gemini cannot be kept from calling several tools at once")
    choice = chat.tool_choice
    if choice is None or (choice.mode == "auto" and choice.allowed is None):
        return _auto(choice, functions, fit)
    return _choice(choice)


def _auto(choice: ToolChoice | None, functions: list[Tool], fit: Fit) -> JSON:
    """`VALIDATED` is what `strict` asks for: a free choice, and calls that fit their schema. Older models lack it."""
    if any(tool.strict for tool in functions):
        if not older_than(fit.model, 2, 5):
            return {"mode": "VALIDATED"}
        fit.note("strict")
    return {"mode": "AUTO"} if choice is not None else {}


def _choice(choice: ToolChoice) -> JSON:
    if choice.mode == "none":
        return {"mode": "NONE"}
    if choice.mode == "tool":
        return {"mode": "ANY", "allowedFunctionNames": [choice.name]}
    config: JSON = {"mode": "ANY" if choice.mode == "required" else "VALIDATED"}  # AUTO takes no list of names
    if choice.allowed is not None:
        config["allowedFunctionNames"] = list(choice.allowed)
    return config


# ── what Gemini has no field for ────────────────────────────────────────────────────────────────────────────────────


def _set_aside(chat: Chat, fit: Fit) -> None:
    if chat.min_p is not None:
        fit.refuse("min_p", "Gemini has no such limit")
    if chat.verbosity not in (None, "medium"):
        fit.refuse("verbosity", "Gemini has no such setting")
    advisory = (
        ("user", chat.user),
        ("metadata", chat.metadata),
        ("store", chat.store or None),
        ("service_tier", None if chat.service_tier in ("auto", "default") else chat.service_tier),
        ("prompt_cache_key", chat.cache_key),
    )
    for name, value in advisory:
        if value is not None:
            fit.note(name)


def _add_extra(body: JSON, chat: Chat, fit: Fit) -> None:
    """Put in what the client said in Gemini's own words; refuse what it said in another dialect's."""
    for dialect, members in chat.extra.items():
        for name, value in members.items():
            if name in _OWN or dialect == NAME:
                mine = body.get(name)
                body[name] = {**mine, **value} if isinstance(mine, dict) and isinstance(value, dict) else value
    fit.refuse_foreign(chat.extra, NAME, _OWN)
