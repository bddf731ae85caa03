"""Images, audio, vectors and the like in a body: told of in one line each, with size and digest, and not kept."""

from __future__ import annotations

import binascii
import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, cast

from headgate.types import JSON

MARK = "headgate:left-out"
"""What a line begins with that stands where something was left out."""

ALWAYS = frozenset({"data", "b64_json", "file_data", "bytes", "image", "audio", "encrypted_content", "signature"})
"""Members whose value is binary where it is base64, from `SHORT` characters on."""

TEXTS = frozenset({"text", "content", "input", "arguments", "thinking", "reasoning_content", "prompt", "query", "id"})
"""Members that hold texts: whatever they look like, they are left as they are."""

SHORT, LONG = 64, 1024
"""Characters from which on base64 is taken for binary: in members known to hold such, and in any other."""

PIECE = 1 << 20
"""Characters of base64 that are decoded at a time, a multiple of four, so that nobody waits for all of it."""

FEWEST_NUMBERS = 32
"""From here on a list of fractions is a vector."""

_BASE64 = re.compile(r"[A-Za-z0-9+/_\-]{32,}={0,2}")
_DATA_URL = re.compile(r"data:([\w.+\-/;= ]{0,100}?);base64,([A-Za-z0-9+/_=%\-]{16,})")
_TYPES = ("media_type", "mime_type", "mimeType", "format")


class Binaries:
    """Goes through one body, and counts what it leaves out."""

    def __init__(self) -> None:
        self.left_out = 0

    def without(self, value: Any, name: str = "", around: Mapping[str, Any] | None = None) -> Any:
        """A copy of a JSON value without what is binary; `name` is its member's, in the object `around`."""
        if isinstance(value, str):
            return self._text(value, name, around)
        if isinstance(value, dict):
            tree = cast("JSON", value)
            return {each: self.without(inner, each, tree) for each, inner in tree.items()}
        if isinstance(value, list):
            entries = cast("list[Any]", value)
            if len(entries) >= FEWEST_NUMBERS and type(entries[0]) is float and type(entries[-1]) is float:
                self.left_out += 1
                return f"{MARK};type=vector;numbers={len(entries)}"
            return [self.without(each, name, around) for each in entries]
        return value

    def bytes(self, data: bytes, media_type: str) -> str:
        """The line for some bytes."""
        self.left_out += 1
        return _line(media_type, len(data), sha256(data).hexdigest())

    def _text(self, text: str, name: str, around: Mapping[str, Any] | None) -> str:
        if ";base64," in text:
            return self._urls(text)
        if len(text) < SHORT or name in TEXTS:
            return text
        if len(text) < LONG and name not in ALWAYS:
            return text
        if _BASE64.match(text, 0, 256) and _BASE64.fullmatch(text[-64:]) and " " not in text and "\n" not in text:
            kind = next((each for key in _TYPES if isinstance(each := (around or {}).get(key), str)), "")
            return self._base64(text, kind) or text
        return text

    def _urls(self, text: str) -> str:
        head, _, data = text.partition(";base64,")
        if head.startswith("data:") and len(head) < 100 and (line := self._base64(data, head[5:])):
            return line
        return _DATA_URL.sub(lambda match: self._base64(match[2], match[1]) or match[0], text)

    def _base64(self, text: str, media_type: str) -> str | None:
        """The line for what is encoded; None where it is no base64 after all."""
        digest, size = sha256(), 0
        try:
            for start in range(0, len(text), PIECE):
                piece = text[start : start + PIECE].replace("-", "+").replace("_", "/")
                data = binascii.a2b_base64(piece + "=" * (-len(piece) % 4), strict_mode=True)
                digest.update(data)
                size += len(data)
        except (binascii.Error, ValueError):
            return None
        self.left_out += 1
        return _line(media_type, size, digest.hexdigest())


def _line(media_type: str, size: int, digest: str) -> str:
    kind = media_type.strip()[:100] or "application/octet-stream"
    return f"{MARK};type={kind};bytes={size};sha256={digest}"
