"""What users said of answers, and what evaluators found in them, one by one."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import datetime
from typing import TypeVar

import msgspec

from headgate.administration.acting import Actor, Acts, Ports
from headgate.administration.problems import invalid
from headgate.administration.requests import EvaluationListing, FeedbackListing
from headgate.administration.values import microseconds, moment
from headgate.administration.views import Page
from headgate.errors import BadRequest, Forbidden
from headgate.quality.listing import page
from headgate.storage.records import Evaluation, Feedback

T = TypeVar("T")

CONTENT = "content.read"
"""The scope that lets read comments and corrections."""


class FeedbackView(msgspec.Struct, frozen=True, kw_only=True):
    """What one user said of one call."""

    id: str
    at: datetime
    request_id: str
    call_started: datetime
    """When the call began; of one nobody knew, when this was said."""
    model: str
    target: str
    key_id: str
    team_id: str | None
    project_id: str | None
    prompt_version: str | None
    arm: str | None
    rater: str
    """Whose word it is: `user:` and the hashed end user, `person:…` or `key:…`."""
    given_by: str
    """Who sent it."""
    thumb: str | None
    score: int | None
    label: str | None
    has_comment: bool
    has_correction: bool
    comment: str | None
    """Null unless `texts` is asked for."""
    correction: str | None
    """As of `comment`."""
    replaced: bool
    """Whether the same user has said something else of the call since."""


class EvaluationView(msgspec.Struct, frozen=True, kw_only=True):
    """What one evaluator found in one call."""

    at: datetime
    request_id: str
    call_started: datetime
    model: str
    target: str
    key_id: str
    team_id: str | None
    prompt_version: str | None
    arm: str | None
    evaluator: str
    outcome: str
    """`pass`, `fail`, or `skip` where it could not tell."""
    score: float | None
    reason: str
    """Why, in a word."""


class QualityReading:
    """Lists, the newest first. Who may act in one team sees what is of its calls."""

    def __init__(self, ports: Ports, acts: Acts) -> None:
        self._ports = ports
        self._acts = acts

    async def feedback(self, actor: Actor, request: FeedbackListing) -> Page[FeedbackView]:
        """Feedback. That comments and corrections were read is in the audit log.

        Raises:
            Forbidden: `texts` is asked for by somebody who may not read content.
            Invalid: the cursor is none that a list gave.
        """
        if request.texts and CONTENT not in actor.identity.scopes:
            raise Forbidden(f"Comments and corrections are content: reading them needs the scope '{CONTENT}'.")
        await self._caught_up()
        rows, cursor = await _page(
            page(
                self._ports.database,
                Feedback,
                {
                    "organisation": actor.organisation,
                    "team_id": actor.team_id or request.team,
                    "call_id": request.call,
                    "key_id": request.key,
                    "model": request.model,
                    "thumb": request.thumb,
                    "score": request.score,
                    "label": request.label,
                    "replaced": 0 if not request.history else None,
                },
                from_us=None if request.from_ is None else microseconds(request.from_),
                until_us=None if request.to is None else microseconds(request.to),
                cursor=request.cursor,
                limit=request.limit,
            )
        )
        if request.texts:
            async with self._acts.begin(actor) as act:
                act.record(CONTENT, "feedback:*", {"rows": len(rows), "model": request.model, "call": request.call})
        return Page([_feedback(row, request.texts) for row in rows], cursor)

    async def evaluations(self, actor: Actor, request: EvaluationListing) -> Page[EvaluationView]:
        """What evaluators found.

        Raises:
            Invalid: the cursor is none that a list gave.
        """
        await self._caught_up()
        rows, cursor = await _page(
            page(
                self._ports.database,
                Evaluation,
                {
                    "organisation": actor.organisation,
                    "team_id": actor.team_id or request.team,
                    "call_id": request.call,
                    "key_id": request.key,
                    "model": request.model,
                    "evaluator": request.evaluator,
                    "outcome": request.outcome,
                },
                from_us=None if request.from_ is None else microseconds(request.from_),
                until_us=None if request.to is None else microseconds(request.to),
                cursor=request.cursor,
                limit=request.limit,
            )
        )
        return Page([_evaluation(row) for row in rows], cursor)

    async def _caught_up(self) -> None:
        if self._ports.caught_up is not None:
            await self._ports.caught_up()


async def _page(found: Awaitable[T]) -> T:
    try:
        return await found
    except BadRequest:
        raise invalid("cursor", "is none that a list gave; begin without one") from None


def _feedback(row: Feedback, texts: bool) -> FeedbackView:
    return FeedbackView(
        id=row.id,
        at=moment(row.at_us),
        request_id=row.call_id,
        call_started=moment(row.started_us),
        model=row.model,
        target=row.target,
        key_id=row.key_id,
        team_id=row.team_id,
        project_id=row.project_id,
        prompt_version=row.prompt_version,
        arm=row.arm,
        rater=row.rater,
        given_by=row.given_by,
        thumb=row.thumb,
        score=row.score,
        label=row.label,
        has_comment=row.comment is not None,
        has_correction=row.correction is not None,
        comment=row.comment if texts else None,
        correction=row.correction if texts else None,
        replaced=bool(row.replaced),
    )


def _evaluation(row: Evaluation) -> EvaluationView:
    return EvaluationView(
        at=moment(row.at_us),
        request_id=row.call_id,
        call_started=moment(row.started_us),
        model=row.model,
        target=row.target,
        key_id=row.key_id,
        team_id=row.team_id,
        prompt_version=row.prompt_version,
        arm=row.arm,
        evaluator=row.evaluator,
        outcome=row.outcome,
        score=row.score,
        reason=row.reason,
    )
