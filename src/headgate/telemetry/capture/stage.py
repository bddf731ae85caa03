"""Observing the calls of a model whose content may be kept, and handing over those that are."""

from __future__ import annotations

import logging
from collections.abc import Awaitable

from headgate.observing.passing import Seen, drawn, observed
from headgate.stage import EVERY_OPERATION, Next
from headgate.storage.records import Content
from headgate.telemetry.capture.config import CaptureRule
from headgate.telemetry.capture.desk import Desk
from headgate.telemetry.capture.job import Job, WholeKept, held
from headgate.telemetry.capture.rules import Rules
from headgate.telemetry.capture.said import Said
from headgate.types import Call, Operation, Reply

log = logging.getLogger("headgate.telemetry")

CAPTURE = "x-headgate-capture"
"""The header by which a client says whether a call's content may be kept: with anything but `on`, it is not."""

UNKEPT: frozenset[Operation] = frozenset({"count_tokens", "responses", "files", "batches"})
"""Operations that answer nothing of their own."""


class Watched(Seen):
    """What was seen of a call, and of which it is."""

    stage: Capture | None = None
    rule: CaptureRule | None = None

    def over(self, call: Call, seen: Watched) -> None:
        assert self.stage is not None
        self.stage.over(call, seen)

    def lost(self, call: Call, reason: str) -> None:
        """Of an answer its client did not wait for nothing is kept but that."""
        self.code = "cancelled" if reason == "client_left" else "internal_error"
        self.over(call, self)


class Capture:
    """Hands what was asked and answered to the desk, once the client has its answer.

    It stands inside of prompts, guardrails and caches, so that it sees a request as those let it through, and outside
    of everything that recovers or repeats, so that it sees each call once, with the answer its client gets.
    """

    operations = EVERY_OPERATION

    def __init__(self, model: str, rules: Rules, desk: Desk, slow_s: float) -> None:
        self._model = model
        self._rules = rules
        self._desk = desk
        self._slow_s = slow_s

    def __call__(self, call: Call, next: Next) -> Awaitable[Reply]:
        if call.cause != "primary" or call.operation in UNKEPT or call.account.brought is not None:
            return next(call)
        rule = self._rules.find(call)
        if rule is None or call.headers.get(CAPTURE, "on") != "on":
            return next(call)
        watched = Watched(WholeKept(self._desk.room), stage=self, rule=rule)
        return observed(call, next, watched, watched)

    def over(self, call: Call, seen: Watched) -> None:
        """Hand a call over that is to be kept. Whatever goes wrong there is not the client's affair."""
        try:
            why = self._why(call, seen)
            if why:
                self._desk.offer(self._job(call, seen, why))
            else:
                seen.kept.let_go()
        except Exception:
            log.exception("the content of a call of '%s' could not be kept", self._model)
            seen.kept.let_go()
            self._desk.dropped["defect"] += 1

    def _why(self, call: Call, seen: Watched) -> str:
        """Why a call is kept, as lists of calls tell it; empty where it is not."""
        rule = seen.rule
        assert rule is not None
        if seen.code is not None and rule.errors:
            return "error"
        if seen.duration_s >= self._slow_s and rule.slow:
            return "slow"
        return "sample" if drawn(rule.share, b"capture", self._model, call.id.encode()) else ""

    def _job(self, call: Call, seen: Watched, why: str) -> Job:
        identity, answering = call.identity, call.account.answering
        request, size = held(call.request, self._desk.room.free)
        said = Said.of(call.prompt)
        now_us, duration_us = self._desk.clock.now_us(), int(seen.duration_s * 1e6)
        row = Content(
            call.id,
            identity.organisation,
            now_us,
            now_us - duration_us,
            duration_us,
            call.model,
            "" if answering is None else answering.target,
            call.operation,
            call.request.dialect,
            int(call.stream),
            why,
            seen.code,
            identity.key_id,
            identity.team_id,
            identity.project_id,
            call.account.end_user,
            request="",
            answer=None,
            missing="",
            truncated=0,
            left_out=0,
            redactions="{}",
            bytes=0,
        )
        return Job(request, seen.kept, row, size if said is None else size + said.size, said)
