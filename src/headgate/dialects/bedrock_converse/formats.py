"""Converse's words for media formats, and what it allows as a document's name."""

from __future__ import annotations

import re
from typing import Literal

Kind = Literal["image", "audio", "video", "file"]

MEDIA_TYPES: dict[Kind, dict[str, str]] = {
    "image": {"png": "image/png", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp"},
    "audio": {
        "mp3": "audio/mpeg",
        "wav": "audio/wav",
        "opus": "audio/opus",
        "aac": "audio/aac",
        "flac": "audio/flac",
        "ogg": "audio/ogg",
        "mp4": "audio/mp4",
        "webm": "audio/webm",
        "m4a": "audio/x-m4a",
        "mka": "audio/x-matroska",
        "pcm": "audio/pcm",
    },
    "video": {
        "mp4": "video/mp4",
        "mkv": "video/x-matroska",
        "mov": "video/quicktime",
        "webm": "video/webm",
        "flv": "video/x-flv",
        "mpeg": "video/mpeg",
        "wmv": "video/x-ms-wmv",
        "three_gp": "video/3gpp",
    },
    "file": {
        "pdf": "application/pdf",
        "csv": "text/csv",
        "doc": "application/msword",
        "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "xls": "application/vnd.ms-excel",
        "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "html": "text/html",
        "txt": "text/plain",
        "md": "text/markdown",
    },
}
"""By kind, each format (Bedrock API reference: ImageFormat, AudioFormat, VideoFormat, DocumentFormat) and its type."""

_ALIASES = {
    "image/jpg": "jpeg",
    "audio/mp3": "mp3",
    "audio/x-wav": "wav",
    "audio/wave": "wav",
    "audio/m4a": "m4a",
    "audio/x-aac": "x-aac",
    "audio/L16": "pcm",
    "text/x-markdown": "md",
}
_EXTENSIONS = {"jpg": "jpeg", "mpg": "mpeg", "3gp": "three_gp", "htm": "html", "markdown": "md"}
_FORMATS = {kind: {media_type: word for word, media_type in types.items()} for kind, types in MEDIA_TYPES.items()}

_FORBIDDEN = re.compile(r"[^0-9A-Za-z \-()\[\]]+")
_SPACES = re.compile(r" {2,}")
_MAX_NAME = 200


def format_of(kind: Kind, media_type: str | None, location: str | None) -> str | None:
    """Converse's word for a medium's format: by its MIME type, else by the extension of its file name or URL."""
    if media_type is not None:
        bare = media_type.partition(";")[0].strip()
        return _FORMATS[kind].get(bare.lower()) or _ALIASES.get(bare)
    extension = (location or "").rpartition(".")[2].lower()
    extension = _EXTENSIONS.get(extension, extension)
    return extension if extension in MEDIA_TYPES[kind] else None


def document_name(filename: str | None, taken: set[str]) -> str:
    """A name Converse takes (DocumentBlock: letters, digits, single spaces, hyphens, parentheses, brackets), unlike
    all of those `taken`, to which it is added.
    """
    stem = (filename or "").rpartition(".")[0] or filename or ""
    name = _SPACES.sub(" ", _FORBIDDEN.sub(" ", stem)).strip()[: _MAX_NAME - 8] or "Document"
    unique, number = name, 1
    while unique in taken:
        number += 1
        unique = f"{name} {number}"
    taken.add(unique)
    return unique
