"""What a database keeps of the quality of answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from headgate.clock import Clock
from headgate.quality.aging import Aging
from headgate.quality.config import FeedbackConfig
from headgate.quality.evaluations import KIND as EVALUATION
from headgate.quality.evaluations import EvaluationSink
from headgate.quality.evaluations import encode as encode_evaluation
from headgate.quality.feedback import KIND as FEEDBACK
from headgate.quality.feedback import Count, FeedbackSink
from headgate.quality.feedback import encode as encode_feedback
from headgate.quality.giving import FeedbackDesk
from headgate.storage.database import Database
from headgate.storage.records import Evaluation, Feedback
from headgate.telemetry.calls import Append


class QualityKeeping:
    """All of it, for one process."""

    def __init__(
        self, database: Database, append: Append, clock: Clock, count: Count, caught_up: Callable[[], Awaitable[None]]
    ) -> None:
        """`count` adds to the sums of calls; `caught_up` waits until what this process has settled is stored."""
        self.config = FeedbackConfig()
        """Goes by this from now on."""
        self._append = append
        self.desk = FeedbackDesk(database, self._rated, clock, lambda: self.config, caught_up)
        self.sinks = [
            FeedbackSink(count, Aging(lambda: self.config.keep_days)),
            EvaluationSink(count, Aging(lambda: EVALUATIONS_DAYS)),
        ]

    def _rated(self, record: Feedback) -> None:
        self._append(FEEDBACK, encode_feedback(record))

    def evaluated(self, record: Evaluation) -> None:
        """Note what an evaluator found.

        Raises:
            OSError: the journal cannot be written.
        """
        self._append(EVALUATION, encode_evaluation(record))


EVALUATIONS_DAYS = 31
"""Days what evaluators found is in the list: long enough to look at what failed. The sums are kept longer."""
