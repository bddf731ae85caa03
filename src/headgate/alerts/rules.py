"""The rules there are, wherever they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from headgate.alerts.builtin import BUILTIN
from headgate.alerts.config import AlertsConfig, RuleConfig
from headgate.alerts.problems import KINDS
from headgate.storage.records import AlertRule

OBJECTIVES = "objectives"
"""The rule that models' objectives make."""


class Rule(msgspec.Struct, frozen=True):
    """One of them."""

    id: str
    """Its name where it comes from the file, else the id of its row."""
    name: str
    config: RuleConfig
    source: str
    """`file`, `builtin`, `database`, `objectives`."""
    organisation: str | None
    """None for every organisation."""

    @property
    def kind(self) -> str:
        """Which of the kinds it is."""
        return next((kind for kind in KINDS if getattr(self.config, kind) is not None), OBJECTIVES)

    @property
    def group(self) -> str:
        return self.config.group or self.name

    def channels(self, config: AlertsConfig) -> list[str]:
        """Where it is told."""
        names = self.config.notify
        if names is None:
            names = config.notify if config.notify is not None else list(config.channels)
        return [
            name
            for name in names
            if name in config.channels and self.config.severity in config.channels[name].severities
        ]


def configured(config: AlertsConfig) -> list[Rule]:
    """Those of a file, and those that are there without any."""
    rules = [Rule(name, name, each, "file", each.organisation) for name, each in config.rules.items()]
    if config.builtin:
        rules += [Rule(name, name, each, "builtin", None) for name, each in BUILTIN.items() if name not in config.rules]
    return rules


def made(rows: Sequence[AlertRule]) -> list[Rule]:
    """Those that people have made. One that this release cannot read is left out."""
    rules: list[Rule] = []
    for row in rows:
        if row.archived_us is None and row.enabled:
            config = decoded(row.rule)
            if config is not None:
                rules.append(Rule(row.id, row.name, config, "database", row.organisation))
    return rules


def decoded(text: Mapping[str, Any]) -> RuleConfig | None:
    """A rule as a row has it; None where a newer release wrote it."""
    try:
        return msgspec.convert(text, RuleConfig)
    except msgspec.ValidationError:
        return None
