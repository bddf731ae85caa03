"""The recorded exchanges with real vendors, read through `HEADGATE_DATA` (default `../shared/data`)."""

from __future__ import annotations

import base64
import json
import os
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

DATA = Path(os.environ.get("HEADGATE_DATA") or Path(__file__).parents[2] / "shared" / "data")
FILE = DATA / "provider_recordings" / "recordings.jsonl"


@dataclass(frozen=True)
class Recording:
    """One recorded exchange. `request` is the parsed JSON body, or the raw text where it is not JSON."""

    number: int
    source: str
    host: str
    path: str
    request: Any
    status: int
    content_type: str
    body: bytes

    @property
    def streamed(self) -> bool:
        return "event-stream" in self.content_type or "eventstream" in self.content_type

    @property
    def dialect(self) -> str | None:
        """The chat dialect of a generation; None for every other exchange."""
        path = self.path.split("?")[0]
        for pattern, name in _DIALECTS:
            if re.search(pattern, path) and isinstance(self.request, dict):
                return name
        return None

    @property
    def id(self) -> str:
        return f"{self.number}-{self.host}-{self.source.rsplit('/', 1)[-1]}"


_DIALECTS = [
    (r"/chat/completions$", "openai_chat"),
    (r"/responses$", "openai_responses"),
    (r"/v1/messages$", "anthropic_messages"),
    (r":(streamG|g)enerateContent$", "gemini_generate"),
    (r"/converse(-stream)?$", "bedrock_converse"),
    (r"/v2/chat$", "cohere_chat"),
]


@cache
def recordings() -> tuple[Recording, ...]:
    """All recorded exchanges; empty where the data is absent."""
    if not FILE.exists():
        return ()
    with FILE.open(encoding="utf-8") as lines:
        return tuple(_recording(number, json.loads(line)) for number, line in enumerate(lines))


def generations(dialect: str) -> list[Recording]:
    """The recorded generations of one dialect, errors included."""
    return [each for each in recordings() if each.dialect == dialect]


def params(rows: list[Recording]) -> list[Any]:
    """Rows as pytest parameters; one that says why it is skipped where the data is absent."""
    if not rows:
        reason = "recordings are absent: set HEADGATE_DATA"
        return [pytest.param(None, marks=pytest.mark.skip(reason=reason))]
    return [pytest.param(row, id=row.id) for row in rows]


def _recording(number: int, row: dict[str, Any]) -> Recording:
    request = row["request"]
    if isinstance(request, str):
        try:
            request = json.loads(request)
        except ValueError:
            pass
    return Recording(
        number=number,
        source=row["source"],
        host=row["host"],
        path=row["path"],
        request=request,
        status=row["status"],
        content_type=row["headers"].get("content-type", ""),
        body=_body(row["response"]),
    )


def _body(response: dict[str, Any]) -> bytes:
    if "json" in response:
        return json.dumps(response["json"], ensure_ascii=False).encode()
    if "text" in response:
        return response["text"].encode()
    return base64.b64decode(response["base64"])
