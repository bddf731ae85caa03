"""What a request asks for beside its content: temperature, limits and the like, whatever dialect it is in.

Bodies are the clients' own: what is not of the right type is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from headgate.telemetry.otel import names
from headgate.telemetry.otel.names import Names
from headgate.telemetry.otel.protobuf import integer, known, known_integer, known_texts, real, text, texts
from headgate.types import JSON

MAX_STOPS = 16

Maker = Callable[[str, Any], bytes | None]


def _whole(name: str, value: Any) -> bytes | None:
    return known_integer(name, value) if type(value) is int else None


def _number(name: str, value: Any) -> bytes | None:
    if type(value) is int:
        value = float(value) if abs(value) < 2**53 else None
    return real(name, value) if type(value) is float else None


def _choices(name: str, value: Any) -> bytes | None:
    return integer(name, value) if type(value) is int and value != 1 else None


def _stops(name: str, value: Any) -> bytes | None:
    if type(value) is str:
        value = [value]
    if type(value) is not list or not value or not all(type(each) is str for each in value):
        return None
    return texts(name, tuple(value[:MAX_STOPS]))


def _format(name: str, value: Any) -> bytes | None:
    """The output's type, of OpenAI's `response_format` or of Responses' `text.format`."""
    kind = value.get("type") if type(value) is dict else None
    if kind in ("json_object", "json_schema"):
        return known(name, "json")
    return known(name, "text") if kind == "text" else None


def _text_format(name: str, value: Any) -> bytes | None:
    return _format(name, value.get("format")) if type(value) is dict else None


def _word(name: str, value: Any) -> bytes | None:
    return known_texts(name, (value,)) if type(value) is str and len(value) < 32 else None


_CHAT: Mapping[str, tuple[str, Maker]] = {
    "temperature": (names.REQUEST_TEMPERATURE, _number),
    "top_p": (names.REQUEST_TOP_P, _number),
    "top_k": (names.REQUEST_TOP_K, _number),
    "max_tokens": (names.REQUEST_MAX_TOKENS, _whole),
    "max_completion_tokens": (names.REQUEST_MAX_TOKENS, _whole),
    "max_output_tokens": (names.REQUEST_MAX_TOKENS, _whole),
    "stop": (names.REQUEST_STOP, _stops),
    "stop_sequences": (names.REQUEST_STOP, _stops),
    "frequency_penalty": (names.REQUEST_FREQUENCY_PENALTY, _number),
    "presence_penalty": (names.REQUEST_PRESENCE_PENALTY, _number),
    "seed": (names.REQUEST_SEED, _whole),
    "n": (names.REQUEST_CHOICES, _choices),
    "response_format": (names.OUTPUT_TYPE, _format),
    "text": (names.OUTPUT_TYPE, _text_format),
}

_EMBED: Mapping[str, tuple[str, Maker]] = {
    "encoding_format": (names.REQUEST_ENCODINGS, _word),
    "dimensions": (names.DIMENSIONS, _whole),
}

_READ = {"chat": _CHAT, "complete": _CHAT, "embed": _EMBED}


def parameters(operation: str, tree: JSON, called: Names) -> list[bytes]:
    """The attributes of a request's body."""
    wanted = _READ.get(operation)
    if wanted is None:
        return []
    found: dict[str, bytes] = {}
    for member in wanted.keys() & tree.keys():
        name, make = wanted[member]
        made = (_whole if member == "top_k" and called.top_k_is_whole else make)(name, tree[member])
        if made is not None:
            found[name] = made
    return list(found.values())


def session(headers: Mapping[str, str]) -> bytes | None:
    """What a call belongs to, where its client says so."""
    told = headers.get("x-headgate-session")
    return text(names.CONVERSATION, told) if told else None
