"""Requests of completions, both ways."""

from __future__ import annotations

from typing import Any

from headgate.dialects.base import Fit
from headgate.dialects.hub import Chat, Message, Text, extra_of
from headgate.dialects.openai_completions.names import NAME
from headgate.dialects.reading import CLIENT
from headgate.types import JSON, json_type

_KNOWN = frozenset(
    {
        "model",
        "stream",
        "stream_options",
        "max_tokens",
        "temperature",
        "top_p",
        "frequency_penalty",
        "presence_penalty",
        "seed",
        "stop",
        "n",
        "user",
    }
)
_AS_ALWAYS: dict[str, Any] = {"best_of": 1, "echo": False, "suffix": ""}
"""Values that ask for what happens anyway."""


def decode(body: JSON) -> Chat:
    """The request as a chat of one message.

    Raises:
        BadRequest: a member has the wrong type.
    """
    rest = {
        name: value
        for name, value in body.items()
        if name not in _KNOWN and value is not None and (name not in _AS_ALWAYS or _AS_ALWAYS[name] != value)
    }
    text = _prompt(rest)
    options = CLIENT.optional(body, "stream_options", dict) or {}
    told = body.get("stop")
    stop = (told,) if isinstance(told, str) else tuple(_strings(body, "stop"))
    return Chat(
        model=CLIENT.required(body, "model", str),
        messages=(Message(role="user", parts=(Text(text=text),) if text else ()),),
        stream=CLIENT.optional(body, "stream", bool) or False,
        include_usage=bool(CLIENT.optional(options, "include_usage", bool, "stream_options")),
        max_output_tokens=CLIENT.optional(body, "max_tokens", int),
        temperature=CLIENT.number(body, "temperature"),
        top_p=CLIENT.number(body, "top_p"),
        frequency_penalty=CLIENT.number(body, "frequency_penalty"),
        presence_penalty=CLIENT.number(body, "presence_penalty"),
        seed=CLIENT.optional(body, "seed", int),
        stop=stop,
        choices=CLIENT.optional(body, "n", int),
        user=CLIENT.optional(body, "user", str),
        extra=extra_of(NAME, rest),
    )


def _prompt(rest: JSON) -> str:
    """The one prompt; empty where there are several, or token ids, which then stay in `rest`."""
    told = rest.pop("prompt", None)
    if told is None:
        raise CLIENT.fail("prompt", "is missing, it must be a string or an array")
    if isinstance(told, str):
        return told
    if not isinstance(told, list) or not told:
        raise CLIENT.fail("prompt", f"must be a string or an array that is not empty, not {json_type(told)}")
    if len(told) == 1 and isinstance(told[0], str):
        return told[0]
    if not _is_uniform(told):
        raise CLIENT.fail("prompt", "must hold only strings, only token ids, or only arrays of token ids")
    rest["prompt"] = told
    return ""


def _is_uniform(prompts: list[Any]) -> bool:
    kinds = {type(each) for each in prompts}
    if kinds == {list}:
        return all(type(token) is int for each in prompts for token in each)
    return kinds in ({str}, {int})


def _strings(body: JSON, name: str) -> list[str]:
    found: list[Any] = CLIENT.optional(body, name, list) or []
    for index, value in enumerate(found):
        if not isinstance(value, str):
            raise CLIENT.fail(f"{name}[{index}]", f"must be a string, not {json_type(value)}")
    return found


def encode(chat: Chat, fit: Fit) -> JSON:
    """The body.

    Raises:
        Unsupported: the chat is more than one user's text, or asks for what completions cannot do.
    """
    mine = chat.extra.get(NAME, {})
    body: JSON = {"model": fit.model, "prompt": "" if "prompt" in mine else _only_text(chat, fit)}
    if chat.stream:
        body["stream"] = True
        if fit.quirks.stream_usage:
            body["stream_options"] = {"include_usage": True}
    settings: tuple[tuple[str, Any], ...] = (
        ("max_tokens", chat.max_output_tokens),
        ("temperature", chat.temperature),
        ("top_p", chat.top_p),
        ("frequency_penalty", chat.frequency_penalty),
        ("presence_penalty", chat.presence_penalty),
        ("seed", chat.seed),
        ("stop", list(chat.stop) or None),
        ("n", chat.choices),
        ("user", chat.user),
    )
    body |= {name: value for name, value in settings if value is not None}
    _refuse_rest(chat, fit)
    fit.refuse_foreign(chat.extra, NAME)
    body |= mine
    for name in fit.quirks.unsupported & body.keys():
        fit.refuse(name, "this provider does not take it")
        del body[name]
    return body


def _only_text(chat: Chat, fit: Fit) -> str:
    sole = chat.messages[0] if len(chat.messages) == 1 else None
    if sole is None or sole.role != "user" or not all(isinstance(part, Text) for part in sole.parts):
        fit.refuse("messages", "a completion has one prompt of text")
    texts = [part.text for message in chat.messages for part in message.parts if isinstance(part, Text)]
    return "\n\n".join(texts)


def _refuse_rest(chat: Chat, fit: Fit) -> None:
    """Refuse what changes an answer and cannot be said; note what is only advice as left out."""
    wishes: tuple[tuple[str, Any], ...] = (
        ("tools", chat.tools),
        ("response_format", chat.format is not None and chat.format.kind != "text"),
        ("top_k", chat.top_k),
        ("min_p", chat.min_p),
        ("logprobs", chat.logprobs),
        ("modalities", [each for each in chat.modalities or () if each != "text"]),
    )
    for name, wish in wishes:
        if wish:
            fit.refuse(name, "completions have no such parameter")
    advice: tuple[tuple[str, Any], ...] = (
        ("reasoning_effort", chat.thinking),
        ("verbosity", chat.verbosity),
        ("metadata", chat.metadata),
        ("store", chat.store),
        ("service_tier", chat.service_tier),
        ("prompt_cache_key", chat.cache_key),
    )
    for name, wish in advice:
        if wish:
            fit.note(name)
