"""Moving in from other gateways: what they were told and what they know, in our words, and a report of the move."""

from __future__ import annotations

from headgate.importing.report import Finding, Kind, Report

__all__ = ["Finding", "Kind", "Report"]
