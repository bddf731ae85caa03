"""Rules that need no figures of anybody's."""

from __future__ import annotations

from headgate.alerts.config import (
    AbsenceRule,
    BudgetRule,
    CostSpikeRule,
    ErrorRateRule,
    LatencyRule,
    PromptRule,
    RuleConfig,
    ThresholdRule,
    UnusualRule,
)

BUILTIN: dict[str, RuleConfig] = {
    "errors": RuleConfig(error_rate=ErrorRateRule(), by="model", severity="page"),
    "latency": RuleConfig(latency=LatencyRule(), by="model"),
    "cost": RuleConfig(cost_spike=CostSpikeRule(), severity="page"),
    "traffic": RuleConfig(absence=AbsenceRule(), severity="page"),
    "keys": RuleConfig(unusual=UnusualRule(), by="key", clear_s=1800),
    "budgets": RuleConfig(budget=BudgetRule()),
    "unpriced": RuleConfig(threshold=ThresholdRule(measure="unpriced", above=0, window_s=3600)),
    "prompts": RuleConfig(prompt=PromptRule(), repeat_s=604_800.0),
}
