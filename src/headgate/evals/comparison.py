"""Two runs held against each other, case by case: whether the second is worse than the first, beyond noise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from headgate.evals.tally import CaseTally, Place, Sums
from headgate.stats.intervals import Interval
from headgate.stats.paired import Drop, drop, holm

ALPHA = 0.025
"""How likely a regression may be told where there is none, over all that is compared together: the lower half of the
customary 5 %."""

MOST_CASES = 20
"""Cases that are named for each cell."""

_CLOSE = 1e-9

On = Literal["pass", "score"]


class CaseChange(msgspec.Struct, frozen=True, kw_only=True):
    """A case that came out otherwise."""

    case: str
    before: float
    after: float
    file: str
    line: int
    reasons: list[str]


class CellComparison(msgspec.Struct, frozen=True, kw_only=True):
    """One suite at one cell, before and after."""

    suite: str
    cell: str
    before_cell: str
    verdict: Literal["regression", "improvement", "no_difference", "not_comparable"]
    pairs: int
    before: float | None
    after: float | None
    difference: Interval | None
    """In the mean over cases; where it would be for other cases of the kind, with 95 % confidence."""
    chance: float
    """How likely so large a drop would be if nothing had changed, made up for all cells that are compared."""
    decides: bool
    """Whether any drop of this cell alone could have been told: for as many cells as are compared there may be too few
    cases, asked too seldom."""
    worse: int
    better: int
    changed: int
    """Cases that are other ones now, by inputs or assertions, and are left out."""
    only_before: int
    only_after: int
    without_answer: int
    cases: list[CaseChange]
    """The worst first."""
    prompt_file: str = ""
    prompt_line: int = 1


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Two runs."""

    alpha: float
    tolerate: float
    on: On
    cells: list[CellComparison]

    @property
    def regressed(self) -> bool:
        return any(each.verdict == "regression" for each in self.cells)

    @property
    def comparable(self) -> bool:
        """Whether there was anything to compare, and nowhere more cases without an answer than with one."""
        return any(each.verdict != "not_comparable" for each in self.cells) and all(
            each.without_answer <= each.pairs for each in self.cells
        )


def compare(before: Sums, after: Sums, *, alpha: float = ALPHA, tolerate: float = 0.0, on: On = "pass") -> Comparison:
    """Hold a run against one before it. A cell is held against the same cell, or where a suite has one in each run,
    against that: so may another model or variant be compared. One that only one of the runs has is told as such, and so
    is one of whose cases more have no answer than have one at both times.

    `tolerate` is how far the mean may drop without being told; `on` what is compared, the share of answers that pass
    or the mean score.
    """
    partners = _partners(before, after)
    paired = [(suite, cell, other, _paired(before, after, suite, cell, other, on)) for suite, cell, other in partners]
    told = [found.drop for *_, found in paired if found.tells]
    chances, rises = iter(holm([each.chance for each in told])), iter(holm([each.rise for each in told]))
    cells: list[CellComparison] = []
    for suite, cell, other, found in paired:
        chance, rise = (next(chances), next(rises)) if found.tells else (1.0, 1.0)
        verdict = _verdict(found.drop, chance, rise, alpha, tolerate) if found.tells else "not_comparable"
        known = found.drop.pairs > 0
        cells.append(
            CellComparison(
                suite=suite,
                cell=cell,
                before_cell=other,
                verdict=verdict,
                pairs=found.drop.pairs,
                before=found.drop.before if known else None,
                after=found.drop.after if known else None,
                difference=found.drop.difference if known else None,
                chance=chance,
                decides=found.drop.decides * max(1, len(told)) <= alpha,
                worse=found.drop.worse,
                better=found.drop.better,
                changed=found.changed,
                only_before=found.only_before,
                only_after=found.only_after,
                without_answer=found.without_answer,
                cases=found.cases,
                prompt_file=found.prompt[0],
                prompt_line=found.prompt[1],
            )
        )
    return Comparison(alpha=alpha, tolerate=tolerate, on=on, cells=cells)


def _verdict(
    found: Drop, chance: float, rise: float, alpha: float, tolerate: float
) -> Literal["regression", "improvement", "no_difference"]:
    if chance <= alpha and found.before - found.after > tolerate + _CLOSE:
        return "regression"
    return "improvement" if rise <= alpha else "no_difference"


class _Paired(msgspec.Struct):
    drop: Drop
    cases: list[CaseChange]
    changed: int
    only_before: int
    only_after: int
    without_answer: int
    prompt: tuple[str, int]

    @property
    def tells(self) -> bool:
        """Whether there are cases to compare, and not more that have no answer."""
        return 0 < self.drop.pairs >= self.without_answer


def _paired(before: Sums, after: Sums, suite: str, cell: str, other: str, on: On) -> _Paired:
    olds, news = _cases(before, suite, other), _cases(after, suite, cell)
    changed = without = 0
    ones: list[list[float]] = []
    twos: list[list[float]] = []
    cases: list[CaseChange] = []
    for name, new in news.items():
        old = olds.get(name)
        if old is None:
            continue
        if old.subject != new.subject:
            changed += 1
            continue
        one, two = (old.scores, new.scores) if on == "score" else _outcomes(old, new)
        if not one or not two:
            without += 1
            continue
        ones.append(one)
        twos.append(two)
        cases.append(_change(name, new, one, two))
    worst = sorted((each for each in cases if each.after < each.before), key=lambda each: each.after - each.before)
    prompt = next((each.prompt for each in (*news.values(), *olds.values())), ("", 1))
    return _Paired(
        drop=drop(ones, twos),
        cases=worst[:MOST_CASES],
        changed=changed,
        only_before=len(olds.keys() - news.keys()),
        only_after=len(news.keys() - olds.keys()),
        without_answer=without,
        prompt=prompt,
    )


def _change(name: str, tally: CaseTally, one: list[float], two: list[float]) -> CaseChange:
    return CaseChange(
        case=name,
        before=sum(one) / len(one),
        after=sum(two) / len(two),
        file=tally.file,
        line=tally.line,
        reasons=tally.reasons,
    )


def _outcomes(old: CaseTally, new: CaseTally) -> tuple[list[float], list[float]]:
    """What can be held against each other: each try; where tries end once a case is decided, those that are made
    whatever comes of the others.
    """
    if old.decided or new.decided:
        tries = min(old.certain, new.certain)
        return old.first_outcomes(tries), new.first_outcomes(tries)
    return old.outcomes, new.outcomes


def _cases(sums: Sums, suite: str, cell: str) -> Mapping[str, CaseTally]:
    return {case: tally for (of, at, case), tally in sums.cases.items() if (of, at) == (suite, cell)}


def _partners(before: Sums, after: Sums) -> list[tuple[str, str, str]]:
    """Suite, cell of the second run, and the cell of the first it is held against; then those only one of them has."""
    olds, news = _cells(before.cases), _cells(after.cases)
    found: list[tuple[str, str, str]] = []
    alone: list[tuple[str, str, str]] = []
    for suite, cells in news.items():
        known = olds.get(suite, [])
        if len(cells) == len(known) == 1:
            found.append((suite, cells[0], known[0]))
            continue
        found += [(suite, cell, cell) for cell in cells if cell in known]
        alone += [(suite, cell, cell) for cell in (*cells, *known) if (cell in cells) != (cell in known)]
    alone += [(suite, cell, cell) for suite, cells in olds.items() if suite not in news for cell in cells]
    return [*found, *alone]


def _cells(cases: Mapping[Place, CaseTally]) -> dict[str, list[str]]:
    found: dict[str, dict[str, None]] = {}
    for suite, cell, _ in cases:
        found.setdefault(suite, {})[cell] = None
    return {suite: list(cells) for suite, cells in found.items()}
