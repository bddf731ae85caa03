"""Messages, as test files write them: a text is what the user says."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from headgate.config.problem import Path
from headgate.evals.case import Assertion
from headgate.evals.marks import text_of
from headgate.evals.reading.sheet import Sheet
from headgate.types import JSON

ROLES = ("system", "developer", "user", "assistant", "tool")

_INPUT = re.compile(r"\{\{\s*inputs\.([A-Za-z_][\w-]*)\s*\}\}")
_PLACE = re.compile(r"\{\{\s*([A-Za-z_][\w.-]*)\s*\}\}")


def read_messages(sheet: Sheet, path: Path, value: Any) -> tuple[JSON, ...]:
    """A conversation in OpenAI's dialect; what is wrong in it is noted."""
    if isinstance(value, str) and value:
        return ({"role": "user", "content": value},)
    found: list[JSON] = []
    for at, each in enumerate(sheet.items(path, value)):
        if isinstance(each, dict) and len(each) == 1 and next(iter(each)) in ROLES:  # - user: Hello
            role, content = next(iter(each.items()))
            each = {"role": role, "content": content}
        message = sheet.mapping((*path, at), each)
        if message and message.get("role") not in ROLES:
            sheet.wrong((*path, at), f"has no role, or one that is none of {', '.join(ROLES)}; write 'role: user'")
        elif message:
            found.append(message)
    return tuple(found)


def filled(messages: Sequence[JSON], inputs: JSON) -> tuple[JSON, ...]:
    """Messages with `{{name}}` in their texts replaced by that input. A value never makes a message or a role."""
    return tuple({**each, "content": _filled(each.get("content"), inputs)} for each in messages)


def unfilled(messages: Sequence[JSON], inputs: JSON) -> list[str]:
    """Names in the texts of messages for which there is no input."""
    texts = [text_of(each) for each in messages]
    return sorted({name for text in texts for name in _PLACE.findall(text) if name not in inputs})


def with_inputs(assertion: Assertion, inputs: JSON) -> tuple[Assertion, list[str]]:
    """An assertion with `{{inputs.name}}` in the texts of its value replaced by that input, and the names of those
    there are not. Patterns and functions stay as they are.
    """
    if assertion.members:
        members = [with_inputs(each, inputs) for each in assertion.members]
        missing = [name for _, names in members for name in names]
        return replace(assertion, members=tuple(each for each, _ in members)), missing
    given = assertion.value if isinstance(assertion.value, list) else [assertion.value]
    texts = [each for each in given if isinstance(each, str) and _INPUT.search(each)]
    if not texts or assertion.kind in ("regex", "python"):
        return assertion, []
    missing = [name for text in texts for name in _INPUT.findall(text) if name not in inputs]

    def put(match: re.Match[str]) -> str:
        return _written(inputs.get(match[1], match[0]))

    values = [_INPUT.sub(put, each) if each in texts else each for each in given]
    return replace(assertion, value=values if isinstance(assertion.value, list) else values[0]), missing


def _filled(content: Any, inputs: JSON) -> Any:
    if isinstance(content, str):
        return _PLACE.sub(lambda match: _written(inputs.get(match[1], match[0])), content)
    if isinstance(content, list):
        return [
            {**part, "text": _filled(part["text"], inputs)} if isinstance(part, dict) and "text" in part else part
            for part in content
        ]
    return content


def _written(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
