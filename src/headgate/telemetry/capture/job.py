"""One call whose content is to be kept, and what becomes of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from headgate import dialects
from headgate.errors import HeadgateError
from headgate.observing.kept import LARGE_BYTES, PARSED, Kept
from headgate.storage.records import Content
from headgate.telemetry.capture.binaries import MARK, Binaries
from headgate.telemetry.capture.bodies import answer_value, request_value, stream_value
from headgate.telemetry.capture.cutting import fitted
from headgate.telemetry.capture.redacting import Redacting
from headgate.telemetry.capture.said import MEMBER, Said
from headgate.types import OPAQUE, Chunk, Payload

MOST_BYTES = 8 * 1024 * 1024
"""Longest body that is looked into; of longer ones only the size is told."""

_json = msgspec.json.Encoder().encode


class WholeKept(Kept):
    """An answer that is kept as it came, and parsed only while it is looked at, one at a time."""

    __slots__ = ()
    most = MOST_BYTES
    parsed = 1


class Job(msgspec.Struct, frozen=True):
    """A call that is over."""

    request: Payload
    kept: Kept
    row: Content
    """All but the content."""
    size: int
    """Bytes its request takes while it waits."""
    said: Said | None = None
    """What was said to the prompt that made the request, if one did."""

    @property
    def is_large(self) -> bool:
        """Whether it takes so long that it is better looked at in a thread."""
        return self.kept.is_large or len(self.request.encode()) > LARGE_BYTES


def held(request: Payload, free: int) -> tuple[Payload, int]:
    """A request as it waits, and the bytes it takes: with its tree, which spares parsing it again, where there is room
    for that.
    """
    came_as_bytes, raw = request.size > 0, request.encode()
    if came_as_bytes and PARSED * len(raw) <= free // 8:  # a tree that did not is somebody's own, who may change it
        return request, PARSED * len(raw)
    if request.content_type.startswith("multipart/"):
        return request, len(raw)  # of its tree there are the texts alone
    return Payload(request.dialect, raw, content_type=request.content_type), len(raw)


def written(job: Job, redacting: Redacting, max_bytes: int) -> Content:
    """What is stored of a call: without binaries, then cleaned, then cut to size. In that order: what is left of a
    credential that was cut would not be found.
    """
    return _Writing(job, redacting).content(max_bytes)


class _Writing:
    def __init__(self, job: Job, redacting: Redacting) -> None:
        self._job = job
        self._redacting = redacting
        self._binaries = Binaries()
        self._taken: dict[str, int] = {}
        self._missing = ""

    def content(self, max_bytes: int) -> Content:
        job = self._job
        request, answer = self._request(), self._answer()
        request, answer = self._redacting.clean([request, answer], self._names(), self._taken)
        asked, answered, truncated = _shared(request, answer, max_bytes)
        return msgspec.structs.replace(
            job.row,
            request=asked.decode(),
            answer=None if answered is None else answered.decode(),
            missing=self._missing,
            truncated=int(truncated),
            left_out=self._binaries.left_out,
            redactions=_json(self._taken).decode(),
            bytes=len(asked) + len(answered or b""),
        )

    def _request(self) -> Any:
        request = self._job.request
        size = len(request.encode())
        if size > MOST_BYTES:
            self._binaries.left_out += 1
            return f"{MARK};type={request.content_type[:100]};bytes={size}"
        said = self._job.said
        try:
            value = request_value(request, self._binaries)
            return value if said is None else {**value, MEMBER: said.value(MOST_BYTES)}
        except HeadgateError:
            self._missing = "unreadable"
            return None

    def _answer(self) -> Any:
        job = self._job
        payload, chunks = job.kept.held
        if payload is None and not chunks:
            self._missing = self._missing or ("no_answer" if job.kept.complete else "memory")
            return None
        try:
            if payload is not None:
                return answer_value(payload, self._binaries)
            value = self._stream(chunks)
        except HeadgateError:
            value = None
        if value is None:
            self._missing = "unreadable"
        return value

    def _stream(self, chunks: Sequence[Chunk]) -> Any:
        row = self._job.row
        return stream_value(self._job.request, chunks, self._binaries, row.id, row.started_us // 1_000_000)

    def _names(self) -> dict[str, str]:
        """What the client calls its end user, and what stands for that here."""
        request, row = self._job.request, self._job.row
        if row.end_user is None or len(request.encode()) > MOST_BYTES:
            return {}
        opaque = request.dialect == OPAQUE
        user = request.tree.get("user") if opaque else dialects.get(request.dialect).end_user(request.tree)
        return {user: row.end_user} if isinstance(user, str) and user else {}


def _shared(request: Any, answer: Any, most: int) -> tuple[bytes, bytes | None, bool]:
    """Request and answer within a bound: the answer has half of it for itself, and what the request leaves."""
    asked = _json(request)
    if answer is None:
        raw, cut = fitted(request, most)
        return raw, None, cut
    answered, cut = fitted(answer, max(most // 2, most - len(asked)))
    if len(asked) + len(answered) <= most:
        return asked, answered, cut
    return fitted(request, most - len(answered))[0], answered, True
