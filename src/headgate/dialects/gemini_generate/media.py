"""Images, audio, video and documents on their way to Gemini (Content, Blob and FileData)."""

from __future__ import annotations

from urllib.parse import urlsplit

from headgate.dialects.base import Fit
from headgate.dialects.gemini_generate.names import NAME
from headgate.dialects.hub import Media
from headgate.types import JSON

_FILES = "https://generativelanguage.googleapis.com/v1beta/"
_SCHEMES = frozenset({"http", "https", "gs"})
_TYPES = {
    "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp", "gif": "image/gif",
    "heic": "image/heic", "heif": "image/heif",
    "wav": "audio/wav", "mp3": "audio/mpeg", "aac": "audio/aac", "ogg": "audio/ogg", "flac": "audio/flac",
    "m4a": "audio/m4a",
    "mp4": "video/mp4", "mov": "video/mov", "webm": "video/webm", "mpeg": "video/mpeg", "mpg": "video/mpg",
    "avi": "video/avi", "wmv": "video/wmv", "flv": "video/x-flv", "3gp": "video/3gpp",
    "pdf": "application/pdf", "txt": "text/plain", "md": "text/markdown", "html": "text/html", "csv": "text/csv",
    "xml": "text/xml", "json": "application/json",
}  # fmt: skip

IN_RESULTS = ("image/", "application/pdf", "text/plain")
"""What a functionResponse of Gemini 3 and later may hold; the rest follows it ("Multimodal function responses")."""


def encode(media: Media, fit: Fit, where: str) -> JSON | None:
    """The part; None for one the target cannot take and the configuration lets go.

    Raises:
        Unsupported: a file id of another vendor, a URL that is neither http, https nor gs, data of unknown type.
    """
    if media.detail not in (None, "auto"):
        fit.note("detail")
    if media.text is not None:
        return {"text": media.text}
    part = _inline(media, fit, where) if media.data is not None else _linked(media, fit, where)
    if part is not None:
        for name, value in media.extra.get(NAME, {}).items():
            part[name] = {**part[name], **value} if name in part else value
    return part


def _inline(media: Media, fit: Fit, where: str) -> JSON | None:
    media_type = media.media_type or _guessed(media.filename or "")
    if media_type is None:
        fit.refuse(where, "its media type is not given")
        return None
    return {"inlineData": {"mimeType": media_type, "data": media.data}}


def _linked(media: Media, fit: Fit, where: str) -> JSON | None:
    uri = media.url or media.file_id or ""
    if uri.startswith("files/"):
        uri = _FILES + uri
    try:
        address = urlsplit(uri)
    except ValueError:
        address = None
    if address is None or address.scheme not in _SCHEMES:
        why = "the file is not Gemini's" if media.file_id else "only http, https and gs URLs can be read"
        fit.refuse(where, why)
        return None
    media_type = media.media_type or _guessed(media.filename or "") or _guessed(address.path)
    if media_type is None and media.kind == "video":
        media_type = "video/mp4"  # what the vendor's own SDK sends for YouTube
    file = {"fileUri": uri}
    if media_type is not None:
        file["mimeType"] = media_type
    return {"fileData": file}


def _guessed(name: str) -> str | None:
    return _TYPES.get(name.rpartition(".")[2].lower())
