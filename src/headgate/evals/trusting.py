"""Whether a judge can be trusted: what it says of answers that people have judged.

Labels are lines of JSON: `{"messages": "the question", "answer": "…", "rubric": "…", "pass": true}`. In place of
`rubric` any judged kind: `factuality`, `relevance`, `faithfulness`, `pairwise`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from math import isnan
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from headgate.evals.answer import Answer
from headgate.evals.case import Assertion, Case, Judging, Suite
from headgate.evals.grading import graded
from headgate.evals.judges import JUDGE
from headgate.evals.kinds import KINDS
from headgate.evals.kinds.judged import READS_FIRST, READS_LAST
from headgate.evals.marks import Models
from headgate.evals.problems import BadTests, Place, Problem
from headgate.evals.reading.assertions import read_assertions
from headgate.evals.reading.conversations import read_messages
from headgate.evals.reading.sheet import Sheet
from headgate.evals.reading.sources import DISK, Sources
from headgate.stats.agreement import Agreement, agreement
from headgate.stats.paired import drop

FEWEST = 20
"""Labels from which on a judge is held to a kappa: of fewer chance alone may give any."""

SWAYED = 0.025
"""How unlikely it has to be by chance for a leaning to be told."""

_NAMES = frozenset({"messages", "answer", "pass", "inputs", *(name for name, kind in KINDS.items() if kind.judges)})


class Label(NamedTuple):
    """An answer somebody has judged."""

    case: Case
    answer: Answer
    passes: bool


class Leanings(msgspec.Struct, frozen=True, kw_only=True):
    """What sways a judge beside what it is asked about."""

    pairs: int = 0
    """Labels of two answers."""
    first: int = 0
    """Of these, how often it preferred whichever it read first."""
    last: int = 0
    longer: float | None = None
    """How much more often it passes the longer half of the answers, beside what people do; None of too few."""
    longer_chance: float = 1.0
    """How likely so much more would be by chance."""

    def told(self) -> str:
        """In a few words; empty where there is nothing to tell."""
        told: list[str] = []
        if self.first or self.last:
            told.append(f"prefers what it reads first in {self.first} and last in {self.last} of {self.pairs} pairs")
        if self.longer is not None and self.longer_chance <= SWAYED:
            told.append(f"is kinder to long answers, by {100 * self.longer:.0f} points")
        return "".join(f"; {each}" for each in told)


class Trust(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a judge's test."""

    judge: str
    model: str
    required: float | None
    unreadable: int
    """Answers it gave no verdict of."""
    agreement: Agreement
    leanings: Leanings = Leanings()

    @property
    def trusted(self) -> bool:
        return self.required is None or (
            self.agreement.things >= FEWEST and self.agreement.kappa.estimate >= self.required
        )

    def told(self) -> str:
        """In a line."""
        found, kappa = self.agreement, self.agreement.kappa
        agreed = f"agrees with people on {found.share.estimate:.0%} of {found.things}"
        if not found.things:
            told = "no verdict on anything people have judged"
        elif isnan(kappa.estimate):
            told = f"no kappa, since all verdicts are the same, of people and of the judge; {agreed}; label both kinds"
        else:
            told = f"kappa {kappa.estimate:.2f} ({kappa.low:.2f} to {kappa.high:.2f}), {agreed}"
        text = f"judge {self.judge} ({self.model}): {told}"
        if self.required is not None:
            text += (
                f"; {self.required:g} asked for"
                if found.things >= FEWEST
                else f"; {FEWEST} labels with a verdict are needed"
            )
        return text + (f"; {self.unreadable} without a verdict" if self.unreadable else "") + self.leanings.told()


def read_labels(file: Path, sources: Sources = DISK) -> list[Label]:
    """The labels in a file.

    Raises:
        BadTests: what is wrong in it.
    """
    problems: list[Problem] = []
    labels: list[Label] = []
    try:
        text = sources.read(file).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadTests([Problem(Place(str(file)), f"cannot be read: {error}")]) from None
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            tree: Any = msgspec.json.decode(line)
        except (msgspec.DecodeError, RecursionError) as error:
            problems.append(Problem(Place(str(file), number), f"is no JSON: {error}"))
            continue
        sheet = Sheet(str(file), tree, lambda _, number=number: (number, 1))
        label = _label(sheet)
        problems += sheet.problems
        labels += [label] if label is not None else []
    if not labels and not problems:
        problems.append(Problem(Place(str(file)), "holds no labels"))
    if problems:
        raise BadTests(problems)
    return labels


def _label(sheet: Sheet) -> Label | None:
    tree = sheet.mapping((), sheet.tree, _NAMES)
    if not isinstance(tree.get("pass"), bool):
        sheet.wrong(("pass",), "is true or false: what people say of the answer")
    if not isinstance(tree.get("answer"), str):
        sheet.wrong(("answer",), "is a text")
    judged = {name: value for name, value in tree.items() if name in KINDS}
    assertions: tuple[Assertion, ...] = read_assertions(sheet, (), [judged]) if judged else ()
    if not judged:
        sheet.wrong((), "says not what is judged; write 'rubric': '…'")
    messages = read_messages(sheet, ("messages",), tree.get("messages"))
    if sheet.problems:
        return None
    place = sheet.place(())
    case = Case(
        id=str(place.line), inputs=tree.get("inputs") or {}, messages=messages, assertions=assertions, place=place
    )
    return Label(case, Answer(text=tree["answer"]), tree["pass"])


async def examined(name: str, judge: Judging, labels: Sequence[Label], models: Models, concurrency: int = 8) -> Trust:
    """Ask a judge about answers that people have judged.

    Raises:
        Spent: the budget has no room for it; nothing is asked any more.
    """
    suite = Suite(name="labels", file="", cells=(), cases=(), judges={JUDGE: judge})
    gate = asyncio.Semaphore(concurrency)

    async def verdict(label: Label) -> tuple[bool | None, str]:
        async with gate:
            body = {"messages": list(label.case.messages)}
            found = await graded(label.answer, label.case, suite, models, body, "")
            return found.passed, found.marks[0].reason

    asking = [asyncio.ensure_future(verdict(each)) for each in labels]
    try:
        verdicts = await asyncio.gather(*asking)
    finally:
        for each in asking:
            each.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
    said = [(one, label) for (one, _), label in zip(verdicts, labels, strict=True) if one is not None]
    pairs = [(one, label.passes) for one, label in said]
    reasons = [reason for _, reason in verdicts]
    longer, chance = _lenience(said)
    return Trust(
        judge=name,
        model=judge.model,
        required=judge.kappa,
        unreadable=len(labels) - len(pairs),
        agreement=agreement(pairs),
        leanings=Leanings(
            pairs=sum(label.case.assertions[0].kind == "pairwise" for _, label in said),
            first=reasons.count(READS_FIRST),
            last=reasons.count(READS_LAST),
            longer=longer,
            longer_chance=chance,
        ),
    )


def _lenience(said: Sequence[tuple[bool, Label]]) -> tuple[float | None, float]:
    """How much kinder a judge is to the longer half of the answers than to the shorter one, where kindness is to pass
    what people did not; and how likely that would be by chance, by dealing verdicts out to both halves anew.
    """
    if len(said) < FEWEST:
        return None, 1.0
    ordered = sorted(said, key=lambda each: len(each[1].answer.text))
    kind = [(one - label.passes + 1) / 2 for one, label in ordered]
    half = len(kind) // 2
    found = drop([kind[:half]], [kind[-half:]])
    return 2 * found.difference.estimate, found.rise


async def all_examined(suites: Sequence[Suite], models: Models, sources: Sources = DISK) -> list[Trust]:
    """Test the judges of suites that have labels, each once, by the most that any of its suites asks of it.

    Raises:
        BadTests: what is wrong in their labels.
    """
    wanted: dict[tuple[str, str, bytes, Path], tuple[str, Judging, Path]] = {}
    for suite in suites:
        for name, judge in suite.judges.items():
            if judge.labels is not None:
                file = Path(suite.file).parent / judge.labels
                key = (name, judge.model, msgspec.json.encode(judge.config, order="deterministic"), file.resolve())
                known = wanted.get(key)
                if known is None or (known[1].kappa or 0) < (judge.kappa or 0):
                    wanted[key] = (name, judge, file)
    return [await examined(name, judge, read_labels(file, sources), models) for name, judge, file in wanted.values()]
