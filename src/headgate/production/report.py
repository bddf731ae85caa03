"""The lessons held against the facts: findings, scores, and what was not looked at."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import get_args

import msgspec

from headgate.config.problem import written
from headgate.production.facts import Facts, Flaw, Unseen
from headgate.production.lesson import Lesson, Theme

THEMES: tuple[Theme, ...] = get_args(Theme)

_SERIOUS_WEIGHT = 3
"""What a serious lesson counts in a score, against one that is advice."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One place where a lesson is not heeded."""

    lesson: str
    theme: Theme
    serious: bool
    where: str
    """`file:line: path`, or `environment`, `database`, `disk`."""
    what: str
    why: str
    write: str
    accepted: bool = False
    """Whether the operator has said that this is meant."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How a theme stands."""

    theme: str
    score: int | None
    """0 to 100: the share of its lessons that are heeded, a serious one counting three; None where none was looked at.
    """
    lessons: int
    """How many were looked at."""
    serious: int
    """Findings that are serious."""
    advice: int
    """All others."""
    unseen: int
    """Lessons that were not looked at."""


class NotSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A lesson that was not looked at."""

    lesson: str
    theme: Theme
    why: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """How a configuration stands to all lessons."""

    file: str
    ok: bool
    """Whether nothing serious was found that is not accepted."""
    total: Standing
    themes: list[Standing]
    findings: list[Finding]
    """By theme, serious ones first."""
    not_seen: list[NotSeen]


class _Held(msgspec.Struct, frozen=True):
    """What came of one lesson."""

    lesson: Lesson
    flaws: Sequence[Flaw]
    unseen: str | None = None


def report(file: str, facts: Facts, lessons: Sequence[Lesson], accepted: Collection[str] = ()) -> Report:
    """Hold lessons against facts. Those whose names are `accepted` are shown, and count as heeded."""
    held = [_hold(each, facts) for each in lessons]
    findings = [_finding(file, facts, each.lesson, flaw, accepted) for each in held for flaw in each.flaws]
    findings.sort(key=lambda each: (THEMES.index(each.theme), each.accepted, not each.serious))
    return Report(
        file=file,
        ok=not any(each.serious and not each.accepted for each in findings),
        total=_standing("all", held, accepted),
        themes=[_standing(theme, [each for each in held if each.lesson.theme == theme], accepted) for theme in THEMES],
        findings=findings,
        not_seen=[
            NotSeen(lesson=each.lesson.name, theme=each.lesson.theme, why=each.unseen)
            for each in held
            if each.unseen is not None
        ],
    )


def _hold(lesson: Lesson, facts: Facts) -> _Held:
    try:
        return _Held(lesson, list(lesson.find(facts)))
    except Unseen as error:
        return _Held(lesson, [], str(error))


def _finding(file: str, facts: Facts, lesson: Lesson, flaw: Flaw, accepted: Collection[str]) -> Finding:
    where = flaw.place
    if where is None:
        place = written(flaw.path)
        where = f"{file}:{flaw.line or facts.source.line_of(flaw.path)}{f': {place}' if place else ''}"
    return Finding(
        lesson=lesson.name,
        theme=lesson.theme,
        serious=lesson.serious,
        where=where,
        what=flaw.what,
        why=lesson.why,
        write=flaw.write,
        accepted=lesson.name in accepted,
    )


def _standing(theme: str, held: Sequence[_Held], accepted: Collection[str]) -> Standing:
    seen = [each for each in held if each.unseen is None]
    weights = {True: _SERIOUS_WEIGHT, False: 1}
    failed = [each for each in seen if each.flaws and each.lesson.name not in accepted]
    most = sum(weights[each.lesson.serious] for each in seen)
    lost = sum(weights[each.lesson.serious] for each in failed)
    return Standing(
        theme=theme,
        score=100 * (most - lost) // most if most else None,
        lessons=len(seen),
        serious=sum(len(each.flaws) for each in failed if each.lesson.serious),
        advice=sum(len(each.flaws) for each in failed if not each.lesson.serious),
        unseen=len(held) - len(seen),
    )
