"""Observing a share of a model's answers, and having them evaluated once their clients have them."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Sequence

from headgate.observing.kept import Kept
from headgate.observing.passing import Seen, drawn, observed
from headgate.quality.config import EvaluateConfig
from headgate.quality.evaluating import EvaluationLine
from headgate.quality.examination import Examination
from headgate.quality.judge import Judge
from headgate.stage import EVERY_OPERATION, Next
from headgate.storage.records import CalledAt
from headgate.types import GENERATES, OPAQUE, Call, Payload, Reply

log = logging.getLogger("headgate.quality")

OWN_CREDENTIAL = "x-headgate-key"
"""Says that the client's own vendor credential is to go upstream. What it asks is its own affair, and not looked at."""

BROKEN = "an answer of '%s' could not be evaluated"


class Began(Seen):
    """What was seen of an answer, and when its call began."""

    started_us: int = 0


class Evaluate:
    """Hands a share of a model's answers to what evaluates them.

    It stands where shadow mode does: inside prompts, guardrails, caches and repetitions that are answered once, and
    outside of what recovers, so that it sees what the client gets. Nothing is done before that is complete.
    """

    operations = EVERY_OPERATION

    def __init__(self, model: str, config: EvaluateConfig, line: EvaluationLine, judges: Sequence[Judge]) -> None:
        self._model = model
        self._config = config
        self._line = line
        self._judges = judges

    def __call__(self, call: Call, next: Next) -> Awaitable[Reply]:
        if (
            call.cause != "primary"
            or call.operation not in GENERATES
            or not drawn(self._config.share, b"evaluate", self._model, call.id.encode())
            or call.request.dialect == OPAQUE
            or call.headers.get(OWN_CREDENTIAL) is not None
        ):
            return next(call)
        return observed(call, next, Began(Kept(self._line.room), started_us=self._line.clock.now_us()), self)

    def lost(self, call: Call, reason: str) -> None:
        """Count an answer nobody got to its end among those that are not evaluated."""
        self._line.drop(reason, call.identity.organisation)

    def over(self, call: Call, seen: Began) -> None:
        """Have an answer evaluated. Whatever goes wrong there is not the client's affair."""
        if seen.code is not None:  # a failure is counted as one, and no answer
            seen.kept.let_go()
            return
        try:
            self._line.offer(self._job(call, seen))
        except Exception:
            log.exception(BROKEN, self._model)
            seen.kept.let_go()
            self._line.drop("defect", call.identity.organisation)

    def _job(self, call: Call, seen: Began) -> Examination:
        identity, answering = call.identity, call.account.answering
        raw = call.request.encode()
        return Examination(
            seen=seen,
            request=Payload(call.request.dialect, raw),  # without its tree, which is several times as large
            at=CalledAt(
                started_us=seen.started_us,
                model=call.model,
                target="" if answering is None else answering.target,
                operation=call.operation,
                key_id=identity.key_id,
                team_id=identity.team_id,
                project_id=identity.project_id,
                prompt_version=None if call.prompt is None else call.prompt.used,
                tags=call.tags,
            ),
            organisation=identity.organisation,
            call_id=call.id,
            parent=None if answering is None else answering.id,
            streamed=call.stream,
            checks=self._config.checks,
            grounded_from=self._config.grounded_from,
            judges=[each for each in self._judges if self._asked(each, call)],
            clock=self._line.clock,
            size=len(raw),
        )

    def _asked(self, judge: Judge, call: Call) -> bool:
        """Whether a judge is asked about a call: its own share of those that are evaluated."""
        return drawn(judge.config.share, b"judge", judge.name, call.id.encode())
