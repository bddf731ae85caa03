"""What captured content says, whatever dialect it is in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from headgate import dialects
from headgate.dialects.hub import Answer, Reasoning, Refusal, Text, ToolCall
from headgate.dialects.view import TextNode
from headgate.errors import HeadgateError
from headgate.storage.records import Content
from headgate.types import GENERATES, OPAQUE


class CalledTool(msgspec.Struct, frozen=True, kw_only=True):
    """A tool that was called."""

    id: str
    name: str
    arguments: str
    """The JSON text the model wrote."""


class Output(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer says. Of several alternatives the first."""

    text: str
    reasoning: str
    tool_calls: list[CalledTool]
    finish_reason: str | None
    """Null where the answer broke off, or nothing was said."""


_decode = msgspec.json.Decoder().decode


def output_of(row: Content) -> Output | None:
    """What the answer says; None where it is no text, or cannot be read."""
    if row.answer is None or row.operation not in GENERATES or row.dialect == OPAQUE:
        return None
    try:
        answer = dialects.get(row.dialect).decode_answer(_decode(row.answer))
    except (HeadgateError, ValueError, TypeError, KeyError, AttributeError):  # what was cut may be of another form
        return None
    if not isinstance(answer, Answer) or not answer.choices:
        return None
    choice = answer.choices[0]
    return Output(
        text="".join(part.text for part in choice.parts if isinstance(part, Text | Refusal)),
        reasoning="".join(part.text for part in choice.parts if isinstance(part, Reasoning)),
        tool_calls=[
            CalledTool(id=part.id, name=part.name, arguments=part.arguments)
            for part in choice.parts
            if isinstance(part, ToolCall)
        ],
        finish_reason=choice.stop,
    )


def texts_of(row: Content) -> Sequence[TextNode]:
    """What the request says, text by text; none where it cannot be read."""
    if row.dialect == OPAQUE:
        return ()
    try:
        return list(dialects.get(row.dialect).request_texts(_request(row)))
    except (HeadgateError, ValueError, TypeError, KeyError, AttributeError):
        return ()


def _request(row: Content) -> Any:
    return _decode(row.request)
