"""What an answer looks like: of a text without what it says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal

import jiter
import msgspec

from headgate.dialects.base import AnyDialect
from headgate.dialects.hub import Answer, Embeddings, Ranking, Refusal, Stop, Text, ToolCall
from headgate.observing.answers import stream_answer, whole_answer
from headgate.shadow.likeness import Order, Vectors, order_of, vectors_of
from headgate.types import Chunk, Payload

Tools = Literal["none", "same", "other_calls", "other_arguments", "invalid"]
"""How the tool calls of two answers are to each other: neither has any, they are the same, they call other tools or
as often, arguments have other members, one side's arguments are not JSON. Values are not compared."""

Outline = tuple[str, bool, tuple[str, ...]]
"""A tool call's name, whether its arguments are a JSON object, and that object's members."""


class Shape(msgspec.Struct, frozen=True):
    """What one generation looks like. Of several alternatives the first."""

    stop: Stop | None
    characters: int
    """Of its text."""
    calls: tuple[Outline, ...] = ()
    json: bool = False
    """Its text is one JSON document."""
    refused: bool = False
    """It is a refusal, as far as its dialect tells one from text, or its vendor's filter ended it."""


Look = Shape | Vectors | Order
"""What can be compared of an answer: of a generation its shape, of anything else the numbers it consists of."""


def shape_of(answer: Answer) -> Shape:
    if not answer.choices:
        return Shape(None, 0)
    choice = answer.choices[0]
    text = "".join(part.text for part in choice.parts if isinstance(part, Text))
    return Shape(
        stop=choice.stop,
        characters=len(text),
        calls=tuple(_outline(part) for part in choice.parts if isinstance(part, ToolCall)),
        json=_is_json(text),
        refused=choice.stop in ("refusal", "content_filter")
        or any(isinstance(part, Refusal) and part.text for part in choice.parts),
    )


def whole_look(dialect: AnyDialect, payload: Payload) -> Look | None:
    """What a whole answer looks like; None where it is no answer of its dialect."""
    match whole_answer(dialect, payload):
        case Answer() as answer:
            return shape_of(answer)
        case Embeddings() as vectors:
            return vectors_of(vectors)
        case Ranking() as ranking:
            return order_of(ranking)
        case _:
            return None


def stream_look(dialect: AnyDialect, chunks: Sequence[Chunk]) -> Look | None:
    """What a stream's answer looks like; None where some of it cannot be read."""
    answer = stream_answer(dialect, chunks)
    return None if answer is None else shape_of(answer)


def compared_tools(one: Shape, other: Shape) -> Tools:
    """How the tool calls of two answers are to each other, whatever their order."""
    if not one.calls and not other.calls:
        return "none"
    if Counter(name for name, _, _ in one.calls) != Counter(name for name, _, _ in other.calls):
        return "other_calls"
    if not all(valid for _, valid, _ in (*one.calls, *other.calls)):
        return "invalid"
    return "same" if Counter(one.calls) == Counter(other.calls) else "other_arguments"


def is_same(one: Shape, other: Shape, *, json: bool) -> bool:
    """Whether two answers have the same shape: they end for the same reason, both or neither refuse, say something,
    call the same tools with the same members; with `json`, which the request asked for, both or neither are JSON.
    """
    return (
        one.stop == other.stop
        and one.refused == other.refused
        and (one.characters > 0) == (other.characters > 0)
        and (not json or one.json == other.json)
        and compared_tools(one, other) in ("none", "same")
    )


def _outline(call: ToolCall) -> Outline:
    if call.kind == "custom":
        return call.name, True, ()
    try:
        arguments = jiter.from_json((call.arguments or "{}").encode())
    except ValueError:
        return call.name, False, ()
    if not isinstance(arguments, dict):
        return call.name, False, ()
    return call.name, True, tuple(sorted(arguments))


def _is_json(text: str) -> bool:
    try:
        jiter.from_json(text.encode())
    except (ValueError, UnicodeError):
        return False
    return True
