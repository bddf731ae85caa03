"""Images and documents on their way to Anthropic ("Vision", "PDF support", "Files API")."""

from __future__ import annotations

import base64
import binascii

from headgate.dialects.anthropic_messages.names import NAME
from headgate.dialects.base import Fit
from headgate.dialects.hub import Media
from headgate.types import JSON

_IMAGES = {"image/jpg": "image/jpeg"} | {f"image/{each}": f"image/{each}" for each in ("jpeg", "png", "gif", "webp")}
_PDF = "application/pdf"
_TEXTS = frozenset({"application/json", "application/xml", "application/yaml", "application/x-yaml"})


def encode(media: Media, fit: Fit, where: str) -> JSON | None:
    """An image or document block; None for what the target cannot take and the configuration lets go.

    Raises:
        Unsupported: audio, video, an image or a document of a type Claude does not read.
    """
    if media.kind in ("audio", "video"):
        fit.refuse(where, f"Claude takes no {media.kind}")
        return None
    if media.detail not in (None, "auto"):
        fit.note("detail")
    source = _linked(media) if media.data is None else _inline(media, fit, where)
    if source is None:
        return None
    extra = dict(media.extra.get(NAME, {}))
    source |= extra.pop("source", {})
    if media.kind == "image":
        return {"type": "image", "source": source, **extra}
    block: JSON = {"type": "document", "source": source}
    if media.filename is not None:
        block["title"] = media.filename
    return {**block, **extra}


def _linked(media: Media) -> JSON:
    if media.text is not None:
        return {"type": "text", "media_type": media.media_type or "text/plain", "data": media.text}
    if media.url is not None:
        return {"type": "url", "url": media.url}
    return {"type": "file", "file_id": media.file_id}


def _inline(media: Media, fit: Fit, where: str) -> JSON | None:
    kind = media.media_type or (_guessed(media.filename) if media.kind == "file" else None)
    if media.kind == "image":
        known = _IMAGES.get(kind or "")
        if known is not None:
            return {"type": "base64", "media_type": known, "data": media.data}
    elif kind == _PDF:
        return {"type": "base64", "media_type": _PDF, "data": media.data}
    elif kind is not None and (kind.startswith("text/") or kind in _TEXTS):
        text = _decoded(media.data or "")
        if text is not None:
            return {"type": "text", "media_type": "text/plain", "data": text}
    fit.refuse(where, f"Claude reads no {media.kind} of type '{kind or 'unknown'}'")
    return None


def _guessed(name: str | None) -> str | None:
    ending = (name or "").rpartition(".")[2].lower()
    if ending == "pdf":
        return _PDF
    return "text/plain" if ending in ("txt", "md", "csv", "json", "xml", "html", "yaml", "yml") else None


def _decoded(data: str) -> str | None:
    try:
        return base64.b64decode(data, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
