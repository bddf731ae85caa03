"""multipart/form-data bodies (RFC 7578): read their text fields, set one, find the files and leave them as they are.

A body is passed on as it came, so what another parser could read in another way is refused: a delimiter or an end with
something behind it, a part whose head holds another one, a name that is given twice or in an extended form, a text that
is a file too.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from headgate.errors import BadRequest
from headgate.types import JSON

MAX_PARTS = 100
MAX_TEXT_BYTES = 1024 * 1024
MAX_HEADER_BYTES = 8192

_BOUNDARY = re.compile(r";\s*boundary\s*([*=])", re.IGNORECASE)
_NAME = re.compile(r";\s*name\s*([*=])", re.IGNORECASE)
_QUOTED = re.compile(r'"[^"]*"')
_BROKEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]|\n[\t ]")
"""In a head whose lines end in a newline alone: a control character, or a line that goes on in the next."""


class _Part(NamedTuple):
    name: str
    is_file: bool
    start: int
    """Where its content begins in the body."""
    end: int


def fields(body: bytes, content_type: str) -> JSON:
    """The text fields of a form by name; of a repeated one a list.

    Raises:
        BadRequest: the form is malformed or ambiguous, has more than `MAX_PARTS` parts, or a text field is not UTF-8 or
            longer than `MAX_TEXT_BYTES`.
    """
    found: JSON = {}
    parts = _parts(body, content_type)
    files = {part.name for part in parts if part.is_file}
    for part in parts:
        if part.is_file:
            continue
        if part.name in files:
            raise BadRequest(f"The form field '{part.name}' is there as a text and as a file.", param=part.name)
        if part.end - part.start > MAX_TEXT_BYTES:
            raise BadRequest(f"The form field '{part.name}' is longer than {MAX_TEXT_BYTES} bytes.", param=part.name)
        try:
            text = body[part.start : part.end].decode()
        except UnicodeDecodeError:
            raise BadRequest(f"The form field '{part.name}' is not UTF-8.", param=part.name) from None
        if part.name in found:
            held = found[part.name]
            found[part.name] = [*held, text] if isinstance(held, list) else [held, text]
        else:
            found[part.name] = text
    return found


def files(body: bytes, content_type: str) -> list[tuple[str, bytes]]:
    """The files of a form, each with its field's name.

    Raises:
        BadRequest: the form is malformed.
    """
    return [(part.name, body[part.start : part.end]) for part in _parts(body, content_type) if part.is_file]


def with_field(body: bytes, content_type: str, name: str, value: str) -> bytes:
    """The form with its text field `name` set; the first one of that name, added nowhere.

    Raises:
        BadRequest: the form is malformed or has no such field.
    """
    for part in _parts(body, content_type):
        if part.name == name and not part.is_file:
            return body[: part.start] + value.encode() + body[part.end :]
    raise BadRequest(f"The form has no field '{name}'.", param=name)


def _parts(body: bytes, content_type: str) -> list[_Part]:
    plain = _BOUNDARY.findall(content_type) == ["="]
    boundary = _parameter("content-type", content_type, "boundary") if plain else None
    if boundary is None or not re.fullmatch(r"[\x21-\x7e][\x20-\x7e]{0,69}", boundary):
        raise BadRequest("The multipart content-type has no usable boundary.")
    delimiter = b"--" + boundary.encode()
    if not body.startswith(delimiter):
        raise BadRequest("The multipart body does not begin with its boundary.")
    parts: list[_Part] = []
    at = len(delimiter)
    while not body.startswith(b"--", at):
        if not body.startswith(b"\r\n", at):
            raise BadRequest("The multipart body holds its boundary with something behind it.")
        head_end = body.find(b"\r\n\r\n", at, at + MAX_HEADER_BYTES)
        end = body.find(b"\r\n" + delimiter, at)
        if head_end < 0 or end < head_end + 2:
            raise BadRequest("The multipart body is cut off, or a part has no end of its headers.")
        if len(parts) == MAX_PARTS:
            raise BadRequest(f"The multipart body has more than {MAX_PARTS} parts.")
        name, is_file = _disposition(body[at:head_end])
        parts.append(_Part(name, is_file, head_end + 4, max(head_end + 4, end)))
        at = end + 2 + len(delimiter)
    if body[at + 2 :].strip():
        raise BadRequest("The multipart body goes on behind its end.")
    return parts


def _disposition(head: bytes) -> tuple[str, bool]:
    """The name of a part, and whether it is a file."""
    if head.count(b"\n") != head.count(b"\r\n"):
        raise BadRequest("The head of a part of the multipart body has a line that does not end as lines do.")
    text = head.decode("utf-8", "replace").replace("\r\n", "\n")
    lines = [line.partition(":") for line in text.split("\n")]
    found = [value for name, _, value in lines if name.strip().lower() == "content-disposition"]
    value = found[0] if len(found) == 1 else ""
    outside = _QUOTED.sub("", value)
    field = _parameter("content-disposition", value, "name") if _NAME.findall(outside) == ["="] else None
    if field is None or '"' in outside or '\\"' in value or _BROKEN.search(text):
        raise BadRequest("A part of the multipart body has no name, or one that could be read in two ways.")
    return field, _parameter("content-disposition", value, "filename") is not None


def _parameter(header: str, value: str, name: str) -> str | None:
    """A parameter of a header's value."""
    from email.message import Message  # nothing else needs it, and it takes a while to load

    message = Message()
    message[header] = " ".join(value.split())
    parameter = message.get_param(name, header=header)
    return parameter if isinstance(parameter, str) else None
