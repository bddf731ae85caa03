"""What there is to test of suites, released versions and a configuration."""

from __future__ import annotations

import pytest

from headgate.config import loads
from headgate.evals.case import Cell
from headgate.retesting.wanted import Label, Suite, Wanted, wanted

CONFIG = """
providers: {sim: {kind: simulator}}
models:
  chat: {targets: [sim/gpt-4o-mini]}
  staged: {prompt: s/triage@staging, targets: [sim/gpt-4o]}
  triage: {prompt: s/triage@production, targets: [sim/gpt-4o-mini]}
"""


def found(*cells: Cell, labels: tuple[Label, ...] = (), config: str = CONFIG) -> list[Wanted]:
    suite = Suite(id="1", organisation="default", name="s", digest="d", cells=cells, asks=())
    return list(wanted([suite], labels, {"production", "canary"}, loads(config, "headgate.yaml", {})))


def labelled(name: str, **digests: str) -> tuple[Label, ...]:
    return tuple(Label("default", name, label, digest) for label, digest in digests.items())


def test_each_released_version_once():
    labels = labelled("s/other", production="1", canary="2", staging="3", stable="1")
    assert [each.digest for each in found(Cell("s/other"), labels=labels)] == ["1", "2"]
    both = labelled("s/other", production="1", canary="1")
    assert [each.told for each in found(Cell("s/other"), labels=both)] == ["prompt:s/other@production by 's' (s/other)"]
    assert not found(Cell("s/nothing"), labels=both)
    assert not found(Cell("s/other"), labels=(Label("elsewhere", "s/other", "production", "1"),))


def test_a_variant_is_a_prompt_of_its_own():
    (one,) = found(Cell("s/other", "brief"), labels=labelled("s/other.brief", production="1"))
    assert (one.subject, one.cell.name, one.served) == ("prompt:s/other.brief", "s/other.brief", True)


@pytest.mark.parametrize(
    ("cell", "name", "served"),
    [
        (Cell("s/triage"), "s/triage @ triage", True),  # as clients are answered who ask for it by its name
        (Cell("s/triage", model="staged"), "s/triage @ staged", True),
        (Cell("s/triage", model="chat"), "s/triage @ chat", False),
    ],
)
def test_a_prompt_is_asked_by_the_model_that_it_is(cell: Cell, name: str, served: bool):
    (one,) = found(cell, labels=labelled("s/triage", production="1"))
    assert (one.cell.name, one.served) == (name, served)


def test_a_golden_set_is_of_its_models():
    one, two = found(Cell(model="chat"), Cell(model="sim/gpt-4o"))
    assert [one.subject, two.subject] == ["model:chat", "model:sim/gpt-4o"]
    assert one.place == ("default", "model:chat", "", "s", "chat")
