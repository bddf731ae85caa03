"""Messages, as test files write them: a text is what the user says."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from headgate.config.problem import Path
from headgate.evals.case import Assertion
from headgate.evals.kinds import KINDS
from headgate.evals.marks import shortened, text_of
from headgate.evals.reading.sheet import Sheet
from headgate.types import JSON

ROLES = ("system", "developer", "user", "assistant", "tool")

_INPUT = re.compile(r"\{\{\s*inputs\.([A-Za-z_][\w-]*)\s*\}\}")
_AS_WRITTEN = frozenset({"regex", "python"})
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
    return tuple(
        {**each, "content": _filled(each["content"], inputs)} if "content" in each else each for each in messages
    )


def unfilled(messages: Sequence[JSON], inputs: JSON) -> list[str]:
    """Names in the texts of messages for which there is no input."""
    texts = [text_of(each) for each in messages]
    return sorted({name for text in texts for name in _PLACE.findall(text) if name not in inputs})


def with_inputs(assertion: Assertion, inputs: JSON) -> tuple[Assertion, list[str]]:
    """An assertion with `{{inputs.name}}` in the texts of its value replaced by that input, and what is wrong with
    that. A text that is nothing else becomes the input as it is, where the kind takes that. Patterns and functions stay
    as they are.
    """
    if assertion.members:
        members = [with_inputs(each, inputs) for each in assertion.members]
        wrong = [what for _, found in members for what in found]
        return replace(assertion, members=tuple(each for each, _ in members)), wrong
    if assertion.kind in _AS_WRITTEN or not (names := names_inputs(assertion.value)):
        return assertion, []
    if missing := sorted(names - inputs.keys()):
        return assertion, [f"has no input {', '.join(missing)}, which an assertion names"]
    check = KINDS[assertion.kind].check
    if isinstance(assertion.value, str) and (whole := _INPUT.fullmatch(assertion.value)):
        given = inputs[whole[1]]
        if not isinstance(given, str) and check(given) is None:
            return replace(assertion, value=given), []
    value = _put(assertion.value, inputs)
    problem = check(value)
    said = f"makes '{assertion.kind}' {shortened(repr(value), 60)}, and it {problem}"
    return replace(assertion, value=value), [said] if problem else []


def names_inputs(value: Any) -> set[str]:
    """The inputs that texts in a value name."""
    if isinstance(value, str):
        return set(_INPUT.findall(value))
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {name for each in inner for name in names_inputs(each)}


def _put(value: Any, inputs: JSON) -> Any:
    if isinstance(value, str):
        return _INPUT.sub(lambda match: _written(inputs[match[1]]), value)
    if isinstance(value, dict):
        return {name: _put(each, inputs) for name, each in value.items()}
    return [_put(each, inputs) for each in value] if isinstance(value, list) else value


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
