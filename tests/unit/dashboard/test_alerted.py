"""What figures of alerts mean."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from headgate.alerts.config import RuleConfig
from headgate.dashboard.alerted import shown
from headgate.dashboard.charts import Chart, Column


@pytest.mark.parametrize(
    ("rule", "series", "value", "text"),
    [
        ({"threshold": {"measure": "failed", "above": 2}}, "", 12_345.0, "12.3k"),
        ({"threshold": {"measure": "duration.p95", "above": 2}}, "", 2_500.0, "2.50 s"),
        ({"threshold": {"measure": "cost_usd", "above": 2}}, "", 3.5, "$3.50"),
        ({"threshold": {"measure": "failed_share", "above": 0.1}}, "", 0.25, "25.0 %"),
        ({"error_rate": {}}, "model:chat", 0.4, "40.0 %"),
        ({"latency": {}}, "model:chat", 1_500_000.0, "1.50 s"),
        ({"cost_spike": {}}, "", 12.0, "$12.00 an hour"),
        ({"absence": {}}, "", 20.0, "20 calls an hour"),
        ({"unusual": {}, "by": "key"}, "key:key_1 tokens", 900.0, "900 tokens a call"),
        ({"unusual": {}, "by": "key"}, "key:key_1 volume", 900.0, "900 calls an hour"),
        ({"budget": {}}, "budget:b team:t forecast", 3.25, "3.2 days"),
        ({"budget": {}}, "budget:b team:t 80 %", 80.0, "$80.00"),
        ({"prompt": {}}, "prompt:a@production review", 3.0, "3 days"),
        ({"prompt": {}}, "prompt:a tests triage a", 0.5, "50.0 %"),
        ({}, "model:chat availability", 14.4, "14.4 times"),
        ({}, "model:chat cost", 3000.0, "$3,000.00"),
        ({"error_rate": {}}, "", None, "–"),
    ],
)
def test_a_value_is_told_in_the_unit_of_its_rule(rule: Any, series: str, value: float | None, text: str):
    assert shown(msgspec.convert(rule, RuleConfig), series, value) == text


def test_a_share_of_nothing_at_all_is_a_value_and_no_share_is_none():
    def chart(value: float | None) -> Chart:
        return Chart(id="x", title="X", kind="share", columns=[Column("x")], rows=[(0, (value,))], step="day")

    assert not chart(0.0).empty
    assert chart(None).empty
