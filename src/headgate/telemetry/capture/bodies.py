"""Requests and answers as JSON values, whatever they came as."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from headgate import dialects
from headgate.dialects import multipart
from headgate.dialects.base import Context
from headgate.errors import HeadgateError
from headgate.observing.answers import stream_answer
from headgate.telemetry.capture.binaries import Binaries
from headgate.types import JSON, OPAQUE, Chunk, Payload

_TEXTS = ("text/", "application/x-subrip", "application/xml")
"""Media types of answers that are one text: transcriptions as subtitles, and whatever else may come."""


def request_value(request: Payload, binaries: Binaries) -> JSON:
    """What was asked, in its dialect; of a form its fields, with a line in the place of each file.

    Raises:
        BadRequest: it cannot be read.
    """
    if not request.content_type.startswith("multipart/"):
        return binaries.without(request.tree)
    fields: JSON = dict(binaries.without(request.tree))
    for name, data in multipart.files(request.encode(), request.content_type):
        line = binaries.bytes(data, "")
        held = fields.get(name)
        fields[name] = line if held is None else [*held, line] if isinstance(held, list) else [held, line]
    return fields


def answer_value(answer: Payload, binaries: Binaries) -> Any:
    """What was answered, whole: an object in the dialect of its request, a text, or a line in the place of bytes.

    Raises:
        MalformedOutput: it is not what it says.
    """
    kind = answer.content_type
    if answer.dialect != OPAQUE or kind.startswith("application/json"):
        return binaries.without(answer.answer_tree)
    if kind.startswith(_TEXTS):
        return answer.encode().decode("utf-8", "replace")
    return binaries.bytes(answer.encode(), kind)


def stream_value(
    request: Payload, chunks: Sequence[Chunk], binaries: Binaries, call_id: str, created_s: int
) -> JSON | None:
    """What was answered in a stream, as the whole answer it comes to; None where it cannot be read."""
    dialect = dialects.get(request.dialect)
    answer = stream_answer(dialect, chunks)
    if answer is None:
        return None
    try:
        tree = dialect.encode_answer(answer, Context(asked=request.tree, id=call_id, created=created_s))
    except HeadgateError:
        return None
    return binaries.without(tree)
