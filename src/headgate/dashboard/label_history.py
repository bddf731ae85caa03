"""What labels stood for, and so where each goes back to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from headgate.administration.prompts import MoveView


def ways_back(moves: Sequence[MoveView], now: str | None, withdrawn: frozenset[str]) -> Sequence[str]:
    """The versions a label can go back to: first that before the one it stands for, then all others it stood for, the
    latest first. Empty where there is nothing before.

    Args:
        moves: of that label, in any order.
        now: what it stands for; None where it was taken away.
        withdrawn: versions that nobody can be served.
    """
    made = sorted((each for each in moves if each.status == "done"), key=_when)

    def may(version: str | None) -> bool:
        return version is not None and version != now and version not in withdrawn

    before = [each for each in reversed(_standing(made)[:-1]) if may(each)]
    others = [each.to_version for each in reversed(made) if may(each.to_version)]
    return [each for each in dict.fromkeys([*before[:1], *others]) if each] if before else []


def taken_away(moves: Sequence[MoveView], labels: Mapping[str, str]) -> Sequence[str]:
    """Labels that stood for something once, and are there no more."""
    return sorted({each.label for each in moves if each.status == "done"} - labels.keys())


def _when(move: MoveView) -> datetime:
    return move.decided_at or move.asked_at


def _standing(made: Sequence[MoveView]) -> Sequence[str | None]:
    """What a label stood for, one upon the other, without what was rolled back: going back twice goes back further."""
    stood: list[str | None] = []
    for move in made:
        if move.kind == "rollback" and move.to_version in stood:
            while stood[-1] != move.to_version:
                stood.pop()
        else:
            stood.append(move.to_version)
    return stood
