from __future__ import annotations

import statistics

import pytest

from headgate.errors import BadRequest
from headgate.providers.simulator.dice import Dice
from headgate.providers.simulator.timing import Pace, Spread, Times, latency_of


def test_a_number_is_milliseconds_to_the_first_byte() -> None:
    pace = Pace(250, Dice(b"a"))
    assert pace.first_s == 0.25
    assert pace.instant
    assert pace.total_s(1000) == 0.25


def test_none_takes_no_time() -> None:
    assert Pace("none", Dice(b"a")).total_s(100) == 0


def test_realistic_takes_time_per_token() -> None:
    pace = Pace("realistic", Dice(b"a"))
    assert not pace.instant
    assert 0.05 < pace.first_s < 5
    assert pace.total_s(100) > pace.first_s + 0.5


def test_fixed_times_per_token_add_up() -> None:
    pace = Pace(Times(first_token_ms=100, per_token_ms=10), Dice(b"a"))
    assert pace.total_s(20) == pytest.approx(0.3)


def test_a_spread_has_its_median_and_its_99th_percentile() -> None:
    latency = Times(median_ms=100, p99_ms=900)
    drawn = sorted(Pace(latency, Dice(f"{number}".encode())).first_s for number in range(4000))
    assert statistics.median(drawn) == pytest.approx(0.1, rel=0.1)
    assert drawn[3960] == pytest.approx(0.9, rel=0.25)


def test_a_spread_without_a_tail_is_its_median() -> None:
    assert Pace(Times(first_token_ms=Spread(30)), Dice(b"a")).first_s == 0.03


@pytest.mark.parametrize("header", ["", "fast", "-1", "nan", "inf", "3600001"])
def test_a_latency_header_that_cannot_be_read_is_the_clients_error(header: str) -> None:
    with pytest.raises(BadRequest) as caught:
        latency_of(header)
    assert caught.value.param == "x-sim-latency-ms"
