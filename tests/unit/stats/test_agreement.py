"""Agreement beyond chance."""

from __future__ import annotations

from math import isnan

import pytest

from headgate.stats.agreement import agreement


def test_cohens_kappa_of_a_textbook() -> None:
    """Fleiss, Levin and Paik, "Statistical Methods for Rates and Proportions", 3rd ed., table 18.1: 75, 1, 4 / 5, 4, 1 /
    0, 0, 10 of 100 give 0.676.
    """
    table = {("p", "p"): 75, ("p", "n"): 1, ("p", "o"): 4, ("n", "p"): 5, ("n", "n"): 4, ("n", "o"): 1, ("o", "o"): 10}
    found = agreement([pair for pair, often in table.items() for _ in range(often)])
    assert found.kappa.estimate == pytest.approx(0.676, abs=0.001)
    assert found.kappa.low < 0.676 < found.kappa.high


def test_chance_gives_nothing() -> None:
    found = agreement([(a, b) for a in (True, False) for b in (True, False)] * 25)
    assert found.kappa.estimate == 0


def test_agreement_throughout_of_a_few_is_no_certainty() -> None:
    found = agreement([(True, True)] * 6 + [(False, False)] * 6)
    assert found.kappa.estimate == 1
    assert found.kappa.low < 0.6


def test_one_class_alone_tells_nothing() -> None:
    assert isnan(agreement([(True, True)] * 50).kappa.estimate)
    assert isnan(agreement([]).kappa.estimate)
