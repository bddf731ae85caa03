"""What came of tests of prompts and models: run by run, over time, and how each suite stands now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from headgate.administration.prompt_tests import TestView
from headgate.dashboard.charts import Chart, Column, Grid, Value
from headgate.dashboard.figures import largest
from headgate.dashboard.looking import Look

TESTS = 500
"""The newest runs of a prompt or model that are read."""

VERDICTS: Mapping[str, tuple[str, str]] = {
    "baseline": ("", "baseline"),
    "no_difference": ("good", "as before"),
    "regression": ("bad", "worse"),
    "improvement": ("good", "better"),
    "not_comparable": ("", "nothing to compare"),
}
"""A colour and a word."""


def verdict(said: str | None) -> tuple[str, str]:
    """A colour and a word for how tests came out; a verdict of another release is its own word."""
    return ("", "–") if said is None else VERDICTS.get(said, ("", said.replace("_", " ")))


def by_time(tests: Sequence[TestView]) -> Sequence[TestView]:
    """The newest first, as they ran: they may have been posted in another order."""
    return sorted(tests, key=lambda each: each.at, reverse=True)


def standing(tests: Sequence[TestView]) -> Sequence[TestView]:
    """Of each version, suite and cell the newest, which come first among tests that are sorted so."""
    found: dict[tuple[str | None, str, str], TestView] = {}
    for each in tests:
        found.setdefault((each.version, each.suite, each.cell), each)
    return list(found.values())


def worst(tests: Iterable[TestView]) -> TestView | None:
    """The one to show of several: one that is worse, else the first."""
    listed = list(tests)
    return next((each for each in listed if each.verdict == "regression"), listed[0] if listed else None)


async def golden(look: Look) -> Mapping[str, TestView]:
    """How models stand in their golden sets, for who may see them: the worst of several, by model."""
    if look.house.administration is None or not look.viewer.may("prompts.read"):
        return {}
    found: dict[str, list[TestView]] = {}
    for test in await look.administration.prompt_tests.standing(await look.actor(), "model"):
        found.setdefault(test.model or "", []).append(test)
    return {model: told for model, tests in found.items() if (told := worst(tests)) is not None}


def chart(tests: Sequence[TestView]) -> Chart:
    """The share of answers that passed, run by run; where there is one suite at one cell, with its interval."""
    cells = largest(dict.fromkeys(f"{each.suite}, {each.cell}" for each in tests))
    at: dict[int, dict[str, TestView]] = {}
    for each in tests:
        at.setdefault(int(each.at.timestamp()), {})[f"{each.suite}, {each.cell}"] = each
    columns = [Column(cell) for cell in cells]
    if len(cells) == 1:
        columns += [Column("at least", "bound"), Column("at most", "bound")]
    return Chart(
        id="tests",
        title="Answers that passed in tests",
        kind="share",
        columns=columns,
        rows=[(second, _values(ran, cells)) for second, ran in sorted(at.items())],
        step="minute",
        told="Run by run" + ("; the truth lies between the bounds in 95 of 100 cases" if len(cells) == 1 else ""),
        time=f"the last {len(tests)} that are kept",
    )


def _values(ran: Mapping[str, TestView], cells: Sequence[str]) -> Sequence[Value]:
    found = [ran.get(cell) for cell in cells]
    rates: list[Value] = [None if each is None else each.pass_rate for each in found]
    if len(cells) == 1 and found[0] is not None:
        rates += [found[0].low, found[0].high]
    return rates


NAMES = (
    "at", "run", "suite", "cell", "version", "cases", "passed", "failed", "undecided", "pass_rate", "low", "high",
    "verdict", "difference", "difference_low", "difference_high", "chance", "cost_usd", "p95_ms",
)  # fmt: skip


def grid(tests: Sequence[TestView]) -> Grid:
    """Runs as a file has them."""
    rows = [
        [each.at.isoformat(), *(getattr(each, name) for name in NAMES[1:]), " ".join(each.answered_by)]
        for each in tests
    ]
    return Grid(id="test-runs", heads=[*NAMES, "answered_by"], rows=rows)
