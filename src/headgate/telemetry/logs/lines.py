"""A record of the log as a line: for people, or as JSON. Nothing secret is in either, nothing that forges a line."""

from __future__ import annotations

import json
import logging
import re
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from headgate.checks.redaction import Redactor
from headgate.telemetry.calls import trace_id
from headgate.telemetry.logs.context import FIELDS, about

Format = Literal["text", "json"]

MOST_CHARACTERS = 32_768
"""Of one text in a line. What is longer is cut before anything is looked for in it, for that takes time."""
MOST_SHOWN = 16_384
"""Of one text in a line. Less than what was looked at, so that no credential is shown because its end was cut off."""

_encode = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), default=str).encode  # a line of ASCII is one line

_CONTROLS = [
    *range(0x20),
    *range(0x7F, 0xA0),
    0x200E,
    0x200F,
    0x2028,
    0x2029,
    *range(0x202A, 0x202F),
    *range(0x2066, 0x206A),
]
_ESCAPES = {code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" for code in _CONTROLS} | {
    0x0A: "\n    ",
    0x09: "\t",
}
"""What moves cursors, ends lines or turns text around, written out; further lines of a record are indented."""

_BARE = re.compile(r"[\w.:/@*()+\-]{1,200}", re.ASCII)


class Lines:
    """Makes lines of records."""

    def __init__(self, redactor: Redactor, worker: int | None = None) -> None:
        self._redactor = redactor
        self._worker = worker
        self.format: Format = "text"

    def line(self, record: logging.LogRecord) -> bytes:
        """A record as one line, its end included; of text, a record with a stack trace has further, indented lines."""
        return self._json(record) if self.format == "json" else self._text(record)

    def _text(self, record: logging.LogRecord) -> bytes:
        moment = datetime.fromtimestamp(record.created).strftime("%Y-%m-%d %H:%M:%S")
        message = record.getMessage()
        fields = self._cleaned({"message": message, **_fields(record), **_ids(message)})
        stack = _stack(record)
        text = " ".join(
            [fields.pop("message"), *(f"{name}={_word(value)}" for name, value in fields.items() if value is not None)]
        )
        if stack:
            text = f"{text}\n{self._clean(stack)}"
        head = f"{moment},{int(record.msecs):03} {record.levelname} {record.name} "
        return f"{head}{text.translate(_ESCAPES)}\n".encode("utf-8", "backslashreplace")

    def _json(self, record: logging.LogRecord) -> bytes:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC)
            .isoformat(timespec="microseconds")
            .replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        if self._worker is not None:
            line["worker"] = self._worker
        line |= self._cleaned({"message": record.getMessage(), **_ids(""), **_fields(record)})
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            line["error"] = {"type": type(error).__name__, "message": self._clean(_said(error))}
        if stack := _stack(record):
            line["stack"] = self._clean(stack)
        return _encode(line).encode() + b"\n"

    def _cleaned(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Fields without anything secret in those that are texts."""
        names = [name for name, value in fields.items() if isinstance(value, str)]
        texts = [fields[name] for name in names]
        if sum(map(len, texts)) > MOST_SHOWN:
            clean = [self._clean(text) for text in texts]
        else:
            clean = self._redactor.clean_all(texts)
        return {**fields, **dict(zip(names, clean, strict=True))}

    def _clean(self, text: str) -> str:
        looked_at = text if len(text) <= MOST_CHARACTERS else text[:MOST_CHARACTERS]
        clean = self._redactor.clean(looked_at)
        if len(text) <= MOST_SHOWN:
            return clean
        return f"{clean[:MOST_SHOWN]} … ({len(text)} characters)"


def _fields(record: logging.LogRecord) -> Mapping[str, Any]:
    return getattr(record, FIELDS, {})


def _ids(message: str) -> dict[str, str]:
    """Of the request the record is about, where it does not say so itself."""
    found = about.get()
    if found is None:
        return {}
    request_id, traceparent = found
    ids = {} if request_id in message else {"request_id": request_id}
    trace = trace_id(traceparent.decode("latin-1")) if traceparent else None
    return ids if trace is None else {**ids, "trace_id": trace}


def _stack(record: logging.LogRecord) -> str:
    """What led to an error, or to the record. No values of variables are in it."""
    parts: list[str] = []
    if record.exc_info and record.exc_info[1] is not None:
        parts += traceback.format_exception(record.exc_info[1])
    elif record.exc_text:
        parts.append(record.exc_text)
    if record.stack_info:
        parts.append(record.stack_info)
    return "".join(parts).rstrip("\n")


def _said(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001  # a user's own exception may be made so
        return "(it cannot say)"


def _word(value: Any) -> str:
    """A value as one word, in quotes where it is more than one."""
    text = value if isinstance(value, str) else _encode(value)
    return text if not isinstance(value, str) or _BARE.fullmatch(text) else json.dumps(text, ensure_ascii=False)
