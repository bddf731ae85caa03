"""What production teaches, held against a configuration and where it runs: `headgate check --production`."""

from __future__ import annotations

from headgate.production.facts import Facts, Records, Unseen
from headgate.production.lessons import LESSONS
from headgate.production.machine import Disk, Machine
from headgate.production.report import THEMES, Finding, Report, Standing, report

__all__ = [
    "LESSONS",
    "THEMES",
    "Disk",
    "Facts",
    "Finding",
    "Machine",
    "Records",
    "Report",
    "Standing",
    "Unseen",
    "report",
]
