"""A prompt with places for what changes from call to call."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from headgate.estimates.errors import BadEstimate
from headgate.types import JSON

_PLACE = re.compile(r"\{\{(\w+)\}\}|\{([A-Za-z_]\w*)\}")
"""`{name}`; `{{name}}` is the text `{name}`. Braces around anything else are text."""


_LIMITS = ("max_completion_tokens", "max_tokens")


class Prompt:
    """A request's body, in the words of OpenAI's chat completions, whose texts have places: `{question}`."""

    def __init__(self, body: JSON) -> None:
        if not isinstance(body.get("messages"), list):
            raise BadEstimate("a prompt in JSON is the body of a chat request; it lacks 'messages'")
        for name in _LIMITS:
            most = body.get(name)
            if most is not None and (not isinstance(most, int) or isinstance(most, bool) or most < 1):
                raise BadEstimate(f"a prompt's '{name}' is a number of tokens, at least 1")
        self.body = body
        found: list[str] = []
        _mapped(body, lambda text: found.extend(name for _, name in _PLACE.findall(text) if name) or text)
        self.places = tuple(dict.fromkeys(found))
        """Names of what has to be filled in."""

    @classmethod
    def of(cls, text: str, system: str | None = None) -> Prompt:
        """A user's message, with a system prompt before it."""
        messages = [{"role": "user", "content": text}]
        if system is not None:
            messages.insert(0, {"role": "system", "content": system})
        return cls({"messages": messages})

    @classmethod
    def read(cls, text: str) -> Prompt:
        """A whole body, as JSON.

        Raises:
            BadEstimate: it is none.
        """
        try:
            body = msgspec.json.decode(text)
        except msgspec.DecodeError as error:
            raise BadEstimate(f"the prompt is no JSON: {error}") from None
        except RecursionError:
            raise BadEstimate("the prompt is nested too deeply") from None
        if not isinstance(body, dict):
            raise BadEstimate("a prompt in JSON is the body of a chat request, an object")
        return cls(body)

    @property
    def max_tokens(self) -> int | None:
        """The most tokens of an answer it asks for."""
        return next((most for name in _LIMITS if (most := self.body.get(name)) is not None), None)

    def filled(self, values: Mapping[str, Any]) -> JSON:
        """The body of one call.

        Raises:
            BadEstimate: a value is missing.
        """
        missing = [name for name in self.places if name not in values]
        if missing:
            raise BadEstimate(f"lacks {', '.join(repr(name) for name in missing)}, which the prompt has a place for")

        def put(match: re.Match[str]) -> str:
            return f"{{{match[1]}}}" if match[1] else _text(values[match[2]])

        return _mapped(self.body, lambda text: _PLACE.sub(put, text))

    def beginning(self) -> JSON:
        """What all its calls begin with: the tools, and the messages up to the first place."""
        kept: list[Any] = []
        for message in self.body["messages"]:
            cut = False

            def up_to_place(text: str) -> str:
                nonlocal cut
                if cut:
                    return ""
                first = next((each for each in _PLACE.finditer(text) if each[2]), None)
                cut = first is not None
                return text if first is None else text[: first.start()]

            kept.append(_mapped(message, up_to_place))
            if cut:
                break
        return {**self.body, "messages": kept}


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    """A tree with every text in it changed, in its order."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_mapped(each, change) for each in value]
    if isinstance(value, dict):
        return {name: _mapped(each, change) for name, each in value.items()}
    return value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
