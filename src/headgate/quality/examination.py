"""Looking at one answer."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from functools import partial
from typing import Any

import msgspec
from msgspec.structs import asdict

from headgate import dialects
from headgate.clock import Clock
from headgate.dialects.hub import Answer
from headgate.observing.answers import stream_answer, whole_answer
from headgate.observing.passing import Seen
from headgate.quality.evaluating import Unevaluated
from headgate.quality.evaluators import Finding, Material, examined
from headgate.quality.judge import Judge
from headgate.storage.records import CalledAt, Evaluation
from headgate.types import Payload


class Examination(msgspec.Struct, frozen=True):
    """An answer that is to be evaluated: what it is, where its call stands, and what is looked for."""

    seen: Seen
    request: Payload
    """As the client sent it, without its tree."""
    at: CalledAt
    organisation: str
    call_id: str
    parent: str | None
    """The attempt the answer came from."""
    streamed: bool
    checks: Sequence[str]
    grounded_from: float
    judges: Sequence[Judge]
    clock: Clock
    size: int
    """Bytes of the request."""

    def let_go(self) -> None:
        """Let go of the answer that was kept."""
        self.seen.kept.let_go()

    async def findings(self) -> AsyncGenerator[Evaluation, None]:
        """What evaluators find, one after the other: checks first.

        Raises:
            Unevaluated: it was not kept, or cannot be read.
            BudgetExceeded: the judges' budget has not enough left.
            StoreUnavailable: nobody knows what it has left.
        """
        codec = dialects.get(self.request.dialect)
        answer: Any = await self.seen.kept.read(partial(whole_answer, codec), partial(stream_answer, codec))
        if not isinstance(answer, Answer):
            raise Unevaluated("unreadable" if self.seen.kept.complete else "memory")
        material = Material(self.request, answer, self.grounded_from)
        for name, finding in await examined(material, self.checks):
            yield self._told(name, finding)
        for judge in self.judges:
            finding = await judge.find(material, self.organisation, self.call_id, self.parent)
            yield self._told(f"judge.{judge.name}", finding)

    def _told(self, evaluator: str, finding: Finding) -> Evaluation:
        return Evaluation(
            id=f"{self.call_id}.{evaluator}",
            at_us=self.clock.now_us(),
            organisation=self.organisation,
            call_id=self.call_id,
            evaluator=evaluator,
            outcome=finding.outcome,
            score=finding.score,
            reason=finding.reason,
            streamed=int(self.streamed),
            **asdict(self.at),
        )
