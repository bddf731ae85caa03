"""Evaluating answers beside everything else: a few at a time, a few that wait, and the others counted."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from contextlib import aclosing
from time import monotonic
from typing import Protocol

from headgate.clock import Clock
from headgate.errors import BudgetExceeded, HeadgateError, StoreUnavailable
from headgate.events import Evaluated
from headgate.observing.kept import Room
from headgate.observing.line import Job as Beside
from headgate.observing.line import Line
from headgate.storage.records import Evaluation

log = logging.getLogger("headgate.quality")

COMPLAIN_S = 3600.0
"""How often the log is told that a budget keeps judges from their work."""


class Job(Beside, Protocol):
    """An answer that is to be evaluated."""

    def findings(self) -> AsyncGenerator[Evaluation, None]:
        """What evaluators find, one after the other.

        Raises:
            Unevaluated: there is nothing to evaluate.
            BudgetExceeded, StoreUnavailable: judges cannot be paid.
        """
        ...


class Unevaluated(Exception):
    """An answer cannot be evaluated; says why in a word."""


class EvaluationLine(Line[Job]):
    """The evaluations of one model. Outlives a reload."""

    def __init__(self, model: str, evaluations: Evaluations) -> None:
        super().__init__(f"evaluating '{model}'", evaluations.room, evaluations.under_way)
        self.model = model
        self.clock = evaluations.clock
        self._evaluations = evaluations
        self._complained = -COMPLAIN_S

    def drop(self, reason: str, organisation: str) -> None:
        """Count an answer that is not evaluated, or not by its judges."""
        self._evaluations.dropped[reason] += 1

    async def work(self, job: Job) -> str | None:
        """Evaluate an answer; why that was not done, or not all of it."""
        try:
            async with aclosing(job.findings()) as findings:
                async for finding in findings:
                    self._evaluations.tell(self.model, finding)
        except Unevaluated as error:
            return str(error)
        except (BudgetExceeded, StoreUnavailable) as error:
            self._complain(error)
            return "budget" if isinstance(error, BudgetExceeded) else "store_unavailable"
        return None

    def _complain(self, error: HeadgateError) -> None:
        now = monotonic()
        if now - self._complained >= COMPLAIN_S:
            self._complained = now
            log.warning("answers of '%s' are not judged now: %s", self.model, error.message)


class Evaluations:
    """The evaluations of all models of one process."""

    def __init__(
        self,
        clock: Clock,
        told: Callable[[Evaluated], None],
        keep: Callable[[Evaluation], None] | None = None,
    ) -> None:
        """`told` hears of each; `keep` writes it down, and raises OSError where it cannot."""
        self.clock = clock
        self.room = Room()
        self.under_way: set[asyncio.Task[str | None]] = set()
        self.dropped = Counter[str]()
        """Answers that were drawn and not evaluated, or not by their judges, by why."""
        self.lost = 0
        """Findings that could not be written down."""
        self._told = told
        self._keep = keep
        self._lines: dict[str, EvaluationLine] = {}

    def line(self, model: str, concurrency: int, queue: int) -> EvaluationLine:
        """What evaluates a model's answers, with these bounds from now on."""
        line = self._lines.get(model)
        if line is None:
            line = self._lines[model] = EvaluationLine(model, self)
        line.concurrency, line.queue = concurrency, queue
        return line

    def only(self, models: Collection[str]) -> None:
        """Stop all but those of these models."""
        for name in [name for name in self._lines if name not in models]:
            self._lines.pop(name).stop()

    async def idle(self) -> None:
        """Wait until nothing waits or is under way."""
        while self.under_way:
            await asyncio.wait(self.under_way)

    async def close(self) -> None:
        """Give up what is under way."""
        self.only(())
        await self.idle()

    def tell(self, model: str, record: Evaluation) -> None:
        """Tell what was found, and write it down. `model` is as the configuration has it: a name or a pattern."""
        self._told(Evaluated(model, record.evaluator, record.outcome, record.score))
        if self._keep is None:
            return
        try:
            self._keep(record)
        except OSError as error:
            if not self.lost:
                log.error("the journal cannot be written, what evaluators find is missing in lists and sums: %s", error)  # noqa: TRY400
            self.lost += 1

    def levels(self) -> Sequence[tuple[str, str, float]]:
        """How they are doing, for Prometheus; nothing where nothing was ever evaluated."""
        if not self._lines and not self.dropped:
            return ()
        waiting = sum(each.waiting for each in self._lines.values())
        return [
            ("headgate_evaluations_under_way", "Answers being evaluated", len(self.under_way)),
            ("headgate_evaluations_waiting", "Answers that wait to be evaluated", waiting),
            ("headgate_evaluations_dropped_total", "Answers drawn that were not evaluated, or not judged",
             self.dropped.total()),
            ("headgate_evaluations_lost_records_total", "Findings that could not be written down", self.lost),
        ]  # fmt: skip
