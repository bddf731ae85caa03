"""What sums say of the quality of answers, with how sure that is: Wilson's intervals of 95 % confidence."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from headgate.stats.intervals import wilson

LIKES = ("feedback.up", "feedback.score_4", "feedback.score_5")
"""Who is satisfied: a thumb up, or 4 or 5 of 5."""

DISLIKES = ("feedback.down", "feedback.score_1", "feedback.score_2", "feedback.score_3")


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """How many of how many, as a share, and between which values the truth is with 95 % confidence."""

    of: int
    """How many there were to count."""
    counted: int
    share: float | None
    """Null of none."""
    low: float
    high: float


class Satisfaction(msgspec.Struct, frozen=True, kw_only=True):
    """What users said, each of a call once, with his last word."""

    satisfied: Share
    """Thumbs up and scores of 4 and 5, among all thumbs and scores."""
    rated: Share
    """Calls somebody rated, among all calls: who rates is not everybody, so the smaller this is, the less may be
    concluded for all. Its interval is that of a sample of such calls.
    """
    mean_score: float | None
    """Of scores alone, 1 to 5."""
    thumbs: dict[str, int]
    scores: dict[str, int]
    labels: dict[str, int]
    comments: int
    corrections: int


class Evaluated(msgspec.Struct, frozen=True, kw_only=True):
    """What one evaluator found in the calls it looked at."""

    passed: Share
    """Among those it could tell of."""
    skipped: int
    """Those it could not tell of."""
    mean_score: float | None
    """Of those that have one: a judge's mark, the share that is supported."""


def share_of(counted: int, of: int) -> Share:
    """A share; counts that are late or lost may make it more than all, and it is all then."""
    of = max(0, of)
    counted = max(0, min(counted, of))
    interval = wilson(counted, of)
    return Share(
        of=of, counted=counted, share=None if not of else interval.estimate, low=interval.low, high=interval.high
    )


def satisfaction_of(counts: Mapping[str, int]) -> Satisfaction:
    """What the counts of a sum say of satisfaction."""
    likes, dislikes = (sum(counts.get(name, 0) for name in names) for names in (LIKES, DISLIKES))
    scores = {str(score): counts.get(f"feedback.score_{score}", 0) for score in range(1, 6)}
    scored = sum(scores.values())
    return Satisfaction(
        satisfied=share_of(likes, likes + dislikes),
        rated=share_of(counts.get("rated", 0), counts.get("calls", 0)),
        mean_score=sum(int(score) * number for score, number in scores.items()) / scored if scored > 0 else None,
        thumbs={thumb: counts.get(f"feedback.{thumb}", 0) for thumb in ("up", "down")},
        scores=scores,
        labels={name.removeprefix("feedback_label."): number for name, number in counts.items()
                if name.startswith("feedback_label.") and number},
        comments=counts.get("feedback.comments", 0),
        corrections=counts.get("feedback.corrections", 0),
    )  # fmt: skip


def evaluations_of(counts: Mapping[str, int]) -> dict[str, Evaluated]:
    """What the counts of a sum say of evaluators, by their names."""
    found: dict[str, dict[str, int]] = {}
    for name, number in counts.items():
        if name.startswith("evaluation."):
            evaluator, _, what = name.removeprefix("evaluation.").rpartition(".")
            found.setdefault(evaluator, {})[what] = number
    return {name: _evaluated(found[name]) for name in sorted(found)}


def _evaluated(counts: Mapping[str, int]) -> Evaluated:
    passed, failed, scored = (counts.get(name, 0) for name in ("pass", "fail", "scored"))
    return Evaluated(
        passed=share_of(passed, passed + failed),
        skipped=counts.get("skip", 0),
        mean_score=counts.get("thousandths", 0) / 1000 / scored if scored else None,
    )
