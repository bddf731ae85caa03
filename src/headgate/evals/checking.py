"""What can be told before anything is asked: that there are the prompts and models tests name, and that inputs fit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from headgate.evals.case import Assertion, Suite
from headgate.evals.marks import Models
from headgate.evals.problems import Place, Problem
from headgate.evals.subjects import Subjects, Unaskable, Unrenderable

MOST_PROBLEMS = 1_000


def problems_of(suites: Sequence[Suite], subjects: Mapping[str, Subjects], models: Models) -> list[Problem]:
    """What is wrong with suites as they stand to prompts and models. `subjects` by the names of suites."""
    found: dict[tuple[Place, str], None] = {}
    for suite in suites:
        for judge in suite.judges.values():
            if not models.names(judge.model):
                found[judge.place, _no_model(judge.model)] = None
        if suite.embeddings is not None and not models.names(suite.embeddings):
            found[_place(suite, "embeddings"), _no_model(suite.embeddings)] = None
        for place, model in _vectorising(each for case in suite.cases for each in case.assertions):
            if not models.names(model):
                found[place, _no_model(model)] = None
        for cell in suite.cells:
            for case in suite.cases:
                if len(found) > MOST_PROBLEMS:
                    return _told(found)
                try:
                    model = subjects[suite.name].request(cell, case).body.get("model", "")
                except Unaskable as error:
                    found[_place(suite, "prompt"), str(error)] = None
                    break
                except Unrenderable as error:
                    found[case.place, str(error)] = None
                    continue
                if not models.names(model):
                    found[_place(suite, "model"), _no_model(model)] = None
    return _told(found)


def _vectorising(assertions: Iterable[Assertion]) -> Iterator[tuple[Place, str]]:
    """The models for embeddings that assertions name themselves, and where."""
    for each in assertions:
        if isinstance(each.options.get("model"), str):
            yield each.place, each.options["model"]
        yield from _vectorising(each.members)


def _place(suite: Suite, what: str) -> Place:
    return suite.named.get(what, Place(suite.file))


def _no_model(name: str) -> str:
    return f"there is no model '{name}' in the configuration; 'headgate models' lists them"


def _told(found: Mapping[tuple[Place, str], None]) -> list[Problem]:
    return [Problem(place, what) for place, what in found]
