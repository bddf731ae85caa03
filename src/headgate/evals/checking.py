"""What can be told before anything is asked: that there are the prompts and models tests name, and that inputs fit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from headgate.evals.case import Assertion, Suite
from headgate.evals.models import AskedModels
from headgate.evals.problems import Place, Problem
from headgate.evals.subjects import Subjects, Unrenderable

MOST_PROBLEMS = 1_000


def problems_of(
    suites: Sequence[Suite], subjects: Mapping[str, Subjects], models: AskedModels, *, inputs: bool = True
) -> list[Problem]:
    """What is wrong with suites as they stand to prompts and models. `subjects` by the names of suites. Without
    `inputs` it is no mistake that a prompt does not take those of a case.
    """
    found: dict[tuple[Place, str], None] = {}
    for suite in suites:
        found |= {(each.place, each.message): None for each in unknown_judges(suite, models)}
        if suite.embeddings is not None and not models.names(suite.embeddings):
            found[_place(suite, "embeddings"), models.unknown(suite.embeddings)] = None
        for place, model in _vectorising(each for case in suite.cases for each in case.assertions):
            if not models.names(model):
                found[place, models.unknown(model)] = None
        for cell in suite.cells:
            for case in suite.cases:
                if len(found) > MOST_PROBLEMS:
                    return _told(found)
                try:
                    model = subjects[suite.name].request(cell, case).body.get("model", "")
                except Unrenderable as error:
                    if inputs or error.whole:
                        found[_place(suite, "prompt") if error.whole else case.place, str(error)] = None
                    if error.whole:
                        break
                    continue
                if not models.names(model):
                    found[_place(suite, "model"), models.unknown(model)] = None
    return _told(found)


def unknown_judges(suite: Suite, models: AskedModels) -> list[Problem]:
    """The judges of a suite whose models there are not."""
    judges = suite.judges.values()
    return [Problem(each.place, models.unknown(each.model)) for each in judges if not models.names(each.model)]


def _vectorising(assertions: Iterable[Assertion]) -> Iterator[tuple[Place, str]]:
    """The models for embeddings that assertions name themselves, and where."""
    for each in assertions:
        if isinstance(each.options.get("model"), str):
            yield each.place, each.options["model"]
        yield from _vectorising(each.members)


def _place(suite: Suite, what: str) -> Place:
    return suite.named.get(what, Place(suite.file))


def _told(found: Mapping[tuple[Place, str], None]) -> list[Problem]:
    return [Problem(place, what) for place, what in found]
