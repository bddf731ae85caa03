"""Detectors: exact in their tails, silent in what is usual, and as the whole benchmark has it on a few of its seeds."""

from __future__ import annotations

from collections import Counter
from math import comb, exp, factorial, nan

import numpy as np
import pytest

from detection.incidents import KINDS, Kind, false_alarms
from detection.report import NOMINAL, mean_interval, plot, recall
from detection.traffic import USUAL
from headgate.stats.detection import (
    Season,
    Window,
    burning,
    excess,
    forecast,
    loss,
    per_call_surge,
    shift,
    surge,
    usual,
)
from headgate.stats.detection.season import DAY, HOURS, WEEK
from headgate.stats.detection.tails import binomial_at_least, poisson_at_most
from headgate.stats.sketch import Sketch

END = 500_000


def season(hourly: float = 100.0, noise: float = 0.0, hours: int = HOURS) -> Season:
    rng = np.random.default_rng(1)
    return Season([hourly * exp(noise * each) for each in rng.normal(size=hours)], END)


def sketch(*values: float) -> Sketch:
    found = Sketch()
    for value in values:
        found.add(value * 1e6)
    return found


@pytest.mark.parametrize(("successes", "trials", "share"), [(3, 10, 0.05), (9, 10, 0.5), (1, 400, 0.02), (30, 40, 0.9)])
def test_binomial_tails_are_exact(successes: int, trials: int, share: float):
    exact = sum(comb(trials, k) * share**k * (1 - share) ** (trials - k) for k in range(successes, trials + 1))
    assert binomial_at_least(successes, trials, share) == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize(("count", "mean"), [(0, 7.5), (3, 12.0), (20, 12.0)])
def test_poisson_tails_are_exact(count: int, mean: float):
    exact = sum(exp(-mean) * mean**k / factorial(k) for k in range(count + 1))
    assert poisson_at_most(count, mean) == pytest.approx(exact, rel=1e-9)


def test_tails_at_their_ends():
    assert binomial_at_least(0, 5, 0.1) == poisson_at_most(3, 0) == binomial_at_least(5, 5, 1.0) == 1
    assert binomial_at_least(6, 5, 0.1) == poisson_at_most(-1, 3.0) == binomial_at_least(1, 5, 0.0) == 0
    assert binomial_at_least(1, 10**6, 1e-9) == pytest.approx(0.001, rel=1e-3)


def test_a_share_is_bad_only_where_chance_is_no_explanation():
    assert excess([Window(300, 3, 40)], 0.05, 10, 300).standing == "unclear"
    assert excess([Window(300, 12, 40)], 0.05, 10, 300).standing == "bad"
    assert excess([Window(300, 2, 40)], 0.05, 10, 300).standing == "fine"
    assert excess([Window(300, 5, 9)], 0.05, 10, 300).standing == "no_data"


def test_one_minute_does_not_decide():
    assert excess([Window(300, 20, 100, 20, 20)], 0.05, 10, 300).standing == "unclear"
    assert excess([Window(300, 20, 100, 8, 20)], 0.05, 10, 300).standing == "bad"


def test_where_calls_are_few_a_longer_window_decides():
    windows = [Window(120, 1, 1), Window(300, 2, 3), Window(1800, 12, 14), Window(3600, 12, 90)]
    found = excess(windows, 0.05, 10, 300)
    assert (found.standing, found.window_s) == ("bad", 1800)


def test_a_week_with_an_incident_does_not_move_what_is_usual():
    values = np.full(HOURS, 100.0)
    values[-WEEK:] = 0
    values[-2 * WEEK : -2 * WEEK + 30] = 9_000
    assert Season(values, END).expected(END) == (100, 100, 100)


def test_a_season_is_of_the_week_and_before_three_weeks_of_the_day():
    values = np.tile(np.arange(WEEK, dtype=float) + 1, 8)
    assert Season(values, END).expected(END + 5).middle == values[5]  # type: ignore[union-attr]
    young = Season(values[-5 * DAY :], END).expected(END)
    assert young is not None
    assert young.low < young.middle < young.high
    assert Season(values[-2 * DAY :], END).expected(END) is None


def test_what_has_grown_is_the_new_level_and_what_has_shrunk_is_not():
    grown, shrunk = np.full(HOURS, 100.0), np.full(HOURS, 100.0)
    grown[-60:] *= 3
    shrunk[-60:] *= 0.3
    assert Season(grown, END).level == pytest.approx(3)
    assert Season(shrunk, END).level == 1


def test_the_spread_is_found_and_outliers_do_not_move_it():
    found = season(noise=0.2).spread(END)
    assert 0.15 < found < 0.35
    rng = np.random.default_rng(1)
    values = 100 * np.exp(0.2 * rng.normal(size=HOURS))
    values[::97] = 50_000
    assert Season(values, END).spread(END) < 1.5 * found


def test_a_surge_is_told_and_one_bucket_is_none():
    usual_, calm = [100 / 12] * 12, season(noise=0.1)
    assert surge(usual_, calm, END * 3600, 2, 1).standing == "fine"
    assert surge([each * 4 for each in usual_], calm, END * 3600, 2, 1).standing == "bad"
    assert surge([*usual_[:-1], 300.0], calm, END * 3600, 2, 1).standing == "unclear"
    assert surge([each * 4 for each in usual_], calm, END * 3600, 2, 1_000).standing == "fine"
    assert surge([each * 4 for each in usual_], season(noise=0.8), END * 3600, 2, 1).standing == "fine"


def test_a_series_that_comes_and_goes_has_to_be_above_all_it_ever_was():
    values = np.zeros(HOURS)
    values[100::337] = 2_000  # at another hour of the day each time
    burst = [2_000 / 12] * 12
    assert surge(burst, Season(values, END), END * 3600, 3, 50, above_all=True).standing == "fine"
    assert surge([each * 2 for each in burst], Season(values, END), END * 3600, 3, 50, above_all=True).standing == "bad"


def test_tokens_per_call():
    ratios = Season([1_000.0 if hour % 3 else nan for hour in range(HOURS)], END)
    assert per_call_surge([(10_000.0, 10)] * 12, ratios, END * 3600, 3, 50).standing == "fine"
    assert per_call_surge([(90_000.0, 10)] * 12, ratios, END * 3600, 3, 50).standing == "bad"
    assert per_call_surge([(9_000_000.0, 10), *[(10_000.0, 10)] * 11], ratios, END * 3600, 3, 50).standing == "unclear"
    assert per_call_surge([(90_000.0, 1)] * 12, ratios, END * 3600, 3, 50).standing == "no_data"


def test_no_calls_mean_something_where_there_should_be_some():
    calm = season(noise=0.1)
    assert loss([(600, 0)], season(600), END * 3600, 0.1).standing == "bad"
    assert loss([(600, 0)], calm, END * 3600, 0.1).standing == "unclear"
    assert loss([(600, 0), (7_200, 0)], calm, END * 3600, 0.1).standing == "bad"
    assert loss([(600, 17)], calm, END * 3600, 0.1).standing == "fine"
    assert loss([(600, 0)], Season([], END), END * 3600, 0.1).standing == "no_data"


def test_a_quantile_that_moved_and_one_that_did_not():
    rng = np.random.default_rng(2)
    draw = lambda scale, number: sketch(*(scale * np.exp(0.7 * rng.normal(size=number))))  # noqa: E731
    base = usual([draw(1.0, 200) for _ in range(24)], 0.95)
    assert base is not None
    assert shift([(900, draw(1.0, 300))], base, 1.5, 20, 900).standing == "fine"
    assert shift([(900, draw(2.5, 300))], base, 1.5, 20, 900).standing == "bad"
    assert shift([(900, draw(9.0, 5))], base, 1.5, 20, 900).standing == "no_data"
    assert usual([draw(1.0, 200)] * 3, 0.95) is None


def test_an_error_budget_burns_over_both_windows_or_not_at_all():
    outage = {300: (30, 100), 3_600: (300, 1_200)}
    over = {300: (0, 100), 3_600: (300, 1_200)}
    assert burning(lambda window_s: outage.get(window_s, (300, 9_000)), 0.001, "page").standing == "bad"
    assert burning(lambda window_s: over.get(window_s, (0, 9_000)), 0.001, "page").standing == "fine"
    assert burning(lambda _: (1, 10), 0.001, "page").standing == "unclear"
    assert burning(lambda _: (0, 0), 0.001, "ticket").standing == "no_data"


def test_a_budget_is_foreseen_by_the_hour():
    calm = season(1.0)
    now_s = END * 3600
    found = forecast(50.0, 100.0, calm, 1.0, now_s, now_s + 100 * 3600)
    assert found.gone_s == now_s + 50 * 3600
    assert found.by_end == pytest.approx(150)
    assert found.earliest_s is not None
    assert found.latest_s is not None
    assert found.earliest_s <= found.gone_s <= found.latest_s
    assert forecast(50.0, 100.0, calm, 0.4, now_s, now_s + 100 * 3600).gone_s is None


# ── the benchmark, in short ──


@pytest.mark.parametrize("kind", KINDS, ids=lambda each: each.name)
def test_incidents_are_told_in_time(kind: Kind):
    results = [
        {"task": [kind.name, USUAL.name, NOMINAL, seed], "found": kind.run(USUAL.at(NOMINAL), seed)}
        for seed in range(3)
    ]
    told, played = recall(results, kind, USUAL.name, NOMINAL)
    assert told >= played - 1
    assert "<svg" in plot(results)


def test_thirty_quiet_days_are_quiet():
    assert sum(Counter(false_alarms(USUAL.at(1_000), 1)).values()) <= 2


def test_intervals_of_means():
    assert mean_interval([0] * 30) == (0.0, 0.0, 0.1)
    mean, low, high = mean_interval([0, 1] * 50)
    assert low < mean == 0.5 < high
