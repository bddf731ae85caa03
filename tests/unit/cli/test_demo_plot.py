"""The plot of `headgate demo`: a round is whole, and every part of it says that it is simulated."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from headgate.cli.demo import plot
from headgate.config import loads
from headgate.providers.simulator.script import Script


def test_the_acts_are_a_whole_round() -> None:
    assert sum(act.share for act in plot.ACTS) == pytest.approx(1)


@pytest.mark.parametrize("cycle_s", [9.0, 90.0])
def test_every_act_has_its_share_of_each_round(cycle_s: float) -> None:
    played = Counter(plot.act_at(step * cycle_s / 1000, cycle_s).name for step in range(2000))
    assert {name: count / 2000 for name, count in played.items()} == pytest.approx(
        {act.name: act.share for act in plot.ACTS}, abs=0.002
    )


def test_no_act_is_left_out_though_several_are_over() -> None:
    calm, *between, raised = plot.ACTS
    played = [calm]
    while played[-1] is not raised:
        played.append(plot.next_act(played[-1], raised))
    assert played == [calm, *between, raised]
    assert plot.next_act(None, raised) is raised
    assert plot.next_act(raised, calm) is calm


def test_the_configuration_is_one_and_its_vendors_are_simulated(tmp_path: Path) -> None:
    config = loads(plot.configuration("127.0.0.1", 8080, 90), directory=tmp_path)
    assert {each.kind for each in config.providers.values()} == {"simulator"}
    assert all(name.startswith("sim-") for name in config.providers)
    assert {team.model for team in plot.TEAMS} == set(config.models)


def test_only_one_vendor_fails_and_only_in_the_incident() -> None:
    faulty = {
        (vendor, act.name)
        for vendor in ("sim-east", "sim-west")
        for act in plot.ACTS
        if any(rule.fault is not None for rule in Script(plot.rules(vendor, act)).rules)
    }
    assert faulty == {("sim-east", "incident")}


def test_the_team_that_spends_makes_more_reports_than_its_budget_is_for() -> None:
    budget = next(act for act in plot.ACTS if act.name == "budget")
    every_s = plot.report_every_s(budget, 90)
    assert every_s is not None
    assert budget.share * 90 / every_s > plot.REPORTS
    assert plot.report_every_s(plot.ACTS[0], 90) is None
