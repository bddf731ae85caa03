"""Images, audio, video and documents as parts of a message. Base64 is split off its data URL, never decoded."""

from __future__ import annotations

import re
from typing import Literal

from headgate.dialects.base import Fit
from headgate.dialects.hub import Media
from headgate.dialects.openai_chat.names import CHUNK, NAME, own
from headgate.dialects.reading import Reader, left
from headgate.types import JSON

_DATA_URL = re.compile(r"data:([^;,]*)((?:;[^;,]*)*);base64,")
_AUDIO_TYPES = {"mp3": "audio/mpeg", "wav": "audio/wav"}
_AUDIO_FORMATS = {"mpeg": "mp3", "x-wav": "wav", "wave": "wav", "vnd.wave": "wav", "x-m4a": "m4a"}
_KINDS: dict[str, Literal["image", "audio", "video", "file"]] = {
    "image_url": "image",
    "input_audio": "audio",
    "video_url": "video",
    "document_url": "file",
    "file": "file",
}

MEDIA_TYPES = frozenset(_KINDS)
"""The `type`s of parts that are read here."""


def media_of(part: JSON, kind: str, where: str, reader: Reader) -> Media:
    """A part of one of `MEDIA_TYPES`.

    Raises:
        HeadgateError: the reader's, if a member is missing or of the wrong type.
    """
    rest = left(part, frozenset({"type", kind}))
    if kind != "file" and isinstance(part.get(kind), str):  # as Mistral has it
        return _located(part[kind], kind, {**rest, "plain": True})
    inner = reader.required(part, kind, dict, where)
    at = f"{where}.{kind}"
    if kind == "input_audio":
        named = reader.required(inner, "format", str, at)
        return Media(
            kind="audio",
            data=reader.required(inner, "data", str, at),
            media_type=_AUDIO_TYPES.get(named, f"audio/{named}"),
            extra={NAME: {CHUNK: _with(rest, kind, left(inner, frozenset({"data", "format"})))}},
        )
    if kind == "file":
        return _file(inner, rest, at, reader)
    detail = reader.optional(inner, "detail", str, at)
    rest = _with(rest, kind, left(inner, frozenset({"url", "detail"})))
    return _located(reader.required(inner, "url", str, at), kind, rest, detail=detail)


def _file(inner: JSON, rest: JSON, where: str, reader: Reader) -> Media:
    filename = reader.optional(inner, "filename", str, where)
    file_id = reader.optional(inner, "file_id", str, where)
    data = reader.optional(inner, "file_data", str, where)
    if data is None and file_id is None:
        raise reader.fail(f"{where}.file_id", "is missing, and so is 'file_data': one of the two must be there")
    rest = _with(rest, "file", left(inner, frozenset({"filename", "file_id", "file_data"})))
    if data is None:
        return Media(kind="file", file_id=file_id, filename=filename, extra={NAME: {CHUNK: rest}})
    if file_id is not None:
        rest = _with(rest, "file", {"file_id": file_id})
    return _located(data, "file", rest, filename=filename)


def _located(url: str, kind: str, rest: JSON, detail: str | None = None, filename: str | None = None) -> Media:
    """Media at a URL or in a data URL."""
    found = _DATA_URL.match(url)
    if found is None:
        is_bare = kind == "file" and "://" not in url[:12]  # base64 without its prefix
        return Media(
            kind=_KINDS[kind],
            data=url if is_bare else None,
            url=None if is_bare else url,
            detail=detail,
            filename=filename,
            extra={NAME: {CHUNK: {**rest, "prefix": ""} if is_bare else rest}},
        )
    media_type, parameters = found.groups()
    if parameters or not media_type:
        rest = {**rest, "prefix": found.group()}
    return Media(
        kind=_KINDS[kind],
        data=url[found.end() :],
        media_type=media_type or None,
        detail=detail,
        filename=filename,
        extra={NAME: {CHUNK: rest}},
    )


def _with(rest: JSON, kind: str, inner: JSON) -> JSON:
    """`rest` with what is left of the inner object."""
    return {**rest, kind: {**rest.get(kind, {}), **inner}} if inner else rest


def shown(part: Media) -> JSON:
    """A generated image for a client."""
    rest: JSON = {name: value for name, value in own(part.extra).get(CHUNK, {}).items() if name != "plain"}
    prefix = rest.pop("prefix", f"data:{part.media_type or 'image/png'};base64,")
    url = part.url if part.data is None else prefix + part.data
    inner: JSON = {"url": url, **rest.pop("image_url", {})}
    if part.detail is not None:
        inner["detail"] = part.detail
    return {"type": "image_url", "image_url": inner, **rest}


def written(part: Media, field: str, fit: Fit) -> JSON | None:
    """The part for a vendor; None where it had to be left out.

    Raises:
        Unsupported: chat completions cannot be given it.
    """
    rest: JSON = dict(own(part.extra).get(CHUNK, {}))
    prefix = rest.pop("prefix", None)
    plain = rest.pop("plain", False)
    if part.text is not None:
        return {"type": "text", "text": part.text, **rest}
    if part.kind == "audio":
        return _audio(part, rest, plain, field, fit)
    if prefix is None:
        prefix = f"data:{part.media_type or 'application/octet-stream'};base64,"
    url = part.url if part.data is None else prefix + part.data
    if "document_url" in rest or (plain and part.kind == "file"):
        return {"type": "document_url", "document_url": url, **rest}
    if part.kind == "file":
        return _written_file(part, url, rest, field, fit)
    kind = "image_url" if part.kind == "image" else "video_url"
    if url is None:
        fit.refuse(field, f"chat completions take {part.kind}s as data or URL, not as the id of a file")
        return None
    inner: JSON = {"url": url, **rest.pop(kind, {})}
    if part.detail is not None:
        inner["detail"] = part.detail
    return {"type": kind, kind: url if plain else inner, **rest}


def _written_file(part: Media, url: str | None, rest: JSON, field: str, fit: Fit) -> JSON | None:
    inner: JSON = {}
    if part.file_id is not None:
        inner["file_id"] = part.file_id
    elif part.data is None and CHUNK not in own(part.extra):
        fit.refuse(field, "chat completions take documents as data or as the id of a file, not by URL")
        return None
    else:
        inner["file_data"] = url
    if part.filename is not None:
        inner["filename"] = part.filename
    elif part.data is not None and CHUNK not in own(part.extra):
        inner["filename"] = f"document.{(part.media_type or '/pdf').partition('/')[2]}"  # OpenAI wants one with data
    inner |= rest.pop("file", {})
    return {"type": "file", "file": inner, **rest}


def _audio(part: Media, rest: JSON, plain: bool, field: str, fit: Fit) -> JSON | None:
    if plain:
        return {"type": "input_audio", "input_audio": part.url, **rest}
    if part.data is None:
        fit.refuse(field, "chat completions take audio as data only")
        return None
    subtype = (part.media_type or "audio/wav").partition("/")[2]
    inner = {"data": part.data, "format": _AUDIO_FORMATS.get(subtype, subtype), **rest.pop("input_audio", {})}
    return {"type": "input_audio", "input_audio": inner, **rest}
